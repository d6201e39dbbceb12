//! The relay's command line, through the built program: what it prints where, and its exit codes.

mod place;
mod snippet;
mod sources;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use place::{PROGRAM, Place, RIGHT, Ran, ran};

const NO_DESTINATIONS: &str = "warning: anytrack.toml:1: destination: no destinations, so events are stored and go \
                               nowhere; add a [[destination]]\n";

#[test]
fn check_says_ok_and_gives_advice() {
    let place = Place::with(RIGHT);
    let expected = ran(0, "anytrack.toml: ok: 1 site, 0 destinations\n", NO_DESTINATIONS);
    assert_eq!(place.run(&["check", "--config", "anytrack.toml"], b""), expected);
    assert_eq!(place.run(&["check"], b""), expected, "anytrack.toml is the default");
}

#[test]
fn check_names_every_mistake_and_no_secret() {
    let place =
        Place::with("[server]\nlisten = 5\n[[site]]\nkey = 's'\napi_keys = ['hunter 2', '${NOT_SET}']\n");
    let expected = "\
anytrack.toml:2: server.listen: expected an address and a port such as `127.0.0.1:8080`, found a whole number
anytrack.toml:5: site.s.api_keys[0]: expected visible ASCII characters without blanks; make one with \
`openssl rand -hex 32`
anytrack.toml:5: site.s.api_keys[1]: environment variable NOT_SET is not set; export it or write the value here
";
    assert_eq!(place.run(&["check"], b""), ran(1, "", expected));
}

#[test]
fn a_mistake_of_toml_names_line_and_column() {
    let place = Place::with("[server]\nlisten = \n");
    let expected =
        "anytrack.toml:2:10: not valid TOML: string values must be quoted, expected literal string\n";
    for command in [&["check"][..], &["serve"], &["preview"], &["snippet", "--site", "shop"]] {
        assert_eq!(place.run(command, b"{}"), ran(1, "", expected), "{command:?}");
    }
}

const META: &str = r#"
[[destination]]
name = "meta"
site = "shop"
platform = "meta"
pixel_id = "1234567890"
access_token = "${API_KEY}"
"#;

#[test]
fn check_counts_destinations_and_knows_their_platforms() {
    let place = Place::with(&format!("{RIGHT}{META}"));
    assert_eq!(place.run(&["check"], b""), ran(0, "anytrack.toml: ok: 1 site, 1 destination\n", ""));
    place.write(
        "anytrack.toml",
        &format!("{RIGHT}{}", META.replace("pixel_id", "pixelid").replace("API_KEY", "TOKEN")),
    );
    let Ran { code, errors, .. } = place.run(&["check"], b"");
    assert_eq!(code, Some(1));
    for line in [
        "anytrack.toml:10: destination.meta.pixel_id: missing; expected ",
        "anytrack.toml:14: destination.meta.pixelid: unknown key; did you mean `pixel_id`?\n",
        "anytrack.toml:15: destination.meta.access_token: environment variable TOKEN is not set; export it or write \
         the value here\n",
    ] {
        assert!(errors.contains(line), "{line}: {errors}");
    }
    let ran = place.run(&["preview", "--destination", "x"], b"{}");
    assert_eq!((ran.code, ran.errors), (Some(1), errors), "the configuration comes first");
    place.write("anytrack.toml", &format!("{RIGHT}{META}"));
    let expected = "there is no destination `x`; known: meta\n";
    assert_eq!(place.run(&["preview", "--destination", "x"], b"{}"), self::ran(1, "", expected));
}

/// Whoever collects logs as JSON also finds why there are none.
#[test]
fn what_keeps_the_relay_from_starting_is_one_line_of_json_where_that_was_asked_for() {
    let check = |config: &str, message: &str| {
        let ran = Place::with(config).run(&["serve", "--log-format", "json"], b"");
        assert_eq!(
            (ran.code, ran.output.as_str(), ran.errors.lines().count()),
            (Some(1), "", 1),
            "{}",
            ran.errors
        );
        let line: serde_json::Value = serde_json::from_str(&ran.errors).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &message.into()));
        assert!(
            line["timestamp"].is_string() && line["target"].is_string(),
            "as every line of the log: {line}"
        );
    };
    check(
        "[server]\nlisten = 5\n[[site]]\n",
        "anytrack.toml:2: server.listen: expected an address and a port such as `127.0.0.1:8080`, found a whole number\n\
         anytrack.toml:3: site[0].key: missing; expected the name the tag and destinations use for this site",
    );
    let place = Place::with(RIGHT);
    let ran = place.run(&["serve", "--log-format", "json", "--config", "other.toml"], b"");
    let line: serde_json::Value = serde_json::from_str(&ran.errors).unwrap();
    assert!(line["message"].as_str().unwrap().starts_with("other.toml: cannot be read ("), "{line}");
}

#[test]
fn a_time_span_without_time_in_it_is_refused() {
    let place = Place::with(&format!("{RIGHT}{META}"));
    let check = |arguments: &[&str], from: &str, to: &str| {
        let ran = place.run(&[arguments, &["--from", from, "--to", to]].concat(), b"");
        let expected = format!(
            "--from {from} is not before --to {to}, so nothing can lie between; events are taken from the first on and before the second\n"
        );
        assert_eq!(ran, self::ran(1, "", &expected), "{arguments:?}");
    };
    let (day, next) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    check(&["replay", "--destination", "meta"], next, day);
    check(&["replay", "--destination", "meta", "--dry-run"], day, day);
    check(&["export"], next, day);
}

#[test]
fn who_is_to_be_erased_is_checked_before_anything_is_opened() {
    let place = Place::with(RIGHT);
    let check = |arguments: &[&str], expected: &str| {
        let ran = place.run(&[&["erase"][..], arguments].concat(), b"");
        assert_eq!(
            (ran.code, ran.errors.as_str()),
            (Some(1), format!("{expected}\n").as_str()),
            "{arguments:?}"
        );
        assert!(!place.path("data").exists(), "{arguments:?}");
    };
    let id = "--visitor: expected the value of the cookie `_at_vid`: letters, digits, `-`, `_` and `.`";
    for visitor in ["", "a b", "visitor/../of", "jo@example.com", &"v".repeat(1000)] {
        check(&["--visitor", visitor], id);
    }
    let unusable = "not a usable value; expected";
    check(&["--email", "jo"], &format!("--email: {unusable} a whole address, such as name@example.com"));
    let national = format!("--phone: {unusable} a number with + and country code, or --country");
    check(&["--phone", "0171 2345678"], &national);
    check(&["--external-id", " "], &format!("--external-id: {unusable} the id that the site's events name"));
}

#[test]
fn a_file_to_import_is_looked_for_before_a_store_is_made() {
    let place = Place::with(RIGHT);
    std::fs::create_dir(place.path("folder.csv")).unwrap();
    for (file, why) in [("none.csv", "No such file or directory"), ("folder.csv", "is a directory")] {
        let ran = place.run(&["import", file], b"");
        assert_eq!(ran.code, Some(1), "{file}");
        assert!(ran.errors.starts_with(&format!("{file}: {why}")), "{}", ran.errors);
        assert!(!place.path("data").exists(), "{file}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = Place::with("").run(&["check", "--config", "other.toml"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.starts_with("other.toml: cannot be read ("), "{}", ran.errors);
    assert!(ran.errors.ends_with("name the right file with --config\n"), "{}", ran.errors);
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let place = Place::with(RIGHT);
    let check = |arguments: &[&str], code, words: &str| {
        let ran = place.run(arguments, b"");
        assert_eq!(ran.code, Some(code), "{arguments:?}");
        assert!(format!("{}{}", ran.output, ran.errors).contains(words), "{arguments:?}: {ran:?}");
    };
    check(&[], 2, "Usage: anytrack-relay");
    check(&["frobnicate"], 2, "unrecognized subcommand");
    check(&["snippet"], 2, "--site <KEY>");
    check(&["serve", "--log-format", "xml"], 2, "possible values: human, json");
    check(&["--version"], 0, "anytrack-relay ");
    for command in [&["--help"][..], &["check", "--help"], &["hash", "--help"], &["preview", "--help"]] {
        check(command, 0, "2  wrong usage");
    }
}

#[test]
fn hash_answers_line_by_line() {
    let input = "{\"field\":\"email\",\"raw\":\"jo@example.com\"}\n\n{\"field\":\"nose\",\"raw\":\"hidden\"}\n\
                 {\"field\":\"phone\",\"raw\":\"020 7946 0958\",\"country\":\"gb\"}";
    let ran = Place::with("").run(&["hash"], input.as_bytes());
    assert_eq!((ran.code, ran.errors.as_str()), (Some(1), ""));
    let lines: Vec<serde_json::Value> =
        ran.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["field"], &lines[2]["field"]), (&"email".into(), &"phone".into()));
    let names = |answer: &serde_json::Value| answer["platforms"].as_object().unwrap().len();
    assert!(
        [&lines[0], &lines[2]].into_iter().all(|answer| names(answer) == shared::identity::PLATFORMS.len())
    );
    // SHA-256 of jo@example.com, of 442079460958 and of +442079460958.
    let (email, digits, e164) = (
        "f4e19df2e6c609fbd59a42b9063d0fadf44260218531ea21ad8c575f205c0453",
        "35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823",
        "f0bf0228144d9fe2bdf1da2d8ca698f17bf1410ee688b075c27062e47b6f0b6d",
    );
    assert_eq!((&lines[0]["platforms"]["meta"], &lines[0]["plain"]), (&email.into(), &serde_json::json!({})));
    let phone = &lines[2]["platforms"];
    assert_eq!((&phone["meta"], &phone["google-ads"]), (&digits.into(), &e164.into()));
    assert!(lines[1]["error"].as_str().unwrap().starts_with("line 3: unknown `field`; known: email, phone"));
    assert!(!ran.output.contains("hidden"), "nothing raw is repeated in an error");
}

#[test]
fn a_digest_goes_through_hash_as_it_is() {
    let digest = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";
    let line = format!("{{\"field\":\"email\",\"raw\":\"{digest}\"}}\n");
    let ran = Place::with("").run(&["hash"], line.as_bytes());
    let answer: serde_json::Value = serde_json::from_str(&ran.output).unwrap();
    let platforms = answer["platforms"].as_object().unwrap();
    assert_eq!(platforms["meta"], digest);
    assert!(platforms.values().all(|given| given.is_null() || given == digest), "{answer}");
    assert_eq!(ran.code, Some(0));
}

#[test]
fn hash_of_nothing_is_nothing() {
    assert_eq!(Place::with("").run(&["hash"], b""), ran(0, "", ""));
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let line = b"{\"field\":\"email\",\"raw\":\"jo@example.com\"}\n";
    let mut child = Command::new(PROGRAM)
        .arg("hash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(&line.repeat(1000));
    assert_eq!(Ran::from(child.wait_with_output().unwrap()), ran(0, "", ""));
}

#[test]
fn preview_names_what_it_cannot_find() {
    let place = Place::with(RIGHT);
    let expected = "there is no destination `meta`; the configuration has none\n";
    assert_eq!(place.run(&["preview", "--destination", "meta"], b"{}"), ran(1, "", expected));
    let ran = place.run(&["preview", "nothing.json"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.starts_with("nothing.json: cannot be read ("), "{}", ran.errors);
}

#[test]
fn preview_shows_several_events_and_names_what_is_wrong_with_one() {
    let place = Place::with(&format!("{RIGHT}{META}"));
    let events = br#"{"events":[{"event":"Lead","nose":1},{"event":""}]}"#;
    let ran = place.run(&["preview"], events);
    assert_eq!(
        (ran.code, ran.errors.as_str()),
        (Some(1), "warning: events[0]: nose: unknown field, ignored\n")
    );
    let shown: serde_json::Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(shown[0][0]["destination"], "meta");
    assert_eq!(shown[1]["error"], "event: a name is required, such as \"Purchase\"");
    let single = place.run(&["preview"], br#"{"event":"Lead","nose":1}"#);
    assert_eq!((single.code, single.errors.as_str()), (Some(0), "warning: nose: unknown field, ignored\n"));
    let refused = "event: a name is required, such as \"Purchase\"\n";
    assert_eq!(place.run(&["preview"], br#"{"event":""}"#), self::ran(1, "", refused));
}

#[test]
fn preview_holds_to_the_limit_of_a_request() {
    let place = Place::with(&RIGHT.replace("[server]", "[server]\nmax_body_bytes = 1024"));
    let expected =
        "standard input: larger than 1024 bytes, the relay's limit for a request (server.max_body_bytes)\n";
    assert_eq!(place.run(&["preview"], &[b' '; 1025]), ran(1, "", expected));
}

/// The text with every variable being the one that is set where the program runs.
fn with_variables(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        let (_, after) = rest.split_once('}').expect("the name of a variable ends");
        text + "${API_KEY}" + after
    })
}

#[test]
fn the_readme_has_a_configuration_to_copy() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    assert!(readme.contains("(relay/anytrack.example.toml)"), "the README leads to the example");
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let right = ran(0, "anytrack.toml: ok: 1 site, 2 destinations, 1 source\n", "");
    assert_eq!(Place::with(&with_variables(block)).run(&["check"], b""), right);
}

#[test]
fn the_example_shows_every_key_and_names_what_it_needs() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("anytrack.example.toml");
    let text = fs::read_to_string(example).unwrap();
    let keys = "listen public_url trusted_proxies rate_limit max_connections max_body_bytes header_timeout_ms \
                body_timeout_ms answer_timeout_ms shutdown_timeout_ms request_timeout_ms backoff_base_ms backoff_cap_ms engine path dedup_days log_days visitor_days \
                dead_days traces authorization sample_percent assets key origins api_keys consent_required cookie_domain country \
                merge_window shared_identities secret previous_secret mode consent_regions country_header signals page_views make_cookies name site \
                kind platform consent look_back_days timeout_ms events endpoint";
    let of_parts = relay::tag_parts::ALL.iter().flat_map(|part| part.keys).map(|key| key.name);
    for key in keys.split_whitespace().chain(of_parts) {
        assert!(text.contains(&format!("{key} = ")), "the example shows {key}");
    }
    for part in relay::tag_parts::ALL {
        assert!(text.contains(&format!("# [site.tag.{}]", part.name)), "the example shows {}", part.name);
    }
    for kind in relay::collect::sources::ALL {
        assert!(text.contains(kind.name), "the example names {}", kind.name);
    }
    for kind in relay::platform::ALL {
        assert!(text.contains(kind.name), "the example names {}", kind.name);
    }
    let expected = "anytrack.toml:48: site.shop.api_keys[0]: environment variable SHOP_API_KEY is not set; export it \
                    or write the value here\n";
    assert_eq!(Place::with(&text).run(&["check"], b""), ran(1, "", expected));
    let ready = text.replace("${SHOP_API_KEY}", "${API_KEY}");
    assert_eq!(Place::with(&ready).run(&["check"], b"").code, Some(0));
    // What is commented out is right as well: a table's head, or a key with its value, after `# `.
    let is_setting = |line: &str| {
        let key = line.split_once(" = ").map_or("", |(key, _)| key);
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_key || line.starts_with('[')
    };
    let bare = |line: &str| match line.strip_prefix("# ").filter(|rest| is_setting(rest)) {
        Some(setting) => format!("{setting}\n"),
        None if line.starts_with('#') => "\n".to_owned(),
        None => format!("{line}\n"),
    };
    let whole: String = text.lines().map(bare).collect();
    let right = ran(0, "anytrack.toml: ok: 1 site, 1 destination, 1 source\n", "");
    assert_eq!(Place::with(&with_variables(&whole)).run(&["check"], b""), right);
}

/// Every heading that the page about imports shows is understood.
#[test]
fn the_page_about_imports_names_headings_that_there_are() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operate/import.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| field | headings |\n|---|---|\n").expect("the table of headings");
    let names = |row: &str| row.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = table.lines().take_while(|line| line.starts_with('|')).map(names).collect();
    assert!(rows.len() > 20 && rows.iter().all(|names| !names.is_empty()), "{rows:?}");
    let place = Place::with(RIGHT);
    // Names of one field exclude one another, so each file has one of each row; `time` is the first.
    for column in 0..rows.iter().map(Vec::len).max().unwrap_or_default() {
        let mut headings: Vec<&str> =
            rows.iter().filter_map(|names| names.get(column)).map(String::as_str).collect();
        if column >= rows[0].len() {
            headings.insert(0, "time");
        }
        let cells = ",".repeat(headings.len() - 1);
        place.write("deals.csv", &format!("{}\n1795183509123{cells}\n", headings.join(",")));
        let ran = place.run(&["import", "deals.csv", "--event", &format!("Lead{column}")], b"");
        assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{headings:?}: {}", ran.output);
    }
}

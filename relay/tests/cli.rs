//! The relay's command line, through the built program: what it prints where, and its exit codes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_anytrack-relay");

/// A directory with the files of one test.
struct Place(TempDir);

impl Place {
    fn with(config: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory for the test"));
        place.write("anytrack.toml", config);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file lies in a directory"))
            .expect("the directory is made");
        fs::write(path, text).expect("the file is written");
    }

    /// Runs the program here, with `input` on standard input and nothing in the environment but `API_KEY`.
    fn run(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("API_KEY", "key-from-the-environment")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A program that fails early does not read its input; that is not this test's trouble.
        let _ = child.stdin.take().expect("input is piped").write_all(input);
        Ran::from(child.wait_with_output().expect("the program ends"))
    }
}

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: Option<i32>,
    output: String,
    errors: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) }
    }
}

fn ran(code: i32, output: &str, errors: &str) -> Ran {
    Ran { code: Some(code), output: output.to_owned(), errors: errors.to_owned() }
}

const RIGHT: &str = r#"
[server]
public_url = "https://t.shop.example"

[[site]]
key = "shop"
origins = ["https://shop.example"]
api_keys = ["${API_KEY}"]
"#;

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
fn preview_holds_to_the_limit_of_a_request() {
    let place = Place::with(&RIGHT.replace("[server]", "[server]\nmax_body_bytes = 1024"));
    let expected =
        "standard input: larger than 1024 bytes, the relay's limit for a request (server.max_body_bytes)\n";
    assert_eq!(place.run(&["preview"], &[b' '; 1025]), ran(1, "", expected));
}

const SOURCE: &str = r#"
[[source]]
name = "pay"
site = "shop"
kind = "stripe"
secret = "${API_KEY}"
"#;

#[test]
fn source_test_shows_what_a_request_would_become() {
    let place = Place::with(&format!("{RIGHT}{SOURCE}"));
    assert!(place.run(&["check"], b"").output.ends_with(": ok: 1 site, 0 destinations, 1 source\n"));
    let body = r#"{"object":"event","type":"checkout.session.completed","created":1795420800,"livemode":true,
        "data":{"object":{"id":"cs_1","payment_status":"paid","amount_total":5990,"currency":"eur",
        "customer_details":{"email":"jane.doe@example.com"}}}}"#;
    // Computed apart from this program: HMAC-SHA256 of the time, a dot and the body, with the key of the environment.
    let signature = "6741a258bc2a3f5ea35b2672f41b8e7f7e0568712730f40ac6daf06b6603102c";
    let request = |headers: &str| format!("POST /v1/webhook/pay HTTP/1.1\nHost: t\n{headers}\n{body}");
    let signed = request(&format!("Stripe-Signature: t=1795420800,v1={signature}\n"));
    let at = ["source-test", "pay", "--at", "2026-11-23T08:00:30Z"];
    let ran = place.run(&at, signed.as_bytes());
    assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{}", ran.output);
    for part in
        [r#""result": "stored""#, r#""event_id": "Purchase-cs_1""#, r#""value": 59.9"#, r#""status": 200"#]
    {
        assert!(ran.output.contains(part), "{part}: {}", ran.output);
    }
    assert!(!ran.output.contains("jane.doe") && !ran.output.contains("key-from"), "{}", ran.output);
    assert!(!place.path("data").exists(), "nothing is stored");

    let late = place.run(&["source-test", "pay", "--at", "2026-11-24T08:00:30Z"], signed.as_bytes());
    assert_eq!(late.code, Some(1));
    assert!(
        late.output.contains(r#""result": "denied""#) && late.output.contains("a replay"),
        "{}",
        late.output
    );
    let unsigned = [&at[..], &["--unsigned"]].concat();
    assert_eq!(place.run(&unsigned, request("").as_bytes()).code, Some(0));
}

#[test]
fn source_test_names_what_it_cannot_use() {
    let place = Place::with(&format!("{RIGHT}{SOURCE}"));
    let check = |arguments: &[&str], input: &[u8], expected: &str| {
        assert_eq!(place.run(arguments, input), ran(1, "", expected), "{arguments:?}");
    };
    check(&["source-test", "x"], b"", "there is no source `x`; known: pay\n");
    let first = "standard input: the first line is no request line; expected one such as `POST /v1/webhook/shop HTTP/1.1`\n";
    check(&["source-test", "pay"], b"{}", first);
    let method = "standard input: this source does not take the method of the request; it takes POST\n";
    check(&["source-test", "pay"], b"GET /v1/webhook/pay HTTP/1.1\n\n", method);
    let place = Place::with(RIGHT);
    let none = "there is no source `pay`; the configuration has none; add a [[source]]\n";
    assert_eq!(place.run(&["source-test", "pay"], b""), ran(1, "", none));
}

#[test]
fn postback_url_is_ready_to_paste() {
    let sources = "[[source]]\nname = 'net'\nsite = 'shop'\nkind = 'postback'\nnetwork = 'maxbounty'\ntoken = '${API_KEY}'\n";
    let place = Place::with(&format!("{RIGHT}{SOURCE}{sources}"));
    let url = "https://t.shop.example/v1/postback/net?token=key-from-the-environment&atclid=#S2#&payout=#RATE#&offer=#CAMPAIGN_ID#&s1=#S1#\n";
    assert_eq!(place.run(&["postback-url", "net"], b""), ran(0, url, ""));
    let webhook = "https://t.shop.example/v1/webhook/pay\n";
    assert_eq!(place.run(&["postback-url", "pay"], b""), ran(0, webhook, ""));
    let none = "there is no source `x`; known: pay, net\n";
    assert_eq!(place.run(&["postback-url", "x"], b""), ran(1, "", none));
}

#[test]
fn check_says_what_a_postback_source_lacks() {
    let check = |lines: &str, expected: &str| {
        let source = format!("[[source]]\nname = 'net'\nsite = 'shop'\nkind = 'postback'\n{lines}\n");
        let ran = Place::with(&format!("{RIGHT}{source}")).run(&["check"], b"");
        assert!(ran.code == Some(1) && ran.errors.contains(expected), "{lines}: {}", ran.errors);
    };
    check("", "source.net.token: missing");
    check("token = 'short'", "source.net.token: ");
    check("token = '${API_KEY}'\nnetwork = 'cj'", "CJ calls no postback for publishers");
    check("token = '${API_KEY}'\nnetwrk = 'tune'", "did you mean `network`");
    check("token = '${API_KEY}'\nevents = { ftd = 1 }", "source.net.events.ftd: ");
    check("token = '${API_KEY}'\nparameters = { payot = 'a' }", "source.net.parameters.payot: ");
}

const TEMPLATE: &str =
    "load('__ORIGIN__','__SITE__','__WASM__','__WASM_INTEGRITY__','__TAG__','__TAG_INTEGRITY__')\n";
const MANIFEST: &str = r#"{"files":[{"name":"tag.0a1b.wasm","sha384":"AbC+/=","raw":1},{"name":"tag.2c3d.js","sha384":"dEf="}],
    "wasm":"tag.0a1b.wasm","tag_js_hashed":"tag.2c3d.js","budget":2}"#;

fn with_assets(template: &str, manifest: &str) -> Place {
    let place = Place::with(&RIGHT.replace("[[site]]", "[tag]\nassets = \"built\"\n[[site]]"));
    place.write("built/snippet.js", template);
    place.write("built/manifest.json", manifest);
    place
}

#[test]
fn snippet_is_ready_to_paste_and_its_policy_stands_aside() {
    let ran = with_assets(TEMPLATE, MANIFEST).run(&["snippet", "--site", "shop"], b"");
    let script =
        "load('https://t.shop.example','shop','tag.0a1b.wasm','sha384-AbC+/=','tag.2c3d.js','sha384-dEf=')";
    assert_eq!((ran.code, ran.output), (Some(0), format!("<script>{script}</script>\n")));
    for words in [
        "script-src 'wasm-unsafe-eval' https://t.shop.example 'sha256-",
        "connect-src https://t.shop.example;\n",
        "nonce",
        "\n  tag.2c3d.js  sha384-dEf=\n  tag.0a1b.wasm  sha384-AbC+/=",
    ] {
        assert!(ran.errors.contains(words), "{words}: {}", ran.errors);
    }
}

#[test]
fn snippet_says_what_the_tag_does_on_the_site() {
    let place = with_assets(TEMPLATE, MANIFEST);
    let text = fs::read_to_string(place.path("anytrack.toml")).unwrap();
    let check = |more: &str, expected: &str| {
        place.write("anytrack.toml", &format!("{text}\n{more}\n"));
        let ran = place.run(&["snippet", "--site", "shop"], b"");
        assert!(ran.output.starts_with(&format!("<script{expected}>load(")), "{more}: {ran:?}");
    };
    check("[site.tag]", "");
    check("[site.tag.cmp]", " data-parts data-consent=\"required\"");
    check("[site.tag]\nconsent = \"granted\"\n[site.tag.cmp]", " data-parts");
    check("[site.tag]\nconsent = \"regional\"", " data-parts data-consent=\"required\"");
    check("[site.tag]\nsignals = []\npage_views = \"load\"", " data-signals=\"\" data-auto-page=\"load\"");
    check("[site.tag]\nsignals = [\"gpc\", \"dnt\"]", " data-signals=\"gpc dnt\"");
    check("consent_required = true", " data-consent=\"required\"");
}

#[test]
fn snippet_says_what_is_missing() {
    let check = |place: &Place, site: &str, expected: &str| {
        let ran = place.run(&["snippet", "--site", site], b"");
        assert_eq!((ran.code, ran.output.as_str()), (Some(1), ""));
        assert!(ran.errors.contains(expected), "{expected}: {}", ran.errors);
    };
    let place = with_assets(TEMPLATE, MANIFEST);
    check(&place, "shp", "there is no site `shp`; known: shop");
    fs::remove_file(place.path("built/snippet.js")).unwrap();
    check(&place, "shop", "run `cargo xtask build`, or set `assets` under [tag]");
    check(&with_assets("__NEW__", MANIFEST), "shop", "unknown placeholder __NEW__");
    check(&with_assets(TEMPLATE, "{}"), "shop", "not a manifest of the tag's build");
    check(&with_assets(TEMPLATE, &MANIFEST.replace("tag.0a", "'+x")), "shop", "`wasm` is not a file name");
    let hash = MANIFEST.replace("AbC", "'");
    check(&with_assets(TEMPLATE, &hash), "shop", "`sha384 of the wasm file` is not an integrity hash");
    let unlisted = MANIFEST.replace("\"name\":\"tag.2c3d.js\"", "\"name\":\"other.js\"");
    check(
        &with_assets(TEMPLATE, &unlisted),
        "shop",
        "`sha384 of the tag_js_hashed file` is not an integrity hash",
    );
}

#[test]
fn trace_id_prints_the_number_of_an_events_trace() {
    let place = Place::with("[[site]]\nkey = \"shop\"\n");
    let ran = place.run(&["trace-id", "--site", "shop", "Purchase-88121"], b"");
    // By `printf 'trace\0shop\0Purchase-88121' | sha256sum`.
    assert_eq!((ran.code, ran.output.as_str()), (Some(0), "ed7aa88cfac06c77ffba7744faaa77f6\n"));
    assert!(place.run(&["trace-id", "--site", "shp", "x"], b"").errors.contains("there is no site `shp`"));
}

#[test]
fn site_token_prints_what_the_sites_server_would_write() {
    let (place, secret) = (Place::with(RIGHT), "secret-of-the-site-0123456789");
    let unsigned = place.run(&["site-token", "--site", "shop"], b"");
    assert!(unsigned.errors.contains("add `secret` under [site.token]"), "{unsigned:?}");
    assert!(place.run(&["site-token", "--site", "shp"], b"").errors.contains("there is no site `shp`"));
    let text = format!("{RIGHT}\n[site.token]\nsecret = \"{secret}\"\n");
    let ran = Place::with(&text).run(&["site-token", "--site", "shop", "--hours", "1"], b"");
    let token = ran.output.trim();
    let until: i64 = token.split('~').nth(1).expect("a time").parse().expect("seconds");
    assert_eq!(token, relay::collect::site_token::make(&relay::secret::Secret::new(secret), "shop", until));
    assert!((3_500..=3_600).contains(&(until - relay::clock::now().seconds())), "{until}");
}

#[test]
fn the_example_shows_every_key_and_names_what_it_needs() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("anytrack.example.toml");
    let text = fs::read_to_string(example).unwrap();
    let keys = "listen public_url trusted_proxies rate_limit max_connections max_body_bytes header_timeout_ms \
                body_timeout_ms answer_timeout_ms shutdown_timeout_ms request_timeout_ms backoff_base_ms backoff_cap_ms engine path dedup_days log_days visitor_days \
                dead_days assets key origins api_keys consent_required cookie_domain country name site platform \
                consent events endpoint";
    for key in keys.split_whitespace() {
        assert!(text.contains(&format!("{key} = ")), "the example shows {key}");
    }
    let expected = "anytrack.toml:40: site.shop.api_keys[0]: environment variable SHOP_API_KEY is not set; export it \
                    or write the value here\n";
    assert_eq!(Place::with(&text).run(&["check"], b""), ran(1, "", expected));
    let ready = text.replace("${SHOP_API_KEY}", "${API_KEY}");
    assert_eq!(Place::with(&ready).run(&["check"], b"").code, Some(0));
}

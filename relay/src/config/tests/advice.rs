//! Documents that are allowed but doubtful, and what is said about them.

use std::path::Path;

use super::super::{Advice, Document, load, parse};
use super::{KINDS, OWN, SITE, WHOLE, read, right, said, variables};
use crate::platform;

/// The advice a document that is right otherwise leads to.
fn check(text: &str, readable_by_others: bool, expected: &[&str]) {
    let loaded = read(text, readable_by_others).unwrap_or_else(|error| panic!("{error}"));
    let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said, expected, "{text}");
}

#[test]
fn what_is_missing_is_said_and_stops_nothing() {
    check(
        SITE,
        false,
        &[
            "a.toml:1: server.public_url: not set, so snippets point to http://127.0.0.1:8080; write the address browsers \
         use",
            "a.toml:1: site.shop.origins: no origins, so events from browsers are refused; list the site's pages as \
         `https://shop.example`",
            "a.toml:1: destination: no destinations, so events are stored and go nowhere; add a [[destination]]",
        ],
    );
}

#[test]
fn what_browsers_would_suffer_from_is_said() {
    let http = WHOLE.replace("https://T.shop.example", "http://t.shop.example");
    check(
        &http,
        false,
        &[
            "a.toml:4: server.public_url: http, so cookies and events travel unencrypted; put a TLS proxy in front and \
         write https here",
        ],
    );
    check(
        &WHOLE
            .replace("https://T.shop.example", "http://127.0.0.1:80")
            .replace(".shop.example\"\nc", "shop.test\"\nc"),
        false,
        &[
            "a.toml:21: site.shop.cookie_domain: browsers drop the visitor cookie unless the host of `public_url` is this domain or \
         below it",
        ],
    );
    let hidden = WHOLE
        .replace("https://T.shop.example", "https://${ADDRESS}")
        .replace("\"HTTPS://Shop.Example:443\", \"https://shop.example\", ", "");
    let warnings = right(&hidden).warnings;
    let said = warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(said.contains("cookie_domain") && !said.contains("hidden-address"), "{said}");
    check(
        &WHOLE.replace("\"127.0.0.1\", ", ""),
        false,
        &[
            "a.toml:2: server.trusted_proxies: a proxy on this machine is not trusted, so all visitors share its address; \
         add `127.0.0.1/32`",
        ],
    );
}

#[test]
fn a_proxy_that_nobody_believes_is_said_wherever_the_relay_listens() {
    let said = "a.toml:2: server.trusted_proxies: https is ended by a proxy, and none that can reach `listen` is trusted, so all \
                visitors share its address; add its network";
    let with = |listen: &str, networks: &str| {
        WHOLE
            .replace("\"127.0.0.1:0\"", &format!("\"{listen}\""))
            .replace("trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n", networks)
    };
    check(&with("192.0.2.7:80", ""), false, &[said]);
    check(&with("192.0.2.7:80", "trusted_proxies = [\"::1\", \"127.0.0.0/8\"]\n"), false, &[said]);
    check(&with("0.0.0.0:80", "trusted_proxies = []\n"), false, &[said]);
    check(&with("0.0.0.0:80", ""), false, &[]);
    check(&with("192.0.2.7:80", "trusted_proxies = [\"192.0.2.7\"]\n"), false, &[]);
    check(&with("[::]:80", "trusted_proxies = [\"fd00::/8\"]\n"), false, &[]);
}

#[test]
fn a_relay_that_is_a_third_party_to_its_site_is_said() {
    let said = "a.toml:19: site.shop.origins: none of them is under the domain of `public_url`, so browsers refuse the visitor cookie \
                as a third party's; give the relay an address under the site's own domain";
    let text = WHOLE.replace("cookie_domain = \".shop.example\"\n", "");
    let with = |origins: &str| {
        text.replace("\"HTTPS://Shop.Example:443\", \"https://shop.example\", \"null\"", origins)
    };
    check(&with("\"https://shop.test\", \"https://www.shop.test\", \"null\""), false, &[said]);
    check(&with("\"https://shop.test\", \"https://www.shop.example\""), false, &[]);
    check(&with("\"null\""), false, &[]);
    check(&with("\"http://localhost:3000\""), false, &[]);
}

#[test]
fn a_site_whose_events_go_nowhere_is_said() {
    let other = "[[site]]\nkey = \"blog\"\norigins = [\"https://blog.shop.example\"]\n";
    let line = WHOLE.lines().count() + 1;
    let said = format!(
        "a.toml:{line}: site.blog: no [[destination]] is this site's, so its events are stored and go nowhere"
    );
    check(&format!("{WHOLE}{other}"), false, &[&said]);
    let destination = format!("[[destination]]\nname = \"b\"\nsite = \"blog\"\nplatform = \"echo\"\n{OWN}");
    check(&format!("{WHOLE}{other}{destination}"), false, &[]);
}

#[test]
fn a_look_back_beyond_what_is_remembered_is_said() {
    let with = |visitor_days: u32, look_back: &str| {
        WHOLE
            .replace("dedup_days = 7\n", &format!("dedup_days = 7\nvisitor_days = {visitor_days}\n"))
            .replace("retries = 3\n", &format!("retries = 3\n{look_back}"))
    };
    let said = "a.toml:33: destination.e.look_back_days: longer than a visitor who does not come back is remembered \
                (`visitor_days` in [store] is 20), so older clicks are found only where the browser still sends them; raise that, \
                or lower this";
    check(&with(20, "look_back_days = 21\n"), false, &[said]);
    check(&with(21, "look_back_days = 21\n"), false, &[]);
    check(&with(20, ""), false, &[]);
}

#[test]
fn a_network_that_is_hardly_a_proxy_s_is_said() {
    let with = |networks: &str| WHOLE.replace("\"10.0.0.0/8\"]", &format!("{networks}]"));
    let line = WHOLE.lines().position(|line| line.starts_with("trusted_proxies")).expect("a line") + 1;
    let said = |place: usize, network: &str| {
        format!(
            "a.toml:{line}: server.trusted_proxies[{place}]: believes every address of {network}, so a client may choose the \
             address that limits, places and `allowed_ips` go by; name the proxy's own network"
        )
    };
    check(&with("\"0.0.0.0/0\", \"::/0\""), false, &[&said(1, "0.0.0.0/0"), &said(2, "::/0")]);
    check(&with("\"128.0.0.0/1\""), false, &[&said(1, "128.0.0.0/1")]);
    check(&with("\"10.0.0.0/8\", \"fc00::/7\", \"::1\""), false, &[]);
}

#[test]
fn a_key_that_can_be_guessed_is_said_and_not_shown() {
    let said = "shorter than 16 characters, so it can be guessed; make one with `openssl rand -hex 32`";
    check(
        &WHOLE.replace("literal-key-0123456789", "hunter-2-hunter"),
        false,
        &[&format!("a.toml:20: site.shop.api_keys[1]: {said}")],
    );
    check(&WHOLE.replace("literal-key-0123456789", "sixteen-letters."), false, &[]);
}

#[test]
fn what_is_readable_on_the_way_to_a_collector_is_said() {
    let plain = WHOLE.replace("https://otlp.example", "http://otlp.example");
    let line = WHOLE.lines().position(|line| line.starts_with("traces")).expect("a line") + 1;
    let said = format!(
        "a.toml:{line}: telemetry.traces: http to another machine, so the authorization travels unencrypted; use https"
    );
    check(&plain, false, &[&said]);
    check(&plain.replace("authorization = \"Bearer ${TOKEN}\"\n", ""), false, &[]);
    check(&WHOLE.replace("https://otlp.example", "http://127.0.0.1:4318"), false, &[]);
}

#[test]
fn a_tag_that_lets_go_what_nobody_takes_is_said() {
    let held = "site.shop.tag.consent: the site's `consent_required` holds events without an answer back all the same; \
                leave it out, or ask everywhere";
    let with =
        |lines: &str| WHOLE.replace("key = \"shop\"\n", &format!("key = \"shop\"\ntag = {{ {lines} }}\n"));
    check(&with("consent = 'required'"), false, &[]);
    for consent in ["granted", "regional"] {
        let text = with(&format!("consent = '{consent}'"));
        let line = 1 + text.lines().position(|line| line.starts_with("tag = ")).expect("a line");
        check(&text, false, &[&format!("a.toml:{line}: {held}")]);
    }
}

#[test]
fn regions_that_no_time_zone_tells_from_the_rest_are_said() {
    let with = |lines: &str, said: Option<&str>| {
        let text = WHOLE
            .replace("consent_required = true\n", &format!("tag = {{ consent = 'regional', {lines} }}\n"));
        let line = 1 + text.lines().position(|line| line.starts_with("tag = ")).expect("a line");
        let said = said.map(|said| format!("a.toml:{line}: {said}"));
        check(&text, false, &Vec::from_iter(said.as_deref()));
    };
    let everywhere = "site.shop.tag.consent_regions: no `country_header`, and time zones do not tell these regions from the rest, \
                      so visitors everywhere are asked; name the header";
    with("consent_regions = ['EEA', 'BR']", Some(everywhere));
    with("consent_regions = ['EEA', 'BR'], country_header = 'cf-ipcountry'", None);
    with("consent_regions = ['EEA', 'RE', 'CH']", None);
}

#[test]
fn secrets_in_an_open_file_are_said() {
    check(
        WHOLE,
        true,
        &[
            "a.toml:20: site.shop.api_keys[1]: holds a secret while every account of this machine may read the file; run \
         `chmod 640` or use ${NAME}",
        ],
    );
    let literal = WHOLE.replace(", \"literal-key-0123456789\"", "").replace("${TOKEN}", "literal");
    check(
        &literal,
        true,
        &[
            "a.toml:30: destination.e.access_token: holds a secret while every account of this machine may read the file; \
         run `chmod 640` or use ${NAME}",
        ],
    );
}

#[test]
fn a_rule_that_hardly_matches_is_said() {
    check(
        &WHOLE.replace("{ Lead =", "{ purchase ="),
        false,
        &[
            "a.toml:33: destination.e.events.purchase: event names are case-sensitive; the standard event is `Purchase`",
        ],
    );
}

#[test]
fn a_destination_that_is_still_being_tried_out_is_said() {
    let check = |destination: &str, expected: &[&str]| {
        let text = format!(
            "[server]\npublic_url = \"https://t.shop.example\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
             [[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n\
             [[destination]]\nname = \"d\"\nsite = \"shop\"\naccess_token = \"${{TOKEN}}\"\n{destination}"
        );
        let (directory, assets) = (Path::new("/etc/anytrack"), Path::new("dist/tag"));
        let document = Document { file: "a.toml", text: &text, directory, assets, readable_by_others: false };
        let loaded = parse(&document, platform::ALL, &variables).unwrap_or_else(|error| panic!("{error}"));
        let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected, "{destination}");
    };
    let said = "a.toml:13: destination.d.test_event_code: sends every event as a test, which the platform may keep out of \
                its reports; take it out when you are done";
    let (meta, tiktok) =
        ("platform = \"meta\"\npixel_id = \"1\"", "platform = \"tiktok\"\npixel_code = \"C0EXAMPLE\"");
    for platform in [meta, tiktok] {
        check(platform, &[]);
        check(&format!("{platform}\ntest_event_code = \"TEST1\""), &[said]);
    }
}

#[test]
fn an_account_that_is_only_checked_is_said() {
    let said = |more: &str| {
        said(&format!(
            "[[destination]]\nname = \"ads\"\nsite = \"shop\"\nplatform = \"google-ads\"\n\
             operating_account = \"1234567890\"\nconversion_actions = {{ Purchase = \"7\" }}\n\
             oauth = {{ client_id = \"c\", client_secret = \"${{TOKEN}}\", refresh_token = \"${{TOKEN}}\" }}\n{more}"
        ))
    };
    let expected = "a.toml:14: destination.ads.validate_only: lets the platform check every event and count none, so that \
                    nothing is reported; take it out when you are done";
    assert_eq!(said("validate_only = true"), [expected]);
    assert_eq!(said("validate_only = false"), [""; 0]);
    assert_eq!(said(""), [""; 0]);
}

#[test]
fn uploads_to_a_sandbox_are_said() {
    let said = |more: &str| {
        said(&format!(
            "[[destination]]\nname = \"ms\"\nsite = \"shop\"\nplatform = \"microsoft\"\ntag_id = \"1\"\n\
             access_token = \"${{TOKEN}}\"\n[destination.offline]\nclient_id = \"c\"\nrefresh_token = \"${{TOKEN}}\"\n\
             developer_token = \"${{TOKEN}}\"\ncustomer_id = \"1\"\naccount_id = \"2\"\n\
             conversions = {{ Lead = \"CRM lead\" }}\n{more}"
        ))
    };
    let expected = "a.toml:20: destination.ms.offline.sandbox: uploads to Microsoft's sandbox, which attributes nothing; \
                    take it out when you are done";
    assert_eq!(said("sandbox = true"), [expected]);
    assert_eq!(said("sandbox = false"), [""; 0]);
    assert_eq!(said(""), [""; 0]);
}

#[test]
fn a_stop_that_is_over_before_an_answer_is_said() {
    let of = |server: &str, delivery: &str, destination: &str| {
        let text = WHOLE
            .replace("max_connections = 2_000\n", &format!("max_connections = 2_000\n{server}\n"))
            .replace("[delivery]\n", &format!("[delivery]\n{delivery}\n"))
            .replace("retries = 3\n", &format!("retries = 3\n{destination}\n"));
        let loaded = read(&text, false).unwrap_or_else(|error| panic!("{error}"));
        loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let said = |line: usize, least_ms: u64| {
        format!(
            "a.toml:{line}: server.shutdown_timeout_ms: a stop may be over before `e` has answered, so that what was sent \
             goes again and may count twice, and from the stop on nothing more is sent there; write {least_ms} or more, or give \
             the destination a shorter `timeout_ms`"
        )
    };
    assert_eq!(of("", "", "timeout_ms = 19000"), [""; 0]);
    assert_eq!(of("", "", "timeout_ms = 19001"), [said(2, 20_001)]);
    assert_eq!(of("shutdown_timeout_ms = 10999", "", ""), [said(8, 11_000)]);
    assert_eq!(of("shutdown_timeout_ms = 11000", "", ""), [""; 0]);
    assert_eq!(of("", "request_timeout_ms = 30000", ""), [said(2, 31_000)]);
    // Nobody waits so long.
    assert_eq!(of("", "request_timeout_ms = 30000", "timeout_ms = 5000"), [""; 0]);
    let out_of_range = WHOLE.replace("retries = 3", "timeout_ms = 99");
    let said = read(&out_of_range, false).expect_err("too short").to_string();
    assert!(said.contains("destination.e.timeout_ms"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_others_may_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.toml");
    std::fs::write(&path, WHOLE.replace("${API_KEY}", "a-literal-key-1234").replace("${TOKEN}", "x"))
        .unwrap();
    let check = |mode, expected| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let warnings = load(&path, KINDS).unwrap().warnings;
        let noticed = warnings.iter().any(|warning| warning.what == Advice::ReadableSecret);
        assert_eq!(noticed, expected, "{mode:o}");
    };
    check(0o644, true);
    check(0o640, false);
}

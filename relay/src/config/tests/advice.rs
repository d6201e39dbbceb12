//! Documents that are allowed but doubtful, and what is said about them.

use super::super::{Advice, load};
use super::{KINDS, SITE, WHOLE, read};

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
            "a.toml:21: site.shop.cookie_domain: browsers drop the visitor cookie unless 127.0.0.1 is this domain or below \
         it",
        ],
    );
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

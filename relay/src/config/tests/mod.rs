//! What a configuration becomes: right documents, defaults, and no panic on any text.
//!
//! `faults`, `destination_faults`, `source_faults`, `secret_faults` and `knock_on` hold the broken documents and their exact lines,
//! `advice` and `event_names` the doubtful ones.

mod advice;
mod destination_faults;
mod event_names;
mod faults;
mod files;
mod knock_on;
mod secret_faults;
mod source_faults;

use std::path::Path;

use serde::Deserialize;
use shared::{Purpose, UnixMs};

use super::*;
use crate::platform::{Built, Call, Key, Limits, Outcome, Outgoing, Response, SettingError, Settings};

/// A platform of this test, with a required text, a required secret and an optional number and table.
#[derive(Debug)]
#[expect(dead_code, reason = "the fields are looked at through Debug")]
struct Echo {
    own: EchoSettings,
    names: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are looked at through Debug")]
struct EchoSettings {
    account: String,
    access_token: Secret,
    #[serde(default)]
    retries: u8,
    #[serde(default)]
    oauth: Option<Oauth>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Oauth {
    client_id: String,
}

impl Platform for Echo {
    fn build(&self, _: &[Outgoing<'_>], _: UnixMs) -> Built {
        Built::default()
    }
    fn read(&self, _: Call, _: &Response, events: usize, _: UnixMs) -> Vec<Outcome> {
        vec![Outcome::Delivered; events]
    }
    fn limits(&self) -> Limits {
        Limits { batch: 1, concurrency: 1, pace_ms: 0, retry_for_ms: 0 }
    }
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own = EchoSettings::deserialize(toml::de::ValueDeserializer::from(settings.own))?;
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(&own.account) {
        let expected = format!("expected digits (the token is {})", own.access_token.expose());
        return Err(SettingError::Invalid { key: "account", expected });
    }
    if own.oauth.as_ref().is_some_and(|oauth| oauth.client_id.is_empty()) {
        return Err(SettingError::Invalid { key: "oauth.client_id", expected: "expected an id".to_owned() });
    }
    Ok(Box::new(Echo { own, names: settings.names }))
}

const KINDS: &[Kind] = &[
    Kind {
        name: "echo",
        keys: &[Key::required("account", "an account, digits only")],
        standard: |_| None,
        signals: &[],
        configure,
    },
    Kind { name: "google-ads", keys: &[], standard: |_| None, signals: &[], configure },
];

fn variables(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("token-from-environment".to_owned()),
        "API_KEY" => Some("key-from-the-environment".to_owned()),
        "BLANK" => Some(" ".to_owned()),
        "ADDRESS" => Some("hidden-address".to_owned()),
        "CRLF" => Some("hunter2-hunter2-hunter2\r".to_owned()),
        _ => None,
    }
}

fn read(text: &str, readable_by_others: bool) -> Result<Loaded, ConfigError> {
    let (directory, assets) = (Path::new("/etc/anytrack"), Path::new("dist/tag"));
    let document = Document { file: "a.toml", text, directory, assets, readable_by_others };
    parse(&document, KINDS, &variables)
}

/// Reads a document that must be right.
fn right(text: &str) -> Loaded {
    read(text, false).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What is said of a site that is right and has `text` behind it, from line 7 on, with the platforms there are.
fn said(text: &str) -> Vec<String> {
    let text = format!(
        "[server]\npublic_url = \"https://t.shop.example\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n{text}"
    );
    let (directory, assets) = (Path::new("/etc/anytrack"), Path::new("dist/tag"));
    let document = Document { file: "a.toml", text: &text, directory, assets, readable_by_others: false };
    match parse(&document, crate::platform::ALL, &variables) {
        Ok(loaded) => {
            let warnings =
                loaded.warnings.into_iter().filter(|warning| warning.what != Advice::NoDestinations);
            warnings.map(|warning| warning.to_string()).collect()
        }
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// The least site.
const SITE: &str = "[[site]]\nkey = \"shop\"\n";

/// What the test platform needs.
const OWN: &str = "account = \"1\"\naccess_token = \"${TOKEN}\"\n";

/// A document with a value of its own for almost every key.
const WHOLE: &str = r#"
[server]
listen = "127.0.0.1:0"
public_url = "https://T.shop.example"
trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
rate_limit = { per_client = 5, per_site = 0x10 }
max_connections = 2_000

[store]
engine = "sqlite"
path = "data/events.db"
dedup_days = 7

[tag]
assets = "/srv/tag"

[[site]]
key = "shop"
origins = ["HTTPS://Shop.Example:443", "https://shop.example", "null"]
api_keys = ["${API_KEY}", "literal-key-0123456789"]
cookie_domain = ".shop.example"
consent_required = true
country = "gb"

[[destination]]
name = "e"
site = "shop"
platform = "echo"
account = "12"
access_token = "${TOKEN}"
retries = 3
consent = ["ad_user_data"]
events = { Lead = "contact", PageView = false }
endpoint = "http://127.0.0.1:9100"

[delivery]
backoff_base_ms = 1
backoff_cap_ms = 2

[telemetry]
traces = "https://otlp.example/otlp"
authorization = "Bearer ${TOKEN}"
sample_percent = 5
"#;

#[test]
fn a_whole_document_is_read() {
    let Loaded { config, warnings } = right(WHOLE);
    assert_eq!(warnings, []);
    let Config { server, delivery, store, tag, sites, sources, destinations, collector } = &config;
    assert_eq!(sources.len(), 0);
    assert_eq!(server.listen.to_string(), "127.0.0.1:0");
    assert_eq!(server.public_url.as_str(), "https://t.shop.example/");
    assert_eq!(
        server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1/32", "10.0.0.0/8"]
    );
    assert_eq!(server.rate_limit, RateLimit { per_client: 5, per_site: 16 });
    assert_eq!(server.max_connections, 2000);
    assert_eq!(
        (delivery.request_timeout_ms, delivery.backoff_base_ms, delivery.backoff_cap_ms),
        (10_000, 1, 2)
    );
    assert_eq!(store.path, Path::new("/etc/anytrack/data/events.db"));
    assert_eq!((store.dedup_days, store.log_days), (7, 30));
    assert_eq!(tag.assets, Path::new("/srv/tag"));
    let collector = collector.as_ref().expect("a collector");
    assert_eq!(
        (collector.url.as_str(), collector.sample_percent),
        ("https://otlp.example/otlp/v1/traces", 5)
    );
    let authorization = collector.authorization.as_ref().expect("a header");
    assert!(authorization.matches("Bearer token-from-environment"));

    let site = &sites[0];
    assert_eq!(site.origins, ["https://shop.example", "null"]);
    assert!(
        site.api_keys[0].matches("key-from-the-environment")
            && site.api_keys[1].matches("literal-key-0123456789")
    );
    assert_eq!((site.cookie_domain.as_deref(), site.country.as_deref()), (Some("shop.example"), Some("GB")));
    assert!(site.consent_required);

    let destination = &destinations[0];
    assert_eq!(
        (destination.name.as_str(), &*destination.site, destination.platform_name),
        ("e", "shop", "echo")
    );
    assert_eq!(destination.consent, [Purpose::AdUserData]);
    assert_eq!(destination.timeout_ms, 10_000);
    assert_eq!(destination.events["PageView"], EventSwitch::Off);
    assert_eq!(destination.events["Lead"], EventSwitch::Renamed("contact".into()));
    assert_eq!(destination.endpoint.as_ref().map(Url::as_str), Some("http://127.0.0.1:9100/"));
    let platform = format!("{:?}", destination.platform);
    assert!(platform.contains("account: \"12\"") && platform.contains("retries: 3"), "{platform}");
    assert!(platform.contains("names: {\"Lead\": \"contact\"}"), "{platform}");
}

#[test]
fn what_is_left_out_has_a_default() {
    let Config { server, delivery, store, tag, sites, sources, destinations, collector } = right(SITE).config;
    assert!(collector.is_none());
    assert!(sources.is_empty());
    assert_eq!(server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(server.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(
        server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1/32", "::1/128"]
    );
    assert_eq!(server.rate_limit, RateLimit { per_client: 100, per_site: 0 });
    assert_eq!((server.max_connections, server.max_body_bytes), (10_000, 512 * 1024));
    let timeouts = (server.header_timeout_ms, server.body_timeout_ms, server.answer_timeout_ms);
    assert_eq!((timeouts, server.shutdown_timeout_ms), ((30_000, 15_000, 30_000), 20_000));
    let patience = (delivery.request_timeout_ms, delivery.backoff_base_ms, delivery.backoff_cap_ms);
    assert_eq!(patience, (10_000, 1_000, 300_000));
    assert_eq!(store.path, Path::new("/etc/anytrack/data/anytrack.db"));
    assert_eq!((store.dedup_days, store.log_days, store.visitor_days, store.dead_days), (30, 30, 400, 90));
    assert_eq!(tag.assets, Path::new("dist/tag"));
    assert!(sites[0].origins.is_empty() && sites[0].api_keys.is_empty() && !sites[0].consent_required);
    assert!(destinations.is_empty());
    // An empty table is the same as none.
    let Config { server, store, .. } = right(&format!("[server]\n[store]\n[tag]\n{SITE}")).config;
    assert_eq!((server.max_connections, store.dedup_days), (10_000, 30));
}

#[test]
fn a_destination_needs_consent_unless_told_otherwise() {
    let consent = |line: &str| {
        let text = format!("{SITE}[[destination]]\nname='e'\nsite='shop'\nplatform='echo'\n{OWN}{line}");
        right(&text).config.destinations[0].consent.clone()
    };
    assert_eq!(consent(""), [Purpose::AdStorage, Purpose::AdUserData]);
    assert_eq!(consent("consent = []"), []);
    assert_eq!(
        consent("consent = ['ad_personalization', 'ad_personalization']"),
        [Purpose::AdPersonalization]
    );
}

#[test]
fn a_site_names_its_regions_each_once() {
    let regions = |lines: &str| {
        let text = format!("{SITE}[site.tag]\nconsent = 'regional'\n{lines}");
        right(&text).config.sites[0].tag.regions.clone()
    };
    assert!(regions("").is_empty());
    assert_eq!(regions("consent_regions = ['BR', 'EEA', 'BR']"), ["BR", "EEA"]);
}

#[test]
fn a_destination_waits_as_long_as_it_says_or_as_all_do() {
    let timeout = |line: &str| {
        let text = format!(
            "{SITE}[delivery]\nrequest_timeout_ms = 7000\n\
             [[destination]]\nname='e'\nsite='shop'\nplatform='echo'\n{OWN}{line}"
        );
        right(&text).config.destinations[0].timeout_ms
    };
    assert_eq!(timeout(""), 7_000);
    assert_eq!(timeout("timeout_ms = 60_000"), 60_000);
}

#[test]
fn a_configuration_prints_without_secrets() {
    let printed = format!("{:?}", right(WHOLE));
    for secret in ["token-from-environment", "key-from-the-environment", "literal-key"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(printed.contains("https://shop.example"), "it does print the rest");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.toml");
    let said = || load(&path, KINDS).unwrap_err().to_string();
    assert!(said().ends_with("; name the right file with --config"), "{}", said());
    std::fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
    assert_eq!(said(), format!("{}:2: not valid UTF-8; save the file as UTF-8", path.display()));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = read(&text, true);
    }

    #[test]
    fn no_damage_to_a_right_document_makes_it_panic(
        at in 0..WHOLE.len(), length in 0..40_usize, with in "[\\[\\]{}=\"'$.,a-z0-9ü\n ]{0,12}",
    ) {
        let end = (at + length).min(WHOLE.len());
        let text = format!("{}{with}{}", &WHOLE[..at], &WHOLE[end..]);
        match read(&text, true) {
            Ok(loaded) => {
                let _ = format!("{loaded:?}");
            }
            Err(error) => {
                let said = error.to_string();
                proptest::prop_assert!(!said.is_empty() && said.lines().all(|line| line.starts_with("a.toml:")), "{}", said);
                proptest::prop_assert!(!said.contains("from-environment"), "{}", said);
            }
        }
    }
}

//! The words an operator reads: broken configurations and exactly the lines they lead to.

use std::path::Path;

use serde::Deserialize;
use shared::{Purpose, UnixMs};

use super::*;
use crate::platform::{Built, Limits, Outcome, Outgoing, Response, SettingError, Settings};

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
    fn read(&self, _: &Response, events: usize, _: UnixMs) -> Vec<Outcome> {
        vec![Outcome::Delivered; events]
    }
    fn limits(&self) -> Limits {
        Limits { batch: 1, concurrency: 1, retry_for_ms: 0 }
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

const KINDS: &[Kind] = &[Kind { name: "echo", configure }, Kind { name: "google-ads", configure }];

fn variables(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("token-from-environment".to_owned()),
        "API_KEY" => Some("key-from-the-environment".to_owned()),
        "BLANK" => Some(" ".to_owned()),
        "ADDRESS" => Some("hidden-address".to_owned()),
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

/// The lines a broken document leads to, without the file's name.
fn check(text: &str, expected: &[&str]) {
    let said = match read(text, false) {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(error) => error.to_string(),
    };
    let said: Vec<&str> =
        said.lines().map(|line| line.strip_prefix("a.toml:").expect("names the file")).collect();
    assert_eq!(said, expected, "{text}");
}

const SITE: &str = "[[site]]\nkey = \"shop\"\n";

/// A document with a right site before `text`; what follows starts on line 3.
fn after_site(text: &str, expected: &[&str]) {
    check(&format!("{SITE}{text}"), expected);
}

/// A document with a right site and a destination whose own keys are `text`, from line 7 on.
fn in_destination(text: &str, expected: &[&str]) {
    after_site(
        &format!("[[destination]]\nname = \"e\"\nsite = \"shop\"\nplatform = \"echo\"\n{text}"),
        expected,
    );
}

const OWN: &str = "account = \"1\"\naccess_token = \"${TOKEN}\"\n";

#[test]
fn mistakes_of_toml_itself_name_line_and_column() {
    check("[server\n", &["1:8: not valid TOML: unclosed table, expected `]`"]);
    check(
        "a = 1\na = 2\nb = \n",
        &[
            "2:1: not valid TOML: duplicate key",
            "3:5: not valid TOML: string values must be quoted, expected literal string",
        ],
    );
    check("key = 'ü' x", &["1:11: not valid TOML: unexpected key or value, expected newline, `#`"]);
}

#[test]
fn unknown_keys_are_errors_with_a_guess() {
    after_site("[sever]\n", &["3: sever: unknown key; did you mean `server`?"]);
    after_site(
        "[server]\nlisten-on = \"x\"\nlisen = 1\n",
        &[
            "4: server.listen-on: unknown key; did you mean `listen`?",
            "5: server.lisen: unknown key; did you mean `listen`?",
        ],
    );
    after_site(
        "[store]\ncolour = 1\n",
        &[
            "4: store.colour: unknown key; known here: engine, path, dedup_days, log_days, visitor_days, dead_days",
        ],
    );
    after_site(
        "[server]\nrate_limit = { per_clint = 1 }\n",
        &["4: server.rate_limit.per_clint: unknown key; did you mean `per_client`?"],
    );
    after_site("orgins = []\n", &["3: site.shop.orgins: unknown key; did you mean `origins`?"]);
    after_site(
        "\"a\\u0007b\" = 1\n[tag]\nasset = 'x'\n",
        &[
            "3: site.shop.\"a\\u{7}b\": unknown key; known here: key, origins, api_keys, cookie_domain, \
         consent_required, country",
            "5: tag.asset: unknown key; did you mean `assets`?",
        ],
    );
}

#[test]
fn the_server_is_checked() {
    let check = |line: &str, expected: &[&str]| after_site(&format!("[server]\n{line}\n"), expected);
    let listen = "expected an address and a port such as `127.0.0.1:8080`";
    check("listen = \"127.0.0.1\"", &[&format!("4: server.listen: {listen}, found `127.0.0.1`")]);
    check("listen = \"127.0.0.1:99999\"", &[&format!("4: server.listen: {listen}, found `127.0.0.1:99999`")]);
    check("listen = 8080", &[&format!("4: server.listen: {listen}, found a whole number")]);
    let url = "4: server.public_url: expected the relay's public address without a path, such as \
               `https://t.shop.example`, found";
    check("public_url = \"t.shop.example\"", &[&format!("{url} `t.shop.example`")]);
    check("public_url = \"https://t.shop.example/x\"", &[&format!("{url} `https://t.shop.example/x`")]);
    check(
        "trusted_proxies = [\"10.0.0.0/8\", \"10.0.0.0/40\", \"::1\"]",
        &[
            "4: server.trusted_proxies[1]: expected a network or address such as `10.0.0.0/8` or `127.0.0.1`, \
         found `10.0.0.0/40`",
        ],
    );
    check(
        "trusted_proxies = \"10.0.0.0/8\"",
        &[
            "4: server.trusted_proxies: expected a list of which each is a network or address such as `10.0.0.0/8` or `127.0.0.1`, found a text",
        ],
    );
    check(
        "max_connections = 0",
        &["4: server.max_connections: expected a whole number from 1 to 1000000, found 0"],
    );
    check(
        "idle_timeout_ms = 99999999999999999999999",
        &[
            "4: server.idle_timeout_ms: expected a whole number from 100 to 3600000, found 99999999999999999999999",
        ],
    );
    check("max_body_bytes = \"1 MB\"", &["4: server.max_body_bytes: expected a whole number, found a text"]);
    check("rate_limit = 5", &["4: server.rate_limit: expected a table, found a whole number"]);
    check(
        "rate_limit = { per_client = -1 }",
        &["4: server.rate_limit.per_client: expected a whole number from 0 to 1000000, found -1"],
    );
}

#[test]
fn store_and_tag_are_checked() {
    after_site(
        "[store]\nengine = \"redis\"\nlog_days = 0\npath = \" \"\nvisitor_days = 500",
        &[
            "4: store.engine: expected `sqlite`, found `redis`",
            "5: store.log_days: expected a whole number from 1 to 3650, found 0",
            "6: store.path: expected a path, found ` `",
            "7: store.visitor_days: expected a whole number from 1 to 400, found 500",
        ],
    );
    after_site("[tag]\nassets = true", &["4: tag.assets: expected a path, found true or false"]);
}

#[test]
fn sites_are_checked() {
    check("", &["1: site: missing; expected at least one [[site]] with a key"]);
    check(
        "[site]\nkey = 'shop'",
        &["1: site: expected a list of tables, each under `[[site]]`, found a table"],
    );
    check("site = [1]", &["1: site[0]: expected a table, found a whole number"]);
    check(
        "[[site]]\n",
        &["1: site[0].key: missing; expected the name the tag and destinations use for this site"],
    );
    let name = "expected a name of 1 to 64 letters, digits, `-`, `_` or `.`";
    check("[[site]]\nkey = 'my shop'", &[&format!("2: site.\"my shop\".key: {name}, found `my shop`")]);
    after_site(SITE, &["4: site.shop.key: site key `shop` is taken since line 2; choose another"]);
    let origin =
        "expected a scheme and host without a path or wildcard such as `https://shop.example`, found";
    after_site(
        "origins = ['https://shop.example', 'https://shop.example/cart',\n '*']",
        &[
            &format!("3: site.shop.origins[1]: {origin} `https://shop.example/cart`"),
            &format!("4: site.shop.origins[2]: {origin} `*`"),
        ],
    );
    after_site(
        "cookie_domain = 'com'\ncountry = 'GBR'\nconsent_required = 'yes'",
        &[
            "3: site.shop.cookie_domain: expected a domain such as `shop.example`, found `com`",
            "4: site.shop.country: expected a country's two letters such as `GB` (ISO 3166-1), found `GBR`",
            "5: site.shop.consent_required: expected true or false, found a text",
        ],
    );
}

#[test]
fn api_keys_are_checked_and_never_shown() {
    let weak =
        "expected at least 16 visible ASCII characters without blanks; make one with `openssl rand -hex 32`";
    after_site(
        "api_keys = ['hunter2', 'a key with blanks in it', 5]",
        &[
            &format!("3: site.shop.api_keys[0]: {weak}"),
            &format!("3: site.shop.api_keys[1]: {weak}"),
            "3: site.shop.api_keys[2]: expected a text, found a whole number",
        ],
    );
    after_site(
        "api_keys = ['${API_KEY}']\n[[site]]\nkey = 'b'\napi_keys = ['key-from-the-environment']",
        &["6: site.b.api_keys[0]: this API key is in use since line 3; make another, for example with \
         `openssl rand -hex 32`"],
    );
}

#[test]
fn destinations_are_checked() {
    after_site(
        "[[destination]]\n",
        &[
            "3: destination[0].name: missing; expected a name of its own for this destination",
            "3: destination[0].site: missing; expected the key of a [[site]]",
            "3: destination[0].platform: missing; expected a platform: echo, google-ads",
        ],
    );
    after_site(
        "[[destination]]\nname = 'e'\nsite = 'shp'\nplatform = 'google_ads'\n",
        &[
            "5: destination.e.site: unknown site `shp`; did you mean `shop`?",
            "6: destination.e.platform: unknown platform `google_ads`; did you mean `google-ads`?",
        ],
    );
    after_site(
        "[[destination]]\nname = 'e'\nsite = 'x'\nplatform = 'myspace'\n",
        &[
            "5: destination.e.site: unknown site `x`; known here: shop",
            "6: destination.e.platform: unknown platform `myspace`; known here: echo, google-ads",
        ],
    );
    let again = format!("{OWN}[[destination]]\nname = \"e\"\nsite = \"shop\"\nplatform = \"echo\"\n{OWN}");
    in_destination(
        &again,
        &["10: destination.e.name: destination `e` is taken since line 4; choose another"],
    );
    let endpoint =
        "expected an address without a path such as `http://127.0.0.1:9100`, found `127.0.0.1:9100`";
    in_destination(
        &format!("{OWN}endpoint = '127.0.0.1:9100'"),
        &[&format!("9: destination.e.endpoint: {endpoint}")],
    );
    in_destination(
        &format!("{OWN}consent = ['ad_storage', 'ads', 'ad_userdata']"),
        &[
            "9: destination.e.consent[1]: unknown purpose `ads`; known here: ad_storage, ad_user_data, ad_personalization",
            "9: destination.e.consent[2]: unknown purpose `ad_userdata`; did you mean `ad_user_data`?",
        ],
    );
    let switch = "expected the event's name at the platform, or false to switch it off";
    in_destination(
        &format!("{OWN}events = {{ Lead = 5, PageView = true, Search = '' }}"),
        &[
            &format!("9: destination.e.events.Lead: {switch}, found a whole number"),
            &format!("9: destination.e.events.PageView: {switch}, found `true`"),
            &format!("9: destination.e.events.Search: {switch}, found ``"),
        ],
    );
}

#[test]
fn settings_of_a_platform_are_said_in_the_same_words() {
    let needs = "missing; expected a value, because the platform needs it";
    in_destination(
        "",
        &[&format!("3: destination.e.account: {needs}"), &format!("3: destination.e.access_token: {needs}")],
    );
    in_destination(
        &format!("{OWN}acount = 1\nevnts = {{}}\nfoo = 2"),
        &[
            "9: destination.e.acount: unknown key; did you mean `account`?",
            "10: destination.e.evnts: unknown key; did you mean `events`?",
            "11: destination.e.foo: unknown key; known here: account, access_token, retries, oauth, name, site, \
         platform, consent, events, endpoint",
        ],
    );
    in_destination(
        "account = '1'\naccess_token = 123456789\nretries = 'many'\n",
        &[
            "8: destination.e.access_token: expected a text, found a whole number",
            "9: destination.e.retries: expected a whole number of 0 or more, found a text",
        ],
    );
    in_destination(
        &format!("{OWN}[destination.oauth]\nclient_id = 1\n"),
        &["10: destination.e.oauth.client_id: expected a text, found a whole number"],
    );
    in_destination(
        &format!("{OWN}oauth = {{ client = '1' }}\n"),
        &["9: destination.e.oauth.client: unknown key; did you mean `client_id`?"],
    );
    in_destination(&format!("{OWN}oauth = {{}}\n"), &[&format!("9: destination.e.oauth.client_id: {needs}")]);
    in_destination(
        &format!("{OWN}oauth = {{ client_id = '' }}\n"),
        &["9: destination.e.oauth.client_id: expected an id"],
    );
    // A platform that quotes a secret is not let through.
    in_destination(
        "account = 'one'\naccess_token = \"${TOKEN}\"",
        &["7: destination.e.account: expected digits (the token is ********)"],
    );
    in_destination(
        "account = 'one'\naccess_token = 'literal-token'",
        &["7: destination.e.account: expected digits (the token is ********)"],
    );
}

#[test]
fn references_to_the_environment_are_checked_everywhere() {
    in_destination(
        "account = '1'\naccess_token = \"${NO_TOKEN}\"\nfoo = 1",
        &[
            "8: destination.e.access_token: environment variable NO_TOKEN is not set; export it or write the value here",
            "9: destination.e.foo: unknown key; known here: account, access_token, retries, oauth, name, site, \
         platform, consent, events, endpoint",
        ],
    );
    in_destination(
        "account = \"${NOPE}\"\naccess_token = \"${BLANK}\"",
        &[
            "7: destination.e.account: environment variable NOPE is not set; export it or write the value here",
            "8: destination.e.access_token: environment variable BLANK is blank; give it a value or write the value here",
        ],
    );
    in_destination(
        &format!("{OWN}oauth = {{ client_id = \"${{A}}\" }}"),
        &[
            "9: destination.e.oauth.client_id: environment variable A is not set; export it or write the value here",
        ],
    );
    let reference = "`${` must be followed by a variable's name and `}`, as in `${NAME}`; write `$${` for the \
                     characters themselves";
    after_site("api_keys = ['${API KEY}']", &[&format!("3: site.shop.api_keys[0]: {reference}")]);
    // A message quotes the file, never the environment.
    after_site(
        "[server]\nlisten = '${ADDRESS}'",
        &["4: server.listen: expected an address and a port such as `127.0.0.1:8080`, found `${ADDRESS}`"],
    );
}

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
"#;

#[test]
fn a_whole_document_is_read() {
    let Loaded { config, warnings } = right(WHOLE);
    assert_eq!(warnings, []);
    let Config { server, store, tag, sites, destinations } = &config;
    assert_eq!(server.listen.to_string(), "127.0.0.1:0");
    assert_eq!(server.public_url.as_str(), "https://t.shop.example/");
    assert_eq!(
        server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1/32", "10.0.0.0/8"]
    );
    assert_eq!(server.rate_limit, RateLimit { per_client: 5, per_site: 16 });
    assert_eq!(server.max_connections, 2000);
    assert_eq!(store.path, Path::new("/etc/anytrack/data/events.db"));
    assert_eq!((store.dedup_days, store.log_days), (7, 30));
    assert_eq!(tag.assets, Path::new("/srv/tag"));

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
    assert_eq!(destination.events["PageView"], EventSwitch::Off);
    assert_eq!(destination.events["Lead"], EventSwitch::Renamed("contact".into()));
    assert_eq!(destination.endpoint.as_ref().map(Url::as_str), Some("http://127.0.0.1:9100/"));
    let platform = format!("{:?}", destination.platform);
    assert!(platform.contains("account: \"12\"") && platform.contains("retries: 3"), "{platform}");
    assert!(platform.contains("names: {\"Lead\": \"contact\"}"), "{platform}");
}

#[test]
fn what_is_left_out_has_a_default() {
    let Config { server, store, tag, sites, destinations } = right(SITE).config;
    assert_eq!(server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(server.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(
        server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1/32", "::1/128"]
    );
    assert_eq!(server.rate_limit, RateLimit { per_client: 100, per_site: 0 });
    assert_eq!((server.max_connections, server.max_body_bytes), (10_000, 512 * 1024));
    let timeouts = (
        server.header_timeout_ms,
        server.body_timeout_ms,
        server.idle_timeout_ms,
        server.shutdown_timeout_ms,
    );
    assert_eq!(timeouts, (10_000, 15_000, 60_000, 20_000));
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
fn advice_is_given_and_stops_nothing() {
    let check = |text: &str, readable, expected: &[&str]| {
        let loaded = read(text, readable).unwrap_or_else(|error| panic!("{error}"));
        let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected, "{text}");
    };
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
            "a.toml:20: site.shop.cookie_domain: browsers drop the visitor cookie unless 127.0.0.1 is this domain or below \
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
    check(
        WHOLE,
        true,
        &[
            "a.toml:19: site.shop.api_keys[1]: holds a secret while every account of this machine may read the file; run \
         `chmod 640` or use ${NAME}",
        ],
    );
    let literal = WHOLE.replace(", \"literal-key-0123456789\"", "").replace("${TOKEN}", "literal");
    check(
        &literal,
        true,
        &[
            "a.toml:29: destination.e.access_token: holds a secret while every account of this machine may read the file; \
         run `chmod 640` or use ${NAME}",
        ],
    );
    check(
        &WHOLE.replace("{ Lead =", "{ purchase ="),
        false,
        &[
            "a.toml:32: destination.e.events.purchase: event names are case-sensitive; the standard event is `Purchase`",
        ],
    );
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

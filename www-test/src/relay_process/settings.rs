//! The relay's configuration for tests and benchmarks: one site, Meta and a webhook at sandboxes.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Key of the one site.
pub const SITE: &str = "shop";
/// Key for `POST /v1/track`.
pub const API_KEY: &str = "key-for-tests-0123456789";
/// Access token of the Meta destination.
pub const META_TOKEN: &str = "token-for-tests";
/// Signing secret of the webhook: `whsec_` and base64.
pub const WEBHOOK_SECRET: &str = "whsec_c2VjcmV0LWZvci10ZXN0cy1vZi0zMi1ieXRlcyE=";

/// What differs between tests.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base address of the sandbox that plays Meta; without it there is no such destination.
    pub meta: Option<String>,
    /// Base address of the sandbox that receives the webhook; without it there is no such destination.
    pub webhook: Option<String>,
    /// Further `[[destination]]` tables, whole, as the configuration file has them; see [`destination`].
    pub more: String,
    /// Origin of the pages that may send events.
    pub origin: String,
    /// Country whose phone numbers come without a country code.
    pub country: Option<&'static str>,
    /// Further keys of the site's table and tables below it (`[site.tag]`), whole, as the configuration file has them.
    pub site: String,
    /// Directory of the tag's build, when the relay is to serve it.
    pub tag_assets: Option<PathBuf>,
    /// Whether Meta is given the visitor id: without it, and without a public client address as behind a real
    /// proxy, an anonymous event carries too little identity for Meta to take.
    pub visitor_id_as_external_id: bool,
    /// First wait between attempts at most, in milliseconds.
    pub backoff_base_ms: u64,
    /// Any wait of the relay's own choice at most, in milliseconds.
    pub backoff_cap_ms: u64,
    /// How long a platform may take to answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long a client may take for its headers, in milliseconds.
    pub header_timeout_ms: u64,
    /// How long a client may take for its body, in milliseconds.
    pub body_timeout_ms: u64,
}

impl Default for Settings {
    /// Patience of milliseconds instead of minutes, so that a test sees many attempts in a second.
    fn default() -> Self {
        Self {
            meta: None,
            webhook: None,
            more: String::new(),
            origin: "https://shop.example".to_owned(),
            country: None,
            site: String::new(),
            tag_assets: None,
            visitor_id_as_external_id: false,
            backoff_base_ms: 5,
            backoff_cap_ms: 50,
            request_timeout_ms: 1_000,
            header_timeout_ms: 10_000,
            body_timeout_ms: 15_000,
        }
    }
}

/// A `[[destination]]` table of a platform that is played at `url`, named like the platform, with these keys.
pub fn destination(platform: &str, url: &str, keys: &str) -> String {
    format!("\n{}endpoint = \"{url}\"\n{keys}\n", head(platform))
}

/// How a destination's table begins.
fn head(platform: &str) -> String {
    format!("[[destination]]\nname = \"{platform}\"\nsite = \"{SITE}\"\nplatform = \"{platform}\"\n")
}

/// The database below a bed's directory.
pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join("data").join("anytrack.db")
}

impl Settings {
    /// The configuration file of a relay that listens on `address` and keeps its files in `directory`.
    pub(super) fn to_toml(&self, address: SocketAddr, directory: &Path) -> String {
        let Self { backoff_base_ms, backoff_cap_ms, request_timeout_ms, .. } = self;
        let (header, body) = (self.header_timeout_ms, self.body_timeout_ms);
        let database = database(directory);
        let mut text = format!(
            r#"[server]
listen = "{address}"
public_url = "http://{address}"
rate_limit = {{ per_client = 0, per_site = 0 }}
header_timeout_ms = {header}
body_timeout_ms = {body}

[delivery]
backoff_base_ms = {backoff_base_ms}
backoff_cap_ms = {backoff_cap_ms}
request_timeout_ms = {request_timeout_ms}

[store]
path = {database:?}

[[site]]
key = "{SITE}"
origins = ["{origin}", "{other}"]
api_keys = ["{API_KEY}"]
"#,
            origin = self.origin,
            // The same machine's other name, which to a browser is another site.
            other = self.origin.replace("127.0.0.1", "localhost"),
        );
        self.add_options(&mut text);
        self.add_destinations(&mut text);
        text
    }

    /// What follows the first keys of the `[[site]]` table: the others, what is below it, and `[tag]`.
    fn add_options(&self, text: &mut String) {
        if let Some(country) = self.country {
            let _infallible = writeln!(text, "country = \"{country}\"");
        }
        let _infallible = writeln!(text, "{}", self.site);
        if let Some(assets) = &self.tag_assets {
            let _infallible = writeln!(text, "\n[tag]\nassets = {assets:?}");
        }
    }

    fn add_destinations(&self, text: &mut String) {
        if let Some(url) = &self.meta {
            let (visitor, own) = (self.visitor_id_as_external_id, head("meta"));
            let _infallible = write!(
                text,
                "{own}pixel_id = \"1234567890\"\naccess_token = \"{META_TOKEN}\"\nendpoint = \"{url}\"\n\
                 visitor_id_as_external_id = {visitor}\n"
            );
        }
        if let Some(url) = &self.webhook {
            let own = format!(
                "url = \"{url}/webhook/{SITE}\"\nsecret = \"{WEBHOOK_SECRET}\"\nallow_private = true\n"
            );
            let _infallible = write!(text, "{}{own}", head("webhook"));
        }
        let _infallible = write!(text, "\n{}", self.more);
    }
}

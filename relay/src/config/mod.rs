//! Configuration: one TOML file, read once at the start, checked as a whole before anything runs.
//!
//! Owns the types every room takes its settings from, the defaults, and the way from a file to them ([`load`]).
//! A file is either right in every part or refused with *all* that is wrong in it, each with its line and key, so
//! that an operator mends it in one go. What a platform needs stays with the platform: it reads its own keys.
//!
//! Rooms: `parse` turns the document into types, `reader` takes values out of a table and notes what is wrong,
//! `expand` fills in `${NAME}`, `files` reads what a value names, `settings` hands a platform its keys (with `shape`, `spot`,
//! `stand_in` and `quote` to tell all that is wrong with them), `secrets` and `event_name` know what is hardly meant, `error` has
//! the words, `env` the environment.

mod advice;
pub mod env;
mod error;
mod event_name;
mod expand;
mod files;
mod notes;
mod origin;
mod parse;
mod quote;
mod reader;
mod secrets;
mod settings;
mod shape;
mod spot;
mod stand_in;
mod suggest;
#[cfg(test)]
mod tests;
pub(crate) mod written;

pub use advice::{Advice, Warning};
pub use error::{ConfigError, Fault, Note, Place, Problem};
pub use parse::{Document, parse};

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;
use shared::Purpose;
use url::Url;

use crate::collect::sources::{self, Door};
use crate::platform::{Kind, Platform};
use crate::secret::Secret;
use crate::tag_parts;

/// Everything the relay was told. Prints without secrets.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`: how the relay is reached.
    pub server: Server,
    /// `[delivery]`: how patiently events are sent.
    pub delivery: Delivery,
    /// `[store]`: where events are kept, and for how long.
    pub store: StoreSettings,
    /// `[tag]`: the browser module it hands out.
    pub tag: TagSettings,
    /// `[[site]]`: whose events it takes; at least one, in the file's order.
    pub sites: Vec<Site>,
    /// `[[source]]`: who else reports, by webhook or postback, in the file's order.
    pub sources: Vec<Source>,
    /// `[[destination]]`: where they go, in the file's order.
    pub destinations: Vec<Destination>,
    /// `[telemetry]`: who is given traces. Default: nobody.
    pub collector: Option<Collector>,
}

/// `[server]`: how the relay is reached, and what one client may ask of it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address and port to listen on. Default `127.0.0.1:8080`; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Scheme and host under which browsers reach the relay, path `/`. Default: `http://` and `listen`.
    pub public_url: Url,
    /// Networks whose word about the client's address is believed. Default: this machine.
    pub trusted_proxies: Vec<IpNet>,
    /// How much one sender may send.
    pub rate_limit: RateLimit,
    /// Most connections open at once. Default 10 000.
    pub max_connections: usize,
    /// Largest request body, in bytes. Default [`shared::limits::BODY`].
    pub max_body_bytes: usize,
    /// Longest wait for a request's head, which is also how long a connection may stay open between two requests.
    /// Default 30 s.
    pub header_timeout_ms: u64,
    /// Longest wait for a request's body. Default 15 s.
    pub body_timeout_ms: u64,
    /// Longest wait for a client to take its answers whole. Default 30 s.
    pub answer_timeout_ms: u64,
    /// How long requests under way may take in an orderly stop, and deliveries after them. Default 20 s each.
    pub shutdown_timeout_ms: u64,
}

/// `rate_limit`: events a second, with a burst. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// For one client address. Default 100.
    pub per_client: u32,
    /// For one site. Default 0.
    pub per_site: u32,
}

/// `[delivery]`: how patiently events are sent to platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Longest wait for a platform's whole answer, where a destination does not say another. Default 10 s.
    pub request_timeout_ms: u64,
    /// Longest first pause after a failure; it doubles from there. Default 1 s.
    pub backoff_base_ms: u64,
    /// Longest pause the relay chooses by itself. Default 5 min.
    pub backoff_cap_ms: u64,
}

/// `[store]`: where events are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Which engine. Default `sqlite`.
    pub engine: Engine,
    /// Its file. Default `data/anytrack.db` beside the configuration.
    pub path: PathBuf,
    /// How long an event id or order id is remembered, so that a repeat does not count. Default 30 days.
    pub dedup_days: u32,
    /// How long an event stays in the log once every destination has settled it. Default 30 days.
    pub log_days: u32,
    /// How long a visitor who does not come back is remembered. Default 400 days, the longest life browsers
    /// grant a cookie (RFC 6265bis, section 5.5).
    pub visitor_days: u32,
    /// How long an event that could not be delivered is kept for the operator to look at. Default 90 days.
    pub dead_days: u32,
}

/// `[telemetry]`: a collector of traces.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Where traces are sent: the collector's address and `/v1/traces`.
    pub url: Url,
    /// Value of the `authorization` header. Default: no such header.
    pub authorization: Option<Secret>,
    /// How many of a hundred events are traced. Default 100.
    pub sample_percent: u8,
}

/// An engine of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, in one file.
    Sqlite,
}

/// `[tag]`: the browser module the relay hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSettings {
    /// The directory the tag's build made. Default: `tag` beside the program if that exists, else `dist/tag`.
    pub assets: PathBuf,
}

/// `[[site]]`: one shop or page collection whose events are taken.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name, unique: what the tag and every destination call it.
    pub key: Arc<str>,
    /// Pages that may send from a browser: `scheme://host[:port]` in lower case without a default port, or `null`.
    pub origins: Vec<String>,
    /// Keys for `POST /v1/track`. No two sites share one, because the key says which site is speaking.
    pub api_keys: Vec<Secret>,
    /// `Domain` of the visitor cookie, without a leading dot. Without it the cookie belongs to the relay's host.
    pub cookie_domain: Option<String>,
    /// Whether an event that says nothing about consent is held back. Default false; a denial always forbids.
    pub consent_required: bool,
    /// How long further reports of a conversion are waited for before it goes out, in milliseconds, by its name. Default
    /// none: everything goes out at once.
    pub merge_window: BTreeMap<String, i64>,
    /// Identity keys that prove nothing because many share them, such as the shop's own address.
    pub shared_identities: Vec<String>,
    /// ISO 3166-1 alpha-2 code, upper case: the country of phone numbers written without one.
    pub country: Option<String>,
    /// `[site.token]`: whether its server signs who may report from a browser. Default: nobody is asked.
    pub token: Option<SiteToken>,
    /// `[site.tag]`: what its pages' tag does beyond what every tag does.
    pub tag: SiteTag,
}

/// `[site.token]`: what a site's server signs its pages with.
#[derive(Clone, Debug)]
pub struct SiteToken {
    /// What it signs with.
    pub secret: Secret,
    /// What it signed with before, while that is replaced.
    pub previous_secret: Option<Secret>,
    /// What becomes of events without a good token. Default: they are refused.
    pub mode: TokenMode,
}

/// What becomes of events without a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMode {
    /// They are refused.
    Require,
    /// They are counted and taken.
    Report,
    /// They are taken.
    Off,
}

/// `[site.tag]`: the tag on one site's pages.
#[derive(Clone, Debug)]
pub struct SiteTag {
    /// What holds before a visitor has answered. Default: `required` where `consent_required` is set or a consent manager is
    /// listened to, else `granted`.
    pub consent: Asking,
    /// Where visitors are asked, for `regional`: alpha-2 codes of countries, and `EEA`. Default, empty here: `EEA`, `GB`, `CH`.
    pub regions: Vec<String>,
    /// Header in which a proxy in front names the visitor's country, for `regional`.
    pub country_header: Option<HeaderName>,
    /// Signals of the browser that count as a denial. Default: Global Privacy Control.
    pub signals: Vec<Refusing>,
    /// Which page views are reported. Default: all.
    pub page_views: PageViews,
    /// Cookies of platforms that the relay makes where they are missing. Default: none.
    pub make_cookies: Vec<MadeCookie>,
    /// The parts that are loaded, in the order of [`tag_parts::ALL`].
    pub parts: Vec<tag_parts::Chosen>,
}

/// What holds before a visitor has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Events go.
    Granted,
    /// Nothing is stored or sent.
    Required,
    /// As `Required` in the site's regions, which are the European Economic Area, the United Kingdom and Switzerland unless it
    /// names others; elsewhere as `Granted`.
    Regional,
}

/// A signal by which a browser says no for its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusing {
    /// Global Privacy Control.
    Gpc,
    /// Do Not Track.
    Dnt,
}

/// Which page views the tag reports by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageViews {
    /// On load, and whenever the path or query of the address changes.
    History,
    /// The same, also when what follows `#` changes.
    Hash,
    /// On load only.
    Load,
    /// None.
    Off,
}

/// A platform's first-party cookie that the relay may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeCookie {
    /// Meta's browser id.
    Fbp,
    /// Meta's click.
    Fbc,
    /// Microsoft's visitor id.
    Uetvid,
    /// Google Analytics' client id.
    Ga,
}

impl SiteTag {
    /// The tag of a site that says nothing about it.
    pub fn plain(consent_required: bool) -> Self {
        Self {
            consent: if consent_required { Asking::Required } else { Asking::Granted },
            regions: Vec::new(),
            country_header: None,
            signals: vec![Refusing::Gpc],
            page_views: PageViews::History,
            make_cookies: Vec::new(),
            parts: Vec::new(),
        }
    }
}

/// `[[source]]`: one sender of webhooks or postbacks.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name, unique: the last part of its address, and in logs and metrics.
    pub name: String,
    /// Key of the site whose events it reports.
    pub site: Arc<str>,
    /// Name of its kind.
    pub kind_name: &'static str,
    /// Where its requests arrive.
    pub door: Door,
    /// The source, set up.
    pub source: Arc<dyn sources::Source>,
    /// How long the relay remembers ids: `store.dedup_days`.
    pub dedup_days: u32,
}

/// `[[destination]]`: one account at a platform.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Its name, unique: in logs, metrics and the store's cursor.
    pub name: String,
    /// Key of the site whose events it gets.
    pub site: Arc<str>,
    /// Name of the platform.
    pub platform_name: &'static str,
    /// The platform, set up.
    pub platform: Arc<dyn Platform>,
    /// What the visitor must have agreed to. Default `ad_storage` and `ad_user_data`.
    pub consent: Vec<Purpose>,
    /// Whether silence about consent holds an event back: what the site says.
    pub consent_required: bool,
    /// Oldest click it is told of, in days; `None` for every age. Default: the platform's own window.
    pub look_back_days: Option<u16>,
    /// Longest wait for the platform's whole answer. Default: that of `[delivery]`.
    pub timeout_ms: u64,
    /// Events switched off or renamed here.
    pub events: BTreeMap<String, EventSwitch>,
    /// Replaces scheme and host of every address of the platform.
    pub endpoint: Option<Url>,
}

/// What a destination does with an event by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSwitch {
    /// Never sent here.
    Off,
    /// Sent under this name.
    Renamed(String),
}

/// A configuration without fault, and what an operator should think about all the same.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is allowed but hardly meant, by line.
    pub warnings: Vec<Warning>,
}

/// Reads and checks the file at `path`, with the platforms of `kinds` and the environment's variables.
///
/// # Errors
/// When the file cannot be read or anything in it is wrong; then with everything that is.
pub fn load(path: &Path, kinds: &[Kind]) -> Result<Loaded, ConfigError> {
    let file = path.display().to_string();
    let bytes = fs::read(path).map_err(|source| ConfigError::Read { file: file.clone(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::not_text(&file, &error))?;
    let assets = default_assets();
    let document = Document {
        file: &file,
        text: &text,
        directory: path.parent().unwrap_or(Path::new("")),
        assets: &assets,
        readable_by_others: readable_by_others(path),
    };
    parse(&document, kinds, &env::variable)
}

/// Where the tag's files are when nobody says.
fn default_assets() -> PathBuf {
    let beside = env::program_directory().map(|directory| directory.join("tag"));
    beside.filter(|path| path.is_dir()).unwrap_or_else(|| PathBuf::from("dist/tag"))
}

/// Whether accounts other than the owner's may read the file. Unknown counts as no.
#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> bool {
    false
}

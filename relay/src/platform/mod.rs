//! Platforms: an ad network each, as two pure functions. One file per platform, one line in [`ALL`].
//!
//! `build` turns events into requests described as data, and says of every event it leaves out why; `read` turns
//! an answer into one outcome per event. A platform never sends, waits, logs or reads a clock; it knows only
//! `shared` and this module. Consent and the on/off switch per event are decided before it is asked.

pub mod meta;
pub mod outcome;
pub mod request;
pub mod webhook;

pub use outcome::{Outcome, Skip, SkipReason};
pub use request::{Body, Header, Request, Response};

use std::collections::BTreeMap;

use shared::{Event, UnixMs};

/// One configured account at a platform: settings read, able to build and to read. Pure.
pub trait Platform: Send + Sync + std::fmt::Debug {
    /// Requests for `events`, and why the others were left out. Every index of `events` occurs exactly once in
    /// the result, in a request or in a skip. Requests respect the platform's limits on number, age and size.
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built;

    /// What became of the events of one request, one outcome for each, in the request's order.
    fn read(&self, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome>;

    /// How this platform wants to be called.
    fn limits(&self) -> Limits;
}

/// An event on its way out, with the name the destination gives it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The enriched event.
    pub event: &'a Event,
    /// Site key, for platforms whose body names it.
    pub site: &'a str,
    /// The operator's own name for this event at this destination (`events = { Lead = "custom" }`), if any.
    pub renamed: Option<&'a str>,
}

/// What `build` returns.
#[derive(Debug, Default)]
pub struct Built {
    /// Requests, each with the places of its events in the input.
    pub requests: Vec<Planned>,
    /// Events that will not be sent, by place in the input.
    pub skips: Vec<(usize, Skip)>,
}

/// One request and the events it carries.
#[derive(Debug)]
pub struct Planned {
    /// What to send.
    pub request: Request,
    /// Places in the input of `build`, in the order the request holds them.
    pub events: Vec<usize>,
}

/// How a platform wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most events the worker hands to one call of `build`.
    pub batch: usize,
    /// Most requests in flight at once.
    pub concurrency: usize,
    /// How long after the first attempt an event is still worth a retry, in milliseconds. Bounded by the
    /// platform's own deduplication window, because a retry after it would count twice.
    pub retry_for_ms: i64,
}

/// How a kind of platform is set up: its name and its reader of settings.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Name in the configuration.
    pub name: &'static str,
    /// Reads the platform's own settings.
    pub configure: fn(Settings) -> Result<Box<dyn Platform>, SettingError>,
}

/// The platform's part of a `[[destination]]` table: everything but the keys all destinations share.
#[derive(Debug)]
pub struct Settings {
    /// The platform's own keys, values still carrying their place in the file.
    pub own: toml::Spanned<toml::de::DeValue<'static>>,
    /// `endpoint`: replaces scheme and host of every address.
    pub endpoint: Option<url::Url>,
    /// `events`, the names only: our event → the name there. Switched-off events never reach a platform.
    pub names: BTreeMap<String, String>,
}

/// A setting that cannot be: which key, and what was expected instead.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value that reads but is not valid.
    #[error("`{key}`: {expected}")]
    Invalid {
        /// The key inside the destination's table.
        key: &'static str,
        /// What would have been right.
        expected: String,
    },
    /// A key that is missing, unknown or of the wrong type.
    #[error(transparent)]
    Shape(#[from] toml::de::Error),
}

/// Every platform, in the order of the documentation. The only registry: configuration, preview, metrics and the
/// golden tests walk it.
pub const ALL: &[Kind] = &[];

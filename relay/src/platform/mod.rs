//! Platforms: an ad network each, as two pure functions. One file per platform, one line in [`ALL`].
//!
//! `build` turns events into requests described as data, and says of every event it leaves out why; `read`
//! turns an answer into one outcome per event. A platform never sends, waits, logs or reads a clock; it knows
//! only `shared` and this module. Consent and the on/off switch per event are decided before it is asked.
//!
//! Rooms: a file or folder per platform, each in the same order (limits and API version, settings, request,
//! response, tests); and what they share: `settings`, `request`, `outcome`, `answer` (what every answer means
//! before its body is read), `batch` (grouping), `naming` (names of events), `person`, `page`, `goods` and `refund` (parts
//! of an event), `number` (JSON numbers), `address` (public or private), `quality` (how well an event can be matched),
//! `credentials` (tokens that must be fetched), `inquiries` (answers that come later), `trial` (test events), `postback` (networks that know a
//! click and nothing else), `query` (addresses that say everything).

pub mod address;
mod answer;
mod batch;
pub mod credentials;
mod goods;
pub mod google_ads;
pub mod inquiries;
pub mod meta;
pub mod microsoft;
mod naming;
mod number;
pub mod outbrain;
pub mod outcome;
mod page;
mod person;
mod postback;
pub mod quality;
mod query;
pub mod refund;
pub mod request;
pub mod settings;
pub mod taboola;
pub mod tiktok;
pub mod trial;
pub mod webhook;

pub use credentials::{Credentials, Grant};
pub use inquiries::{Fate, Finding, Findings, Found, Inquiries, Receipt};
pub use outcome::{Outcome, Skip, SkipReason};
pub(crate) use person::must_ask;
pub use quality::{Quality, Signal};
pub use refund::Restates;
pub use request::{Body, Header, Request, Response, Text};
pub use settings::{Key, SettingError, Settings};
pub use trial::Trial;

use shared::identity::{Field, Take, taken_by};
use shared::{Event, Sha256Hex, UnixMs};

/// One configured account at a platform: settings read, able to build and to read. Pure.
pub trait Platform: Send + Sync + std::fmt::Debug {
    /// Requests for `events`, and why the others were left out. Every index of `events` occurs exactly once
    /// in the result, in a request or in a skip. Requests respect the platform's limits on number, age and
    /// size.
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built;

    /// What became of the events of one request, one outcome for each, in the request's order. `call` is that of
    /// the request.
    fn read(&self, call: Call, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome>;

    /// What an answer says of events that were taken all the same, where the operator may want to mend it. In words of ours, or
    /// quoted as in a reason: an answer may repeat what was sent.
    fn remark(&self, _call: Call, _response: &Response) -> Option<String> {
        None
    }

    /// How this platform wants to be called.
    fn limits(&self) -> Limits;

    /// Whether a call has credentials or an interface of its own, so that its trouble says nothing of the other calls: a
    /// refused upload of refunds must not stop the purchases.
    fn apart(&self, _call: Call) -> bool {
        false
    }

    /// Whether calls that stand apart have a login of their own, so that they go on while the others are refused theirs.
    fn has_second_login(&self) -> bool {
        false
    }

    /// How an access token is fetched, where requests need one that is not in the settings.
    fn credentials(&self) -> Option<&dyn Credentials> {
        None
    }

    /// How it takes an order that is sent again, where it takes what is said last for the order's value.
    fn restates(&self) -> Option<Restates> {
        None
    }

    /// How to ask what became of a request, where the answer at once does not say.
    fn inquiries(&self) -> Option<&dyn Inquiries> {
        None
    }

    /// Events for which the settings say where they go, by their names.
    fn mapped(&self) -> Vec<&str> {
        Vec::new()
    }

    /// How the account is tried out with an event that nobody caused.
    fn trial(&self, _event: &Outgoing<'_>, _now: UnixMs) -> Trial {
        Trial::None
    }
}

/// Which of a platform's calls a request is, in the platform's own words. Answers are read by it.
pub type Call = &'static str;

/// An event on its way out, with the name the destination gives it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The enriched event.
    pub event: &'a Event,
    /// Site key, for platforms whose body names it.
    pub site: &'a str,
    /// The operator's own name for this event at this destination (`events = { Lead = "custom" }`), if any.
    pub renamed: Option<&'a str>,
    /// The same for the order that a refund takes back, where the order is known under another name than Purchase too.
    pub order_renamed: Option<&'a str>,
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
    /// Which of the platform's calls it is.
    pub call: Call,
    /// What to send.
    pub request: Request,
    /// Places in the input of `build`, in the order the request holds them.
    pub events: Vec<usize>,
    /// How well each of these events can be matched; empty where the platform matches nobody.
    pub quality: Vec<Quality>,
}

/// How a platform wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most events the worker hands to one call of `build`.
    pub batch: usize,
    /// Most requests in flight at once.
    pub concurrency: usize,
    /// Least distance between two requests, in milliseconds, where the platform counts them; else 0.
    pub pace_ms: u64,
    /// How long after the first attempt an event is still worth a retry, in milliseconds. Bounded by the
    /// platform's own deduplication window, because a retry after it would count twice.
    pub retry_for_ms: i64,
}

/// How a kind of platform is set up: its name, its keys and its reader of settings.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Name in the configuration.
    pub name: &'static str,
    /// Its own keys, in the order of the documentation.
    pub keys: &'static [Key],
    /// Its own name for one of our standard events, where it has one of its own accord. Mapping and documentation
    /// both ask this.
    pub standard: fn(&str) -> Option<&'static str>,
    /// What it matches people by, the strongest first; empty where it matches nobody.
    pub signals: &'static [Signal],
    /// Reads the platform's own settings.
    pub configure: fn(Settings) -> Result<Box<dyn Platform>, SettingError>,
}

/// Every platform, in the order of the documentation. The only registry: configuration, preview, metrics and
/// the golden tests walk it.
pub const ALL: &[Kind] = &[
    meta::KIND,
    google_ads::KIND,
    tiktok::KIND,
    microsoft::KIND,
    outbrain::KIND,
    taboola::KIND,
    webhook::KIND,
];

/// Every digest of a field in the form that `shared` keeps for this platform, which is also what `hash`
/// shows.
fn digests(platform: &str, event: &Event, field: Field) -> Vec<Sha256Hex> {
    match taken_by(platform, field) {
        Take::Hashed(form) => event.user.digests(field, form),
        Take::Clear | Take::Nothing => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serde lists the fields of a struct when it meets an unknown one; those must be the documented keys.
    #[test]
    fn the_documented_keys_are_the_keys_that_are_read() {
        for kind in ALL {
            let error = (kind.configure)(settings::tests::settings("zzz = 1")).expect_err("`zzz` is no key");
            let error = error.to_string();
            let (_, listed) = error.split_once(", expected ").expect("serde lists the fields");
            let listed: Vec<&str> = listed.split('`').skip(1).step_by(2).take(kind.keys.len() + 1).collect();
            let mut documented: Vec<&str> = kind.keys.iter().map(|key| key.name).collect();
            // toml adds "in `key`" after the list.
            documented.extend(listed.get(documented.len()).filter(|word| **word == "zzz"));
            assert_eq!(listed, documented, "{}", kind.name);
        }
    }

    #[test]
    fn every_required_key_is_demanded() {
        for kind in ALL {
            let error = (kind.configure)(settings::tests::settings("")).expect_err("keys are required");
            assert!(
                kind.keys.iter().any(|key| key.required && error.to_string().contains(key.name)),
                "{error}"
            );
        }
    }
}

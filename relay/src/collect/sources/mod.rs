//! Sources: what shops, payment services, affiliate networks and CRMs report by webhook or postback, behind one trait.
//!
//! A source is one file: it says whether a request is genuine, judged by its raw bytes, and what events it means. It is
//! pure: time is an argument, nothing is fetched, stored or logged. What it makes is a [`Draft`], which passes the same
//! checks as an event of our own API; raw personal data travels there in a type that wipes itself.
//!
//! Rooms: a file or folder per source (`mapped` is the one that the configuration itself describes), each in the same order
//! (settings, authenticity, topics, mapping, tests), and what they share. Of the way through: `inbound` (the request), `allowed` (who may send), `reading`
//! (what comes out of it), `answer` (what its sender is told), `take` (from request to events), `door` (the route), `recorded`
//! (requests out of files). Of senders: `signature` and `login` (who sends), `json` (lenient fields of a known body), `tree` (a body
//! of any shape), `form`, `amount` and `manner` (amounts and times), `carried` (our names in foreign data), `fields` (foreign names of our
//! fields), `stages` (foreign names of our events), `settings`. A new source is one file, one line in [`ALL`], one folder of
//! recorded requests.

mod allowed;
mod amount;
pub mod answer;
pub mod calendly;
mod carried;
pub mod clickbank;
pub mod digistore24;
pub mod door;
mod fields;
mod form;
pub mod gohighlevel;
pub mod hubspot;
pub mod inbound;
pub mod jotform;
mod json;
mod login;
mod manner;
pub mod mapped;
pub mod pipedrive;
pub mod postback;
pub mod reading;
pub mod recorded;
pub mod settings;
pub mod shopify;
pub(super) mod signature;
mod stages;
pub mod stripe;
pub mod take;
#[cfg(test)]
mod testing;
mod tree;
pub mod typeform;
pub mod woocommerce;

pub use answer::{Answer, Settled};
pub use inbound::{Door, Inbound};
pub use reading::{Denied, Found, Reading, Unreadable};
pub use settings::Settings;

use std::fmt;

use crate::platform::settings::{Key, SettingError};

use super::draft::Draft;

/// One configured source: settings read, able to judge and to read. Pure.
pub trait Source: Send + Sync + fmt::Debug {
    /// Whether the request comes from who it should, judged before anything in it is believed. Secrets are compared in
    /// constant time.
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied>;

    /// What the request means. Events have ids that are the same however often and by whatever way the fact is
    /// reported, because senders repeat themselves.
    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable>;

    /// The query to paste behind the source's address at its sender, with the sender's own placeholders and the
    /// source's token; for senders whose address has one.
    fn query_template(&self) -> Option<String> {
        None
    }

    /// What the sender is told. Some count any failure against us, some take one word only.
    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::usual(settled)
    }
}

/// How a kind of source is set up: its name, its route, its keys and its reader of settings.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Name in the configuration.
    pub name: &'static str,
    /// Where its requests arrive.
    pub door: Door,
    /// Its own keys, in the order of the documentation.
    pub keys: &'static [Key],
    /// Reads the source's own settings.
    pub configure: fn(Settings) -> Result<Box<dyn Source>, SettingError>,
}

/// Every kind of source, in the order of the documentation. The only registry: configuration, documentation and the
/// recorded requests walk it.
pub const ALL: &[Kind] = &[
    shopify::KIND,
    woocommerce::KIND,
    stripe::KIND,
    postback::KIND,
    clickbank::KIND,
    digistore24::KIND,
    hubspot::KIND,
    pipedrive::KIND,
    gohighlevel::KIND,
    calendly::KIND,
    typeform::KIND,
    jotform::KIND,
    mapped::KIND,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// serde lists the fields of a struct when it meets an unknown one; those must be the documented keys.
    #[test]
    fn the_documented_keys_are_the_keys_that_are_read() {
        for kind in ALL {
            let error = (kind.configure)(settings::tests::settings("zzz = 1")).expect_err("`zzz` is no key");
            let error = error.to_string();
            let listed = error.split_once("expected ").map_or("", |(_, listed)| listed);
            let listed: Vec<&str> = listed.split('`').skip(1).step_by(2).take(kind.keys.len() + 1).collect();
            let mut documented: Vec<&str> = kind.keys.iter().map(|key| key.name).collect();
            // toml adds "in `key`" after the list.
            documented.extend(listed.get(documented.len()).filter(|word| **word == "zzz"));
            assert_eq!(listed, documented, "{}", kind.name);
        }
    }

    #[test]
    fn every_required_key_is_demanded() {
        for kind in ALL.iter().filter(|kind| kind.keys.iter().any(|key| key.required)) {
            let error = (kind.configure)(settings::tests::settings("")).expect_err("keys are required");
            let named = |key: &Key| key.required && error.to_string().contains(key.name);
            assert!(kind.keys.iter().any(named), "{error}");
        }
    }
}

//! Meta's `user_data`: who an event is about, and whether that is enough.
//!
//! Hashes come ready from `shared` in the form Meta documents; client address, user agent, `fbc` and `fbp` are never
//! hashed (page "customer information parameters", read 2026-11-23).

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;
use shared::identity::{Field, Form, Sha256Hex};
use shared::{Event, UnixMs};

use super::click;
use crate::platform::address::client_address;
use crate::platform::{Skip, SkipReason};

/// Meta's names for what identifies a visitor, in the order of its page.
#[derive(Debug, Default, Serialize)]
pub(super) struct UserData<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    em: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ph: Vec<Sha256Hex>,
    #[serde(rename = "fn", skip_serializing_if = "Vec::is_empty")]
    first_name: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ln: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ge: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    db: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ct: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    st: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    zp: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    country: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_id: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbc: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbp: Option<&'a str>,
}

impl<'a> UserData<'a> {
    /// Everything known of the visitor of an event.
    ///
    /// With `visitor_id` an event without an external id gets the hash of the visitor id: one more way to join a
    /// visitor's events, useful only where the browser pixel's advanced matching carries the same value.
    pub(super) fn of(event: &'a Event, now: UnixMs, visitor_id: bool) -> Self {
        let plain = |field| event.user.digests(field, Form::Plain);
        let mut external_id = plain(Field::ExternalId);
        if let (true, true, Some(id)) = (visitor_id, external_id.is_empty(), &event.visitor_id) {
            external_id.push(Sha256Hex::of(&id.to_lowercase()));
        }
        Self {
            em: plain(Field::Email),
            ph: event.user.digests(Field::Phone, Form::Digits),
            first_name: plain(Field::FirstName),
            ln: plain(Field::LastName),
            ge: plain(Field::Gender),
            db: plain(Field::BirthDate),
            ct: plain(Field::City),
            st: plain(Field::Region),
            zp: plain(Field::PostalCode),
            country: plain(Field::Country),
            external_id,
            client_ip_address: event.context.ip.as_deref().and_then(client_address),
            client_user_agent: event.context.user_agent.as_deref().filter(|agent| !agent.trim().is_empty()),
            fbc: click::fbc(event, now),
            fbp: click::fbp(event),
        }
    }

    /// Refuses what Meta would refuse with subcode 2804050: an event whose identifiers all lie within one of
    /// [`TOO_LITTLE`]. One such event would take its whole batch with it.
    pub(super) fn check(&self) -> Result<(), Skip> {
        let present = self.present();
        if !TOO_LITTLE.iter().any(|set| present.iter().all(|name| set.contains(name))) {
            return Ok(());
        }
        let known = if present.is_empty() { "nothing".to_owned() } else { present.join(", ") };
        let detail = format!(
            "Meta cannot match a visitor by {known} alone; an e-mail, a phone or a click id would do"
        );
        Err(Skip::new(SkipReason::NoIdentifier, detail))
    }

    /// Names of the fields that hold something.
    fn present(&self) -> Vec<&'static str> {
        let lists = [
            ("em", &self.em),
            ("ph", &self.ph),
            ("fn", &self.first_name),
            ("ln", &self.ln),
            ("ge", &self.ge),
            ("db", &self.db),
            ("ct", &self.ct),
            ("st", &self.st),
            ("zp", &self.zp),
            ("country", &self.country),
            ("external_id", &self.external_id),
        ];
        let singles = [
            ("client_ip_address", self.client_ip_address.is_some()),
            ("client_user_agent", self.client_user_agent.is_some()),
            ("fbc", self.fbc.is_some()),
            ("fbp", self.fbp.is_some()),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, _)| name);
        lists.chain(singles.into_iter().filter(|(_, there)| *there).map(|(name, _)| name)).collect()
    }
}

/// Combinations that are too little, each with all its subsets (error reference of subcode 2804050).
const TOO_LITTLE: [&[&str]; 4] = [
    &["ct", "country", "st", "zp", "ge", "client_user_agent"],
    &["db", "client_user_agent"],
    &["fn", "ge"],
    &["ln", "ge"],
];

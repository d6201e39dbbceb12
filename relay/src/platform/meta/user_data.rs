//! Meta's `user_data`: who an event is about, and whether that is enough.
//!
//! Hashes come ready from `shared` in the form Meta documents; client address, user agent, `fbc`, `fbp` and the
//! id of a lead are never hashed (page "customer information parameters", read 2026-11-23).

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;
use shared::identity::{Field, Sha256Hex};
use shared::{Event, UnixMs};

use super::{click, lead};
use crate::platform::address::client_address;
use crate::platform::person::{external_ids, user_agent};
use crate::platform::{Quality, Signal, Skip, SkipReason, digests};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_id: Option<u64>,
}

impl<'a> UserData<'a> {
    /// Everything known of the visitor of an event; `visitor_id` as in [`external_ids`].
    pub(super) fn of(event: &'a Event, now: UnixMs, visitor_id: bool) -> Self {
        let hashed = |field| digests("meta", event, field);
        Self {
            em: hashed(Field::Email),
            ph: hashed(Field::Phone),
            first_name: hashed(Field::FirstName),
            ln: hashed(Field::LastName),
            ge: hashed(Field::Gender),
            db: hashed(Field::BirthDate),
            ct: hashed(Field::City),
            st: hashed(Field::Region),
            zp: hashed(Field::PostalCode),
            country: hashed(Field::Country),
            external_id: external_ids("meta", event, visitor_id),
            client_ip_address: event.context.ip.as_deref().and_then(client_address),
            client_user_agent: user_agent(event),
            fbc: click::fbc(event, now),
            fbp: click::fbp(event),
            lead_id: lead::id(event),
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

    /// How well Meta can match the visitor.
    pub(super) fn quality(&self) -> Quality {
        let present = self.present();
        Quality::of(&SIGNALS, |name| present.contains(&name))
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
            ("lead_id", self.lead_id.is_some()),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, _)| name);
        lists.chain(singles.into_iter().filter(|(_, there)| *there).map(|(name, _)| name)).collect()
    }
}

/// What Meta matches by, in the three ranks of its help centre's page on event match quality; the page on best practices
/// adds client address and user agent (both read 2026-11-23). Meta publishes an order and no numbers.
pub(super) const SIGNALS: [Signal; 16] = [
    Signal::documented("em", 30),
    Signal::documented("fbc", 30),
    Signal::documented("ph", 15),
    Signal::documented("external_id", 10),
    Signal::documented("fbp", 10),
    Signal::documented("db", 6),
    Signal::documented("country", 6),
    Signal::documented("client_ip_address", 5),
    Signal::documented("client_user_agent", 5),
    Signal::documented("ln", 4),
    Signal::documented("fn", 4),
    Signal::documented("ct", 3),
    Signal::documented("zp", 3),
    Signal::documented("lead_id", 3),
    Signal::ours("st", 1),
    Signal::ours("ge", 1),
];

/// Combinations that are too little, each with all its subsets (error reference of subcode 2804050).
const TOO_LITTLE: [&[&str]; 4] = [
    &["ct", "country", "st", "zp", "ge", "client_user_agent"],
    &["db", "client_user_agent"],
    &["fn", "ge"],
    &["ln", "ge"],
];

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_420_800_000);

    /// An event with these fields besides the needed ones, as JSON.
    fn event(fields: &str) -> Event {
        let json = format!(
            r#"{{"event":"Lead","event_id":"1","time":0,"source":"web","visitor_id":"V-1",{fields}}}"#
        );
        serde_json::from_str(&json).expect(fields)
    }

    fn check_identity(fields: &str, enough: bool) {
        let event = event(fields);
        let user_data = UserData::of(&event, NOW, false);
        let refused = user_data.check().err().map(|skip| skip.reason);
        assert_eq!(
            refused,
            (!enough).then_some(SkipReason::NoIdentifier),
            "{fields}: {:?}",
            user_data.present()
        );
    }

    fn user(fields: &[&str]) -> String {
        let digest = "0".repeat(64);
        let fields: Vec<String> = fields.iter().map(|name| format!(r#""{name}":["{digest}"]"#)).collect();
        format!(r#""user":{{{}}}"#, fields.join(","))
    }

    #[test]
    fn what_meta_cannot_match_is_too_little() {
        let agent = r#","context":{"user_agent":"UA"}"#;
        check_identity(r#""user":{}"#, false);
        check_identity(r#""context":{"user_agent":"UA"}"#, false);
        check_identity(
            &format!("{}{agent}", user(&["city", "country", "region", "postal_code", "gender"])),
            false,
        );
        check_identity(&format!("{}{agent}", user(&["birth_date"])), false);
        check_identity(&user(&["first_name", "gender"]), false);
        check_identity(&user(&["last_name", "gender"]), false);
        check_identity(&user(&["first_name"]), false);
    }

    #[test]
    fn a_lead_of_metas_own_form_is_somebody() {
        let mut event = event(r#""properties":{"lead_id":"1234567890123456"}"#);
        assert!(UserData::of(&event, NOW, false).check().is_err(), "no CRM says so");
        event.source = shared::event::Source::Crm;
        let user_data = UserData::of(&event, NOW, false);
        assert!(user_data.check().is_ok());
        assert_eq!(user_data.quality().signals(), ["lead_id"]);
        let written = serde_json::to_string(&user_data).expect("writable");
        assert_eq!(written, r#"{"lead_id":1234567890123456}"#);
    }

    #[test]
    fn anything_beyond_is_enough() {
        let agent = r#","context":{"user_agent":"UA"}"#;
        for field in ["email", "phone", "external_id"] {
            check_identity(&user(&[field]), true);
        }
        check_identity(&format!("{}{agent}", user(&["first_name"])), true);
        check_identity(&user(&["first_name", "last_name"]), true);
        check_identity(&user(&["birth_date", "city"]), true);
        check_identity(r#""context":{"ip":"203.0.113.9"}"#, true);
        check_identity(r#""context":{"ip":"10.0.0.1"}"#, false);
        check_identity(r#""cookies":{"_fbp":"fb.1.1.2"}"#, true);
        check_identity(r#""cookies":{"_fbp":"broken"}"#, false);
        check_identity(r#""click_ids":{"fbclid":"IwAR0"}"#, true);
    }
}

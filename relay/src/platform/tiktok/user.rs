//! TikTok's `user`: who an event is about, and whether that is enough.
//!
//! Hashes come ready from `shared` in the form TikTok documents; city, state and country stand in clear, click,
//! browser, address, agent and locale as they are (page "parameters", read 2026-11-23). Names and postal code are one
//! text each, the others lists.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;
use shared::Event;
use shared::identity::{Field, Form, Sha256Hex};

use super::click;
use crate::platform::address::client_address;
use crate::platform::person::{external_ids, user_agent};
use crate::platform::{Quality, Signal, digests};

/// TikTok's names for what identifies a visitor, in the order of its page.
#[derive(Debug, Default, Serialize)]
pub(super) struct User<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    email: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phone: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_id: Vec<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_code: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttclid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
}

impl<'a> User<'a> {
    /// Everything known of the visitor of an event; `visitor_id` as in [`external_ids`].
    pub(super) fn of(event: &'a Event, visitor_id: bool) -> Self {
        let first = |field| digests(PLATFORM, event, field).into_iter().next();
        let clear = |field| event.user.clear.given_to(PLATFORM, field);
        Self {
            email: digests(PLATFORM, event, Field::Email),
            phone: phones(event),
            external_id: external_ids(PLATFORM, event, visitor_id),
            first_name: first(Field::FirstName),
            last_name: first(Field::LastName),
            city: clear(Field::City),
            state: clear(Field::Region),
            country: clear(Field::Country),
            zip_code: first(Field::PostalCode),
            ttclid: click::ttclid(event),
            ttp: click::ttp(event),
            ip: event.context.ip.as_deref().and_then(client_address),
            user_agent: user_agent(event),
            locale: event.context.language.as_deref().filter(|tag| is_language_tag(tag)),
        }
    }

    /// Whether one of [`IDENTIFIERS`] is there.
    pub(super) fn is_identified(&self) -> bool {
        self.present().iter().any(|name| IDENTIFIERS.contains(name))
    }

    /// How well TikTok can match the visitor.
    pub(super) fn quality(&self) -> Quality {
        let present = self.present();
        Quality::of(&SIGNALS, |name| present.contains(&name))
    }

    /// Names of the fields that hold something.
    fn present(&self) -> Vec<&'static str> {
        let fields = [
            ("email", !self.email.is_empty()),
            ("phone", !self.phone.is_empty()),
            ("external_id", !self.external_id.is_empty()),
            ("first_name", self.first_name.is_some()),
            ("last_name", self.last_name.is_some()),
            ("city", self.city.is_some()),
            ("state", self.state.is_some()),
            ("country", self.country.is_some()),
            ("zip_code", self.zip_code.is_some()),
            ("ttclid", self.ttclid.is_some()),
            ("ttp", self.ttp.is_some()),
            ("ip", self.ip.is_some()),
            ("user_agent", self.user_agent.is_some()),
            ("locale", self.locale.is_some()),
        ];
        fields.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
}

const PLATFORM: &str = "tiktok";

/// Every phone in both of TikTok's forms, which differ for country code 86 only: its tag-manager template asks for
/// the bare national number there, its parameter page for E.164 everywhere. Nobody has measured which one TikTok
/// compares, and the field takes a list, so both go.
fn phones(event: &Event) -> Vec<Sha256Hex> {
    let mut phones = digests(PLATFORM, event, Field::Phone);
    for digest in event.user.digests(Field::Phone, Form::E164) {
        if !phones.contains(&digest) {
            phones.push(digest);
        }
    }
    phones
}

/// Whether `text` has the shape of a BCP 47 tag, as TikTok wants the locale: `de`, `de-DE`, `zh-Hant-TW`.
fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_language = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    is_language && text.len() <= LONGEST_TAG && parts.all(is_part)
}

/// RFC 5646, section 4.4.1.
const LONGEST_TAG: usize = 35;

/// Of these TikTok wants at least one. Its pages name no combination that is too little, so one is enough; agent,
/// locale, names and places alone are nobody.
const IDENTIFIERS: [&str; 6] = ["email", "phone", "external_id", "ttclid", "ttp", "ip"];

/// What TikTok matches by. Its set-up page for the web recommends the first seven and ranks none of them (read
/// 2026-11-23); order and points are ours, after what connectors advise.
pub(super) const SIGNALS: [Signal; 14] = [
    Signal::ours("ttclid", 40),
    Signal::ours("email", 30),
    Signal::ours("phone", 20),
    Signal::ours("external_id", 10),
    Signal::ours("ttp", 10),
    Signal::ours("ip", 5),
    Signal::ours("user_agent", 5),
    Signal::ours("zip_code", 2),
    Signal::ours("last_name", 2),
    Signal::ours("first_name", 2),
    Signal::ours("city", 1),
    Signal::ours("state", 1),
    Signal::ours("country", 1),
    Signal::ours("locale", 1),
];

#[cfg(test)]
mod tests {
    use shared::identity::Raw;

    use super::*;

    /// An event with these fields besides the needed ones, as JSON.
    fn event(fields: &str) -> Event {
        let json = format!(
            r#"{{"event":"Lead","event_id":"1","time":0,"source":"web","visitor_id":"V-1",{fields}}}"#
        );
        serde_json::from_str(&json).expect(fields)
    }

    fn user(names: &[&str]) -> String {
        let digest = "0".repeat(64);
        let fields: Vec<String> = names.iter().map(|name| format!(r#""{name}":["{digest}"]"#)).collect();
        format!(r#""user":{{{}}}"#, fields.join(","))
    }

    #[test]
    fn one_identifier_is_enough_and_none_is_too_little() {
        let check = |fields: &str, enough: bool| {
            let event = event(fields);
            assert_eq!(User::of(&event, false).is_identified(), enough, "{fields}");
        };
        for field in ["email", "phone", "external_id"] {
            check(&user(&[field]), true);
        }
        check(&user(&["first_name", "last_name", "postal_code", "birth_date"]), false);
        check(r#""user":{"clear":{"city":"berlin","country":"DE"}}"#, false);
        check(r#""context":{"user_agent":"UA","language":"de-DE"}"#, false);
        check(r#""context":{"ip":"203.0.113.9"}"#, true);
        check(r#""context":{"ip":"10.0.0.1","user_agent":"UA"}"#, false);
        check(r#""click_ids":{"ttclid":"E.C.P.1"}"#, true);
        check(r#""cookies":{"_ttp":"01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1"}"#, true);
        check(r#""cookies":{"_ttp":"broken"}"#, false);
    }

    #[test]
    fn a_chinese_phone_goes_in_both_forms_and_any_other_in_one() {
        let check = |raw: &str, expected: &[&str]| {
            let mut event = event(r#""user":{}"#);
            event.user.add_raw(Field::Phone, &Raw::new(raw), None);
            let expected: Vec<Sha256Hex> = expected.iter().map(|normal| Sha256Hex::of(normal)).collect();
            assert_eq!(User::of(&event, false).phone, expected, "{raw}");
        };
        check("+86 138 0000 0000", &["13800000000", "+8613800000000"]);
        check("+1 (213) 373-4253", &["+12133734253"]);
    }

    #[test]
    fn a_digest_given_for_a_phone_goes_once() {
        let event = event(&user(&["phone"]));
        assert_eq!(User::of(&event, false).phone.len(), 1);
    }

    #[test]
    fn a_locale_is_a_language_tag() {
        let check = |text: &str, right: bool| assert_eq!(is_language_tag(text), right, "{text}");
        for tag in ["de", "de-DE", "zh-Hant-TW", "es-419", "en-US-u-hc-h12"] {
            check(tag, true);
        }
        for other in ["", "d", "de_DE", "de-", "de--DE", "*", "de;q=0.9", "deutschland-und-mehr", "12-DE"] {
            check(other, false);
        }
    }

    #[test]
    fn a_full_set_of_signals_reaches_ten() {
        let event = event(
            &(user(&["email", "phone", "external_id"])
                + r#","click_ids":{"ttclid":"E.C.P.1"},"context":{"ip":"203.0.113.9","user_agent":"UA"}"#),
        );
        let quality = User::of(&event, false).quality();
        let signals = ["ttclid", "email", "phone", "external_id", "ip", "user_agent"];
        assert_eq!((quality.score(), quality.signals()), (10.0, &signals[..]));
    }
}

//! Microsoft's `userData`: who an event is about, and whether that is enough.
//!
//! E-mail and phone come hashed from `shared` in Microsoft's own form; click id, visitor id, client address and user
//! agent are never hashed. Names and places are not taken (page "conversions API guide", read 2026-11-23).

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;
use shared::identity::Field;
use shared::{Event, Sha256Hex, Signal as Answer, click_id, vendor_cookie};

use crate::platform::address::client_address;
use crate::platform::person::user_agent;
use crate::platform::{Quality, Signal, Skip, SkipReason, digests};

/// Microsoft's names for what identifies a visitor.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    anonymous_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    em: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ph: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msclkid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_agent: Option<&'a str>,
}

impl<'a> UserData<'a> {
    /// Everything known of the visitor of an event that the visitor lets us tell.
    ///
    /// Where the event says that storage was `denied`, Microsoft still wants one identifier. It gets one that is made
    /// of the event's own id and so joins nothing to anything.
    pub(super) fn of(event: &'a Event, denied: bool) -> Self {
        if denied {
            let once = Sha256Hex::of(&format!("{}\0{}", event.event, event.event_id)).to_hex();
            return Self { anonymous_id: Some(Cow::Owned(once[..32].to_owned())), ..Self::default() };
        }
        let own = Self { anonymous_id: anonymous_id(event), msclkid: msclkid(event), ..Self::default() };
        if event.consent.ad_user_data == Some(Answer::Denied) {
            return own;
        }
        Self {
            // A pseudonym by Microsoft's own advice; hashed where it was given, for raw ids are never kept.
            external_id: first(digests("microsoft", event, Field::ExternalId)),
            em: em(event),
            ph: ph(event),
            client_ip_address: event.context.ip.as_deref().and_then(client_address),
            client_user_agent: user_agent(event),
            ..own
        }
    }

    /// Refuses what Microsoft would refuse: client address and user agent identify nobody.
    pub(super) fn check(&self) -> Result<(), Skip> {
        let known = self.anonymous_id.is_some()
            || self.external_id.is_some()
            || self.em.is_some()
            || self.ph.is_some()
            || self.msclkid.is_some();
        if known {
            return Ok(());
        }
        let detail = "Microsoft needs a click id, a visitor id, an e-mail or a phone; this event has none";
        Err(Skip::new(SkipReason::NoIdentifier, detail))
    }

    /// How well Microsoft can match the visitor.
    pub(super) fn quality(&self) -> Quality {
        Quality::of(&SIGNALS, |name| match name {
            "msclkid" => self.msclkid.is_some(),
            "em" => self.em.is_some(),
            "ph" => self.ph.is_some(),
            "anonymousId" => self.anonymous_id.is_some(),
            "externalId" => self.external_id.is_some(),
            "clientIpAddress" => self.client_ip_address.is_some(),
            "clientUserAgent" => self.client_user_agent.is_some(),
            _ => false,
        })
    }
}

/// What Microsoft matches by, the strongest first. It names these identifiers and publishes no order; this one is how
/// surely each leads back to one click.
pub(super) const SIGNALS: [Signal; 8] = [
    Signal::ours(TRANSACTION_ID, 100),
    Signal::ours("msclkid", 45),
    Signal::ours("em", 30),
    Signal::ours("ph", 15),
    Signal::ours("anonymousId", 10),
    Signal::ours("externalId", 5),
    Signal::ours("clientIpAddress", 3),
    Signal::ours("clientUserAgent", 2),
];

/// The order number by which an adjustment finds its conversion, and no other call.
pub(super) const TRANSACTION_ID: &str = "TransactionId";

/// The click: the one the event carries, or the one in a cookie of Microsoft's own tag or of a server's.
pub(super) fn msclkid(event: &Event) -> Option<Cow<'_, str>> {
    let spec = click_id::find("msclkid")?;
    let carried = event.click_ids.get("msclkid").map(|click| click.value.as_str());
    if let Some(value) = carried.filter(|value| click_id::valid(spec, value)) {
        return Some(Cow::Borrowed(value));
    }
    spec.cookies.iter().find_map(|(name, _)| {
        let (_, found) = click_id::from_cookie(name, event.cookies.get(*name)?)?;
        Some(found.value)
    })
}

/// The e-mail address, hashed in Microsoft's form. The field takes one value.
pub(super) fn em(event: &Event) -> Option<Sha256Hex> {
    first(digests("microsoft", event, Field::Email))
}

/// The phone number, hashed.
pub(super) fn ph(event: &Event) -> Option<Sha256Hex> {
    first(digests("microsoft", event, Field::Phone))
}

fn first(digests: Vec<Sha256Hex>) -> Option<Sha256Hex> {
    digests.into_iter().next()
}

/// The visitor: the id of Microsoft's own tag, so that both count one person, else ours in the same form, 32
/// hexadecimal digits. An id of another make goes as it is, if it is an id at all.
fn anonymous_id(event: &Event) -> Option<Cow<'_, str>> {
    let cookie = |name: &str| event.cookies.get(name).and_then(|value| vendor_cookie::uet_id(value));
    if let Some(id) = cookie("_uetvid").or_else(|| cookie("uet_vid")) {
        return Some(Cow::Borrowed(id));
    }
    let own = event.visitor_id.as_deref()?;
    if vendor_cookie::is_uuid(own) {
        return Some(Cow::Owned(own.replace('-', "").to_ascii_lowercase()));
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    ((1..=64).contains(&own.len()) && own.bytes().all(token)).then_some(Cow::Borrowed(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLICK: &str = "0f3c1b2a4d5e6f708192a3b4c5d6e7f8";
    const VISITOR: &str = "5a1c9e30b7d411f0a4d28f2b6c1e7d90";

    /// An event with these fields besides the needed ones, as JSON.
    fn event(fields: &str) -> Event {
        let json = format!(r#"{{"event":"Lead","event_id":"1","time":0,"source":"web",{fields}}}"#);
        serde_json::from_str(&json).expect(fields)
    }

    fn check(fields: &str, expected: &str) {
        let event = event(fields);
        let user_data = UserData::of(&event, false);
        assert_eq!(serde_json::to_string(&user_data).expect("writable"), expected, "{fields}");
    }

    #[test]
    fn the_click_is_the_events_own_or_that_of_a_cookie() {
        let click = format!(r#"{{"msclkid":"{CLICK}"}}"#);
        check(&format!(r#""click_ids":{{"msclkid":"{CLICK}"}}"#), &click);
        check(&format!(r#""cookies":{{"_uetmsclkid":"_uet{CLICK}"}}"#), &click);
        check(&format!(r#""cookies":{{"uet_msclkid":"{CLICK}"}}"#), &click);
        let dashed = "0f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8";
        check(&format!(r#""click_ids":{{"msclkid":"{dashed}"}}"#), &format!(r#"{{"msclkid":"{dashed}"}}"#));
        for none in ["", "{msclkid}", "0f3c", "0f3c1b2a4d5e6f708192a3b4c5d6e7fg"] {
            check(&format!(r#""click_ids":{{"msclkid":"{none}"}}"#), "{}");
            check(&format!(r#""cookies":{{"_uetmsclkid":"_uet{none}"}}"#), "{}");
        }
        let both =
            format!(r#""click_ids":{{"msclkid":"{CLICK}"}},"cookies":{{"_uetmsclkid":"_uet{VISITOR}"}}"#);
        check(&both, &click);
    }

    #[test]
    fn the_visitor_is_that_of_microsofts_tag_or_ours() {
        let visitor = format!(r#"{{"anonymousId":"{VISITOR}"}}"#);
        check(&format!(r#""cookies":{{"_uetvid":"{VISITOR}"}}"#), &visitor);
        check(&format!(r#""cookies":{{"_uetvid":"{VISITOR}|1a2b|x"}}"#), &visitor);
        check(&format!(r#""cookies":{{"uet_vid":"{VISITOR}"}}"#), &visitor);
        let ours = r#""visitor_id":"019AB0E2-5d10-7cc3-98c4-dc0c0c07398f""#;
        check(ours, r#"{"anonymousId":"019ab0e25d107cc398c4dc0c0c07398f"}"#);
        check(&format!(r#"{ours},"cookies":{{"_uetvid":"{VISITOR}"}}"#), &visitor);
        check(
            &format!(r#"{ours},"cookies":{{"_uetvid":"broken"}}"#),
            r#"{"anonymousId":"019ab0e25d107cc398c4dc0c0c07398f"}"#,
        );
        check(r#""visitor_id":"v-17.a_B""#, r#"{"anonymousId":"v-17.a_B"}"#);
        check(r#""visitor_id":"jane@example.com""#, "{}");
        check(r#""visitor_id":"""#, "{}");
    }

    #[test]
    fn a_person_goes_hashed_and_once() {
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        check(
            &format!(
                r#""user":{{"email":[{{"plain":"{two}","microsoft":"{one}"}},"{two}"],"phone":["{two}"],"first_name":["{one}"],"external_id":["{one}"]}}"#
            ),
            &format!(r#"{{"externalId":"{one}","em":"{one}","ph":"{two}"}}"#),
        );
        check(
            r#""context":{"ip":"203.0.113.9","user_agent":"UA"}"#,
            r#"{"clientIpAddress":"203.0.113.9","clientUserAgent":"UA"}"#,
        );
        check(r#""context":{"ip":"10.0.0.1","user_agent":" "}"#, "{}");
    }

    #[test]
    fn a_denial_leaves_nothing_that_could_be_joined() {
        let rest = format!(
            r#""visitor_id":"019ab0e2-5d10-7cc3-98c4-dc0c0c07398f","click_ids":{{"msclkid":"{CLICK}"}},
               "cookies":{{"_uetvid":"{VISITOR}"}},"user":{{"email":["{}"]}},"context":{{"ip":"203.0.113.9"}}"#,
            "1".repeat(64)
        );
        let written = |consent: &str, denied, id: &str| {
            let mut event = event(&format!(r#"{rest},"consent":{{{consent}}}"#));
            event.event_id = id.to_owned();
            serde_json::to_value(UserData::of(&event, denied)).expect("writable")
        };
        let (one, two) = (written("", true, "1"), written("", true, "2"));
        for denied in [&one, &two] {
            let fields: Vec<_> = denied.as_object().expect("an object").keys().collect();
            assert_eq!(fields, ["anonymousId"]);
            assert_eq!(denied["anonymousId"].as_str().map(str::len), Some(32));
        }
        assert_ne!(one, two, "two events of one visitor have nothing in common");
        let storage_only = written(r#""ad_storage":"granted","ad_user_data":"denied""#, false, "1");
        assert_eq!(storage_only, serde_json::json!({ "anonymousId": VISITOR, "msclkid": CLICK }));
    }

    #[test]
    fn somebody_must_be_named() {
        let check = |fields: &str, enough: bool| {
            let event = event(fields);
            assert_eq!(UserData::of(&event, false).check().is_ok(), enough, "{fields}");
        };
        check(r#""context":{"ip":"203.0.113.9","user_agent":"UA"}"#, false);
        check(&format!(r#""user":{{"first_name":["{}"]}}"#, "1".repeat(64)), false);
        for field in ["email", "phone", "external_id"] {
            check(&format!(r#""user":{{"{field}":["{}"]}}"#, "1".repeat(64)), true);
        }
        check(&format!(r#""click_ids":{{"msclkid":"{CLICK}"}}"#), true);
        check(r#""visitor_id":"019ab0e2-5d10-7cc3-98c4-dc0c0c07398f""#, true);
    }
}

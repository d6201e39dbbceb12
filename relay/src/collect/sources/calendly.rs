//! Calendly: bookings, with their payment, and answers to routing forms.
//!
//! developer.calendly.com, "Webhook signatures" and "Webhook payload" (read 2026-11-23). A delivery is signed over its time and
//! raw body. One that is not answered 2xx is repeated for a day, and then the subscription is switched off for good; so what
//! trying again does not mend is answered 200. A reschedule reports a cancellation and a new booking: neither counts.

use serde::Deserialize;
use shared::event::Source as Channel;
use shared::identity::Field;
use shared::money::Currency;
use shared::vendor_cookie;

use super::fields::Fields;
use super::manner::Manner;
use super::reading::{Denied, Found, Reading, Unreadable};
use super::stages::Stages;
use super::tree::Node;
use super::{Answer, Door, Draft, Inbound, Kind, Settings, Settled, Source, carried, settings, signature};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Calendly in the registry.
pub const KIND: Kind = Kind { name: "calendly", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 4] = [
    Key::required("secret", "`signing_key` given when the subscription was made; secret"),
    Key::optional(
        "events",
        "our event by id of an event type (the end of its address), by `invitee.created`, `payment`, \
         `routing_form_submission.created`, `invitee.canceled` or `invitee_no_show.created`; default `{ \"invitee.created\" = \
         \"Schedule\", payment = \"Purchase\", \"routing_form_submission.created\" = \"Lead\" }`",
    ),
    Key::optional(
        "visitor",
        "which of the `tracking` fields holds our visitor id: `salesforce_uuid` (default), `utm_content`, `utm_term` …",
    ),
    Key::optional("fields", "what the answer to a question is: `{ \"Your phone\" = \"phone\" }`"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calendly {
    secret: Secret,
    #[serde(default = "events")]
    events: Stages,
    #[serde(default = "salesforce")]
    visitor: String,
    #[serde(default)]
    fields: Fields,
}

fn events() -> Stages {
    Stages::of(&[(BOOKED, "Schedule"), (PAYMENT, "Purchase"), ("routing_form_submission.created", "Lead")])
}

fn salesforce() -> String {
    SLOTS[0].to_owned()
}

const BOOKED: &str = "invitee.created";
const CANCELLED: &str = "invitee.canceled";
const PAYMENT: &str = "payment";
/// What survives a booking page.
const SLOTS: [&str; 6] =
    ["salesforce_uuid", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Calendly = own.read()?;
    settings::filled("secret", &own.secret)?;
    if !SLOTS.contains(&own.visitor.as_str()) {
        return Err(SettingError::invalid("visitor", format!("expected one of {}", SLOTS.join(", "))));
    }
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const SIGNATURE: &str = "Calendly-Webhook-Signature";
/// How old a signature may be, in seconds. Calendly's sample allows three minutes; clocks differ.
const TOLERANCE_SECONDS: u64 = 300;

impl Source for Calendly {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        signature::timed(request, SIGNATURE, &self.secret, TOLERANCE_SECONDS)
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let body = Node::read(request.body)?;
        let kind = body.get("event").text().ok_or(Unreadable::Missing { field: "event" })?;
        let payload = body.get("payload");
        let moved = kind == BOOKED && !payload.get("old_invitee").is_blank()
            || kind == CANCELLED && payload.get("rescheduled").flag() == Some(true);
        if moved {
            return Ok(Reading::ignored("a booking was moved, which is no new one"));
        }
        let sort = last_part(payload.at(&["scheduled_event", "event_type"]));
        let own = sort.as_deref().filter(|_| kind == BOOKED);
        let paid = kind == BOOKED && payload.at(&["payment", "successful"]).flag() == Some(true);
        let booked = self.events.event(own.into_iter().chain([kind.as_str()]));
        let payment = if paid { self.events.event([PAYMENT]) } else { None };
        if booked.is_none() && payment.is_none() {
            return Ok(Reading::ignored("no event is set for this; see `events`"));
        }
        let id = payload.first(&["uri", "invitee"]);
        let id = last_part(id).ok_or(Unreadable::Missing { field: "payload.uri" })?;
        let time = Manner::default().time(body.get("created_at")).ok().flatten();
        let mut reading = Reading::default();
        for (name, priced) in [(booked, payment.is_none()), (payment, true)] {
            let Some(name) = name else { continue };
            let mut found = Found::about(name, &id, time);
            match self.fill(payload, priced && paid, &mut found.draft) {
                Ok(()) => reading.events.push(found.finished()),
                Err(why) => reading.refused.push(why),
            }
        }
        Ok(reading)
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

// ── Invitees ───────────────────────────────────────────────────────────────────────────────────────────────

impl Calendly {
    fn fill(&self, payload: &Node<'_>, priced: bool, draft: &mut Draft) -> Result<(), &'static str> {
        draft.source = Some(Channel::Server);
        for (field, name) in PERSON {
            draft.user.take(field, payload.get(name).personal());
        }
        if payload.get("last_name").is_blank() {
            draft.user.take_name(payload.get("name").personal());
        }
        if priced {
            let payment = payload.get(PAYMENT);
            draft.properties.value = Manner::default().amount(payment.get("amount"))?;
            draft.properties.currency =
                payment.get("currency").text().and_then(|code| Currency::parse(&code));
        }
        self.tracking(payload.get("tracking"), draft);
        for answer in payload.get("questions_and_answers").items() {
            let question = answer.get("question").text().unwrap_or_default();
            self.fields.put(&question, answer.get("answer"), draft)?;
        }
        Ok(())
    }

    /// Six texts survive the booking page; one of them may be ours.
    fn tracking(&self, tracking: &Node<'_>, draft: &mut Draft) {
        for (name, node) in tracking.pairs() {
            let Some(text) = node.text() else { continue };
            // Our visitor ids are UUIDs; a campaign's own text or a Salesforce id is none.
            if *name == self.visitor && vendor_cookie::is_uuid(&text) {
                carried::visitor(&text, draft);
            } else if let Some(utm) = name.strip_prefix("utm_") {
                carried::campaign_field(utm, &text, draft);
            }
        }
    }
}

const PERSON: [(Field, &str); 4] = [
    (Field::Email, "email"),
    (Field::FirstName, "first_name"),
    (Field::LastName, "last_name"),
    (Field::Phone, "text_reminder_number"),
];

/// What an address ends with: ids are written as addresses of the API.
fn last_part(node: &Node<'_>) -> Option<String> {
    let address = node.text()?;
    let last = address.rsplit('/').next().unwrap_or_default();
    (!last.is_empty()).then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use shared::UnixMs;

    use super::super::settings::tests::settings;
    use super::super::testing::{headers, summary, webhook};
    use super::*;

    fn source(more: &str) -> Box<dyn Source> {
        let text: &'static str = format!("secret = 'cal_key'\n{more}").leak();
        configure(settings(text)).expect("right settings")
    }

    /// Computed with `openssl dgst -sha256 -hmac cal_key` over `1795420800.{"event":"invitee.created"}`.
    #[test]
    fn the_signature_is_over_time_and_body() {
        let at = 1_795_420_800;
        let v1 = "6b2b3685844b601abafb711b498da448008af1a4ddb99355557d48baa25a9a4e";
        let check = |line: &str, body: &str, now: i64, expected| {
            let headers = headers(&[("calendly-webhook-signature", line)]);
            let request = Inbound { now: UnixMs(now * 1000), ..webhook(&headers, body) };
            assert_eq!(source("").authenticate(&request), expected, "{line}");
        };
        let (body, line) = (r#"{"event":"invitee.created"}"#, format!("t={at},v1={v1}"));
        let wrong = || Err(Denied::WrongSignature { key: "secret" });
        check(&line, body, at, Ok(()));
        check(&line, body, at + 300, Ok(()));
        check(&line, body, at + 301, Err(Denied::Stale { seconds: 301 }));
        check(&line, body, at - 301, Err(Denied::Stale { seconds: 301 }));
        check(&line, "{}", at, wrong());
        check(&format!("t={},v1={v1}", at + 1), body, at, wrong());
        check(&format!("t={at}"), body, at, wrong());
        check(&format!("v1={v1}"), body, at, Err(Denied::Unsigned { header: SIGNATURE }));
    }

    fn read(more: &str, kind: &str, payload: &str) -> Reading {
        let body = format!(
            r#"{{"event":"{kind}","created_at":"2026-11-23T11:59:00.000000Z","payload":{{"uri":"https://api.calendly.com/scheduled_events/E1/invitees/I1",
                "scheduled_event":{{"event_type":"https://api.calendly.com/event_types/T1"}},{payload}}}}}"#
        );
        let none = headers(&[]);
        source(more).read(&webhook(&none, &body)).expect("readable")
    }

    #[track_caller]
    fn check(more: &str, kind: &str, payload: &str, expected: &[&str]) {
        assert_eq!(summary(&read(more, kind, payload)), expected, "{more} {kind} {payload}");
    }

    const UNMAPPED: &str = "no event is set for this; see `events`";
    const MOVED: &str = "a booking was moved, which is no new one";

    #[test]
    fn a_booking_counts_once_and_its_payment_beside_it() {
        let paid = r#""payment":{"amount":59.9,"currency":"USD","successful":true}"#;
        check("", BOOKED, r#""old_invitee":null"#, &["Schedule - -"]);
        check("", BOOKED, paid, &["Schedule - -", "Purchase 59.9 USD"]);
        check("", BOOKED, &paid.replace("true", "false"), &["Schedule - -"]);
        check("events = { T1 = 'Contact' }", BOOKED, paid, &["Contact 59.9 USD"]);
        check("events = { payment = 'Purchase' }", BOOKED, paid, &["Purchase 59.9 USD"]);
        check("events = { payment = 'Purchase' }", BOOKED, r#""payment":null"#, &[UNMAPPED]);
        check("", CANCELLED, r#""rescheduled":false"#, &[UNMAPPED]);
        check("", BOOKED, r#""old_invitee":"https://api.calendly.com/x""#, &[MOVED]);
        let cancelled = "events = { 'invitee.canceled' = 'Cancelled' }";
        check(cancelled, CANCELLED, r#""rescheduled":false"#, &["Cancelled - -"]);
        check(cancelled, CANCELLED, r#""rescheduled":true"#, &[MOVED]);
        check("", "routing_form_submission.created", r#""result":{}"#, &["Lead - -"]);
    }

    #[test]
    fn the_invitee_and_the_visitor_are_read() {
        let payload = r#""email":"jane@example.com","name":"Jane Lovelace","first_name":null,"last_name":null,
            "text_reminder_number":"+1 202-555-0123","tracking":{"utm_source":"ads","utm_content":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "salesforce_uuid":"00Q5e00000ABCDE"},"questions_and_answers":[{"question":"Where do you live?","answer":"Springfield"}]"#;
        let more = "visitor = 'utm_content'\nfields = { 'Where do you live?' = 'city' }";
        let reading = read(more, BOOKED, payload);
        let draft = &reading.events[0].draft;
        assert_eq!(draft.event_id.as_deref(), Some("Schedule-I1"));
        assert_eq!(draft.visitor_id.as_deref(), Some("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
        assert_eq!(format!("{:?}", draft.user), "RawUser(5 values)");
        let campaign = draft.campaign.as_ref().expect("a campaign");
        assert_eq!((campaign.source.as_deref(), campaign.content.as_deref()), (Some("ads"), None));
        let other = read("", BOOKED, payload);
        assert_eq!(other.events[0].draft.visitor_id, None, "a Salesforce id is no visitor of ours");
    }

    #[test]
    fn settings_and_bodies_that_cannot_be_are_named() {
        let error = configure(settings("secret = 'k'\nvisitor = 'utm'")).expect_err("no slot").to_string();
        assert!(error.contains("salesforce_uuid"), "{error}");
        assert!(configure(settings("secret = ' '")).is_err());
        let none = headers(&[]);
        for body in ["{}", r#"{"event":"invitee.created","payload":{}}"#, "[]"] {
            assert!(source("").read(&webhook(&none, body)).is_err(), "{body}");
        }
    }
}

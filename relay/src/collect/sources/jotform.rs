//! Jotform: submissions of forms, with the hidden fields that carry the visitor.
//!
//! jotform.com/help, "How to setup a webhook with Jotform", and api.jotform.com/docs (read 2026-11-23). Nothing is signed, so a
//! token in the address says who sends; it lets in whoever has read it. A delivery is a multipart form whose `rawRequest` holds
//! the answers as JSON, by number and name of the question: `q3_email`. An edited submission is sent again with the same id.
//! Nothing is known of repeats, so whatever happens is answered at once.

use serde::Deserialize;
use shared::identity::Field;
use shared::money::Currency;
use shared::{click_id, visitor};

use super::carried::CAMPAIGN;
use super::fields::{Fields, Target};
use super::form::Form;
use super::manner::Manner;
use super::reading::{Denied, Found, Reading, Unreadable};
use super::stages::Stages;
use super::tree::Node;
use super::{Answer, Door, Draft, Inbound, Kind, Settings, Settled, Source, login, settings};
use crate::collect::raw_user::Personal;
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Jotform in the registry.
pub const KIND: Kind = Kind { name: "jotform", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 4] = [
    Key::required("token", "made-up token at the end of the webhook's address, `?token=…`; secret"),
    Key::optional(
        "events",
        "our event by id of the form, or for any form by `submission`; default `{ submission = \"Lead\" }`",
    ),
    Key::optional(
        "fields",
        "what a question is, by its unique name: `{ mobile = \"phone\", total = \"value\" }`",
    ),
    Key::optional("currency", "currency of `value`; no default"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jotform {
    token: Secret,
    #[serde(default = "events")]
    events: Stages,
    #[serde(default)]
    fields: Fields,
    #[serde(default)]
    currency: Option<Currency>,
}

fn events() -> Stages {
    Stages::of(&[(SUBMISSION, "Lead")])
}

const SUBMISSION: &str = "submission";

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Jotform = own.read()?;
    settings::filled("token", &own.token)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

impl Source for Jotform {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        login::parameter(request, "token", &self.token, "token")
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let form =
            Form::read(request).ok_or(Unreadable::Body { expected: "a form, multipart or urlencoded" })?;
        let id = form.get("submissionID").map(str::trim).filter(|id| !id.is_empty());
        let id = id.ok_or(Unreadable::Missing { field: "submissionID" })?;
        let raw = form.get("rawRequest").ok_or(Unreadable::Missing { field: "rawRequest" })?;
        let answers = Node::read(raw.as_bytes())?;
        let Some(name) = self.events.event(form.get("formID").into_iter().chain([SUBMISSION])) else {
            return Ok(Reading::ignored("no event is set for this form; see `events`"));
        };
        let mut found = Found::about(name, id, None);
        found.draft.context.ip = form.get("ip").map(str::to_owned);
        found.draft.properties.currency = self.currency;
        let mut notes = Vec::new();
        let mut pairs = answers.pairs().iter();
        match pairs.try_for_each(|(key, node)| self.put(key, node, &mut found.draft, &mut notes)) {
            Ok(()) => Ok(Reading { is_odd: !notes.is_empty(), notes, ..Reading::one(found.finished()) }),
            Err(why) => Ok(Reading { refused: vec![why], ..Reading::default() }),
        }
    }

    fn query_template(&self) -> Option<String> {
        Some(login::in_address("token", &self.token))
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────

impl Jotform {
    /// One answer: what the settings say it is, else what its name or its shape says.
    fn put(
        &self,
        key: &str,
        node: &Node<'_>,
        draft: &mut Draft,
        notes: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        let Some(name) = question(key) else { return Ok(()) };
        let value = if node.get("full").is_nothing() { node } else { node.get("full") };
        match self.fields.target(name) {
            Some(target) if matches!(*target, Target::FullName) && !node.pairs().is_empty() => {
                shaped(name, node, draft)
            }
            Some(target) => target.put_typed(value, draft, notes)?,
            None => match ours(name) {
                Some(target) => target.put(node, Manner::default(), draft)?,
                None => shaped(name, node, draft),
            },
        }
        Ok(())
    }
}

/// The unique name of a question: what follows `q3_`.
fn question(key: &str) -> Option<&str> {
    let (number, name) = key.strip_prefix('q')?.split_once('_')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

/// One of our names. Unique names of questions lose their underscores: `at_vid` may have become `atVid`, `utm_source` `utmSource`.
fn ours(name: &str) -> Option<Target> {
    // A field called `Click ID` may hold anybody's; Taboola's has that very name.
    let clicks = click_id::REGISTRY.iter().filter(|spec| spec.param != "click_id");
    let clicks = clicks.map(|spec| spec.param.to_owned());
    let campaign = CAMPAIGN.iter().map(|utm| format!("utm_{utm}"));
    let mut known = [visitor::VISITOR_PROPERTY.to_owned()].into_iter().chain(clicks).chain(campaign);
    known.find(|known| letters(known).eq(letters(name))).and_then(|known| Target::named(&known))
}

/// What is left of a name without its marks and capitals.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// Names, telephones and addresses have shapes of their own; an e-mail address is known by its question's name.
fn shaped(name: &str, node: &Node<'_>, draft: &mut Draft) {
    let user = &mut draft.user;
    for (field, part) in PARTS {
        user.take(field, node.get(part).personal());
    }
    if let (Some(area), Some(phone)) = (node.get("area").personal(), node.get("phone").personal()) {
        user.take(Field::Phone, Some(Personal::joined(&area, &phone)));
    }
    let starts = |word: &str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if starts("email") {
        user.take(Field::Email, node.personal());
    } else if starts("phone") {
        user.take(Field::Phone, node.personal());
    }
}

const PARTS: [(Field, &str); 8] = [
    (Field::FirstName, "first"),
    (Field::LastName, "last"),
    (Field::Phone, "full"),
    (Field::Street, "addr_line1"),
    (Field::City, "city"),
    (Field::Region, "state"),
    (Field::PostalCode, "postal"),
    (Field::Country, "country"),
];

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::super::testing::{headers, summary, webhook};
    use super::*;

    fn source(more: &str) -> Box<dyn Source> {
        let text: &'static str = format!("token = 'made-up'\n{more}").leak();
        configure(settings(text)).expect("right settings")
    }

    #[test]
    fn the_token_is_in_the_address() {
        let none = headers(&[]);
        for (target, expected) in [
            ("/v1/webhook/jot?token=made-up", Ok(())),
            ("/v1/webhook/jot?token=made", Err(Denied::WrongToken { key: "token" })),
            ("/v1/webhook/jot", Err(Denied::WrongToken { key: "token" })),
        ] {
            let request = Inbound { target, ..webhook(&none, "") };
            assert_eq!(source("").authenticate(&request), expected, "{target}");
        }
    }

    fn read(more: &str, raw: &str) -> Reading {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"formID\"\r\n\r\n24\r\n--b\r\nContent-Disposition: form-data; \
             name=\"submissionID\"\r\n\r\n58\r\n--b\r\nContent-Disposition: form-data; name=\"ip\"\r\n\r\n203.0.113.9\r\n--b\r\n\
             Content-Disposition: form-data; name=\"rawRequest\"\r\n\r\n{raw}\r\n--b--\r\n"
        );
        let headers = headers(&[("content-type", "multipart/form-data; boundary=b")]);
        source(more).read(&webhook(&headers, &body)).expect("readable")
    }

    #[test]
    fn answers_are_known_by_name_and_shape() {
        let raw = r#"{"slug":"submit/24","event_id":"1_24_x","q3_name":{"first":"Jane","last":"Lovelace"},"q4_email":"jane@example.com",
            "q5_phoneNumber":{"full":"(202) 555-0123"},"q6_cell":{"area":"202","phone":"5550124"},"q7_atVid":"v-1","q8_gclid":"Cj0-x",
            "q9_address":{"addr_line1":"12 Main Street","city":"Springfield","state":"IL","postal":"62701","country":"United States"},
            "q10_size":["S","M"],"email":"nobody@example.com"}"#;
        let reading = read("", raw);
        let draft = &reading.events[0].draft;
        assert_eq!(draft.event_id.as_deref(), Some("Lead-58"));
        assert_eq!(format!("{:?}", draft.user), "RawUser(10 values)");
        assert_eq!((draft.visitor_id.as_deref(), draft.click_ids.len()), (Some("v-1"), 1));
        assert_eq!(draft.context.ip.as_deref(), Some("203.0.113.9"));
    }

    #[test]
    fn our_names_are_known_without_their_underscores() {
        let raw = r#"{"q1_atVid":"v-1","q2_utmSource":"ads","q3_utmcampaign":"autumn","q4_obClickId":"1234567890abcdef","q5_source":"radio",
            "q6_clickId":"1234567890abcdef"}"#;
        let draft = read("", raw).events.remove(0).draft;
        assert_eq!(draft.visitor_id.as_deref(), Some("v-1"));
        assert_eq!(draft.click_ids.keys().collect::<Vec<_>>(), ["ob_click_id"]);
        let campaign = draft.campaign.expect("a campaign");
        assert_eq!((campaign.source.as_deref(), campaign.name.as_deref()), (Some("ads"), Some("autumn")));
    }

    #[test]
    fn the_settings_say_what_other_questions_are() {
        let raw = r#"{"q1_mobile":{"full":"(202) 555-0123"},"q2_total":"59.90","q3_who":{"first":"Jane","last":"Lovelace"},"q4_klick":"Cj0-x"}"#;
        let more = "currency = 'EUR'\nfields = { mobile = 'phone', total = 'value', who = 'full_name', klick = 'gclid' }\nevents = { 24 = 'Contact' }";
        let reading = read(more, raw);
        assert_eq!(summary(&reading), ["Contact 59.9 EUR"]);
        assert_eq!(format!("{:?}", reading.events[0].draft.user), "RawUser(3 values)");
        assert_eq!(reading.events[0].draft.click_ids.len(), 1);
        assert_eq!(read("fields = { mobile = 'currency' }", raw).refused.len(), 1);
        let other = read("events = { 25 = 'Contact' }", raw);
        assert_eq!(other.ignored, Some("no event is set for this form; see `events`"));
    }

    #[test]
    fn an_amount_that_cannot_be_read_does_not_cost_the_event() {
        let more = "currency = 'USD'\nfields = { total = 'value' }";
        for amount in ["$19.90", "$1,000.00", "a lot"] {
            let reading = read(more, &format!(r#"{{"q1_total":"{amount}","q2_email":"jane@example.com"}}"#));
            assert_eq!(summary(&reading), ["Lead - -"], "{amount}");
            assert_eq!(
                (reading.refused.len(), reading.notes.len(), reading.is_odd),
                (0, 1, true),
                "{amount}"
            );
            assert!(!reading.notes[0].contains(amount), "{amount}: nothing is quoted");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let read = |kind: &str, body: &str| {
            let headers = headers(&[("content-type", kind)]);
            source("").read(&webhook(&headers, body)).expect_err(body).to_string()
        };
        let form = "application/x-www-form-urlencoded";
        assert!(read("application/json", "{}").contains("a form"));
        assert!(read(form, "rawRequest={}").contains("submissionID"));
        assert!(read(form, "submissionID=5").contains("rawRequest"));
        assert!(read(form, "submissionID=5&rawRequest=x").contains("JSON"));
        assert!(configure(settings("token = ' '")).is_err());
    }
}

//! Typeform: answers to forms, with the hidden fields that carry the visitor.
//!
//! typeform.com/developers/webhooks, "Secure your webhooks" and "Example payload" (read 2026-11-23). A delivery is signed over
//! its raw body with the secret of the webhook; there is no time in it, so a replay is caught by the id of the response. An
//! answer of 404 or 410 switches the webhook off at once, 429 and 503 are tried again for hours; so what trying again does not
//! mend is answered 200.

use serde::Deserialize;
use shared::identity::Field;
use shared::money::Currency;

use super::fields::{Fields, Target};
use super::manner::Manner;
use super::reading::{Denied, Found, Reading, Unreadable};
use super::signature::{hmac_sha256, is_base64_of};
use super::stages::Stages;
use super::tree::Node;
use super::{Answer, Door, Draft, Inbound, Kind, Settings, Settled, Source, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Typeform in the registry.
pub const KIND: Kind = Kind { name: "typeform", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 4] = [
    Key::required("secret", "the secret typed into the webhook; secret"),
    Key::optional(
        "events",
        "our event by id of the form (`lT4Z3j`), or for any form by `form_response` and `form_response_partial`; default \
         `{ form_response = \"Lead\" }`",
    ),
    Key::optional(
        "fields",
        "what a question, hidden field or variable is, by its reference, id or name: `{ full_name = \"full_name\", price = \
         \"value\" }`",
    ),
    Key::optional("currency", "currency of payments and of `value`; no default"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typeform {
    secret: Secret,
    #[serde(default = "events")]
    events: Stages,
    #[serde(default)]
    fields: Fields,
    #[serde(default)]
    currency: Option<Currency>,
}

fn events() -> Stages {
    Stages::of(&[(RESPONSE, "Lead")])
}

const RESPONSE: &str = "form_response";

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Typeform = own.read()?;
    settings::filled("secret", &own.secret)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const SIGNATURE: &str = "Typeform-Signature";

impl Source for Typeform {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        let sent = request.header(SIGNATURE).ok_or(Denied::Unsigned { header: SIGNATURE })?;
        let expected = hmac_sha256(&self.secret, &[request.body]);
        let right = sent.strip_prefix("sha256=").is_some_and(|sent| is_base64_of(sent, &expected));
        if right { Ok(()) } else { Err(Denied::WrongSignature { key: "secret" }) }
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let body = Node::read(request.body)?;
        let kind = body.get("event_type").text().ok_or(Unreadable::Missing { field: "event_type" })?;
        let response = body.get(RESPONSE);
        let form = response.get("form_id").text().unwrap_or_default();
        // A form that has an event of its own is reported once it is complete.
        let named = Some(form.as_str()).filter(|_| kind == RESPONSE);
        let Some(name) = self.events.event(named.into_iter().chain([kind.as_str()])) else {
            return Ok(Reading::ignored("no event is set for this form or type; see `events`"));
        };
        let token =
            response.get("token").text().ok_or(Unreadable::Missing { field: "form_response.token" })?;
        let time = Manner::default().time(response.get("submitted_at")).ok().flatten();
        let mut found = Found::about(name, &token, time);
        let mut notes = Vec::new();
        match self.fill(response, &mut found.draft, &mut notes) {
            Ok(()) => Ok(Reading { is_odd: !notes.is_empty(), notes, ..Reading::one(found.finished()) }),
            Err(why) => Ok(Reading { refused: vec![why], ..Reading::default() }),
        }
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

// ── Answers ────────────────────────────────────────────────────────────────────────────────────────────────

impl Typeform {
    fn fill(
        &self,
        response: &Node<'_>,
        draft: &mut Draft,
        notes: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        draft.properties.currency = self.currency;
        for (name, node) in response.get("hidden").pairs() {
            match self.fields.target(name) {
                Some(target) => target.put_typed(node, draft, notes)?,
                // What the page knew of the person, handed over under our names.
                None => person(name, node, draft),
            }
        }
        for variable in response.get("variables").items() {
            let name = variable.get("key").text().unwrap_or_default();
            if let Some(target) = self.fields.target(&name) {
                target.put_typed(variable.first(&["number", "text"]), draft, notes)?;
            }
        }
        response.get("answers").items().iter().try_for_each(|answer| self.answer_to(answer, draft, notes))
    }

    fn answer_to(
        &self,
        answer: &Node<'_>,
        draft: &mut Draft,
        notes: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        let kind = answer.get("type").text().unwrap_or_default();
        let value = match kind.as_str() {
            "choice" => answer.at(&["choice", "label"]),
            kind => answer.get(kind),
        };
        let field = answer.get("field");
        let names = ["ref", "id"].into_iter().filter_map(|name| field.get(name).text());
        if let Some(target) =
            names.into_iter().find_map(|name| self.fields.target(&name).map(|t| t.into_owned()))
        {
            return target.put_typed(value, draft, notes);
        }
        match kind.as_str() {
            "email" => draft.user.take(Field::Email, value.personal()),
            "phone_number" => draft.user.take(Field::Phone, value.personal()),
            "payment" if value.get("success").flag() == Some(true) => {
                Target::Value.put_typed(value.get("amount"), draft, notes)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A hidden field that is named as one of ours about a person.
fn person(name: &str, node: &Node<'_>, draft: &mut Draft) {
    if let Some(field) = Field::named(name) {
        draft.user.take(field, node.personal());
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::super::testing::{headers, summary, webhook};
    use super::*;

    fn source(more: &str) -> Box<dyn Source> {
        let text: &'static str = format!("secret = 'tf_secret'\n{more}").leak();
        configure(settings(text)).expect("right settings")
    }

    /// Computed with `openssl dgst -sha256 -hmac tf_secret -binary | base64`.
    #[test]
    fn the_signature_is_over_the_raw_body() {
        let body = r#"{"event_id":"01HX","event_type":"form_response"}"#;
        let signed = "sha256=DPRBR06IuXwrbXHfYsGwam1u2bW1BLsdxFNq4bewPhI=";
        let check = |sent: &str, body: &str, expected| {
            let headers = headers(&[("typeform-signature", sent)]);
            assert_eq!(source("").authenticate(&webhook(&headers, body)), expected, "{sent}");
        };
        let wrong = || Err(Denied::WrongSignature { key: "secret" });
        check(signed, body, Ok(()));
        check(signed, "{}", wrong());
        check(&signed[7..], body, wrong());
        check("sha256=", body, wrong());
        let hex = "0cf441474e88b97c2b6d71df62c1b06a6d6ed9b5b504bb1dc4536ae1b7b03e12";
        check(&format!("sha256={hex}"), body, wrong());
        let none = headers(&[]);
        assert_eq!(
            source("").authenticate(&webhook(&none, body)),
            Err(Denied::Unsigned { header: SIGNATURE })
        );
    }

    fn read(more: &str, kind: &str, response: &str) -> Reading {
        let body = format!(
            r#"{{"event_type":"{kind}","form_response":{{"form_id":"lT4Z3j","token":"a3a1","submitted_at":"2026-11-23T11:59:00Z",{response}}}}}"#
        );
        let none = headers(&[]);
        source(more).read(&webhook(&none, &body)).expect("readable")
    }

    #[test]
    fn a_form_may_have_an_event_of_its_own() {
        let check = |more, kind, expected: &str| {
            assert_eq!(summary(&read(more, kind, r#""x":1"#)), [expected], "{more} {kind}");
        };
        let none = "no event is set for this form or type; see `events`";
        check("", "form_response", "Lead - -");
        check("", "form_response_partial", none);
        check("events = { lT4Z3j = 'Schedule' }", "form_response", "Schedule - -");
        check("events = { lT4Z3j = 'Schedule' }", "form_response_partial", none);
        check("events = { other = 'Schedule' }", "form_response", none);
        check("events = { form_response_partial = 'FormSubmit' }", "form_response_partial", "FormSubmit - -");
    }

    #[test]
    fn answers_and_hidden_fields_are_what_they_say() {
        let response = r#""hidden":{"at_vid":"v-1","gclid":"Cj0-x","utm_source":"ads","email":"jane@example.com","plan":"pro"},
            "variables":[{"key":"price","type":"number","number":59.9}],
            "answers":[{"type":"email","email":"jane@work.example.com","field":{"ref":"mail"}},
                {"type":"phone_number","phone_number":"+12025550123","field":{"ref":"tel"}},
                {"type":"text","text":"Jane Lovelace","field":{"id":"Dl","ref":"name"}},
                {"type":"choice","choice":{"label":"US"},"field":{"ref":"where"}}]"#;
        let more = "currency = 'EUR'\nfields = { Dl = 'full_name', where = 'country', price = 'value' }";
        let reading = read(more, "form_response", response);
        assert_eq!(summary(&reading), ["Lead 59.9 EUR"]);
        let draft = &reading.events[0].draft;
        assert_eq!(draft.event_id.as_deref(), Some("Lead-a3a1"));
        assert_eq!(format!("{:?}", draft.user), "RawUser(6 values)");
        assert_eq!((draft.visitor_id.as_deref(), draft.click_ids.len()), (Some("v-1"), 1));
        assert_eq!(draft.campaign.as_ref().and_then(|campaign| campaign.source.as_deref()), Some("ads"));
        let bad = read("fields = { plan = 'time' }", "form_response", response);
        assert_eq!((bad.events.len(), bad.refused.len()), (0, 1));
    }

    #[test]
    fn a_payment_counts_only_if_it_succeeded() {
        let paid = |success: bool| {
            format!(
                r#""answers":[{{"type":"payment","payment":{{"amount":"12.50","success":{success}}},"field":{{}}}}]"#
            )
        };
        let check = |success, expected: &str| {
            let reading = read("currency = 'USD'", "form_response", &paid(success));
            assert_eq!(summary(&reading), [expected]);
        };
        check(true, "Lead 12.5 USD");
        check(false, "Lead - -");
    }

    #[test]
    fn an_amount_that_cannot_be_read_does_not_cost_the_event() {
        let more = "currency = 'USD'\nfields = { total = 'value' }";
        for response in [
            r#""hidden":{"total":"$19.90"}"#,
            r#""variables":[{"key":"total","type":"text","text":"$1,000.00"}]"#,
            r#""answers":[{"type":"text","text":"$19.90","field":{"ref":"total"}}]"#,
            r#""answers":[{"type":"payment","payment":{"amount":"$19.90","success":true},"field":{}}]"#,
        ] {
            let reading = read(more, "form_response", response);
            assert_eq!(summary(&reading), ["Lead - -"], "{response}");
            assert_eq!(
                (reading.refused.len(), reading.notes.len(), reading.is_odd),
                (0, 1, true),
                "{response}"
            );
            assert!(!reading.notes[0].contains('$'), "nothing is quoted");
        }
    }

    #[test]
    fn without_a_token_there_is_no_event() {
        let none = headers(&[]);
        let read = |body: &str| source("").read(&webhook(&none, body)).expect_err("unreadable").to_string();
        assert!(read(r#"{"event_type":"form_response","form_response":{}}"#).contains("form_response.token"));
        assert!(read("{}").contains("event_type"));
        assert!(configure(settings("secret = ' '")).is_err());
    }
}

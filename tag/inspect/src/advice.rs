//! What there is to say of an event, in words that name what to do.
//!
//! Owns the overlay's judgement. What the relay refuses is taken from the same types and bounds of `shared` that the
//! relay reads events by; the advice beyond that is about what costs a conversion its worth. Pure, and tested natively.
//! Messages name fields and never quote values, which may be personal data.

use shared::consent::Purpose;
use shared::event::STANDARD_EVENTS;
use shared::identity::{Field, Hashes, Raw};
use shared::{Consent, Event, Signal, click_id, event_id, limits};

use crate::seen::Given;

/// How grave it is, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The event is lost if nothing is done.
    Refused,
    /// The event counts for less than it could.
    Advice,
    /// Good to know.
    Note,
}

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How grave it is.
    pub level: Level,
    /// In words.
    pub text: String,
}

impl Message {
    fn refused(text: impl Into<String>) -> Self {
        Self { level: Level::Refused, text: text.into() }
    }

    fn advice(text: impl Into<String>) -> Self {
        Self { level: Level::Advice, text: text.into() }
    }

    fn note(text: impl Into<String>) -> Self {
        Self { level: Level::Note, text: text.into() }
    }
}

/// Events that stand for money or a contract, and lose their worth without an amount.
const WITH_AMOUNT: [&str; 5] = ["Purchase", "Refund", "Subscribe", "Donate", "InitiateCheckout"];
/// Events that both browser and server report.
const WITH_ORDER: [&str; 3] = ["Purchase", "Refund", "Subscribe"];

/// About what the page handed over.
pub fn of_call(given: &Given) -> Vec<Message> {
    let mut messages = Vec::new();
    for name in &given.addresses_in {
        messages.push(Message::advice(format!(
            "properties.{name} holds an e-mail address, so it was left out; hand addresses to anytrack.identify({{ email }}), which hashes them"
        )));
    }
    for name in &given.amounts_as_text {
        messages.push(Message::advice(format!(
            "properties.{name} is text; write a number in major units, such as 59.9"
        )));
    }
    for name in &given.objects {
        messages.push(Message::advice(format!(
            "properties.{name} is an object, which no platform takes, so it was left out; use text, numbers, truth values and lists of those"
        )));
    }
    messages
}

/// Why nothing is sent, when consent is the reason.
pub fn of_consent(required: bool, answers: &Consent) -> Option<Message> {
    let needed = [Purpose::AdStorage, Purpose::AdUserData];
    let denied: Vec<_> = needed
        .into_iter()
        .filter(|purpose| answers.of(*purpose) == Some(Signal::Denied))
        .map(Purpose::name)
        .collect();
    if !denied.is_empty() {
        return Some(Message::advice(format!(
            "not sent: the visitor denied {}; nothing is sent until anytrack.consent() says otherwise",
            denied.join(" and ")
        )));
    }
    (!answers.allows(&needed, required)).then(|| {
        Message::advice(
            "waiting: this site requires consent (data-consent=\"required\") and there is no answer yet; call anytrack.consent({ ad_storage: \"granted\", ad_user_data: \"granted\" }) when the visitor agrees",
        )
    })
}

/// About an event as it leaves. `person` is what the page told of the person, by field.
pub fn of_event(event: &Event, person: &[Field]) -> Vec<Message> {
    let mut messages = refusals(event);
    messages.extend(about_name(&event.event));
    messages.extend(about_money(event));
    messages.extend(about_items(event));
    messages.extend(about_person(event, person));
    messages
}

/// An event that does not read.
pub fn unreadable(reason: &str) -> Message {
    Message::refused(format!("the relay will refuse this event: {reason}"))
}

/// An event the relay answered for.
pub fn refused(reason: &str) -> Message {
    Message::refused(format!("the relay refused this event: {reason}"))
}

/// About a page whose key no site at the relay has.
pub fn of_site(unknown: bool) -> Option<Message> {
    unknown.then(|| {
        Message::refused(
            "the relay knows no site with the key of this page, so it refuses every event: compare data-site with `key` in anytrack.toml",
        )
    })
}

/// A request that did not end well.
pub fn of_status(status: u16) -> Message {
    match status {
        0 => Message::advice(
            "the relay could not be reached, or the page may not read its answer; the event waits and is tried again. Is the page's origin missing from the site's `origins` in anytrack.toml, or the relay from connect-src of the page's policy?",
        ),
        403 => Message::refused(
            "the relay does not know this site or this page's origin (403): compare data-site with `key`, and the page's address with `origins`, in anytrack.toml",
        ),
        429 => Message::advice("too many requests (429): the event waits and is tried again"),
        500.. => {
            Message::advice(format!("the relay has trouble ({status}); the event waits and is tried again"))
        }
        _ => Message::refused(format!("the relay refused the request ({status})")),
    }
}

/// What the relay's reader refuses or drops, by the same bounds.
fn refusals(event: &Event) -> Vec<Message> {
    let mut messages = Vec::new();
    if event.event.trim().is_empty() || event.event.len() > limits::EVENT_NAME {
        messages.push(Message::refused(format!(
            "the relay will refuse this event: a name has 1 to {} bytes",
            limits::EVENT_NAME
        )));
    }
    if !event_id::valid(&event.event_id) {
        messages.push(Message::refused(format!(
            "the relay will refuse this event: an event_id has 1 to {} bytes",
            limits::EVENT_ID
        )));
    }
    for (name, id) in &event.click_ids {
        if !click_id::find(name).is_some_and(|spec| click_id::valid(spec, &id.value)) {
            messages.push(Message::advice(format!(
                "click_ids.{name} is not a value of this click id, so the relay ignores it"
            )));
        }
    }
    messages
}

/// A name that was meant to be a standard one.
fn about_name(name: &str) -> Option<Message> {
    let letters = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    if STANDARD_EVENTS.contains(&name) {
        return None;
    }
    let meant = STANDARD_EVENTS.into_iter().find(|standard| letters(standard) == letters(name));
    Some(match meant {
        Some(standard) => Message::advice(format!(
            "this is a custom event; did you mean {standard}? Names are case-sensitive"
        )),
        None => Message::note("a custom event: a platform gets it only where its destination maps the name"),
    })
}

fn about_money(event: &Event) -> Vec<Message> {
    let properties = &event.properties;
    let mut messages = Vec::new();
    if WITH_AMOUNT.contains(&event.event.as_str()) && properties.value.is_none() {
        messages.push(Message::advice(format!(
            "{} without a value: platforms cannot count or bid on its worth; add value: 59.9",
            event.event
        )));
    }
    let amounts = properties.value.is_some() || properties.items.iter().any(|item| item.price.is_some());
    if amounts && properties.currency.is_none() {
        messages.push(Message::advice(format!("{} without a currency: its amounts are not sent, because there is no default; add currency: \"EUR\"", event.event)));
    }
    if WITH_ORDER.contains(&event.event.as_str()) && properties.order_id.is_none() {
        messages.push(Message::advice(format!(
            "{} without an order_id: a copy from your server, your shop's webhook or a reloaded page would count again; add order_id",
            event.event
        )));
    }
    messages
}

fn about_items(event: &Event) -> Option<Message> {
    let nameless = event.properties.items.iter().filter(|item| item.id.is_none()).count();
    (nameless > 0).then(|| Message::advice(format!("{nameless} of the items have no id: catalogue ads cannot use them; add id as in your product feed")))
}

fn about_person(event: &Event, person: &[Field]) -> Vec<Message> {
    let mut messages = Vec::new();
    for field in Field::ALL {
        if person.contains(&field) && !event.user.has(field) && !in_clear(event, field) {
            let hint = match field {
                Field::Phone => "; write it with country code (+49…) or set data-country",
                Field::BirthDate => "; write it as 1990-04-23",
                Field::Country => "; write its two-letter code",
                _ => "",
            };
            messages.push(Message::advice(format!(
                "{}: not a usable value, so it was left out{hint}",
                field.name()
            )));
        }
    }
    let known = [Field::Email, Field::Phone].iter().any(|field| event.user.has(*field));
    if !known && WITH_ORDER.contains(&event.event.as_str()) {
        messages.push(Message::note("without e-mail or phone, platforms match this event by click and cookies alone; call anytrack.identify"));
    }
    messages
}

/// Whether what was given in clear is something the relay makes a form of.
fn in_clear(event: &Event, field: Field) -> bool {
    let clear = &event.user.clear;
    let text = match field {
        Field::City => &clear.city,
        Field::Region => &clear.region,
        Field::PostalCode => &clear.postal_code,
        Field::Country => &clear.country,
        Field::Email
        | Field::Phone
        | Field::FirstName
        | Field::LastName
        | Field::Gender
        | Field::BirthDate
        | Field::Street
        | Field::ExternalId => &None,
    };
    text.as_deref().is_some_and(|text| Hashes::of(field, &Raw::new(text), None).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, rest: &str) -> Event {
        let text =
            format!(r#"{{"event":"{name}","event_id":"1","time":1795183509123,"source":"web"{rest}}}"#);
        serde_json::from_str(&text).expect("an event")
    }

    /// Holds the advice on an event against parts of it, in order.
    fn check(name: &str, rest: &str, person: &[Field], expected: &[&str]) {
        let messages = of_event(&event(name, rest), person);
        let fits = messages.len() == expected.len()
            && messages.iter().zip(expected).all(|(message, part)| message.text.contains(part));
        assert!(fits, "{name} {rest}: {messages:#?}");
    }

    #[test]
    fn an_event_that_is_whole_needs_no_word() {
        let email = format!(r#","user":{{"email":["{}"]}}"#, "ab".repeat(32));
        check("PageView", "", &[], &[]);
        check(
            "Purchase",
            &format!(
                r#","properties":{{"value":5,"currency":"EUR","order_id":"7","items":[{{"id":"A"}}]}}{email}"#
            ),
            &[Field::Email],
            &[],
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let alone = "match this event by click";
        check("Purchase", "", &[], &["without a value", "without an order_id", alone]);
        check("Purchase", r#","properties":{"value":5,"order_id":"7"}"#, &[], &["without a currency", alone]);
        check(
            "ViewContent",
            r#","properties":{"items":[{"name":"x","price":2}]}"#,
            &[],
            &["without a currency", "1 of the items have no id"],
        );
        check(
            "Lead",
            "",
            &[Field::Email, Field::Phone],
            &[
                "email: not a usable value",
                "phone: not a usable value, so it was left out; write it with country code",
            ],
        );
        check(
            "Lead",
            r#","user":{"clear":{"city":"Berlin","country":"Germany"}}"#,
            &[Field::City, Field::Country],
            &[],
        );
        check(
            "Lead",
            r#","user":{"clear":{"country":"Atlantis"}}"#,
            &[Field::Country],
            &["country: not a usable value, so it was left out; write its two-letter code"],
        );
    }

    #[test]
    fn a_name_that_nearly_is_a_standard_one_is_noticed() {
        check("add_to_cart", "", &[], &["did you mean AddToCart"]);
        check("purchase", "", &[], &["did you mean Purchase"]);
        check("QuizDone", "", &[], &["a custom event: a platform gets it only"]);
    }

    #[test]
    fn what_the_relay_will_not_take_is_foretold() {
        let long = "x".repeat(limits::EVENT_NAME + 1);
        check(&long, "", &[], &["a name has 1 to 50 bytes", "a custom event"]);
        check(
            "Lead",
            r#","click_ids":{"fbclid":"{{id}}","nobody":"1"}"#,
            &[],
            &["click_ids.fbclid", "click_ids.nobody"],
        );
    }

    #[test]
    fn consent_says_why_nothing_is_sent() {
        let answers = |text: &str| serde_json::from_str::<Consent>(text).expect("answers");
        let check = |required, text: &str, part: Option<&str>| {
            let message = of_consent(required, &answers(text));
            assert_eq!(message.is_some(), part.is_some(), "{text}");
            assert!(message.zip(part).is_none_or(|(message, part)| message.text.contains(part)), "{text}");
        };
        check(false, "{}", None);
        check(true, "{}", Some("requires consent"));
        check(true, r#"{"ad_storage":"granted","ad_user_data":"granted"}"#, None);
        check(false, r#"{"ad_user_data":"denied"}"#, Some("denied ad_user_data"));
    }

    #[test]
    fn a_site_that_the_relay_does_not_know_is_named() {
        assert_eq!(of_site(false), None);
        let message = of_site(true).expect("a word");
        assert!(message.level == Level::Refused && message.text.contains("data-site"), "{message:?}");
    }

    #[test]
    fn every_status_says_what_to_do() {
        let check = |status, level, part: &str| {
            let message = of_status(status);
            assert_eq!(message.level, level, "{status}");
            assert!(message.text.contains(part), "{message:?}");
        };
        check(0, Level::Advice, "connect-src");
        check(0, Level::Advice, "`origins`");
        check(403, Level::Refused, "origins");
        check(503, Level::Advice, "tried again");
        check(400, Level::Refused, "400");
    }

    #[test]
    fn a_call_is_judged_without_its_values() {
        let given = Given {
            addresses_in: vec!["note".to_owned()],
            amounts_as_text: vec!["value".to_owned()],
            objects: vec!["cart".to_owned()],
            ..Given::default()
        };
        let parts =
            ["properties.note holds an e-mail", "properties.value is text", "properties.cart is an object"];
        let messages = of_call(&given);
        assert_eq!(messages.len(), parts.len());
        assert!(
            messages.iter().zip(parts).all(|(message, part)| message.text.contains(part)),
            "{messages:?}"
        );
    }
}

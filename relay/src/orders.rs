//! Orders: what is remembered of each, so that a refund knows what it takes back and a lowered total is noticed.
//!
//! A short note per order: what the platforms were told of it (name, value, currency, time, and how it came to them), how far that can be trusted,
//! and how much was paid back since. Owns how a refund is completed from it and when a second report of an order becomes a
//! correction. What the relay told the platforms stands before what a refund says of its order, because platforms find
//! the conversion by it. Amounts of different currencies are never reckoned against each other.

use serde::{Deserialize, Serialize};
use shared::identity::Field;
use shared::money::Currency;
use shared::{Consent, Event, Properties, Scalar, Source, UnixMs, event_id, time};

use crate::enrich;
use crate::rules::on_top_of;
use crate::store::{Draft, Note, StoreError, Transaction};

/// What is known of one order, in as few letters as will do: there is one per conversion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Order {
    /// How it came to the platforms.
    #[serde(flatten)]
    report: Report,
    /// The event by which it was reported.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    /// When it was placed, as the platforms were told.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    time: Option<UnixMs>,
    /// What it is worth, as the platforms were told last.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// In which currency.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    /// How far the value can be trusted.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    word: Option<Word>,
    /// How much was paid back so far.
    #[serde(rename = "b", default, skip_serializing_if = "is_nought")]
    back: f64,
}

/// How an order came to the platforms, which decides whether and where they know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Report {
    /// When it was reported, which may be long after it was placed.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    at: Option<UnixMs>,
    /// Where it came about.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    /// By what it could be matched: its click ids, and the fields known of the person.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    identifiers: Option<String>,
    /// What the visitor had agreed to.
    #[serde(rename = "a", default, skip_serializing_if = "Consent::is_empty")]
    consent: Consent,
}

impl Report {
    fn of(event: &Event, now: UnixMs) -> Self {
        let mut identifiers: Vec<&str> = event.click_ids.keys().map(String::as_str).collect();
        for field in Field::ALL {
            if event.user.has(field) {
                identifiers.push(field.name());
            }
        }
        Self {
            at: Some(now),
            source: Some(event.source),
            identifiers: Some(identifiers.join(" ")),
            consent: event.consent,
        }
    }

    /// Tells a refund of it. What the visitor agreed to for the order holds for taking it back.
    fn tell(&self, event: &mut Event) {
        let custom = &mut event.properties.custom;
        let told = [
            (ORDER_REPORTED, self.at.map(|at| Scalar::Integer(at.0))),
            (ORDER_SOURCE, self.source.map(|source| Scalar::Text(source.name().to_owned()))),
            (ORDER_IDENTIFIERS, self.identifiers.clone().map(Scalar::Text)),
        ];
        custom.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        event.consent = on_top_of(&self.consent, &event.consent);
        enrich::minimise(event);
    }
}

/// Whose word on an order's value it is, the most trustworthy last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Word {
    /// A report of one item of several, which says nothing of the others.
    #[serde(rename = "i")]
    Part,
    /// A network's that says what it pays, which is a share of what was paid.
    #[serde(rename = "c")]
    Commission,
    /// A page's, which anyone's browser may say.
    #[serde(rename = "p")]
    Page,
    /// A server's that knows what was paid but not for what: a payment service, a network.
    #[serde(rename = "s")]
    Server,
    /// A server's that knows what was bought: the shop itself.
    #[serde(rename = "o")]
    Shop,
}

impl Word {
    /// Whose word an event is.
    pub fn of(event: &Event) -> Self {
        let says = |name: &str| event.properties.custom.contains_key(name);
        if says(PART) {
            return Self::Part;
        }
        if says(COMMISSION) {
            return Self::Commission;
        }
        match event.source {
            Source::Web => Self::Page,
            Source::Server | Source::Crm | Source::Phone | Source::Store | Source::Email | Source::Chat => {
                if event.properties.items.is_empty() {
                    Self::Server
                } else {
                    Self::Shop
                }
            }
        }
    }
}

/// Whether an event takes back more than its word is worth: a page may say that its own order was returned, not one that a
/// server reported, because whoever guesses order numbers could take back a shop's conversions.
pub fn overreaches(tx: &mut dyn Transaction, site: &str, event: &Event) -> Result<bool, StoreError> {
    let Some(order_id) = event.properties.order_id.as_deref().filter(|_| event.event == REFUND) else {
        return Ok(false);
    };
    if event.source != Source::Web {
        return Ok(false);
    }
    Ok(recall(tx, site, order_id)?.is_some_and(|order| order.word > Some(Word::Page)))
}

/// Remembers an order that is reported for the first time, and completes a refund from what is remembered of its order.
pub fn note(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &mut Draft,
    word: Word,
) -> Result<(), StoreError> {
    if event.event == REFUND && event.properties.order_id.is_none() {
        let paid = by_payment(tx, site, event)?;
        event.change(|event| {
            let found = paid.is_some();
            event.properties.order_id = paid;
            found
        });
    }
    let Some(order_id) = event.properties.order_id.clone() else { return Ok(()) };
    if event.event == REFUND {
        let mut order = recall(tx, site, &order_id)?.unwrap_or_default();
        event.change(|event| complete(&mut order, event));
        return remember(tx, site, now, event.visitor_id.as_deref(), &order_id, &order);
    }
    if event.properties.value.is_none() || !is_paid(&event.event) {
        return Ok(());
    }
    let known = recall(tx, site, &order_id)?.unwrap_or_default();
    if known.event.is_some() {
        return Ok(());
    }
    let Properties { value, currency, .. } = event.properties;
    let (name, time, report) = (Some(event.event.clone()), Some(event.time), Report::of(event, now));
    let order = Order { report, event: name, time, value, currency, word: Some(word), back: known.back };
    for key in payments(event) {
        let note = Note { visitor: event.visitor_id.as_deref(), text: &order_id };
        tx.put_note(site, &key, note, now.plus(KEPT_LONGER_MS))?;
    }
    remember(tx, site, now, event.visitor_id.as_deref(), &order_id, &order)
}

/// The order that was paid by the payment of which a refund tells.
fn by_payment(tx: &mut dyn Transaction, site: &str, refund: &Event) -> Result<Option<String>, StoreError> {
    for key in payments(refund) {
        if let Some(order_id) = tx.note(site, &key)? {
            return Ok(Some(order_id));
        }
    }
    Ok(None)
}

/// The keys of the notes that lead from an event's payments to its order.
fn payments(event: &Event) -> Vec<String> {
    let of_one_payment = event.tokens.iter().filter(|(name, _)| PAYMENTS.contains(&name.as_str()));
    of_one_payment.map(|(name, token)| [PAYMENT, name, "=", token].concat()).collect()
}

/// What a further report of a known order makes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Nothing new.
    None,
    /// It says another value, which is not believed or cannot be told to platforms.
    Contradiction,
    /// The order turned out to be worth less: this refund says so.
    Lowered(Box<Event>),
}

/// Compares a further report of an order with what is remembered.
///
/// Only a word at least as good as the first counts, and only a lower value can be told: platforms have a way to take back
/// a part of a conversion, and none that all share to add to one.
pub fn compare(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &Event,
) -> Result<Change, StoreError> {
    let Properties { order_id: Some(order_id), value: Some(value), currency, .. } = &event.properties else {
        return Ok(Change::None);
    };
    let Some(mut order) = recall(tx, site, order_id)? else { return Ok(Change::None) };
    let Some(before) = order.value.filter(|_| order.event.as_ref() == Some(&event.event)) else {
        return Ok(Change::None);
    };
    if order.currency == *currency && (value - before).abs() < HALF_A_CENT {
        return Ok(Change::None);
    }
    let word = Word::of(event);
    if word == Word::Part {
        return Ok(Change::None);
    }
    if order.currency != *currency || order.word > Some(word) || *value > before || *value < 0.0 {
        return Ok(Change::Contradiction);
    }
    (order.value, order.word) = (Some(*value), Some(word));
    remember(tx, site, now, event.visitor_id.as_deref(), order_id, &order)?;
    Ok(Change::Lowered(Box::new(correction(event, order_id, before, &order))))
}

/// The refund that tells of a lowered value. Its id follows from order and value, so that the same news is told once.
fn correction(event: &Event, order_id: &str, before: f64, order: &Order) -> Event {
    let now_worth = order.value.unwrap_or_default();
    let mut refund = event.clone();
    REFUND.clone_into(&mut refund.event);
    refund.event_id = event_id::derive(REFUND, &format!("{order_id}-worth-{now_worth}"))
        .unwrap_or_else(|| format!("{REFUND}-{}", event.event_id));
    refund.attribution = None;
    let remaining = (now_worth - order.back).max(0.0);
    let told = [("order_value", before), ("remaining_value", remaining)];
    let mut custom: std::collections::BTreeMap<String, Scalar> =
        told.into_iter().map(|(name, amount)| (name.to_owned(), Scalar::Number(cents(amount)))).collect();
    custom.extend(order.time.map(|time| (ORDER_TIME.to_owned(), Scalar::Integer(time.0))));
    custom.extend(order.event.clone().map(|name| (ORDER_EVENT.to_owned(), Scalar::Text(name))));
    refund.properties = Properties {
        value: Some(cents(before - now_worth)),
        currency: event.properties.currency,
        order_id: Some(order_id.to_owned()),
        custom,
        ..Properties::default()
    };
    order.report.tell(&mut refund);
    refund
}

/// Tells a refund what it lacks of its order, and the order what was paid back. Answers whether the refund has changed.
fn complete(order: &mut Order, event: &mut Event) -> bool {
    let before = (event.properties.clone(), event.consent);
    order.report.tell(event);
    let Properties { value, currency, custom, .. } = &mut event.properties;
    if let Some(time) = order.time {
        custom.insert(ORDER_TIME.to_owned(), Scalar::Integer(time.0));
    }
    if let Some(name) = &order.event {
        custom.insert(ORDER_EVENT.to_owned(), Scalar::Text(name.clone()));
    }
    // What a network takes back of its share is no part of what the buyer paid; mostly it takes back the whole.
    if custom.contains_key(COMMISSION) && order.word.is_some_and(|word| word != Word::Commission) {
        (*value, *currency) = (None, None);
    }
    // A refund that names no amount takes all back, in the order's own currency.
    if value.is_none() && currency.is_none() {
        *currency = order.currency;
    }
    let same = currency.is_some() && *currency == order.currency;
    let left = custom.get("remaining_value").and_then(amount);
    match (order.value.filter(|_| same), *value, left) {
        (Some(whole), _, Some(left)) => order.back = cents((whole - left).max(0.0)),
        (Some(whole), Some(back), None) => {
            order.back = cents(order.back + back.abs());
            let left = cents((whole - order.back).max(0.0));
            custom.insert("remaining_value".to_owned(), Scalar::Number(left));
        }
        (Some(whole), None, None) => order.back = whole,
        // Reported before its order, or in another currency.
        (None, Some(back), _) if order.value.is_none() => order.back = cents(order.back + back.abs()),
        (None, _, _) => {}
    }
    if let Some(whole) = order.value.filter(|_| same) {
        custom.insert("order_value".to_owned(), Scalar::Number(whole));
    }
    (&event.properties, event.consent) != (&before.0, before.1)
}

fn amount(scalar: &Scalar) -> Option<f64> {
    let number = match scalar {
        Scalar::Integer(number) => *number as f64,
        Scalar::Number(number) => *number,
        Scalar::Text(text) => text.trim().parse().ok()?,
        Scalar::Bool(_) | Scalar::List(_) => return None,
    };
    number.is_finite().then_some(number)
}

fn recall(tx: &mut dyn Transaction, site: &str, order_id: &str) -> Result<Option<Order>, StoreError> {
    let text = tx.note(site, &[ORDER, order_id].concat())?;
    let read = |text: String| serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: "note" });
    text.map(read).transpose()
}

fn remember(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    visitor: Option<&str>,
    order_id: &str,
    order: &Order,
) -> Result<(), StoreError> {
    // A plain structure of ours always serialises.
    let text = serde_json::to_string(order).unwrap_or_default();
    let key = [ORDER, order_id].concat();
    tx.put_note(site, &key, Note { visitor, text: &text }, now.plus(KEPT_LONGER_MS))
}

/// Whether an event of this name is an order that somebody pays.
fn is_paid(name: &str) -> bool {
    matches!(name, "Purchase" | "Subscribe" | "Donate" | "StartTrial")
}

/// To the precision of the currencies there are, lest a sum of tenths look like something else.
fn cents(amount: f64) -> f64 {
    (amount * 1000.0).round() / 1000.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_nought(amount: &f64) -> bool {
    *amount == 0.0
}

/// An order is remembered this much longer than its dedup key, because refunds come late: platforms take corrections of a
/// conversion for up to 90 days (Microsoft), and dedup keys live 30 unless told otherwise.
const KEPT_LONGER_MS: i64 = 60 * time::DAY_MS;
/// Amounts nearer to each other than this are the same.
const HALF_A_CENT: f64 = 0.005;
/// The event that takes a conversion back.
const REFUND: &str = "Refund";
/// The property that says when an order was placed.
const ORDER_TIME: &str = "order_time";
/// The property that says by which event it was reported.
const ORDER_EVENT: &str = "order_event";
/// The property that says when it was reported.
const ORDER_REPORTED: &str = "order_reported";
/// The property that says where it came about, in the words of `source`.
const ORDER_SOURCE: &str = "order_source";
/// The property that lists by what it could be matched, between blanks.
const ORDER_IDENTIFIERS: &str = "order_identifiers";
/// The property by which a source says that the value is a network's commission.
pub const COMMISSION: &str = "commission";
/// The property by which a source says that the value is one item's, of an order that may have others.
pub const PART: &str = "part_of_order";
/// Tokens that stand for one payment, and not for a customer who pays often.
const PAYMENTS: [&str; 2] = ["stripe_invoice", "stripe_payment_intent"];
/// Prefix of the note that leads from a payment to its order.
const PAYMENT: &str = "pay:";
/// Prefix of the note of an order.
const ORDER: &str = "ord:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    fn known(value: f64, back: f64) -> Order {
        Order {
            report: Report::default(),
            event: Some("Purchase".to_owned()),
            time: Some(UnixMs(1000)),
            value: Some(value),
            currency: Currency::parse("EUR"),
            word: Some(Word::Page),
            back,
        }
    }

    #[test]
    fn a_refund_learns_what_it_takes_back() {
        let check = |mut order: Order, properties: &str, left: Option<f64>, back: f64| {
            let json =
                format!(r#"{{"event":"Refund","event_id":"r","properties":{{"order_id":"1"{properties}}}}}"#);
            let mut refund = event(&json);
            complete(&mut order, &mut refund);
            let custom = &refund.properties.custom;
            assert_eq!(custom.get("remaining_value").and_then(amount), left, "{properties}");
            assert_eq!(order.back, back, "{properties}");
        };
        let eur = |value: &str| format!(r#","value":{value},"currency":"EUR""#);
        check(known(59.9, 0.0), &eur("20"), Some(39.9), 20.0);
        check(known(59.9, 20.0), &eur("-20.1"), Some(19.8), 40.1);
        check(known(59.9, 50.0), &eur("20"), Some(0.0), 70.0);
        check(known(59.9, 0.0), "", None, 59.9);
        check(known(59.9, 0.0), &[&eur("20"), r#","remaining_value":30"#].concat(), Some(30.0), 29.9);
        check(known(59.9, 0.0), r#","value":20,"currency":"USD""#, None, 0.0);
        check(known(59.9, 0.0), r#","value":20"#, None, 0.0);
        check(Order::default(), &eur("20"), None, 20.0);
        // A network's share of an order that the shop told of is not a part of the order's money.
        check(known(59.9, 0.0), &[&eur("20"), r#","commission":true"#].concat(), None, 59.9);
        let paid = Order { word: Some(Word::Commission), ..known(59.9, 0.0) };
        check(paid, &[&eur("20"), r#","commission":true"#].concat(), Some(39.9), 20.0);
    }

    #[test]
    fn whose_word_it_is() {
        let check = |json: &str, expected| assert_eq!(Word::of(&event(json)), expected, "{json}");
        check(
            r#"{"event":"Purchase","page":{"url":"https://shop.example/"},"properties":{"items":[{"id":"1"}]}}"#,
            Word::Page,
        );
        check(r#"{"event":"Purchase","properties":{"value":1}}"#, Word::Server);
        check(r#"{"event":"Purchase","properties":{"items":[{"id":"1"}]}}"#, Word::Shop);
        check(r#"{"event":"Purchase","properties":{"value":1,"commission":true}}"#, Word::Commission);
        check(
            r#"{"event":"Purchase","properties":{"value":1,"items":[{"id":"1"}],"part_of_order":true}}"#,
            Word::Part,
        );
        assert!(
            Word::Part < Word::Commission
                && Word::Commission < Word::Page
                && Word::Page < Word::Server
                && Word::Server < Word::Shop
        );
    }

    #[test]
    fn a_refund_learns_how_its_order_came_to_the_platforms() {
        let order = event(
            r#"{"event":"Subscribe","event_id":"o","time":1000,"source":"crm","click_ids":{"gclid":"x"},
                "user":{"email":"jane@example.com"},"consent":{"ad_user_data":"denied"}}"#,
        );
        let mut known = Order {
            report: Report::of(&order, UnixMs(5000)),
            event: Some("Subscribe".to_owned()),
            ..known(59.9, 0.0)
        };
        let mut refund = event(
            r#"{"event":"Refund","event_id":"r","user":{"email":"jane@example.com"},"properties":{"order_id":"1"}}"#,
        );
        assert!(complete(&mut known, &mut refund));
        let told = serde_json::to_value(&refund.properties.custom).expect("plain");
        assert_eq!(told["order_event"], "Subscribe");
        assert_eq!(told["order_source"], "crm");
        assert_eq!(told["order_reported"], 5000);
        assert_eq!(told["order_identifiers"], "gclid email");
        assert!(refund.consent.ad_user_data == order.consent.ad_user_data && refund.user.is_empty());
    }

    #[test]
    fn the_note_is_short() {
        let text = serde_json::to_string(&known(59.9, 0.0)).expect("plain");
        assert_eq!(text, r#"{"e":"Purchase","t":1000,"v":59.9,"c":"EUR","w":"p"}"#);
        assert_eq!(serde_json::from_str::<Order>(&text).expect("its own text"), known(59.9, 0.0));
    }
}

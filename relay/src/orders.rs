//! Orders: what is remembered of each, so that a refund knows what it takes back and a lowered total is noticed.
//!
//! A short note per order: what the platforms were told of it (name, value, currency, time, and how it came to them), how far that can be trusted,
//! and how much was paid back since. Owns how a refund is completed from it and when a second report of an order becomes a
//! correction. What the relay told the platforms stands before what a refund says of its order, because platforms find
//! the conversion by it. Amounts of different currencies are never reckoned against each other.

mod change;
mod early;
mod payments;
mod present;
mod refund;
mod report;
mod unreported;

use serde::{Deserialize, Deserializer, Serialize};
use shared::money::Currency;
use shared::{Event, Properties, Source, UnixMs, time};

use crate::enrich;
use crate::store::order_note::ORDER;
use crate::store::{Draft, Note, Seq, StoreError, Transaction};
pub use change::{Change, compare};
use early::Taken;
pub use early::kept_for;
pub use payments::{lead, names_payment, order_paid_by};
pub use present::{Present, present};
use refund::note_refund;
use report::Report;
pub use unreported::{ONLY_IF_REPORTED, left_its_key, of_nothing};

/// What is known of one order, in as few letters as will do: there is one per conversion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Order {
    /// How it came to the platforms.
    #[serde(flatten)]
    report: Report,
    /// The number of that report in the log.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
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
    #[serde(rename = "b", default, deserialize_with = "or_nought", skip_serializing_if = "is_nought")]
    back: f64,
    /// How much of that on the word of pages alone.
    #[serde(rename = "p", default, deserialize_with = "or_nought", skip_serializing_if = "is_nought")]
    by_pages: f64,
    /// What was taken back of it before anybody reported it.
    #[serde(rename = "y", default, skip_serializing_if = "Vec::is_empty")]
    early: Vec<Taken>,
    /// When it was called off unpaid, and how much that took back.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    off: Option<(UnixMs, f64)>,
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
/// server reported or confirmed, because whoever guesses order numbers could take back a shop's conversions; and not once servers
/// tell of what is paid back of it, who know of the page's as well.
pub fn overreaches(tx: &mut dyn Transaction, site: &str, event: &Event) -> Result<bool, StoreError> {
    let Some(order_id) = event.properties.order_id.as_deref().filter(|_| event.event == REFUND) else {
        return Ok(false);
    };
    if event.source != Source::Web {
        return Ok(false);
    }
    Ok(recall(tx, site, order_id)?.is_some_and(|order| {
        order.word > Some(Word::Page)
            || order.report.is_of_a_server()
            || order.back > order.by_pages
            || !order.early.is_empty()
    }))
}

/// What a refund of a known order may be used for, which must be known before it is decided who is left without it.
pub fn agree(tx: &mut dyn Transaction, site: &str, event: &mut Draft) -> Result<(), StoreError> {
    let Some(order_id) = event.properties.order_id.clone().filter(|_| event.event == REFUND) else {
        return Ok(());
    };
    if let Some(order) = recall(tx, site, &order_id)? {
        event.consent = order.report.agreed(event);
        event.change(enrich::minimise);
    }
    Ok(())
}

/// Completes a refund from what is remembered of its order, and answers what is to be remembered of an order that is reported
/// for the first time, once it has its number.
///
/// A copy that goes to those who could not have the one before is what they know the order by, and whoever had that one is told if
/// the order was paid after it was called off; a refund's copy takes nothing back a second time.
pub fn note(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &mut Draft,
    word: Word,
) -> Result<Option<Reported>, StoreError> {
    let Some(order_id) = event.properties.order_id.clone() else { return Ok(None) };
    let is_copy = event.attribution.as_ref().is_some_and(|record| record.earlier.is_some());
    if event.event == REFUND {
        note_refund(tx, site, now, event, &order_id, is_copy)?;
        return Ok(None);
    }
    if event.properties.value.is_none() || !is_paid(&event.event) {
        return Ok(None);
    }
    let known = recall(tx, site, &order_id)?.unwrap_or_default();
    if known.event.is_some() && !is_copy {
        return Ok(None);
    }
    let Properties { value, currency, .. } = event.properties;
    let (name, time, report) = (Some(event.event.clone()), Some(event.time), Report::of(event, now));
    // A copy brings a consent; who else has vouched for the order has done so.
    let word = known.word.map_or(word, |before| before.max(word));
    let back = early::paid_back(&known, event, word);
    let held_again = is_copy.then(|| change::paid_with_its_copy(&known, event, &order_id, now)).flatten();
    let (back, off, news) = match held_again {
        Some((back, news)) => (back, None, Some(news)),
        None => (back, known.off, None),
    };
    let order = Order {
        report,
        seq: None,
        event: name,
        time,
        value,
        currency,
        word: Some(word),
        back,
        by_pages: known.by_pages,
        early: Vec::new(),
        off,
    };
    Ok(Some(Reported { order_id, visitor: event.visitor_id.clone(), order, news }))
}

/// An order that was just reported and is still to be remembered.
#[derive(Debug)]
#[must_use = "an order that is not remembered is unknown to its refunds"]
pub struct Reported {
    order_id: String,
    visitor: Option<String>,
    order: Order,
    news: Option<Box<Event>>,
}

impl Reported {
    /// Remembers the order, whose report has this number in the log. Answers the refund that tells its news to those who knew of it
    /// before.
    pub fn remember(
        self,
        tx: &mut dyn Transaction,
        site: &str,
        now: UnixMs,
        seq: Seq,
    ) -> Result<Option<Box<Event>>, StoreError> {
        let Self { order_id, visitor, order, news } = self;
        remember(tx, site, now, visitor.as_deref(), &order_id, &Order { seq: Some(seq), ..order })?;
        Ok(news)
    }
}

fn recall(tx: &mut dyn Transaction, site: &str, order_id: &str) -> Result<Option<Order>, StoreError> {
    Ok(tx.note(site, &key(order_id))?.and_then(|text| read(&text)))
}

/// The key of an order's note.
fn key(order_id: &str) -> String {
    [ORDER, order_id].concat()
}

/// Reads an order's note. One that cannot be read is an order that nobody knows: a single order must not stop what follows it.
fn read(text: &str) -> Option<Order> {
    serde_json::from_str(text)
        .inspect_err(|_| tracing::error!("a note of an order cannot be read and is passed over"))
        .ok()
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
    tx.put_note(site, &key(order_id), Note { visitor, text: &text }, now.plus(KEPT_LONGER_MS))
}

/// What the refund is about that calls an order off before it was paid, as the ids of refunds have it.
pub fn calling_off(order_id: &str) -> String {
    [order_id, "-cancelled"].concat()
}

/// Takes off an order what a source says for us alone. Answers whether there was anything.
pub fn unmark(event: &mut Event) -> bool {
    event.properties.custom.remove(OF_SHOP).is_some()
}

/// Whether an event of this name is an order that somebody pays.
fn is_paid(name: &str) -> bool {
    PAID.contains(&name)
}

/// To the precision of the currencies there are, lest a sum of tenths look like something else; and within what an order can
/// be worth, because anybody may name an amount whose sums are no numbers any more.
fn cents(amount: f64) -> f64 {
    (amount.clamp(-MOST, MOST) * 1000.0).round() / 1000.0
}

/// An amount; what was no number when it was written is nothing.
fn or_nought<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_nought(amount: &f64) -> bool {
    *amount == 0.0
}

/// An order is remembered this much longer than its dedup key, because refunds come late: platforms take corrections of a
/// conversion for up to 90 days (Microsoft), and dedup keys live 30 unless told otherwise.
const KEPT_LONGER_MS: i64 = 60 * time::DAY_MS;
/// More than any order is worth, in the smallest of currencies.
const MOST: f64 = 1e15;
/// Amounts nearer to each other than this are the same.
const HALF_A_CENT: f64 = 0.005;
/// The events that are orders somebody pays.
const PAID: [&str; 4] = ["Purchase", "Subscribe", "Donate", "StartTrial"];
/// The event that takes a conversion back.
const REFUND: &str = "Refund";
/// The property that says when an order was placed.
const ORDER_TIME: &str = "order_time";
/// The property that says by which event it was reported.
const ORDER_EVENT: &str = "order_event";
/// The property that says what it was worth.
const ORDER_VALUE: &str = "order_value";
/// The property that says what of it is left.
const REMAINING: &str = "remaining_value";
/// The property by which a source says that the value is a network's commission.
pub const COMMISSION: &str = "commission";
/// The value of that property of a refund that takes back a part of the commission only.
pub const IN_PART: &str = "part";
/// The property by which a source says that the value is one item's, of an order that may have others.
pub const PART: &str = "part_of_order";
/// The property by which a shop's source says that an order which lists nothing is its own all the same. It is for us alone.
pub const OF_SHOP: &str = "of_shop";

#[cfg(test)]
mod tests;

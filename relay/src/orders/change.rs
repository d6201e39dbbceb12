//! What a further report of a known order makes of it: nothing, or news for the platforms, which are told by a refund.
//!
//! Owns whose word is believed, and how the news is told; leaves to `pipeline` that it is told once.

use std::collections::BTreeMap;

use shared::{Event, Properties, Scalar, UnixMs, event_id};

use super::{
    HALF_A_CENT, ORDER_EVENT, ORDER_TIME, ORDER_VALUE, Order, REFUND, REMAINING, Word, cents, recall,
    remember,
};
use crate::store::{StoreError, Transaction};

/// What a further report of a known order makes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Nothing new.
    None,
    /// It says another value, which is not believed or cannot be told to platforms.
    Contradiction,
    /// The order turned out to be worth less: this refund says so.
    Lowered(Box<Event>),
    /// The order was called off unpaid and paid after all: this refund, which takes nothing back, says what of it holds again.
    PaidAfterAll(Box<Event>),
}

/// Compares a further report of an order with what is remembered.
///
/// Only a word at least as good as the first counts, and only a lower value can be told: platforms have a way to take back
/// a part of a conversion, and none that all share to add to one. But what they were told to take back because nobody paid
/// can be told to stand by those that take what is said last.
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
    let word = Word::of(event);
    if let Some(taken) = called_off_before(&order, event, word) {
        let is_less = order.currency == *currency && (0.0..before).contains(value);
        order.back = cents((order.back - taken).max(0.0));
        order.value = Some(if is_less { *value } else { before });
        (order.off, order.word) = (None, order.word.max(Some(word)));
        remember(tx, site, now, event.visitor_id.as_deref(), order_id, &order)?;
        let news = told(event, order_id, &format!("{order_id}-paid"), before, &order);
        return Ok(Change::PaidAfterAll(Box::new(news)));
    }
    // Nothing new is also what is left after refunds that were told: some report an order anew once it has shrunk.
    let same = |known: f64| order.currency == *currency && (value - known).abs() < HALF_A_CENT;
    if same(before) || same(before - order.back) {
        if word > Word::Page && order.word < Some(word) {
            order.word = Some(word);
            remember(tx, site, now, event.visitor_id.as_deref(), order_id, &order)?;
        }
        return Ok(Change::None);
    }
    if word == Word::Part {
        return Ok(Change::None);
    }
    if order.currency != *currency || order.word > Some(word) || *value > before || *value < 0.0 {
        return Ok(Change::Contradiction);
    }
    (order.value, order.word) = (Some(*value), Some(word));
    remember(tx, site, now, event.visitor_id.as_deref(), order_id, &order)?;
    let news = told(event, order_id, &format!("{order_id}-worth-{value}"), before, &order);
    Ok(Change::Lowered(Box::new(news)))
}

/// How much was taken back because an order was called off unpaid, if a server says now that it happened later than that. A page may
/// be opened again at any time, and a network or one item says nothing of the payment.
fn called_off_before(order: &Order, report: &Event, word: Word) -> Option<f64> {
    let (at, taken) = order.off?;
    (word >= Word::Server && report.time > at).then_some(taken)
}

/// The refund that tells of an order's news. Its id follows from what it is about, so that the same news is told once.
fn told(event: &Event, order_id: &str, about: &str, before: f64, order: &Order) -> Event {
    let now_worth = order.value.unwrap_or_default();
    let mut refund = event.clone();
    REFUND.clone_into(&mut refund.event);
    refund.event_id =
        event_id::derive(REFUND, about).unwrap_or_else(|| format!("{REFUND}-{}", event.event_id));
    refund.attribution = None;
    let remaining = (now_worth - order.back).max(0.0);
    let told = [(ORDER_VALUE, before), (REMAINING, remaining)];
    let mut custom: BTreeMap<String, Scalar> =
        told.into_iter().map(|(name, amount)| (name.to_owned(), Scalar::Number(cents(amount)))).collect();
    custom.extend(order.time.map(|time| (ORDER_TIME.to_owned(), Scalar::Integer(time.0))));
    custom.extend(order.event.clone().map(|name| (ORDER_EVENT.to_owned(), Scalar::Text(name))));
    refund.properties = Properties {
        value: Some(cents(before - now_worth)),
        currency: order.currency,
        order_id: Some(order_id.to_owned()),
        custom,
        ..Properties::default()
    };
    order.report.tell(&mut refund);
    refund
}

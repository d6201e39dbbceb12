//! What a further report of a known order makes of it: nothing, or news for the platforms, which are told by a refund.
//!
//! Owns whose word is believed, also that an order was paid after it was called off, and how the news is told; leaves to `pipeline`
//! that it is told once.

use std::collections::BTreeMap;

use shared::{Event, Properties, Scalar, UnixMs, event_id};

use super::{
    HALF_A_CENT, OF_SHOP, ORDER_EVENT, ORDER_TIME, ORDER_VALUE, Order, REFUND, REMAINING, Word, cents,
    payments, recall, remember,
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
    if let Some(taken) = called_off_before(&order, event, now) {
        hold_again(&mut order, event, taken);
        order.word = order.word.max(Some(word));
        remember(tx, site, now, event.visitor_id.as_deref(), order_id, &order)?;
        let news = told(event, order_id, &paid(order_id), before, &order);
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

/// The same of a copy that brings the consent, and so goes as the order itself to those who could not have it before: how much is
/// paid back of it now, and the refund for those who had it, under the consent by which they had.
pub(super) fn paid_with_its_copy(
    known: &Order,
    copy: &Event,
    order_id: &str,
    now: UnixMs,
) -> Option<(f64, Box<Event>)> {
    let before = known.value.filter(|_| known.event.as_ref() == Some(&copy.event))?;
    let taken = called_off_before(known, copy, now)?;
    let mut order = known.clone();
    hold_again(&mut order, copy, taken);
    let mut report = copy.clone();
    report.consent = copy.attribution.as_ref()?.earlier?;
    let news = told(&report, order_id, &paid(order_id), before, &order);
    Some((order.back, Box::new(news)))
}

/// How much was taken back because an order was called off unpaid, if this report says that it was paid later than that. The shop
/// knows, and who took a payment and names it. A page may be opened again at any time, a network reports what is pending, and one
/// item says nothing of the payment. What happened when it arrived may be a repeat to which nobody gave a time.
fn called_off_before(order: &Order, report: &Event, now: UnixMs) -> Option<f64> {
    let (at, taken) = order.off?;
    let word = Word::of(report);
    let is_told = || payments::names_payment(report) || report.properties.custom.contains_key(OF_SHOP);
    let knows = word >= Word::Shop || word >= Word::Server && is_told();
    (knows && report.time > at && report.time < now).then_some(taken)
}

/// Undoes that an order was called off, as far as a report says that it holds.
fn hold_again(order: &mut Order, report: &Event, taken: f64) {
    let Properties { value, currency, .. } = report.properties;
    let lower = |value: &f64| order.value.is_some_and(|before| (0.0..before).contains(value));
    let less = value.filter(|value| order.currency == currency && lower(value));
    order.value = less.or(order.value);
    order.back = cents((order.back - taken).max(0.0));
    order.off = None;
}

/// What the refund is about that says of an order that it was paid after all.
fn paid(order_id: &str) -> String {
    [order_id, "-paid"].concat()
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

//! What a refund learns of its order, and the order of its refund.

use shared::{Event, Properties, Scalar, Source, UnixMs, event_id};

use super::{
    COMMISSION, IN_PART, ORDER_EVENT, ORDER_TIME, ORDER_VALUE, Order, REMAINING, Word, calling_off, cents,
    early, recall, remember,
};
use crate::store::{Draft, StoreError, Transaction};

/// Completes a refund, and remembers what it takes back.
pub(super) fn note_refund(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &mut Draft,
    order_id: &str,
    is_copy: bool,
) -> Result<(), StoreError> {
    let known = recall(tx, site, order_id)?;
    let of_page = event.source == Source::Web;
    if of_page && known.as_ref().is_none_or(|order| order.event.is_none()) {
        // Nobody has reported the order yet, and a page takes nothing off what a server may report.
        return Ok(());
    }
    let mut order = known.unwrap_or_default();
    if !of_page {
        // Servers know of what was paid back, also of what pages told before: their word stands in place of the pages'.
        order.back = cents((order.back - order.by_pages).max(0.0));
        order.by_pages = 0.0;
    }
    let back = order.back;
    let early = is_copy.then(|| order.early.clone());
    if is_copy {
        order.back = before(&order, event);
    }
    event.change(|event| complete(&mut order, event));
    if let Some(early) = early {
        (order.back, order.early) = (back, early);
    }
    let taken = cents(order.back - back);
    if of_page {
        order.by_pages = cents(order.by_pages + taken);
    } else if taken > 0.0 && calls_off(event, order_id) {
        order.off = Some((event.time, taken));
    }
    remember(tx, site, now, event.visitor_id.as_deref(), order_id, &order)
}

/// Whether a refund calls its order off before it was paid.
fn calls_off(refund: &Event, order_id: &str) -> bool {
    event_id::derive(&refund.event, &calling_off(order_id)).as_ref() == Some(&refund.event_id)
}

/// How much had been paid back before a refund of which a copy was taken already.
fn before(order: &Order, refund: &Event) -> f64 {
    let amount = refund.properties.value.map_or(order.back, f64::abs);
    cents((order.back - amount).max(0.0))
}

/// Tells a refund what it lacks of its order, and the order what was paid back. Answers whether the refund has changed.
pub(super) fn complete(order: &mut Order, event: &mut Event) -> bool {
    let before = event.clone();
    introduce(order, event);
    if order.value.is_none() {
        early::take_back(order, event);
        return *event != before;
    }
    let Properties { value, currency, custom, .. } = &mut event.properties;
    if let Some(share) = custom.get(COMMISSION)
        && order.word.is_some_and(|word| word != Word::Commission)
    {
        // What a network takes back of its share is no part of what the buyer paid; mostly it takes back the whole.
        (*value, *currency) = (None, None);
        if *share == Scalar::Text(IN_PART.to_owned())
            && let Some(whole) = order.value
        {
            custom.insert(REMAINING.to_owned(), Scalar::Number(cents((whole - order.back).max(0.0))));
        }
    }
    // A refund that names no amount takes all back, in the order's own currency.
    if value.is_none() && currency.is_none() {
        *currency = order.currency;
    }
    let same = currency.is_some() && *currency == order.currency;
    let whole = order.value.filter(|_| same);
    let left = custom.get(REMAINING).and_then(amount);
    let mut is_known = true;
    let left = if order.word == Some(Word::Commission) && !custom.contains_key(COMMISSION) {
        // What the shop gives back is no part of a network's share, but the share shrinks as the order does.
        let share = match (custom.get(ORDER_VALUE).and_then(amount), left, *value) {
            (Some(said), Some(left), _) if said > 0.0 => Some(left / said),
            (_, _, None) => Some(0.0),
            (_, _, Some(_)) => None,
        };
        custom.remove(REMAINING);
        is_known = share.is_some();
        whole.zip(share).map(|(whole, share)| whole * share)
    } else {
        match (whole, *value) {
            (Some(whole), Some(back)) if left.is_none() => Some(whole - cents(order.back + back.abs())),
            (Some(_), None) if left.is_none() => Some(0.0),
            (_, _) => left,
        }
    };
    if let Some((whole, left)) = whole.zip(left) {
        // News may come out of order, and what was paid back stays so.
        order.back = cents((whole - left).max(order.back));
        if value.is_some() || custom.contains_key(REMAINING) {
            custom.insert(REMAINING.to_owned(), Scalar::Number(cents((whole - order.back).max(0.0))));
        }
    }
    if let Some(whole) = whole {
        if is_known {
            custom.insert(ORDER_VALUE.to_owned(), Scalar::Number(whole));
        } else {
            // The shop's amounts and the network's share cannot be reckoned against each other.
            custom.remove(ORDER_VALUE);
        }
    }
    *event != before
}

/// Tells a refund as what, when and how its order came to the platforms.
pub(super) fn introduce(order: &Order, event: &mut Event) {
    order.report.tell(event);
    let custom = &mut event.properties.custom;
    if let Some(time) = order.time {
        custom.insert(ORDER_TIME.to_owned(), Scalar::Integer(time.0));
    }
    if let Some(name) = &order.event {
        custom.insert(ORDER_EVENT.to_owned(), Scalar::Text(name.clone()));
    }
}

pub(super) fn amount(scalar: &Scalar) -> Option<f64> {
    let number = match scalar {
        Scalar::Integer(number) => *number as f64,
        Scalar::Number(number) => *number,
        Scalar::Text(text) => text.trim().parse().ok()?,
        Scalar::Bool(_) | Scalar::List(_) => return None,
    };
    number.is_finite().then_some(number)
}

//! Orders at a platform that takes what is said last for an order's value ([`Restates`]).
//!
//! There a refund says what is left of its order. So an order that is sent again after a refund may undo it,
//! and so may an older refund a newer one: each is told what is left now. A refund of an order that the platform was never sent
//! may make an order of it: it is left out where the relay knows that. While the order is on its way its refund waits, and then for
//! as long as the platform needs to know the order. Owns these
//! decisions, which need the store, so `preview` knows nothing of them; leaves the sums to [`orders`].
//!
//! A refund that overtook its order has nothing to take back yet: it waits for the order to be reported, for as long as a sender may
//! repeat one that it could not deliver, and then goes as any other, but says no more than the least that is known to be left. So does
//! one that names a payment whose order nobody knows yet.
//!
//! An order that was called off unpaid before it could go, and that would be taken away there, waits as well: it may be paid after all.
//!
//! When an order was delivered leaves no trace, only that it is no longer on its way. So a refund that waits for that looks again
//! and again, and its reason says what it saw last.
//!
//! That an order was skipped there leaves no trace. What the refund is told of its order (consent, identifiers, name) makes the
//! platform skip it for the same reason, as long as the settings are the same.

use std::sync::Arc;

use shared::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use shared::{Source, UnixMs};

use super::round::Item;
use crate::config::Destination;
use crate::orders::{self, Present};
use crate::platform::{Restates, Skip, SkipReason, refund};
use crate::store::{Standing, Store, StoreError};

/// The events of a round as they are to be sent now, and which of them are not.
pub(super) async fn as_they_stand(
    store: &dyn Store,
    destination: &Destination,
    mut items: Vec<Item>,
    now: UnixMs,
) -> Result<Vec<Item>, StoreError> {
    let Some(restates) = destination.platform.restates() else { return Ok(items) };
    for item in &mut items {
        let is_refund = item.event.event == REFUND;
        if is_refund && !find_order(store, &destination.site, item).await? {
            item.left_out = awaits_its_order(item, now);
            continue;
        }
        let Some(order_id) = item.event.properties.order_id.as_deref() else { continue };
        // An order that goes for the first time goes before its refunds, as it came.
        if !is_refund && !item.pending {
            continue;
        }
        let Some(order) = orders::present(store, &destination.site, order_id).await? else { continue };
        if is_refund && !is_reported(store, &destination.site, &order, item).await? {
            item.left_out = awaits_its_order(item, now);
        } else if is_refund {
            let standing = match order.reported() {
                Some(seq) => store.standing(&destination.name, seq).await?,
                None => Standing::Settled,
            };
            item.left_out = unfit(restates, standing, item, now);
        }
        if item.left_out.is_none() {
            let lowered = tell(store, &order, item).await? && !is_refund;
            item.left_out = taken_away(restates, &order, item, now).filter(|_| lowered);
        }
    }
    Ok(items)
}

/// Tells an event of its order as it is now. Answers whether that is something else than it says.
async fn tell(store: &dyn Store, order: &Present, item: &mut Item) -> Result<bool, StoreError> {
    let mut event = (*item.event).clone();
    let told = order.tell(&mut event);
    if order.lend(store, &mut event).await? || told {
        item.event = Arc::new(event);
    }
    Ok(told)
}

/// Finds the order of a refund that names only a payment. Answers whether none is missing: a server's refund of a payment whose order
/// nobody has reported yet has none.
async fn find_order(store: &dyn Store, site: &str, refund: &mut Item) -> Result<bool, StoreError> {
    let is_led = refund.event.source != Source::Web && orders::names_payment(&refund.event);
    if refund.event.properties.order_id.is_some() || !is_led {
        return Ok(true);
    }
    let Some(order_id) = orders::order_paid_by(store, site, &refund.event).await? else { return Ok(false) };
    let mut event = (*refund.event).clone();
    event.properties.order_id = Some(order_id);
    refund.event = Arc::new(event);
    Ok(true)
}

/// Whether anybody has reported the order of a refund.
async fn is_reported(
    store: &dyn Store,
    site: &str,
    order: &Present,
    refund: &Item,
) -> Result<bool, StoreError> {
    Ok(order.is_reported() || orders::left_its_key(store, site, &refund.event).await?)
}

/// Why a refund waits whose order nobody has reported, if somebody may do so yet. Whoever repeats an order gives up some days after
/// it was placed; and one that only the platform's own tag has told of is reported by nobody.
fn awaits_its_order(item: &Item, now: UnixMs) -> Option<Skip> {
    let placed = refund::order_time(&item.event).ok().flatten();
    let until = placed.map_or(item.received, |placed| placed.min(item.received)).plus(OVERTAKEN_MS);
    // A page takes nothing off an order that is yet to be reported.
    let waits = item.event.source != Source::Web && now < until;
    waits.then(|| Skip::until(until.min(now.plus(LOOK_AGAIN_MS)), NOT_REPORTED))
}

/// Why a refund must not go, or not yet, for the sake of its order.
fn unfit(restates: Restates, standing: Standing, refund: &Item, now: UnixMs) -> Option<Skip> {
    let not_sent = |why: &str| {
        let detail =
            format!("its order was not sent here: {why}; the platform would make an order of the refund");
        restates.alone.then(|| Skip::new(SkipReason::OrderNotSent, detail))
    };
    let on_its_way = |from: UnixMs, why: &str| Some(Skip::until(from.max(now).plus(LOOK_AGAIN_MS), why));
    let is_known_later = |why: &str| Some(Skip::until(now.plus(restates.after_ms), why));
    let saw_it_on_its_way = || refund.reason.as_deref().is_some_and(|last| ON_ITS_WAY.contains(&last));
    match standing {
        Standing::Before => not_sent("it is older than this destination"),
        Standing::Dead => not_sent("it is in the dead letter"),
        Standing::Unread => on_its_way(now, GOES_FIRST),
        Standing::Pending(due) => on_its_way(due, STILL_TRIED),
        Standing::Settled if saw_it_on_its_way() => is_known_later("its order has gone only just now"),
        // What comes late to a refund came late to its order, which may have gone a moment ago.
        Standing::Settled if !refund.pending && now.since(refund.received) > LATE_MS => {
            is_known_later("this destination was behind; its order may have gone only just now")
        }
        Standing::Settled => None,
    }
}

/// Why an order of which nothing is left is not sent again, or not yet: one that was called off unpaid may be paid after all.
fn taken_away(restates: Restates, order: &Present, item: &Item, now: UnixMs) -> Option<Skip> {
    let is_back = item.event.properties.value.is_some_and(refund::is_all_back);
    if !restates.takes_away || !is_back {
        return None;
    }
    let until = order.called_off().map(|at| at.plus(CALLED_OFF_MS)).filter(|until| now < *until);
    Some(match until {
        Some(until) => Skip::until(until.min(now.plus(LOOK_AGAIN_MS)), CALLED_OFF),
        None => Skip::new(SkipReason::Superseded, "a refund has taken the whole order back since"),
    })
}

/// The event that takes an order back.
const REFUND: &str = "Refund";
/// Why a refund waits whose order nobody has reported.
const NOT_REPORTED: &str = "nobody has reported its order yet";
/// Why an order waits that was called off.
const CALLED_OFF: &str = "it was called off unpaid, and may be paid after all";
/// Why a refund waits whose order comes with it.
const GOES_FIRST: &str = "its order goes first";
/// Why a refund waits whose order has not gone through yet.
const STILL_TRIED: &str = "its order is still being tried";
/// What a refund says that has seen its order on its way.
const ON_ITS_WAY: [&str; 3] = [NOT_REPORTED, GOES_FIRST, STILL_TRIED];
/// How long a refund waits before it looks whether its order has gone. No great loss, for hours of waiting follow.
const LOOK_AGAIN_MS: i64 = HOUR_MS;
/// How long after its refund an order may still be reported: Stripe repeats what it could not deliver for three days, Shopify for
/// four hours (docs.stripe.com/webhooks and shopify.dev, read 2026-11-23).
const OVERTAKEN_MS: i64 = 3 * DAY_MS;
/// How long after an order was called off unpaid it may still be paid: a transfer takes some days.
const CALLED_OFF_MS: i64 = 7 * DAY_MS;
/// A destination that reads the log so long after an event came is behind.
const LATE_MS: i64 = 5 * MINUTE_MS;

#[cfg(test)]
mod tests;

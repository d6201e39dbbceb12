//! From a payment to its order: what a payment service reports of money given back names the payment, not the order.
//!
//! Such a refund may come before anybody has said which order the payment is for. It goes out as it came and is kept besides, so that
//! what it takes back holds of the order as soon as that is known; `distribute` finds the order for it then.

use shared::{Event, Source, UnixMs};

use super::{KEPT_LONGER_MS, REFUND, early, is_paid, note_refund};
use crate::store::order_note::{OVERTOOK_PAYMENT, PAYMENT};
use crate::store::{Draft, Note, Store, StoreError, Transaction};

/// Remembers which order an event's payments are for, whichever report of the order says so, and what was paid back of them before;
/// and tells a refund that names only its payment which order it is of. Before all else is decided, for much hangs on the order.
pub fn lead(tx: &mut dyn Transaction, site: &str, now: UnixMs, event: &mut Draft) -> Result<(), StoreError> {
    if event.event == REFUND {
        if event.properties.order_id.is_some() {
            return Ok(());
        }
        let keys = keys(event);
        match order_of(tx, site, &keys)? {
            Some(order_id) => event.change(|event| {
                event.properties.order_id = Some(order_id);
                true
            }),
            None if event.source == Source::Web => {}
            None => {
                for key in keys {
                    early::keep(tx, site, now, &waiting_for(&key), event)?;
                }
            }
        }
        return Ok(());
    }
    match event.properties.order_id.as_deref().filter(|_| is_paid(&event.event)) {
        Some(order_id) => pays_for(tx, site, now, event, order_id),
        None => Ok(()),
    }
}

/// Remembers the order of an event's payments. A refund that waited for one of them may name another, which is the order's as well, so
/// that nothing is taken back twice.
fn pays_for(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &Event,
    order_id: &str,
) -> Result<(), StoreError> {
    let note = Note { visitor: event.visitor_id.as_deref(), text: order_id };
    let (mut new, mut refunds) = (keys(event), Vec::<Event>::new());
    while let Some(key) = new.pop() {
        if tx.note(site, &key)?.is_some() {
            continue;
        }
        tx.put_note(site, &key, note, now.plus(KEPT_LONGER_MS))?;
        for refund in early::kept_under(tx, site, &waiting_for(&key))? {
            if refunds.iter().all(|known| known.event_id != refund.event_id) {
                new.extend(keys(&refund));
                refunds.push(refund);
            }
        }
    }
    for refund in refunds {
        note_refund(tx, site, now, &mut Draft::from(refund), order_id, false)?;
    }
    Ok(())
}

/// The order that was paid by the payment of which a refund tells.
fn order_of(tx: &mut dyn Transaction, site: &str, keys: &[String]) -> Result<Option<String>, StoreError> {
    for key in keys {
        if let Some(order_id) = tx.note(site, key)? {
            return Ok(Some(order_id));
        }
    }
    Ok(None)
}

/// The same for whoever sends the refund later than it came.
pub async fn order_paid_by(
    store: &dyn Store,
    site: &str,
    refund: &Event,
) -> Result<Option<String>, StoreError> {
    for key in keys(refund) {
        if let Some(order_id) = store.note(site, &key).await? {
            return Ok(Some(order_id));
        }
    }
    Ok(None)
}

/// Whether an event says which payment it is about.
pub fn names_payment(event: &Event) -> bool {
    of(event).next().is_some()
}

/// The tokens of an event that stand for its payments.
pub(super) fn of(event: &Event) -> impl Iterator<Item = (&String, &String)> {
    event.tokens.iter().filter(|(name, _)| PAYMENTS.contains(&name.as_str()))
}

/// The keys of the notes that lead from an event's payments to its order.
fn keys(event: &Event) -> Vec<String> {
    of(event).map(|(name, token)| [PAYMENT, name, "=", token].concat()).collect()
}

/// The key of the note with the refunds that wait for the order of a payment.
fn waiting_for(key: &str) -> String {
    [OVERTOOK_PAYMENT, key].concat()
}

/// Tokens that stand for one payment, and not for a customer who pays often.
const PAYMENTS: [&str; 2] = ["stripe_invoice", "stripe_payment_intent"];

//! From a payment to its order: what a payment service reports of money given back names the payment, not the order.

use shared::{Event, UnixMs};

use super::{KEPT_LONGER_MS, REFUND, is_paid};
use crate::store::order_note::PAYMENT;
use crate::store::{Draft, Note, StoreError, Transaction};

/// Remembers which order an event's payments are for, whichever report of the order says so, and tells a refund that names only
/// its payment which order it is of. Before all else is decided, for much hangs on the order.
pub fn lead(tx: &mut dyn Transaction, site: &str, now: UnixMs, event: &mut Draft) -> Result<(), StoreError> {
    if event.event == REFUND {
        if event.properties.order_id.is_none()
            && let Some(order_id) = order_of(tx, site, event)?
        {
            event.change(|event| {
                event.properties.order_id = Some(order_id);
                true
            });
        }
        return Ok(());
    }
    let Some(order_id) = event.properties.order_id.as_deref().filter(|_| is_paid(&event.event)) else {
        return Ok(());
    };
    for key in keys(event) {
        if tx.note(site, &key)?.is_none() {
            let note = Note { visitor: event.visitor_id.as_deref(), text: order_id };
            tx.put_note(site, &key, note, now.plus(KEPT_LONGER_MS))?;
        }
    }
    Ok(())
}

/// The order that was paid by the payment of which a refund tells.
fn order_of(tx: &mut dyn Transaction, site: &str, refund: &Event) -> Result<Option<String>, StoreError> {
    for key in keys(refund) {
        if let Some(order_id) = tx.note(site, &key)? {
            return Ok(Some(order_id));
        }
    }
    Ok(None)
}

/// The keys of the notes that lead from an event's payments to its order.
fn keys(event: &Event) -> Vec<String> {
    let of_one_payment = event.tokens.iter().filter(|(name, _)| PAYMENTS.contains(&name.as_str()));
    of_one_payment.map(|(name, token)| [PAYMENT, name, "=", token].concat()).collect()
}

/// Tokens that stand for one payment, and not for a customer who pays often.
const PAYMENTS: [&str; 2] = ["stripe_invoice", "stripe_payment_intent"];

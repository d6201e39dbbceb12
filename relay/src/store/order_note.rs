//! What the store knows of the notes of orders, because an erasure has to find them.
//!
//! Such a note holds click ids, and a refund is told of them; but it may be nobody's, as an order is that a server reported. So
//! it goes with the event that reported the order, whose number it says. An event that merely names an order takes no note with
//! it: anybody may name one. Leaves everything else that such a note says to `orders`, which writes it.

use serde::Deserialize;

use super::Seq;

/// What the key of an order's note begins with; the order's number follows.
pub(crate) const ORDER: &str = "ord:";
/// What the key of a note begins with that leads from a payment to its order, whose number is its text.
pub(crate) const PAYMENT: &str = "pay:";
/// What the key of a note begins with that holds the refunds that overtook an order; the order's number follows.
pub(crate) const OVERTOOK: &str = "early:";
/// What the key of a note begins with that holds the refunds of a payment whose order nobody had told of; the key of the note that
/// leads from the payment to its order follows.
pub(crate) const OVERTOOK_PAYMENT: &str = "early-";

/// The keys of the notes of refunds that came before some orders, or before their payments led to them.
pub(super) fn of_overtakers<'a>(
    orders: impl Iterator<Item = &'a String>,
    payments: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = String> {
    let of_orders = orders.map(|order| [OVERTOOK, order].concat());
    of_orders.chain(payments.map(|payment| [OVERTOOK_PAYMENT, payment].concat()))
}

/// The event that reported the order of a note.
pub(super) fn reporter(text: &str) -> Option<Seq> {
    #[derive(Deserialize)]
    struct Report {
        n: Option<Seq>,
    }
    serde_json::from_str::<Report>(text).ok()?.n
}

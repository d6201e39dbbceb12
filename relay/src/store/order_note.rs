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

/// The event that reported the order of a note.
pub(super) fn reporter(text: &str) -> Option<Seq> {
    #[derive(Deserialize)]
    struct Report {
        n: Option<Seq>,
    }
    serde_json::from_str::<Report>(text).ok()?.n
}

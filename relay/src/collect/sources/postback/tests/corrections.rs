//! Amounts that are lowered later: what went back, what is left, and which of two reports are one.

use shared::Scalar;

use super::*;

const PAYOUT: &str = "network = 'impact'";
const SALE: &str = "network = 'impact'\nvalue = 'sale_amount'";

/// Its event, what is left of the order, and its id.
fn check_left(more: &str, query: &str, expected: &str, left: Option<f64>, id: &str) {
    let query = format!("currency=EUR&{query}");
    check(more, &query, expected);
    let draft = found(more, &query).draft;
    let told = draft.properties.custom.get("remaining_value");
    assert_eq!(told, left.map(Scalar::Number).as_ref(), "{more} {query}");
    assert_eq!(draft.event_id.as_deref(), Some(id), "{more} {query}");
}

#[test]
fn a_lower_sale_is_told_by_what_is_left_of_it() {
    let first = "txid=T7&amount=100&payout=10&delta=10&status=PENDING";
    check_left(SALE, first, "Purchase 100 EUR", None, "Purchase-net-T7");
    // The change is one of the payout, so nothing says by how much the sale was lowered.
    let lowered = "txid=T7&amount=50&payout=5&delta=-5&status=APPROVED";
    check_left(SALE, lowered, "Refund - EUR", Some(50.0), "Refund-net-T7-worth-50");
    let of_the_shop = "order_id=88121&txid=T7&amount=50&payout=5&delta=-5";
    check_left(SALE, of_the_shop, "Refund - EUR", Some(50.0), "Refund-88121-worth-50");
    let below_nought = "txid=T7&amount=-50&payout=-5&delta=-5";
    check_left(SALE, below_nought, "Refund 50 EUR", None, "Refund-net-T7-50");
    let notes = reading(SALE, &format!("txid=T7&amount=50&delta=-5&atclid={CLICK}")).notes;
    assert!(notes.len() == 1 && notes[0].starts_with("currency: "), "what is left has one: {notes:?}");
}

#[test]
fn a_lower_payout_is_told_by_both() {
    let lowered = "txid=T7&amount=50&payout=5&delta=-5&status=APPROVED";
    check_left(PAYOUT, lowered, "Refund 5 EUR", Some(5.0), "Refund-net-T7-worth-5");
    check_left("", "txid=T7&goal=3&payout=5&delta=-5", "Refund 5 EUR", Some(5.0), "Refund-net-T7-3-worth-5");
    check_left("", "txid=T7&payout=0&delta=-10", "Refund 10 EUR", Some(0.0), "Refund-net-T7-worth-0");
    // What is left of a payout is not what is left of the shop's order.
    let of_the_shop = "order_id=88121&txid=T7&payout=5&delta=-5";
    check_left("", of_the_shop, "Refund 5 EUR", None, "Refund-88121-worth-5");
}

#[test]
fn two_equal_reductions_are_two_and_a_repeat_is_none() {
    let id = |payout: u8| {
        let draft = found(PAYOUT, &format!("txid=T7&payout={payout}&delta=-2&currency=EUR")).draft;
        draft.event_id.expect("an id")
    };
    assert_ne!(id(8), id(6));
    assert_eq!(id(6), id(6));
}

#[test]
fn where_the_new_amount_is_unknown_the_change_is_all_there_is() {
    check_left("", "txid=T7&delta=-2.5", "Refund 2.5 EUR", None, "Refund-net-T7-2.5");
    check_left("", "txid=T7&payout=free&delta=-2", "Refund 2 EUR", None, "Refund-net-T7-2");
    check_left("", "txid=T7&payout=-5&delta=-15", "Refund 15 EUR", None, "Refund-net-T7-15");
    check_left("", "txid=T7&payout=-5", "Refund 5 EUR", None, "Refund-net-T7-5");
}

#[test]
fn a_reversal_takes_all_back_whatever_its_amounts_are() {
    for settings in [PAYOUT, SALE] {
        let reversed = "txid=T7&amount=0&payout=0&delta=-10&status=REVERSED";
        check_left(settings, reversed, "Refund - EUR", None, "Refund-net-T7");
    }
}

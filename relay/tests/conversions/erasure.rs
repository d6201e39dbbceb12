//! What is still known of an order once its buyer was erased.

use crate::shop::{Shop, webhook};

/// An order that a server reports names no visitor, but its click ids are remembered for its refunds.
#[test]
fn a_refund_knows_nothing_of_the_order_of_an_erased_person() {
    let event = |name: &str, id: &str, more: &str| {
        format!(r#"{{"event":"{name}","event_id":"{id}","source":"server",{more}}}"#)
    };
    let payment = r#""tokens":{"stripe_payment_intent":"pi_1"}"#;
    let back = r#""value":20,"currency":"EUR""#;
    let bought = r#""user":{"email":"jane@example.com"},"click_ids":{"gclid":"Cj0KCQ_a"},
        "properties":{"order_id":"88","value":100,"currency":"EUR"}"#;
    for shop in [Shop::open("", &webhook("all", "")), Shop::on_disk("", &webhook("all", ""))] {
        shop.take(0, &event("Purchase", "p", &[payment, ",", bought].concat()));
        shop.take(1, &event("Refund", "r1", &format!(r#"{payment},"properties":{{{back}}}"#)));
        let log = shop.log();
        assert_eq!(log[1].click_ids["gclid"].value, "Cj0KCQ_a", "a refund is told of its order");
        // What is erased is neither in the log nor told to another refund.
        assert_eq!(shop.erase(&log[0].user).events, 2);
        assert!(shop.log().is_empty());
        shop.take(2, &event("Refund", "r2", &format!(r#""properties":{{"order_id":"88",{back}}}"#)));
        shop.take(3, &event("Refund", "r3", &format!(r#"{payment},"properties":{{{back}}}"#)));
        let log = shop.log();
        assert_eq!(log.len(), 2);
        assert!(log.iter().all(|refund| refund.click_ids.is_empty()));
        assert!(!log[0].properties.custom.contains_key("order_time"));
        assert_eq!(log[1].properties.order_id, None, "the payment leads nowhere");
    }
}

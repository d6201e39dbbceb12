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

/// One refund came before anybody said which order its payment was for, and one before the order was reported.
#[test]
fn refunds_that_overtook_the_order_of_an_erased_person_go_with_it() {
    let refund = |id: &str, tokens: &str, more: &str| {
        format!(
            r#"{{"event":"Refund","event_id":"{id}","source":"server","tokens":{{{tokens}}},
                "properties":{{"value":10,"currency":"EUR"{more}}}}}"#
        )
    };
    let (theirs, other) = (r#""stripe_payment_intent":"pi_1""#, r#""stripe_payment_intent":"pi_2""#);
    let notes = ["early:88", "early-pay:stripe_payment_intent=pi_1", "pay:stripe_payment_intent=pi_1"];
    for shop in [Shop::open("", &webhook("all", "")), Shop::on_disk("", &webhook("all", ""))] {
        shop.take(0, &refund("of a payment", theirs, ""));
        shop.take(1, &refund("of another's", other, ""));
        shop.take(2, &refund("of an order", "", r#","order_id":"88","only_if_reported":"Subscribe""#));
        shop.take(
            3,
            &format!(
                r#"{{"event":"Purchase","event_id":"p","source":"server","tokens":{{{theirs}}},
                    "user":{{"email":"jane@example.com"}},
                    "properties":{{"order_id":"88","value":100,"currency":"EUR"}}}}"#
            ),
        );
        let log = shop.log();
        assert_eq!(log.len(), 4);
        assert!(notes.iter().all(|key| shop.note(key).is_some()));
        assert_eq!(shop.erase(&log[2].user).events, 3);
        let left: Vec<String> = shop.log().into_iter().map(|event| event.event_id).collect();
        assert_eq!(left, ["of another's"]);
        for key in notes {
            assert_eq!(shop.note(key), None, "{key}");
        }
        assert!(shop.note("early-pay:stripe_payment_intent=pi_2").is_some());
    }
}

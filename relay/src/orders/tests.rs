//! What a refund learns of its order, whose word counts, and how short the note is.

use super::refund::{amount, complete};
use super::*;
use crate::testing::event;

pub(super) fn known(value: f64, back: f64) -> Order {
    Order {
        report: Report::default(),
        seq: None,
        event: Some("Purchase".to_owned()),
        time: Some(UnixMs(1000)),
        value: Some(value),
        currency: Currency::parse("EUR"),
        word: Some(Word::Page),
        back,
        by_pages: 0.0,
        early: Vec::new(),
        off: None,
    }
}

#[test]
fn a_refund_learns_what_it_takes_back() {
    let check = |mut order: Order, properties: &str, left: Option<f64>, back: f64| {
        let json =
            format!(r#"{{"event":"Refund","event_id":"r","properties":{{"order_id":"1"{properties}}}}}"#);
        let mut refund = event(&json);
        complete(&mut order, &mut refund);
        let custom = &refund.properties.custom;
        assert_eq!(custom.get("remaining_value").and_then(amount), left, "{properties}");
        assert_eq!(order.back, back, "{properties}");
    };
    let eur = |value: &str| format!(r#","value":{value},"currency":"EUR""#);
    check(known(59.9, 0.0), &eur("20"), Some(39.9), 20.0);
    check(known(59.9, 20.0), &eur("-20.1"), Some(19.8), 40.1);
    check(known(59.9, 50.0), &eur("20"), Some(0.0), 70.0);
    check(known(59.9, 0.0), "", None, 59.9);
    check(known(59.9, 0.0), &[&eur("20"), r#","remaining_value":30"#].concat(), Some(30.0), 29.9);
    check(known(59.9, 0.0), r#","value":20,"currency":"USD""#, None, 0.0);
    check(known(59.9, 0.0), r#","value":20"#, None, 0.0);
    check(Order::default(), &eur("20"), None, 0.0);
    // News out of order: what was paid back stays so.
    check(known(100.0, 50.0), &[&eur("20"), r#","remaining_value":80"#].concat(), Some(50.0), 50.0);
    // A network's share shrinks as the shop's order does, where that is known.
    let share = || Order { word: Some(Word::Commission), ..known(3.0, 0.0) };
    check(share(), &[&eur("20"), r#","order_value":100,"remaining_value":80"#].concat(), Some(2.4), 0.6);
    check(share(), &eur("20"), None, 0.0);
    check(share(), "", None, 3.0);
    // A network's share of an order that the shop told of is not a part of the order's money.
    check(known(59.9, 0.0), &[&eur("20"), r#","commission":true"#].concat(), None, 59.9);
    let paid = || Order { word: Some(Word::Commission), ..known(59.9, 0.0) };
    check(paid(), &[&eur("20"), r#","commission":true"#].concat(), Some(39.9), 20.0);
    // A part of the share says nothing of what the buyer has back.
    let in_part = [&eur("20"), r#","commission":"part""#].concat();
    check(known(59.9, 5.0), &in_part, Some(54.9), 5.0);
    check(paid(), &in_part, Some(39.9), 20.0);
}

#[test]
fn what_was_paid_back_before_its_order_holds_of_it() {
    let check = |refunds: &[&str], sale: &str, expected: f64| {
        let mut order = Order::default();
        for properties in refunds {
            let json =
                format!(r#"{{"event":"Refund","event_id":"r","properties":{{"order_id":"1"{properties}}}}}"#);
            complete(&mut order, &mut event(&json));
        }
        let sold = event(&format!(
            r#"{{"event":"Purchase","event_id":"p","properties":{{"order_id":"1","currency":"EUR"{sale}}}}}"#
        ));
        assert_eq!(early::paid_back(&order, &sold, Word::of(&sold)), expected, "{refunds:?} {sale}");
    };
    let sale = r#","value":100"#;
    let (twenty, ten) = (r#","value":20,"currency":"EUR""#, r#","value":-10,"currency":"EUR""#);
    check(&[], sale, 0.0);
    check(&[twenty, ten], sale, 30.0);
    // Amounts of another currency, or of none, are not reckoned against the order's.
    let dollars = r#","value":20,"currency":"USD""#;
    check(&[dollars], sale, 0.0);
    check(&[twenty, dollars], sale, 20.0);
    check(&[dollars, twenty, dollars, ten], sale, 30.0);
    check(&[r#","value":20"#], sale, 0.0);
    // No amount is all of it.
    check(&[""], sale, 100.0);
    check(&[r#","currency":"USD""#], sale, 0.0);
    // What is said to be left holds, whoever says it, and what comes after takes from that.
    let left = r#","value":20,"currency":"EUR","remaining_value":80"#;
    check(&[left, left], sale, 20.0);
    check(&[left, ten], sale, 30.0);
    check(&[ten, left], sale, 20.0);
    check(&[r#","currency":"EUR","remaining_value":-5"#], sale, 100.0);
    // A network's share and the shop's amounts have nothing in common but the whole.
    check(&[r#","value":3,"currency":"EUR","commission":"part""#], sale, 0.0);
    let share = r#","value":3,"commission":true"#;
    check(&[twenty], share, 0.0);
    check(&[""], share, 3.0);
    let (all, part) = (
        r#","value":2,"currency":"EUR","commission":true"#,
        r#","value":1,"currency":"EUR","commission":"part""#,
    );
    check(&[all], share, 2.0);
    check(&[part, twenty, all], share, 3.0);
    check(&[all, r#","currency":"EUR","remaining_value":0.5,"commission":"part""#], share, 2.5);
    // A network takes back its share because the order is.
    check(&[ten, all], sale, 100.0);
    check(&[&all.replace("EUR", "USD")], sale, 0.0);
}

#[test]
fn a_share_that_shrinks_by_an_unknown_part_is_not_reckoned_against_the_shops_amounts() {
    let mut share = Order { word: Some(Word::Commission), ..known(10.0, 0.0) };
    let mut refund = event(
        r#"{"event":"Refund","event_id":"r","properties":{"order_id":"1","value":50,"currency":"EUR","order_value":100}}"#,
    );
    complete(&mut share, &mut refund);
    assert_eq!((refund.properties.value, refund.properties.custom.get(ORDER_VALUE)), (Some(50.0), None));
}

#[test]
fn amounts_that_nobody_pays_stay_numbers() {
    let mut order = known(1.0, 0.0);
    let refund =
        r#"{"event":"Refund","event_id":"r","properties":{"order_id":"1","value":1.7e308,"currency":"EUR"}}"#;
    for _ in 0..3 {
        complete(&mut order, &mut event(refund));
    }
    let text = serde_json::to_string(&order).expect("plain");
    assert_eq!((read(&text).expect("readable").back, text.contains("null")), (MOST, false), "{text}");
    // What was written before amounts were bounded.
    let broken = r#"{"e":"Purchase","v":1.0,"c":"EUR","w":"p","b":null,"p":null}"#;
    assert_eq!(read(broken).map(|order| (order.back, order.by_pages)), Some((0.0, 0.0)));
    assert_eq!(read("{"), None);
}

#[test]
fn whose_word_it_is() {
    let check = |json: &str, expected| assert_eq!(Word::of(&event(json)), expected, "{json}");
    check(
        r#"{"event":"Purchase","page":{"url":"https://shop.example/"},"properties":{"items":[{"id":"1"}]}}"#,
        Word::Page,
    );
    check(r#"{"event":"Purchase","properties":{"value":1}}"#, Word::Server);
    check(r#"{"event":"Purchase","properties":{"items":[{"id":"1"}]}}"#, Word::Shop);
    check(r#"{"event":"Purchase","properties":{"value":1,"commission":true}}"#, Word::Commission);
    check(
        r#"{"event":"Purchase","properties":{"value":1,"items":[{"id":"1"}],"part_of_order":true}}"#,
        Word::Part,
    );
    assert!(
        Word::Part < Word::Commission
            && Word::Commission < Word::Page
            && Word::Page < Word::Server
            && Word::Server < Word::Shop
    );
}

#[test]
fn a_refund_learns_how_its_order_came_to_the_platforms() {
    let order = event(
        r#"{"event":"Subscribe","event_id":"o","time":1000,"source":"crm","click_ids":{"gclid":"x"},
            "user":{"email":"jane@example.com"},"consent":{"ad_user_data":"denied"}}"#,
    );
    let mut known = Order {
        report: Report::of(&order, UnixMs(5000)),
        event: Some("Subscribe".to_owned()),
        ..known(59.9, 0.0)
    };
    let mut refund = event(
        r#"{"event":"Refund","event_id":"r","user":{"email":"jane@example.com"},"properties":{"order_id":"1"}}"#,
    );
    assert!(complete(&mut known, &mut refund));
    let told = serde_json::to_value(&refund.properties.custom).expect("plain");
    assert_eq!(told["order_event"], "Subscribe");
    assert_eq!(told["order_source"], "crm");
    assert_eq!(told["order_reported"], 5000);
    assert_eq!(told["order_identifiers"], "gclid email");
    assert!(refund.consent.ad_user_data == order.consent.ad_user_data && refund.user.is_empty());
}

#[test]
fn the_note_is_short() {
    let text = serde_json::to_string(&known(59.9, 0.0)).expect("plain");
    assert_eq!(text, r#"{"e":"Purchase","t":1000,"v":59.9,"c":"EUR","w":"p"}"#);
    assert_eq!(serde_json::from_str::<Order>(&text).expect("its own text"), known(59.9, 0.0));
    let off = Some((UnixMs(2000), 54.9));
    let full = Order { seq: Some(7), by_pages: 5.0, off, ..known(59.9, 5.0) };
    let text = serde_json::to_string(&full).expect("plain");
    assert_eq!(
        text,
        r#"{"n":7,"e":"Purchase","t":1000,"v":59.9,"c":"EUR","w":"p","b":5.0,"p":5.0,"x":[2000,54.9]}"#
    );
    assert_eq!(serde_json::from_str::<Order>(&text).expect("its own text"), full);
    let mut overtaken = Order::default();
    for properties in [r#","value":20,"currency":"EUR""#, ""] {
        let json =
            format!(r#"{{"event":"Refund","event_id":"r","properties":{{"order_id":"1"{properties}}}}}"#);
        complete(&mut overtaken, &mut event(&json));
    }
    let text = serde_json::to_string(&overtaken).expect("plain");
    assert_eq!(text, r#"{"y":[{"o":"o","c":"EUR","b":20.0},{"o":"o","l":0.0}]}"#);
    assert_eq!(serde_json::from_str::<Order>(&text).expect("its own text"), overtaken);
}

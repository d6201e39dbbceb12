//! The signature, the ping, the states and the refunds. Whole deliveries are recorded in `tests/sources/woocommerce`.

use shared::Scalar;

use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook};
use super::*;
use crate::orders::{OF_SHOP, ONLY_IF_REPORTED};

const BODY: &str = r#"{"id":727,"status":"processing","total":"29.35"}"#;

fn source(secret: &str, more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("secret = '{secret}'\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

fn read(more: &str, topic: &str, body: &str) -> Reading {
    source("s", more).read(&webhook(&headers(&[("x-wc-webhook-topic", topic)]), body)).expect("readable")
}

fn check(more: &str, body: &str, expected: &[&str]) {
    assert_eq!(summary(&read(more, "order.updated", body)), expected, "{more} {body}");
}

/// Signatures computed apart from this code: base64 of HMAC-SHA256, keyed with the secret as it was typed.
#[test]
fn the_signature_is_checked_over_the_raw_body() {
    let check = |secret: &str, signature: &str, body: &str, right: bool| {
        let headers = headers(&[("x-wc-webhook-signature", signature)]);
        assert_eq!(
            source(secret, "").authenticate(&webhook(&headers, body)).is_ok(),
            right,
            "{secret} {body}"
        );
    };
    check("wc_secret", "OlZlrlaLPcFe6qqZlEwBCjExkm9hhyKiY1JbdQS5XWg=", BODY, true);
    check("a\"b&c", "vVx51prVSRxFrIGMIv0E30s2IsXKocDfeQe+PCKefII=", BODY, true);
    check("wc_secret", "vVx51prVSRxFrIGMIv0E30s2IsXKocDfeQe+PCKefII=", BODY, false);
    check("wc_secret", "OlZlrlaLPcFe6qqZlEwBCjExkm9hhyKiY1JbdQS5XWg=", "{}", false);
    check("wc_secret", "", BODY, false);
    assert!(source("s", "").authenticate(&webhook(&headers(&[]), BODY)).is_err());
}

#[test]
fn only_a_ping_may_be_unsigned() {
    let none = headers(&[]);
    let shop = source("s", "");
    assert_eq!(shop.authenticate(&webhook(&none, "webhook_id=4")), Ok(()));
    let reading = shop.read(&webhook(&none, "webhook_id=4")).expect("readable");
    assert_eq!(summary(&reading), ["the ping of a new webhook"]);
    for body in ["webhook_id=", "webhook_id=4&x=1", "webhook_id=4\n", "x"] {
        assert!(shop.authenticate(&webhook(&none, body)).is_err(), "{body}");
    }
}

#[test]
fn an_order_is_a_purchase_in_the_right_states_only() {
    let order = |status: &str, more: &str| {
        format!(r#"{{"id":727,"number":"A-9","status":"{status}","total":"29.35","currency":"EUR"{more}}}"#)
    };
    let no = ["the order is in none of `statuses`"];
    check("", &order("processing", ""), &["Purchase 29.35 EUR"]);
    check("", &order("completed", ""), &["Purchase 29.35 EUR"]);
    for status in ["pending", "on-hold", "failed", "checkout-draft", "refunded"] {
        check("", &order(status, ""), &no);
    }
    check("", &order("cancelled", r#","date_paid_gmt":"2026-11-20T10:00:00""#), &no);
    check("statuses = ['completed']", &order("processing", ""), &no);
    check("statuses = [' wc-completed']", &order("completed", ""), &["Purchase 29.35 EUR"]);
    check("", &order("completed", r#","created_via":"subscription""#), &["Subscribe 29.35 EUR"]);
    let found = &read("order_id = 'number'", "order.created", &order("completed", "")).events[0];
    assert_eq!(found.draft.properties.order_id.as_deref(), Some("A-9"));
}

#[test]
fn every_refund_of_a_paid_order_is_reported_with_it() {
    let order = |paid: &str| {
        format!(
            r#"{{"id":727,"status":"refunded","total":"29.35","currency":"EUR",{paid}
            "refunds":[{{"id":731,"total":"-9.35"}},{{"id":732,"total":"-20.00"}},{{"id":733,"total":"0.00"}}]}}"#
        )
    };
    let paid = r#""date_paid_gmt":"2026-11-20T10:00:00","date_modified_gmt":"2026-11-22T10:00:00","#;
    check("", &order(paid), &["Purchase 29.35 EUR", "Refund 9.35 EUR", "Refund 20 EUR"]);
    check("", &order(""), &["the order is in none of `statuses`"]);
    let reading = read("", "order.updated", &order(paid));
    let (purchase, refund) = (&reading.events[0], &reading.events[1]);
    assert_eq!(purchase.draft.time.map(|time| time.rfc3339()).as_deref(), Some("2026-11-20T10:00:00Z"));
    assert_eq!(refund.draft.time.map(|time| time.rfc3339()).as_deref(), Some("2026-11-22T10:00:00Z"));
    assert_eq!(refund.since, purchase.draft.time, "it may have been reported at any time since");
}

#[test]
fn what_is_given_back_of_an_order_that_counted_is_reported_whatever_its_state() {
    let order = |status: &str| {
        format!(
            r#"{{"id":727,"status":"{status}","total":"29.35","currency":"EUR","date_created_gmt":"2026-11-20T10:00:00",
            "date_modified_gmt":"2026-11-22T10:00:00","refunds":[{{"id":731,"total":"-9.35"}}]}}"#
        )
    };
    // Cash on delivery has no day on which it was paid before it is delivered.
    check("", &order("processing"), &["Purchase 29.35 EUR", "Refund 9.35 EUR"]);
    check("", &order("shipped"), &["Refund 9.35 EUR"]);
    check("", &order("refunded"), &["Refund 9.35 EUR"]);
    let refund = &read("", "order.updated", &order("refunded")).events[0];
    assert_eq!(refund.since.map(|time| time.rfc3339()).as_deref(), Some("2026-11-20T10:00:00Z"));
    // Not before the purchase, whose report would otherwise find it reported already.
    let no = ["the order is in none of `statuses`"];
    for status in ["pending", "on-hold", "failed"] {
        check("", &order(status), &no);
    }
    check("statuses = ['completed']", &order("processing"), &no);
    check("statuses = ['completed']", &order("shipped"), &no);
}

#[test]
fn an_order_that_was_refunded_before_it_counted_is_no_purchase() {
    let order = |more: &str| {
        format!(
            r#"{{"id":727,"status":"refunded","total":"29.35","currency":"EUR","date_paid_gmt":"2026-11-20T10:00:00",
            {more}"refunds":[{{"id":731,"total":"-29.35"}}]}}"#
        )
    };
    check("", &order(""), &["Purchase 29.35 EUR", "Refund 29.35 EUR"]);
    check("statuses = ['completed']", &order(""), &["Refund 29.35 EUR"]);
    let completed = order(r#""date_completed_gmt":"2026-11-21T10:00:00","#);
    check("statuses = ['completed']", &completed, &["Purchase 29.35 EUR", "Refund 29.35 EUR"]);
}

#[test]
fn more_given_back_than_the_order_is_worth_leaves_nothing() {
    let order = r#"{"id":727,"status":"refunded","total":"29.35","currency":"EUR","date_paid_gmt":"2026-11-20T10:00:00",
        "refunds":[{"id":731,"total":"-9.35"},{"id":732,"total":"-30.00"}]}"#;
    let reading = read("", "order.updated", order);
    let left = |place: usize| reading.events[place].draft.properties.custom["remaining_value"].clone();
    assert_eq!([left(1), left(2)], [Scalar::Number(20.0), Scalar::Number(0.0)]);
}

#[test]
fn what_counted_before_it_was_paid_is_as_old_as_the_order() {
    let since = |more: &str, method: &str| {
        let order = format!(
            r#"{{"id":727,"status":"completed","total":"29.35","currency":"EUR","payment_method":"{method}",
            "date_created_gmt":"2026-10-01T10:00:00","date_paid_gmt":"2026-11-20T10:00:00"}}"#
        );
        read(more, "order.updated", &order).events[0].since.map(|time| time.rfc3339())
    };
    assert_eq!(since("", "bacs"), None);
    assert_eq!(since("", "cod").as_deref(), Some("2026-10-01T10:00:00Z"));
    let early = "statuses = ['on-hold', 'processing', 'completed']";
    assert_eq!(since(early, "bacs").as_deref(), Some("2026-10-01T10:00:00Z"));
}

#[test]
fn what_is_called_off_before_it_is_paid_takes_back_what_counted() {
    let order = |more: &str| {
        format!(
            r#"{{"id":727,"status":"cancelled","total":"29.35","currency":"EUR","payment_method":"cod",
            "date_created_gmt":"2026-11-20T10:00:00","date_modified_gmt":"2026-11-22T10:00:00"{more}}}"#
        )
    };
    check("", &order(""), &["Refund 29.35 EUR"]);
    let found = &read("", "order.updated", &order("")).events[0];
    assert_eq!(found.draft.event_id.as_deref(), Some("Refund-727-cancelled"));
    assert_eq!(found.since.map(|time| time.rfc3339()).as_deref(), Some("2026-11-20T10:00:00Z"));
    let custom = &found.draft.properties.custom;
    assert_eq!(custom["remaining_value"], Scalar::Number(0.0));
    // The shop cannot know whether a page counted it.
    assert_eq!(custom[ONLY_IF_REPORTED], Scalar::Text("Subscribe".to_owned()));
    // What was given back before is not given back again.
    let in_part = order(r#","refunds":[{"id":731,"total":"-9.35"}]"#);
    check("", &in_part, &["Refund 20 EUR", "Refund 9.35 EUR"]);
    check("statuses = ['cancelled']", &order(""), &["Purchase 29.35 EUR"]);
}

/// By its items an order is the shop's without saying so.
#[test]
fn an_order_that_lists_nothing_says_that_it_is_the_shops() {
    for (items, expected) in [("", true), (r#","line_items":[{"id":1,"product_id":7}]"#, false)] {
        let order = format!(r#"{{"id":727,"status":"completed","total":"29.35","currency":"EUR"{items}}}"#);
        let found = &read("", "order.updated", &order).events[0];
        assert_eq!(found.draft.properties.items.is_empty(), expected, "{order}");
        assert_eq!(found.draft.properties.custom.contains_key(OF_SHOP), expected, "{order}");
    }
}

#[test]
fn a_topic_nobody_uses_is_no_failure() {
    assert_eq!(summary(&read("", "order.deleted", r#"{"id":727}"#)), ["no event comes from this topic"]);
    assert_eq!(summary(&read("", "customer.created", r#"{"id":1}"#)), ["`registrations` is off"]);
    let account = read("registrations = true", "customer.created", r#"{"id":1}"#);
    assert_eq!(summary(&account), ["CompleteRegistration - -"]);
    let answer = source("s", "").answer(&Settled::Refused);
    assert_eq!(answer, Answer::done(), "six failures in a row switch the webhook off");
}

#[test]
fn settings_that_cannot_be_are_named() {
    for (text, key) in [("secret = ''", "`secret`"), ("secret = 's'\nrenewal_event = ''", "`renewal_event`")]
    {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(key), "{error}");
    }
}

/// A direct visit, a search and a link are sessions, too, for which WooCommerce makes UTM parameters up.
#[test]
fn only_a_session_of_a_campaign_has_one() {
    let check = |metas: &[(&str, &str)], expected: Option<&str>| {
        let meta = |(key, value): &(&str, &str)| {
            format!(r#"{{"key":"_wc_order_attribution_{key}","value":"{value}"}}"#)
        };
        let metas: Vec<String> = metas.iter().map(meta).collect();
        let body = format!(
            r#"{{"id":727,"status":"processing","total":"29.35","meta_data":[{}]}}"#,
            metas.join(",")
        );
        let reading = read("", "order.updated", &body);
        let campaign = reading.events[0].draft.campaign.as_ref();
        assert_eq!(campaign.and_then(|campaign| campaign.source.as_deref()), expected, "{metas:?}");
    };
    check(&[("source_type", "utm"), ("utm_source", "ads"), ("utm_medium", "cpc")], Some("ads"));
    check(&[("utm_source", "ads")], Some("ads"));
    check(&[("source_type", "typein"), ("utm_source", "(direct)"), ("utm_medium", "(none)")], None);
    check(&[("source_type", "organic"), ("utm_source", "google"), ("utm_medium", "organic")], None);
    check(&[("source_type", "referral"), ("utm_source", "paypal.com"), ("utm_medium", "referral")], None);
    check(&[("utm_source", "(direct)"), ("utm_medium", "(none)"), ("utm_campaign", "(not set)")], None);
    // What stands in the landing page's address was there.
    let landing = "https://shop.example/?utm_source=newsletter";
    check(&[("source_type", "referral"), ("session_entry", landing)], Some("newsletter"));
}

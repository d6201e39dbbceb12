//! What each event comes to. Whole notifications are recorded in `tests/sources/digistore24`.

use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook};
use super::*;

fn source(more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("secret = 'pass'\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

const ORDER: &str =
    "order_id=ABC123&product_id=42&transaction_id=T7&amount_brutto=49.00&amount_netto=41.18&currency=EUR";

fn check(more: &str, form: &str, expected: &str) {
    let none = headers(&[]);
    let reading = source(more).read(&webhook(&none, &format!("{ORDER}&{form}"))).expect("readable");
    assert_eq!(summary(&reading), [expected], "{more} {form}");
}

#[test]
fn every_event() {
    check("", "event=on_payment", "Purchase 49 EUR");
    check("value = 'net'", "event=on_payment", "Purchase 41.18 EUR");
    for first in ["0", "1", "", "x"] {
        check("", &format!("event=on_payment&pay_sequence_no={first}"), "Purchase 49 EUR");
    }
    check("", "event=on_payment&pay_sequence_no=2", "Subscribe 49 EUR");
    check("renewal_event = 'Renewal'", "event=on_payment&pay_sequence_no=3", "Renewal 49 EUR");
    check("", "event=on_refund&amount_brutto=-49.00", "Refund 49 EUR");
    check("", "event=on_chargeback", "Refund 49 EUR");
    for nothing in
        ["on_payment_missed", "payment_denial", "on_rebill_cancelled", "on_rebill_resumed", "last_paid_day"]
    {
        check("", &format!("event={nothing}"), "no event comes from this one");
    }
    check("", "event=connection_test", "a test of the connection");
    check("", "event=on_payment&api_mode=test", "a test payment");
    check("test_orders = true", "event=on_payment&api_mode=test", "Purchase 49 EUR");
    check("", "event=on_payment&api_mode=live", "Purchase 49 EUR");
}

#[test]
fn each_item_and_each_payment_counts_by_itself() {
    let ids = |more: &str, form: &str| {
        let none = headers(&[]);
        let reading = source(more).read(&webhook(&none, &format!("{ORDER}&{form}"))).expect("readable");
        let draft = reading.events.into_iter().next().expect("an event").draft;
        (draft.event_id, draft.properties.order_id.expect("an order"))
    };
    let check = |more: &str, form: &str, id: Option<&str>, order: &str| {
        assert_eq!(ids(more, form), (id.map(str::to_owned), order.to_owned()), "{form}");
    };
    check("", "event=on_payment", None, "ABC123-42");
    check("", "event=on_payment&pay_sequence_no=2", None, "ABC123-42-2");
    check("order_id = 'order'", "event=on_payment", None, "ABC123");
    check("", "event=on_refund", Some("Refund-T7-42-refund"), "ABC123-42");
    check("", "event=on_chargeback", Some("Refund-T7-42-chargeback"), "ABC123-42");
}

#[test]
fn what_an_event_cannot_do_without_is_named() {
    let none = headers(&[]);
    let check = |form: &str, field| {
        let error = source("").read(&webhook(&none, form)).err();
        assert_eq!(error, Some(Unreadable::Missing { field }), "{form}");
        assert_eq!(source("").answer(&Settled::Refused), Answer::done(), "only `OK` ends the repeats");
    };
    check("", "event");
    check("event=on_payment", "order_id");
    check("event=on_payment&order_id=1", "product_id");
    check("event=on_refund&order_id=1", "transaction_id");
}

#[test]
fn settings_that_cannot_be_are_named() {
    let check = |text: &'static str, key: &str| {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(key), "{error}");
    };
    check("secret = ''", "`secret`");
    check("secret = 's'\nrenewal_event = ''", "`renewal_event`");
    check("secret = 's'\nvalue = 'all'", "`gross`");
    check("secret = 's'\norder_id = 'all'", "`item`");
}

//! The signature, the types of events and the amounts. Whole deliveries are recorded in `tests/sources/stripe`.

use super::super::Draft;
use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook};
use super::*;

const BODY: &str = r#"{"id":"evt_test_1","object":"event"}"#;
/// Computed apart from this code: HMAC-SHA256 of `1795420800.` and the body with the key `whsec_test_secret`.
const V1: &str = "721303c1263550617c915568b3104b7567f788dd6def64cabc86c1381256bc8a";

fn source(more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("secret = 'whsec_test_secret'\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

fn authenticate(line: &str, body: &str, now: i64) -> Result<(), Denied> {
    let headers = headers(&[("stripe-signature", line)]);
    let request = Inbound { now: UnixMs(now * 1000), ..webhook(&headers, body) };
    source("").authenticate(&request)
}

#[test]
fn the_signature_is_checked_over_time_and_raw_body() {
    let at = 1_795_420_800;
    let wrong = Err(Denied::WrongSignature { key: "secret" });
    let line = format!("t={at},v1={V1}");
    assert_eq!(authenticate(&line, BODY, at), Ok(()));
    assert_eq!(authenticate(&line, "{}", at), wrong);
    assert_eq!(authenticate(&format!("t={},v1={V1}", at + 1), BODY, at), wrong);
    // While a secret is replaced there are two; `v0` proves nothing.
    assert_eq!(authenticate(&format!("t={at},v1=00ff,v1={V1},v0=1"), BODY, at), Ok(()));
    assert_eq!(authenticate(&format!("t={at},v0={V1}"), BODY, at), wrong);
    assert_eq!(authenticate(&format!("v1={V1}"), BODY, at), Err(Denied::Unsigned { header: SIGNATURE }));
    let none = headers(&[]);
    assert!(source("").authenticate(&webhook(&none, BODY)).is_err());
}

#[test]
fn an_old_signature_is_a_replay() {
    let at = 1_795_420_800;
    let line = format!("t={at},v1={V1}");
    for (now, expected) in [
        (at + 300, Ok(())),
        (at - 300, Ok(())),
        (at + 301, Err(Denied::Stale { seconds: 301 })),
        (at - 301, Err(Denied::Stale { seconds: 301 })),
    ] {
        assert_eq!(authenticate(&line, BODY, now), expected);
    }
}

fn body(kind: &str, object: &str) -> String {
    format!(
        r#"{{"id":"evt_1","object":"event","type":"{kind}","created":1795420800,"livemode":true,"data":{{"object":{object},
        "previous_attributes":{{"amount_refunded":1000}}}}}}"#
    )
}

fn check(more: &str, kind: &str, object: &str, expected: &str) {
    let none = headers(&[]);
    let reading = source(more).read(&webhook(&none, &body(kind, object))).expect("readable");
    assert_eq!(summary(&reading), [expected], "{kind} {more}");
}

/// The one event that comes from an object.
fn draft(more: &str, kind: &str, object: &str) -> Draft {
    let none = headers(&[]);
    let reading = source(more).read(&webhook(&none, &body(kind, object))).expect("readable");
    reading.events.into_iter().next().expect("an event").draft
}

fn invoice(reason: &str, paid: u32) -> String {
    format!(r#"{{"id":"in_1","billing_reason":"{reason}","amount_paid":{paid},"currency":"eur"}}"#)
}

const COMPLETED: &str = "checkout.session.completed";
const BY_INVOICE: &str = "purchase = 'invoice.paid'";
const ELSEWHERE: &str = "this is counted by another type of event; see `purchase` and `refunds`";

#[test]
fn a_session_is_a_purchase_once_it_is_paid() {
    let session = |mode: &str, status: &str| {
        format!(
            r#"{{"id":"cs_1","mode":"{mode}","payment_status":"{status}","amount_total":5990,"currency":"eur"}}"#
        )
    };
    let unpaid = "not paid yet; the payment is reported when it succeeds";
    check("", COMPLETED, &session("payment", "paid"), "Purchase 59.9 EUR");
    check("", COMPLETED, &session("subscription", "paid"), "Purchase 59.9 EUR");
    check("", COMPLETED, &session("payment", "unpaid"), unpaid);
    check("", "checkout.session.async_payment_succeeded", &session("payment", "paid"), "Purchase 59.9 EUR");
    check(
        "",
        "checkout.session.async_payment_failed",
        &session("payment", "unpaid"),
        "no event comes from this type",
    );
    check("", COMPLETED, &session("subscription", "no_payment_required"), "StartTrial 59.9 EUR");
    let free = |mode: &str| session(mode, "paid").replace("5990", "0");
    check("", COMPLETED, &free("subscription"), "StartTrial 0 EUR");
    check("", COMPLETED, &free("payment"), "Purchase 0 EUR");
    check("", COMPLETED, &session("setup", "no_payment_required"), "the session took no payment");
    check("purchase = 'payment_intent.succeeded'", COMPLETED, &session("payment", "paid"), ELSEWHERE);
}

#[test]
fn amount_and_currency_are_of_one_kind() {
    let session = r#"{"id":"cs_1","payment_status":"paid","amount_total":5990,"currency":"eur",
        "presentment_details":{"presentment_amount":9100,"presentment_currency":"jpy"}}"#;
    check("", COMPLETED, session, "Purchase 59.9 EUR");
    check("money = 'presentment'", COMPLETED, session, "Purchase 9100 JPY");
    let odd = r#"{"id":"cs_1","payment_status":"paid","amount_total":5990}"#;
    check("", COMPLETED, odd, "Purchase - -");
    let shilling = r#"{"id":"cs_1","payment_status":"paid","amount_total":5990,"currency":"ugx"}"#;
    check("", COMPLETED, shilling, "Purchase 5990 UGX");
    check("minor_units = { UGX = 2 }", COMPLETED, shilling, "Purchase 59.9 UGX");
}

#[test]
fn a_subscription_counts_once_a_period() {
    let first = "the first invoice; its Checkout session is the purchase";
    check("", "invoice.paid", &invoice("subscription_create", 900), first);
    check("", "invoice.paid", &invoice("subscription_cycle", 900), "Subscribe 9 EUR");
    check("renewal_event = 'Renewal'", "invoice.paid", &invoice("subscription_cycle", 900), "Renewal 9 EUR");
    check("", "invoice.paid", &invoice("subscription_cycle", 0), "nothing was paid");
    // Checkout makes one of these for a single payment, if it is asked to, and the dashboard for a bill.
    check("", "invoice.paid", &invoice("manual", 900), "no invoice of a subscription");
}

#[test]
fn an_invoice_is_the_purchase_if_that_is_chosen() {
    let counts = |reason: &str, paid: u32, expected: &str| {
        check(BY_INVOICE, "invoice.paid", &invoice(reason, paid), expected);
    };
    for reason in ["subscription_create", "manual", "quote_accept", "automatic_pending_invoice_item_invoice"]
    {
        counts(reason, 900, "Purchase 9 EUR");
    }
    for reason in ["subscription_cycle", "subscription_update", "subscription_threshold"] {
        counts(reason, 900, "Subscribe 9 EUR");
        counts(reason, 0, "nothing was paid");
    }
    counts("subscription_create", 0, "StartTrial 0 EUR");
    counts("manual", 0, "nothing was paid");
    check(
        BY_INVOICE,
        "invoice.paid",
        r#"{"id":"in_1","amount_paid":900,"currency":"eur"}"#,
        "Purchase 9 EUR",
    );
    let session = r#"{"id":"cs_1","payment_status":"paid","amount_total":900,"currency":"eur"}"#;
    check(BY_INVOICE, COMPLETED, session, ELSEWHERE);
    check(BY_INVOICE, "checkout.session.async_payment_succeeded", session, ELSEWHERE);
    check(BY_INVOICE, "payment_intent.succeeded", r#"{"id":"pi_1","amount_received":900}"#, ELSEWHERE);
    let payments = "purchase = 'payment_intent.succeeded'";
    check(payments, "invoice.paid", &invoice("subscription_cycle", 900), ELSEWHERE);
}

#[test]
fn the_number_of_an_invoice_is_its_own_or_that_of_the_subscription_it_begins() {
    let settings = format!("{BY_INVOICE}\norder_id_metadata = 'order'");
    let order_of = |settings: &str, reason: &str, more: &str| {
        let invoice = invoice(reason, 900).replacen('{', &format!("{{{more}"), 1);
        draft(settings, "invoice.paid", &invoice).properties.order_id.expect("a number")
    };
    let check = |reason: &str, more: &str, expected: &str| {
        assert_eq!(order_of(&settings, reason, more), expected, "{reason} {more}");
    };
    let own = r#""metadata":{"order":"88"},"#;
    let recent = r#""parent":{"subscription_details":{"metadata":{"order":"77"}}},"#;
    let older = r#""subscription_details":{"metadata":{"order":"66"}},"#;
    check("subscription_create", "", "in_1");
    check("subscription_create", own, "88");
    check("subscription_create", recent, "77");
    check("subscription_create", older, "66");
    check("subscription_create", &[recent, own].concat(), "88");
    check("manual", own, "88");
    // What a subscription says of itself stands on all its invoices, which are not one order.
    check("manual", recent, "in_1");
    check("subscription_cycle", recent, "in_1");
    assert_eq!(order_of(BY_INVOICE, "manual", own), "in_1", "nobody said that this is a number");
}

#[test]
fn what_an_invoice_says_of_a_visitor_is_heard() {
    let object = r#"{"id":"in_1","billing_reason":"manual","amount_paid":900,"metadata":{"at_vid":"v-1"},
        "parent":{"subscription_details":{"metadata":{"at_vid":"v-2"}}}}"#;
    assert_eq!(draft(BY_INVOICE, "invoice.paid", object).visitor_id.as_deref(), Some("v-1"));
}

#[test]
fn a_payment_is_tied_to_its_order_as_far_as_the_version_allows() {
    let check = |kind: &str, object: &str, invoice: Option<&str>, payment: Option<&str>| {
        let tokens = draft("", kind, object).tokens;
        let token = |name: &str| tokens.get(name).map(String::as_str);
        assert_eq!((token("stripe_invoice"), token("stripe_payment_intent")), (invoice, payment), "{object}");
    };
    let session = r#"{"id":"cs_1","mode":"subscription","payment_status":"paid","payment_intent":null,"invoice":"in_1"}"#;
    check(COMPLETED, session, Some("in_1"), None);
    let charge =
        |more: &str| format!(r#"{{"id":"ch_1","amount_refunded":2500,"payment_intent":"pi_1"{more}}}"#);
    check("charge.refunded", &charge(""), None, Some("pi_1"));
    check("charge.refunded", &charge(r#","invoice":"in_1""#), Some("in_1"), Some("pi_1"));
    let renewal = |more: &str| {
        format!(r#"{{"id":"in_1","billing_reason":"subscription_cycle","amount_paid":900{more}}}"#)
    };
    check("invoice.paid", &renewal(""), Some("in_1"), None);
    check("invoice.paid", &renewal(r#","payment_intent":"pi_1""#), Some("in_1"), Some("pi_1"));
    let one = |status: &str, id: &str| {
        format!(r#"{{"status":"{status}","payment":{{"type":"payment_intent","payment_intent":"{id}"}}}}"#)
    };
    let by_charge = r#"{"status":"paid","payment":{"type":"charge","charge":"ch_1"}}"#.to_owned();
    let list = |payments: &[String]| renewal(&format!(r#","payments":{{"data":[{}]}}"#, payments.join(",")));
    let payments = [one("canceled", "pi_0"), by_charge, one("paid", "pi_1"), one("paid", "pi_2")];
    check("invoice.paid", &list(&payments), Some("in_1"), Some("pi_1"));
    check("invoice.paid", &list(&[one("open", "pi_0")]), Some("in_1"), None);
}

#[test]
fn a_payment_of_an_invoice_is_no_event_by_itself() {
    let payment = r#"{"id":"inpay_1","invoice":"in_1","status":"paid","amount_paid":900,"currency":"eur",
        "payment":{"type":"payment_intent","payment_intent":"pi_1"}}"#;
    for more in ["", BY_INVOICE, "purchase = 'payment_intent.succeeded'"] {
        check(more, "invoice_payment.paid", payment, "no event comes from this type");
    }
}

#[test]
fn a_refund_is_what_was_given_back_this_time() {
    let charge = |sum: u32| format!(r#"{{"id":"ch_1","amount_refunded":{sum},"currency":"eur"}}"#);
    check("", "charge.refunded", &charge(2500), "Refund 15 EUR");
    check("", "charge.refunded", &charge(1000), "no money was given back");
    let refund =
        |status: &str| format!(r#"{{"id":"re_1","status":"{status}","amount":1500,"currency":"eur"}}"#);
    let own = "refunds = 'refund.created'";
    check(own, "refund.created", &refund("succeeded"), "Refund 15 EUR");
    check(own, "refund.updated", &refund("succeeded"), "Refund 15 EUR");
    check(own, "refund.created", &refund("pending"), "the refund has not succeeded");
    check(own, "charge.refunded", &charge(2500), ELSEWHERE);
    check("", "refund.created", &refund("succeeded"), ELSEWHERE);
    let none = headers(&[]);
    let unknown = body("charge.refunded", &charge(2500)).replace("amount_refunded\":1000", "x\":1");
    assert!(
        source("").read(&webhook(&none, &unknown)).is_err(),
        "how much was given back before is not guessed"
    );
}

#[test]
fn a_dispute_takes_back_what_it_is_about_once_it_is_lost() {
    let dispute = |status: &str| {
        format!(
            r#"{{"id":"dp_1","object":"dispute","status":"{status}","amount":5990,"currency":"eur","charge":"ch_1",
            "payment_intent":"pi_1","metadata":{{"order":"88"}}}}"#
        )
    };
    for more in ["", "refunds = 'refund.created'", BY_INVOICE] {
        check(more, "charge.dispute.closed", &dispute("lost"), "Refund 59.9 EUR");
    }
    for status in ["won", "warning_closed", "prevented"] {
        check("", "charge.dispute.closed", &dispute(status), "the dispute is not lost");
    }
    check("", "charge.dispute.created", &dispute("needs_response"), "no event comes from this type");
    let draft = draft("order_id_metadata = 'order'", "charge.dispute.closed", &dispute("lost"));
    assert_eq!(draft.event_id.as_deref(), Some("Refund-dp_1"));
    assert_eq!(draft.properties.order_id.as_deref(), Some("88"));
    assert_eq!(draft.tokens["stripe_payment_intent"], "pi_1");
}

#[test]
fn a_payment_without_checkout_is_a_purchase_if_that_is_chosen() {
    let payment = r#"{"id":"pi_1","amount_received":5990,"currency":"eur"}"#;
    check("", "payment_intent.succeeded", payment, ELSEWHERE);
    check("purchase = 'payment_intent.succeeded'", "payment_intent.succeeded", payment, "Purchase 59.9 EUR");
}

#[test]
fn test_mode_and_thin_events_are_told_apart() {
    let none = headers(&[]);
    let session = body(COMPLETED, r#"{"id":"cs_1","payment_status":"paid"}"#).replace("true", "false");
    let read = |more: &str, body: &str| source(more).read(&webhook(&none, body));
    assert_eq!(summary(&read("", &session).expect("readable")), ["an event of test mode"]);
    assert_eq!(summary(&read("test_orders = true", &session).expect("readable")), ["Purchase - -"]);
    let thin = read("", r#"{"object":"v2.core.event","type":"v1.billing.meter.no_meter_found"}"#);
    let thin = thin.expect_err("no data");
    assert_eq!(source("").answer(&Settled::Unreadable(&thin)).status, StatusCode::BAD_REQUEST);
    let denied = Denied::WrongSignature { key: "secret" };
    assert_eq!(source("").answer(&Settled::Denied(&denied)).status, StatusCode::BAD_REQUEST);
    assert_eq!(source("").answer(&Settled::Refused), Answer::done());
}

#[test]
fn our_visitor_is_known_by_its_form() {
    let reference = |id: &str| {
        let object = format!(r#"{{"id":"cs_1","payment_status":"paid","client_reference_id":"{id}"}}"#);
        let none = headers(&[]);
        let reading = source("").read(&webhook(&none, &body(COMPLETED, &object))).expect("readable");
        reading.events.into_iter().next().and_then(|found| found.draft.visitor_id)
    };
    let ours = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    assert_eq!(reference(ours).as_deref(), Some(ours));
    assert_eq!(reference("user_42"), None, "a number of the shop's own is no visitor of ours");
}

#[test]
fn settings_that_cannot_be_are_named() {
    let check = |text: &'static str, key: &str| {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(key), "{error}");
    };
    check("secret = ' '", "`secret`");
    check("secret = 's'\nrenewal_event = ' '", "`renewal_event`");
    check("secret = 's'\nminor_units = { ugx = 2 }", "`minor_units`");
    check("secret = 's'\nminor_units = { UGX = 9 }", "`minor_units`");
    check("secret = 's'\npurchase = 'charge.succeeded'", "invoice.paid");
}

//! The signature, the topics and the amounts. Whole deliveries are recorded in `tests/sources/shopify`.

use http::HeaderMap;

use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook as request};
use super::*;

const SETTINGS: &str =
    "shop = 'mug-shop.myshopify.com'\nsecret = 'shpss_test_secret'\nprevious_secret = 'older'\n";
/// Computed apart from this code: base64 of HMAC-SHA256 with the key `shpss_test_secret`.
const BODY: &str = r##"{"id":5001,"name":"#1001","total_price":"49.90"}"##;
const SIGNATURE: &str = "EqqlLP5zNh0yHJ8aKPpMO5pnOB/0BXQWH9THM5LJfLY=";

fn source(more: &'static str) -> Box<dyn Source> {
    let text: &'static str = [SETTINGS, more].concat().leak();
    configure(settings(text)).expect("right settings")
}

fn read(more: &'static str, topic: &str, body: &str) -> Reading {
    source(more).read(&request(&headers(&[("x-shopify-topic", topic)]), body)).expect("readable")
}

#[test]
fn the_signature_is_checked_over_the_raw_body() {
    let check = |hmac: &str, shop: &str, body: &str, expected: Result<(), Denied>| {
        for prefix in [
            ("x-shopify-hmac-sha256", "x-shopify-shop-domain"),
            ("shopify-hmac-sha256", "shopify-shop-domain"),
        ] {
            let headers = headers(&[(prefix.0, hmac), (prefix.1, shop)]);
            assert_eq!(source("").authenticate(&request(&headers, body)), expected, "{hmac} {shop}");
        }
    };
    let wrong = || Err(Denied::WrongSignature { key: "secret" });
    check(SIGNATURE, "Mug-Shop.myshopify.com", BODY, Ok(()));
    check(SIGNATURE, "mug-shop.myshopify.com", &BODY.replace("49.90", "9.90"), wrong());
    check(SIGNATURE, "mug-shop.myshopify.com", &format!("{BODY}\n"), wrong());
    check(
        "12aaa52cfe73361d321c9f1a28fa4c3b9a67381ff40574161fd4c73392c97cb6",
        "mug-shop.myshopify.com",
        BODY,
        wrong(),
    );
    check(SIGNATURE, "other.myshopify.com", BODY, Err(Denied::Stranger { key: "shop" }));
    // Computed apart from this code with the key `older`.
    check("Px6BK+Q3kaU1nNKxBlgyv3m2fRmHc5fsIr+0rMSkzv4=", "mug-shop.myshopify.com", BODY, Ok(()));
    let unsigned = source("").authenticate(&request(&HeaderMap::new(), BODY));
    assert_eq!(unsigned, Err(Denied::Unsigned { header: "X-Shopify-Hmac-Sha256" }));
}

/// By its items an order is the shop's without saying so.
#[test]
fn an_order_that_lists_nothing_says_that_it_is_the_shops() {
    let item = r#"{"line_items":[{"id":1,"product_id":7,"quantity":1}],"#;
    for (order, expected) in [(ORDER.to_owned(), true), (ORDER.replacen('{', item, 1), false)] {
        let found = &read("", "orders/paid", &order).events[0];
        assert_eq!(found.draft.properties.items.is_empty(), expected, "{order}");
        assert_eq!(found.draft.properties.custom.contains_key(crate::orders::OF_SHOP), expected, "{order}");
    }
}

const ORDER: &str = r#"{"id":820982911946154508,"source_name":"web","financial_status":"paid","currency":"EUR",
    "presentment_currency":"USD","total_price":"100.00","total_price_set":{"shop_money":{"amount":"100.00","currency_code":"EUR"},
    "presentment_money":{"amount":"108.50","currency_code":"USD"}}}"#;

fn check(more: &'static str, topic: &str, body: &str, expected: &str) {
    assert_eq!(summary(&read(more, topic, body)), [expected], "{topic} {more}");
}

#[test]
fn one_of_two_topics_is_the_purchase() {
    let other = "purchases are counted by the other topic; see `purchase`";
    let created = "purchase = 'orders/create'";
    check("", "orders/paid", ORDER, "Purchase 100 EUR");
    check("", "orders/create", ORDER, other);
    check(created, "orders/create", ORDER, "Purchase 100 EUR");
    check(created, "orders/paid", ORDER, other);
    // The topic is not signed: a placed order that is passed off as a paid one is still not paid.
    check("", "orders/paid", &ORDER.replace("\"paid\"", "\"pending\""), "the order is not paid");
}

#[test]
fn amount_and_currency_are_of_one_kind() {
    let presentment = "money = 'presentment'";
    check(presentment, "orders/paid", ORDER, "Purchase 108.5 USD");
    let old = r#"{"id":1,"source_name":"web","currency":"EUR","presentment_currency":"USD","total_price":"100.00"}"#;
    check(presentment, "orders/paid", old, "Purchase 100 EUR");
    check("", "orders/paid", r#"{"id":1,"source_name":"web","total_price":"1.00"}"#, "Purchase 1 -");
    // A checkout does not say whose currency its total is in.
    check(
        "",
        "checkouts/create",
        r#"{"token":"c","currency":"EUR","total_price":"5.00"}"#,
        "InitiateCheckout 5 EUR",
    );
    let two = r#"{"token":"c","currency":"EUR","presentment_currency":"USD","total_price":"5.00"}"#;
    check("", "checkouts/create", two, "InitiateCheckout - -");
}

#[test]
fn orders_of_other_channels_and_tests_are_passed_over() {
    let till = ORDER.replace("\"web\"", "\"pos\"");
    check("", "orders/paid", &till, "the order came through another channel; see `channels`");
    let sold = read("channels = ['web', 'pos']", "orders/paid", &till);
    assert_eq!(sold.events[0].draft.source, Some(shared::Source::Store));
    let checkout = |from: &str| format!(r#"{{"token":"c","currency":"EUR","total_price":"5.00"{from}}}"#);
    let elsewhere = checkout(r#","source_name":"shopify_draft_order""#);
    check("", "checkouts/create", &elsewhere, "the order came through another channel; see `channels`");
    for from in ["", r#","source_name":"web""#] {
        check("", "checkouts/create", &checkout(from), "InitiateCheckout 5 EUR");
    }
    let test = ORDER.replace("\"source_name\"", "\"test\":true,\"source_name\"");
    check("", "orders/paid", &test, "a test order");
    check("test_orders = true", "orders/paid", &test, "Purchase 100 EUR");
    let notification = headers(&[("x-shopify-topic", "orders/paid"), ("x-shopify-test", "true")]);
    let reading = source("").read(&request(&notification, ORDER)).expect("readable");
    assert_eq!(summary(&reading), ["a test notification"]);
}

#[test]
fn a_refund_is_what_was_paid_out() {
    let refund = |transactions: &[&str]| {
        format!(r#"{{"id":9,"order_id":7,"transactions":[{}]}}"#, transactions.join(","))
    };
    let paid = r#"{"kind":"refund","status":"success","amount":"4.50","currency":"EUR"}"#;
    let failed = r#"{"kind":"refund","status":"failure","amount":"8.00","currency":"EUR"}"#;
    let sale = r#"{"kind":"sale","status":"success","amount":"8.00","currency":"EUR"}"#;
    check("", "refunds/create", &refund(&[paid, paid, failed, sale]), "Refund 9 EUR");
    check("", "refunds/create", &refund(&[failed]), "no money was given back");
    let sums = ["0.10", "0.20"].map(|amount| paid.replace("4.50", amount));
    check("", "refunds/create", &refund(&[&sums[0], &sums[1]]), "Refund 0.3 EUR");
    let test = paid.replace("\"kind\"", "\"test\":true,\"kind\"");
    check("", "refunds/create", &refund(&[&test]), "a test order");
    // Paid out as the customer saw it, and counted as the shop counts its orders, if both add up.
    let set = |shop: &str, seen: &str| {
        format!(
            r#"{{"shop_money":{{"amount":"{shop}","currency_code":"EUR"}},"presentment_money":{{"amount":"{seen}","currency_code":"JPY"}}}}"#
        )
    };
    let abroad = |subtotal: &str| {
        let paid = r#"{"kind":"refund","status":"success","amount":"8100","currency":"JPY"}"#;
        let lines = format!(
            r#""refund_line_items":[{{"subtotal_set":{subtotal},"total_tax_set":{}}}],"order_adjustments":[{{"amount_set":{},"tax_amount_set":{}}}]"#,
            set("4.00", "600"),
            set("-4.00", "-600"),
            set("0", "0")
        );
        refund(&[paid]).replacen('{', &format!("{{{lines},"), 1)
    };
    check("", "refunds/create", &abroad(&set("46.00", "6900")), "Refund 54 EUR");
    check("", "refunds/create", &abroad(&set("50.00", "7500")), "Refund 54 EUR");
    check("", "refunds/create", &abroad(&set("46.00", "7000")), "Refund 8100 JPY");
    check("money = 'presentment'", "refunds/create", &abroad(&set("46.00", "6900")), "Refund 8100 JPY");
    let headers = headers(&[("x-shopify-topic", "refunds/create")]);
    let mixed = refund(&[paid, &paid.replace("EUR", "USD")]);
    assert!(source("").read(&request(&headers, &mixed)).is_err());
}

#[test]
fn a_cancelled_order_is_taken_back_only_if_it_was_counted_unpaid() {
    let elsewhere = "money given back is reported by refunds/create";
    let (unpaid, created) = (ORDER.replace("\"paid\"", "\"voided\""), "purchase = 'orders/create'");
    for more in ["", created] {
        check(more, "orders/cancelled", ORDER, elsewhere);
        check(more, "orders/cancelled", &unpaid, "Refund 100 EUR");
        let till = unpaid.replace("\"web\"", "\"pos\"");
        check(more, "orders/cancelled", &till, "the order came through another channel; see `channels`");
    }
    // Nobody but a page can have counted an order that was never paid, and perhaps none did.
    let marked = |more| marked(&read(more, "orders/cancelled", &unpaid));
    assert_eq!((marked(""), marked(created)), (Some("Subscribe".to_owned()), None));
}

/// The further name under which the order may have been reported, where the refund is one only if it was.
fn marked(reading: &Reading) -> Option<String> {
    match reading.events[0].draft.properties.custom.get(ONLY_IF_REPORTED)? {
        Scalar::Text(name) => Some(name.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refund_takes_back_only_what_was_reported() {
    let paid = r#"{"kind":"refund","status":"success","amount":"4.50","currency":"EUR"}"#;
    let refund = format!(r#"{{"id":9,"order_id":7,"transactions":[{paid}]}}"#);
    assert_eq!(marked(&read("", "refunds/create", &refund)).as_deref(), Some("Subscribe"));
    let renamed = read("renewal_event = 'Renewal'", "refunds/create", &refund);
    assert_eq!(marked(&renamed).as_deref(), Some("Renewal"));
}

#[test]
fn a_renewal_counts_under_its_own_name() {
    for channel in ["subscription_contract", "subscription_contract_checkout_one"] {
        let renewal = ORDER.replace("\"web\"", &format!("\"{channel}\""));
        check("", "orders/paid", &renewal, "Subscribe 100 EUR");
        check("renewal_event = 'Renewal'", "orders/paid", &renewal, "Renewal 100 EUR");
        check("purchase = 'orders/create'", "orders/create", &renewal, "Subscribe 100 EUR");
    }
    let draft = read("", "orders/paid", &ORDER.replace("\"web\"", "\"subscription_contract\""))
        .events
        .remove(0)
        .draft;
    // Its id follows from the order, as a purchase's does.
    assert_eq!((draft.event_id, draft.properties.order_id.as_deref()), (None, Some("820982911946154508")));
}

#[test]
fn a_topic_nobody_uses_is_no_failure() {
    check("", "products/update", "{}", "no event comes from this topic");
    check("", "customers/create", r#"{"id":1}"#, "`registrations` is off");
    check("registrations = true", "customers/create", r#"{"id":1}"#, "CompleteRegistration - -");
    let answer = source("").answer(&Settled::Unreadable(&Unreadable::Missing { field: "id" }));
    assert_eq!(answer, Answer::done(), "a shop that is answered 4xx again and again drops the webhook");
}

#[test]
fn settings_that_cannot_be_are_named() {
    let check = |text: &'static str, key: &str| {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(key), "{error}");
    };
    check("shop = 'https://x/'\nsecret = 's'", "`shop`");
    for text in [
        "shop = 'shop.example'\nsecret = 's'",
        "shop = '.myshopify.com'\nsecret = 's'",
        "shop = 'myshopify.com'\nsecret = 's'",
        "shop = 'https://x.myshopify.com'\nsecret = 's'",
        "shop = 'x.myshopify.com.shop.example'\nsecret = 's'",
    ] {
        check(text, "ends in `.myshopify.com`");
    }
    configure(settings("shop = 'X-1.MyShopify.com'\nsecret = 's'")).expect("in any case");
    check("shop = 'x.myshopify.com'\nsecret = ' '", "`secret`");
    check("shop = 'x.myshopify.com'\nsecret = 's'\npurchase = 'paid'", "orders/paid");
    check("shop = 'x.myshopify.com'\nsecret = 's'\nprevious_secret = ''", "`previous_secret`");
    check("shop = 'x.myshopify.com'\nsecret = 's'\nrenewal_event = ' '", "`renewal_event`");
}

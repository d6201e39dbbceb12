//! The signature, the topics and the amounts. Whole deliveries are recorded in `tests/sources/shopify`.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use shared::UnixMs;

use super::super::settings::tests::settings;
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

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

fn request<'a>(headers: &'a HeaderMap, body: &'a str) -> Inbound<'a> {
    let (method, origin, target) = (&Method::POST, "https://t.shop.example", "/v1/webhook/shopify");
    Inbound { method, origin, target, headers, body: body.as_bytes(), now: UnixMs(1_795_435_200_000) }
}

fn read(more: &'static str, topic: &str, body: &str) -> Reading {
    source(more).read(&request(&headers(&[("x-shopify-topic", topic)]), body)).expect("readable")
}

/// Name, id and value of the one event, or why there is none.
fn summary(reading: &Reading) -> Result<(String, Option<f64>, Option<String>), &'static str> {
    let Some(found) = reading.events.first() else { return Err(reading.ignored.expect("a reason")) };
    let properties = found.draft.properties.clone().unwrap_or_default();
    let currency = properties.currency.map(|currency| currency.as_str().to_owned());
    Ok((found.draft.event.clone().expect("a name"), properties.value, currency))
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

const ORDER: &str = r#"{"id":820982911946154508,"source_name":"web","financial_status":"paid","currency":"EUR",
    "presentment_currency":"USD","total_price":"100.00","total_price_set":{"shop_money":{"amount":"100.00","currency_code":"EUR"},
    "presentment_money":{"amount":"108.50","currency_code":"USD"}}}"#;

#[test]
fn one_of_two_topics_is_the_purchase() {
    let purchase =
        |value: f64, currency: &str| Ok(("Purchase".to_owned(), Some(value), Some(currency.to_owned())));
    let other = Err("purchases are counted by the other topic; see `purchase`");
    let created = "purchase = 'orders/create'";
    assert_eq!(summary(&read("", "orders/paid", ORDER)), purchase(100.0, "EUR"));
    assert_eq!(summary(&read("", "orders/create", ORDER)), other);
    assert_eq!(summary(&read(created, "orders/create", ORDER)), purchase(100.0, "EUR"));
    assert_eq!(summary(&read(created, "orders/paid", ORDER)), other);
    // The topic is not signed: a placed order that is passed off as a paid one is still not paid.
    let placed = ORDER.replace("\"paid\"", "\"pending\"");
    assert_eq!(summary(&read("", "orders/paid", &placed)), Err("the order is not paid"));
}

#[test]
fn amount_and_currency_are_of_one_kind() {
    let seen = read("money = 'presentment'", "orders/paid", ORDER);
    assert_eq!(summary(&seen), Ok(("Purchase".to_owned(), Some(108.5), Some("USD".to_owned()))));
    let old = r#"{"id":1,"source_name":"web","currency":"EUR","presentment_currency":"USD","total_price":"100.00"}"#;
    let fallen_back = read("money = 'presentment'", "orders/paid", old);
    assert_eq!(summary(&fallen_back), Ok(("Purchase".to_owned(), Some(100.0), Some("EUR".to_owned()))));
}

#[test]
fn orders_of_other_channels_and_tests_are_passed_over() {
    let till = ORDER.replace("\"web\"", "\"pos\"");
    let elsewhere = "the order came through another channel; see `channels`";
    assert_eq!(summary(&read("", "orders/paid", &till)), Err(elsewhere));
    let sold = read("channels = ['web', 'pos']", "orders/paid", &till);
    assert_eq!(sold.events[0].draft.source, Some(shared::Source::Store));
    let test = ORDER.replace("\"source_name\"", "\"test\":true,\"source_name\"");
    assert_eq!(summary(&read("", "orders/paid", &test)), Err("a test order"));
    assert!(summary(&read("test_orders = true", "orders/paid", &test)).is_ok());
}

#[test]
fn a_refund_is_what_was_paid_out() {
    let refund = |transactions: &str| format!(r#"{{"id":9,"order_id":7,"transactions":[{transactions}]}}"#);
    let paid = r#"{"kind":"refund","status":"success","amount":"4.50","currency":"EUR"}"#;
    let failed = r#"{"kind":"refund","status":"failure","amount":"8.00","currency":"EUR"}"#;
    let body = refund(&[paid, paid, failed].join(","));
    assert_eq!(
        summary(&read("", "refunds/create", &body)),
        Ok(("Refund".to_owned(), Some(9.0), Some("EUR".to_owned())))
    );
    assert_eq!(summary(&read("", "refunds/create", &refund(failed))), Err("no money was given back"));
    let mixed = refund(&[paid.to_owned(), paid.replace("EUR", "USD")].join(","));
    let headers = headers(&[("x-shopify-topic", "refunds/create")]);
    assert!(source("").read(&request(&headers, &mixed)).is_err());
}

#[test]
fn a_cancelled_order_is_taken_back_only_if_it_was_counted_unpaid() {
    let elsewhere = Err("money given back is reported by refunds/create");
    let unpaid = ORDER.replace("\"paid\"", "\"voided\"");
    assert_eq!(summary(&read("", "orders/cancelled", &unpaid)), elsewhere);
    assert_eq!(summary(&read("purchase = 'orders/create'", "orders/cancelled", ORDER)), elsewhere);
    let taken_back = summary(&read("purchase = 'orders/create'", "orders/cancelled", &unpaid));
    assert_eq!(taken_back, Ok(("Refund".to_owned(), Some(100.0), Some("EUR".to_owned()))));
}

#[test]
fn a_topic_nobody_uses_is_no_failure() {
    assert_eq!(summary(&read("", "products/update", "{}")), Err("no event comes from this topic"));
    assert_eq!(summary(&read("", "customers/create", "{}")), Err("`registrations` is off"));
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
    check("shop = 'x.myshopify.com'\nsecret = ' '", "`secret`");
    check("shop = 'x.myshopify.com'\nsecret = 's'\npurchase = 'paid'", "orders/paid");
    check("shop = 'x.myshopify.com'\nsecret = 's'\nprevious_secret = ''", "`previous_secret`");
}

//! What opens, and what each type of transaction comes to. Whole notifications are recorded in `tests/sources/clickbank`.

use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook};
use super::*;

/// Sealed apart from this code, with `openssl enc -aes-256-cbc`, for the secret `MYSECRETKEY`.
const SEALED: &str = r#"{"notification":"mgYglgFyv/HzDOIYivS9GEFuyKHiRjUcpz/zpYVKhnABvYYbX2gJHN0s++3rw8khO6tsOCwTatN26x4/9TIdow==",
    "iv":"AAECAwQFBgcICQoLDA0ODw=="}"#;

fn source(more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("secret = ' MYSECRETKEY '\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

#[test]
fn a_notification_proves_itself_by_opening() {
    let none = headers(&[]);
    let check = |body: &str, expected: Result<(), Denied>| {
        assert_eq!(source("").authenticate(&webhook(&none, body)), expected, "{body}");
    };
    check(SEALED, Ok(()));
    let wrong = Err(Denied::WrongSignature { key: "secret" });
    check(&SEALED.replace("mgYg", "mgYh"), wrong.clone());
    check(&SEALED.replace("AAEC", "AQEC"), wrong.clone());
    check(r#"{"notification":"AAAA","iv":"AAAA"}"#, wrong);
    for plain in
        ["", "{}", r#"{"receipt":"1","transactionType":"SALE"}"#, "ctransaction=SALE&cverify=00000000"]
    {
        check(plain, Err(Denied::Plain { expected: EXPECTED }));
    }
    let denied = Denied::Plain { expected: EXPECTED };
    assert_eq!(source("").answer(&Settled::Denied(&denied)).status, StatusCode::BAD_REQUEST);
    assert_eq!(source("").answer(&Settled::Refused), Answer::done());
}

fn check(more: &str, kind: &str, expected: &str) {
    let body = format!(
        r#"{{"receipt":"ABC12345","transactionType":"{kind}","totalAccountAmount":-21.5,"totalOrderAmount":-49,"currency":"USD"}}"#
    );
    let body = if matches!(kind, "RFND" | "CGBK") { body } else { body.replace(":-", ":") };
    let none = headers(&[]);
    let reading = source(more).read(&webhook(&none, &body)).expect("readable");
    assert_eq!(summary(&reading), [expected], "{kind} {more}");
}

#[test]
fn every_type_of_transaction() {
    check("", "SALE", "Purchase 21.5 USD");
    check("value = 'order'", "SALE", "Purchase 49 USD");
    check("", "BILL", "Subscribe 21.5 USD");
    check("renewal_event = 'Renewal'", "BILL", "Renewal 21.5 USD");
    for back in ["RFND", "CGBK", "INSF"] {
        check("", back, "Refund 21.5 USD");
    }
    check("", "ABANDONED_ORDER", "an abandoned order; see `abandoned_event`");
    check("abandoned_event = 'InitiateCheckout'", "ABANDONED_ORDER", "InitiateCheckout 21.5 USD");
    for nothing in ["CANCEL-REBILL", "UNCANCEL-REBILL", "SUBSCRIPTION-CHG", "SOMETHING-NEW"] {
        check("", nothing, "no event comes from this type of transaction");
    }
    check("", "TEST", "a test of the connection");
    for test in ["TEST_SALE", "TEST_BILL", "TEST_RFND"] {
        check("", test, "a test sale");
    }
    check("test_orders = true", "TEST_SALE", "Purchase 21.5 USD");
    check("test_orders = true", "TEST_RFND", "Refund 21.5 USD");
}

#[test]
fn a_rebill_is_tied_to_its_sale() {
    let none = headers(&[]);
    let token = |body: &str| {
        let reading = source("").read(&webhook(&none, body)).expect("readable");
        let draft = reading.events.into_iter().next().expect("an event").draft;
        (draft.tokens["clickbank_receipt"].clone(), draft.properties.order_id.expect("a receipt"))
    };
    let check = |body: &str, token_of: &str, order: &str| {
        assert_eq!(token(body), (token_of.to_owned(), order.to_owned()))
    };
    check(r#"{"receipt":"ABC12345","transactionType":"SALE"}"#, "ABC12345", "ABC12345");
    check(r#"{"receipt":"ABC12345-B002","transactionType":"BILL"}"#, "ABC12345", "ABC12345-B002");
    let upsell =
        r#"{"receipt":"ABC12346","transactionType":"SALE","upsell":{"upsellOriginalReceipt":"ABC12345"}}"#;
    check(upsell, "ABC12345", "ABC12346");
}

#[test]
fn our_token_is_found_wherever_it_came_along() {
    const TOKEN: &str = "0123456789abcdefghijklmn";
    let none = headers(&[]);
    let token = |more: &str| {
        let body =
            format!(r#"{{"receipt":"ABC12345","transactionType":"SALE",{more}}}"#).replace("TOKEN", TOKEN);
        let reading = source("").read(&webhook(&none, &body)).expect("readable");
        let mut draft = reading.events.into_iter().next().expect("an event").draft;
        draft.click_ids.remove("atclid").map(|id| id.value)
    };
    for more in [
        r#""trackingCodes":["summer","TOKEN"]"#,
        r#""trackingCodes":["summer_TOKEN"]"#,
        r#""extclid":"TOKEN""#,
        r#""affiliateClickId":"TOKEN""#,
        r#""vendorVariables":{"v1":"TOKEN"}"#,
        r#""vendorVariables":{"atclid":"TOKEN"}"#,
    ] {
        assert_eq!(token(more).as_deref(), Some(TOKEN), "{more}");
    }
    for more in [r#""trackingCodes":"TOKEN""#, r#""trackingCodes":["summer"]"#, r#""hopId":"TOKEN""#] {
        assert_eq!(token(more), None, "{more}");
    }
}

#[test]
fn settings_that_cannot_be_are_named() {
    let check = |text: &'static str, key: &str| {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(key), "{error}");
    };
    check("secret = ' '", "`secret`");
    check("secret = 's'\nrenewal_event = ''", "`renewal_event`");
    check("secret = 's'\nabandoned_event = ' '", "`abandoned_event`");
    check("secret = 's'\nvalue = 'all'", "`account`");
}

//! Consent and the copies of one conversion: what was withheld is delivered once somebody brings the consent.

use relay::store::Verdict;

use crate::shop::{Shop, webhook};

const GRANTED: &str = r#""consent":{"ad_storage":"granted","ad_user_data":"granted"}"#;
const DENIED: &str = r#""consent":{"ad_storage":"denied","ad_user_data":"denied"}"#;
const SILENT: &str = r#""source":"server""#;

fn purchase(id: &str, consent: &str) -> String {
    format!(r#"{{"event":"Purchase","event_id":"{id}","properties":{{"order_id":"88"}},{consent}}}"#)
}

/// A shop with a destination that needs consent and one that needs none, after copies of one purchase.
fn after(site: &str, copies: &[&str]) -> (Vec<String>, Vec<String>) {
    let shop = Shop::open(site, &[webhook("ads", ""), webhook("books", "consent = []")].concat());
    for (at, consent) in copies.iter().enumerate() {
        shop.take(at as i64, &purchase(&format!("c{at}"), consent));
    }
    (shop.sent_to("ads"), shop.sent_to("books"))
}

#[test]
fn a_copy_that_brings_the_consent_is_delivered_once() {
    let check = |site: &str, copies: &[&str], ads: &[&str], books: &[&str]| {
        let (sent_to_ads, sent_to_books) = after(site, copies);
        assert_eq!((sent_to_ads, sent_to_books), (texts(ads), texts(books)), "{site}: {copies:?}");
    };
    let asks = "consent_required = true";
    check(asks, &[SILENT, GRANTED], &["no_consent", "c1"], &["c0", "already_sent"]);
    check(asks, &[SILENT, GRANTED, GRANTED], &["no_consent", "c1"], &["c0", "already_sent"]);
    check(asks, &[SILENT, SILENT, GRANTED], &["no_consent", "c2"], &["c0", "already_sent"]);
    check(asks, &[GRANTED, SILENT], &["c0"], &["c0"]);
    check(asks, &[DENIED, SILENT], &["no_consent"], &["c0"]);
    check("", &[SILENT, GRANTED], &["c0"], &["c0"]);
    // A denial holds for the copies that say nothing, also where nobody need ask.
    check("", &[DENIED, SILENT], &["no_consent"], &["c0"]);
    check("", &[DENIED, SILENT, GRANTED], &["no_consent", "c2"], &["c0", "already_sent"]);
    // Half an answer and the other half make a whole.
    let half = |purpose: &str| format!(r#""consent":{{"{purpose}":"granted"}}"#);
    let (one, other) = (half("ad_storage"), half("ad_user_data"));
    check(asks, &[&one, &other], &["no_consent", "c1"], &["c0", "already_sent"]);
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_purchase_the_server_reports_of_a_visitor_who_denied_is_not_sent_and_says_so() {
    let shop = Shop::open("", &webhook("ads", ""));
    let landing = r#"{"event":"PageView","event_id":"l","visitor_id":"v1","user":{"email":"jane@example.com"},
        "click_ids":{"fbclid":"IwAR_click"},"page":{"url":"https://shop.example/"}}"#;
    let denial = format!(r#"{{"event":"PageView","event_id":"d","visitor_id":"v1",{DENIED}}}"#);
    shop.take(0, landing);
    shop.take(1000, &denial);
    let webhook = r#"{"event":"Purchase","source":"server","user":{"email":"jane@example.com"},
        "properties":{"order_id":"88","value":59.9,"currency":"EUR"}}"#;
    assert_eq!(shop.take(2000, webhook), Verdict::Stored(3));
    assert_eq!(shop.sent_to("ads"), ["l", "no_consent", "no_consent"]);
    let stored = serde_json::to_value(&shop.log()[2]).unwrap();
    assert_eq!(stored["attribution"]["unmatched"], "no_consent", "{stored}");
    assert!(stored.get("user").is_none() && stored.get("click_ids").is_none(), "{stored}");
}

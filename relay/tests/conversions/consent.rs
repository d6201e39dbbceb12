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

/// One of a visitor who landed, at a time of its own.
fn of_visitor(event: &str, id: &str, at: i64, more: &str) -> String {
    let time = crate::shop::NOW + at;
    format!(r#"{{"event":"{event}","event_id":"{id}","visitor_id":"v1","time":{time}{more}}}"#)
}

#[test]
fn what_a_visitor_said_last_holds_in_whatever_order_it_arrives() {
    let (yes, no) = (format!(",{GRANTED}"), format!(",{DENIED}"));
    let check = |events: &[(&str, i64, &str)], expected: &[&str]| {
        let shop = Shop::open("", &webhook("ads", ""));
        for (place, (id, at, consent)) in events.iter().enumerate() {
            shop.take(1_000_000 + place as i64, &of_visitor("Lead", id, *at, consent));
        }
        assert_eq!(shop.sent_to("ads"), expected, "{events:?}");
    };
    // A shop's server sends an order of before the withdrawal: neither it nor what comes after it goes out.
    check(
        &[("a", 0, &yes), ("b", 10, &no), ("c", 5, &yes), ("d", 20, "")],
        &["a", "no_consent", "no_consent", "no_consent"],
    );
    // A page that was offline sends what it noted while the visitor denied: it stays, and nothing else does.
    check(&[("a", 10, &yes), ("b", 5, &no), ("c", 20, "")], &["a", "no_consent", "c"]);
    check(&[("a", 0, &no), ("b", 10, &yes), ("c", 20, "")], &["no_consent", "b", "c"]);
}

#[test]
fn a_withdrawal_within_the_window_holds_for_what_waits() {
    let shop = Shop::open("merge_window = { Purchase = \"30s\" }", &webhook("ads", ""));
    shop.take(0, &of_visitor("PageView", "l", 0, &format!(",{GRANTED}")));
    let bought =
        of_visitor("Purchase", "p", 1, r#","properties":{"order_id":"88","value":5,"currency":"EUR"}"#);
    assert_eq!(shop.take(1, &bought), Verdict::Held);
    shop.take(10_000, &of_visitor("ConsentWithdrawn", "w", 10_000, &format!(",{DENIED}")));
    assert_eq!(shop.release(40_000), 1);
    shop.take(50_000, &of_visitor("Lead", "after", 50_000, ""));
    assert_eq!(shop.sent_to("ads"), ["l", "no_consent", "no_consent", "no_consent"]);
}

#[test]
fn a_denial_of_one_purpose_holds_for_what_a_server_reports() {
    let shop = Shop::open("", &webhook("ads", ""));
    let mixed = r#","user":{"email":"jane@example.com"},"click_ids":{"gclid":"Cj0KCQ_a"},
        "consent":{"ad_storage":"granted","ad_user_data":"granted","ad_personalization":"denied"}"#;
    shop.take(0, &of_visitor("PageView", "l", 0, mixed));
    shop.take(1, r#"{"event":"Lead","source":"crm","user":{"email":"jane@example.com"}}"#);
    let lead = shop.log().pop().unwrap();
    assert_eq!(lead.click_ids.len(), 1);
    assert_eq!(
        serde_json::to_value(lead.consent).unwrap(),
        serde_json::json!({ "ad_personalization": "denied" })
    );
}

#[test]
fn a_copy_is_emptied_of_what_an_earlier_one_denied() {
    let shop = Shop::open("", &webhook("ads", "consent = [\"ad_storage\"]"));
    shop.take(0, &purchase("a", DENIED));
    let more = r#""source":"server","user":{"email":"jane@example.com"},"consent":{"ad_storage":"granted"}"#;
    assert_eq!(shop.take(1, &purchase("b", more)), Verdict::Stored(2));
    let sent = shop.log().pop().unwrap();
    assert!(sent.user.is_empty(), "user data was denied");
}

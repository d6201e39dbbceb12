//! After an order was sent: refunds that know their order, and totals that turn out lower.

use relay::store::Verdict;
use serde_json::{Value, json};

use crate::shop::{NOW, Shop, webhook};

/// A destination whose refunds need to know what is left of the order.
pub(crate) fn google() -> String {
    "[[destination]]\nname = \"google\"\nsite = \"shop\"\nplatform = \"google-ads\"\noperating_account = \"1234567890\"\n\
     conversion_actions = { Purchase = \"987654321\" }\n\
     oauth = { client_id = \"c\", client_secret = \"s\", refresh_token = \"r\" }\n\
     adjustments = { customer_id = \"1234567890\", developer_token = \"d\" }\n"
        .to_owned()
}

pub(crate) const DAY: i64 = 86_400_000;

pub(crate) fn order(event: &str, id: &str, at: i64, more: &str) -> String {
    format!(
        r#"{{"event":"{event}","event_id":"{id}","source":"server","time":{},"properties":{{"order_id":"88"{more}}},
            "click_ids":{{"gclid":{{"value":"Cj0KCQ_a","seen_at":{}}}}}}}"#,
        NOW + at,
        NOW - 9 * DAY
    )
}

/// The properties of the last event of the log.
pub(crate) fn last(shop: &Shop) -> Value {
    json!(shop.log().last().unwrap().properties)
}

#[test]
fn a_refund_that_names_an_amount_alone_reaches_google_with_what_is_left() {
    let shop = Shop::open("", &google());
    let refund = order("Refund", "r1", 0, r#","value":20,"currency":"EUR""#);
    shop.take(0, &refund);
    assert_eq!(shop.sent_to("google"), ["missing_value"], "nothing is known of the order");

    let shop = Shop::open("", &google());
    shop.take(-3 * DAY, &order("Purchase", "p", -3 * DAY, r#","value":59.9,"currency":"EUR""#));
    shop.take(1, &refund);
    let known = json!({ "order_id": "88", "value": 20.0, "currency": "EUR", "order_value": 59.9, "remaining_value": 39.9,
        "order_time": NOW - 3 * DAY, "order_reported": NOW - 3 * DAY, "order_event": "Purchase", "order_source": "server",
        "order_identifiers": "gclid" });
    assert_eq!(last(&shop), known);
    assert_eq!(shop.sent_to("google"), ["p", "r1"]);
    shop.take(2, &order("Refund", "r2", 0, r#","value":9.9,"currency":"EUR""#));
    assert_eq!(last(&shop)["remaining_value"], json!(30.0));
    // The same refund again takes nothing more.
    assert_eq!(shop.take(3, &refund), Verdict::Duplicate);
    shop.take(4, &order("Refund", "r3", 0, r#","value":10,"currency":"EUR""#));
    assert_eq!(last(&shop)["remaining_value"], json!(20.0));
}

#[test]
fn of_several_refunds_at_once_the_last_says_what_is_left() {
    let shop = Shop::open("", &google());
    shop.take(-3 * DAY, &order("Purchase", "p", -3 * DAY, r#","value":100,"currency":"EUR""#));
    shop.take(1, &order("Refund", "r1", 0, r#","value":20,"currency":"EUR""#));
    shop.take(2, &order("Refund", "r2", 0, r#","value":10,"currency":"EUR""#));
    let log = shop.log();
    let sent = shop.sent_together("google", &log.iter().collect::<Vec<_>>());
    assert_eq!(sent.len(), 2, "the order and one refund");
    assert!(
        sent.iter().any(|body| body.contains("70")) && sent.iter().all(|body| !body.contains("80")),
        "{sent:?}"
    );
}

/// Microsoft would not find the conversion yet.
#[test]
fn a_refund_waits_until_microsoft_knows_its_order() {
    let microsoft = "[[destination]]\nname = \"ms\"\nsite = \"shop\"\nplatform = \"microsoft\"\ntag_id = \"187012345\"\n\
        access_token = \"t\"\nconsent = []\n[destination.offline]\nclient_id = \"c\"\nrefresh_token = \"r\"\n\
        developer_token = \"d\"\ncustomer_id = \"1\"\naccount_id = \"2\"\nconversions = { Refund = \"Web purchase\" }\n";
    let bought = order("Purchase", "p", 0, r#","value":100,"currency":"EUR""#).replace("server", "web");
    let back = order("Refund", "r", 0, r#","value":20,"currency":"EUR""#);
    for (reported, expected) in [(-1, "too_early"), (-6 * 3_600_000, "r")] {
        let shop = Shop::open("", microsoft);
        shop.take(reported, &bought);
        shop.take(0, &back);
        assert_eq!(shop.sent_to("ms")[1], expected, "reported {reported}");
    }
}

#[test]
fn a_lowered_total_is_told_and_any_other_is_a_contradiction() {
    let items = r#","items":[{"id":"1"}]"#;
    let check = |first: &str, second: &str, expected: Verdict| {
        let shop = Shop::open("", &google());
        shop.take(-2 * DAY, &order("Purchase", "p", -2 * DAY, &format!(r#","currency":"EUR"{first}"#)));
        let verdict = shop.take(1, &order("Purchase", "q", 0, second));
        assert_eq!(verdict, expected, "{first} then {second}");
        shop
    };
    let eur = |value: &str, more: &str| format!(r#","value":{value},"currency":"EUR"{more}"#);
    check(r#","value":59.9"#, &eur("59.9", ""), Verdict::Duplicate);
    check(r#","value":59.9"#, &eur("59.902", items), Verdict::Duplicate);
    check(r#","value":59.9"#, r#","value":49.9"#, Verdict::Contradiction);
    check(r#","value":59.9"#, r#","value":49.9,"currency":"USD""#, Verdict::Contradiction);
    check(r#","value":59.9"#, &eur("69.9", items), Verdict::Contradiction);
    check(&format!(r#","value":59.9{items}"#), &eur("49.9", ""), Verdict::Contradiction);
    check("", &eur("49.9", ""), Verdict::Duplicate);

    let shop = check(r#","value":59.9"#, &eur("49.9", items), Verdict::Stored(2));
    let told = json!({ "order_id": "88", "value": 10.0, "currency": "EUR", "order_value": 59.9, "remaining_value": 49.9,
        "order_time": NOW - 2 * DAY, "order_reported": NOW - 2 * DAY, "order_event": "Purchase", "order_source": "server",
        "order_identifiers": "gclid" });
    assert_eq!((shop.log()[1].event.as_str(), last(&shop)), ("Refund", told));
    assert_eq!(shop.sent_to("google"), ["p", "Refund-88-worth-49.9"]);
    assert_eq!(shop.take(2, &order("Purchase", "q2", 0, &eur("49.9", items))), Verdict::Duplicate);
    shop.take(3, &order("Refund", "r", 0, &eur("49.9", "")));
    assert_eq!(last(&shop)["remaining_value"], json!(0.0));
}

/// The Data Manager API would make a conversion of an order it has never heard of.
#[test]
fn a_refund_goes_where_its_order_went_or_nowhere() {
    let check = |settings: &str, purchase: &str, expected: [&str; 2]| {
        let google = google();
        let (destination, _adjustments) = google.split_once("adjustments").expect("the last key");
        let shop = Shop::open("", &format!("{destination}{settings}\n"));
        shop.take(-3 * DAY, purchase);
        shop.take(1, &order("Refund", "r", 0, r#","value":20,"currency":"EUR""#));
        assert_eq!(shop.sent_to("google"), expected, "{settings} {purchase}");
        shop.newest_everywhere(0).remove(0).1
    };
    let paid = r#","value":100,"currency":"EUR""#;
    let bought = order("Purchase", "p", -3 * DAY, paid);
    check("", &bought, ["p", "r"]);
    check("events = { Purchase = false }", &bought, ["switched_off", "switched_off"]);
    let nobody = bought.replace("gclid", "fbclid");
    check("", &nobody, ["no_identifier", "no_identifier"]);
    let denied = bought.replacen('{', r#"{"consent":{"ad_storage":"denied","ad_user_data":"denied"},"#, 1);
    check("", &denied, ["no_consent", "no_consent"]);
    let sent = check("events = { Purchase = \"555\" }", &bought, ["p", "r"]);
    assert!(sent.contains(r#""productDestinationId":"555""#), "{sent}");
    // Reported today, it is not known to Google since yesterday.
    let shop = Shop::open("", &google());
    shop.take(0, &bought);
    shop.take(1, &order("Refund", "r", 0, r#","value":20,"currency":"EUR""#));
    assert_eq!(shop.sent_to("google"), ["p", "too_early"]);
}

#[test]
fn a_refund_ends_the_wait_for_reports_of_its_order() {
    let shop = Shop::open("merge_window = { Purchase = \"30s\" }", &webhook("all", ""));
    let paid = r#","value":100,"currency":"EUR""#;
    assert_eq!(shop.take(0, &order("Purchase", "p", 0, paid)), Verdict::Held);
    let back = order("Refund", "r", 0, r#","value":20,"currency":"EUR""#);
    // A page's ends nothing, and takes nothing off an order that a server may be about to report.
    let forged = back.replace("server", "web").replace("\"r\"", "\"w\"");
    shop.take(1, &forged);
    assert_eq!(shop.log().len(), 1);
    shop.take(2, &back);
    let names: Vec<String> = shop.log().into_iter().map(|event| event.event).collect();
    assert_eq!(names, ["Refund", "Purchase", "Refund"]);
    assert_eq!((&last(&shop)["order_value"], &last(&shop)["remaining_value"]), (&json!(100.0), &json!(80.0)));
    assert_eq!(shop.release(60_000), 0, "it is held no longer");
}

#[test]
fn a_commission_is_no_lower_total() {
    let shop = Shop::open("", &webhook("all", ""));
    let sale = order("Purchase", "p", 0, r#","value":100,"currency":"EUR""#).replace("server", "web");
    shop.take(0, &sale);
    let postback = order("Purchase", "q", 0, r#","value":3,"currency":"EUR","commission":true"#);
    assert_eq!(shop.take(1, &postback), Verdict::Contradiction);
}

#[test]
fn one_item_of_an_order_says_nothing_of_the_whole() {
    let item = |id: &str, value: f64| {
        let more =
            format!(r#","value":{value},"currency":"EUR","items":[{{"id":"1"}}],"part_of_order":true"#);
        order("Purchase", id, 0, &more)
    };
    let shop = Shop::open("", &webhook("all", ""));
    shop.take(0, &item("p", 49.0));
    assert_eq!(shop.take(1, &item("q", 29.0)), Verdict::Duplicate);
    let shop = Shop::open("", &webhook("all", ""));
    let page = order("Purchase", "p", 0, r#","value":78,"currency":"EUR""#).replace("server", "web");
    shop.take(0, &page);
    assert_eq!(shop.take(1, &item("q", 49.0)), Verdict::Duplicate);
    assert_eq!(shop.log().len(), 1);
}

#[test]
fn an_order_that_is_reported_anew_after_its_refund_is_not_lowered_twice() {
    let shop = Shop::open("", &google());
    let sale = |id: &str, value: f64| {
        order("Purchase", id, -2 * DAY, &format!(r#","value":{value},"currency":"EUR""#))
    };
    shop.take(-2 * DAY, &sale("p", 100.0));
    shop.take(1, &order("Refund", "r", 0, r#","currency":"EUR","remaining_value":50"#));
    assert_eq!(shop.take(2, &sale("q", 50.0)), Verdict::Duplicate);
    assert!(matches!(shop.take(3, &sale("s", 30.0)), Verdict::Stored(_)));
}

/// The visitor clicks another ad between the order and its refund.
#[test]
fn a_refund_is_matched_by_the_click_of_its_order() {
    let page = |id: &str, at: i64, click: &str| {
        format!(
            r#"{{"event":"PageView","event_id":"{id}","source":"web","visitor_id":"v1","time":{},
                "click_ids":{{"gclid":"{click}"}},"page":{{"url":"https://shop.example/"}}}}"#,
            NOW + at
        )
    };
    let shop = Shop::open(
        "",
        &[google(), webhook("all", "")].concat().replace("adjustments", "look_back_days = 7\nadjustments"),
    );
    shop.take(-10 * DAY, &page("l1", -10 * DAY, "Cj0KCQ_first"));
    let bought = format!(
        r#"{{"event":"Purchase","event_id":"p","source":"server","visitor_id":"v1","time":{},
            "properties":{{"order_id":"88","value":100,"currency":"EUR"}}}}"#,
        NOW - 5 * DAY
    );
    shop.take(-5 * DAY, &bought);
    shop.take(-DAY, &page("l2", -DAY, "Cj0KCQ_second"));
    shop.take(0, r#"{"event":"Refund","event_id":"r","source":"server","properties":{"order_id":"88"}}"#);
    let refund = shop.log().pop().unwrap();
    assert_eq!(refund.click_ids["gclid"].value, "Cj0KCQ_first");
    // The click is older than the look-back by now, but was not when it led to the order.
    assert_eq!(shop.sent_to("google").last().map(String::as_str), Some("r"));
}

#[test]
fn a_copy_that_brings_the_consent_is_what_a_refund_knows_of_the_order() {
    let shop = Shop::open("consent_required = true", &webhook("ads", ""));
    let copy = |id: &str, more: &str| {
        let order = order("Purchase", id, 0, r#","value":88,"currency":"EUR""#);
        order.replacen('{', &format!("{{{more}"), 1)
    };
    let granted = r#""consent":{"ad_storage":"granted","ad_user_data":"granted"},"#;
    shop.take(0, &copy("silent", ""));
    assert!(matches!(shop.take(1, &copy("granted", granted)), Verdict::Stored(2)));
    let back = order("Refund", "r", 0, r#","value":20,"currency":"EUR""#);
    shop.take(2, &back);
    assert_eq!(shop.sent_to("ads"), ["no_consent", "granted", "r"]);
    assert_eq!(last(&shop)["remaining_value"], json!(68.0));
    // A refund's own copy takes nothing back again.
    let shop = Shop::open("consent_required = true", &webhook("ads", ""));
    shop.take(0, &copy("silent", ""));
    shop.take(1, &back);
    let again = back.replacen('{', &format!("{{{granted}"), 1);
    assert!(matches!(shop.take(2, &again), Verdict::Stored(3)));
    assert_eq!(last(&shop)["remaining_value"], json!(68.0));
}

#[test]
fn a_refund_of_a_payment_finds_its_order_whoever_reported_it_first() {
    let paid = r#","value":100,"currency":"EUR""#;
    let page = order("Purchase", "p", 0, paid).replace("server", "web");
    let service =
        order("Purchase", "s", 0, paid).replacen('{', r#"{"tokens":{"stripe_payment_intent":"pi_1"},"#, 1);
    let refund = r#"{"event":"Refund","event_id":"r","source":"server","tokens":{"stripe_payment_intent":"pi_1"},
        "properties":{"value":20,"currency":"EUR"}}"#;
    for site in ["", "merge_window = { Purchase = \"30s\" }"] {
        let shop = Shop::open(site, &webhook("all", ""));
        shop.take(0, &page);
        shop.take(1, &service);
        shop.take(2, refund);
        let names: Vec<String> = shop.log().into_iter().map(|event| event.event).collect();
        assert_eq!(names, ["Purchase", "Refund"], "{site}");
        assert_eq!((&last(&shop)["order_id"], &last(&shop)["remaining_value"]), (&json!("88"), &json!(80.0)));
    }
}

#[test]
fn a_page_takes_nothing_off_an_order_that_is_yet_to_be_reported() {
    let shop = Shop::open("", &google());
    let forged =
        r#"{"event":"Refund","source":"web","properties":{"order_id":"88","value":1000,"currency":"EUR"}}"#;
    shop.take(0, forged);
    shop.take(1, &order("Purchase", "p", 0, r#","value":60,"currency":"EUR""#));
    shop.take(2, &order("Refund", "Refund-88-1", 0, r#","value":10,"currency":"EUR""#));
    assert_eq!(last(&shop)["remaining_value"], json!(50.0));
}

#[test]
fn a_refund_of_a_payment_finds_its_order() {
    let shop = Shop::open("", &webhook("all", ""));
    let paid = |event: &str, id: &str, more: &str| {
        format!(
            r#"{{"event":"{event}","event_id":"{id}","source":"server","tokens":{{"stripe_payment_intent":"pi_1"}},
                "properties":{{"value":5,"currency":"EUR"{more}}}}}"#
        )
    };
    shop.take(0, &paid("Purchase", "p", r#","order_id":"cs_1""#));
    shop.take(1, &paid("Refund", "r", ""));
    let refund = last(&shop);
    assert_eq!((refund["order_id"].as_str(), refund["remaining_value"].as_f64()), (Some("cs_1"), Some(0.0)));
}

/// Anybody can say anything in a page's name, and order numbers can be guessed.
#[test]
fn a_page_takes_back_no_order_that_a_server_reported() {
    let page = |id: &str| {
        format!(r#"{{"event":"Refund","event_id":"{id}","source":"web","properties":{{"order_id":"88"}}}}"#)
    };
    let shop = Shop::open("", &google());
    shop.take(-3 * DAY, &order("Purchase", "p", -3 * DAY, r#","value":59.9,"currency":"EUR""#));
    assert_eq!(shop.take(1, &page("Refund-88")), Verdict::Contradiction);
    // Nor does it keep the shop's own refund from being one.
    let refund = order("Refund", "Refund-88", 0, r#","value":59.9,"currency":"EUR""#);
    assert_eq!(shop.take(2, &refund), Verdict::Stored(2));
    assert_eq!(shop.sent_to("google"), ["p", "Refund-88"]);

    let shop = Shop::open("", &google());
    let own = order("Purchase", "p", -3 * DAY, r#","value":59.9,"currency":"EUR""#).replace("server", "web");
    shop.take(0, &own);
    assert_eq!(shop.take(1, &page("r")), Verdict::Stored(2), "what a page reported a page takes back");
}

/// The ids of refunds follow from order numbers.
#[test]
fn a_page_cannot_keep_a_servers_refund_from_being_one() {
    let eur = |amount: f64| format!(r#","value":{amount},"currency":"EUR""#);
    let genuine = order("Refund", "Refund-88", 0, &eur(20.0));
    let claimed = genuine.replace("server", "web");
    let check = |before: &str, expected: &[&str]| {
        let shop = Shop::open("", &google());
        shop.take(-3 * DAY, before);
        assert!(matches!(shop.take(1, &claimed), Verdict::Stored(_)));
        assert_eq!(shop.take(2, &claimed), Verdict::Duplicate, "the page's own copy");
        shop.take(3, &order("Purchase", "q", -3 * DAY, &eur(60.0)));
        assert!(matches!(shop.take(4, &genuine), Verdict::Stored(_)));
        // The page's word is not added to the server's.
        assert_eq!(last(&shop)["remaining_value"], json!(40.0));
        assert_eq!(shop.take(5, &genuine), Verdict::Duplicate);
        let names: Vec<String> = shop.log().into_iter().map(|event| event.event).collect();
        assert_eq!(names, expected);
    };
    // Before anybody has reported the order, and after its page has.
    check(&order("Lead", "l", -3 * DAY, ""), &["Lead", "Refund", "Purchase", "Refund"]);
    let page = order("Purchase", "p", -3 * DAY, &eur(60.0)).replace("server", "web");
    check(&page, &["Purchase", "Refund", "Refund"]);
    // Under the number of another order.
    let shop = Shop::open("", &google());
    shop.take(0, &claimed.replace(r#""order_id":"88""#, r#""order_id":"made-up""#));
    shop.take(1, &order("Purchase", "p", -3 * DAY, &eur(60.0)));
    assert_eq!(shop.take(2, &genuine), Verdict::Stored(3));
    // What a server said a page repeats.
    let shop = Shop::open("", &google());
    shop.take(0, &page);
    shop.take(1, &genuine);
    assert_eq!(shop.take(2, &claimed), Verdict::Contradiction);
}

/// The page is mostly first; the shop's own report, a moment later, is what makes the order the shop's.
#[test]
fn a_page_takes_nothing_off_an_order_that_a_server_vouched_for() {
    let eur = |amount: f64| format!(r#","value":{amount},"currency":"EUR""#);
    let page =
        |event: &str, id: &str, amount: f64| order(event, id, 0, &eur(amount)).replace("server", "web");
    let shop = Shop::open("", &google());
    shop.take(0, &page("Purchase", "Purchase-88", 100.0));
    assert_eq!(shop.take(1, &order("Purchase", "Purchase-88", 0, &eur(100.0))), Verdict::Duplicate);
    assert_eq!(shop.take(2, &page("Refund", "r", 100.0)), Verdict::Contradiction);
    assert_eq!(shop.take(3, &page("Purchase", "Purchase-88", 1.0)), Verdict::Contradiction);
    assert_eq!(shop.log().len(), 1);
    // Nor off what a network reported, or what servers already tell of.
    let network = order("Purchase", "p", 0, &[&eur(3.0), r#","commission":true"#].concat());
    let shop = Shop::open("", &google());
    shop.take(0, &network);
    assert_eq!(shop.take(1, &page("Refund", "r", 3.0)), Verdict::Contradiction);
    let shop = Shop::open("", &google());
    shop.take(0, &page("Purchase", "p", 100.0));
    shop.take(1, &order("Refund", "r1", 0, &eur(20.0)));
    assert_eq!(shop.take(2, &page("Refund", "r2", 20.0)), Verdict::Contradiction);
    assert_eq!(last(&shop)["remaining_value"], json!(80.0));
}

/// A rejected commission is the network's affair: what the shop or its page told of was bought all the same.
#[test]
fn a_networks_no_takes_back_its_own_commission_alone() {
    let eur = r#","value":3,"currency":"EUR""#;
    let no = order("Refund", "r", 0, r#","only_if_reported":true"#);
    let check = |reported: &str, expected: Verdict| {
        let shop = Shop::open("", &google());
        shop.take(0, reported);
        assert_eq!(shop.take(1, &no), expected, "{reported}");
    };
    check(&order("Purchase", "p", 0, eur).replace("server", "web"), Verdict::Duplicate);
    check(&order("Purchase", "p", 0, &[eur, r#","items":[{"id":"1"}]"#].concat()), Verdict::Duplicate);
    check(&order("Purchase", "p", 0, &[eur, r#","commission":true"#].concat()), Verdict::Stored(2));
}

/// One order must not stop what comes after it.
#[test]
fn an_amount_beyond_all_bounds_harms_its_order_alone() {
    let shop = Shop::open("", &google());
    let eur = |amount: &str| format!(r#","value":{amount},"currency":"EUR""#);
    shop.take(0, &order("Purchase", "p", 0, &eur("1")).replace("server", "web"));
    shop.take(1, &order("Refund", "r1", 0, &eur("1.7e308")).replace("server", "web"));
    assert!(matches!(shop.take(2, &order("Refund", "r2", 0, &eur("1"))), Verdict::Stored(_)));
    assert_eq!(last(&shop)["remaining_value"], json!(0.0));
}

#[test]
fn a_receiver_sees_which_order_a_refund_is_of() {
    let shop = Shop::open("", &webhook("all", ""));
    shop.take(0, &order("Refund", "r0", 0, r#","value":5,"currency":"EUR""#));
    shop.take(1, &order("Purchase", "p", 0, r#","value":59.9,"currency":"EUR""#));
    shop.take(2, &order("Refund", "r1", 0, ""));
    let body = shop.bodies("all").pop().unwrap();
    assert_eq!(body["event"]["properties"]["order_value"], json!(59.9));
    assert_eq!(body["event"]["properties"]["currency"], "EUR");
}

//! Clicks and campaigns of told times and of none: in events of several reports, in the memory, and in refunds.

use serde_json::{Value, json};

use crate::shop::{NOW, Shop, webhook};

const DAY: i64 = 86_400_000;
const MERGE: &str = "merge_window = { Purchase = \"30s\" }";

/// A visitor came by an ad some days ago.
fn landed(visitor: &str, days_ago: i64, click: &str, more: &Value) -> String {
    let event = json!({ "event": "PageView", "event_id": format!("l{visitor}"), "time": NOW - days_ago * DAY,
        "visitor_id": visitor, "click_ids": { "gclid": click }, "campaign": { "source": "came" },
        "page": { "url": "https://shop.example/" } });
    with(event, more)
}

/// An event of now with more members.
fn bought(id: &str, source: &str, more: &Value) -> String {
    let event =
        json!({ "event": "Purchase", "event_id": id, "source": source, "time": NOW, "visitor_id": "v1" });
    with(event, more)
}

fn with(mut event: Value, more: &Value) -> String {
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event.to_string()
}

fn order() -> Value {
    json!({ "order_id": "302", "value": 50, "currency": "EUR" })
}

/// Google's click in the newest body of a destination, what led to it, and the campaign.
fn told(shop: &Shop, destination: &str) -> Value {
    let body = shop.bodies(destination).pop().unwrap();
    let event = &body["event"];
    let evidence = &body["attribution"]["clicks"][0]["evidence"];
    json!([event["click_ids"]["gclid"]["value"], evidence, event["campaign"]["source"]])
}

#[test]
fn in_an_event_of_several_reports_the_newer_of_two_known_times_counts() {
    let check = |days_ago: i64, expected: Value| {
        let shop = Shop::open(MERGE, &webhook("all", ""));
        shop.take(0, &landed("v1", days_ago, "Cj0KCQ_came", &json!({})));
        shop.take(1, &bought("p", "web", &json!({ "properties": order() })));
        let at = NOW - 5 * DAY;
        let shops = json!({ "properties": order(), "campaign": { "source": "told", "seen_at": at },
            "click_ids": { "gclid": { "value": "Cj0KCQ_told", "seen_at": at } } });
        shop.take(2, &bought("s", "server", &shops));
        assert_eq!(shop.release(31_000), 1);
        assert_eq!(told(&shop, "all"), expected, "{days_ago}");
    };
    check(2, json!(["Cj0KCQ_came", "visitor", "came"]));
    check(9, json!(["Cj0KCQ_told", "own", "told"]));
}

/// As it does in the shop's report by itself, while of what a page brings its visitor's own memory has the last word.
#[test]
fn a_click_that_no_page_brought_yields_to_a_newer_one_of_whoever_has_it() {
    let known = json!({ "user": { "email": "jane@example.com" } });
    let clicks = json!({ "gclid": { "value": "Cj0KCQ_told", "seen_at": NOW - 9 * DAY } });
    for (page, expected) in [
        (json!({ "properties": order() }), "Cj0KCQ_came"),
        (json!({ "properties": order(), "click_ids": clicks }), "Cj0KCQ_told"),
    ] {
        let shop = Shop::open(MERGE, &webhook("all", ""));
        shop.take(0, &landed("v2", 2, "Cj0KCQ_came", &known));
        shop.take(1, &bought("p", "web", &page));
        let report = json!({ "event": "Purchase", "event_id": "s", "source": "server", "time": NOW,
            "properties": order(), "click_ids": clicks });
        shop.take(2, &with(report, &known));
        assert_eq!(shop.release(31_000), 1);
        assert_eq!(told(&shop, "all")[0], expected, "{page}");
    }
}

/// Nor is it remembered as one of today.
#[test]
fn a_campaign_of_some_time_is_none_of_today_whoever_brings_it() {
    let vague = json!({ "source": "kept", "seen_at": 0 });
    let click = json!({ "gclid": { "value": "Cj0KCQ_kept", "seen_at": 0 } });
    let reports = [
        vec![("web", json!({ "properties": order(), "campaign": vague }))],
        vec![
            ("web", json!({ "properties": order() })),
            ("server", json!({ "properties": order(), "campaign": vague })),
        ],
        vec![
            ("web", json!({ "properties": order() })),
            (
                "server",
                json!({ "properties": order(), "click_ids": click, "campaign": { "source": "kept" } }),
            ),
        ],
    ];
    for reports in reports {
        let shop = Shop::open(MERGE, &webhook("all", ""));
        shop.take(0, &landed("v1", 2, "Cj0KCQ_came", &json!({})));
        for (number, (source, more)) in reports.iter().enumerate() {
            shop.take(1, &bought(&format!("p{number}"), source, more));
        }
        assert_eq!(shop.release(31_000), 1);
        assert_eq!(told(&shop, "all"), json!(["Cj0KCQ_came", "visitor", "came"]), "{reports:?}");
        shop.take(40_000, r#"{"event":"Lead","event_id":"n","source":"server","visitor_id":"v1"}"#);
        assert_eq!(told(&shop, "all"), json!(["Cj0KCQ_came", "visitor", "came"]), "{reports:?}");
    }
}

/// One clock tells when a page's events were; a server's may be behind it.
#[test]
fn a_click_after_a_page_s_event_is_no_newer_one() {
    for (source, expected) in [("web", "Cj0KCQ_told"), ("server", "Cj0KCQ_later")] {
        let shop = Shop::open("", &webhook("all", ""));
        shop.take(60_000, &landed("v1", 0, "Cj0KCQ_later", &json!({ "time": NOW + 60_000 })));
        let own = json!({ "click_ids": { "gclid": { "value": "Cj0KCQ_told", "seen_at": NOW - 5 * DAY } } });
        shop.take(90_000, &bought("p", source, &own));
        assert_eq!(told(&shop, "all")[0], expected, "{source}");
    }
}

/// Of two visitors it leads to, the first who has a newer click lends it, and that is not the event's own.
#[test]
fn a_click_that_was_lent_yields_to_no_other() {
    let shop = Shop::open("", &webhook("all", ""));
    shop.take(0, &landed("v1", 4, "Cj0KCQ_4", &json!({})));
    let known = json!({ "user": { "email": "jane@example.com" } });
    shop.take(0, &landed("v2", 2, "Cj0KCQ_2", &known));
    let own = json!({ "click_ids": { "gclid": { "value": "Cj0KCQ_9", "seen_at": NOW - 9 * DAY } },
        "user": { "email": "jane@example.com" } });
    shop.take(1, &bought("p", "crm", &own));
    assert_eq!(told(&shop, "all"), json!(["Cj0KCQ_4", "visitor", "came"]));
}

/// What a memory has learned of a click that was kept is that it was some time before: it beats nothing.
#[test]
fn what_was_kept_is_remembered_as_such() {
    let kept = json!({ "click_ids": { "gclid": { "value": "Cj0KCQ_kept", "seen_at": 0 } },
        "campaign": { "source": "kept", "seen_at": 0 } });
    let open = || {
        let shop = Shop::open("", &webhook("all", ""));
        shop.take(0, &bought("d", "crm", &kept));
        shop
    };
    let shop = open();
    let next = |shop: &Shop, at: i64, id: &str, more: &Value| {
        shop.take(at, &bought(id, "crm", &with_time(at, more)));
        told(shop, "all")
    };
    let nothing = json!({});
    assert_eq!(next(&shop, DAY, "n1", &nothing), json!(["Cj0KCQ_kept", "visitor", "kept"]));
    let lent = shop.log().pop().unwrap();
    assert_eq!(lent.click_ids["gclid"].seen_at, None, "nobody knows when it was");
    // Of a known time, before the kept one was told of.
    let at = NOW - 5 * DAY;
    let dated = json!({ "click_ids": { "gclid": { "value": "Cj0KCQ_told", "seen_at": at } },
        "campaign": { "source": "told", "seen_at": at } });
    assert_eq!(next(&shop, 2 * DAY, "n2", &dated), json!(["Cj0KCQ_told", "own", "told"]));
    assert_eq!(next(&shop, 3 * DAY, "n3", &nothing), json!(["Cj0KCQ_told", "visitor", "told"]));
    // Whoever else has one of a known time goes before it.
    let shop = open();
    let known = json!({ "user": { "email": "jane@example.com" } });
    shop.take(1, &landed("v2", 9, "Cj0KCQ_came", &known));
    assert_eq!(next(&shop, DAY, "n4", &known), json!(["Cj0KCQ_came", "email", "came"]));
    // After the look-back it is too old, whenever it was.
    let shop = open();
    assert_eq!(next(&shop, 91 * DAY, "n5", &nothing), json!([null, null, null]));
    let unmatched = shop.log().pop().unwrap().attribution.and_then(|record| record.unmatched);
    assert_eq!(unmatched, Some(shared::Unmatched::ClickTooOld));
}

/// What a memory has of what was kept yields to another visitor's click of known time, and counts where that one is too old.
#[test]
fn a_remembered_click_that_yields_counts_where_the_better_one_is_too_old() {
    let shop = Shop::open("", &[webhook("all", ""), webhook("week", "look_back_days = 7")].concat());
    let kept = json!({ "click_ids": { "gclid": { "value": "Cj0KCQ_kept", "seen_at": 0 } } });
    shop.take(0, &bought("d", "crm", &kept));
    let known = json!({ "user": { "email": "jane@example.com" } });
    shop.take(1, &landed("v2", 9, "Cj0KCQ_came", &known));
    shop.take(DAY, &bought("p", "crm", &with_time(DAY, &known)));
    let click = |name: &str| told(&shop, name)[0].clone();
    assert_eq!([click("all"), click("week")], [json!("Cj0KCQ_came"), json!("Cj0KCQ_kept")]);
}

fn with_time(at: i64, more: &Value) -> Value {
    let mut more = more.clone();
    more["time"] = json!(NOW + at);
    more
}

/// A refund goes where its order went: not by a click that it brings itself.
#[test]
fn a_refund_brings_no_click_that_its_order_had_not() {
    let shop = Shop::open("", &[webhook("all", ""), webhook("week", "look_back_days = 7")].concat());
    shop.take(0, &landed("v1", 20, "Cj0KCQ_came", &json!({})));
    shop.take(1, &bought("p", "server", &json!({ "properties": order() })));
    let click = |name: &str| told(&shop, name)[0].clone();
    assert_eq!([click("all"), click("week")], [json!("Cj0KCQ_came"), Value::Null]);
    shop.take(
        DAY,
        r#"{"event":"Refund","event_id":"r","source":"server","properties":{"order_id":"302"},
            "click_ids":{"gclid":{"value":"Cj0KCQ_kept","seen_at":0}}}"#,
    );
    assert_eq!([click("all"), click("week")], [json!("Cj0KCQ_came"), Value::Null]);
    let record = shop.log().pop().unwrap().attribution.unwrap_or_default();
    assert!(record.lent.is_empty() && record.passed_over.is_empty(), "{record:?}");
}

/// A cookie tells of one click when it was, and beside it another is kept: that one counts where the cookie's is too old.
#[test]
fn a_kept_click_beside_the_cookie_of_another_counts_where_that_is_too_old() {
    let own = json!({ "properties": order(), "cookies": { "_fbc": format!("fb.1.{}.IwAR_cookie", NOW - 15 * DAY) },
        "click_ids": { "fbclid": { "value": "IwAR_kept", "seen_at": 0 } } });
    for (site, reports) in [("", vec!["server"]), (MERGE, vec!["web", "server"])] {
        let shop = Shop::open(site, &[webhook("all", ""), webhook("week", "look_back_days = 7")].concat());
        for source in &reports {
            let more = if *source == "web" { json!({ "properties": order() }) } else { own.clone() };
            shop.take(1, &bought(source, source, &more));
        }
        shop.release(31_000);
        for (name, click) in [("all", "IwAR_cookie"), ("week", "IwAR_kept")] {
            let body = shop.bodies(name).pop().unwrap();
            assert_eq!(body["event"]["click_ids"]["fbclid"]["value"], click, "{name} {reports:?}");
        }
    }
}

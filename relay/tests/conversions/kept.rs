//! Clicks and campaigns that another system has kept: when they count, and for whom.

use relay::import::{Format, Import, run};
use serde_json::{Value, json};
use shared::event::Source;
use shared::{Event, UnixMs};

use crate::shop::{NOW, Shop, webhook};

const DAY: i64 = 86_400_000;

/// A shop says by which address its customer landed, and not when: perhaps the visitor came by another ad since.
#[test]
fn a_landing_of_some_time_counts_where_nothing_better_is_known() {
    let bought = |visitor: &str| {
        format!(
            r#"{{"event":"Purchase","source":"server","visitor_id":"{visitor}",
                "click_ids":{{"gclid":{{"value":"Cj0KCQ_old","seen_at":0}},"fbclid":{{"value":"IwAR_old","seen_at":0}}}},
                "properties":{{"order_id":"of {visitor}"}}}}"#
        )
    };
    let shop = Shop::open("", &webhook("all", ""));
    let newer = r#"{"event":"PageView","event_id":"l","visitor_id":"v1","click_ids":{"wbraid":"Cj_new"},
        "page":{"url":"https://shop.example/"}}"#;
    shop.take(0, newer);
    let clicks = |shop: &Shop| shop.log().pop().unwrap().click_ids.into_keys().collect::<Vec<_>>();
    shop.take(1000, &bought("v1"));
    assert_eq!(clicks(&shop), ["fbclid", "wbraid"]);
    shop.take(2000, &bought("v2"));
    assert_eq!(clicks(&shop), ["fbclid", "gclid"]);
    // The newer click stays remembered.
    shop.take(3000, &bought("v1").replace("of v1", "again"));
    assert_eq!(clicks(&shop), ["fbclid", "wbraid"]);
}

/// A deal for which somebody kept two clicks, with more members.
fn deal(id: &str, days_ago: i64, more: Value) -> String {
    let mut deal = json!({ "event": "Purchase", "event_id": id, "source": "crm", "time": NOW - days_ago * DAY,
        "click_ids": { "gclid": { "value": "Cj0KCQ_kept", "seen_at": 0 }, "fbclid": { "value": "IwAR_kept", "seen_at": 0 } } });
    for (name, member) in more.as_object().unwrap() {
        if name == "click_ids" {
            deal[name].as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        } else {
            deal[name] = member.clone();
        }
    }
    deal.to_string()
}

/// The newest event's clicks, `parameter=value`, and why it has none.
fn newest(shop: &Shop) -> (Vec<String>, Option<shared::Unmatched>) {
    let event = shop.log().pop().unwrap();
    let unmatched = event.attribution.as_ref().and_then(|record| record.unmatched);
    (event.click_ids.iter().map(|(param, click)| format!("{param}={}", click.value)).collect(), unmatched)
}

#[test]
fn a_kept_click_counts_where_the_memory_cannot_lend_a_better_one() {
    let check = |came: Value, days_ago: i64, expected: &[&str]| {
        let shop = Shop::open("", &webhook("all", ""));
        let page = json!({ "event": "PageView", "event_id": "l", "visitor_id": "v1", "click_ids": came,
            "page": { "url": "https://shop.example/" } });
        shop.take(0, &page.to_string());
        shop.take(1000, &deal("d", days_ago, json!({ "visitor_id": "v1" })));
        let expected: Vec<String> = expected.iter().map(|click| (*click).to_owned()).collect();
        assert_eq!(newest(&shop), (expected, None), "{came} {days_ago}");
    };
    let newer = json!({ "gclid": "Cj0KCQ_new" });
    check(newer.clone(), 0, &["fbclid=IwAR_kept", "gclid=Cj0KCQ_new"]);
    // A transfer that came three days after its order: the visitor's click came after it.
    check(newer, 3, &["fbclid=IwAR_kept", "gclid=Cj0KCQ_kept"]);
    let ancient = json!({ "gclid": { "value": "Cj0KCQ_ancient", "seen_at": NOW - 100 * DAY } });
    check(ancient, 0, &["fbclid=IwAR_kept", "gclid=Cj0KCQ_kept"]);
    // A chat is no visit, and a label no click.
    let chat = json!({ "ctwa_clid": "AfChat" });
    check(chat, 0, &["ctwa_clid=AfChat", "fbclid=IwAR_kept", "gclid=Cj0KCQ_kept"]);
    check(json!({ "gad_source": "1" }), 0, &["fbclid=IwAR_kept", "gclid=Cj0KCQ_kept"]);
}

#[test]
fn a_click_of_known_time_beats_a_kept_one_whatever_leads_to_it() {
    const TOKEN: &str = "0123456789abcdefghijklmn";
    let shop = Shop::open("", &webhook("all", ""));
    let lead = json!({ "event": "Lead", "event_id": "l", "visitor_id": "v1", "user": { "email": "jane@example.com" },
        "click_ids": { "gclid": "Cj0KCQ_new", "atclid": TOKEN }, "properties": { "order_id": "7" },
        "page": { "url": "https://shop.example/" } });
    shop.take(0, &lead.to_string());
    for (id, known_by) in [
        ("token", json!({ "click_ids": { "atclid": TOKEN } })),
        ("order", json!({ "properties": { "order_id": "7" } })),
        ("email", json!({ "user": { "email": "JANE@example.com" } })),
        ("elsewhere", json!({ "visitor_id": "v2", "user": { "email": "jane@example.com" } })),
    ] {
        shop.take(1000, &deal(id, 0, known_by));
        let (clicks, _) = newest(&shop);
        assert!(clicks.contains(&"gclid=Cj0KCQ_new".to_owned()), "{id}: {clicks:?}");
        assert!(clicks.contains(&"fbclid=IwAR_kept".to_owned()), "{id}: {clicks:?}");
    }
}

/// What a shop has kept waits with its report, and is weighed when all reports are there.
#[test]
fn a_kept_click_outlives_the_merge_window() {
    let shop = Shop::open("merge_window = { Purchase = \"30s\" }", &webhook("all", ""));
    let order = |source: &str, at: i64, clicks: Value| {
        json!({ "event": "Purchase", "source": source, "time": at, "visitor_id": "v1", "click_ids": clicks,
            "properties": { "order_id": "302", "value": 50, "currency": "EUR" } })
        .to_string()
    };
    // The page's clock, or its visitor, was early.
    shop.take(0, &order("web", NOW - DAY / 200, json!({})));
    shop.take(1, &order("server", NOW, json!({ "gclid": { "value": "Cj0KCQ_kept", "seen_at": 0 } })));
    assert_eq!(shop.release(31_000), 1);
    assert_eq!(newest(&shop), (vec!["gclid=Cj0KCQ_kept".to_owned()], None));
}

/// The campaign that was kept with a click counts as the click does, and earns credit only where nothing else is known.
#[test]
fn a_kept_campaign_is_no_last_click() {
    let shop = Shop::open("", &webhook("all", ""));
    let landing = json!({ "event": "PageView", "event_id": "l", "visitor_id": "v1", "click_ids": { "gclid": "Cj0KCQ_new" },
        "campaign": { "source": "new-ads" }, "page": { "url": "https://shop.example/" } });
    shop.take(0, &landing.to_string());
    let kept = |visitor: &str| json!({ "visitor_id": visitor, "campaign": { "source": "old-ads" } });
    let check = |at: i64, event: &str, campaign: &str, last_click: i64| {
        shop.take(at, event);
        let body = shop.bodies("all").pop().unwrap();
        let credit = &body["attribution"]["credit"]["last_click"];
        let told = (&body["event"]["campaign"]["source"], &credit["campaign"]["source"], &credit["at"]);
        assert_eq!(told, (&json!(campaign), &json!(campaign), &json!(last_click)), "{event}");
    };
    check(1000, &deal("d1", 0, kept("v1")), "new-ads", NOW);
    check(2000, r#"{"event":"Purchase","event_id":"p","visitor_id":"v1"}"#, "new-ads", NOW);
    check(3000, &deal("d2", 0, kept("v2")), "old-ads", NOW);
}

/// A shop keeps the campaign of a landing where no ad was clicked, too: a newsletter, say.
#[test]
fn a_campaign_kept_without_a_click_is_of_some_time_or_of_the_time_that_is_told() {
    let at = |days_ago: i64| NOW - days_ago * DAY;
    let check = |came: Option<i64>, seen_at: i64, campaign: &str, credit: (i64, i64)| {
        let shop = Shop::open("", &webhook("all", ""));
        if let Some(days_ago) = came {
            shop.take(0, &format!(
                r#"{{"event":"PageView","event_id":"l","time":{},"visitor_id":"v1","campaign":{{"source":"came"}},
                    "page":{{"url":"https://shop.example/"}}}}"#,
                at(days_ago)
            ));
        }
        shop.take(
            1,
            &format!(
                r#"{{"event":"Purchase","event_id":"p","time":{NOW},"source":"server","visitor_id":"v1",
                "campaign":{{"source":"kept","seen_at":{seen_at}}}}}"#
            ),
        );
        let body = shop.bodies("all").pop().unwrap();
        assert_eq!(body["event"]["campaign"]["source"], campaign, "{came:?} {seen_at}");
        let told = &body["attribution"]["credit"];
        let (first, last) = (&told["first_click"]["at"], &told["last_click"]["at"]);
        assert_eq!((first, last), (&json!(credit.0), &json!(credit.1)), "{came:?} {seen_at}");
    };
    check(Some(2), 0, "came", (at(2), at(2)));
    check(None, 0, "kept", (NOW, NOW));
    check(Some(99), 0, "kept", (NOW, NOW));
    check(None, at(5), "kept", (at(5), at(5)));
    check(Some(2), at(5), "came", (at(5), at(2)));
    check(Some(9), at(5), "kept", (at(9), at(5)));
}

/// A shop says when its customer landed, or a server when the click was: of two known times the later counts.
#[test]
fn of_two_clicks_of_known_times_the_newer_counts() {
    let check = |source: &str, known_by: Value, days_ago: i64, expected: &str, evidence: &str| {
        let shop = Shop::open("", &webhook("all", ""));
        let lead = json!({ "event": "Lead", "event_id": "l", "time": NOW - days_ago * DAY, "visitor_id": "v1",
            "click_ids": { "wbraid": "Cj_came" }, "user": { "email": "jane@example.com" },
            "page": { "url": "https://shop.example/" } });
        shop.take(0, &lead.to_string());
        let mut deal = json!({ "event": "Purchase", "event_id": "d", "source": source, "time": NOW,
            "click_ids": { "gclid": { "value": "Cj0KCQ_told", "seen_at": NOW - 5 * DAY } } });
        deal.as_object_mut().unwrap().extend(known_by.as_object().unwrap().clone());
        shop.take(1, &deal.to_string());
        let body = shop.bodies("all").pop().unwrap();
        let clicks = body["attribution"]["clicks"].as_array().unwrap();
        let told: Vec<_> = clicks.iter().map(|click| (&click["parameter"], &click["evidence"])).collect();
        assert_eq!(told, [(&json!(expected), &json!(evidence))], "{source} {known_by} {days_ago}");
        let last = (NOW - days_ago * DAY).max(NOW - 5 * DAY);
        assert_eq!(body["attribution"]["credit"]["last_click"]["at"], last, "{source} {known_by} {days_ago}");
    };
    let (visitor, email) =
        (json!({ "visitor_id": "v1" }), json!({ "user": { "email": "jane@example.com" } }));
    check("crm", visitor.clone(), 2, "wbraid", "visitor");
    check("crm", visitor.clone(), 9, "gclid", "own");
    check("crm", email.clone(), 2, "wbraid", "email");
    check("crm", email, 9, "gclid", "own");
    // Nothing older than the window of the memory is lent.
    check("crm", visitor.clone(), 100, "gclid", "own");
    // The channel makes no difference.
    check("web", visitor.clone(), 2, "wbraid", "visitor");
    check("web", visitor, 9, "gclid", "own");
    // The visitor it names has no other click; whom the address leads to has.
    let both = json!({ "visitor_id": "v2", "user": { "email": "jane@example.com" } });
    check("crm", both.clone(), 2, "wbraid", "email");
    check("crm", both, 9, "gclid", "own");
}

#[test]
fn the_cookie_of_a_click_that_yields_goes_with_it() {
    let check = |days_ago: i64, click: &str, cookie: bool| {
        let shop = Shop::open("", &webhook("all", ""));
        let lead = json!({ "event": "Lead", "event_id": "l", "time": NOW - days_ago * DAY, "visitor_id": "v1",
            "click_ids": { "fbclid": "IwAR_came" }, "page": { "url": "https://shop.example/" } });
        shop.take(0, &lead.to_string());
        let told = format!("fb.1.{}.IwAR_told", NOW - 5 * DAY);
        let deal = json!({ "event": "Purchase", "event_id": "d", "source": "crm", "time": NOW, "visitor_id": "v1",
            "cookies": { "_fbc": told } });
        shop.take(1, &deal.to_string());
        let body = shop.bodies("all").pop().unwrap();
        let event = &body["event"];
        assert_eq!(event["click_ids"]["fbclid"]["value"], click, "{days_ago}");
        assert_eq!(event["cookies"]["_fbc"].is_string(), cookie, "{days_ago}");
    };
    check(2, "IwAR_came", false);
    check(9, "IwAR_told", true);
}

/// The visitor's newer click is too old for one destination; there the one that the shop has kept stands in, also for the refund.
#[test]
fn a_kept_click_counts_where_the_better_one_is_outside_the_window() {
    let shop = Shop::open("", &[webhook("all", ""), webhook("week", "look_back_days = 7")].concat());
    let page = json!({ "event": "PageView", "event_id": "l", "visitor_id": "v1", "time": NOW - 8 * DAY,
        "click_ids": { "fbclid": "IwAR_new" }, "page": { "url": "https://shop.example/" } });
    shop.take(0, &page.to_string());
    let properties = json!({ "order_id": "77", "value": 50, "currency": "EUR" });
    shop.take(1000, &deal("d", 0, json!({ "visitor_id": "v1", "properties": properties })));
    let refund = r#"{"event":"Refund","event_id":"r","source":"server","properties":{"order_id":"77"}}"#;
    let check = |event: &str| {
        for (name, click, evidence) in [("all", "IwAR_new", "visitor"), ("week", "IwAR_kept", "own")] {
            let body = shop.bodies(name).pop().unwrap();
            assert_eq!(body["event"]["event"], event);
            assert_eq!(body["event"]["click_ids"]["fbclid"]["value"], click, "{name} {event}");
            assert_eq!(body["event"]["click_ids"]["gclid"]["value"], "Cj0KCQ_kept", "{name} {event}");
            if event == "Purchase" {
                assert_eq!(body["attribution"]["clicks"][0]["evidence"], evidence, "{name}");
            }
        }
    };
    check("Purchase");
    shop.take(2 * DAY, refund);
    check("Refund");
}

/// What a page brought and what a shop has kept are weighed for each destination, too, where one event was made of both.
#[test]
fn a_kept_click_of_a_merged_report_counts_where_the_other_is_outside_the_window() {
    let week = [webhook("all", ""), webhook("week", "look_back_days = 7")].concat();
    let shop = Shop::open("merge_window = { Purchase = \"30s\" }", &week);
    let order = |id: &str, source: &str, clicks: Value| {
        json!({ "event": "Purchase", "event_id": id, "source": source, "visitor_id": "v1", "click_ids": clicks,
            "properties": { "order_id": "302", "value": 50, "currency": "EUR" } })
        .to_string()
    };
    shop.take(0, &order("p", "web", json!({ "fbclid": { "value": "IwAR_page", "seen_at": NOW - 8 * DAY } })));
    shop.take(1, &order("s", "server", json!({ "fbclid": { "value": "IwAR_kept", "seen_at": 0 } })));
    assert_eq!(shop.release(31_000), 1);
    for (name, click) in [("all", "IwAR_page"), ("week", "IwAR_kept")] {
        let body = shop.bodies(name).pop().unwrap();
        assert_eq!(body["event"]["click_ids"]["fbclid"]["value"], click, "{name}");
    }
}

/// A table of deals has the click with which each began, and not when that was.
#[test]
fn a_click_in_a_file_was_kept_there() {
    let folder = tempfile::tempdir().unwrap();
    let (file, report) = (folder.path().join("deals.csv"), folder.path().join("report"));
    let row = UnixMs(NOW + 1000).rfc3339();
    let rows = ["v1", "v2"].map(|visitor| format!("{row},Purchase,{visitor},Cj0KCQ_kept\n"));
    std::fs::write(&file, format!("time,event,visitor_id,gclid\n{}", rows.concat())).unwrap();
    let import = Import {
        file: &file,
        format: Format::Csv,
        ignored: &[],
        site: "shop",
        country: None,
        event: None,
        source: Source::Crm,
        report: &report,
        restart: false,
        now: UnixMs(NOW + 2000),
    };
    let mut events = Vec::new();
    let store = |read: Vec<Event>| {
        events.extend(read);
        Ok::<_, std::convert::Infallible>((2, 0))
    };
    run::run(&import, store, |_| ()).unwrap();
    let shop = Shop::open("", &webhook("all", ""));
    shop.take(
        0,
        r#"{"event":"PageView","event_id":"l","visitor_id":"v1","click_ids":{"gclid":"Cj0KCQ_new"}}"#,
    );
    let found: Vec<Vec<String>> = events
        .iter()
        .map(|event| {
            shop.take(2000, &serde_json::to_string(event).unwrap());
            newest(&shop).0
        })
        .collect();
    assert_eq!(found, [["gclid=Cj0KCQ_new"], ["gclid=Cj0KCQ_kept"]]);
}

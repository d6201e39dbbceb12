//! Which click a conversion has, what led to it, and what is said when there is none.

use relay::import::{Format, Import, run};
use serde_json::{Value, json};
use shared::event::Source;
use shared::{Event, UnixMs};

use crate::shop::{NOW, Shop, webhook};

const DAY: i64 = 86_400_000;

/// A visitor who came by two ads and left an e-mail address.
fn visited(shop: &Shop, days_ago: i64) {
    let at = NOW - days_ago * DAY;
    shop.take(0, &format!(
        r#"{{"event":"Lead","event_id":"l","time":{at},"visitor_id":"v1","user":{{"email":"jane@example.com"}},
            "click_ids":{{"fbclid":"IwAR_click","ttclid":"E.C.P.click"}},"page":{{"url":"https://shop.example/"}}}}"#
    ));
}

fn destinations() -> String {
    let meta = "[[destination]]\nname = \"meta\"\nsite = \"shop\"\nplatform = \"meta\"\npixel_id = \"1\"\n\
                access_token = \"EAAB\"\nlook_back_days = 7\n";
    [&webhook("all", ""), meta].concat()
}

#[test]
fn the_receiver_is_told_what_led_to_each_click() {
    let shop = Shop::open("", &destinations());
    visited(&shop, 3);
    shop.take(
        1,
        r#"{"event":"DealWon","event_id":"w","source":"crm","user":{"email":"JANE@example.com "},
        "click_ids":{"ttclid":"E.C.P.own"}}"#,
    );
    let body = shop.bodies("all").pop().unwrap();
    let expected = json!({
        "visitor_found_by": "email",
        "clicks": [
            { "parameter": "fbclid", "platform": "meta", "evidence": "email", "seen_at": NOW - 3 * DAY, "age_days": 3 },
            { "parameter": "ttclid", "platform": "tiktok", "evidence": "own", "seen_at": null, "age_days": null },
        ],
        "credit": {
            "first_click": { "at": NOW - 3 * DAY, "platform": "meta", "campaign": null },
            "last_click": { "at": NOW - 3 * DAY, "platform": "meta", "campaign": null },
            "platforms": { "meta": [NOW - 3 * DAY, NOW - 3 * DAY], "tiktok": [NOW - 3 * DAY, NOW - 3 * DAY] },
        },
    });
    assert_eq!(body["attribution"], expected);
    assert_eq!(body["event"].get("attribution"), None, "our own shorthand stays here");
}

#[test]
fn a_platform_is_not_told_of_a_click_outside_its_window() {
    let check = |days_ago: i64, expected: bool| {
        let shop = Shop::open("", &destinations());
        visited(&shop, days_ago);
        let purchase = r#"{"event":"Purchase","event_id":"p","visitor_id":"v1","user":{"email":"jane@example.com"},
            "properties":{"value":5,"currency":"EUR"},"context":{"ip":"203.0.113.9","user_agent":"M"}}"#;
        shop.take(1, purchase);
        let body = shop.bodies("meta").pop().unwrap();
        assert_eq!(body.to_string().contains("IwAR_click"), expected, "{days_ago} days: {body}");
        // The receiver without a window of its own is told all the same.
        assert!(shop.bodies("all").pop().unwrap().to_string().contains("IwAR_click"), "{days_ago} days");
    };
    check(6, true);
    check(8, false);
}

/// Three weeks pass between the ad and the deal, and nothing but the e-mail address leads from one to the other.
#[test]
fn a_deal_won_weeks_later_reaches_each_platform_with_its_own_click() {
    let everywhere = include_str!("../preview/anytrack.toml");
    let (_, destinations) = everywhere.split_once("[[destination]]").unwrap();
    // TikTok keeps a CRM's events apart, in an event set of their own.
    let tiktok = "[[destination]]\nname = \"tiktok-crm\"\nsite = \"shop\"\nplatform = \"tiktok\"\npixel_code = \"7001\"\n\
                  access_token = \"token\"\nevent_source = \"crm\"\n";
    let shop = Shop::open("", &format!("[[destination]]{destinations}\n{tiktok}"));
    let clicks = [
        ("meta", "fbclid", "IwAR_weeks"),
        ("google-ads", "gclid", "Cj0KCQ_weeks"),
        ("tiktok-crm", "ttclid", "E.C.P.weeks"),
        ("microsoft", "msclkid", "0f3c1b2a4d5e6f708192a3b4c5d6e7f8"),
        ("outbrain", "ob_click_id", "v2-weeks"),
        ("taboola", "tblci", "GiB-weeks"),
    ];
    let query: Vec<String> = clicks.iter().map(|(_, parameter, id)| format!("{parameter}={id}")).collect();
    let landing = format!("https://shop.example/?{}", query.join("&"));
    shop.take(0, &format!(
        r#"{{"event":"PageView","event_id":"n","visitor_id":"v1","page":{{"url":"{landing}"}},"context":{{"user_agent":"M"}}}}"#
    ));
    shop.take(
        1,
        r#"{"event":"Contact","event_id":"l","visitor_id":"v1","user":{"email":"jane@example.com"}}"#,
    );
    let weeks = 21 * DAY;
    shop.take(
        weeks,
        r#"{"event":"Purchase","event_id":"deal","source":"crm","user":{"email":"JANE@example.com "},
            "properties":{"value":990,"currency":"EUR","order_id":"D-4711"}}"#,
    );
    let told = shop.newest_everywhere(weeks);
    for (platform, _, id) in clicks {
        let (_, request) = told.iter().find(|(name, _)| *name == platform).unwrap();
        assert!(request.contains(id), "{platform}: {request}");
        let foreign =
            clicks.iter().filter(|(other, ..)| *other != platform).find(|(.., id)| request.contains(id));
        assert_eq!(foreign, None, "{platform}: {request}");
    }
}

#[test]
fn a_conversion_without_a_click_says_why() {
    let check = |event: &str, expected: Value| {
        let shop = Shop::open("", &webhook("all", ""));
        shop.take(0, r#"{"event":"PageView","event_id":"n","visitor_id":"none","page":{"url":"https://shop.example/"}}"#);
        visited(&shop, 3);
        for visitor in 0..6 {
            let lead =
                r#""event":"Contact","user":{"phone":"+12025550123"},"page":{"url":"https://shop.example/"}"#;
            shop.take(1, &format!(r#"{{{lead},"event_id":"s{visitor}","visitor_id":"s{visitor}"}}"#));
        }
        shop.take(2, event);
        let body = shop.bodies("all").pop().unwrap();
        assert_eq!(body["attribution"]["unmatched"], expected, "{event}: {body}");
        assert_eq!(body["attribution"]["because"].is_string(), expected.is_string(), "{event}");
    };
    let time = |days: i64| NOW + days * DAY;
    check(r#"{"event":"Purchase","event_id":"p"}"#, json!("nobody"));
    check(r#"{"event":"Purchase","event_id":"p","properties":{"order_id":"1"}}"#, json!("unknown"));
    check(r#"{"event":"Purchase","event_id":"p","visitor_id":"none"}"#, json!("no_click"));
    check(r#"{"event":"Purchase","event_id":"p","user":{"phone":"+12025550123"}}"#, json!("shared_identity"));
    let early = format!(r#"{{"event":"Purchase","event_id":"p","visitor_id":"v1","time":{}}}"#, time(-4));
    check(&early, json!("click_later"));
    check(r#"{"event":"Purchase","event_id":"p","visitor_id":"v1"}"#, Value::Null);
    check(r#"{"event":"PageView","event_id":"p","visitor_id":"none"}"#, Value::Null);
    check(r#"{"event":"Refund","event_id":"p"}"#, Value::Null);
    let shop = Shop::open("", &webhook("all", ""));
    visited(&shop, 100);
    shop.take(2, r#"{"event":"Purchase","event_id":"p","visitor_id":"v1"}"#);
    assert_eq!(shop.bodies("all").pop().unwrap()["attribution"]["unmatched"], "click_too_old");
}

#[test]
fn credit_goes_to_the_first_and_the_last_touch_and_never_to_a_direct_visit() {
    let shop = Shop::open("", &webhook("all", ""));
    let visit = |days_ago: i64, more: &str| {
        let at = NOW - days_ago * DAY;
        let page = r#""page":{"url":"https://shop.example/"}"#;
        shop.take(0, &format!(
            r#"{{"event":"PageView","event_id":"p{days_ago}","time":{at},"visitor_id":"v1",{page}{more}}}"#
        ));
    };
    visit(100, r#","click_ids":{"msclkid":"0f3c1b2a4d5e6f708192a3b4c5d6e7f8"}"#);
    visit(40, r#","click_ids":{"fbclid":"IwAR_first"},"campaign":{"source":"facebook","name":"spring"}"#);
    visit(20, r#","click_ids":{"gclid":"Cj0KCQ_a"}"#);
    visit(9, r#","click_ids":{"fbclid":"IwAR_last"}"#);
    visit(5, r#","campaign":{"source":"newsletter","name":"november"}"#);
    visit(1, "");
    shop.take(1, r#"{"event":"Purchase","event_id":"p","visitor_id":"v1"}"#);
    let credit = shop.bodies("all").pop().unwrap()["attribution"]["credit"].clone();
    let at = |days_ago: i64| NOW - days_ago * DAY;
    assert_eq!(
        credit,
        json!({
            "first_click": { "at": at(40), "platform": "meta", "campaign": { "source": "facebook", "name": "spring" } },
            "last_click": { "at": at(5), "platform": null, "campaign": { "source": "newsletter", "name": "november" } },
            "platforms": { "meta": [at(40), at(9)], "google-ads": [at(20), at(20)] },
        })
    );
}

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

//! Which click a conversion has, what led to it, and what is said when there is none.

use serde_json::{Value, json};

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

/// And the memory of both goes with a denial.
#[test]
fn credit_tells_on_which_page_the_visitor_landed_and_from_where() {
    let shop = Shop::on_disk("", &webhook("all", ""));
    let visit = |days_ago: i64, url: &str, referrer: &str, more: &str| {
        let at = NOW - days_ago * DAY;
        let page = json!({ "url": url, "referrer": referrer });
        shop.take(0, &format!(
            r#"{{"event":"PageView","event_id":"p{days_ago}","time":{at},"visitor_id":"v1","page":{page}{more}}}"#
        ));
    };
    let lamps = "https://shop.example/lamps?p=7&to=jane@example.com&fbclid=IwAR_first";
    visit(9, lamps, "https://news.example/today", "");
    visit(8, "https://shop.example/cart", "https://other.example/", "");
    let mailed = "https://shop.example/?utm_source=mail&utm_campaign=spring";
    let campaign = r#","campaign":{"source":"mail","name":"spring"}"#;
    visit(5, mailed, "https://shop.example/blog", campaign);
    shop.take(1, r#"{"event":"Purchase","event_id":"p","visitor_id":"v1"}"#);
    let at = |days_ago: i64| NOW - days_ago * DAY;
    assert_eq!(
        shop.bodies("all").pop().unwrap()["attribution"]["credit"],
        json!({
            "first_click": { "at": at(9), "platform": "meta", "campaign": null,
                "landing_page": "https://shop.example/lamps?p=7&to=", "referrer": "https://news.example/today" },
            "last_click": { "at": at(5), "platform": null, "campaign": { "source": "mail", "name": "spring" },
                "landing_page": mailed },
            "platforms": { "meta": [at(9), at(9)] },
        })
    );
    let refused = r#""consent":{"ad_storage":"denied","ad_user_data":"denied"}"#;
    shop.take(2, &format!(r#"{{"event":"PageView","event_id":"d","visitor_id":"v1",{refused}}}"#));
    let agreed = refused.replace("denied", "granted");
    shop.take(3, &format!(r#"{{"event":"Purchase","event_id":"q","visitor_id":"v1",{agreed}}}"#));
    assert_eq!(shop.bodies("all").pop().unwrap()["attribution"].get("credit"), None);
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

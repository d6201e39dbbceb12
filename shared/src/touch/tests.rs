//! Tests of touches: what is one, where it landed, and who is credited.

use super::*;
use crate::time::DAY_MS;

fn touch(at: i64, clicks: &[&str], campaign: Option<&str>) -> Touch {
    let campaign = campaign.map(|name| Campaign { name: Some(name.to_owned()), ..Campaign::default() });
    let clicks = clicks.iter().map(|param| (*param).to_owned()).collect();
    Touch { at: UnixMs(at), clicks, campaign, ..Touch::default() }
}

fn event(time: i64, more: &str) -> Event {
    let json = format!(r#"{{"event":"PageView","event_id":"1","time":{time},"source":"web"{more}}}"#);
    serde_json::from_str(&json).expect("an event")
}

#[test]
fn credit_goes_to_the_first_and_the_last_touch_and_to_each_platform() {
    let touches = [
        touch(5, &[], Some("mail")),
        touch(1, &["fbclid"], Some("spring")),
        touch(3, &["gclid"], None),
        touch(2, &["fbclid"], None),
        touch(4, &["fbclid"], None),
    ];
    let kept = earning(touches);
    let times: Vec<i64> = kept.iter().map(|touch| touch.at.0).collect();
    assert_eq!(times, [1, 3, 4, 5], "the second of Meta's three earns nothing");
    let credit = credit(&kept).expect("touched");
    let told = |one: &Credited<'_>| {
        (one.at.0, one.platform, one.campaign.and_then(|campaign| campaign.name.clone()))
    };
    assert_eq!(told(&credit.first_click), (1, Some("meta"), Some("spring".to_owned())));
    assert_eq!(told(&credit.last_click), (5, None, Some("mail".to_owned())));
    assert_eq!(credit.platforms["meta"], [UnixMs(1), UnixMs(4)]);
    assert_eq!(credit.platforms["google-ads"], [UnixMs(3), UnixMs(3)]);
}

#[test]
fn of_one_moment_a_click_goes_before_a_campaign_and_then_the_alphabet() {
    let kept =
        earning([touch(1, &[], Some("mail")), touch(1, &["ttclid"], None), touch(1, &["fbclid"], None)]);
    let credit = credit(&kept).expect("touched");
    assert_eq!((credit.first_click.platform, credit.last_click.platform), (Some("meta"), Some("meta")));
    assert_eq!(super::credit(&[]), None);
}

#[test]
fn a_landing_is_one_touch_and_what_is_known_none() {
    let mut touches = Vec::new();
    let campaign = Campaign { name: Some("spring".to_owned()), ..Campaign::default() };
    let clicks = r#","click_ids":{"fbclid":{"value":"a","seen_at":1000},"gclid":{"value":"b","seen_at":1000},"gad_source":"1"}"#;
    let nothing = |_: &str, _: &str| false;
    let unlike_a = |_: &str, value: &str| value != "a";
    assert!(absorb(&mut touches, &event(1200, clicks), Some(&campaign), nothing));
    assert_eq!(touches, [touch(1000, &["fbclid", "gclid"], Some("spring"))]);
    // The same clicks with the next page, and named by a server that does not know when they were.
    assert!(!absorb(&mut touches, &event(5000, clicks), None, nothing));
    let named = |at: i64, value: &str| event(at, &format!(r#","click_ids":{{"fbclid":"{value}"}}"#));
    assert!(!absorb(&mut touches, &named(6000, "a"), None, unlike_a));
    assert!(absorb(&mut touches, &named(7000, "c"), None, unlike_a));
    assert_eq!(touches[1], touch(7000, &["fbclid"], None));
    assert!(!absorb(&mut touches, &event(8000, ""), None, nothing), "a direct visit");
}

#[test]
fn a_campaign_whose_time_is_told_is_a_touch_of_that_time() {
    let told = |at: i64| Campaign {
        name: Some("spring".to_owned()),
        seen_at: Some(UnixMs(at)),
        ..Campaign::default()
    };
    let mut touches = vec![touch(DAY_MS, &["fbclid"], None)];
    let order = event(9 * DAY_MS, "");
    let nothing = |_: &str, _: &str| false;
    // The landing with the click, told by another clock; the same once more; and one of other days.
    assert!(absorb(&mut touches, &order, Some(&told(DAY_MS + 3000)), nothing));
    assert_eq!(touches, [touch(DAY_MS, &["fbclid"], Some("spring"))]);
    assert!(!absorb(&mut touches, &order, Some(&told(DAY_MS - 3_600_000)), nothing));
    assert!(absorb(&mut touches, &order, Some(&told(5 * DAY_MS)), nothing));
    assert!(absorb(&mut touches, &order, Some(&told(99 * DAY_MS)), nothing), "never later than the event");
    let times: Vec<i64> = touches.iter().map(|touch| touch.at.0 / DAY_MS).collect();
    assert_eq!(times, [1, 5, 9]);
    assert!(touches.iter().all(|touch| touch.campaign.as_ref().is_some_and(|one| one.seen_at.is_none())));
}

#[test]
fn a_known_click_told_by_another_clock_is_no_second_touch() {
    let mut touches = vec![touch(100_000, &["fbclid"], None)];
    let told =
        |at: i64| event(900_000, &format!(r#","click_ids":{{"fbclid":{{"value":"a","seen_at":{at}}}}}"#));
    let (known, new) = (|_: &str, _: &str| false, |_: &str, _: &str| true);
    assert!(!absorb(&mut touches, &told(97_000), None, known));
    assert!(absorb(&mut touches, &told(98_000), None, new), "another click of that minute");
    assert!(absorb(&mut touches, &told(700_000), None, known), "another landing");
    assert_eq!(touches.len(), 3);
}

#[test]
fn the_first_touch_is_never_dropped() {
    let mut touches = Vec::new();
    for day in 0..30 {
        let click = format!(r#","click_ids":{{"fbclid":{{"value":"{day}","seen_at":{}}}}}"#, day * DAY_MS);
        absorb(&mut touches, &event(day * DAY_MS, &click), None, |_, _| false);
    }
    assert_eq!((touches.len(), touches[0].at, touches[MOST - 1].at), (MOST, UnixMs(0), UnixMs(29 * DAY_MS)));
}

/// A landing by a click, on a page that came from somewhere.
fn landing(time: i64, click: &str, url: &str, referrer: &str) -> Event {
    let mut event = event(time, &format!(r#","click_ids":{{"fbclid":{click}}}"#));
    event.page.url = Some(url.to_owned());
    event.page.referrer = Some(referrer.to_owned());
    event
}

/// The page and the referrer of a touch.
fn place_of(touch: &Touch) -> (Option<&str>, Option<&str>) {
    (touch.landing_page.as_deref(), touch.referrer.as_deref())
}

#[test]
fn a_touch_knows_where_the_visitor_landed_and_from_where() {
    let check = |event: &Event, expected: (Option<&str>, Option<&str>)| {
        let mut touches = Vec::new();
        assert!(absorb(&mut touches, event, event.campaign.as_ref(), |_, _| true));
        assert_eq!(touches.len(), 1, "{event:?}");
        assert_eq!(place_of(&touches[0]), expected, "{event:?}");
    };
    let url = "https://shop.example/lamps?p=7&fbclid=IwAR_a";
    let page = Some("https://shop.example/lamps?p=7");
    let news = "https://news.example/today?gclid=Cj0_x&id=1";
    let from = Some("https://news.example/today?id=1");
    check(&landing(1000, r#""IwAR_a""#, url, news), (page, from));
    check(&landing(1000, r#"{"value":"IwAR_a","seen_at":900}"#, url, news), (page, from));
    check(&landing(1000, r#""IwAR_a""#, url, "https://www.shop.example/"), (page, None));
    let search = landing(1000, r#""IwAR_a""#, url, "https://news.example/?e=jane@example.com");
    check(&search, (page, Some("https://news.example/?e=")));
    // A page to which the click was carried, and the landing's address opened once more the next day.
    check(&landing(1000, r#""IwAR_a""#, "https://shop.example/cart", news), (None, None));
    check(&landing(DAY_MS, r#"{"value":"IwAR_a","seen_at":900}"#, url, news), (page, None));

    let mut mailed = event(1000, r#","campaign":{"source":"mail","name":"spring"}"#);
    let url = "https://shop.example/?utm_source=mail&utm_campaign=spring";
    mailed.page.url = Some(url.to_owned());
    mailed.page.referrer = Some("https://mail.example/".to_owned());
    check(&mailed, (Some(url), Some("https://mail.example/")));
    mailed.page.url = Some("https://shop.example/".to_owned());
    check(&mailed, (None, None));
}

#[test]
fn a_landing_that_arrives_late_tells_its_touch_the_page_once() {
    let click = r#"{"value":"IwAR_a","seen_at":1000}"#;
    let next = landing(9000, click, "https://shop.example/cart", "https://shop.example/?fbclid=IwAR_a");
    let first = landing(1000, click, "https://shop.example/?fbclid=IwAR_a", "https://news.example/");
    let again = landing(2000, click, "https://shop.example/b?fbclid=IwAR_a", "https://other.example/");
    let known = |_: &str, _: &str| false;
    let mut touches = Vec::new();
    assert!(absorb(&mut touches, &next, None, known));
    assert_eq!(place_of(&touches[0]), (None, None));
    assert!(absorb(&mut touches, &first, None, known), "worth a write");
    assert_eq!(place_of(&touches[0]), (Some("https://shop.example/"), Some("https://news.example/")));
    for event in [&next, &first, &again] {
        assert!(!absorb(&mut touches, event, None, known), "{event:?}");
    }
    assert_eq!(place_of(&touches[0]), (Some("https://shop.example/"), Some("https://news.example/")));
}

#[test]
fn of_one_landing_in_two_memories_the_page_is_told() {
    let page = "https://shop.example/".to_owned();
    let bare = touch(1, &["fbclid"], None);
    let known = Touch { landing_page: Some(page), ..bare.clone() };
    for touches in [[bare.clone(), known.clone()], [known.clone(), bare.clone()]] {
        let kept = earning(touches);
        assert_eq!(kept, std::slice::from_ref(&known));
        let credit = credit(&kept).expect("touched");
        assert_eq!(credit.last_click.landing_page, Some("https://shop.example/"));
    }
}

#[test]
fn a_touch_of_before_is_read_and_one_without_a_page_is_written_as_before() {
    let old = r#"{"t":1000,"p":["fbclid"],"c":{"name":"spring"}}"#;
    let read: Touch = serde_json::from_str(old).expect("a touch");
    assert_eq!(read, touch(1000, &["fbclid"], Some("spring")));
    assert_eq!(serde_json::to_string(&read).expect("plain"), old);
    let known = Touch { landing_page: Some("https://a.example/".to_owned()), ..touch(1, &["fbclid"], None) };
    let json = serde_json::to_string(&known).expect("plain");
    assert_eq!(json, r#"{"t":1,"p":["fbclid"],"l":"https://a.example/"}"#);
    assert_eq!(serde_json::from_str::<Touch>(&json).expect("a touch"), known);
}

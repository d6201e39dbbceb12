//! Foreign events, read: what is taken, what is dropped with a word, and what is refused by name.

use super::*;

const NOW: UnixMs = UnixMs(1_795_183_600_000);

fn defaults() -> Defaults<'static> {
    Defaults { now: NOW, source: None, country: None, random: [7; 10] }
}

fn understood(json: &str) -> Understood {
    event_with_warnings(json, defaults()).expect("readable")
}

#[test]
fn the_smallest_event_has_all_it_needs() {
    let event = understood(r#"{"event":"Lead"}"#).event;
    assert_eq!((event.event.as_str(), event.time, event.source), ("Lead", NOW, Source::Server));
    assert_eq!(event.event_id, event_id::uuid_v7(NOW.0, [7; 10]));
}

#[test]
fn ten_digits_are_seconds() {
    let check = |time: &str, expected: i64, warned: bool| {
        let read = understood(&format!(r#"{{"event":"Lead","time":{time}}}"#));
        assert_eq!((read.event.time, read.warnings.len() == 1), (UnixMs(expected), warned), "{time}");
    };
    check("1795784558", 1_795_784_558_000, true);
    check("1795784558.6", 1_795_784_558_000, true);
    check("1795784558603", 1_795_784_558_603, false);
    check("\"2026-11-27T13:02:38Z\"", 1_795_784_558_000, false);
    check("0", 0, false);
}

#[test]
fn an_address_that_is_too_long_loses_its_last_parameters() {
    let url =
        |url: &str| understood(&format!(r#"{{"event":"Lead","page":{{"url":"{url}"}}}}"#)).event.page.url;
    let long = "x".repeat(4096);
    let base = "https://shop.example/thanks";
    assert_eq!(
        url(&format!("{base}?ttclid=E.C.P.1&a={long}")).as_deref(),
        Some("https://shop.example/thanks?ttclid=E.C.P.1")
    );
    assert_eq!(url(&format!("{base}?a={long}")).as_deref(), Some(base));
    assert_eq!(url(&format!("{base}#{long}")).as_deref(), Some(base));
    assert_eq!(url(&format!("{base}/{long}")), None);
    assert_eq!(url(" "), None);
}

#[test]
fn an_order_id_makes_the_event_id() {
    let event = understood(r#"{"event":"Purchase","properties":{"order_id":88121}}"#).event;
    assert_eq!(event.event_id, "Purchase-88121");
}

#[test]
fn wrong_types_name_their_field_and_quote_nothing() {
    let check = |json: &str, field: &str| {
        let error = event(json, defaults()).expect_err(json).to_string();
        assert!(error.starts_with(field), "{json}: {error}");
        assert!(!error.contains("jane") && !error.contains("6505551212"), "{error}");
    };
    check(r#"{"event":["jane@example.com"]}"#, "event:");
    check(r#"{"event":"Lead","properties":{"value":"jane@example.com"}}"#, "properties");
    check(r#"{"event":"Lead","page":"jane@example.com"}"#, "page:");
    check(r#"{"event":"Lead","time":"jane"}"#, "time:");
    check(r#"{"event":"Lead","source":"jane \" jane"}"#, "source");
    check(r#"{"event":6505551212}"#, "event:");
    check(r#"{"event":"Lead","click_ids":[]}"#, "click_ids:");
    check(r#"{"event":"Lead","user":"jane"}"#, "user:");
    check("[]", "event: expected an object");
    for part in ["page", "context", "campaign", "consent"] {
        let expected = format!("{part}: invalid type: integer, expected an object");
        check(&format!(r#"{{"event":"Lead","{part}":3}}"#), &expected);
    }
    check("[\"Lead\"]", "event: expected an object");
    check("17", "event");
    check(r#"{}"#, "event:");
    check(r#"{"event":"  "}"#, "event:");
    check(r#"{"event":"Lead","event_id":"a\u0000b"}"#, "event_id:");
    check(r#"{"event":"Lead","visitor_id":"a b"}"#, "visitor_id:");
    check(r#"{"event":"Purchase","properties":{"order_id":"7\njane"}}"#, "properties.order_id:");
    check(&format!("{{\"event\":\"{}\"}}", "x".repeat(51)), "event:");
    check(&format!("{{\"event\":\"Lead\",\"x\":{}{}}}", "[".repeat(200), "]".repeat(199)), "");
}

#[test]
fn misspelt_fields_are_reported() {
    let warnings =
        understood(r#"{"event":"Lead","evnt_id":"1","page":{"uri":"x"},"user":{"mail":"x"}}"#).warnings;
    for field in ["evnt_id", "page.uri", "user.mail"] {
        assert!(warnings.iter().any(|warning| warning.starts_with(field)), "{field} in {warnings:?}");
    }
}

#[test]
fn a_name_that_is_no_name_is_not_repeated() {
    let warnings = understood(
        r#"{"event":"Lead","jane@example.com":1,"user":{"Jane Doe\n":1},"cookies":{"jane@example.com":"1"},
            "click_ids":{"jane%40example.com":"1","+1 202 555 0123":"2"},"properties":{"jane@example.com":{"a":1}}}"#,
    )
    .warnings;
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    let error =
        event(r#"{"event":"Lead","click_ids":{"jane@example.com":[]}}"#, defaults()).expect_err("no id");
    for text in warnings.into_iter().chain([error.to_string()]) {
        assert!(
            !text.to_lowercase().contains("jane") && !text.contains("555") && !text.contains('\n'),
            "{text}"
        );
    }
}

#[test]
fn personal_data_among_the_properties_is_hashed_or_dropped() {
    let read = understood(
        r#"{"event":"Lead","properties":{"email":"jane@example.com","note":"ask jane@example.com","plan":"pro",
            "firstName":"Jane","billing_phone":"+1 650 555 1212"}}"#,
    );
    assert!(read.event.user.has(Field::Email));
    assert_eq!(read.event.properties.custom.keys().collect::<Vec<_>>(), ["plan"]);
    let stored = serde_json::to_string(&read.event).expect("writable");
    assert!(!stored.contains("jane"), "{stored}");
}

#[test]
fn an_email_address_is_no_name_no_order_id_and_no_event_id() {
    assert!(matches!(event(r#"{"event":"jane@example.com"}"#, defaults()), Err(ReadError::BadName)));
    let read = understood(r#"{"event":"Purchase","properties":{"order_id":"jane@example.com"}}"#);
    assert_eq!(read.event.properties.order_id, None);
    assert!(!read.event.event_id.contains("jane"), "{}", read.event.event_id);
    assert!(event(r#"{"event":"Lead","event_id":"jane@example.com"}"#, defaults()).is_err());
}

#[test]
fn an_email_address_is_no_part_of_an_item_and_no_language() {
    let read = understood(
        r#"{"event":"Purchase","context":{"language":"jane@example.com"},
            "properties":{"items":[{"id":"jane@example.com","name":"for jane@example.com","brand":"B","price":2}]}}"#,
    );
    let item = &read.event.properties.items[0];
    assert_eq!((item.brand.as_deref(), item.price), (Some("B"), Some(2.0)));
    let stored = serde_json::to_string(&read.event).expect("writable");
    assert!(!stored.contains("jane"), "{stored}");
}

/// Meta's and Google's cookies say when their click was.
#[test]
fn a_cookie_tells_when_a_named_click_was() {
    let at = |days: i64| NOW.0 - days * shared::time::DAY_MS;
    let check = |named: &str, days: i64, expected: (&str, Option<i64>)| {
        let cookie = format!("fb.1.{}.IwAR_cookie", at(days));
        let json =
            format!(r#"{{"event":"Lead","click_ids":{{"fbclid":{named}}},"cookies":{{"_fbc":"{cookie}"}}}}"#);
        let event = understood(&json).event;
        let click = &event.click_ids["fbclid"];
        assert_eq!((click.value.as_str(), click.seen_at.map(|at| at.0)), expected, "{named} {days}");
        // Another click that yields is written down.
        let record = event.attribution.unwrap_or_default();
        let passed_over = record.passed_over.get("fbclid").map(|click| (click.value.as_str(), click.seen_at));
        let yields = named.contains("IwAR_kept") && click.value == "IwAR_cookie";
        assert_eq!(passed_over, yields.then_some(("IwAR_kept", None)), "{named} {days}");
    };
    let told = ("IwAR_cookie", Some(at(9)));
    check(r#""IwAR_cookie""#, 9, told);
    check(r#"{"value":"IwAR_cookie","seen_at":0}"#, 9, told);
    check(&format!(r#"{{"value":"IwAR_cookie","seen_at":{}}}"#, at(1)), 9, ("IwAR_cookie", Some(at(1))));
    // Another click: only what somebody has kept yields, and not to one that is too old or later.
    check(r#""IwAR_named""#, 9, ("IwAR_named", None));
    let kept = r#"{"value":"IwAR_kept","seen_at":0}"#;
    check(kept, 9, told);
    check(kept, 91, ("IwAR_kept", Some(0)));
    check(kept, -1, ("IwAR_kept", Some(0)));
}

#[test]
fn the_time_of_a_campaign_is_read_and_names_nothing_by_itself() {
    let campaign =
        |json: &str| understood(&format!(r#"{{"event":"Lead","campaign":{json}}}"#)).event.campaign;
    let read = campaign(r#"{"source":"ads","seen_at":1795180000}"#).expect("a campaign");
    assert_eq!(read.seen_at, Some(UnixMs(1_795_180_000_000)));
    assert_eq!(campaign(r#"{"seen_at":1795180000000}"#), None);
}

#[test]
fn an_email_address_is_no_click_id_and_no_cookie() {
    for address in ["jane@example.com", "jane%40example.com", "jane%2540example.com"] {
        let read = understood(&format!(
            r#"{{"event":"Lead","click_ids":{{"fbclid":"{address}","gclid":{{"value":"{address}"}}}},
                "cookies":{{"_ttp":"{address}","rdt_cid":"{address}"}},
                "page":{{"url":"https://shop.example/?ttclid={address}"}}}}"#
        ));
        assert!(read.event.click_ids.is_empty() && read.event.cookies.is_empty(), "{:?}", read.event);
        assert!(read.warnings.iter().all(|warning| !warning.contains("jane")), "{:?}", read.warnings);
    }
}

#[test]
fn a_forwarded_list_gives_its_first_public_address() {
    let ip =
        |ip: &str| understood(&format!(r#"{{"event":"Lead","context":{{"ip":"{ip}"}}}}"#)).event.context.ip;
    assert_eq!(ip("10.0.0.1, 203.0.113.9").as_deref(), Some("203.0.113.9"));
    assert_eq!(ip("203.0.113.9:443").as_deref(), Some("203.0.113.9"));
    assert_eq!(ip("nonsense"), None);
}

#[test]
fn a_fragment_is_no_part_of_a_click() {
    let tblci = |url: &str| {
        let read = understood(&format!(r#"{{"event":"Lead","page":{{"url":"{url}"}}}}"#));
        read.event.click_ids.get("tblci").map(|click| click.value.clone())
    };
    assert_eq!(tblci("https://shop.example/?tblci=GiA1#tblciGiA1").as_deref(), Some("GiA1"));
    assert_eq!(tblci("https://shop.example/?a=1&tblci=GiA1#top").as_deref(), Some("GiA1"));
    assert_eq!(tblci("https://shop.example/#/thanks?tblci=GiA1").as_deref(), Some("GiA1"));
    assert_eq!(tblci("https://shop.example/#tblciGiA1"), None);
}

#[test]
fn a_click_of_meta_is_also_found_in_the_referrer() {
    let read = understood(
        r#"{"event":"Lead","page":{"url":"https://shop.example/t","referrer":"https://l.shop.example/?fbclid=RefX"}}"#,
    );
    assert_eq!(read.event.click_ids["fbclid"].value, "RefX");
}

proptest::proptest! {
    #[test]
    fn the_reader_never_panics(text in ".{0,200}") {
        let _ = event(&text, defaults());
        let _ = event_with_warnings(&text, defaults());
    }
}

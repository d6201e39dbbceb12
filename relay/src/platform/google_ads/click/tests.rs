//! Which click counts, and what is left of it when there is none.

use serde_json::Value;
use shared::ClickId;

use super::*;

const NOW: UnixMs = UnixMs(1_795_435_200_000);

fn event(clicks: &[(&str, &str, Option<i64>)], cookies: &[(&str, &str)]) -> Event {
    let json = r#"{"event":"Lead","event_id":"1","time":1795435200000,"source":"web"}"#;
    let mut event: Event = serde_json::from_str(json).expect("an event");
    for (param, value, seen_at) in clicks {
        let click = ClickId { value: (*value).into(), seen_at: seen_at.map(UnixMs) };
        event.click_ids.insert((*param).into(), click);
    }
    event.cookies = cookies.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    event
}

fn check(clicks: &[(&str, &str, Option<i64>)], cookies: &[(&str, &str)], expected: &str) {
    let event = event(clicks, cookies);
    let ids = serde_json::to_string(&AdIdentifiers::of(&event, NOW)).expect("writable");
    assert_eq!(ids, expected, "{clicks:?} {cookies:?}");
}

const DAY: i64 = shared::time::DAY_MS;

#[test]
fn the_newest_click_wins_and_stands_alone() {
    let (old, new) = (Some(NOW.0 - 2 * DAY), Some(NOW.0 - DAY));
    check(&[("gclid", "G", old), ("wbraid", "W", new)], &[], r#"{"wbraid":"W"}"#);
    check(&[("gclid", "G", new), ("gbraid", "B", new), ("wbraid", "W", new)], &[], r#"{"gclid":"G"}"#);
    check(&[("gbraid", "B", new), ("wbraid", "W", new)], &[], r#"{"gbraid":"B"}"#);
    check(&[("gclid", "G", None), ("gbraid", "B", None)], &[], r#"{"gclid":"G"}"#);
    check(&[("gclid", "G", old)], &[("_gcl_ag", "2.1.kB$i1795400000")], r#"{"gbraid":"B"}"#);
    check(&[("gclid", "G", None)], &[("_gcl_aw", "GCL.1795400000.H")], r#"{"gclid":"G"}"#);
}

#[test]
fn cookies_are_read_in_their_forms() {
    check(&[], &[("_gcl_aw", "GCL.1795183000.EXAMPLEgclid_abc-123")], r#"{"gclid":"EXAMPLEgclid_abc-123"}"#);
    check(&[], &[("_gcl_gb", "GCL.1795183000.W")], r#"{"wbraid":"W"}"#);
    check(&[], &[("FPGCLGB", "2.1.kW$i1795183000")], r#"{"wbraid":"W"}"#);
    check(
        &[],
        &[("FPGCLAW", "2.1.kServer$i1795183000"), ("_gcl_aw", "GCL.1795183000.Page")],
        r#"{"gclid":"Server"}"#,
    );
    check(&[], &[("_gcl_au", "1.1.123.1795183000"), ("_gcl_dc", "GCL.1795183000.D")], "{}");
    check(&[], &[("_gcl_aw", "GCL.x.G"), ("_gcl_ag", "2.1.kB$ix")], r#"{"gbraid":"B"}"#);
}

#[test]
fn what_cannot_have_led_here_is_left_out() {
    check(&[("gclid", "G", Some(NOW.0 - 90 * DAY))], &[], "{}");
    check(&[("gclid", "G", Some(NOW.0 - 90 * DAY + 60_000))], &[], r#"{"gclid":"G"}"#);
    check(&[], &[("_gcl_aw", "GCL.1795435600.Later")], "{}");
    check(&[("gclid", "{gclid}", None)], &[], "{}");
    check(&[("gclid", "a b", None)], &[], "{}");
    check(&[("gclid", &"x".repeat(501), None)], &[], "{}");
}

#[test]
fn a_gclid_of_search_ads_360_is_not_ours() {
    let at = Some(NOW.0 - DAY);
    check(&[("gclid", "G", at), ("gclsrc", "aw.ds", at)], &[], r#"{"gclid":"G"}"#);
    check(&[("gclid", "G", at), ("gclsrc", "ds", at)], &[("_gcl_aw", "GCL.1795348800.G")], "{}");
    check(
        &[("gclid", "G", at), ("gclsrc", "3p.ds", None)],
        &[("_gcl_aw", "GCL.1795000000.H")],
        r#"{"gclid":"H"}"#,
    );
    check(&[("gclid", "G", at), ("gclsrc", "ds", Some(NOW.0 - 2 * DAY))], &[], r#"{"gclid":"G"}"#);
}

#[test]
fn without_a_click_the_session_speaks() {
    let started = Some(1_795_435_200_000);
    let labels = [("gad_source", "1", started), ("gad_campaignid", "21900000001", started)];
    let mut event = event(&labels, &[]);
    let decode = |event: &Event| -> Value {
        let ids = AdIdentifiers::of(event, NOW);
        let bytes = URL_SAFE_NO_PAD.decode(ids.session_attributes.expect("known")).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    assert_eq!(
        decode(&event),
        serde_json::json!({ "gad_source": "1", "gad_campaignid": "21900000001",
            "session_start_time_usec": "1795435200000000" })
    );
    assert!(
        AdIdentifiers::of(&event, NOW)
            .session_attributes
            .expect("known")
            .starts_with("eyJnYWRfc291cmNlIjoiMSIs")
    );
    event.page.url = Some("https://shop.example/?gad_source=1&gad_new=2".into());
    event.page.referrer = Some(format!("https://news.example/{}", "x".repeat(3_500)));
    event.context.user_agent = Some("Browser/1.0".into());
    let session = decode(&event);
    assert_eq!(session["landing_page_url"], "https://shop.example/?gad_source=1&gad_new=2");
    assert_eq!(session["gad_new"], "2");
    assert_eq!(session["landing_page_user_agent"], "Browser/1.0");
    assert_eq!(session.get("landing_page_referrer"), None, "too long with it");
    event.click_ids.insert("wbraid".into(), ClickId { value: "W".into(), seen_at: None });
    assert_eq!(AdIdentifiers::of(&event, NOW).session_attributes, None);
}

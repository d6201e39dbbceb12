//! What must be true of every platform, for any event and any answer: nothing panics, no event is lost or
//! doubled.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use relay::platform::{ALL, Kind, Outgoing, Response};
use shared::event::{STANDARD_EVENTS, Source};
use shared::identity::Field;
use shared::{ClickId, Event, Hashes, Item, Properties, Scalar, Sha256Hex, UnixMs};

use crate::case::NOW;
use crate::plain;

/// Sooner or later every limit, name and shape: any text, any number, any time.
fn event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![3 => select(&STANDARD_EVENTS[..]).prop_map(str::to_owned), 1 => ".{0,60}"];
    let sources =
        [Source::Web, Source::Server, Source::Crm, Source::Phone, Source::Store, Source::Email, Source::Chat];
    // Most events are of the web and have a page; some platforms take no others.
    let source = prop_oneof![1 => Just(Source::Web), 1 => select(sources.to_vec())];
    let head = (name, ".{0,20}", any::<i64>(), any::<bool>(), source, any::<bool>());
    let place =
        (prop::option::weighted(0.8, url()), prop::option::of(".{0,20}"), prop::option::of(".{0,20}"));
    let click = (
        prop::option::of(prop_oneof![3 => "[A-Za-z0-9._~+-]{1,20}", 1 => ".{0,10}"]),
        any::<Option<i64>>(),
        prop::option::of(cookie()),
        prop::option::of(cookie()),
    );
    let microsoft =
        (prop::option::of("[0-9a-f]{31,32}"), prop::option::of("(_uet)?[0-9a-f]{32}(\\|.{0,5})?"));
    (head, place, click, properties(), microsoft).prop_map(|(head, place, click, properties, microsoft)| {
        let (name, event_id, time, recent, source, known) = head;
        let time = if recent { NOW.plus(-time.rem_euclid(8 * 86_400_000)) } else { UnixMs(time) };
        let mut event = empty(name, event_id, time, source);
        (event.page.url, event.context.ip, event.context.user_agent) = place;
        let (click_id, seen_at, cookie, other) = click;
        let id = |value| ClickId { value, seen_at: seen_at.map(UnixMs) };
        for name in CLICK_IDS {
            event.click_ids.extend(click_id.clone().map(|value| (name.to_owned(), id(value))));
        }
        for name in COOKIES {
            event.cookies.extend(cookie.clone().map(|value| (name.to_owned(), value)));
        }
        event.cookies.extend(other.map(|value| ("_fbp".to_owned(), value)));
        let (msclkid, uet) = microsoft;
        event.click_ids.extend(msclkid.map(|value| ("msclkid".to_owned(), id(value))));
        for name in ["_uetvid", "_uetmsclkid"] {
            event.cookies.extend(uet.clone().map(|value| (name.to_owned(), value)));
        }
        if known {
            let digest = Sha256Hex::of("jane@example.com");
            event.user.add(Field::Email, Hashes::given(Field::Email, digest));
        }
        event.properties = properties;
        event
    })
}

/// An event with the marks of Google's ads on it, real and broken.
fn google_event() -> impl Strategy<Value = Event> {
    let param = select(vec!["gclid", "gbraid", "wbraid", "gclsrc", "gad_source"]);
    let value = prop_oneof!["[A-Za-z0-9_-]{1,20}", ".{0,9}", Just("ds".to_owned())];
    let clicks = prop::collection::vec((param, value, any::<Option<i64>>()), 0..4);
    let name = select(vec!["_gcl_aw", "_gcl_ag", "_gcl_gb", "FPGCLAW", "FPGCLGB", "_gcl_au"]);
    let value = prop_oneof![
        "GCL\\.17954[0-9]{5}\\.[A-Za-z0-9_-]{0,9}",
        "2\\.1\\.k[A-Za-z0-9_-]{0,9}\\$i17954[0-9]{5}",
        ".{0,20}"
    ];
    let cookies = prop::collection::vec((name, value), 0..4);
    (event(), clicks, cookies).prop_map(|(mut event, clicks, cookies)| {
        for (param, value, seen_at) in clicks {
            event.click_ids.insert(param.to_owned(), ClickId { value, seen_at: seen_at.map(UnixMs) });
        }
        event.cookies.extend(cookies.into_iter().map(|(name, value)| (name.to_owned(), value)));
        event
    })
}

/// Any event.
fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![event(), google_event()]
}

/// Click ids and cookies some platform reads.
const CLICK_IDS: [&str; 4] = ["fbclid", "ttclid", "ob_click_id", "tblci"];
const COOKIES: [&str; 3] = ["_fbc", "_ttp", "ttclid"];

fn url() -> impl Strategy<Value = String> {
    prop_oneof![3 => "https://shop\\.example/[a-z]{0,9}(\\?.{0,20})?", 1 => ".{0,30}"]
}

fn cookie() -> impl Strategy<Value = String> {
    prop_oneof!["fb\\.[0-9]{1,2}\\.[0-9]{1,25}\\.[A-Za-z0-9_]{0,9}(\\.[A-Z]{0,3})?", ".{0,20}"]
}

fn properties() -> impl Strategy<Value = Properties> {
    let item = (prop::option::of(".{0,9}"), any::<Option<f64>>(), any::<Option<f64>>())
        .prop_map(|(id, price, quantity)| Item { id, price, quantity, ..Item::default() });
    let scalar = prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(Scalar::Integer),
        any::<f64>().prop_map(Scalar::Number),
        ".{0,9}".prop_map(Scalar::Text),
        Just(Scalar::List(vec![Scalar::Text("a".to_owned())])),
    ];
    let name = prop_oneof![
        select(vec!["content_ids", "content_type", "value", "status", "predicted_ltv", "lead_id"])
            .prop_map(str::to_owned),
        ".{0,9}"
    ];
    let custom = prop::collection::btree_map(name, scalar, 0..4);
    let currency = select(vec!["EUR", "no currency"]).prop_map(shared::money::Currency::parse);
    (any::<Option<f64>>(), currency, prop::collection::vec(item, 0..4), custom).prop_map(
        |(value, currency, items, custom)| Properties {
            value,
            currency,
            items,
            custom,
            ..Properties::default()
        },
    )
}

fn empty(event: String, event_id: String, time: UnixMs, source: Source) -> Event {
    let json = r#"{"event":"Lead","event_id":"1","time":0,"source":"web"}"#;
    let bare: Event = serde_json::from_str(json).expect("an event");
    Event { event, event_id, time, source, ..bare }
}

fn response() -> impl Strategy<Value = Response> {
    let json = select(vec![
        r#"{"events_received":1}"#,
        r#"{"events_received":-1}"#,
        r#"{"error":{"code":100}}"#,
        r#"{"error":{"code":"190"}}"#,
        r#"{"error":null}"#,
        r#"{"requestId":"r-1"}"#,
        r#"{"error":{"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"events.events[1].x"}]}]}}"#,
        r#"{"code":0}"#,
        r#"{"code":-9223372036854775808,"message":null}"#,
        r#"{"code":20001,"message":"M","request_id":"R"}"#,
        r#"{"code":40100,"message":"M"}"#,
        "[[[",
        "null",
    ]);
    let body = prop_oneof![any::<Vec<u8>>(), json.prop_map(|json| json.as_bytes().to_vec())];
    let known = select(vec![200, 202, 204, 301, 400, 401, 403, 404, 413, 429, 500, 503]);
    let status = prop_oneof![known, any::<u16>()];
    let answer = (status, any::<Option<u32>>(), body).prop_map(|(status, seconds, body)| Response::Answer {
        status,
        retry_after: seconds.map(|seconds| std::time::Duration::from_secs(seconds.into())),
        headers: Vec::new(),
        body,
    });
    prop_oneof![4 => answer, 1 => ".{0,20}".prop_map(Response::NotSent), 1 => ".{0,20}".prop_map(Response::NoAnswer)]
}

/// The calls a platform makes for the events of its plainest case.
fn calls(case: &crate::case::Case) -> std::collections::BTreeSet<relay::platform::Call> {
    case.build().requests.iter().map(|planned| planned.call).collect()
}

/// Every index once, limits respected, bodies readable.
fn check_build(kind: &Kind, events: &[Event], now: UnixMs) {
    let case = plain(kind);
    let outgoing: Vec<_> = events
        .iter()
        .map(|event| Outgoing { event, site: "shop", renamed: None, order_renamed: None })
        .collect();
    let built = case.platform.build(&outgoing, now);
    let mut places: Vec<usize> = built.skips.iter().map(|(place, _)| *place).collect();
    for planned in &built.requests {
        assert!(!planned.events.is_empty() && planned.events.len() <= case.platform.limits().batch);
        assert!(planned.events.is_sorted(), "events keep their order");
        let scored = if kind.signals.is_empty() { 0 } else { planned.events.len() };
        assert_eq!(planned.quality.len(), scored, "{}: a score for each event that is matched", kind.name);
        places.extend(&planned.events);
        let body = planned.request.body.expose();
        assert!(body.len() <= 1_000_000, "{} bytes", body.len());
        if let relay::platform::Body::Json(_) = planned.request.body {
            serde_json::from_str::<serde_json::Value>(&body).expect("valid JSON");
        }
    }
    places.sort_unstable();
    assert!(places.into_iter().eq(0..events.len()), "{}: every event once, sent or skipped", kind.name);
}

/// A property test that only ever sees skips proves nothing.
#[test]
fn the_made_up_events_are_worth_sending() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let one = |_| any_event().new_tree(&mut runner).expect("no event is filtered out").current();
    let events: Vec<Event> = (0..400).map(one).collect();
    for kind in ALL {
        let case = plain(kind);
        let outgoing: Vec<_> = events
            .iter()
            .map(|event| Outgoing { event, site: "shop", renamed: None, order_renamed: None })
            .collect();
        let built = case.platform.build(&outgoing, NOW);
        let sent: usize = built.requests.iter().map(|planned| planned.events.len()).sum();
        assert!(sent >= 40, "{}: only {sent} of 400 sent", kind.name);
    }
}

proptest! {
    #[test]
    fn every_event_is_sent_or_skipped_once(events in prop::collection::vec(any_event(), 0..8), now in any::<i64>()) {
        for kind in ALL {
            check_build(kind, &events, NOW);
            check_build(kind, &events, UnixMs(now));
        }
    }

    #[test]
    fn every_answer_settles_every_event(response in response(), events in 0usize..5) {
        for kind in ALL {
            let case = plain(kind);
            for call in calls(&case) {
                let outcomes = case.platform.read(call, &response, events, NOW);
                prop_assert_eq!(outcomes.len(), events, "{} {}", kind.name, call);
            }
        }
    }
}

#[test]
fn more_events_than_one_request_holds_are_cut_into_several() {
    for kind in ALL {
        let case = plain(kind);
        let events = vec![case.events[0].clone(); 3 * case.platform.limits().batch + 1];
        check_build(kind, &events, case.now);
    }
}

#[test]
fn events_of_many_bytes_are_cut_into_several() {
    for kind in ALL {
        let case = plain(kind);
        let mut large = case.events[0].clone();
        let text = "x".repeat(shared::limits::PROPERTY);
        let item = Item { id: Some(text.clone()), name: Some(text), ..Item::default() };
        large.properties.items = vec![item; 40];
        let events = vec![large; 20];
        check_build(kind, &events, case.now);
    }
}

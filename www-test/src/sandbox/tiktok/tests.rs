//! Every rule of the Events API the sandbox holds its guests to, one row each.

use super::super::fields;
use super::*;

const NOW: UnixMs = UnixMs(1_795_420_860_000);
const HASH: &str = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";
const PIXEL: &str = "C0EXAMPLE0PIXEL0CODE";

/// A good purchase, with everything that belongs to one.
fn purchase() -> Value {
    json!({
        "event": "Purchase", "event_time": 1_795_420_800, "event_id": "ord-88121-p",
        "user": { "email": [HASH], "phone": [HASH], "ttclid": "E.C.P.ExampleClick1234567890",
            "ttp": "01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1", "ip": "2001:db8::17",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Example/1.0", "locale": "de-DE" },
        "page": { "url": "https://shop.example/thanks?o=88121", "referrer": "https://shop.example/pay" },
        "properties": { "value": 59.9, "currency": "EUR", "order_id": "88121", "content_type": "product",
            "contents": [{ "content_id": "SKU-7", "price": 29.95, "quantity": 2 }] }
    })
}

fn envelope(events: &[Value]) -> Value {
    json!({ "event_source": "web", "event_source_id": PIXEL, "partner_name": "ourtag", "data": events })
}

fn request(body: &Value) -> Arrived {
    Arrived {
        number: 7,
        method: "POST".to_owned(),
        path: "/open_api/v1.3/event/track/".to_owned(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("access-token".to_owned(), "good".to_owned()),
        ],
        body: body.to_string().into(),
        ..Arrived::default()
    }
}

fn ask(request: &Arrived) -> Answer {
    TikTok::new(vec!["good".to_owned()]).answer(request, NOW)
}

/// Status and code of a reply.
fn said(reply: &Reply) -> (u16, u64) {
    let body: Value = serde_json::from_str(&reply.body).expect("json");
    assert!(body["message"].is_string() && body["request_id"].is_string() && body["data"].is_object());
    (reply.status, body["code"].as_u64().expect("a code"))
}

/// Status, code and reason of a refusal.
fn refusal(request: &Arrived) -> (u16, u64, String) {
    match ask(request) {
        Answer::Refused { reply, reason } => {
            let (status, code) = said(&reply);
            (status, code, reason)
        }
        Answer::Took { .. } => panic!("taken: {:?}", request.json()),
    }
}

/// The good purchase with another value at a pointer.
fn changed(pointer: &str, value: &Value) -> Value {
    fields::changed(purchase(), pointer, value)
}

#[test]
fn a_good_purchase_is_taken() {
    let Answer::Took { reply, events } = ask(&request(&envelope(&[purchase()]))) else { panic!("refused") };
    let key = format!("{PIXEL}\0Purchase\0ord-88121-p");
    assert_eq!(events, [Taken { key, name: "Purchase".to_owned(), id: "ord-88121-p".to_owned() }]);
    assert_eq!(
        reply.body,
        r#"{"code":0,"data":{},"message":"OK","request_id":"2026112312000000000000000000000007"}"#
    );
}

#[test]
fn one_bad_event_refuses_all() {
    let bad = changed("/event_id", &json!(88121));
    let (status, code, reason) = refusal(&request(&envelope(&[purchase(), bad])));
    assert_eq!((status, code), (200, 40_002));
    assert_eq!(reason, "data[1].event_id: must be a text that is not empty");
}

#[test]
fn every_field_has_its_rule() {
    let check = |pointer: &str, value: Value, rule: &str| {
        let event = changed(pointer, &value);
        let (status, code, reason) = refusal(&request(&envelope(&[event])));
        assert_eq!((status, code), (200, 40_002), "{pointer} {value}: {reason}");
        let field = pointer.replace('/', ".");
        assert!(reason.starts_with(&format!("data[0]{field}: {rule}")), "{pointer} {value}: {reason}");
    };
    for required in ["/event", "/event_time", "/user", "/page", "/page/url"] {
        check(required, Value::Null, "missing");
    }
    check("/event", json!("PageView"), "is not spelt as TikTok spells it");
    check("/event", json!("purchase"), "is not spelt as TikTok spells it");
    check("/event_time", json!("1795420800"), "must be a whole number");
    check("/event_time", json!(1_795_420_800_000_i64), "must be in seconds");
    check("/event_time", json!(1_795_420_860 - 28 * 86_400 - 1), "too old");
    check("/event_time", json!(1_795_420_860 + 61), "lies in the future");
    check("/timestamp", json!("2026-11-23T08:00:00Z"), "no such field");
    check("/limited_data_use", json!("true"), "must be true or false");
    check("/lead", json!({ "lead_id": "7" }), "belongs to event source crm");
    check("/user/email", json!("jane.doe@example.com"), "must be hashed");
    check("/user/email", json!([HASH.to_uppercase()]), "must be hashed");
    check("/user/phone", json!([17]), "must be hashed");
    check("/user/phone_number", json!([HASH]), "no such field");
    check("/user/em", json!([HASH]), "no such field");
    check("/user/first_name", json!([HASH]), "must be one hash");
    check("/user/zip_code", json!("94035"), "must be one hash");
    check("/user/city", json!("New York"), "must be plain, in small letters");
    check("/user/city", json!(HASH), "must be plain");
    check("/user/country", json!("US"), "must be plain");
    check("/user/ttclid", json!("x".repeat(1001)), "must be up to 1000 visible characters");
    check("/user/ttclid", json!("a b"), "must be up to 1000 visible characters");
    check("/user/ip", json!("192.0.2.1:443"), "must be one IPv4");
    check("/user/locale", json!("de_DE"), "must be a BCP 47 tag");
    check("/page/url", json!("/thanks"), "must be a full http address");
    check("/page/title", json!("Thanks"), "no such field");
    check("/properties/value", json!("59.9"), "must be a number");
    check("/properties/currency", json!("Euro"), "must be the three letters");
    check("/properties/content_type", json!("item"), "must be one of");
    check("/properties/content_ids", json!("SKU-7"), "must be a list of texts");
    check("/properties/num_items", json!(1.5), "must be a whole number");
    check("/properties/coupon", json!("MAY10"), "no such field");
    check("/properties/predicted_ltv", json!("high"), "must be a number");
}

#[test]
fn contents_have_their_rules() {
    let check = |content: Value, rule: &str| {
        let event = changed("/properties/contents", &json!([content]));
        assert_eq!(refusal(&request(&envelope(&[event]))).2, format!("data[0].properties.contents[0]{rule}"));
    };
    check(json!({ "id": "SKU-7" }), ".id: no such field");
    check(json!({ "content_id": 7 }), ".content_id: must be a text that is not empty");
    check(json!({ "content_id": "7", "price": "9" }), ".price: must be a number");
    check(json!("SKU-7"), ": must be an object");
}

#[test]
fn somebody_must_be_identified() {
    let check = |person: Value, enough: bool| {
        let answer = ask(&request(&envelope(&[changed("/user", &person)])));
        assert_eq!(matches!(answer, Answer::Took { .. }), enough, "{person}: {answer:?}");
    };
    check(json!({}), false);
    check(json!({ "user_agent": "x", "locale": "de", "city": "berlin", "first_name": HASH }), false);
    check(json!({ "email": [] }), false);
    check(json!({ "email": HASH }), true);
    check(json!({ "external_id": [HASH] }), true);
    check(json!({ "ttclid": "E.C.P.1" }), true);
    check(json!({ "ttp": "2abcdefghijklmnopqrstuvwxyz" }), true);
    check(json!({ "ip": "192.0.2.7", "user_agent": "x" }), true);
}

#[test]
fn what_the_real_one_takes_is_taken() {
    let check = |pointer: &str, value: Value| {
        let answer = ask(&request(&envelope(&[changed(pointer, &value)])));
        assert!(matches!(answer, Answer::Took { .. }), "{pointer} {value}: {answer:?}");
    };
    check("/event", json!("Pageview"));
    check("/event", json!("CompletePayment"));
    check("/event", json!("quote_opened"));
    check("/event_time", json!(1_795_420_860 - 28 * 86_400));
    check("/event_id", Value::Null);
    check("/page/referrer", Value::Null);
    check("/properties", Value::Null);
    check("/properties/currency", Value::Null);
    check("/user/email", json!(HASH));
    check("/user/city", json!("köln"));
    check("/limited_data_use", json!(true));
}

#[test]
fn an_event_set_has_leads_and_needs_no_page() {
    let check = |kind: &str, id: &str, event: &Value, code: u64| {
        let body = json!({ "event_source": kind, "event_source_id": id, "data": [event] });
        let got = match ask(&request(&body)) {
            Answer::Took { .. } => 0,
            Answer::Refused { reply, .. } => said(&reply).1,
        };
        assert_eq!(got, code, "{kind} {id} {event}");
    };
    let sale = changed("/page", &Value::Null);
    check("offline", "7301234567890123456", &sale, 0);
    check("crm", "7311234567890123456", &sale, 0);
    check("web", PIXEL, &sale, 40_002);
    check("offline", PIXEL, &sale, 40_001);
    check("web", "7301234567890123456", &purchase(), 40_001);
    check("web", "C0EXAMPLE", &purchase(), 40_001);
    let lead =
        json!({ "event": "Qualified", "event_time": 1_795_420_800, "user": {}, "lead": { "lead_id": "7" } });
    check("crm", "7311234567890123456", &lead, 0);
    check("offline", "7301234567890123456", &lead, 40_002);
    check(
        "crm",
        "7311234567890123456",
        &json!({ "event": "Q", "event_time": 1_795_420_800, "user": {} }),
        40_002,
    );
}

#[test]
fn the_envelope_has_its_rules() {
    let check = |body: Value, rule: &str| {
        let (status, code, reason) = refusal(&request(&body));
        assert_eq!((status, code), (200, 40_002), "{reason}");
        assert_eq!(reason, rule);
    };
    let without = |name: &str| {
        let mut body = envelope(&[purchase()]);
        body.as_object_mut().expect("an object").remove(name);
        body
    };
    for required in ["event_source", "event_source_id", "data"] {
        check(without(required), &format!("{required}: missing"));
    }
    check(json!([]), "body: must be a JSON object sent as application/json");
    check(envelope(&[]), "data: must hold 1 to 1000 events");
    check(envelope(&vec![purchase(); 1001]), "data: must hold 1 to 1000 events");
    check(envelope(&[json!(17)]), "data[0]: must be an object");
    let with = |name: &str, value: Value| {
        let mut body = envelope(&[purchase()]);
        body[name] = value;
        body
    };
    check(with("event_source", json!("website")), "event_source: must be one of the documented words");
    check(with("pixel_code", json!(PIXEL)), "pixel_code: no such field");
    check(with("test_event_code", json!("")), "test_event_code: must be a text that is not empty");
    let full = ask(&request(&envelope(&vec![purchase(); 1000])));
    assert!(matches!(full, Answer::Took { events, .. } if events.len() == 1000));
    let test = ask(&request(&with("test_event_code", json!("TEST12345"))));
    assert!(matches!(test, Answer::Took { .. }));
}

#[test]
fn a_token_stands_in_its_own_header() {
    let check = |headers: &[(&str, &str)], code: u64| {
        let mut request = request(&envelope(&[purchase()]));
        request.headers.truncate(1);
        request.headers.extend(headers.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let (status, got, _) = refusal(&request);
        assert_eq!((status, got), (401, code), "{headers:?}");
    };
    check(&[], 40_104);
    check(&[("access-token", "")], 40_104);
    check(&[("authorization", "Bearer good")], 40_104);
    check(&[("access-token", "bad")], 40_105);
}

#[test]
fn an_address_is_the_version_and_the_slash() {
    let tiktok = TikTok::new(Vec::new());
    let matches = |path: &str| tiktok.matches(&Arrived { path: path.to_owned(), ..Arrived::default() });
    for foreign in [
        "/open_api/v1.3/event/track",
        "/open_api/v1.3/pixel/track/",
        "/event/track/",
        "/open_api/latest/event/track/",
    ] {
        assert!(!matches(foreign), "{foreign}");
    }
    for old in ["/open_api/v1.2/event/track/", "/open_api/v2.0/event/track/"] {
        assert!(matches(old));
        let (status, code, _) =
            refusal(&Arrived { path: old.to_owned(), ..request(&envelope(&[purchase()])) });
        assert_eq!((status, code), (404, 40_002), "{old}");
    }
}

#[test]
fn complaints_wear_tiktoks_shape() {
    let check = |complaint, expected: (u16, u64)| {
        let reply = TikTok::new(Vec::new()).complain(complaint, &Arrived::default());
        assert_eq!(said(&reply), expected, "{complaint:?}");
    };
    check(Complaint::TooManyRequests { retry_after_s: 3 }, (401, 40_100));
    check(Complaint::Throttled, (401, 40_100));
    check(Complaint::ServerError { status: 503 }, (503, 50_000));
    check(Complaint::Transient, (200, 50_002));
    check(Complaint::TokenExpired, (401, 40_105));
    for code in [20_001, 40_001, 40_002, 50_000] {
        check(Complaint::Poisoned { code }, (200, u64::from(code)));
    }
}

#[test]
fn a_reason_never_quotes_a_value() {
    let body = envelope(&[changed("/user/email", &json!("jane.doe@example.com"))]);
    let (.., reason) = refusal(&request(&body));
    assert!(!reason.contains("jane"), "{reason}");
}

proptest::proptest! {
    /// Whatever arrives, TikTok answers and does not fall over.
    #[test]
    fn no_body_makes_tiktok_panic(body in ".{0,200}", tail in "[\\[\\]{}\",:0-9a-z]{0,80}") {
        let body = format!("{{\"event_source\":\"web\",\"data\":[{body}{tail}");
        let arrived = Arrived { body: body.into(), ..request(&Value::Null) };
        let refused = matches!(ask(&arrived), Answer::Refused { .. });
        proptest::prop_assert!(refused);
    }
}

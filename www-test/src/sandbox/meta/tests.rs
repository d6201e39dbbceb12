//! Every rule of the Conversions API the sandbox holds its guests to, one row each.

use super::super::fields;
use super::*;

const NOW: UnixMs = UnixMs(1_795_420_860_000);
const HASH: &str = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";

/// The dossier's own example of a good purchase.
fn purchase() -> Value {
    json!({
        "event_name": "Purchase", "event_time": 1_795_420_800, "event_id": "ord-88121-p",
        "action_source": "website", "event_source_url": "https://shop.example/thanks?o=88121",
        "user_data": {
            "em": [HASH], "client_ip_address": "2001:db8::17",
            "client_user_agent": "Mozilla/5.0 (X11; Linux x86_64) Example/1.0",
            "fbp": "fb.1.1795400000123.1122334455", "fbc": "fb.1.1795400000100.ExampleClickId_aem_Zz9"
        },
        "custom_data": { "value": 59.9, "currency": "EUR", "order_id": "88121", "content_type": "product",
            "contents": [{ "id": "SKU-7", "quantity": 2, "item_price": 29.95 }], "anything": { "at": "all" } }
    })
}

fn request(body: &Value) -> Arrived {
    Arrived {
        number: 7,
        method: "POST".to_owned(),
        path: "/v25.0/1234567890/events".to_owned(),
        query: Some("access_token=good".to_owned()),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into(),
        ..Arrived::default()
    }
}

fn ask(request: &Arrived) -> Answer {
    Meta::new(vec!["good".to_owned()]).answer(request, NOW)
}

/// Status, code, subcode and reason of a refusal.
fn refusal(request: &Arrived) -> (u16, i64, Option<i64>, String) {
    match ask(request) {
        Answer::Refused { reply, reason } => {
            let error = serde_json::from_str::<Value>(&reply.body).expect("an error object")["error"].clone();
            assert_eq!(error["fbtrace_id"], "A0000000000000000000007");
            (reply.status, error["code"].as_i64().expect("a code"), error["error_subcode"].as_i64(), reason)
        }
        Answer::Took { .. } => panic!("taken: {:?}", request.json()),
    }
}

/// The good purchase with another value at a pointer.
fn changed(pointer: &str, value: &Value) -> Value {
    fields::changed(purchase(), pointer, value)
}

#[test]
fn the_documented_example_is_taken() {
    let Answer::Took { reply, events } =
        ask(&request(&json!({ "partner_agent": "ourtag-1.0", "data": [purchase()] })))
    else {
        panic!("refused")
    };
    let key = "1234567890\0Purchase\0ord-88121-p".to_owned();
    assert_eq!(events, [Taken { key, name: "Purchase".to_owned(), id: "ord-88121-p".to_owned() }]);
    assert_eq!(reply.body, r#"{"events_received":1,"fbtrace_id":"A0000000000000000000007","messages":[]}"#);
}

#[test]
fn one_bad_event_refuses_all() {
    let bad = changed("/custom_data/value", &Value::Null);
    let (status, code, subcode, reason) = refusal(&request(&json!({ "data": [purchase(), bad] })));
    assert_eq!((status, code, subcode), (400, 100, Some(2_804_009)));
    assert_eq!(reason, "data[1].custom_data.value: missing, and required for a purchase");
}

#[test]
fn every_field_has_its_rule() {
    let check = |pointer: &str, value: Value, subcode: Option<i64>, rule: &str| {
        let event = changed(pointer, &value);
        let (status, code, got, reason) = refusal(&request(&json!({ "data": [event] })));
        assert_eq!((status, code, got), (400, 100, subcode), "{pointer} {value}: {reason}");
        let field = pointer.replace('/', ".");
        assert!(reason.starts_with(&format!("data[0]{field}: {rule}")), "{pointer} {value}: {reason}");
    };
    for required in ["/event_name", "/event_time", "/user_data", "/action_source", "/event_source_url"] {
        check(required, Value::Null, None, "missing");
    }
    check("/event_name", json!(""), None, "must be a text");
    check("/event_id", json!(88121), None, "must be a text");
    check("/event_time", json!("1795420800"), None, "must be a whole number");
    check("/event_time", json!(1_795_420_800.5), None, "must be a whole number");
    check("/event_time", json!(1_795_420_800_000_i64), None, "must be in seconds");
    check("/event_time", json!(1_795_420_860 - 7 * 86_400 - 1), Some(2_804_003), "too old");
    check("/event_time", json!(1_795_420_860 + 61), None, "lies in the future");
    check("/action_source", json!("web"), None, "must be one of");
    check("/event_source_url", json!("shop.example/thanks"), None, "must be a full http address");
    check("/event_source_ur", json!("x"), None, "no such field");
    check("/opt_out", json!("yes"), None, "must be true or false");
    check("/data_processing_options", json!(["GDPR"]), None, "must be [\"LDU\"]");
    check("/data_processing_options_country", json!(49), None, "must be 0 or 1");
    check("/data_processing_options_state", json!(1014), None, "must be a documented state");
    check("/user_data/em", json!("jane.doe@example.com"), None, "must be hashed");
    check("/user_data/em", json!([HASH, "jane.doe@example.com"]), None, "must be hashed");
    check("/user_data/em", json!(HASH.to_uppercase()), None, "must be hashed");
    check("/user_data/ph", json!(&HASH[1..]), None, "must be hashed");
    check("/user_data/ph", json!([17]), None, "must be hashed");
    check("/user_data/email", json!(HASH), None, "no such field");
    check("/user_data/client_ip_address", json!("192.0.2.1:443"), None, "must be one IPv4");
    check("/user_data/client_ip_address", json!("192.0.2.1, 192.0.2.2"), None, "must be one IPv4");
    check("/user_data/lead_id", json!("17"), None, "must be a whole number");
    check("/user_data/fbc", json!("fb.1.1795400000100."), Some(2_804_001), "must be fb.");
    check("/user_data/fbc", json!("fb.1.1795400000.Click"), Some(2_804_001), "must be fb.");
    check("/user_data/fbc", json!("ExampleClickId"), Some(2_804_001), "must be fb.");
    check("/user_data/fbc", json!("fb.1.1795400000100.Click.ours"), Some(2_804_001), "must be fb.");
    check("/user_data/fbp", json!("fb.1.1795400000123.abc"), None, "must be fb.");
    check("/custom_data/value", json!("59.9"), None, "must be a number");
    check("/custom_data/value", Value::Null, Some(2_804_009), "missing");
    check("/custom_data/currency", Value::Null, None, "missing");
    check("/custom_data/currency", json!("Euro"), None, "must be the three letters");
    check("/custom_data/content_type", json!("item"), None, "must be one of");
    check("/custom_data/content_ids", json!("SKU-7"), None, "must be a list of texts");
    check("/custom_data/num_items", json!(1.5), None, "must be a whole number");
}

#[test]
fn too_little_identity_is_a_subset_of_the_documented_sets() {
    let check = |person: Value, enough: bool| {
        let body = json!({ "data": [changed("/user_data", &person)] });
        match (ask(&request(&body)), enough) {
            (Answer::Took { .. }, true) => {}
            (Answer::Refused { .. }, false) => {
                assert_eq!(refusal(&request(&body)).2, Some(2_804_050), "{person}")
            }
            (answer, _) => panic!("{person}: {answer:?}"),
        }
    };
    check(json!({}), false);
    check(json!({ "client_user_agent": "x" }), false);
    check(json!({ "em": [], "client_user_agent": "x" }), false);
    check(
        json!({ "ct": HASH, "country": HASH, "st": HASH, "zp": HASH, "ge": HASH, "client_user_agent": "x" }),
        false,
    );
    check(json!({ "db": HASH, "client_user_agent": "x" }), false);
    check(json!({ "fn": HASH, "ge": HASH }), false);
    check(json!({ "ln": [HASH] }), false);
    check(json!({ "fn": HASH, "ln": HASH }), true);
    check(json!({ "db": HASH, "ge": HASH }), true);
    check(json!({ "client_user_agent": "x", "client_ip_address": "192.0.2.7" }), true);
    check(json!({ "external_id": "user-42" }), true);
    check(json!({ "em": HASH }), true);
}

#[test]
fn what_the_real_one_takes_is_taken() {
    let check = |pointer: &str, value: Value| {
        let body = json!({ "data": [changed(pointer, &value)] });
        assert!(
            matches!(ask(&request(&body)), Answer::Took { .. }),
            "{pointer} {value}: {:?}",
            ask(&request(&body))
        );
    };
    check("/event_time", json!(1_795_420_860 - 7 * 86_400));
    check("/user_data/em", json!(format!("{HASH}.AQIAAQAB")));
    check("/user_data/fbc", json!("fb.2.1795400000100.Click.AQ"));
    check("/user_data/fbp", json!("fb.1.1795400000123.1122334455.AQIAAQAB"));
    check("/user_data/client_ip_address", json!("192.0.2.1"));
    check("/data_processing_options", json!([]));
    check("/custom_data/currency", json!("eur"));
    check("/event_id", Value::Null);
}

#[test]
fn a_visit_in_a_shop_with_walls_may_be_old() {
    let mut event = changed("/action_source", &json!("physical_store"));
    event["event_time"] = json!(1_795_420_860 - 62 * 86_400);
    assert!(matches!(ask(&request(&json!({ "data": [event] }))), Answer::Took { .. }));
}

#[test]
fn the_envelope_has_its_rules() {
    let check = |body: Value, rule: &str| {
        let (status, code, _, reason) = refusal(&request(&body));
        assert_eq!((status, code), (400, 100), "{reason}");
        assert_eq!(reason, rule);
    };
    check(json!({}), "data: missing");
    check(json!([]), "body: must be a JSON object sent as application/json");
    check(json!({ "data": purchase() }), "data: must be a list");
    check(json!({ "data": [] }), "data: must hold 1 to 1000 events");
    check(json!({ "data": vec![purchase(); 1001] }), "data: must hold 1 to 1000 events");
    check(json!({ "data": [17] }), "data[0]: must be an object");
    check(json!({ "data": [purchase()], "pixel": 1 }), "pixel: no such field");
    let agent = "partner_agent: must be under 23 characters with at least two letters";
    check(json!({ "data": [purchase()], "partner_agent": "a-name-of-23-characters" }), agent);
    let full = json!({ "data": vec![purchase(); 1000], "test_event_code": "TEST1" });
    assert!(matches!(ask(&request(&full)), Answer::Took { events, .. } if events.len() == 1000));
}

#[test]
fn a_token_may_stand_in_three_places() {
    let body = json!({ "data": [purchase()] });
    let bare = Arrived { query: None, ..request(&body) };
    let bearer = |token: &str| {
        let mut request = bare.clone();
        request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        request
    };
    let in_body = |token: &str| Arrived {
        query: None,
        ..request(&json!({ "data": [purchase()], "access_token": token }))
    };
    for good in [bearer("good"), in_body("good"), request(&body)] {
        assert!(matches!(ask(&good), Answer::Took { .. }), "{good:?}");
    }
    for bad in [bare.clone(), bearer("bad"), in_body("bad"), in_body("")] {
        let (status, code, ..) = refusal(&bad);
        assert_eq!((status, code), (401, 190));
    }
}

#[test]
fn an_address_is_version_pixel_and_events() {
    let check = |path: &str, expected: (u16, i64, Option<i64>)| {
        let (status, code, subcode, _) =
            refusal(&Arrived { path: path.to_owned(), ..request(&json!({ "data": [purchase()] })) });
        assert_eq!((status, code, subcode), expected, "{path}");
    };
    check("/v25.0/shop/events", (400, 100, Some(33)));
    check("/v20.0/1234567890/events", (400, 2500, None));
    check("/v99.0/1234567890/events", (400, 2500, None));
    let meta = Meta::new(Vec::new());
    for foreign in
        ["/", "/webhook/shop", "/1234567890/events", "/v25.0/1/event", "/v25.0/1/events/2", "/vx/1/events"]
    {
        assert!(!meta.matches(&Arrived { path: foreign.to_owned(), ..Arrived::default() }), "{foreign}");
    }
}

#[test]
fn complaints_wear_metas_error_shape() {
    let check = |complaint, expected: (u16, u32, Option<u32>, bool)| {
        let reply = Meta::new(Vec::new()).complain(complaint, &Arrived::default());
        let error = serde_json::from_str::<Value>(&reply.body).expect("json")["error"].clone();
        let number = |name: &str| error[name].as_u64().and_then(|number| u32::try_from(number).ok());
        let got = (
            reply.status,
            number("code").expect("code"),
            number("error_subcode"),
            error["is_transient"] == true,
        );
        assert_eq!(got, expected, "{complaint:?}");
        assert!(error["message"].is_string() && error["type"].is_string() && error["fbtrace_id"].is_string());
    };
    check(Complaint::TooManyRequests { retry_after_s: 3 }, (429, 80_004, None, false));
    check(Complaint::Throttled, (400, 80_004, None, false));
    check(Complaint::ServerError { status: 503 }, (503, 2, None, true));
    check(Complaint::Transient, (500, 2, None, true));
    check(Complaint::TokenExpired, (401, 190, Some(463), false));
    check(Complaint::Poisoned { code: 2_804_048 }, (400, 100, Some(2_804_048), false));
}

#[test]
fn a_reason_never_quotes_a_value() {
    let body = json!({ "data": [changed("/user_data/em", &json!("jane.doe@example.com"))] });
    let (.., reason) = refusal(&request(&body));
    assert!(!reason.contains("jane"), "{reason}");
}

proptest::proptest! {
    /// Whatever arrives, Meta answers and does not fall over.
    #[test]
    fn no_body_makes_meta_panic(path in "/v2[0-9].0/[0-9a-z]{0,3}/events", body in ".{0,200}", tail in "[\\[\\]{}\",:0-9a-z]{0,80}") {
        let body = format!("{{\"data\":[{body}{tail}");
        let arrived = Arrived { path, body: body.into(), ..request(&Value::Null) };
        let refused = matches!(ask(&arrived), Answer::Refused { .. });
        proptest::prop_assert!(refused);
    }
}

//! Every rule of Google's interfaces the sandbox holds its guests to, one row each.

use super::*;

const NOW: UnixMs = UnixMs(1_795_183_600_000);
const HASH: &str = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a";

fn google() -> GoogleAds {
    let (id, secret) = ("client".to_owned(), "secret".to_owned());
    GoogleAds::new(Some(Client { id, secret, refresh_token: "refresh".to_owned() }))
}

/// The documented example of a good event.
fn event() -> Value {
    json!({ "transactionId": "ord-90317", "eventTimestamp": "2026-11-20T14:05:09Z", "eventSource": "WEB",
        "currency": "EUR", "conversionValue": 149.9, "adIdentifiers": { "gclid": "EXAMPLEgclid_abc-123" },
        "userData": { "userIdentifiers": [ { "emailAddress": HASH }, { "phoneNumber": HASH },
            { "address": { "givenName": HASH, "familyName": HASH, "regionCode": "DE", "postalCode": "10115" } } ] },
        "consent": { "adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED" },
        "cartData": { "merchantId": "55501234",
            "items": [ { "merchantProductId": "SKU-7", "quantity": "2", "unitPrice": 74.95 } ] } })
}

fn envelope(event: &Value) -> Value {
    json!({ "destinations": [ { "reference": "buy",
            "loginAccount": { "accountType": "GOOGLE_ADS", "accountId": "1112223333" },
            "operatingAccount": { "accountType": "GOOGLE_ADS", "accountId": "4445556666" },
            "productDestinationId": "7008009001" } ],
        "encoding": "HEX", "validateOnly": false, "events": [event] })
}

fn form(text: &str) -> Arrived {
    Arrived {
        method: "POST".to_owned(),
        path: "/token".to_owned(),
        headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        body: text.to_owned().into(),
        ..Arrived::default()
    }
}

const REFRESH: &str = "grant_type=refresh_token&client_id=client&client_secret=secret&refresh_token=refresh";

fn token() -> String {
    let Answer::Took { reply, .. } = google().answer(&form(REFRESH), NOW) else { panic!("a token") };
    let reply: Value = serde_json::from_str(&reply.body).expect("JSON");
    reply["access_token"].as_str().expect("a text").to_owned()
}

fn request(path: &str, body: &Value) -> Arrived {
    Arrived {
        number: 7,
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("authorization".to_owned(), format!("Bearer {}", token())),
        ],
        body: body.to_string().into(),
        ..Arrived::default()
    }
}

fn ingest(body: &Value) -> Arrived {
    request("/v1/events:ingest", body)
}

/// Status, field and reason of a refusal.
fn refusal(request: &Arrived, now: UnixMs) -> (u16, String, String) {
    let Answer::Refused { reply, reason } = google().answer(request, now) else { panic!("taken") };
    let error: Value = serde_json::from_str(&reply.body).expect("an error object");
    let details = error["error"]["details"].as_array().cloned().unwrap_or_default();
    let violation = details.iter().find_map(|detail| detail["fieldViolations"].get(0)).cloned();
    let violation = violation.unwrap_or_else(|| json!({ "field": "", "reason": reason }));
    let text = |key: &str| violation[key].as_str().unwrap_or_default().to_owned();
    (reply.status, text("field"), text("reason"))
}

/// An event with the value at a pointer replaced; `null` takes it away.
fn changed(pointer: &str, value: Value) -> Value {
    let mut event = event();
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let parent = event.pointer_mut(parent).expect("the parent exists");
    match (parent, value) {
        (Value::Object(parent), Value::Null) => drop(parent.remove(last)),
        (Value::Object(parent), value) => drop(parent.insert(last.to_owned(), value)),
        _ => panic!("the parent is an object"),
    }
    event
}

#[test]
fn the_documented_example_is_taken() {
    let Answer::Took { reply, events } = google().answer(&ingest(&envelope(&event())), NOW) else {
        panic!("refused")
    };
    assert!(reply.body.contains("requestId"), "{}", reply.body);
    assert_eq!((events[0].name.as_str(), events[0].id.as_str()), ("7008009001", "ord-90317"));
}

#[test]
fn every_rule_of_an_event_is_kept() {
    let check = |pointer: &str, value: Value, field: &str, reason: &str| {
        let (status, at, why) = refusal(&ingest(&envelope(&changed(pointer, value.clone()))), NOW);
        let expected = format!("events.events[0]{field}");
        assert_eq!((status, at, why), (400, expected, reason.to_owned()), "{pointer} {value}");
    };
    const FORMAT: &str = "INVALID_FORMAT";
    const MISSING: &str = "REQUIRED_FIELD_MISSING";
    check("/event_name", json!("Purchase"), ".event_name", FORMAT);
    check("/eventSource", Value::Null, ".event_source", MISSING);
    check("/eventSource", json!("website"), ".event_source", FORMAT);
    check("/transactionId", Value::Null, ".transaction_id", MISSING);
    check("/transactionId", json!("90317"), ".transaction_id", FORMAT);
    check("/transactionId", json!("x"), ".transaction_id", FORMAT);
    check("/eventTimestamp", json!(1_795_183_509), ".event_timestamp", FORMAT);
    check("/eventTimestamp", json!("2026-11-20 14:05:09+00:00"), ".event_timestamp", FORMAT);
    check("/eventTimestamp", json!("2026-11-20T14:15:09Z"), ".event_timestamp", "EVENT_TIME_INVALID");
    check("/eventTimestamp", json!("2026-08-20T14:15:09Z"), ".event_timestamp", "EVENT_TIME_INVALID");
    check("/currency", Value::Null, ".currency", MISSING);
    check("/currency", json!("EURO"), ".currency", FORMAT);
    check("/conversionValue", json!("149.9"), ".conversion_value", FORMAT);
    check("/adIdentifiers/wbraid", json!("W"), ".ad_identifiers", FORMAT);
    check("/adIdentifiers/fbclid", json!("F"), ".ad_identifiers.fbclid", FORMAT);
    check("/adIdentifiers/gclid", json!(""), ".ad_identifiers.gclid", FORMAT);
    check("/adIdentifiers", json!({ "gbraid": "B" }), ".cart_data", FORMAT);
    check("/consent/adUserData", json!("GRANTED"), ".consent.ad_user_data", FORMAT);
    check(
        "/userData/userIdentifiers",
        json!([{ "emailAddress": "a@example.com" }]),
        ".user_data.user_identifiers[0].email_address",
        FORMAT,
    );
    check(
        "/userData/userIdentifiers",
        json!([{ "emailAddress": HASH, "phoneNumber": HASH }]),
        ".user_data.user_identifiers[0]",
        FORMAT,
    );
    let many = vec![json!({ "emailAddress": HASH }); 11];
    check(
        "/userData/userIdentifiers",
        json!(many),
        ".user_data.user_identifiers",
        "TOO_MANY_USER_IDENTIFIERS",
    );
    let address = |country: &str, code: &str| json!([{ "address": { "givenName": HASH, "familyName": HASH, "regionCode": country, "postalCode": code } }]);
    let at = ".user_data.user_identifiers[0].address";
    check("/userData/userIdentifiers", address("usa", "94043"), &format!("{at}.region_code"), FORMAT);
    check(
        "/userData/userIdentifiers",
        address("US", "9404"),
        &format!("{at}.postal_code"),
        "INVALID_POSTAL_CODE",
    );
    check(
        "/userData/userIdentifiers",
        json!([{ "address": { "givenName": HASH } }]),
        &format!("{at}.family_name"),
        MISSING,
    );
    check(
        "/cartData/items",
        json!([{ "merchantProductId": "A" }]),
        ".cart_data.items[0].unit_price",
        MISSING,
    );
    check(
        "/cartData/items",
        json!([{ "merchantProductId": "A", "unitPrice": 1, "price": 1 }]),
        ".cart_data.items[0].price",
        FORMAT,
    );
    check("/customVariables", json!([{ "name": "A" }]), ".custom_variables[0].name", FORMAT);
    check("/userProperties", json!({ "customerType": "old" }), ".user_properties.customer_type", FORMAT);
    check("/eventDeviceInfo", json!({ "ipAddress": "1.2.3.4:80" }), ".event_device_info.ip_address", FORMAT);
}

#[test]
fn an_event_needs_somebody_and_a_request_its_parts() {
    let mut nobody = event();
    let object = nobody.as_object_mut().expect("an object");
    object.remove("adIdentifiers");
    object.remove("userData");
    let check = |body: &Value, field: &str, reason: &str| {
        let found = refusal(&ingest(body), NOW);
        assert_eq!(found, (400, field.to_owned(), reason.to_owned()), "{body}");
    };
    check(&envelope(&nobody), "events.events[0].ad_identifiers", "NO_IDENTIFIERS_PROVIDED");
    let with = |pointer: &str, value: Value| {
        let mut body = envelope(&event());
        *body.pointer_mut(pointer).expect("there") = value;
        body
    };
    check(&with("/events", json!([])), "events", "TOO_MANY_EVENTS");
    check(&with("/events", json!(vec![event(); 2_001])), "events", "TOO_MANY_EVENTS");
    check(
        &with("/destinations/0/productDestinationId", json!("customers/1/conversionActions/2")),
        "destinations.destinations[0].product_destination_id",
        "INVALID_FORMAT",
    );
    check(
        &with("/destinations/0/operatingAccount/accountId", json!("444-555-6666")),
        "destinations.destinations[0].operating_account.account_id",
        "INVALID_FORMAT",
    );
    let mut unencoded = envelope(&event());
    unencoded.as_object_mut().expect("an object").remove("encoding");
    check(&unencoded, "encoding", "REQUIRED_FIELD_MISSING");
}

#[test]
fn tokens_are_granted_to_who_is_known_and_end() {
    let check = |text: &str, status: u16, words: &str| {
        let Answer::Refused { reply, .. } = google().answer(&form(text), NOW) else {
            panic!("granted: {text}")
        };
        assert!(reply.status == status && reply.body.contains(words), "{text}: {reply:?}");
    };
    check(&REFRESH.replace("=secret", "=wrong"), 401, "invalid_client");
    check(&REFRESH.replace("=client", "=other"), 401, "invalid_client");
    check(&REFRESH.replace("client_secret=secret&", ""), 400, "invalid_request");
    check(&REFRESH.replace("refresh_token=refresh", "refresh_token=old"), 400, "invalid_grant");
    check("grant_type=password", 400, "invalid_request");
    check("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b", 400, "invalid_grant");
    let good = ingest(&envelope(&event()));
    assert_eq!(refusal(&good, NOW.plus(3_600_000)).0, 401, "an hour later");
    let mut strange = good;
    strange.headers[1].1 = "Bearer ya29.somebody-elses".to_owned();
    assert_eq!(refusal(&strange, NOW).0, 401);
}

#[test]
fn an_assertion_is_read() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let ask = |claims: Value| {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = encode(&json!({ "alg": "RS256", "typ": "JWT", "kid": "k" }));
        let assertion = format!("{head}.{}.{}", encode(&claims), URL_SAFE_NO_PAD.encode([7; 256]));
        google().answer(
            &form(&format!(
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
            )),
            NOW,
        )
    };
    let claims = json!({ "iss": "r@p.iam.gserviceaccount.com", "scope": token::DATA_MANAGER,
        "aud": "https://oauth2.googleapis.com/token", "iat": NOW.seconds(), "exp": NOW.seconds() + 3_600 });
    assert!(matches!(ask(claims.clone()), Answer::Took { .. }));
    for (name, value) in [
        ("iat", json!(NOW.seconds() - 4_000)),
        ("exp", json!(NOW.seconds() + 3_700)),
        ("aud", json!("https://datamanager.googleapis.com/")),
        ("scope", json!("https://www.googleapis.com/auth/drive")),
        ("iss", json!("nobody")),
    ] {
        let mut claims = claims.clone();
        claims[name] = value;
        assert!(matches!(ask(claims), Answer::Refused { .. }), "{name}");
    }
}

#[test]
fn what_becomes_of_a_request_is_told_by_its_id() {
    let mut body = envelope(&event());
    let failing = |id: &str| changed("/transactionId", json!(id));
    body["events"] = json!([event(), failing("later:INVALID_GCLID:1"), failing("later:INVALID_GCLID:2")]);
    let Answer::Took { reply, .. } = google().answer(&ingest(&body), NOW) else { panic!("refused") };
    let reply: Value = serde_json::from_str(&reply.body).expect("JSON");
    let ask = |id: &str| {
        let mut request = request("/v1/requestStatus:retrieve", &json!(null));
        request.method = "GET".to_owned();
        request.query = Some(format!("requestId={id}"));
        google().answer(&request, NOW)
    };
    let Answer::Took { reply, .. } = ask(reply["requestId"].as_str().expect("an id")) else {
        panic!("refused")
    };
    assert_eq!(
        serde_json::from_str::<Value>(&reply.body).expect("JSON"),
        json!({ "requestStatusPerDestination": [{ "requestStatus": "PARTIAL_SUCCESS",
            "errorInfo": { "errorCounts": [{ "recordCount": "2", "reason": "PROCESSING_ERROR_REASON_INVALID_GCLID" }] },
            "eventsIngestionStatus": { "recordCount": "3" } }] })
    );
    assert!(matches!(ask("nonsense!"), Answer::Refused { .. }));
}

#[test]
fn adjustments_are_taken_row_by_row() {
    let row = |order: &str| {
        json!({ "conversionAction": "customers/4445556666/conversionActions/7",
        "adjustmentType": "RETRACTION", "orderId": order, "adjustmentDateTime": "2026-11-20 15:05:09+01:00" })
    };
    let path = "/v26/customers/4445556666:uploadConversionAdjustments";
    let send = |rows: Value| {
        google()
            .answer(&request(path, &json!({ "conversionAdjustments": rows, "partialFailure": true })), NOW)
    };
    let Answer::Took { reply, events } = send(json!([row("ord-1"), row("later:CONVERSION_NOT_FOUND:2")]))
    else {
        panic!("refused")
    };
    assert_eq!(events.len(), 1);
    assert!(
        reply.body.contains("CONVERSION_NOT_FOUND") && reply.body.contains("\"index\":1"),
        "{}",
        reply.body
    );
    let refused = |pointer: &str, value: Value| {
        let mut row = row("ord-1");
        row[pointer] = value.clone();
        assert!(matches!(send(json!([row])), Answer::Refused { .. }), "{pointer} {value}");
    };
    refused("adjustmentDateTime", json!("2026-11-20T15:05:09Z"));
    refused("adjustmentType", json!("REFUND"));
    refused("conversionAction", json!("customers/1/conversionActions/7"));
    refused("restatementValue", json!({ "adjustedValue": 1, "currencyCode": "EUR" }));
    refused("transactionId", json!("x"));
}

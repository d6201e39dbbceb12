//! Every rule the sandbox holds its guests to, one row each.

use super::*;

const NOW: UnixMs = UnixMs(1_795_183_600_000);
const HASH: &str = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602";
const CLICK: &str = "0f3c1b2a4d5e6f708192a3b4c5d6e7f8";

/// A good purchase, as the guide writes one.
fn purchase() -> Value {
    json!({
        "eventType": "custom", "eventName": "purchase", "eventId": "ord-90317", "eventTime": 1_795_183_509,
        "eventSourceUrl": "https://shop.example/thanks", "pageLoadId": "8f14e45f-ceea-467f-a0e6-5d1c0b3f9a52",
        "adStorageConsent": "G",
        "userData": { "anonymousId": "5a1c9e30b7d411f0a4d28f2b6c1e7d90", "msclkid": CLICK, "em": HASH, "ph": HASH,
            "clientIpAddress": "203.0.113.9", "clientUserAgent": "Mozilla/5.0" },
        "customData": { "value": 149.9, "currency": "EUR", "transactionId": "ord-90317", "pageType": "purchase",
            "ecommTotalValue": 149.9, "itemIds": ["SKU-7"],
            "items": [{ "id": "SKU-7", "quantity": 2, "price": 74.95, "name": "Lamp" }] }
    })
}

fn conversion() -> Value {
    json!({ "ConversionName": "CRM sale", "ConversionTime": "2026-11-20T14:05:09Z", "ConversionValue": 149.9,
            "ConversionCurrencyCode": "EUR", "MicrosoftClickId": CLICK, "HashedEmailAddress": HASH })
}

fn online() -> Value {
    json!({ "ConversionName": "Web", "TransactionId": "ord-1", "AdjustmentType": "Restate",
            "AdjustmentTime": "2026-11-20T14:05:09Z", "AdjustmentValue": 5, "AdjustmentCurrencyCode": "EUR" })
}

fn offline() -> Value {
    json!({ "ConversionName": "CRM sale", "ConversionTime": "2026-11-20T14:05:09Z", "MicrosoftClickId": CLICK,
            "AdjustmentType": "Retract", "AdjustmentTime": "2026-11-20T14:05:10Z" })
}

fn request(path: &str, token: &str, body: &Value) -> Arrived {
    let headers = [
        ("content-type", "application/json"),
        ("authorization", &format!("Bearer {token}")),
        ("developertoken", "d"),
        ("customerid", "17"),
        ("customeraccountid", "18"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let path = path.to_owned();
    Arrived {
        number: 7,
        method: "POST".to_owned(),
        path,
        headers,
        body: body.to_string().into(),
        ..Arrived::default()
    }
}

fn events(rows: &[Value]) -> Arrived {
    let body = json!({ "dataProvider": "test", "continueOnValidationError": true, "data": rows });
    request("/v1/187012345/events", "tag-token", &body)
}

fn upload(list: &str, rows: &[Value]) -> Arrived {
    request(&format!("/CampaignManagement/v13/{list}/Apply"), "access-1", &json!({ list: rows }))
}

/// Status, body and what was taken.
fn ask(request: &Arrived) -> (u16, Value, Vec<Taken>) {
    match Microsoft.answer(request, NOW) {
        Answer::Took { reply, events } => (reply.status, parsed(&reply), events),
        Answer::Refused { reply, .. } => (reply.status, parsed(&reply), Vec::new()),
    }
}

fn parsed(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_default()
}

/// The same object with the value at a pointer replaced; `null` takes it away.
fn changed(mut row: Value, pointer: &str, value: &Value) -> Value {
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let parent = row.pointer_mut(parent).expect("the parent exists").as_object_mut().expect("an object");
    match value {
        Value::Null => drop(parent.remove(last)),
        value => drop(parent.insert(last.to_owned(), value.clone())),
    }
    row
}

#[test]
fn what_is_right_is_taken_and_told_apart() {
    let (status, body, taken) = ask(&events(&[purchase()]));
    assert_eq!((status, &body["eventsReceived"]), (200, &json!(1)));
    assert_eq!(taken[0].key, "187012345\0purchase\0ord-90317");
    let view = json!({ "eventType": "pageLoad", "eventId": "view", "eventTime": 1_795_183_509,
        "eventSourceUrl": "https://shop.example/", "userData": { "anonymousId": "1" } });
    let (_, _, taken) = ask(&events(&[view]));
    assert_eq!((taken[0].key.as_str(), taken[0].name.as_str()), ("187012345\0\0view", "pageLoad"));
    for (list, row) in [
        ("OfflineConversions", conversion()),
        ("OnlineConversionAdjustments", online()),
        ("OfflineConversionAdjustments", offline()),
    ] {
        let (status, body, taken) = ask(&upload(list, &[row]));
        assert_eq!((status, body, taken.len()), (200, json!({ "PartialErrors": [] }), 1), "{list}");
    }
}

#[test]
fn every_field_of_an_event_has_its_rule() {
    let check = |pointer: &str, value: Value, property: &str| {
        let (status, body, taken) = ask(&events(&[changed(purchase(), pointer, &value)]));
        assert_eq!((status, taken.len()), (400, 0), "{pointer} {value}");
        assert_eq!(body["error"]["details"][0]["propertyName"], property, "{pointer} {value}");
        assert_eq!(body["eventsReceived"], 0);
    };
    for required in ["/eventType", "/eventTime", "/eventName", "/userData"] {
        check(required, Value::Null, &required[1..]);
    }
    check("/eventType", json!("PageLoad"), "eventType");
    check("/eventTime", json!(1_795_183_509_000_i64), "eventTime");
    check("/eventTime", json!(1_795_183_600 - 7 * 86_400 - 1), "eventTime");
    check("/eventTime", json!(1_795_183_600 + 61), "eventTime");
    check("/eventTime", json!("1795183509"), "eventTime");
    check("/referrerUrl", json!("/cart"), "referrerUrl");
    check("/pageLoadId", json!("1"), "pageLoadId");
    check("/adStorageConsent", json!("granted"), "adStorageConsent");
    check("/adStorageConsent", json!("D"), "userData");
    check("/userData", json!({ "clientIpAddress": "203.0.113.9" }), "userData");
    check("/userData/em", json!("john@contoso.com"), "userData.em");
    check("/userData/em", json!([HASH]), "userData.em");
    check("/userData/ph", json!(HASH.to_uppercase()), "userData.ph");
    check("/userData/msclkid", json!(format!("_uet{CLICK}")), "userData.msclkid");
    check("/userData/anonymousId", json!("5a1c9e30b7d411f0a4d28f2b6c1e7d90|x"), "userData.anonymousId");
    check("/userData/clientIpAddress", json!("203.0.113.9:443"), "userData.clientIpAddress");
    check("/userData/fn", json!(HASH), "userData.fn");
    check("/customData/value", json!("149.9"), "customData.value");
    check("/customData/currency", json!("eur"), "customData.currency");
    check("/customData/currency", json!("XXX"), "customData.currency");
    check("/customData/currency", Value::Null, "customData");
    check("/customData/pageType", json!("checkout"), "customData.pageType");
    check("/customData/itemIds", json!("SKU-7"), "customData.itemIds");
    check("/customData/items", json!([{ "id": "A", "quantity": 1.5 }]), "customData.items[0].quantity");
    check("/customData/items", json!([{ "id": "A", "brand": "B" }]), "customData.items[0].brand");
    check("/customData/coupon", json!("MAY"), "customData.coupon");
    let view = changed(purchase(), "/eventType", &json!("pageLoad"));
    let (status, body, _) = ask(&events(&[view]));
    assert_eq!((status, &body["error"]["details"][0]["propertyName"]), (400, &json!("customData")));
}

#[test]
fn a_bad_row_is_listed_and_the_others_are_taken_if_that_is_asked_for() {
    let bad = changed(purchase(), "/customData/currency", &json!("XXX"));
    let (status, body, taken) = ask(&events(&[bad.clone(), purchase()]));
    assert_eq!((status, &body["eventsReceived"], taken.len()), (200, &json!(1), 1));
    assert_eq!(body["error"]["details"][0]["index"], 0);
    let strict = json!({ "data": [bad, purchase()] });
    let (status, body, taken) = ask(&request("/v1/187012345/events", "t", &strict));
    assert_eq!((status, &body["eventsReceived"], taken.len()), (400, &json!(0), 0));
    let misspelt = changed(purchase(), "/eventname", &json!("x"));
    assert_eq!(ask(&events(&[misspelt, purchase()])).0, 400, "a field that does not exist refuses all");
}

#[test]
fn the_envelope_and_the_credentials_have_their_rules() {
    let check = |request: &Arrived, expected: u16| assert_eq!(ask(request).0, expected, "{request:?}");
    check(&events(&[]), 400);
    check(&events(&vec![purchase(); 1001]), 400);
    check(&events(&vec![purchase(); 1000]), 200);
    check(&request("/v1/1/events", "t", &json!([])), 400);
    check(&request("/v1/1/events", "t", &json!({ "data": [purchase()], "tag": 1 })), 400);
    check(&request("/v1/shop/events", "t", &json!({ "data": [purchase()] })), 404);
    check(&request("/v1/0/events", "t", &json!({ "data": [purchase()] })), 404);
    check(&request("/v1/1/events", "access-1", &json!({ "data": [purchase()] })), 401);
    check(&Arrived { headers: Vec::new(), ..events(&[purchase()]) }, 401);
    let path = "/CampaignManagement/v13/OfflineConversions/Apply";
    let body = json!({ "OfflineConversions": [conversion()] });
    check(&request(path, "tag-token", &body), 401);
    let without = |name: &str| {
        let mut request = request(path, "access-1", &body);
        request.headers.retain(|(header, _)| header != name);
        request
    };
    check(&without("developertoken"), 401);
    check(&without("customerid"), 400);
    check(&without("customeraccountid"), 400);
    check(&request(path, "access-1", &json!({ "OnlineConversionAdjustments": [online()] })), 400);
    check(&request(path, "access-1", &json!({ "OfflineConversions": [] })), 400);
    for foreign in [
        "/",
        "/v1/1/event",
        "/v25.0/1/events",
        "/CampaignManagement/v13/Campaigns/Apply",
        "/oauth2/v2.0/token",
    ] {
        assert!(!Microsoft.matches(&Arrived { path: foreign.to_owned(), ..Arrived::default() }), "{foreign}");
    }
}

#[test]
fn every_field_of_an_upload_has_its_rule() {
    let check = |list: &str, row: Value, pointer: &str, value: Value, code: &str| {
        let (status, body, taken) = ask(&upload(list, &[changed(row.clone(), pointer, &value), row]));
        assert_eq!((status, taken.len()), (200, 1), "{pointer} {value}");
        assert_eq!(body["PartialErrors"][0]["Index"], 0);
        assert_eq!(body["PartialErrors"][0]["ErrorCode"], code, "{pointer} {value}");
    };
    let row = |pointer: &str, value: Value, code: &str| {
        check("OfflineConversions", conversion(), pointer, value, code);
    };
    row("/MicrosoftClickId", json!("x"), "OfflineConversionMSClickIdInvalid");
    row("/HashedEmailAddress", json!("john@contoso.com"), "ConversionEmailAddressIsNotHashed");
    row("/HashedPhoneNumber", json!("+1"), "ConversionPhoneNumberIsNotHashed");
    row("/ConversionValue", json!("5"), "OfflineConversionValueInvalid");
    row("/ConversionCurrencyCode", json!("XXX"), "OfflineConversionCurrencyCodeInvalid");
    row("/ConversionTime", json!("2026-11-20T14:05:09.250Z"), "OfflineConversionTimeInvalid");
    row("/ConversionTime", json!("2026-11-20T15:05:09Z"), "FutureConversionTimeCannotBeSet");
    row("/ConversionTime", json!("2026-08-20T15:05:09Z"), "OfflineConversionTimeOutOfWindow");
    row("/ConversionName", json!(""), "OfflineConversionNameInvalid");
    row("/ConversionName", json!("New goal"), "OfflineConversionGoalTooRecent");
    row("/ConversionName", json!("Plain goal"), "NotEligibleForEnhancedConversions");
    row("/ConversionName", Value::Null, "OfflineConversionNameInvalid");
    let list = "OnlineConversionAdjustments";
    check(list, online(), "/AdjustmentType", json!("Retract"), "OfflineConversionAdjustmentValueInvalid");
    check(list, online(), "/AdjustmentValue", Value::Null, "OfflineConversionAdjustmentValueInvalid");
    check(list, online(), "/AdjustmentType", json!("Refund"), "OfflineConversionAdjustmentInvalid");
    let list = "OfflineConversionAdjustments";
    let early = json!("2026-11-20T14:05:08Z");
    check(list, offline(), "/AdjustmentTime", early, "OfflineConversionAdjustmentTimeInvalid");
    check(list, offline(), "/MicrosoftClickId", Value::Null, "OfflineConversionMSClickIdNullOrEmpty");
    let misspelt = changed(conversion(), "/ConversionCurrency", &json!("EUR"));
    assert_eq!(ask(&upload("OfflineConversions", &[misspelt, conversion()])).0, 400);
}

#[test]
fn refresh_tokens_rotate() {
    let scope = "scope=https%3A%2F%2Fads.microsoft.com%2Fmsads.manage+offline_access";
    let asked = |form: &str| {
        let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let body = form.to_owned().into();
        let path = "/common/oauth2/v2.0/token".to_owned();
        ask(&Arrived { method: "POST".to_owned(), path, headers, body, ..Arrived::default() })
    };
    let good = format!("grant_type=refresh_token&client_id=app&{scope}&refresh_token=refresh-4");
    let (status, body, _) = asked(&good);
    assert_eq!(
        (status, &body["access_token"], &body["refresh_token"]),
        (200, &json!("access-4"), &json!("refresh-5"))
    );
    let check = |form: &str, status: u16, error: &str| {
        let (got, body, _) = asked(form);
        assert_eq!((got, &body["error"]), (status, &json!(error)), "{form}");
    };
    check(&good.replace("refresh-4", "other"), 400, "invalid_grant");
    check(&good.replace("client_id=app", "client_id="), 401, "invalid_client");
    check(&format!("{good}&client_secret="), 401, "invalid_client");
    check(&good.replace(scope, "scope=openid"), 400, "invalid_request");
    check(&format!("{good}&resource=x"), 400, "invalid_request");
}

#[test]
fn complaints_wear_the_shape_of_their_call() {
    let (tag, list) = (events(&[]), upload("OfflineConversions", &[]));
    let token = Arrived { path: "/common/oauth2/v2.0/token".to_owned(), ..Arrived::default() };
    let check = |complaint, request: &Arrived, status: u16, pointer: &str, value: Value| {
        let reply = Microsoft.complain(complaint, request);
        let body = parsed(&reply);
        assert_eq!(
            (reply.status, body.pointer(pointer)),
            (status, Some(&value)),
            "{complaint:?} {}",
            request.path
        );
    };
    let too_many = Complaint::TooManyRequests { retry_after_s: 3 };
    check(too_many, &tag, 429, "/error/code", json!("TooManyRequests"));
    check(too_many, &list, 429, "/Errors/0/Code", json!(117));
    check(Complaint::Throttled, &list, 400, "/Errors/0/ErrorCode", json!("CallRateExceeded"));
    check(Complaint::Transient, &list, 500, "/Errors/0/Code", json!(0));
    check(Complaint::Transient, &token, 400, "/error", json!("temporarily_unavailable"));
    check(Complaint::TokenExpired, &tag, 401, "/error/code", json!("Unauthorized"));
    check(Complaint::TokenExpired, &list, 401, "/Errors/0/Code", json!(109));
    check(Complaint::TokenExpired, &token, 400, "/error", json!("invalid_grant"));
    let poison = events(&[purchase(), changed(purchase(), "/eventId", &json!("poison-1"))]);
    check(Complaint::Poisoned { code: 0 }, &poison, 400, "/error/details/0/index", json!(1));
    let poison = upload(
        "OnlineConversionAdjustments",
        &[online(), changed(online(), "/TransactionId", &json!("poison-1"))],
    );
    check(Complaint::Poisoned { code: 0 }, &poison, 400, "/BatchErrors/0/Index", json!(1));
    assert_eq!(Microsoft.complain(Complaint::ServerError { status: 502 }, &tag).status, 502);
}

#[test]
fn a_reason_never_quotes_a_value() {
    let bad = changed(purchase(), "/userData/em", &json!("jane.doe@example.com"));
    let Answer::Refused { reply, reason } = Microsoft.answer(&events(&[bad]), NOW) else {
        panic!("not hashed")
    };
    assert!(!reason.contains("jane") && !reply.body.contains("jane"), "{reason}");
}

proptest::proptest! {
    /// Whatever arrives, Microsoft answers and does not fall over.
    #[test]
    fn no_body_makes_microsoft_panic(list in 0usize..4, body in "[\\[\\]{}\":,a-zA-Z0-9]{0,120}") {
        let paths = ["/v1/1/events", "/CampaignManagement/v13/OfflineConversions/Apply",
            "/CampaignManagement/v13/OnlineConversionAdjustments/Apply", "/common/oauth2/v2.0/token"];
        let mut request = request(paths[list], "access-1", &Value::Null);
        request.body = format!("{{\"data\":[{body}").into();
        let (status, ..) = ask(&request);
        proptest::prop_assert!(status >= 400);
    }
}

//! Settings, the choice of the route, and what conversions and refunds come to.

use serde_json::{Value, json};

use super::super::settings::tests::settings;
use super::*;

const NEEDED: &str = "tag_id = \"187012345\"\naccess_token = \"t\"\n";
const OFFLINE_NEEDED: &str = "client_id = \"app\", refresh_token = \"r\", developer_token = \"d\", \
    customer_id = \"17\", account_id = \"18\", conversions = { Lead = \"CRM lead\", Purchase = \"Phone sale\", \
    Refund = \"Web purchase\" }";
const CLICK: &str = r#""click_ids":{"msclkid":"0f3c1b2a4d5e6f708192a3b4c5d6e7f8"}"#;
const NOW: UnixMs = UnixMs(1_795_435_200_000);

fn configured(more: &str) -> Result<Box<dyn Platform>, SettingError> {
    configure(settings(format!("{NEEDED}{more}").leak()))
}

fn with_offline(more: &str) -> Box<dyn Platform> {
    configured(&format!("offline = {{ {OFFLINE_NEEDED}{more} }}")).expect("right settings")
}

fn event(json: &str) -> Event {
    serde_json::from_str(json).expect(json)
}

/// What one event comes to: its call and the rows of its request, or why it stays.
fn built(platform: &dyn Platform, event: &Event, renamed: Option<&str>) -> Result<(Call, Value), SkipReason> {
    let built = platform.build(&[Outgoing { event, site: "s", renamed, order_renamed: None }], NOW);
    if let Some((_, skip)) = built.skips.first() {
        return Err(skip.reason);
    }
    let planned = &built.requests[0];
    let body: Value = serde_json::from_str(&planned.request.body.expose()).expect("JSON");
    let rows = body.as_object().expect("an object").values().find(|value| value.is_array());
    Ok((planned.call, rows.expect("a list of rows").clone()))
}

#[test]
fn settings_that_are_right_are_taken() {
    for more in ["", "api_version = \"v1\"", "unknown_consent = \"denied\""] {
        assert!(configured(more).is_ok(), "{more}: {:?}", configured(more).err());
    }
    for more in [
        "",
        ", client_secret = \"s\"",
        ", tenant = \"contoso.com\"",
        ", sources = [\"crm\", \"server\"]",
        ", enhanced = false",
        ", api_version = \"v13\"",
        ", sandbox = true",
    ] {
        with_offline(more);
    }
}

#[test]
fn settings_that_are_wrong_name_their_key() {
    let check = |text: &str, words: &str| {
        let error = configure(settings(text.to_owned().leak())).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    };
    check("tag_id = \"\"\naccess_token = \"t\"", "`tag_id`: expected digits only");
    check("tag_id = \"1/2\"\naccess_token = \"t\"", "`tag_id`");
    check("tag_id = \"1\"\naccess_token = \" \"", "`access_token`: expected a token");
    check(&format!("{NEEDED}api_version = \"1\""), "`api_version`: expected a version such as v1");
    check(&format!("{NEEDED}api_version = \"v1/x\""), "`api_version`");
    check(&format!("{NEEDED}unknown_consent = \"G\""), "unknown variant `G`");
    let offline = |from: &str, to: &str, words: &str| {
        let table = OFFLINE_NEEDED.replace(from, to);
        assert_ne!(table, OFFLINE_NEEDED, "{from} is not there");
        check(&format!("{NEEDED}offline = {{ {table} }}"), words);
    };
    offline("client_id = \"app\", ", "", "missing field `client_id`");
    offline("\"app\"", "\"a b\"", "`offline.client_id`");
    offline("\"app\"", "\"app\", client_secret = \"\"", "`offline.client_secret`");
    offline("\"app\"", "\"app\", tenant = \"../x\"", "`offline.tenant`");
    offline("\"app\"", "\"app\", api_version = \"13\"", "`offline.api_version`");
    offline("\"app\"", "\"app\", sources = [\"fax\"]", "unknown variant `fax`");
    offline("\"app\"", "\"app\", colour = 1", "unknown field `colour`");
    offline("\"r\"", "\"\"", "`offline.refresh_token`");
    offline("\"d\"", "\"\"", "`offline.developer_token`");
    offline(
        "\"17\"",
        "\"F1234567\"",
        "`offline.customer_id`: expected digits only: the id, not the account number",
    );
    offline("\"18\"", "\"\"", "`offline.account_id`");
    offline("\"CRM lead\"", "\" \"", "`offline.conversions`");
}

#[test]
fn a_refund_may_not_bear_the_name_of_a_purchase() {
    let mut settings = settings(NEEDED);
    settings.names.insert("Refund".to_owned(), "purchase".to_owned());
    assert!(configure(settings).expect_err("revenue").to_string().contains("`events`"));
}

#[test]
fn nothing_prints_a_secret() {
    let text = format!(
        "tag_id = \"1\"\naccess_token = \"hunter1\"\noffline = {{ {OFFLINE_NEEDED}, client_secret = \"hunter2\" }}"
    );
    let text = text.replace("\"r\"", "\"hunter3\"").replace("\"d\"", "\"hunter4\"");
    let platform = configure(settings(text.leak())).expect("right settings");
    let lead = event(&format!(r#"{{"event":"Lead","event_id":"1","time":0,"source":"crm",{CLICK}}}"#));
    let built = platform
        .build(&[Outgoing { event: &lead, site: "s", renamed: None, order_renamed: None }], UnixMs(0));
    let sign_in = platform.credentials().expect("offline needs a token").request(None, NOW);
    let shown = format!("{platform:?} {built:?} {sign_in:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    let headers = &built.requests[0].request.headers;
    assert!(headers.iter().any(|header| header.value.expose() == "hunter4"), "{headers:?}");
}

#[test]
fn the_source_chooses_the_route() {
    let check = |offline: Option<&str>, source: &str, name: &str, expected: Call| {
        let platform = match offline {
            Some(more) => with_offline(more),
            None => configured("").expect("right settings"),
        };
        let event = event(&format!(
            r#"{{"event":"{name}","event_id":"1","time":1795435100000,"source":"{source}",{CLICK}}}"#
        ));
        let (call, _) = built(&*platform, &event, None).expect(name);
        assert_eq!(call, expected, "{offline:?} {source} {name}");
        assert_eq!(platform.credentials().is_some(), offline.is_some());
        assert_eq!(platform.has_second_login(), offline.is_some(), "the tag's token is not the uploads'");
    };
    for source in ["crm", "phone", "store", "email", "chat"] {
        check(None, source, "Lead", EVENTS);
        check(Some(""), source, "Lead", OFFLINE);
        // Without a goal of its own it is one more event of the tag.
        check(Some(""), source, "Contact", EVENTS);
    }
    for source in ["web", "server"] {
        check(Some(""), source, "Lead", EVENTS);
    }
    check(Some(", sources = [\"server\"]"), "server", "Lead", OFFLINE);
    check(Some(", sources = [\"server\"]"), "crm", "Lead", EVENTS);
}

#[test]
fn an_offline_conversion_has_a_goal_a_time_and_a_person() {
    let check = |more: &str, fields: &str, expected: Result<Value, SkipReason>| {
        let json = format!(
            r#"{{"event":"Lead","event_id":"1","time":"2026-11-20T14:05:09.900Z","source":"crm",{fields}}}"#
        );
        let conversion = built(&*with_offline(more), &event(&json), None).map(|(_, rows)| rows[0].clone());
        assert_eq!(conversion, expected, "{more} {fields}");
    };
    let hash = "e".repeat(64);
    let email = format!(r#""user":{{"email":["{hash}"]}}"#);
    let lead = |more: Value| {
        let mut lead = json!({ "ConversionName": "CRM lead", "ConversionTime": "2026-11-20T14:05:09Z" });
        lead.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        Ok(lead)
    };
    let click = "0f3c1b2a4d5e6f708192a3b4c5d6e7f8";
    check("", CLICK, lead(json!({ "MicrosoftClickId": click })));
    check("", &email, lead(json!({ "HashedEmailAddress": hash })));
    check(", enhanced = false", &email, Err(SkipReason::NoIdentifier));
    check(", enhanced = false", &format!("{CLICK},{email}"), lead(json!({ "MicrosoftClickId": click })));
    check("", r#""visitor_id":"v-1""#, Err(SkipReason::NoIdentifier));
    check(
        "",
        &format!(r#"{CLICK},"properties":{{"value":149.9,"currency":"EUR"}}"#),
        lead(json!({ "MicrosoftClickId": click, "ConversionValue": 149.9, "ConversionCurrencyCode": "EUR" })),
    );
    check(
        "",
        &format!(r#"{CLICK},"properties":{{"value":149.9}}"#),
        lead(json!({ "MicrosoftClickId": click })),
    );
    check("", &format!(r#"{CLICK},"properties":{{"value":-1}}"#), Err(SkipReason::RefundNotSupported));
    check("", &format!(r#"{CLICK},"consent":{{"ad_user_data":"denied"}}"#), Err(SkipReason::NoConsent));
    check("", &format!(r#"{CLICK},"consent":{{"ad_storage":"denied"}}"#), Err(SkipReason::NoConsent));
    let attributed =
        r#""properties":{"external_attribution_credit":0.5,"external_attribution_model":"Linear"}"#;
    check(
        "",
        &format!("{CLICK},{attributed}"),
        lead(
            json!({ "MicrosoftClickId": click, "ExternalAttributionCredit": 0.5, "ExternalAttributionModel": "Linear" }),
        ),
    );
}

#[test]
fn a_refund_takes_back_what_was_counted() {
    let check = |source: &str, fields: &str, expected: Result<(Call, Value), SkipReason>| {
        let json = format!(
            r#"{{"event":"Refund","event_id":"1","time":"2026-11-21T09:00:00Z","source":"{source}","properties":{{{fields}}},{CLICK}}}"#
        );
        let refund =
            built(&*with_offline(""), &event(&json), None).map(|(call, rows)| (call, rows[0].clone()));
        assert_eq!(refund, expected, "{source} {fields}");
    };
    let retract = json!({ "TransactionId": "88121", "ConversionName": "Web purchase", "AdjustmentType": "Retract",
        "AdjustmentTime": "2026-11-21T09:00:00Z" });
    let order = r#""order_id":"88121","currency":"EUR""#;
    for source in ["web", "server", "crm"] {
        check(source, order, Ok((ONLINE_ADJUSTMENTS, retract.clone())));
    }
    check("web", &format!(r#"{order},"remaining_value":0"#), Ok((ONLINE_ADJUSTMENTS, retract)));
    check(
        "web",
        &format!(r#"{order},"remaining_value":29.95"#),
        Ok((
            ONLINE_ADJUSTMENTS,
            json!({ "TransactionId": "88121", "ConversionName": "Web purchase", "AdjustmentType": "Restate",
                "AdjustmentTime": "2026-11-21T09:00:00Z", "AdjustmentValue": 29.95, "AdjustmentCurrencyCode": "EUR" }),
        )),
    );
    check("web", r#""order_id":"88121","remaining_value":29.95"#, Err(SkipReason::MissingCurrency));
    check("web", &format!(r#"{order},"value":20"#), Err(SkipReason::MissingValue));
    check("web", r#""currency":"EUR""#, Err(SkipReason::NoIdentifier));
    let uploaded = json!({ "MicrosoftClickId": "0f3c1b2a4d5e6f708192a3b4c5d6e7f8", "ConversionName": "Phone sale",
        "ConversionTime": "2026-11-20T14:05:09Z", "AdjustmentType": "Retract", "AdjustmentTime": "2026-11-21T09:00:00Z" });
    let time = r#""order_time":"2026-11-20T14:05:09.900Z""#;
    check("phone", time, Ok((OFFLINE_ADJUSTMENTS, uploaded)));
    check("web", time, Err(SkipReason::NoIdentifier));
    check("phone", r#""order_time":"2026-01-01T00:00:00Z""#, Err(SkipReason::TooOld));
}

#[test]
fn a_refund_without_a_way_to_say_it_stays() {
    let refund = event(
        r#"{"event":"Refund","event_id":"1","time":1795435100000,"source":"web","visitor_id":"v-1","properties":{"order_id":"1"}}"#,
    );
    let plain = configured("").expect("right settings");
    assert_eq!(built(&*plain, &refund, None).expect_err("no offline"), SkipReason::RefundNotSupported);
    let (call, rows) = built(&*plain, &refund, Some("refund")).expect("a custom event");
    assert_eq!((call, &rows[0]["eventName"]), (EVENTS, &json!("refund")));
    let table = OFFLINE_NEEDED.replace(", Refund = \"Web purchase\"", "");
    let no_goal = configured(&format!("offline = {{ {table} }}")).expect("right settings");
    assert_eq!(built(&*no_goal, &refund, None).expect_err("no goal"), SkipReason::NotMapped);
}

#[test]
fn orders_are_what_was_said_last_where_refunds_adjust_them() {
    let adjusts = Restates { alone: false, takes_away: true, after_ms: 6 * HOUR_MS };
    assert_eq!(with_offline("").restates(), Some(adjusts));
    assert_eq!(configured("").expect("right settings").restates(), None);
    // A custom event takes nothing off its order.
    let mut settings = settings(format!("{NEEDED}offline = {{ {OFFLINE_NEEDED} }}").leak());
    settings.names.insert("Refund".to_owned(), "refund".to_owned());
    assert_eq!(configure(settings).expect("right settings").restates(), None);
}

#[test]
fn calls_do_not_share_a_request_and_keep_their_order() {
    let platform = with_offline("");
    let one = |name: &str, source: &str, properties: &str| {
        event(&format!(
            r#"{{"event":"{name}","event_id":"{name}","time":1795435100000,"source":"{source}",{CLICK},
                "page":{{"url":"https://shop.example/"}},"properties":{{{properties}}}}}"#
        ))
    };
    let events = [
        one("Lead", "crm", ""),
        one("PageView", "web", ""),
        one("PageView", "web", r#""value":5,"currency":"EUR""#),
        one("Lead", "web", ""),
        one("Refund", "web", r#""order_id":"1""#),
        one("Purchase", "store", ""),
        one("PageView", "web", r#""value":6,"currency":"EUR""#),
        one("Refund", "phone", r#""order_time":1795435000000"#),
    ];
    let outgoing: Vec<_> = events
        .iter()
        .map(|event| Outgoing { event, site: "s", renamed: None, order_renamed: None })
        .collect();
    let built = platform.build(&outgoing, NOW);
    let calls: Vec<_> = built.requests.iter().map(|planned| (planned.call, planned.events.clone())).collect();
    let expected = [
        (EVENTS, vec![1, 3]),
        (PAGE_REVENUE, vec![2, 6]),
        (OFFLINE, vec![0]),
        (OFFLINE, vec![5]),
        (ONLINE_ADJUSTMENTS, vec![4]),
        (OFFLINE_ADJUSTMENTS, vec![7]),
    ];
    assert_eq!(calls, expected);
    let needs_token: Vec<_> = built.requests.iter().map(|planned| planned.request.needs_token()).collect();
    assert_eq!(needs_token, [false, false, true, true, true, true]);
    let revenue: Value = serde_json::from_str(&built.requests[1].request.body.expose()).expect("JSON");
    assert_eq!(revenue["data"].as_array().map(Vec::len), Some(4), "two rows for each page view");
}

/// A call that is refused whole for a goal is refused for all of its events, and for no other's.
#[test]
fn goals_do_not_share_a_request() {
    let platform = with_offline("");
    let one = |name: &str, source: &str, properties: &str| {
        event(&format!(
            r#"{{"event":"{name}","event_id":"1","time":1795435100000,"source":"{source}",{CLICK},"properties":{{{properties}}}}}"#
        ))
    };
    let of = |order: &str| format!(r#""order_time":1795435000000,"order_event":"{order}""#);
    let events = [
        one("Purchase", "store", ""),
        one("Lead", "crm", ""),
        one("Refund", "phone", &of("Lead")),
        one("Purchase", "phone", ""),
        one("Refund", "phone", &of("Purchase")),
        one("Lead", "chat", ""),
        one("Refund", "phone", &of("Lead")),
    ];
    let outgoing: Vec<_> = events
        .iter()
        .map(|event| Outgoing { event, site: "s", renamed: None, order_renamed: None })
        .collect();
    let built = platform.build(&outgoing, NOW);
    let calls: Vec<_> = built.requests.iter().map(|planned| (planned.call, planned.events.clone())).collect();
    let expected = [
        (OFFLINE, vec![0, 3]),
        (OFFLINE, vec![1, 5]),
        (OFFLINE_ADJUSTMENTS, vec![2, 6]),
        (OFFLINE_ADJUSTMENTS, vec![4]),
    ];
    assert_eq!(calls, expected);
    let body = br#"{"Errors":[{"Code":5601,"ErrorCode":"OfflineConversionNameInvalid"}]}"#;
    let response =
        Response::Answer { status: 400, retry_after: None, headers: Vec::new(), body: body.to_vec() };
    for (call, events) in calls {
        let outcomes = platform.read(call, &response, events.len(), NOW);
        let kept = |outcome: &Outcome| matches!(outcome, Outcome::Misconfigured { .. });
        assert!(outcomes.iter().all(kept), "they are kept without a search: {outcomes:?}");
    }
}

#[test]
fn the_endpoint_moves_every_address() {
    let mut settings = settings(format!("{NEEDED}offline = {{ {OFFLINE_NEEDED} }}").leak());
    settings.endpoint = Url::parse("http://127.0.0.1:9100").ok();
    let platform = configure(settings).expect("right settings");
    let check = |source: &str, expected: &str| {
        let lead =
            event(&format!(r#"{{"event":"Lead","event_id":"1","time":0,"source":"{source}",{CLICK}}}"#));
        let built = platform
            .build(&[Outgoing { event: &lead, site: "s", renamed: None, order_renamed: None }], UnixMs(0));
        assert_eq!(built.requests[0].request.url.as_str(), expected);
    };
    check("web", "http://127.0.0.1:9100/v1/187012345/events");
    check("crm", "http://127.0.0.1:9100/CampaignManagement/v13/OfflineConversions/Apply");
    let sign_in = platform.credentials().expect("a token is needed").request(None, NOW);
    assert_eq!(sign_in.url.as_str(), "http://127.0.0.1:9100/common/oauth2/v2.0/token");
}

#[test]
fn only_the_calls_of_the_tag_tell_of_fields_that_were_dropped() {
    let body =
        r#"{"eventsReceived":1,"error":{"details":[{"index":0,"propertyName":"em","isWarning":true}]}}"#;
    let response =
        Response::Answer { status: 200, retry_after: None, headers: Vec::new(), body: body.into() };
    for call in CALLS {
        let is_told = with_offline("").remark(call, &response).is_some();
        assert_eq!(is_told, matches!(call, EVENTS | PAGE_REVENUE), "{call}");
    }
}

proptest::proptest! {
    /// Whatever comes back, every event has its outcome.
    #[test]
    fn any_answer_settles_every_event(
        status in 100u16..600,
        body in proptest::prop_oneof![".{0,60}", "[\\[{\"PartialErrors\": 0-9,}\\]]{0,60}"],
        events in 0usize..5,
    ) {
        let platform = with_offline("");
        let response =
            Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into_bytes() };
        for call in CALLS {
            proptest::prop_assert_eq!(platform.read(call, &response, events, NOW).len(), events);
        }
    }
}

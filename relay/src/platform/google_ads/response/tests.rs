//! Every answer at once, and what it means for each event.

use super::*;

const NOW: UnixMs = UnixMs(1_795_435_200_000);

fn answer(status: u16, body: &str) -> Response {
    Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
}

fn outcomes(status: u16, body: &str, events: usize) -> Vec<Outcome> {
    read(&answer(status, body), events, false, NOW)
}

fn tags(status: u16, body: &str, events: usize) -> Vec<&'static str> {
    outcomes(status, body, events).iter().map(Outcome::tag).collect()
}

fn violation(field: &str, reason: &str) -> String {
    format!(
        r#"{{"error":{{"code":400,"status":"INVALID_ARGUMENT","message":"M","details":[
        {{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"R1"}},
        {{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[
            {{"field":"{field}","reason":"{reason}","description":"D"}}]}},
        {{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_ARGUMENT","domain":"x","metadata":{{}}}}]}}}}"#
    )
}

#[test]
fn the_events_at_fault_are_given_up_and_the_others_go_again() {
    let body = violation("events.events[1].event_source", "REQUIRED_FIELD_MISSING");
    assert_eq!(tags(400, &body, 3), ["split", "rejected", "split"]);
    assert_eq!(
        outcomes(400, &body, 2)[1],
        Outcome::Rejected {
            reason: "Google Ads: events.events[1].event_source: REQUIRED_FIELD_MISSING, D".into()
        }
    );
    assert_eq!(tags(400, &violation("events.events[9].x", "INVALID_FORMAT"), 2), ["split", "split"]);
    assert_eq!(tags(400, &violation("events", "TOO_MANY_EVENTS"), 2), ["split", "split"]);
    assert_eq!(tags(400, &violation("events", "SOME_NEW_REASON"), 1), ["rejected"]);
}

#[test]
fn faults_of_the_settings_hold_the_destination_and_say_what_to_do() {
    for (reason, advice) in CONFIGURATION {
        let outcomes = outcomes(400, &violation("events.events[0].x", reason), 2);
        let (words, of_action) = match &outcomes[..] {
            [Outcome::Unauthorized { reason: words }, _] => (words, false),
            [Outcome::Misconfigured { reason: words }, _] => (words, true),
            _ => panic!("{reason}"),
        };
        assert!(words.ends_with(advice) && words.contains(reason), "{words}");
        assert_eq!(of_action, OF_ONE_ACTION.contains(&reason), "{reason}: others go on or not");
    }
    let body = violation("events.events[1].event_source", "EVENT_SOURCE_AND_DESTINATION_MISMATCH");
    assert_eq!(tags(400, &body, 3), ["split", "misconfigured", "split"], "other sources may fit");
    let body = violation("destinations[0].operating_account", "SOME_NEW_REASON");
    assert_eq!(tags(400, &body, 1), ["unauthorized"]);
    let body = violation("destinations[0].product_destination_id", "SOME_NEW_REASON");
    assert_eq!(tags(400, &body, 1), ["misconfigured"]);
}

#[test]
fn each_status_means_what_google_says() {
    let check = |status: u16, name: &str, expected: &str| {
        let body = format!(r#"{{"error":{{"code":{status},"status":"{name}","message":"M","details":[]}}}}"#);
        assert_eq!(tags(status, &body, 2), [expected, expected], "{name}");
    };
    check(400, "INVALID_ARGUMENT", "split");
    check(401, "UNAUTHENTICATED", "unauthorized");
    check(403, "PERMISSION_DENIED", "unauthorized");
    check(404, "NOT_FOUND", "unauthorized");
    check(429, "RESOURCE_EXHAUSTED", "retry");
    check(500, "INTERNAL", "retry");
    check(503, "UNAVAILABLE", "retry");
    check(504, "DEADLINE_EXCEEDED", "retry");
    check(409, "ABORTED", "retry");
    check(499, "CANCELLED", "split");
}

#[test]
fn a_success_names_its_request() {
    assert_eq!(
        tags(200, r#"{"requestId":"R1","fieldWarnings":[{"field":"x"}],"new":1}"#, 2),
        ["delivered"; 2]
    );
    for body in ["{}", r#"{"requestId":""}"#, "", "[]", "<html>", r#"{"requestId":7}"#] {
        assert_eq!(tags(200, body, 2), ["retry"; 2], "{body}");
    }
    assert_eq!(read(&answer(200, "{}"), 1, true, NOW), [Outcome::Delivered], "validated only");
    assert_eq!(tags(502, "<html>", 1), ["retry"]);
    assert_eq!(tags(413, "", 2), ["split"; 2]);
    assert_eq!(request_id(&answer(200, r#"{"requestId":"R1"}"#)).as_deref(), Some("R1"));
    assert_eq!(request_id(&answer(400, r#"{"requestId":"R1"}"#)), None);
    assert_eq!(request_id(&Response::NoAnswer("late".into())), None);
}

#[test]
fn fields_that_google_warns_of_are_named_and_what_stood_there_is_not() {
    let check = |status, warnings: &str, expected: Option<&str>| {
        let body = format!(r#"{{"requestId":"R1","fieldWarnings":{warnings}}}"#);
        let expected = expected.map(|list| format!("Google Ads warns of fields of some events: {list}"));
        assert_eq!(remark(&answer(status, &body)), expected, "{warnings}");
        let tag = if status == 200 { "delivered" } else { "split" };
        assert_eq!(tags(status, &body, 2), [tag; 2], "{warnings}");
    };
    let of = |event: usize, field: &str, reason: &str| {
        format!(
            r#"{{"field":"events.events[{event}].{field}","reason":"{reason}","description":"jane@example.com is none"}}"#
        )
    };
    let long = "WARNING_REASON_CUSTOM_VARIABLE_NOT_FOUND";
    let several = [
        of(1, "custom_variables[0].variable", long),
        of(0, "cart_data", ""),
        of(7, "custom_variables[2].variable", long),
    ];
    let list = format!("cart_data, custom_variables.variable ({long})");
    check(200, &format!("[{}]", several.join(",")), Some(&list));
    for nothing in ["[]", "null", "{}", "[7]"] {
        check(200, nothing, None);
    }
    check(400, &format!("[{}]", of(0, "cart_data", "")), None);
    assert_eq!(remark(&Response::NoAnswer("late".into())), None);
}

#[test]
fn waits_are_as_long_as_google_asks() {
    let check = |details: &str, seconds: Option<u64>| {
        let body = format!(r#"{{"error":{{"status":"RESOURCE_EXHAUSTED","details":[{details}]}}}}"#);
        let Outcome::Retry { after, at_least, .. } = &outcomes(429, &body, 1)[0] else { panic!("retry") };
        assert_eq!(after.map(|after| after.as_secs()), seconds, "{details}");
        assert_eq!(at_least.as_secs(), 60);
    };
    check("", None);
    check(r#"{"retryDelay":"30s"}"#, Some(30));
    check(r#"{"retryDelay":"1.5s"}"#, Some(1));
    check(r#"{"retryDelay":"-1s"}"#, None);
    check(r#"{"reason":"RATE_LIMIT_EXCEEDED","metadata":{"quota_limit":"IngestPerMinutePerProject"}}"#, None);
    // Noon in UTC; the day ends at eight the next morning.
    check(r#"{"metadata":{"quota_limit":"IngestPerDayPerProject"}}"#, Some(20 * 3_600));
}

#[test]
fn reasons_hold_no_secret() {
    let body = r#"{"error":{"status":"UNAUTHENTICATED","message":"bad ya29.examplexamplexamplexamplexamplexample"}}"#;
    let words = format!("{:?}", outcomes(401, body, 1));
    assert!(!words.contains("xamplexample"), "{words}");
}

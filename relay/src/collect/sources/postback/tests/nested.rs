//! Bodies of JSON that tell of the conversion, of the buyer and of a device, each in an object of its own.

use super::*;

/// A postback by POST with this body.
fn posted(more: &str, body: &str) -> Reading {
    let none = HeaderMap::new();
    let target = "/v1/postback/net";
    source(more).read(&Inbound { source: "net", target, ..webhook(&none, body) }).expect("readable")
}

/// Transaction and currency, and what stands beside them.
fn check_beside(more: &str, members: &str, expected: &str) {
    let body = format!(r#"{{"transaction_id":"T7","currency":"USD",{members}}}"#);
    assert_eq!(summary(&posted(more, &body)), [expected], "{more} {body}");
}

#[test]
fn what_is_told_of_something_else_is_not_told_of_the_conversion() {
    for other in [
        r#""device":{"type":"mobile","event":"tap","status":"idle","time":"2020-01-01T00:00:00Z"}"#,
        r#""data":{"device":{"type":"mobile"}}"#,
        r#""customer":{"state":"rejected","status":"rejected"}"#,
        r#""price":null,"stock":{"delta":-3,"price":99,"total":7,"sum":1}"#,
        r#""offer":{"goal":"installs","rate":"80"}"#,
    ] {
        check_beside("", &format!(r#""payout":12.5,{other}"#), "Purchase 12.5 USD");
    }
    check_beside("", r#""cart":{"value":99,"amount":7},"company":{"revenue":1000000}"#, "Lead - USD");
    let someone = posted("", r#"{"txid":"T7","page":{"ref":"home"},"offer":{"external_id":"9"}}"#);
    assert_eq!(format!("{:?}", someone.events[0].draft.user), "RawUser(0 values)");
}

#[test]
fn a_word_that_means_one_thing_is_found_in_any_object() {
    check_beside("", r#""money":{"payout":12.5}"#, "Purchase 12.5 USD");
    check_beside("", r#""money":{"commission":5},"what":{"event_name":"Lead"}"#, "Lead 5 USD");
    check_beside("", r#""payout":5,"how":{"conversion_status":"rejected"}"#, "Refund - USD");
    let draft = posted("", &format!(r#"{{"txid":"T7","link":{{"tid":"{CLICK}"}}}}"#)).events.remove(0).draft;
    assert_eq!(draft.click_ids["atclid"].value, CLICK);
}

#[test]
fn an_object_around_the_conversion_is_as_good_as_none() {
    for wrapper in ["data", "conversion", "action", "payload", "postback", "Attributes", "transaction"] {
        check_beside(
            "",
            &format!(r#""{wrapper}":{{"amount":5,"type":"signup"}}"#),
            "CompleteRegistration 5 USD",
        );
        check_beside("", &format!(r#""{wrapper}":{{"value":5,"state":"rejected"}}"#), "Refund - USD");
        check_beside("", &format!(r#""{wrapper}":{{"value":5,"state":"CA"}}"#), "Purchase 5 USD");
    }
    let usual = r#""event":"conversion","data":{"payout":5,"status":"approved"}"#;
    check_beside("", usual, "Purchase 5 USD");
    check_beside("", r#""data":{"attributes":{"amount":5,"status":"rejected"}}"#, "Refund - USD");
    check_beside("", r#""amount":3,"data":{"amount":5}"#, "Purchase 3 USD");
}

#[test]
fn a_name_that_the_operator_or_the_preset_gives_is_found_in_any_object() {
    let device = r#""payout":5,"device":{"type":"mobile"}"#;
    check_beside("parameters = { event = 'type' }", device, "mobile 5 USD");
    check_beside("parameters = { event = 'device.type' }", device, "mobile 5 USD");
    check_beside(
        "parameters = { status = 'state' }",
        r#""payout":5,"how":{"state":"rejected"}"#,
        "Refund - USD",
    );
    let impact = "network = 'impact'\nvalue = 'sale_amount'";
    check_beside(impact, r#""payout":5,"details":{"amount":50}"#, "Purchase 50 USD");
}

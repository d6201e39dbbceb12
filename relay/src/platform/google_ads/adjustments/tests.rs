//! Every answer of the second call, row by row.

use super::*;

fn answer(status: u16, body: &str) -> Response {
    Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
}

fn error(name: &str, code: &str, row: Option<usize>) -> String {
    let index = row.map(|row| format!(r#","index":{row}"#)).unwrap_or_default();
    format!(
        r#"{{"errorCode":{{"{name}":"{code}"}},"message":"M","location":{{"fieldPathElements":[
            {{"fieldName":"conversion_adjustments"{index}}},{{"fieldName":"order_id"}}]}}}}"#
    )
}

fn partial(errors: &[String]) -> String {
    format!(
        r#"{{"partialFailureError":{{"code":3,"message":"M","details":[{{"@type":"GoogleAdsFailure","errors":[{}],"requestId":"r"}}]}},
            "results":[{{}},{{}},{{}}]}}"#,
        errors.join(",")
    )
}

fn tags(status: u16, body: &str, events: usize) -> Vec<&'static str> {
    read(&answer(status, body), events).iter().map(Outcome::tag).collect()
}

#[test]
fn times_are_written_as_the_ads_api_reads_them() {
    assert_eq!(ads_time(UnixMs(1_795_183_509_250)), "2026-11-20 14:05:09+00:00");
}

#[test]
fn failed_rows_are_told_from_those_that_were_taken() {
    const NAME: &str = "conversionAdjustmentUploadError";
    let body = partial(&[
        error(NAME, "CONVERSION_NOT_FOUND", Some(0)),
        error(NAME, "TOO_RECENT_CONVERSION", Some(2)),
        error(NAME, "CONVERSION_EXPIRED", Some(2)),
    ]);
    assert_eq!(tags(200, &body, 3), ["rejected", "delivered", "later"]);
    assert_eq!(
        tags(200, &partial(&[error(NAME, "CONVERSION_ALREADY_RETRACTED", Some(1))]), 3),
        ["delivered"; 3]
    );
    assert_eq!(tags(200, &partial(&[error(NAME, "CONVERSION_NOT_FOUND", None)]), 2), ["rejected"; 2]);
    assert_eq!(tags(200, &partial(&[error(NAME, "CONVERSION_NOT_FOUND", Some(7))]), 2), ["rejected"; 2]);
    assert_eq!(tags(200, &partial(&[error(NAME, "SOME_NEW_CODE", Some(0))]), 2), ["rejected", "delivered"]);
    assert_eq!(tags(200, &partial(&[]), 2), ["retry"; 2]);
}

#[test]
fn every_documented_code_has_its_class() {
    let check = |name, codes: &[&str], expected: &str| {
        for code in codes {
            assert_eq!(tags(200, &partial(&[error(name, code, Some(0))]), 1), [expected], "{code}");
        }
    };
    let name = "conversionAdjustmentUploadError";
    check(name, &["RESTATEMENT_ALREADY_EXISTS", "CONVERSION_ALREADY_ENHANCED"], "delivered");
    check(name, &["TOO_RECENT_CONVERSION", "TOO_RECENT_CONVERSION_ACTION"], "later");
    check(
        name,
        &[
            "CONVERSION_EXPIRED",
            "ADJUSTMENT_PRECEDES_CONVERSION",
            "MORE_RECENT_RESTATEMENT_FOUND",
            "TOO_MANY_ADJUSTMENTS",
            "MISSING_ORDER_ID_FOR_WEBPAGE",
        ],
        "rejected",
    );
    check(
        name,
        &[
            "NO_CONVERSION_ACTION_FOUND",
            "INVALID_CONVERSION_ACTION",
            "INVALID_CONVERSION_ACTION_TYPE",
            "CANNOT_RESTATE_CONVERSION_ACTION_THAT_ALWAYS_USES_DEFAULT_CONVERSION_VALUE",
        ],
        "misconfigured",
    );
    check(
        name,
        &[
            "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS",
            "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
            "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
        ],
        "unauthorized",
    );
    check("authorizationError", &["USER_PERMISSION_DENIED"], "unauthorized");
    check("authenticationError", &["OAUTH_TOKEN_EXPIRED"], "unauthorized");
    check("notAllowlistedError", &["CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"], "unauthorized");
    check("quotaError", &["RESOURCE_EXHAUSTED"], "retry");
    check("internalError", &["TRANSIENT_ERROR"], "retry");
}

#[test]
fn whole_requests_succeed_or_fail_by_status() {
    assert_eq!(tags(200, r#"{"results":[{"orderId":"1"}]}"#, 1), ["delivered"]);
    assert_eq!(tags(200, r#"{"partialFailureError":{"code":0},"results":[{}]}"#, 1), ["delivered"]);
    assert_eq!(tags(200, "{}", 1), ["retry"]);
    assert_eq!(tags(200, "<html>", 1), ["retry"]);
    let fault = |status: u16, name: &str| {
        tags(status, &format!(r#"{{"error":{{"code":{status},"status":"{name}","message":"M"}}}}"#), 2)
    };
    assert_eq!(fault(401, "UNAUTHENTICATED"), ["unauthorized"; 2]);
    assert_eq!(fault(403, "PERMISSION_DENIED"), ["unauthorized"; 2]);
    assert_eq!(fault(429, "RESOURCE_EXHAUSTED"), ["retry"; 2]);
    assert_eq!(fault(503, "UNAVAILABLE"), ["retry"; 2]);
    assert_eq!(fault(400, "INVALID_ARGUMENT"), ["split"; 2]);
    assert_eq!(tags(502, "", 1), ["retry"]);
}

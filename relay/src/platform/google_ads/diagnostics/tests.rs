//! Receipts, waits, and what every reason comes to.

use super::*;

const TAKEN: UnixMs = UnixMs(1_795_435_200_000);

fn diagnostics() -> Diagnostics {
    let address = Url::parse("https://datamanager.googleapis.com/v1/requestStatus:retrieve");
    Diagnostics { address: address.expect("an address"), quota_project: None, first_ms: FIRST_MS }
}

fn receipt(asked: u32) -> Receipt {
    Receipt { id: "R/1".into(), taken: TAKEN, asked, due: TAKEN }
}

fn answer(status: u16, body: &str) -> Response {
    Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
}

fn found(status: &str, counts: &[(&str, u64)], events: usize) -> Found {
    let counts: Vec<_> = counts
        .iter()
        .map(|(reason, n)| serde_json::json!({ "recordCount": n.to_string(), "reason": reason }))
        .collect();
    let body = serde_json::json!({ "requestStatusPerDestination": [
        { "destination": {}, "requestStatus": status, "errorInfo": { "errorCounts": counts },
          "eventsIngestionStatus": { "recordCount": events.to_string() } } ] });
    diagnostics().read(&receipt(0), events, &answer(200, &body.to_string()), TAKEN)
}

fn findings(status: &str, counts: &[(&str, u64)], events: usize) -> (Vec<(&'static str, u64)>, Fate) {
    let Found::Final(Findings { counts, fate }) = found(status, counts, events) else { panic!("final") };
    (counts.into_iter().map(|finding| (finding.reason, finding.events)).collect(), fate)
}

#[test]
fn a_taken_request_leaves_a_receipt() {
    let receipt = diagnostics().receipt(INGEST, &answer(200, r#"{"requestId":"R/1"}"#), TAKEN).expect("one");
    assert_eq!((receipt.due.since(TAKEN), receipt.asked), (30 * MINUTE_MS, 0));
    let request = diagnostics().request(&receipt);
    assert_eq!(
        (request.method, request.url.as_str()),
        ("GET", "https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=R%2F1")
    );
    assert!(request.needs_token());
    assert_eq!(
        diagnostics().receipt(super::super::ADJUST, &answer(200, r#"{"requestId":"R"}"#), TAKEN),
        None
    );
    assert_eq!(diagnostics().receipt(INGEST, &answer(503, ""), TAKEN), None);
}

#[test]
fn it_is_asked_ever_more_seldom_and_not_for_ever() {
    let mut now = TAKEN.plus(FIRST_MS);
    let mut hours = vec![0.5];
    for asked in 0.. {
        match diagnostics().read(&receipt(asked), 1, &answer(404, ""), now) {
            Found::NotYet { due } => now = due,
            Found::Final(findings) => {
                assert_eq!(findings.counts[0].reason, "unknown");
                break;
            }
        }
        hours.push(now.since(TAKEN) as f64 / HOUR_MS as f64);
    }
    assert_eq!(hours, [0.5, 1.5, 3.5, 7.5, 15.5, 23.5, 31.5, 39.5, 47.5, 55.5]);
}

#[test]
fn what_is_not_an_answer_is_waited_for() {
    for response in [
        answer(401, ""),
        answer(429, ""),
        answer(503, ""),
        answer(200, "<html>"),
        answer(200, "{}"),
        Response::NoAnswer("late".into()),
    ] {
        let found = diagnostics().read(&receipt(0), 1, &response, TAKEN);
        assert!(matches!(found, Found::NotYet { .. }), "{response:?}");
    }
    assert!(matches!(found("PROCESSING", &[], 3), Found::NotYet { .. }));
    assert!(matches!(found("REQUEST_STATUS_UNKNOWN", &[], 3), Found::NotYet { .. }));
    assert!(matches!(found("SOME_NEW_STATUS", &[], 3), Found::NotYet { .. }));
}

#[test]
fn counts_are_counted() {
    assert_eq!(findings("SUCCESS", &[], 3), (vec![("delivered", 3)], Fate::Settled));
    let some = [("PROCESSING_ERROR_REASON_INVALID_GCLID", 2), ("PROCESSING_ERROR_REASON_SOME_NEW", 1)];
    assert_eq!(
        findings("PARTIAL_SUCCESS", &some, 10),
        (vec![("delivered", 7), ("invalid_gclid", 2), ("other", 1)], Fate::Settled)
    );
}

#[test]
fn what_all_events_share_is_acted_upon() {
    let one = |reason: &str| findings("FAILED", &[(&format!("PROCESSING_ERROR_REASON_{reason}"), 1)], 1).1;
    for (google, name, class) in REASONS {
        let expected = match class {
            Class::Again(after) => Fate::Again { after, reason: format!("Google Ads, afterwards: {name}") },
            Class::Permanent | Class::Operator(_) => {
                Fate::Refused { reason: format!("Google Ads, afterwards: {name}") }
            }
            Class::Duplicate | Class::NoAd => Fate::Settled,
        };
        assert_eq!(one(google), expected, "{google}");
    }
    assert_eq!(
        findings("FAILED", &[], 2).1,
        Fate::Refused { reason: "Google Ads, afterwards: other".into() }
    );
    // Without the usual REASON in its name.
    let odd = [("PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER", 1)];
    assert_eq!(findings("FAILED", &odd, 1).0, [("operating_account_mismatch_for_ad_identifier", 1)]);
}

#[test]
fn one_event_worth_another_try_takes_its_whole_request_along() {
    let counts = [
        ("PROCESSING_ERROR_REASON_TOO_RECENT_CLICK", 1),
        ("PROCESSING_ERROR_REASON_INTERNAL_ERROR", 2),
        ("PROCESSING_ERROR_REASON_INVALID_GCLID", 1),
    ];
    let reason = "Google Ads, afterwards: too_recent_click, internal_error".to_owned();
    assert_eq!(findings("PARTIAL_SUCCESS", &counts, 9).1, Fate::Again { after: RECENT_CLICK, reason });
}

#[test]
fn remedies_are_told() {
    let found = found("PARTIAL_SUCCESS", &[("PROCESSING_ERROR_REASON_NO_CONSENT", 1)], 2);
    let Found::Final(findings) = found else { panic!("final") };
    let advice: Vec<bool> = findings.counts.iter().map(|finding| finding.advice.is_some()).collect();
    assert_eq!(advice, [false, true]);
}

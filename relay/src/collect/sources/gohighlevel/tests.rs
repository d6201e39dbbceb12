//! The signature, the location, and which delivery is which event. Whole ones are recorded in `tests/sources/gohighlevel`.

use super::super::settings::tests::settings;
use super::super::testing::{NOW, headers, summary, webhook};
use super::*;

/// A key of these tests, not HighLevel's, made by `openssl genpkey -algorithm ed25519`.
const KEY: &str = "MCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
/// What `openssl pkeyutl -sign -rawin` made with it of [`BODY`].
const SIGNED: &str =
    "lpI0XnWgvTQUPzuxqwje//mzLm+sGcYS2cq+JBt77t9Bnp+28AL5nhm3l0QW9RrPgAjQ5rYzKC06uTTNU+XvDw==";
const BODY: &str = r#"{"type":"ContactCreate","webhookId":"wh_1","timestamp":"2026-11-23T00:00:00.000Z"}"#;

fn source(more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("location = 'loc1'\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

fn signed(more: &str, sent: &str, body: &str) -> Result<(), Denied> {
    let headers = headers(&[("x-ghl-signature", sent)]);
    source(&format!("public_key = '{KEY}'\n{more}")).authenticate(&webhook(&headers, body))
}

#[test]
fn the_signature_is_of_highlevels_key() {
    let wrong = Err(Denied::WrongSignature { key: "public_key" });
    // Genuine, but it says of no location that it is its.
    assert_eq!(signed("", SIGNED, BODY), Err(Denied::Stranger { key: "location" }));
    assert_eq!(signed("", SIGNED, "{}"), wrong);
    assert_eq!(signed("", &SIGNED.replace("lpI0", "lpI1"), BODY), wrong);
    for sent in ["", "N/A", "AAAA"] {
        assert_eq!(signed("token = 't'", sent, BODY), wrong, "a token does not mend a bad signature");
    }
    let headers = headers(&[("x-ghl-signature", SIGNED)]);
    assert_eq!(source("").authenticate(&webhook(&headers, BODY)), wrong, "HighLevel's key is another");
}

#[test]
fn without_a_signature_a_token_is_needed() {
    let bearing = headers(&[("authorization", "Bearer made-up")]);
    let request = webhook(&bearing, "{}");
    assert_eq!(source("").authenticate(&request), Err(Denied::Unsigned { header: SIGNATURE }));
    assert_eq!(source("token = 'made-up'").authenticate(&request), Ok(()));
    let wrong = Err(Denied::WrongHeader { header: "Authorization", key: "token" });
    assert_eq!(source("token = 'other'").authenticate(&request), wrong);
    let legacy = headers(&[("x-wh-signature", "AAAA")]);
    assert_eq!(source("").authenticate(&webhook(&legacy, BODY)), Err(Denied::Unsigned { header: SIGNATURE }));
}

/// Signed with the test key by `openssl pkeyutl -sign -rawin`, apart from this code.
#[test]
fn a_signed_delivery_is_of_one_location_and_of_today() {
    let body =
        r#"{"type":"ContactCreate","locationId":"loc1","id":"c1","timestamp":"2026-11-23T11:00:00.000Z"}"#;
    let headers = headers(&[("x-ghl-signature", OF_LOC1)]);
    let at = |hours: i64| Inbound { now: NOW.plus(hours * HOUR_MS), ..webhook(&headers, body) };
    let ours = source(&format!("public_key = '{OTHER_KEY}'"));
    assert_eq!(ours.authenticate(&at(0)), Ok(()));
    assert_eq!(ours.authenticate(&at(1)), Ok(()));
    assert_eq!(ours.authenticate(&at(2)), Err(Denied::Stale { seconds: 3 * 3600 }));
    let text: &'static str = format!("location = 'loc2'\npublic_key = '{OTHER_KEY}'").leak();
    let other = configure(settings(text)).expect("right settings");
    assert_eq!(other.authenticate(&at(0)), Err(Denied::Stranger { key: "location" }));
}

const OTHER_KEY: &str = "MCowBQYDK2VwAyEATIabrkh5LCalf3MKqTdC6Dwlg/ALQKVo49kbha/T8kY=";
const OF_LOC1: &str =
    "V7GuETWtu0oY2qPM4ogC572A6sNujssBJBDR+W9lXyBVnXntCURviPFELmzb1s6BRCfJ/aPVWftYeBfmoUYFAw==";

fn read(more: &str, body: &str) -> Reading {
    let none = headers(&[]);
    source(more).read(&webhook(&none, body)).expect("readable")
}

#[track_caller]
fn check(more: &str, body: &str, expected: &[&str]) {
    assert_eq!(summary(&read(more, body)), expected, "{more} {body}");
}

fn app(kind: &str, rest: &str) -> String {
    format!(r#"{{"type":"{kind}","locationId":"loc1",{rest}}}"#)
}

const UNMAPPED: &str = "no event is set for this stage or type; see `events`";

#[test]
fn an_opportunity_counts_by_its_status_or_stage() {
    let deal = |status: &str| {
        format!(
            r#""id":"o1","contactId":"c1","monetaryValue":500,"status":"{status}","pipelineStageId":"s7""#
        )
    };
    check("", &app("OpportunityStatusUpdate", &deal("won")), &["Purchase 500 -"]);
    check("currency = 'USD'", &app("OpportunityStatusUpdate", &deal("won")), &["Purchase 500 USD"]);
    check("", &app("OpportunityStatusUpdate", &deal("lost")), &[UNMAPPED]);
    check("", &app("OpportunityStageUpdate", &deal("won")), &[UNMAPPED]);
    check(
        "events = { s7 = 'SubmitApplication' }",
        &app("OpportunityStageUpdate", &deal("open")),
        &["SubmitApplication 500 -"],
    );
    check("", &app("OpportunityCreate", &deal("won")), &["Purchase 500 -"]);
    check("", &app("OpportunityMonetaryValueUpdate", &deal("won")), &[UNMAPPED]);
    let reading = read("", &app("OpportunityStatusUpdate", &deal("won")));
    let draft = &reading.events[0].draft;
    assert_eq!(draft.event_id.as_deref(), Some("Purchase-gohighlevel-loc1-o1"));
    assert_eq!(draft.tokens["gohighlevel_contact"], "c1");
}

#[test]
fn contacts_bookings_and_payments_have_shapes_of_their_own() {
    let contact = r#""id":"c1","email":"jane@example.com","firstName":"Jane","customFields":[{"id":"f1","value":"v-1"},{"id":"f2","value":["a"]}]"#;
    let reading = read("fields = { f1 = 'visitor_id' }", &app("ContactCreate", contact));
    assert_eq!(summary(&reading), ["Lead - -"]);
    assert_eq!(reading.events[0].draft.visitor_id.as_deref(), Some("v-1"));
    assert_eq!(reading.events[0].draft.tokens["gohighlevel_contact"], "c1");
    check("", &app("ContactUpdate", contact), &[UNMAPPED]);
    let booking = r#""appointment":{"id":"a1","contactId":"c1","dateAdded":"2026-11-23T11:00:00Z"}"#;
    check("", &app("AppointmentCreate", booking), &["Schedule - -"]);
    let paid = "events = { InvoicePaid = 'Purchase', OrderStatusUpdate = 'Purchase' }";
    let invoice = r#""_id":"i1","amountPaid":59.9,"currency":"EUR","liveMode":true,"contactDetails":{"id":"c1","email":"jane@example.com"}"#;
    check(paid, &app("InvoicePaid", invoice), &["Purchase 59.9 EUR"]);
    let test = app("InvoicePaid", &invoice.replace("true", "false"));
    check(paid, &test, &["an invoice or order of test mode"]);
    check(&format!("test_orders = true\n{paid}"), &test, &["Purchase 59.9 EUR"]);
    let order = r#""_id":"r1","amount":100,"currency":"USD","status":"completed","contactSnapshot":{"email":"jane@example.com"}"#;
    check(paid, &app("OrderStatusUpdate", order), &["Purchase 100 USD"]);
    check(
        paid,
        &app("OrderStatusUpdate", &order.replace("completed", "pending")),
        &["the order is not completed"],
    );
}

#[test]
fn a_workflow_says_what_it_is_about() {
    let contact = r#""contact_id":"c1","full_name":"Jane Lovelace","email":"jane@example.com""#;
    check("", &format!("{{{contact}}}"), &["Lead - -"]);
    let deal = format!(
        r#"{{{contact},"id":"o1","opportunity_name":"x","status":"won","lead_value":"500","pipleline_stage":"Closed"}}"#
    );
    check("currency = 'USD'", &deal, &["Purchase 500 USD"]);
    check("events = { closed = 'Subscribe' }", &deal, &["Subscribe 500 -"]);
    check("", &format!(r#"{{{contact},"calendar":{{"appointmentId":"a1"}}}}"#), &["Schedule - -"]);
    check("", &format!(r#"{{{contact},"customData":{{"event":"Contact"}}}}"#), &["Contact - -"]);
    let called = read("", &format!(r#"{{{contact},"customData":{{"event":"+12025550123"}}}}"#));
    assert_eq!((called.events.len(), called.refused.len()), (0, 1), "no name of an event");
    assert_eq!(read("", r#"{"email":"jane@example.com"}"#).refused.len(), 1);
    let from_ad = format!(
        r#"{{{contact},"Ad click":"Cj0-x","customData":{{"at_vid":"v-1"}},"contact":{{"attributionSource":{{"url":"https://shop.example/?fbclid=IwAR_x","utmSource":"ads","gbraid":null}}}}}}"#
    );
    let reading = read("fields = { 'Ad click' = 'gclid' }", &from_ad);
    let draft = &reading.events[0].draft;
    assert_eq!(draft.click_ids.keys().collect::<Vec<_>>(), ["fbclid", "gclid"]);
    assert_eq!(draft.visitor_id.as_deref(), Some("v-1"));
    assert_eq!(draft.campaign.as_ref().and_then(|campaign| campaign.source.as_deref()), Some("ads"));
    assert_eq!(format!("{:?}", draft.user), "RawUser(3 values)");
}

#[test]
fn a_full_store_is_said_in_the_one_way_that_is_tried_again() {
    let answer = source("").answer(&Settled::CannotStore { seconds: 30 });
    assert_eq!((answer.status, answer.retry_after), (StatusCode::TOO_MANY_REQUESTS, Some(30)));
    assert_eq!(source("").answer(&Settled::Refused), Answer::done());
}

#[test]
fn settings_that_cannot_be_are_named() {
    for (text, words) in [
        ("location = ' '", "`location`"),
        ("location = 'l'\ntoken = ''", "`token`"),
        ("location = 'l'\npublic_key = 'abc'", "`public_key`"),
    ] {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
    }
}

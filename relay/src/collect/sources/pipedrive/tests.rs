//! The login, and which change is which event. Whole deliveries are recorded in `tests/sources/pipedrive`.

use shared::UnixMs;

use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook};
use super::*;

fn source(more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("user = 'relay'\npassword = 'made-up'\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

#[test]
fn the_password_is_demanded() {
    let wrong = Err(Denied::WrongHeader { header: "Authorization", key: "password" });
    // printf 'relay:made-up' | base64
    for (line, expected) in [
        ("Basic cmVsYXk6bWFkZS11cA==", Ok(())),
        ("Basic cmVsYXk6bWFkZS11cB==", wrong.clone()),
        ("Bearer made-up", wrong.clone()),
    ] {
        let headers = headers(&[("authorization", line)]);
        assert_eq!(source("").authenticate(&webhook(&headers, "{}")), expected, "{line}");
    }
    let none = headers(&[]);
    assert_eq!(source("").authenticate(&webhook(&none, "{}")), wrong);
}

fn read(more: &str, body: &str) -> Reading {
    let none = headers(&[]);
    source(more).read(&webhook(&none, body)).expect("readable")
}

fn v2(action: &str, data: &str, previous: &str) -> String {
    format!(
        r#"{{"meta":{{"action":"{action}","entity":"deal","company_id":3,"timestamp":"2026-11-23T11:59:00Z","version":"2.0"}},
            "data":{{"id":9,"value":5000,"currency":"EUR",{data}}},"previous":{previous}}}"#
    )
}

#[track_caller]
fn check(more: &str, body: &str, expected: &[&str]) {
    assert_eq!(summary(&read(more, body)), expected, "{more} {body}");
}

const UNMAPPED: &str = "no event is set for this change; see `events`";

#[test]
fn a_deal_counts_when_it_comes_to_a_stage() {
    let won = r#""status":"won","stage_id":7"#;
    check("", &v2("change", won, r#"{"status":"open"}"#), &["Purchase 5000 EUR"]);
    check("", &v2("create", won, "null"), &["Purchase 5000 EUR"]);
    // A won deal is renamed.
    check("", &v2("change", won, r#"{"title":"x"}"#), &[UNMAPPED]);
    check("", &v2("change", won, r#"{"status":"won"}"#), &[UNMAPPED]);
    check("", &v2("change", r#""status":"lost""#, r#"{"status":"open"}"#), &[UNMAPPED]);
    check(
        "",
        &v2("delete", won, r#"{"status":"open"}"#),
        &["nothing comes from a record that is deleted or merged"],
    );
    let stages = "events = { won = 'Purchase', 7 = 'SubmitApplication', 'deal.create' = 'Lead' }";
    check(stages, &v2("change", won, r#"{"stage_id":6}"#), &["SubmitApplication 5000 EUR"]);
    check(
        stages,
        &v2("create", won, "null"),
        &["Purchase 5000 EUR", "SubmitApplication 5000 EUR", "Lead 5000 EUR"],
    );
    let one = "events = { won = 'Purchase', 7 = 'Purchase' }";
    check(one, &v2("create", won, "null"), &["Purchase 5000 EUR"]);
}

#[test]
fn the_older_payload_is_read_as_well() {
    let v1 = |before: &str| {
        format!(
            r#"{{"v":1,"event":"updated.deal","retry":0,"meta":{{"v":1,"action":"updated","object":"deal","id":9,"company_id":3,
                "timestamp":1795435140}},"current":{{"id":9,"status":"won","value":59.9,"currency":"USD","person_id":4,
                "won_time":"2026-11-23 11:58:00"}},"previous":{{"id":9,"status":"{before}","value":59.9}}}}"#
        )
    };
    check("", &v1("open"), &["Purchase 59.9 USD"]);
    check("", &v1("won"), &[UNMAPPED]);
    let reading = read("", &v1("open"));
    let draft = &reading.events[0].draft;
    assert_eq!(draft.event_id.as_deref(), Some("Purchase-pipedrive-3-deal-9"));
    assert_eq!(draft.time, UnixMs::parse_rfc3339("2026-11-23T11:58:00Z"));
    assert_eq!(draft.tokens["pipedrive_person"], "3-4");
}

#[test]
fn a_person_is_who_it_says() {
    let person = r#"{"meta":{"action":"create","entity":"person","company_id":3,"timestamp":1795435140},
        "data":{"id":4,"first_name":"Jane","last_name":"Lovelace","emails":[{"value":"jane@example.com"},{"value":"j@example.com"}],
        "phones":[{"value":"+12025550123"}],"custom_fields":{"5f3c":{"type":"varchar","value":"v-1"},"77aa":"Cj0-x","00":null}}}"#;
    let reading = read("fields = { 5f3c = 'visitor_id', 77aa = 'gclid' }", person);
    let draft = &reading.events[0].draft;
    assert_eq!(draft.event_id.as_deref(), Some("Lead-pipedrive-3-person-4"));
    assert_eq!(format!("{:?}", draft.user), "RawUser(5 values)");
    assert_eq!(draft.visitor_id.as_deref(), Some("v-1"));
    assert_eq!(draft.click_ids.len(), 1);
    assert_eq!(draft.tokens["pipedrive_person"], "3-4");
}

/// It counts once; each time it is heard it ties what the person was given to the visitor.
#[test]
fn a_change_of_a_person_is_heard_where_it_is_named() {
    let person = r#"{"meta":{"action":"change","entity":"person","company_id":3},"data":{"id":4,
        "emails":[{"value":"jane@example.com"}],"custom_fields":{"5f3c":{"type":"varchar","value":"v-1"}}},"previous":{"emails":[]}}"#;
    check("", person, &[UNMAPPED]);
    let named = "events = { 'person.change' = 'Contact' }\nfields = { 5f3c = 'visitor_id' }";
    let draft = read(named, person).events.remove(0).draft;
    assert_eq!(draft.event_id.as_deref(), Some("Contact-pipedrive-3-person-4"));
    assert_eq!(
        (draft.visitor_id.as_deref(), draft.tokens["pipedrive_person"].as_str()),
        (Some("v-1"), "3-4")
    );
}

#[test]
fn a_lead_has_amount_and_currency_in_one() {
    let lead = r#"{"meta":{"action":"create","entity":"lead","company_id":3},"data":{"id":"adf21080-0e10-11eb-879b-05d71fb426ec",
        "value":{"amount":999,"currency":"USD"},"person_id":4}}"#;
    check("events = { 'lead.create' = 'Lead' }", lead, &["Lead 999 USD"]);
}

#[test]
fn what_cannot_be_used_says_why() {
    assert!(source("").read(&webhook(&headers(&[]), "{}")).is_err());
    let nameless = r#"{"meta":{"action":"create","entity":"person"},"data":{}}"#;
    assert_eq!(read("", nameless).refused, ["no id of the record, so a repeat would count again"]);
    for (text, words) in [
        ("user = 'a:b'\npassword = 'x'", "`user`"),
        ("user = ' '\npassword = 'x'", "`user`"),
        ("user = 'a'\npassword = ' '", "`password`"),
    ] {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
    }
}

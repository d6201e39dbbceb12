//! The signatures, the stages and what a record may look like. Whole deliveries are recorded in `tests/sources/hubspot`.

use http::Method;
use shared::time::DAY_MS;

use super::super::settings::tests::settings;
use super::super::take::{Proof, take};
use super::super::testing::{NOW, headers, summary, webhook};
use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{Incoming, Store};

/// Computed apart from this code, with `openssl dgst -sha256 -hmac hs_client_secret -binary | base64` over
/// `POST`, the address, the body and the time.
const SIGNED: &str = "36/JK9smPPEO3ZXuJqI7W3wQUae5fe4g+9pmCUs/yE0=";
const BODY: &str = r#"[{"eventId":1}]"#;
const AT: i64 = 1_795_420_800_000;

fn source(more: &str) -> Box<dyn Source> {
    let text: &'static str = format!("secret = 'hs_client_secret'\n{more}").leak();
    configure(settings(text)).expect("right settings")
}

fn authenticate(sent: &str, time: &str, target: &str, body: &str, now: i64) -> Result<(), Denied> {
    let headers = headers(&[("x-hubspot-signature-v3", sent), ("x-hubspot-request-timestamp", time)]);
    let request =
        Inbound { now: UnixMs(now), origin: "https://relay.example.com", target, ..webhook(&headers, body) };
    source("").authenticate(&request)
}

const TARGET: &str = "/in/hubspot?acct=7";

#[test]
fn the_signature_is_over_method_address_body_and_time() {
    let wrong = Err(Denied::WrongSignature { key: "secret" });
    let time = AT.to_string();
    assert_eq!(authenticate(SIGNED, &time, TARGET, BODY, AT), Ok(()));
    // Of the escapes only those of HubSpot's list are taken back.
    assert_eq!(authenticate(SIGNED, &time, "%2fin%2Fhubspot%3Facct=7", BODY, AT), Ok(()));
    assert_eq!(authenticate(SIGNED, &time, "/in/hubspot?acct%3D7", BODY, AT), wrong);
    assert_eq!(authenticate(SIGNED, &time, "/in/hubspot/?acct=7", BODY, AT), wrong);
    assert_eq!(authenticate(SIGNED, &time, TARGET, "[]", AT), wrong);
    assert_eq!(authenticate(SIGNED, &(AT + 1).to_string(), TARGET, BODY, AT), wrong);
    assert_eq!(authenticate("", &time, TARGET, BODY, AT), wrong);
    let (none, get) = (headers(&[]), Method::GET);
    assert_eq!(source("").authenticate(&webhook(&none, BODY)), Err(Denied::Unsigned { header: V3 }));
    let headers = headers(&[("x-hubspot-signature-v3", SIGNED), ("x-hubspot-request-timestamp", &time)]);
    let request = webhook(&headers, BODY);
    let request = Inbound { method: &get, origin: "https://relay.example.com", target: TARGET, ..request };
    assert_eq!(source("").authenticate(&request), wrong);
}

#[test]
fn an_old_signature_is_a_replay() {
    for (now, expected) in [
        (AT + 300_000, Ok(())),
        (AT - 300_000, Ok(())),
        (AT + 301_000, Err(Denied::Stale { seconds: 301 })),
        (AT - 301_000, Err(Denied::Stale { seconds: 301 })),
    ] {
        assert_eq!(authenticate(SIGNED, &AT.to_string(), TARGET, BODY, now), expected);
    }
}

/// Computed with `printf %s 'hs_client_secretPOSThttps://…?acct=7[{"eventId":1}]' | sha256sum`.
#[test]
fn the_older_signature_counts_only_if_it_is_asked_for() {
    let hex = "fd0b65997bc32809965d57c07fcf924eb900b5512251e72530e292fa40b8273a";
    let headers = headers(&[("x-hubspot-signature", hex), ("x-hubspot-signature-version", "v2")]);
    let request = Inbound { origin: "https://relay.example.com", target: TARGET, ..webhook(&headers, BODY) };
    assert_eq!(source("").authenticate(&request), Err(Denied::Unsigned { header: V3 }));
    let older = source("signature = 'v2'");
    assert_eq!(older.authenticate(&request), Ok(()));
    let changed = Inbound { body: b"[]", ..request };
    assert_eq!(older.authenticate(&changed), Err(Denied::WrongSignature { key: "secret" }));
}

#[test]
fn escapes_outside_the_list_stay() {
    for (text, expected) in [
        ("/a%3Ab%2f%40%21%24%27%28%29%2A%2C%3B%3f", "/a:b/@!$'()*,;?"),
        ("/a%20b%C3%A9%25", "/a%20b%C3%A9%25"),
        ("/a%", "/a%"),
        ("/a%3", "/a%3"),
        ("/a%é", "/a%é"),
    ] {
        assert_eq!(decoded(text), expected);
    }
}

fn read(more: &str, body: &str) -> Reading {
    let none = headers(&[]);
    source(more).read(&webhook(&none, body)).expect("readable")
}

#[track_caller]
fn check(more: &str, body: &str, expected: &[&str]) {
    assert_eq!(summary(&read(more, body)), expected, "{more} {body}");
}

#[test]
fn a_workflow_reports_the_stage_of_its_record() {
    let deal = r#"{"hs_object_id":"9","dealstage":"closedwon","amount":"59.90","deal_currency_code":"EUR"}"#;
    check("", deal, &["Purchase 59.9 EUR"]);
    check("currency = 'USD'", deal, &["Purchase 59.9 EUR"]);
    check("", &deal.replace("deal_currency_code", "x"), &["Purchase 59.9 -"]);
    check("currency = 'USD'", &deal.replace("deal_currency_code", "x"), &["Purchase 59.9 USD"]);
    check("", &deal.replace("closedwon", "closedlost"), &[record::UNMAPPED]);
    check("events = { closedlost = 'Lost' }", &deal.replace("closedwon", "ClosedLost"), &["Lost 59.9 EUR"]);
    check("", &format!(r#"{{"objectId":9,"properties":{deal}}}"#), &["Purchase 59.9 EUR"]);
    let wrapped =
        r#"{"vid":7,"properties":{"email":{"value":"jane@example.com"},"lifecyclestage":{"value":"lead"}}}"#;
    check("events = { lead = 'Lead' }", wrapped, &["Lead - -"]);
    check("", r#"{"vid":7,"email":"jane@example.com"}"#, &["Lead - -"]);
    check("", r#"{"vid":7,"event":"Schedule"}"#, &["Schedule - -"]);
    check(
        "stages = ['hs_lead_status']\nevents = { OPEN = 'Contact' }",
        r#"{"vid":7,"hs_lead_status":"OPEN"}"#,
        &["Contact - -"],
    );
}

#[test]
fn a_record_that_cannot_be_used_says_why() {
    assert_eq!(
        read("", r#"{"dealstage":"closedwon"}"#).refused,
        ["no objectId, so a repeat would count again"]
    );
    assert_eq!(read("", r#"{"vid":7,"event":"jane@example.com"}"#).refused.len(), 1, "no name of an event");
    let odd = r#"{"hs_object_id":"9","dealstage":"closedwon","amount":"a lot"}"#;
    assert_eq!(read("", odd).refused.len(), 1);
    assert!(source("").read(&webhook(&headers(&[]), "vid=7")).is_err());
}

#[test]
fn a_batch_is_read_event_by_event() {
    let change = |id: &str, value: &str| {
        format!(
            r#"{{"subscriptionType":"deal.propertyChange","portalId":1,{id}"propertyName":"dealstage","propertyValue":"{value}","occurredAt":1795420800000}}"#
        )
    };
    let batch = [
        change("\"objectId\":9,", "closedwon"),
        change("", "closedwon"),
        change("\"objectId\":8,", "closedlost"),
        "7".to_owned(),
        r#"{"subscriptionType":"object.creation","objectTypeId":"0-1","objectId":5}"#.to_owned(),
        r#"{"subscriptionType":"contact.propertyChange","objectId":5,"propertyName":"email","propertyValue":"jane@example.com"}"#.to_owned(),
    ];
    let reading = read("", &format!("[{}]", batch.join(",")));
    let ids: Vec<_> = reading.events.iter().filter_map(|found| found.draft.event_id.as_deref()).collect();
    assert_eq!(ids, ["Purchase-hubspot-deal-9", "Lead-hubspot-contact-5"]);
    assert_eq!(reading.refused.len(), 1);
    assert_eq!(reading.events[0].draft.time, Some(UnixMs(1_795_420_800_000)));
}

/// An app's webhook tells one property at a time, and one delivery often several of the same object.
#[test]
fn what_a_delivery_tells_of_an_object_goes_with_its_event() {
    let change = |object: &str, id: u8, property: &str, value: &str| {
        format!(
            r#"{{"subscriptionType":"{object}.propertyChange","objectId":{id},"propertyName":"{property}","propertyValue":"{value}"}}"#
        )
    };
    let batch = [
        r#"{"subscriptionType":"contact.creation","objectId":5}"#.to_owned(),
        change("contact", 5, "email", "jane@example.com"),
        change("contact", 5, "at_vid", "v-1"),
        change("contact", 5, "hs_google_click_id", "Cj0-x"),
        // Of another contact, and of a deal with the same number.
        change("contact", 6, "ad", "IwAR_x"),
        change("deal", 5, "amount", "59.90"),
        change("deal", 5, "dealstage", "closedwon"),
        change("deal", 5, "order", "88"),
        r#"{"subscriptionType":"contact.creation","objectId":7}"#.to_owned(),
    ];
    let more = "currency = 'EUR'\nfields = { ad = 'fbclid', order = 'order_id' }";
    let reading = read(more, &format!("[{}]", batch.join(",")));
    assert_eq!(summary(&reading), ["Lead - -", "Purchase 59.9 EUR", "Lead - -"]);
    let ids: Vec<_> = reading.events.iter().filter_map(|found| found.draft.event_id.as_deref()).collect();
    assert_eq!(ids, ["Lead-hubspot-contact-5", "Purchase-hubspot-deal-5", "Lead-hubspot-contact-7"]);
    assert_eq!(reading.events[1].draft.properties.order_id.as_deref(), Some("88"));
    let visitors = reading.events.iter().map(|found| found.draft.visitor_id.as_deref());
    assert_eq!(visitors.collect::<Vec<_>>(), [Some("v-1"), None, None]);
    let clicks = reading.events.iter().map(|found| found.draft.click_ids.keys().cloned().collect::<Vec<_>>());
    assert_eq!(clicks.collect::<Vec<_>>(), [vec!["gclid".to_owned()], vec![], vec![]]);
    let named = reading.events.iter().map(|found| !found.draft.user.is_empty());
    assert_eq!(named.collect::<Vec<_>>(), [true, false, false]);
}

/// Of several changes of one property the latest counts, wherever in the list it stands.
#[test]
fn the_latest_value_of_a_property_counts() {
    let check = |amounts: &[(&str, &str)], expected: &str| {
        let change = |property: &str, value: &str, at: &str| {
            format!(
                r#"{{"subscriptionType":"deal.propertyChange","objectId":9,"propertyName":"{property}","propertyValue":"{value}"{at}}}"#
            )
        };
        let mut batch = vec![change("dealstage", "closedwon", r#","occurredAt":1795420800000"#)];
        for (value, at) in amounts {
            let at = if at.is_empty() { String::new() } else { format!(r#","occurredAt":{at}"#) };
            batch.push(change("amount", value, &at));
        }
        let reading = read("currency = 'EUR'", &format!("[{}]", batch.join(",")));
        assert_eq!(summary(&reading), [expected], "{amounts:?}");
    };
    check(&[("100", "1795420700000"), ("200", "1795420800000")], "Purchase 200 EUR");
    check(&[("200", "1795420800000"), ("100", "1795420700000")], "Purchase 200 EUR");
    check(&[("100", "1795420800000"), ("200", "1795420800000")], "Purchase 200 EUR");
    check(&[("100", ""), ("200", "")], "Purchase 200 EUR");
    check(&[("200", "1795420800000"), ("100", "")], "Purchase 200 EUR");
}

#[test]
fn a_change_by_itself_is_heard_where_it_is_named() {
    let change = |property: &str, value: &str| {
        format!(
            r#"{{"subscriptionType":"contact.propertyChange","objectId":5,"propertyName":"{property}","propertyValue":"{value}"}}"#
        )
    };
    let batch = format!("[{},{}]", change("email", "jane@example.com"), change("at_vid", "v-1"));
    assert_eq!(summary(&read("", &batch)), [record::UNMAPPED]);
    let more = "events = { 'contact.propertyChange' = 'Known', lead = 'Lead' }";
    let reading = read(more, &batch);
    assert_eq!(summary(&reading), ["Known - -"], "once for a contact");
    let draft = &reading.events[0].draft;
    assert_eq!((draft.visitor_id.as_deref(), draft.user.is_empty()), (Some("v-1"), false));
    assert_eq!(draft.event_id.as_deref(), Some("Known-hubspot-contact-5"));
    let staged = read(more, &format!("[{}]", change("lifecyclestage", "lead")));
    assert_eq!(summary(&staged), ["Lead - -"], "a stage says more");
}

#[test]
fn the_first_page_of_a_contact_says_when_its_click_was() {
    let at = 1_795_400_000_000_i64;
    let page = "https://shop.example/?gclid=Cj0-x&utm_source=ads";
    let check = |more: &str, expected: i64| {
        let contact = format!(r#"{{"vid":7,"hs_analytics_first_url":"{page}"{more}}}"#);
        let reading = read("", &contact);
        let draft = &reading.events[0].draft;
        assert_eq!(draft.click_ids["gclid"].seen_at, Some(UnixMs(expected)), "{more}");
        let campaign = draft.campaign.as_ref().expect("a campaign");
        assert_eq!(
            (campaign.source.as_deref(), campaign.is_of_some_time()),
            (Some("ads"), !more.contains("time"))
        );
    };
    check("", 0);
    check(&format!(r#","hs_analytics_first_timestamp":"{at}""#), at);
    check(r#","hs_analytics_first_timestamp":"2026-11-23T02:13:20Z""#, at);
    // What HubSpot keeps of ads is the same click, or another of which nobody says when it was.
    check(&format!(r#","hs_analytics_first_timestamp":{at},"hs_google_click_id":"Cj0-x""#), at);
    check(&format!(r#","hs_analytics_first_timestamp":{at},"hs_google_click_id":"Cj0-y""#), 0);
}

#[test]
fn what_visitors_brought_along_is_found() {
    let contact = r#"{"vid":7,"portal-id":1,"at_vid":"v-1","hs_google_click_id":"Cj0-x","campaign_click":"IwAR_x","order":"88"}"#;
    let reading = read("fields = { campaign_click = 'fbclid', order = 'order_id' }", contact);
    let draft = &reading.events[0].draft;
    assert_eq!(draft.visitor_id.as_deref(), Some("v-1"));
    assert_eq!(draft.click_ids.keys().collect::<Vec<_>>(), ["fbclid", "gclid"]);
    assert_eq!(draft.event_id.as_deref(), Some("Lead-88"), "an order id goes before");
    assert_eq!(draft.tokens["hubspot_contact"], "7");
}

/// The body is the one of the documentation, which names no portal; an app's webhook always does.
#[test]
fn a_deal_of_a_workflow_and_of_an_app_is_one() {
    let workflow = r#"{"hs_object_id":"9","dealstage":"closedwon","amount":"59.90","deal_currency_code":"EUR","email":"jane@example.com"}"#;
    let app = r#"[{"subscriptionType":"deal.propertyChange","portalId":62515,"objectId":9,"propertyName":"dealstage","propertyValue":"closedwon"}]"#;
    let generic = r#"[{"subscriptionType":"object.propertyChange","objectTypeId":"0-3","portalId":62515,"objectId":9,"propertyName":"dealstage","propertyValue":"closedwon"}]"#;
    let with_portal = workflow.replace("{", r#"{"portalId":62515,"#);
    for body in [workflow, app, generic, &with_portal] {
        let reading = read("", body);
        let draft = &reading.events[0].draft;
        assert_eq!(draft.event_id.as_deref(), Some("Purchase-hubspot-deal-9"), "{body}");
        assert_eq!(draft.tokens["hubspot_deal"], "9", "{body}");
    }
}

#[test]
fn records_of_different_kinds_with_one_number_stay_apart() {
    let created = |kind: &str| {
        format!(r#"{{"subscriptionType":"object.creation","objectTypeId":"{kind}","objectId":5}}"#)
    };
    let batch: Vec<String> = ["0-1", "0-3", "2-17", "2-18", "x"].into_iter().map(created).collect();
    let more = "events = { 'contact.creation' = 'Lead', 'deal.creation' = 'Lead', '2-17.creation' = 'Lead', \
                '2-18.creation' = 'Lead', 'object.creation' = 'Lead' }";
    let reading = read(more, &format!("[{}]", batch.join(",")));
    let ids: Vec<_> = reading.events.iter().filter_map(|found| found.draft.event_id.as_deref()).collect();
    let kinds = ["contact", "deal", "2-17", "2-18", "object"].map(|kind| format!("Lead-hubspot-{kind}-5"));
    assert_eq!(ids, kinds);
    // A record of an account's own kind is no contact, though it may name one.
    let own =
        read("", r#"{"hs_object_id":5,"objectTypeId":"2-17","event":"Schedule","associated_contact_id":7}"#);
    let draft = &own.events[0].draft;
    assert_eq!(draft.event_id.as_deref(), Some("Schedule-hubspot-2-17-5"));
    assert_eq!((draft.tokens["hubspot_2-17"].as_str(), draft.tokens["hubspot_contact"].as_str()), ("5", "7"));
}

#[test]
fn settings_that_cannot_be_are_named() {
    for (text, words) in [
        ("secret = ' '", "`secret`"),
        ("secret = 's'\nsignature = 'v1'", "`v3`"),
        ("secret = 's'\nevents = { won = '' }", "name of an event"),
        ("secret = 's'\nfields = { a = 'b' }", "no field of ours"),
        ("secret = 's'\ncurrency = 'euro'", "ISO 4217"),
    ] {
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// The click is forty days old when the deal is won; only the e-mail address leads from one to the other.
#[tokio::test]
async fn a_deal_won_weeks_later_finds_its_click() {
    let landed = NOW.plus(-40 * DAY_MS).0;
    let store = MemoryStore::new(crate::pipeline::decide);
    let keep = async |received: UnixMs, event: shared::Event| {
        let incoming = Incoming { site: "shop".into(), received, event: event.into() };
        store.append(vec![incoming]).await.expect("stored");
    };
    for json in [
        format!(
            r#"{{"event":"PageView","event_id":"1","time":{landed},"visitor_id":"v-1","page":{{"url":"https://shop.example/?gclid=Cj0-x"}}}}"#
        ),
        format!(
            r#"{{"event":"Lead","event_id":"2","time":{landed},"visitor_id":"v-1","user":{{"email":"jane@example.com"}}}}"#
        ),
    ] {
        keep(UnixMs(landed), crate::testing::event(&json)).await;
    }
    let won = r#"{"hs_object_id":"9","dealstage":"closedwon","amount":"59.90","deal_currency_code":"EUR","email":"Jane@Example.com"}"#;
    let source = crate::config::Source {
        name: "hubspot".to_owned(),
        site: "shop".into(),
        kind_name: "hubspot",
        door: Door::Webhook,
        source: source("").into(),
        dedup_days: 30,
    };
    let none = headers(&[]);
    let taken = take(&source, None, &webhook(&none, won), Proof::Waived).expect("taken");
    for event in taken.events {
        keep(NOW, event).await;
    }
    let log = store.read(0, 10).await.expect("readable");
    let purchase = &log.last().expect("an event").event;
    assert_eq!((purchase.event.as_str(), purchase.visitor_id.as_deref()), ("Purchase", Some("v-1")));
    let click = &purchase.click_ids["gclid"];
    assert_eq!((click.value.as_str(), click.seen_at), ("Cj0-x", Some(UnixMs(landed))));
}

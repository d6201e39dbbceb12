//! How events find their clicks, by histories of a few events.

use super::*;
use crate::store::Incoming;
use crate::store::memory::MemoryStore;
use crate::store::{Seq, Store};
use crate::testing::event;

/// Stores the events one after another and gives back the last one as the log holds it.
fn last_of(events: &[&str]) -> Event {
    let store = MemoryStore::new(crate::pipeline::decide);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for json in events {
            let incoming =
                Incoming { site: "shop".into(), received: UnixMs(2_000_000), event: event(json).into() };
            store.append(vec![incoming]).await.expect("stored");
        }
        let logged = store.read(0 as Seq, 100).await.expect("readable");
        (*logged.last().expect("an event").event).clone()
    })
}

fn fbclid(event: &Event) -> Option<&str> {
    event.click_ids.get("fbclid").map(|id| id.value.as_str())
}

const LANDING: &str = r#"{"event":"PageView","event_id":"1","time":1000000,"visitor_id":"v1",
    "page":{"url":"https://shop.example/?fbclid=IwAR_click"}}"#;

#[test]
fn a_later_event_gets_the_visitors_click() {
    let purchase = r#"{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1"}"#;
    let stitched = last_of(&[LANDING, purchase]);
    assert_eq!(fbclid(&stitched), Some("IwAR_click"));
    assert_eq!(stitched.click_ids["fbclid"].seen_at, Some(UnixMs(1_000_000)));
}

#[test]
fn an_order_or_an_email_leads_back_to_the_visitor() {
    let identified = r#"{"event":"Lead","event_id":"2","time":1200000,"visitor_id":"v1",
        "user":{"email":"jane@example.com"},"properties":{"order_id":"88"}}"#;
    let by_email = r#"{"event":"DealWon","event_id":"3","time":1500000,"source":"crm","user":{"email":"JANE@example.com "}}"#;
    let by_order =
        r#"{"event":"Shipped","event_id":"3","time":1500000,"source":"crm","properties":{"order_id":"88"}}"#;
    for server_event in [by_email, by_order] {
        let stitched = last_of(&[LANDING, identified, server_event]);
        assert_eq!(fbclid(&stitched), Some("IwAR_click"), "{server_event}");
        assert_eq!(stitched.visitor_id.as_deref(), Some("v1"));
    }
}

#[test]
fn a_token_of_another_system_leads_back_too() {
    let checkout = r#"{"event":"InitiateCheckout","event_id":"2","time":1200000,"visitor_id":"v1",
        "properties":{"checkout_token":"c7"}}"#;
    let purchase = r#"{"event":"Purchase","event_id":"3","time":1500000,"source":"server",
        "tokens":{"checkout_token":"c7","stripe_customer":"cus_1"},"properties":{"order_id":"88"}}"#;
    let stitched = last_of(&[LANDING, checkout, purchase]);
    assert_eq!((fbclid(&stitched), stitched.visitor_id.as_deref()), (Some("IwAR_click"), Some("v1")));
    // What the purchase was known by leads there as well from now on.
    for known_by in [r#""tokens":{"stripe_customer":"cus_1"}"#, r#""properties":{"order_id":"88"}"#] {
        let refund =
            format!(r#"{{"event":"Refund","event_id":"4","time":1600000,"source":"server",{known_by}}}"#);
        assert_eq!(
            fbclid(&last_of(&[LANDING, checkout, purchase, &refund])),
            Some("IwAR_click"),
            "{known_by}"
        );
    }
}

#[test]
fn a_person_found_by_an_order_is_not_tied_to_its_visitor() {
    let checkout =
        r#"{"event":"Lead","event_id":"2","time":1200000,"visitor_id":"v1","properties":{"order_id":"88"}}"#;
    let gift = r#"{"event":"Shipped","event_id":"3","time":1500000,"source":"server",
        "user":{"email":"jane@example.com"},"properties":{"order_id":"88"}}"#;
    let later = r#"{"event":"DealWon","event_id":"4","time":1600000,"source":"crm","user":{"email":"jane@example.com"}}"#;
    assert_eq!(fbclid(&last_of(&[LANDING, checkout, gift])), Some("IwAR_click"));
    assert_eq!(last_of(&[LANDING, checkout, gift, later]).visitor_id, None);
}

#[test]
fn a_denial_holds_for_what_the_server_reports_later() {
    let identified = r#"{"event":"Lead","event_id":"2","time":1200000,"visitor_id":"v1","user":{"email":"jane@example.com"}}"#;
    let denial = r#"{"event":"PageView","event_id":"3","time":1300000,"visitor_id":"v1",
        "consent":{"ad_storage":"denied","ad_user_data":"denied"}}"#;
    for from_server in [
        r#"{"event":"Purchase","event_id":"4","time":1500000,"visitor_id":"v1"}"#,
        r#"{"event":"Purchase","event_id":"4","time":1500000,"user":{"email":"jane@example.com"}}"#,
    ] {
        let stitched = last_of(&[LANDING, identified, denial, from_server]);
        assert_eq!(fbclid(&stitched), None, "{from_server}");
        assert!(is_denied(&stitched.consent) && stitched.user.is_empty(), "{from_server}");
    }
    let granted = denial.replace("denied", "granted").replace("\"3\"", "\"5\"");
    let purchase = r#"{"event":"Purchase","event_id":"6","time":1500000,"visitor_id":"v1"}"#;
    assert!(
        !is_denied(&last_of(&[LANDING, denial, &granted, purchase]).consent),
        "a later consent holds as well"
    );
}

#[test]
fn an_answer_for_one_purpose_leaves_the_others_as_they_were() {
    let denied = r#""consent":{"ad_storage":"denied","ad_user_data":"denied","ad_personalization":"denied"}"#;
    let landing = format!(r#"{{"event":"PageView","event_id":"1","time":1000,"visitor_id":"v",{denied}}}"#);
    let later = r#"{"event":"Lead","event_id":"3","time":3000,"source":"crm","visitor_id":"v"}"#;
    let check = |answer: &str, expected: &str| {
        let said = format!(
            r#"{{"event":"Lead","event_id":"2","time":2000,"source":"crm","visitor_id":"v","consent":{{{answer}}}}}"#
        );
        // Of the event that says it, and of one that says nothing after it.
        for events in [&[landing.as_str(), &said][..], &[landing.as_str(), &said, later]] {
            let consent = serde_json::to_string(&last_of(events).consent).expect("plain");
            assert_eq!(consent, format!("{{{expected}}}"), "{answer}");
        }
    };
    check(
        r#""ad_personalization":"granted""#,
        r#""ad_storage":"denied","ad_user_data":"denied","ad_personalization":"granted""#,
    );
    check(
        r#""ad_user_data":"granted""#,
        r#""ad_storage":"denied","ad_user_data":"granted","ad_personalization":"denied""#,
    );
    let all = r#""ad_storage":"granted","ad_user_data":"granted","ad_personalization":"granted""#;
    check(all, all);
}

#[test]
fn a_purchase_from_the_server_gets_the_visitors_client() {
    let landing = LANDING.replace(
        "\"visitor_id\"",
        "\"context\":{\"ip\":\"203.0.113.9\",\"user_agent\":\"M\"},\"visitor_id\"",
    );
    for source in ["web", "server"] {
        let purchase = format!(
            r#"{{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1","source":"{source}"}}"#
        );
        let stitched = last_of(&[&landing, &purchase]);
        assert_eq!(stitched.context.ip.as_deref(), Some("203.0.113.9"), "{source}");
        assert!(stitched.page.url.is_some(), "{source}");
    }
}

#[test]
fn an_address_many_share_leads_nowhere() {
    let mut events = vec![LANDING.to_owned()];
    for visitor in 1..=MOST_VISITORS + 1 {
        events.push(format!(
            r#"{{"event":"Lead","event_id":"l{visitor}","time":1200000,"visitor_id":"v{visitor}","user":{{"email":"info@shop.example"}}}}"#
        ));
    }
    events.push(
        r#"{"event":"DealWon","event_id":"w","time":1500000,"user":{"email":"info@shop.example"}}"#
            .to_owned(),
    );
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(last_of(&events).visitor_id, None);
}

#[test]
fn without_consent_nothing_is_remembered_or_lent() {
    let denied = LANDING.replace("\"visitor_id\"", "\"consent\":{\"ad_storage\":\"denied\"},\"visitor_id\"");
    let purchase = r#"{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1"}"#;
    assert_eq!(fbclid(&last_of(&[&denied, purchase])), None);
    let denied_purchase = r#"{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1","consent":{"ad_storage":"denied"}}"#;
    assert_eq!(fbclid(&last_of(&[LANDING, denied_purchase])), None);
}

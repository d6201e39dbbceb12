//! The tag's rules on a page made of plain fields: what is remembered, sent, held and deleted, and when.

mod fake_page;

use fake_page::{FIRST_ID, FakePage, NEXT_ID, NOW, call, start};
use serde_json::{Value, json};
use shared::Event;
use shared::identity::{Field, Raw};
use shared::{Signal, UserData};
use tag::event::Call;
use tag::tag::Tag;

/// Tracks one event, flushes, and gives the last one sent.
fn track_and_flush(tag: &mut Tag<FakePage>, page: &FakePage, what: &Call<'_>, person: &Value) -> Value {
    assert!(tag.track(what, &[person]));
    tag.flush();
    page.0.borrow().sent.last().expect("an event was sent").clone()
}

#[test]
fn what_the_tag_writes_the_relay_reads() {
    let page = FakePage::default();
    page.0.borrow_mut().cookies = "a=b; _fbp=fb.1.1795183000000.42; _ga=GA1.1.1.2; session=secret".to_owned();
    let mut tag = start(&page, false);
    let purchase = Call {
        order_id: "88121",
        url: "https://shop.example/thanks?email=ada@example.com&x=\"1\"",
        referrer: "https://search.example/",
        title: "Thank \\ you",
        properties: r#"{"value":59.9,"currency":"EUR","order_id":"88121","items":[{"id":"7","quantity":2}]}"#,
        ..call("Purchase", "")
    };
    let sent = track_and_flush(&mut tag, &page, &purchase, &json!({"email": " Ada@Example.com "}));
    let event: Event = serde_json::from_value(sent.clone()).expect("shared reads it");
    assert_eq!(event.event, "Purchase");
    assert_eq!(event.event_id, "Purchase-88121");
    assert_eq!(event.time.0, 1_795_183_509_123);
    assert_eq!(event.visitor_id.as_deref(), Some(FIRST_ID));
    assert_eq!(event.page.title.as_deref(), Some("Thank \\ you"));
    assert_eq!(event.page.referrer.as_deref(), Some("https://search.example/"));
    assert_eq!(event.properties.value, Some(59.9));
    assert_eq!(event.properties.items[0].quantity, Some(2.0));
    assert_eq!(event.click_ids["fbclid"].value, "IwAR0a_B-c");
    assert_eq!(event.click_ids["fbclid"].seen_at.map(|time| time.0), Some(1_795_183_509_123));
    assert_eq!(event.click_ids["gclid"].value, "Cj0KCQ");
    let campaign = event.campaign.expect("a campaign");
    assert_eq!(campaign.source.as_deref(), Some("news"));
    assert_eq!(campaign.name.as_deref(), Some("spring"));
    assert_eq!(event.cookies.keys().collect::<Vec<_>>(), ["_fbp", "_ga"]);
    assert_eq!(event.cookies["_fbp"], "fb.1.1795183000000.42");
    assert!(event.user.has(Field::Email));
    assert!(!sent.to_string().to_lowercase().contains("ada@example.com"), "{sent}");
}

#[test]
fn hashed_data_is_what_user_data_would_write() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    let person = json!({
        "email": ["Ada.L+x@Gmail.com", "nobody"],
        "phone": "020 7946 0123",
        "first_name": "Dr. Ada",
        "last_name": "O'Neill",
        "gender": "female",
        "birth_date": "1990-04-23",
        "street": "1 Main St.",
        "city": "São Paulo",
        "region": "California",
        "postal_code": "SW1A 1AA",
        "external_id": "User-7",
    });
    let mut expected = UserData::default();
    for field in Field::ALL {
        let texts = match &person[field.name()] {
            Value::String(text) => vec![text.clone()],
            Value::Array(list) => list.iter().map(|v| v.as_str().expect("text").to_owned()).collect(),
            _ => Vec::new(),
        };
        for text in texts {
            let raw = Raw::new(&text);
            expected.add_raw(field, &raw, Some("GB"));
            expected.clear.add_raw(field, &raw);
        }
    }
    let sent = track_and_flush(&mut tag, &page, &call("Lead", "1"), &person);
    assert_eq!(sent["user"], serde_json::to_value(&expected).expect("writable"));
}

#[test]
fn a_persons_country_decides_how_the_phone_reads_and_stands_in_clear() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    let person = json!({"phone": "(202) 555-0123", "country": "United States"});
    let sent = track_and_flush(&mut tag, &page, &call("Lead", "1"), &person);
    let mut expected = UserData::default();
    expected.add_raw(Field::Phone, &Raw::new("+12025550123"), None);
    assert_eq!(sent["user"]["phone"], serde_json::to_value(&expected).expect("writable")["phone"]);
    assert_eq!(sent["user"]["clear"]["country"], "US");
}

#[test]
fn who_was_identified_is_known_on_later_events_and_pages() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    tag.identify(&json!({"email": "ada@example.com"}));
    let first = track_and_flush(&mut tag, &page, &call("Lead", "1"), &json!({}));
    let mut next_page = Tag::start(page.clone(), "https://shop.example/next", NOW, NEXT_ID, "", false);
    next_page.identify(&json!({"first_name": "Ada"}));
    let second = track_and_flush(&mut next_page, &page, &call("Lead", "2"), &json!({}));
    assert_eq!(second["user"]["email"], first["user"]["email"]);
    assert!(second["user"]["first_name"].is_array());
    assert!(!format!("{:?}", page.0.borrow().kept).to_lowercase().contains("ada@"));
}

#[test]
fn an_events_own_user_does_not_outlive_it() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    let with = track_and_flush(&mut tag, &page, &call("Lead", "1"), &json!({"email": "ada@example.com"}));
    let without = track_and_flush(&mut tag, &page, &call("Lead", "2"), &json!({}));
    assert!(with["user"]["email"].is_array());
    assert_eq!(without.get("user"), None);
}

#[test]
fn the_next_page_knows_the_visitor_and_the_click() {
    let page = FakePage::default();
    start(&page, false);
    let mut next = Tag::start(page.clone(), "https://shop.example/cart", "1795183600000", NEXT_ID, "", false);
    let sent = track_and_flush(&mut next, &page, &call("AddToCart", "1"), &json!({}));
    assert_eq!(sent["visitor_id"], FIRST_ID);
    assert_eq!(sent["click_ids"]["fbclid"], json!({"value": "IwAR0a_B-c", "seen_at": 1_795_183_509_123_i64}));
    assert_eq!(sent["campaign"], json!({"source": "news", "name": "spring"}));
}

#[test]
fn a_visitor_id_that_is_none_is_replaced() {
    let page = FakePage::default();
    page.0.borrow_mut().kept.insert("_at_vid", "not an id".to_owned());
    assert_eq!(start(&page, false).visitor_id(), FIRST_ID);
}

#[test]
fn denied_storage_costs_the_memory_and_no_event() {
    let page = FakePage::default();
    page.0.borrow_mut().storage_denied = true;
    page.0.borrow_mut().offline = true;
    let mut tag = start(&page, false);
    tag.identify(&json!({"email": "ada@example.com"}));
    assert!(tag.track(&call("Lead", "1"), &[]));
    tag.flush();
    page.0.borrow_mut().offline = false;
    tag.flush();
    let state = page.0.borrow();
    assert_eq!(state.sent.len(), 1);
    assert_eq!(state.sent[0]["visitor_id"], FIRST_ID);
    assert!(state.sent[0]["user"]["email"].is_array());
}

#[test]
fn nothing_is_stored_or_sent_before_a_required_consent() {
    let page = FakePage::default();
    let mut tag = start(&page, true);
    tag.identify(&json!({"email": "ada@example.com"}));
    assert!(tag.track(&call("PageView", "1"), &[]));
    tag.consent("g--");
    tag.flush();
    assert!(page.0.borrow().kept.is_empty() && page.0.borrow().sent.is_empty(), "half a consent is none");
    assert_eq!(tag.click_id("token"), "");
    tag.consent("-g-");
    tag.flush();
    let sent = page.0.borrow().sent[0].clone();
    let event: Event = serde_json::from_value(sent).expect("shared reads it");
    assert_eq!(event.click_ids["fbclid"].value, "IwAR0a_B-c");
    assert!(event.user.has(Field::Email));
    assert_eq!(event.consent.ad_user_data, Some(Signal::Granted));
    assert_eq!(event.consent.ad_personalization, None);
    assert_eq!(page.0.borrow().kept["_at_c"], "gg-");
    assert!(!start(&page, true).visitor_id().is_empty(), "the next page remembers the consent");
}

#[test]
fn a_denial_deletes_and_stops_and_a_later_consent_starts_anew() {
    for letters in ["d--", "-d-", "dd-", "ddg"] {
        let page = FakePage::default();
        let mut tag = start(&page, false);
        tag.identify(&json!({"email": "ada@example.com"}));
        assert!(tag.track(&call("Lead", "1"), &[]));
        tag.consent(letters);
        assert!(!tag.track(&call("Lead", "2"), &[]));
        tag.flush();
        tag.put_back("{}\n");
        let kept: Vec<&str> = page.0.borrow().kept.keys().copied().collect();
        assert_eq!(kept, ["_at_c"], "{letters}: the answer, and nothing about the visitor");
        assert!(page.0.borrow().sent.is_empty(), "{letters}");
        let mut next = start(&page, false);
        assert!(!next.track(&call("Lead", "4"), &[]), "{letters}: the next page remembers the denial");
        tag.consent("gg-");
        let sent = track_and_flush(&mut tag, &page, &call("Lead", "3"), &json!({}));
        assert_eq!(sent["event_id"], "3");
        assert_eq!(sent["click_ids"]["gclid"]["value"], "Cj0KCQ", "the landing is still this page's");
        assert_eq!(sent.get("user"), None);
    }
}

#[test]
fn personalization_alone_stops_nothing() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    tag.consent("--d");
    let sent = track_and_flush(&mut tag, &page, &call("Lead", "1"), &json!({}));
    assert_eq!(sent["consent"], json!({"ad_personalization": "denied"}));
}

#[test]
fn offline_events_wait_and_keep_their_ids() {
    let page = FakePage::default();
    page.0.borrow_mut().offline = true;
    let mut tag = start(&page, false);
    for id in ["1", "2"] {
        assert!(tag.track(&call("Lead", id), &[]));
        tag.flush();
    }
    assert!(page.0.borrow().sent.is_empty());
    page.0.borrow_mut().offline = false;
    let mut next = Tag::start(page.clone(), "https://shop.example/", NOW, NEXT_ID, "", false);
    assert!(next.track(&call("Lead", "3"), &[]));
    next.flush();
    let state = page.0.borrow();
    let ids: Vec<_> = state.sent.iter().map(|event| event["event_id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(state.bodies, 1);
    assert!(!state.kept.contains_key("_at_q"));
}

#[test]
fn what_comes_back_is_sent_with_the_next_flush() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    let sent = track_and_flush(&mut tag, &page, &call("Lead", "1"), &json!({}));
    tag.put_back(&format!("{sent}\n"));
    tag.flush();
    assert_eq!(page.0.borrow().sent, [sent.clone(), sent]);
}

#[test]
fn only_the_newest_hundred_wait() {
    let page = FakePage::default();
    page.0.borrow_mut().offline = true;
    let mut tag = start(&page, false);
    for number in 0..130 {
        assert!(tag.track(&call("Lead", &number.to_string()), &[]));
        if number % 7 == 0 {
            tag.flush();
        }
    }
    page.0.borrow_mut().offline = false;
    tag.flush();
    let state = page.0.borrow();
    assert_eq!(state.sent.len(), 100);
    assert_eq!((&state.sent[0]["event_id"], &state.sent[99]["event_id"]), (&json!("30"), &json!("129")));
}

#[test]
fn the_click_token_is_minted_once_and_travels_with_events() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    assert_eq!(tag.click_id("token1"), "token1");
    assert_eq!(tag.click_id("token2"), "token1");
    let sent = track_and_flush(&mut tag, &page, &call("Lead", "1"), &json!({}));
    assert_eq!(sent["click_ids"]["atclid"]["value"], "token1");
}

#[test]
fn a_reset_forgets_everything_and_begins_a_new_visitor() {
    let page = FakePage::default();
    let mut tag = start(&page, false);
    tag.identify(&json!({"email": "ada@example.com"}));
    tag.reset(NEXT_ID);
    let sent = track_and_flush(&mut tag, &page, &call("Lead", "1"), &json!({}));
    assert_eq!(sent["visitor_id"], NEXT_ID);
    assert_eq!((&sent["click_ids"], sent.get("user")), (&json!({}), None));
}

#[test]
fn an_event_without_a_name_is_none() {
    let page = FakePage::default();
    assert!(!start(&page, false).track(&call("", "1"), &[]));
}

#[test]
fn ids_follow_the_vectors_that_the_loader_is_tested_by() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("event_ids.json")).expect("the vectors are JSON");
    for vector in &vectors {
        let (name, order) =
            (vector["name"].as_str().expect("a name"), vector["order_id"].as_str().expect("text"));
        let expected = vector["id"].as_str();
        assert_eq!(shared::event_id::derive(name, order).as_deref(), expected, "shared: {vector}");
        let page = FakePage::default();
        let mut tag = start(&page, false);
        let what = Call { order_id: order, ..call(name, "") };
        let sent = track_and_flush(&mut tag, &page, &what, &json!({}));
        assert_eq!(sent.get("event_id").and_then(Value::as_str), expected, "tag: {vector}");
    }
    assert!(vectors.iter().any(|vector| vector["id"].is_null()));
}

#[test]
fn the_loader_drops_exactly_the_names_that_identify_takes() {
    let script = include_str!("../js/clean.js");
    let names = Field::ALL.map(Field::name).join("|");
    assert!(script.contains(&format!("/^({names})$/")), "clean.js must list {names}");
}

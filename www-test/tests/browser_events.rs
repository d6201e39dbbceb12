//! What becomes of single events: order, identity, memory, duplicates, consent. Each test names the events it expects
//! and those it refutes, and waits for a closing event before it refutes anything.

use serde_json::json;
use www_test::stage::Stage;

#[tokio::test]
async fn calls_made_before_the_tag_is_there_arrive_in_order_with_the_ids_they_returned() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/early").await;
    let ids = stage.browser.eval("return window.__ids").await.unwrap();
    let delivered = stage.settled("meta").await;
    let names = ["First", "Second", "Third", "Fourth", "Fifth"];
    let early: Vec<_> = delivered.iter().filter(|event| names.contains(&event.name.as_str())).collect();
    assert_eq!(early.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), names);
    assert_eq!(json!(early.iter().map(|event| &event.event_id).collect::<Vec<_>>()), ids);
    let purchase = delivered.iter().find(|event| event.name == "Purchase").unwrap();
    assert_eq!(purchase.event_id, "Purchase-E-1001");
    let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    assert_eq!(purchase.at("/user_data/em"), &json!([hash]), "the identity given before it belongs to it");
    assert!(early.iter().all(|event| event.at("/user_data/em").is_null()), "and to nothing earlier");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn an_order_has_the_same_id_from_the_stub_the_tag_and_the_relay() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/early").await;
    let stub = stage.browser.text("window.__orderId").await.unwrap();
    let tag = stage
        .browser
        .text("anytrack.track('Purchase', { value: 12.5, currency: 'EUR', order_id: 'E-1001' })")
        .await
        .unwrap();
    stage.settled("meta").await;
    let answer = stage.from_server(&json!({ "event": "Purchase", "properties": { "order_id": "E-1001", "value": 12.5, "currency": "EUR" } })).await;
    assert_eq!((stub.as_str(), tag.as_str()), ("Purchase-E-1001", "Purchase-E-1001"));
    assert_eq!(answer["duplicates"], 1, "the server's report of the same order is the same event: {answer}");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_purchase_in_two_tabs_and_from_the_server_counts_once() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    let buy = "return anytrack.track('Purchase', { value: 20, currency: 'EUR', order_id: 'T-7' })";
    let first = stage.browser.eval(buy).await.unwrap();
    stage.browser.new_tab().await.unwrap();
    stage.visit("/case/plain").await;
    let second = stage.browser.eval(buy).await.unwrap();
    stage.from_server(&json!({ "event": "Purchase", "properties": { "order_id": "T-7", "value": 20, "currency": "EUR" } })).await;
    assert_eq!(first, second);
    for platform in ["meta", "webhook"] {
        let purchases =
            stage.settled(platform).await.into_iter().filter(|event| event.name == "Purchase").count();
        assert_eq!(purchases, 1, "{platform}");
    }
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_click_is_remembered_on_later_pages() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?fbclid=Landing-Click_1&gclid=Google-Click_1&ttclid=TikTok-Click_1").await;
    stage.visit("/case/plain").await;
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    let at_meta = stage.settled("meta").await;
    let lead = at_meta.iter().find(|event| event.name == "Lead").unwrap();
    assert!(lead.at("/user_data/fbc").as_str().unwrap().ends_with(".Landing-Click_1"), "{lead:?}");
    let at_webhook = stage.settled("webhook").await;
    let lead = at_webhook.iter().find(|event| event.name == "Lead").unwrap();
    for (parameter, value) in
        [("fbclid", "Landing-Click_1"), ("gclid", "Google-Click_1"), ("ttclid", "TikTok-Click_1")]
    {
        assert_eq!(lead.at(&format!("/click_ids/{parameter}/value")), value);
    }
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn every_page_view_is_reported_once_by_itself() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?n=1").await;
    stage.visit("/case/plain?n=2").await;
    stage.browser.eval("history.pushState({}, '', '/case/plain?n=3')").await.unwrap();
    let delivered = stage.settled("meta").await;
    let views = delivered.iter().filter(|event| event.name == "PageView");
    let pages: Vec<_> =
        views.map(|event| event.at("/event_source_url").as_str().unwrap_or_default().to_owned()).collect();
    let expected = ["/case/plain?n=1", "/case/plain?n=2", "/case/plain?n=3"].map(|path| stage.shop.url(path));
    assert_eq!(pages, expected);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_denial_stops_everything_until_it_is_taken_back() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    stage.consent("denied").await;
    stage.browser.eval("anytrack.track('Hidden', { value: 1, currency: 'EUR' })").await.unwrap();
    stage.consent("granted").await;
    stage.browser.eval("anytrack.track('Shown', { value: 1, currency: 'EUR' })").await.unwrap();
    for platform in ["meta", "webhook"] {
        let names: Vec<_> = stage.settled(platform).await.into_iter().map(|event| event.name).collect();
        assert!(names.contains(&"Shown".to_owned()), "{platform}: {names:?}");
        assert!(!names.contains(&"Hidden".to_owned()), "{platform}: {names:?}");
    }
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn reset_makes_a_new_visitor_and_forgets_the_old_ones_identity() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?fbclid=Old-Click_1").await;
    stage.browser.eval("anytrack.identify({ email: 'first.buyer@shop.example' })").await.unwrap();
    let before = stage.browser.text("anytrack.visitorId()").await.unwrap();
    stage.browser.eval("anytrack.reset()").await.unwrap();
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    let after = stage.browser.text("anytrack.visitorId()").await.unwrap();
    assert_ne!(before, after);
    let delivered = stage.settled("meta").await;
    let lead = delivered.iter().find(|event| event.name == "Lead").unwrap();
    assert!(lead.at("/user_data/em").is_null(), "{lead:?}");
    stage.strike().await.unwrap();
}

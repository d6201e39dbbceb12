//! Pages that make it hard: policies, denied storage, arguments no sane page would pass. The page is never broken,
//! and what can be sent is sent.

use serde_json::json;
use www_test::stage::Stage;

#[tokio::test]
async fn the_documented_policy_is_enough() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/csp-allows-wasm").await;
    stage
        .browser
        .eval("anytrack.identify({ email: 'first.buyer@shop.example' }); anytrack.track('Lead')")
        .await
        .unwrap();
    let lead = stage.wait_for("meta", "Lead").await;
    let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    assert_eq!(lead.at("/user_data/em"), &json!([hash]));
    assert_eq!(stage.browser.eval("return window.__violations").await.unwrap(), json!([]));
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn where_wasm_is_forbidden_the_fallback_reads_the_click_and_hashes() {
    let stage = Stage::set().await.unwrap();
    stage.browser.goto(&stage.shop.url("/case/csp-forbids-wasm?ttclid=Landing-Click_2")).await.unwrap();
    let person = "{ email: ' First.Buyer@shop.example', phone: '+44 20 7946 0958', last_name: 'Lovelace' }";
    stage.browser.eval(&format!("anytrack.identify({person})")).await.unwrap();
    let id = stage
        .browser
        .text("anytrack.track('Purchase', { value: 5, currency: 'EUR', order_id: 'C-1' })")
        .await
        .unwrap();
    assert_eq!(id, "Purchase-C-1");
    let purchase = stage.wait_for("webhook", "Purchase").await;
    assert_eq!(purchase.event_id, id);
    assert_eq!(purchase.at("/click_ids/ttclid/value"), "Landing-Click_2");
    let at_meta = stage.wait_for("meta", "Purchase").await;
    let email = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    let phone = "35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823"; // 442079460958
    assert_eq!(at_meta.at("/user_data/em"), &json!([email]));
    assert_eq!(at_meta.at("/user_data/ph"), &json!([phone]));
    assert!(at_meta.at("/user_data/ln").is_null(), "names need the module's rules: {at_meta:?}");
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.nothing_readable("email", "first.buyer@shop.example");
    stage.nothing_readable("phone", "20 7946 0958");
    stage.nothing_readable("last name", "Lovelace");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn the_fallback_waits_for_consent_and_obeys_a_denial() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/csp-forbids-wasm").await;
    stage.consent("denied").await;
    stage.browser.eval("anytrack.track('Hidden', { email: 'first.buyer@shop.example' })").await.unwrap();
    stage.consent("granted").await;
    let names: Vec<_> = stage.settled("webhook").await.into_iter().map(|event| event.name).collect();
    assert!(!names.contains(&"Hidden".to_owned()), "{names:?}");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn the_fallback_is_fetched_only_where_it_is_needed() {
    let stage = Stage::set().await.unwrap();
    let fetched =
        "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.wasm.js')).length";
    for (case, expected) in [("csp-allows-wasm", "0"), ("csp-forbids-wasm", "1")] {
        stage.visit(&format!("/case/{case}")).await;
        assert_eq!(stage.browser.text(fetched).await.unwrap(), expected, "{case}");
    }
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn where_storage_is_denied_events_still_go_out_with_one_visitor_a_page() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/storage-denied?fbclid=Landing-Click_3").await;
    stage.browser.eval("anytrack.identify({ phone: '+44 20 7946 0958' }); anytrack.track('Lead'); anytrack.track('Contact')").await.unwrap();
    let (lead, contact) =
        (stage.wait_for("webhook", "Lead").await, stage.wait_for("webhook", "Contact").await);
    assert_eq!(lead.at("/visitor_id"), contact.at("/visitor_id"));
    assert_eq!(lead.at("/click_ids/fbclid/value"), "Landing-Click_3");
    let at_meta = stage.wait_for("meta", "Lead").await;
    let hash = "35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823"; // 442079460958
    assert_eq!(at_meta.at("/user_data/ph"), &json!([hash]));
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn hostile_arguments_never_throw_into_the_page() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/hostile").await;
    stage.browser.eval("tryAll()").await.unwrap();
    assert_eq!(stage.browser.eval("return window.__thrown").await.unwrap(), json!([]));
    let without_id =
        "return Object.keys(window.__hostile).filter(name => typeof window.__hostileIds[name] !== 'string')";
    assert_eq!(stage.browser.eval(without_id).await.unwrap(), json!([]), "track always answers with text");
    assert_eq!(stage.browser.text("({}).polluted").await.unwrap(), "", "no prototype was touched");
    // After all that, an ordinary event still arrives.
    stage.browser.eval("anytrack.track('Lead', { value: 1, currency: 'EUR' })").await.unwrap();
    stage.wait_for("meta", "Lead").await;
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn hostile_arguments_made_before_the_tag_is_there_do_not_stop_it() {
    let stage = Stage::set().await.unwrap();
    stage.relay_gate(www_test::recorder::Gate::Held);
    stage.browser.goto(&stage.shop.url("/case/hostile")).await.unwrap();
    stage.seen_by_the_recorder("/tag.").await;
    stage.browser.eval("tryAll(); anytrack.track('Lead', { value: 1, currency: 'EUR' })").await.unwrap();
    stage.relay_gate(www_test::recorder::Gate::Open);
    stage.wait_for("meta", "Lead").await;
    assert_eq!(stage.browser.eval("return window.__thrown").await.unwrap(), json!([]));
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

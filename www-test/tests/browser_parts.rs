//! Parts of the tag that a site asks for: the page loads them from the relay, and they do what the configuration says.

use www_test::stage::Stage;

/// What a page does to answer by Google's Consent Mode.
const GTAG: &str =
    "window.dataLayer = window.dataLayer || []; window.gtag = function () { dataLayer.push(arguments); };";

fn all(answer: &str) -> String {
    format!("{{ ad_storage: '{answer}', ad_user_data: '{answer}', ad_personalization: '{answer}' }}")
}

#[tokio::test]
async fn a_site_s_part_is_loaded_and_follows_the_consent_manager() {
    let stage = Stage::for_site("[site.tag.cmp]\n").await.unwrap();
    stage.visit("/case/csp-allows-wasm").await;
    stage.seen_by_the_recorder("/v1/site/shop.js").await;
    stage.seen_by_the_recorder("/tag.cmp.").await;
    stage.browser.eval(&format!("{GTAG} gtag('consent', 'default', {})", all("denied"))).await.unwrap();
    stage.browser.wait_until("anytrack.visitorId() === null").await.unwrap();
    stage.browser.eval("anytrack.track('Search')").await.unwrap();
    stage.browser.eval(&format!("gtag('consent', 'update', {})", all("granted"))).await.unwrap();
    stage.browser.wait_until("anytrack.visitorId() !== null").await.unwrap();
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    let lead = stage.wait_for("webhook", "Lead").await;
    assert_eq!(lead.at("/consent/ad_storage"), "granted");
    let events = stage.settled("webhook").await;
    assert!(events.iter().all(|event| event.name != "Search"), "{events:?}");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_site_without_parts_loads_none() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/csp-allows-wasm").await;
    stage.settled("webhook").await;
    let asked = stage
        .recorder
        .wait_for(|all| Some(all.iter().any(|exchange| exchange.url.contains("/v1/site/"))))
        .await;
    assert_eq!(asked, Some(false));
    stage.strike().await.unwrap();
}

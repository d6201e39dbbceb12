//! Parts of the tag that a site asks for: the page loads them from the relay, and they do what the configuration says.

use serde_json::json;
use www_test::delivered::Delivered;
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
    let id = stage.browser.text("anytrack.track('Search')").await.unwrap();
    assert_eq!(stage.browser.eval("return anytrack.visitorId()").await.unwrap(), json!(null));
    stage.browser.eval(&format!("gtag('consent', 'update', {})", all("granted"))).await.unwrap();
    let search = stage.wait_for("webhook", "Search").await;
    assert_eq!(
        (search.event_id.as_str(), search.at("/consent/ad_storage")),
        (id.as_str(), &json!("granted"))
    );
    stage.browser.eval(&format!("gtag('consent', 'update', {})", all("denied"))).await.unwrap();
    stage.browser.wait_until("anytrack.visitorId() === null").await.unwrap();
    stage.browser.eval("anytrack.track('Contact')").await.unwrap();
    stage.browser.eval(&format!("gtag('consent', 'update', {})", all("granted"))).await.unwrap();
    let events = stage.settled("webhook").await;
    assert!(events.iter().all(|event| event.name != "Contact"), "{events:?}");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

/// Sets the stage for a site that follows its consent manager, and opens a page whose manager has this interface.
async fn managed(interface: &str) -> Stage {
    let stage = Stage::for_site("[site.tag.cmp]\n").await.expect("the stage is built");
    stage.visit(&format!("/case/consent-manager?{interface}")).await;
    stage.browser.wait_until("manager.heard()").await.expect("the part listens");
    stage
}

const PURPOSES: [&str; 3] = ["ad_storage", "ad_user_data", "ad_personalization"];

#[tokio::test]
async fn tcf_is_asked_before_anything_leaves_and_its_purposes_are_ours() {
    let stage = managed("__tcfapi").await;
    stage.browser.eval("anytrack.track('Search')").await.unwrap();
    assert_eq!(stage.browser.eval("return anytrack.visitorId()").await.unwrap(), json!(null));
    // To personalise takes 3 and 4.
    stage.browser.eval("manager.consent([1, 2, 3, 7])").await.unwrap();
    let search = stage.wait_for("webhook", "Search").await;
    let told = PURPOSES.map(|purpose| search.at(&format!("/consent/{purpose}")).clone());
    assert_eq!(told, [json!("granted"), json!("granted"), json!("denied")]);
    stage.browser.eval("manager.consent([2, 3, 4, 7])").await.unwrap();
    stage.browser.wait_until("anytrack.visitorId() === null").await.unwrap();
    stage.browser.eval("anytrack.track('Contact')").await.unwrap();
    stage.browser.eval("manager.consent([1, 3, 4, 7])").await.unwrap();
    let events = stage.settled("webhook").await;
    assert!(events.iter().all(|event| event.name != "Contact"), "{events:?}");
    let closing = events.iter().find(|event| event.name == "Settled-webhook").expect("it was waited for");
    assert_eq!(closing.at("/consent/ad_personalization"), "granted");
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn gpp_lets_go_whoever_has_not_opted_out_and_an_opt_out_counts() {
    let stage = managed("__gpp").await;
    stage.browser.eval("anytrack.track('Search')").await.unwrap();
    let search = stage.wait_for("webhook", "Search").await;
    let told = |event: &Delivered| PURPOSES.map(|purpose| event.at(&format!("/consent/{purpose}")).clone());
    assert_eq!(told(&search), [json!(null), json!(null), json!(null)], "nobody has to be asked");
    stage.browser.eval("manager.optOut(['TargetedAdvertisingOptOut'])").await.unwrap();
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    let lead = stage.wait_for("webhook", "Lead").await;
    assert_eq!(told(&lead), [json!(null), json!(null), json!("denied")]);
    stage.browser.eval("manager.optOut(['SaleOptOut'])").await.unwrap();
    stage.browser.wait_until("anytrack.visitorId() === null").await.unwrap();
    stage.browser.eval("anytrack.track('Contact')").await.unwrap();
    stage.browser.eval("manager.optOut([])").await.unwrap();
    let events = stage.settled("webhook").await;
    assert!(events.iter().all(|event| event.name != "Contact"), "{events:?}");
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn by_region_a_visitor_in_europe_is_asked_and_one_elsewhere_is_not() {
    let check = async |lines: &str, zone: &str, asked: bool| {
        let site = format!("[site.tag]\nconsent = \"regional\"\n{lines}");
        let stage = Stage::for_site(&site).await.unwrap();
        stage.browser.time_zone(zone).await.unwrap();
        stage.visit("/case/plain").await;
        stage.seen_by_the_recorder("/tag.region.").await;
        if asked {
            assert_eq!(stage.browser.eval("return anytrack.visitorId()").await.unwrap(), json!(null));
            stage.consent("granted").await;
        }
        let view = stage.wait_for("webhook", "PageView").await;
        let said = if asked { json!("granted") } else { json!(null) };
        assert_eq!(view.at("/consent/ad_storage"), &said, "{zone}");
        stage.strike().await.unwrap();
    };
    check("", "America/New_York", false).await;
    check("", "Europe/Berlin", true).await;
    // A list of the site's own, from which no zone is told apart.
    check("consent_regions = [\"EEA\", \"BR\"]\n", "America/New_York", true).await;
}

#[tokio::test]
async fn a_site_without_parts_loads_none() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/csp-allows-wasm").await;
    stage.settled("webhook").await;
    let asked =
        |all: &[www_test::recorder::Exchange]| all.iter().any(|exchange| exchange.url.contains("/v1/site/"));
    assert_eq!(stage.recorder.wait_for(|all| Some(asked(all))).await, Some(false));
    stage.strike().await.unwrap();
}

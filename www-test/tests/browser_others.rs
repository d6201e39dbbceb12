//! The core journeys in Firefox and WebKit, where they are installed: `cargo xtask setup --browsers`. Where one is missing, its
//! tests say so and end; with `ANYTRACK_ALL_BROWSERS=1` they fail.

use std::time::Duration;

use serde_json::json;
use www_test::browser::other::{Kind, Other};
use www_test::delivered::{self, Delivered};
use www_test::shop::Shop;
use www_test::stage::{Build, Servers};

const PATIENCE: Duration = Duration::from_secs(30);
const HASH: &str = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example

/// Everything for one journey; `None` where the browser is not installed.
#[expect(clippy::print_stderr, reason = "a test that cannot be made here says so")]
async fn set(kind: Kind) -> Option<(Other, Servers, Shop)> {
    let Some(browser) = Other::start(kind).await.expect("the browser starts") else {
        eprintln!("{kind:?} is not installed here: its journeys are not made");
        return None;
    };
    let (servers, shop) = Servers::start(&Build::of_workspace()).await.expect("the servers start");
    Some((browser, servers, shop))
}

async fn wait_for(servers: &Servers, name: &str) -> Delivered {
    let find = |records: &[_]| delivered::at("webhook", records).into_iter().find(|event| event.name == name);
    servers.wait_for(name, PATIENCE, find).await.expect("it is delivered")
}

async fn visit(browser: &Other, shop: &Shop, path: &str) {
    browser.goto(&shop.url(path)).await.expect("the page opens");
    browser
        .eval("anytrack.ready(function () { window.__ready = true; })")
        .await
        .expect("ready() never throws");
    browser.wait_until("window.__ready === true").await.expect("the tag runs");
}

async fn a_click_becomes_a_purchase(kind: Kind) {
    let Some((browser, servers, shop)) = set(kind).await else { return };
    visit(&browser, &shop, "/case/plain?ttclid=Other-Click_1&utm_source=news").await;
    visit(&browser, &shop, "/case/plain").await;
    browser.eval("anytrack.identify({ email: ' First.Buyer@shop.example' }); anytrack.track('Purchase', { value: 5, currency: 'EUR', order_id: 'O-1' })").await.expect("the browser does as it is told");
    let purchase = wait_for(&servers, "Purchase").await;
    assert_eq!(purchase.event_id, "Purchase-O-1");
    assert_eq!(purchase.at("/click_ids/ttclid/value"), "Other-Click_1");
    assert!(purchase.at("/user").to_string().contains(HASH), "{purchase:?}");
    assert_eq!(
        browser.eval("return window.__errors").await.expect("the browser does as it is told"),
        json!([])
    );
    browser.close().await.expect("the browser does as it is told");
    servers.stop().await.expect("the relay stops");
}

async fn a_denial_stops_events(kind: Kind) {
    let Some((browser, servers, shop)) = set(kind).await else { return };
    visit(&browser, &shop, "/case/plain").await;
    let answer =
        |answer: &str| format!("anytrack.consent({{ ad_storage: '{answer}', ad_user_data: '{answer}' }});");
    browser
        .eval(&format!("{} anytrack.track('Hidden');", answer("denied")))
        .await
        .expect("the browser does as it is told");
    browser
        .eval(&format!("{} anytrack.track('Shown');", answer("granted")))
        .await
        .expect("the browser does as it is told");
    wait_for(&servers, "Shown").await;
    let hidden = servers.delivered("webhook").into_iter().any(|event| event.name == "Hidden");
    assert!(!hidden, "a denied event was delivered");
    browser.close().await.expect("the browser does as it is told");
    servers.stop().await.expect("the relay stops");
}

async fn the_fallback_takes_over(kind: Kind) {
    let Some((browser, servers, shop)) = set(kind).await else { return };
    visit(&browser, &shop, "/case/csp-forbids-wasm?ttclid=Other-Click_2").await;
    browser
        .eval("anytrack.track('Lead', { email: 'first.buyer@shop.example' })")
        .await
        .expect("the browser does as it is told");
    let lead = wait_for(&servers, "Lead").await;
    assert_eq!(lead.at("/click_ids/ttclid/value"), "Other-Click_2");
    assert!(lead.at("/user").to_string().contains(HASH), "{lead:?}");
    assert_eq!(
        browser.eval("return window.__errors").await.expect("the browser does as it is told"),
        json!([])
    );
    browser.close().await.expect("the browser does as it is told");
    servers.stop().await.expect("the relay stops");
}

async fn the_last_words_of_a_page_arrive_once(kind: Kind) {
    let Some((browser, servers, shop)) = set(kind).await else { return };
    visit(&browser, &shop, "/case/plain").await;
    browser
        .eval("addEventListener('pagehide', function () { sessionStorage.setItem('left-with', anytrack.track('Lead')); })")
        .await
        .expect("the browser does as it is told");
    visit(&browser, &shop, "/case/plain?next").await;
    let id =
        browser.eval("return sessionStorage.getItem('left-with')").await.expect("it was tracked on leaving");
    assert_eq!(json!(wait_for(&servers, "Lead").await.event_id), id);
    // By beacon and once more by the next page, which has sent it before this.
    browser.eval("anytrack.track('Contact')").await.expect("track() never throws");
    wait_for(&servers, "Contact").await;
    let leads = servers.delivered("webhook").into_iter().filter(|event| event.name == "Lead").count();
    assert_eq!(leads, 1);
    browser.close().await.expect("the browser does as it is told");
    servers.stop().await.expect("the relay stops");
}

#[tokio::test]
async fn in_firefox_the_last_words_of_a_page_arrive_once() {
    the_last_words_of_a_page_arrive_once(Kind::Firefox).await;
}

#[tokio::test]
async fn in_webkit_the_last_words_of_a_page_arrive_once() {
    the_last_words_of_a_page_arrive_once(Kind::WebKit).await;
}

#[tokio::test]
async fn in_firefox_a_click_becomes_a_purchase() {
    a_click_becomes_a_purchase(Kind::Firefox).await;
}

#[tokio::test]
async fn in_firefox_a_denial_stops_events() {
    a_denial_stops_events(Kind::Firefox).await;
}

#[tokio::test]
async fn in_firefox_the_fallback_takes_over() {
    the_fallback_takes_over(Kind::Firefox).await;
}

#[tokio::test]
async fn in_webkit_a_click_becomes_a_purchase() {
    a_click_becomes_a_purchase(Kind::WebKit).await;
}

#[tokio::test]
async fn in_webkit_a_denial_stops_events() {
    a_denial_stops_events(Kind::WebKit).await;
}

#[tokio::test]
async fn in_webkit_the_fallback_takes_over() {
    the_fallback_takes_over(Kind::WebKit).await;
}

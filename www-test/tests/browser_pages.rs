//! Page views in a real browser: pages that change without loading, that come back, and what the browser itself says.

use serde_json::{Value, json};
use www_test::delivered::Delivered;
use www_test::recorder::Exchange;
use www_test::stage::Stage;

/// Address and referrer of every page view so far, paths only, in the order of their making.
fn views(stage: &Stage, events: &[Delivered]) -> Vec<(String, String)> {
    let own = stage.shop.url("");
    let short = |value: &Value| value.as_str().unwrap_or_default().replace(own.trim_end_matches('/'), "");
    let mut views: Vec<&Delivered> = events.iter().filter(|event| event.name == "PageView").collect();
    views.sort_by_key(|event| event.at("/time").as_i64());
    views.iter().map(|event| (short(event.at("/page/url")), short(event.at("/page/referrer")))).collect()
}

fn expected(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(url, referrer)| ((*url).to_owned(), (*referrer).to_owned())).collect()
}

#[tokio::test]
async fn each_step_of_the_history_is_one_page_view() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    // Apart in time, so that their order can be told.
    for step in [
        "history.pushState({}, '', '/case/plain?p=1')",
        "history.pushState({}, '', '/case/plain?p=1')",
        "history.replaceState({}, '', '/case/plain?p=1&sorted=1')",
        "location.hash = 'reviews'",
        "history.pushState({}, '', '/two')",
    ] {
        stage.browser.eval(step).await.unwrap();
        stage.browser.eval("const t = Date.now(); while (Date.now() == t);").await.unwrap();
    }
    stage.browser.eval("history.back()").await.unwrap();
    stage.browser.wait_until("location.hash === '#reviews'").await.unwrap();
    let events = stage.settled("webhook").await;
    let want = [
        ("/case/plain", ""),
        ("/case/plain?p=1", "/case/plain"),
        ("/two", "/case/plain?p=1&sorted=1#reviews"),
        ("/case/plain?p=1&sorted=1#reviews", "/two"),
    ];
    assert_eq!(views(&stage, &events), expected(&want));
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn where_the_navigation_api_is_missing_the_history_s_own_functions_tell() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/signals?without=navigation").await;
    stage.browser.eval("history.pushState({}, '', '/one')").await.unwrap();
    stage.browser.eval("history.replaceState({}, '', '/two')").await.unwrap();
    let events = stage.settled("webhook").await;
    let mut urls: Vec<String> = views(&stage, &events).into_iter().map(|(url, _)| url).collect();
    urls.sort();
    assert_eq!(urls, ["/case/signals?without=navigation", "/one", "/two"]);
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_page_out_of_the_browser_s_memory_is_viewed_once_more() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    stage
        .browser
        .eval("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        .await
        .unwrap();
    stage
        .browser
        .eval("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }))")
        .await
        .unwrap();
    let events = stage.settled("webhook").await;
    assert_eq!(views(&stage, &events), expected(&[("/case/plain", ""), ("/case/plain", "")]));
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_browser_with_global_privacy_control_sends_and_stores_nothing() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/signals?gpc=1").await;
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    assert_eq!(
        stage.browser.eval("return [document.cookie, localStorage.length]").await.unwrap(),
        json!(["", 0])
    );
    // The next page has no such signal, and what it sends closes the test.
    stage.visit("/case/plain").await;
    let events = stage.settled("webhook").await;
    assert!(events.iter().all(|event| event.name != "Lead"), "{events:?}");
    assert_eq!(views(&stage, &events).len(), 1);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn do_not_track_counts_where_the_site_says_so_and_nowhere_else() {
    let check = async |site: &str, counts: bool| {
        let stage = Stage::for_site(site).await.unwrap();
        stage.visit("/case/signals?dnt=1").await;
        assert_eq!(stage.browser.text("navigator.doNotTrack").await.unwrap(), "1");
        stage.browser.eval("anytrack.track('Lead')").await.unwrap();
        let known = stage.browser.eval("return anytrack.visitorId() !== null").await.unwrap();
        assert_eq!(known, json!(!counts), "{site}");
        if counts {
            let stored = stage.browser.eval("return [document.cookie, localStorage.length]").await.unwrap();
            assert_eq!(stored, json!(["", 0]));
        }
        // The next page has no such signal, and what it sends closes the test.
        stage.visit("/case/plain").await;
        let events = stage.settled("webhook").await;
        let leads = events.iter().filter(|event| event.name == "Lead").count();
        assert_eq!((leads, views(&stage, &events).len()), if counts { (0, 1) } else { (1, 2) }, "{site}");
        stage.strike().await.unwrap();
    };
    check("[site.tag]\nsignals = [\"gpc\", \"dnt\"]\n", true).await;
    check("", false).await;
}

#[tokio::test]
async fn a_withdrawal_reaches_the_relay_s_memory() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain?fbclid=Landing-Click_9").await;
    stage.wait_for("webhook", "PageView").await;
    let visitor = stage.browser.text("anytrack.visitorId()").await.unwrap();
    let from_server = async |name: &str, visitor: &str| {
        stage.servers.from_server(&json!({ "event": name, "visitor_id": visitor })).await
    };
    from_server("Contact", &visitor).await;
    let before = stage.wait_for("webhook", "Contact").await;
    assert_eq!(before.at("/click_ids/fbclid/value"), "Landing-Click_9");
    stage.browser.eval("anytrack.consent({ ad_storage: 'denied' })").await.unwrap();
    let told = |exchange: &Exchange| {
        exchange.status.is_some() && String::from_utf8_lossy(&exchange.body).contains("ConsentWithdrawn")
    };
    let answered = stage.recorder.wait_for(|all| all.iter().any(told).then_some(())).await;
    assert!(answered.is_some(), "the relay is told");
    from_server("Subscribe", &visitor).await;
    from_server("Schedule", "another-visitor").await;
    stage.wait_for("webhook", "Schedule").await;
    let names: Vec<String> = stage.servers.delivered("webhook").into_iter().map(|event| event.name).collect();
    assert!(!names.contains(&"Subscribe".to_owned()), "{names:?}");
    assert!(!names.contains(&"ConsentWithdrawn".to_owned()), "{names:?}");
    assert_eq!(stage.browser.eval("return document.cookie.includes('_at_vid')").await.unwrap(), json!(false));
    stage.strike().await.unwrap();
}

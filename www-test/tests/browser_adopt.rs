//! What a site already tells others becomes events: once each, under an id that the pixels on the page carry too.

use serde_json::{Value, json};
use www_test::delivered::Delivered;
use www_test::stage::Stage;

/// The part has come and listens.
const LISTENS: &str = "!!Object.getOwnPropertyDescriptor(window, 'fbq')?.get";

fn named<'a>(events: &'a [Delivered], name: &str) -> Vec<&'a Delivered> {
    events.iter().filter(|event| event.name == name).collect()
}

/// A page where the part listens.
async fn page(settings: &str, path: &str) -> Stage {
    let stage = Stage::for_site(&format!("[site.tag.adopt]\n{settings}")).await.expect("the stage is set");
    stage.visit(path).await;
    stage.browser.wait_until(LISTENS).await.expect("the part comes");
    stage
}

/// What Meta has got once nothing is held for its copies any more, as when the page is left. The closing event travels
/// in one body with what was held, and Meta's requests keep the order; those of a webhook go side by side.
async fn settled(stage: &Stage) -> Vec<Delivered> {
    let closing = format!("Closing-{}", stage.servers.delivered("meta").len());
    run(stage, &format!("dispatchEvent(new Event('pagehide')); anytrack.track('{closing}')")).await;
    stage.wait_for("meta", &closing).await;
    stage.servers.delivered("meta")
}

async fn run(stage: &Stage, script: &str) -> Value {
    stage.browser.eval(script).await.unwrap_or_else(|error| panic!("{script}: {error}"))
}

#[tokio::test]
async fn an_order_told_by_everybody_before_the_tag_came_is_one_purchase_under_one_id() {
    let stage = page("", "/case/adopt-early").await;
    let purchase = stage.wait_for("webhook", "Purchase").await;
    assert_eq!(purchase.event_id, "Purchase-O-1");
    assert_eq!(
        purchase.at("/properties"),
        &json!({ "order_id": "O-1", "value": 59.9, "currency": "EUR",
                 "items": [{ "id": "SKU-7", "name": "Mug", "price": 29.95, "quantity": 2.0 }] })
    );
    let got = run(&stage, "return window.__arrive()").await;
    assert_eq!(got["meta"][1][3], json!({ "eventID": "Purchase-O-1" }));
    assert_eq!(got["meta"][2][3], json!({ "eventID": "own-contact" }));
    assert_eq!(got["tiktok"][1][3], json!({ "event_id": "Purchase-O-1" }));
    assert_eq!(got["microsoft"][0][2]["event_id"], "Purchase-O-1");
    let events = settled(&stage).await;
    let mut names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    names.retain(|name| !name.starts_with("Closing"));
    names.sort_unstable();
    assert_eq!(names, ["Contact", "Lead", "PageView", "Purchase", "Subscribe"]);
    assert_eq!(named(&events, "Contact")[0].event_id, "own-contact");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_person_in_a_layer_is_taken_only_where_the_site_asks_for_it_and_never_readable() {
    let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    for (settings, expected) in [("", Value::Null), ("user_data = true", json!([hash]))] {
        let stage = page(settings, "/case/adopt-early").await;
        let purchase = stage.wait_for("meta", "Purchase").await;
        assert_eq!(purchase.at("/user_data/em"), &expected, "{settings}");
        stage.nothing_readable("email", "first.buyer@shop.example");
        stage.strike().await.unwrap();
    }
}

#[tokio::test]
async fn pixels_that_come_later_and_are_replaced_are_adopted_all_the_time() {
    let stage = page("", "/case/adopt").await;
    run(&stage, "vendors.metaSnippet(window); fbq('track', 'AddToCart', { value: 5, currency: 'EUR' })")
        .await;
    run(&stage, "window.__got = vendors.metaScript(window)").await;
    run(&stage, "fbq('trackSingle', '222', 'InitiateCheckout', { contents: [{ id: 7, quantity: 1 }] })")
        .await;
    run(&stage, "vendors.tiktokSnippet(window); ttq.load('C1'); ttq.instance('C1').track('Search', { query: 'mugs' })").await;
    run(&stage, "window.__tiktok = vendors.tiktokScript(window); ttq.track('SubmitForm')").await;
    run(&stage, "window.uetq = []; window.__microsoft = vendors.microsoftScript(window); uetq.push('event', 'book_appointment', {})").await;
    run(&stage, "window.dataLayer = []; vendors.tagManager(window); dataLayer.push({ event: 'sign_up' })")
        .await;
    let events = settled(&stage).await;
    let id_of = |name: &str| {
        let found = named(&events, name);
        assert_eq!(found.len(), 1, "{name}: {events:?}");
        json!(found[0].event_id)
    };
    let got = run(&stage, "return [__got, __tiktok, __microsoft]").await;
    assert_eq!(got[0][0][3]["eventID"], id_of("AddToCart"));
    assert_eq!(got[0][1][4]["eventID"], id_of("InitiateCheckout"));
    assert_eq!(got[1][0][3]["event_id"], id_of("Lead"));
    assert_eq!(got[2][0][2]["event_id"], id_of("Schedule"));
    assert_eq!(named(&events, "Search")[0].at("/custom_data/search_string"), "mugs");
    id_of("CompleteRegistration");
    assert_eq!(run(&stage, "return fbq === _fbq && fbq.version").await, "2.0");
    stage.page_is_unharmed().await;
    stage.page_works().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_the_page_reports_itself_is_not_doubled_and_its_pixel_carries_the_id() {
    let stage = page("", "/case/adopt-own").await;
    let events = settled(&stage).await;
    let leads = named(&events, "Lead");
    assert_eq!(leads.len(), 1);
    assert_eq!(run(&stage, "return window.__lead").await, leads[0].event_id.as_str());
    let view = &named(&events, "PageView")[0].event_id;
    let got = run(&stage, "return vendors.metaScript(window).map((call) => call[3].eventID)").await;
    assert_eq!(got, json!([view, leads[0].event_id]));
    let twice = "fbq('track', 'Contact'); return [anytrack.track('Contact'), anytrack.track('Contact')]";
    let ids = run(&stage, twice).await;
    let events = settled(&stage).await;
    let contacts: Vec<_> = named(&events, "Contact").iter().map(|event| json!(event.event_id)).collect();
    assert_eq!(json!(contacts), ids, "two calls of the page are two events, and none is added");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn the_hosted_tags_calls_go_on_working_without_it() {
    let stage = page("", "/case/adopt").await;
    let call = "return AnyTrack('trigger', 'Upsell', { transactionId: 'U-1', value: 9, currency: 'EUR' })";
    let token = run(&stage, call).await;
    assert_eq!(token, run(&stage, "return anytrack.clickId()").await);
    assert_eq!(token.as_str().map(str::len), Some(24));
    run(&stage, "AnyTrack('trigger', 'PageView'); AnyTrack('trigger', 'DealWon')").await;
    let events = settled(&stage).await;
    assert_eq!(named(&events, "Purchase")[0].event_id, "Purchase-U-1");
    assert_eq!((named(&events, "DealWon").len(), named(&events, "PageView").len()), (1, 1));
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_denial_holds_for_adopted_events_too() {
    let stage = page("", "/case/adopt").await;
    run(&stage, "vendors.metaSnippet(window)").await;
    stage.consent("denied").await;
    run(&stage, "fbq('track', 'Search', { search_string: 'hidden' }); dispatchEvent(new Event('pagehide'))")
        .await;
    stage.consent("granted").await;
    run(&stage, "fbq('track', 'Lead')").await;
    let events = settled(&stage).await;
    assert_eq!((named(&events, "Lead").len(), named(&events, "Search").len()), (1, 0));
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_held_leaves_with_the_page() {
    let stage = page("", "/case/adopt").await;
    run(&stage, "window.dataLayer = [{ event: 'generate_lead' }]; location.href = '/case/plain?next'").await;
    let lead = stage.wait_for("webhook", "Lead").await;
    assert!(lead.at("/page/url").as_str().unwrap().ends_with("/case/adopt"), "{lead:?}");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn names_of_the_sites_own_and_switches_are_followed() {
    let settings = "ttq = false\nlayer = \"shopLayer\"\nproperties = [\"plan\"]\n\
                    events = { newsletter = \"Lead\", sign_up = false }";
    let stage = page(settings, "/case/adopt").await;
    run(&stage, "window.shopLayer = []; shopLayer.push({ event: 'newsletter', plan: 'pro', seats: 3 }, { event: 'sign_up' })")
        .await;
    run(
        &stage,
        "window.dataLayer = []; dataLayer.push({ event: 'purchase', ecommerce: { transaction_id: 'X' } })",
    )
    .await;
    run(&stage, "vendors.tiktokSnippet(window); ttq.track('Contact')").await;
    let events = settled(&stage).await;
    assert_eq!(named(&events, "Lead")[0].at("/custom_data"), &json!({ "plan": "pro" }));
    for refuted in ["CompleteRegistration", "Purchase", "Contact"] {
        assert_eq!(named(&events, refuted).len(), 0, "{refuted}");
    }
    assert_eq!(
        run(&stage, "return ttq.filter((call) => call[0] === 'track')").await,
        json!([["track", "Contact"]])
    );
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn own_events_are_told_to_the_pixels_that_the_site_names() {
    let stage = page("pixels = [\"google\"]\nforward = [\"meta\"]", "/case/adopt").await;
    run(
        &stage,
        "vendors.metaSnippet(window); window.__got = vendors.metaScript(window); vendors.gtagOf(window)",
    )
    .await;
    let track = "anytrack.track('Purchase', { value: 5, currency: 'EUR', items: [{ id: '7' }], email: 'first.buyer@shop.example' })";
    let id = run(&stage, &format!("return {track}")).await;
    stage.browser.wait_until("window.__got.length > 0").await.unwrap();
    let told = json!([["track", "Purchase",
        { "value": 5, "currency": "EUR", "contents": [{ "id": "7" }], "content_type": "product" }, { "eventID": id }]]);
    assert_eq!(run(&stage, "return window.__got").await, told);
    run(&stage, "gtag('event', 'purchase', { value: 5, currency: 'EUR' })").await;
    assert_eq!(run(&stage, "return dataLayer.at(-1)[2].transaction_id").await, id);
    let events = settled(&stage).await;
    assert_eq!(named(&events, "Purchase").len(), 1);
    stage.strike().await.unwrap();
}

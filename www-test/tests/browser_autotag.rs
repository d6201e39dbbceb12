//! Links and forms that carry our id: what is written where, what is left alone, and the visitor's way between two
//! domains of a site. The same shop answers under two names, which a browser takes for two sites.

use serde_json::json;
use www_test::browser::Mouse;
use www_test::stage::Stage;

const MARKED: &str = "document.getElementById('canary').href.includes('clickref=')";

/// Sets the stage with a table for the part, and opens the page of links once they are marked.
async fn on(settings: &str) -> Stage {
    let stage = Stage::for_site(&format!("[site.tag.auto]\n{settings}")).await.expect("the stage is built");
    stage.visit("/case/autotag").await;
    stage.browser.wait_until(MARKED).await.expect("the part runs");
    stage
}

async fn attribute(stage: &Stage, id: &str, name: &str) -> String {
    stage
        .browser
        .text(&format!("document.getElementById('{id}').getAttribute('{name}')"))
        .await
        .expect("the element is there")
}

const RULES: &str = "exclude = [\"quiet.g2afse.com\"]\n\
    rules = [{ address = \"127.0.0.1/go/\", parameter = \"sub_id\" }, { address = \"checkout.example\", value = \"visitor\" }]";

#[tokio::test]
async fn every_link_takes_the_id_where_its_network_expects_it() {
    let stage = on(RULES).await;
    let token = stage.browser.text("anytrack.clickId()").await.unwrap();
    let visitor = stage.browser.text("anytrack.visitorId()").await.unwrap();
    let check =
        async |id: &str, expected: String| assert_eq!(attribute(&stage, id, "href").await, expected, "{id}");
    check("cj", format!("http://www.anrdoezrs.net/click-1-2?url=http%3A%2F%2Fshop.example%2F%3Fa%3D1&x=%7e&sid={token}#part")).await;
    check("cj-summer", format!("http://www.anrdoezrs.net/click-1-2?sid=summer_{token}")).await;
    check("impact", format!("http://brand.pxf.io/c/1/2/3?subId1=theirs&subId2={token}")).await;
    check(
        "partnerize",
        format!("http://prf.hn/click/camref:1abc/clickref:{token}/destination:http://shop.example/"),
    )
    .await;
    check("placeholder", format!("http://partner.example/{token}/x?y={token}")).await;
    check("group", format!("http://partner.example/letter?atclid={token}")).await;
    check("stripe", format!("http://buy.stripe.com/test_abc?client_reference_id={visitor}")).await;
    check("cloaked", format!("../go/offer?b=1&sub_id={token}#f")).await;
    check("checkout", format!("http://checkout.example/cart?at_vid={visitor}")).await;
    assert_eq!(attribute(&stage, "cj", "rel").await, "nofollow sponsored");
    assert_eq!(attribute(&stage, "cj", "target").await, "_blank");
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_is_no_ones_link_stays_as_it_is() {
    let stage = on(RULES).await;
    let before = "fetch(location.href).then(function (answer) { return answer.text() }).then(function (text) { \
                  window.__before = new DOMParser().parseFromString(text, 'text/html') })";
    stage.browser.eval(before).await.unwrap();
    stage.browser.wait_until("!!window.__before").await.unwrap();
    for id in ["cj-deep", "plain", "own", "script", "blob", "broken", "fragment", "excluded", "ignored"] {
        stage.browser.mouse(&format!("#{id}"), Mouse::Right).await.unwrap();
        let written = stage
            .browser
            .text(&format!("window.__before.getElementById('{id}').getAttribute('href')"))
            .await
            .unwrap();
        assert_eq!(attribute(&stage, id, "href").await, written, "{id}");
    }
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn marking_again_changes_nothing_and_a_new_visitor_gets_a_new_id() {
    let stage = on("").await;
    let first = attribute(&stage, "cj-summer", "href").await;
    for _ in 0..3 {
        stage.browser.click("#cj-summer").await.unwrap();
        assert_eq!(attribute(&stage, "cj-summer", "href").await, first);
    }
    stage.browser.eval("anytrack.reset()").await.unwrap();
    stage.browser.click("#cj-summer").await.unwrap();
    let token = stage.browser.text("anytrack.clickId()").await.unwrap();
    let second = attribute(&stage, "cj-summer", "href").await;
    assert_eq!(second, format!("http://www.anrdoezrs.net/click-1-2?sid=summer_{token}"));
    assert_ne!(first, second);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn links_that_come_later_are_marked_too() {
    let stage = on("").await;
    stage
        .browser
        .eval(
            "document.getElementById('late').innerHTML = '<p><a id=\"added\" href=\"http://brand.g2afse.com/click?pid=1\">x</a></p>'; \
             document.getElementById('plain').setAttribute('href', 'http://brand.g2afse.com/click?pid=2')",
        )
        .await
        .unwrap();
    for id in ["added", "plain"] {
        let marked = format!("document.getElementById('{id}').href.includes('&sub1=' + anytrack.clickId())");
        stage.browser.wait_until(&marked).await.unwrap();
    }
    let shadow = "document.getElementById('host').shadowRoot.querySelector('a')";
    stage.browser.eval(&format!("{shadow}.click()")).await.unwrap();
    let marked =
        stage.browser.text(&format!("{shadow}.href.includes('sid=' + anytrack.clickId())")).await.unwrap();
    assert_eq!(marked, "true");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn forms_take_the_id_as_a_hidden_field() {
    let stage = on("").await;
    let token = stage.browser.text("anytrack.clickId()").await.unwrap();
    let fields = "JSON.stringify([...new FormData(document.getElementById('to-network'))])";
    let expected = json!([["pid", "1"], ["sub1", token]]).to_string();
    assert_eq!(stage.browser.text(fields).await.unwrap(), expected);
    assert_eq!(
        stage.browser.text("document.getElementById('lead-id').value").await.unwrap(),
        format!("a-{token}-b")
    );
    stage.browser.click("#to-network-send").await.unwrap();
    assert_eq!(stage.browser.text(fields).await.unwrap(), expected, "sending adds no second field");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_before_consent_and_after_a_denial() {
    let stage = Stage::for_site("[site.tag.auto]\n").await.unwrap();
    stage.shop.paste(stage.shop.snippet().with_attribute("data-consent=\"required\""));
    stage.visit("/case/autotag").await;
    stage.browser.wait_until("performance.getEntriesByType('resource').some(function (file) { return /tag\\.auto\\./.test(file.name) && file.responseEnd > 0 })").await.unwrap();
    stage.browser.click("#canary").await.unwrap();
    assert_eq!(stage.browser.text(MARKED).await.unwrap(), "false");
    assert_eq!(stage.browser.text("document.cookie").await.unwrap(), "");
    stage.consent("granted").await;
    stage.browser.wait_until(MARKED).await.unwrap();
    let untouched = "document.getElementById('cj').href.includes('sid=' + anytrack.clickId())";
    stage.browser.wait_until(untouched).await.unwrap();
    stage.consent("denied").await;
    stage
        .browser
        .eval("document.getElementById('late').innerHTML = '<a id=\"added\" href=\"http://brand.g2afse.com/click?pid=1\">x</a>'")
        .await
        .unwrap();
    stage.browser.click("#added").await.unwrap();
    assert_eq!(attribute(&stage, "added", "href").await, "http://brand.g2afse.com/click?pid=1");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn the_relay_knows_a_token_before_any_link_is_clicked() {
    let stage = on("").await;
    let token = stage.browser.text("anytrack.clickId()").await.unwrap();
    let view = stage.wait_for("webhook", "PageView").await;
    assert_eq!(
        view.at("/click_ids/atclid/value"),
        &json!(token),
        "a copied link has it, and nobody tells of that"
    );
    stage.strike().await.unwrap();
}

const CROSSING: &str = "[site.tag.auto]\ndomains = [\"127.0.0.1\", \"localhost\"]";

#[tokio::test]
async fn the_visitor_arrives_at_the_other_domain_and_the_address_is_clean() {
    let stage = Stage::for_site(CROSSING).await.unwrap();
    // The other domain knows somebody else by now.
    stage.browser.goto(&stage.shop.url("/case/plain").replace("127.0.0.1", "localhost")).await.unwrap();
    let known = stage.browser.wait_until("anytrack.visitorId()").await.unwrap();
    stage.visit("/case/crossing?fbclid=Landing-Click_1").await;
    stage.browser.wait_until(MARKED).await.unwrap();
    let visitor = stage.browser.text("anytrack.visitorId()").await.unwrap();
    assert_ne!(known, json!(visitor));
    stage.browser.click("#other").await.unwrap();
    stage.browser.wait_until("location.hostname === 'localhost' && !!anytrack.visitorId()").await.unwrap();
    assert_eq!(stage.browser.text("anytrack.visitorId()").await.unwrap(), visitor);
    assert_eq!(stage.browser.text("location.search + location.hash").await.unwrap(), "?a=1#there");
    assert!(stage.browser.text("document.cookie").await.unwrap().contains(&visitor));
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    let lead = stage.wait_for("webhook", "Lead").await;
    assert_eq!(lead.at("/visitor_id"), &json!(visitor));
    assert_eq!(lead.at("/click_ids/fbclid/value"), "Landing-Click_1", "the relay knows the visitor's click");
    let all = stage.settled("webhook").await;
    for event in all.iter().filter(|event| event.at("/visitor_id") != &known) {
        assert!(!event.event.to_string().contains("at_x"), "{event:?}");
        assert!(event.name != "OutboundClick", "{event:?}");
        assert_eq!(event.at("/visitor_id"), &json!(visitor));
    }
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn forms_carry_the_visitor_too() {
    let stage = Stage::for_site(CROSSING).await.unwrap();
    stage.visit("/case/crossing").await;
    stage.browser.wait_until(MARKED).await.unwrap();
    let visitor = stage.browser.text("anytrack.visitorId()").await.unwrap();
    stage.browser.click("#form-send").await.unwrap();
    stage.browser.wait_until("location.hostname === 'localhost' && !!anytrack.visitorId()").await.unwrap();
    assert_eq!(stage.browser.text("anytrack.visitorId()").await.unwrap(), visitor);
    assert_eq!(stage.browser.text("location.search").await.unwrap(), "?q=1");
    // A form that posts keeps the parameters of its action.
    stage.browser.wait_until(MARKED).await.unwrap();
    stage.browser.eval("document.getElementById('post').addEventListener('submit', function (sending) { sending.preventDefault() })").await.unwrap();
    stage.browser.click("#post-send").await.unwrap();
    let action = attribute(&stage, "post", "action").await;
    assert!(action.contains("/case/crossing?b=2&at_x=") && action.ends_with(&visitor), "{action}");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_copied_link_brings_nobody() {
    let stage = Stage::for_site(CROSSING).await.unwrap();
    stage.visit("/case/crossing").await;
    stage.browser.wait_until(MARKED).await.unwrap();
    let visitor = stage.browser.text("anytrack.visitorId()").await.unwrap();
    stage.browser.mouse("#other", Mouse::Right).await.unwrap();
    stage.browser.mouse("#same", Mouse::Right).await.unwrap();
    stage.browser.mouse("#unheard", Mouse::Right).await.unwrap();
    for id in ["same", "unheard"] {
        assert!(!attribute(&stage, id, "href").await.contains("at_x"), "{id}");
    }
    let copied = attribute(&stage, "other", "href").await;
    assert!(copied.contains("at_x=") && copied.contains(&visitor), "{copied}");
    stage.browser.goto(&copied).await.unwrap();
    stage.browser.wait_until("location.hostname === 'localhost' && !!anytrack.visitorId()").await.unwrap();
    assert_ne!(stage.browser.text("anytrack.visitorId()").await.unwrap(), visitor);
    assert_eq!(stage.browser.text("location.search").await.unwrap(), "?a=1");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

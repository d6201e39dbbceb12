//! What the part `auto` reports by itself: which clicks and forms are events, what they say, and which are none. Each
//! test waits until the part runs.

use serde_json::{Value, json};
use www_test::browser::{ALT, CTRL, Mouse, PATIENCE};
use www_test::delivered::{self, Delivered};
use www_test::sandbox::exchange::Recorded;
use www_test::stage::Stage;

/// Sets the stage with a table for the part, and opens a page on which the part runs.
async fn on(settings: &str, page: &str) -> Stage {
    let stage = Stage::for_site(&format!("[site.tag.auto]\n{settings}")).await.expect("the stage is built");
    stage.visit(page).await;
    stage
        .browser
        .wait_until("document.getElementById('canary').href.includes('clickref=')")
        .await
        .expect("the part runs");
    stage
}

/// What the page reported by now, page views apart, in its order and as the webhook got it. An event is queued while the
/// browser tells of the click, so what is missing here was not reported.
async fn reported(stage: &Stage) -> Vec<Delivered> {
    let queued = "return window.__seen.filter(function (event) { return event.state === 'queued' && event.name !== 'PageView' })\
                  .map(function (event) { return event.event_id })";
    let ids = stage.browser.eval(queued).await.expect("watch.js is on the page");
    let ids: Vec<String> = serde_json::from_value(ids).expect("ids are texts");
    let find = |records: &[Recorded]| {
        let all = delivered::at("webhook", records);
        ids.iter()
            .map(|id| all.iter().find(|event| event.event_id == *id).cloned())
            .collect::<Option<Vec<_>>>()
    };
    stage
        .servers
        .wait_for("every event at the webhook", PATIENCE, find)
        .await
        .expect("what was queued is delivered")
}

/// Whether a button that markup lets speak is reported, which shows that the part runs.
const PROBED: &str = "(function () { var probe = document.createElement('button'); probe.setAttribute('data-at-event', 'Probe'); \
     document.body.append(probe); probe.click(); \
     return window.__seen.some(function (event) { return event.name === 'Probe' }) })()";

fn names(events: &[Delivered]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// A property of every event, in order.
fn each<'a>(events: &'a [Delivered], property: &str) -> Vec<&'a Value> {
    events.iter().map(|event| event.at(&format!("/properties/{property}"))).collect()
}

#[tokio::test]
async fn a_click_that_leaves_is_reported_once_with_its_clean_address() {
    let stage = on("exclude = [\"quiet.example\"]", "/case/auto-links").await;
    for link in ["#out", "#inner", "#stopped", "#awin"] {
        stage.browser.click(link).await.unwrap();
    }
    for link in ["#own", "#fragment", "#script", "#nowhere", "#ignored", "#excluded"] {
        stage.browser.click(link).await.unwrap();
    }
    stage.browser.eval("document.getElementById('broken').click()").await.unwrap();
    stage
        .browser
        .eval("document.getElementById('host').shadowRoot.querySelector('a').click()")
        .await
        .unwrap();
    let events = reported(&stage).await;
    assert_eq!(names(&events), ["OutboundClick"; 5]);
    let addresses = [
        "http://partner.example/offer?id=7&email=#top",
        "http://partner.example/nested",
        "http://partner.example/stopped",
        "http://www.awin1.com/cread.php?awinmid=3&awinaffid=4",
        "http://partner.example/shadow",
    ];
    assert_eq!(each(&events, "link_url"), addresses);
    assert_eq!(each(&events, "link_text")[0], "An offer");
    assert_eq!(each(&events, "link_domain")[0], "partner.example");
    assert_eq!(each(&events, "link_id")[0], "out");
    assert_eq!(
        each(&events, "affiliate"),
        [&Value::Null, &Value::Null, &Value::Null, &json!(true), &Value::Null]
    );
    let awin = &events[3];
    for (property, expected) in
        [("network", "awin"), ("brand", "Acme"), ("position", "2"), ("tracking_group", "awin")]
    {
        assert_eq!(awin.at(&format!("/properties/{property}")), expected, "{property}");
    }
    stage.nothing_readable("email", "jane@example.com");
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

/// SVG has links of its own, whose address older drawings write with `xlink`.
#[tokio::test]
async fn a_link_in_a_drawing_is_reported_and_written_to() {
    let stage = on("", "/case/auto-links").await;
    let address = "http://www.awin1.com/cread.php?awinmid=5";
    for name in ["href", "xlink:href"] {
        let drawing = format!("<svg><a {name}=\"{address}\"><text y=\"20\">Drawn</text></a></svg>");
        let script = format!(
            "document.getElementById('answer').innerHTML = {}; var link = document.querySelector('svg a'); \
             link.dispatchEvent(new MouseEvent('click', {{ bubbles: true, cancelable: true }})); \
             return link.getAttribute('{name}')",
            json!(drawing)
        );
        let written = stage.browser.eval(&script).await.expect("the page takes a drawing");
        assert!(written.as_str().is_some_and(|url| url.contains("clickref=")), "{name}: {written}");
    }
    let events = reported(&stage).await;
    assert_eq!(names(&events), ["OutboundClick"; 2]);
    assert_eq!(each(&events, "link_url"), [address; 2]);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn every_way_to_follow_a_link_counts_and_a_double_click_counts_once() {
    let stage = on("", "/case/auto-links").await;
    let check = async |gesture: Mouse, link: &str| stage.browser.mouse(link, gesture).await.unwrap();
    check(Mouse::Middle, "#out").await;
    check(Mouse::Left(CTRL), "#nested").await;
    check(Mouse::Left(ALT), "#stopped").await;
    check(Mouse::Right, "#awin").await;
    check(Mouse::Double, "#excluded").await;
    stage.browser.press_enter("#ignored").await.unwrap();
    stage.browser.press_enter("#canary").await.unwrap();
    let events = reported(&stage).await;
    let paths: Vec<_> =
        each(&events, "link_url").iter().map(|url| url.as_str().unwrap().to_owned()).collect();
    let expected = [
        "http://partner.example/offer?id=7&email=#top",
        "http://partner.example/nested",
        "http://partner.example/stopped",
        "http://quiet.example/x",
        "http://www.awin1.com/cread.php?awinmid=1&awinaffid=2",
    ];
    assert_eq!(paths, expected);
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_click_that_really_leaves_takes_its_event_along() {
    let stage = on("", "/case/crossing").await;
    stage.browser.eval("document.getElementById('canary').click()").await.unwrap();
    stage.seen_by_the_recorder("awin1.com/cread.php").await;
    let click = stage.wait_for("webhook", "OutboundClick").await;
    let token = click.at("/click_ids/atclid/value").as_str().expect("the relay learns the token").to_owned();
    stage.seen_by_the_recorder(&format!("clickref={token}")).await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_call_or_a_letter_is_a_contact_that_does_not_say_to_whom() {
    let stage = on("", "/case/auto-links").await;
    stage.browser.click("#mail").await.unwrap();
    stage.browser.click("#tel").await.unwrap();
    let events = reported(&stage).await;
    assert_eq!(names(&events), ["Contact", "Contact"]);
    assert_eq!(each(&events, "contact_method"), ["email", "phone"]);
    assert_eq!(each(&events, "label"), [&json!("sales"), &Value::Null]);
    stage.nothing_readable("email", "owner@example.com");
    stage.nothing_readable("phone", "+12025550123");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_form_is_reported_without_what_was_typed() {
    let stage = on("", "/case/auto-forms").await;
    stage.browser.fill("#email", "first.buyer@shop.example").await.unwrap();
    for button in ["#subscribe", "#clobbered-send", "#spoken-send", "#ignored-send", "#invalid-send"] {
        stage.browser.click(button).await.unwrap();
    }
    let shadow = "document.getElementById('host').shadowRoot.querySelector('button')";
    stage.browser.eval(&format!("{shadow}.focus(); {shadow}.click()")).await.unwrap();
    // Of these the browser tells nobody, and the first was reported a moment ago. With this method they lead nowhere.
    let scripts = "document.body.insertAdjacentHTML('beforeend', '<form id=scripted></form>'); \
                   ['newsletter', 'scripted', 'scripted'].forEach(function (id) { \
                   var form = document.getElementById(id); form.setAttribute('method', 'dialog'); form.submit(); })";
    stage.browser.eval(scripts).await.unwrap();
    let events = reported(&stage).await;
    assert_eq!(names(&events), ["FormSubmit", "FormSubmit", "Lead", "FormSubmit", "FormSubmit"]);
    assert_eq!(
        each(&events, "form_id"),
        [&json!("newsletter"), &json!("clobbered"), &Value::Null, &json!("in-shadow"), &json!("scripted")]
    );
    assert_eq!(each(&events, "form_name")[0], "news");
    assert_eq!(each(&events, "form_action")[..2], ["/subscribe/now", "elsewhere.example/take/-/in"]);
    assert_eq!(events[2].at("/properties/value"), &json!(12.5));
    assert!(events.iter().all(|event| event.at("/user").is_null()), "nobody asked who it is: {events:?}");
    stage.nothing_readable("email", "first.buyer@shop.example");
    stage.page_works().await;
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn who_submitted_a_form_is_hashed_where_the_site_asks_for_it() {
    let stage = on("identify_forms = true", "/case/auto-forms").await;
    stage.browser.click("#two-send").await.unwrap();
    stage.browser.fill("#email", "first.buyer@shop.example").await.unwrap();
    stage.browser.fill("#phone", "+44 20 7946 0123").await.unwrap();
    stage.browser.click("#subscribe").await.unwrap();
    let events = reported(&stage).await;
    assert_eq!(each(&events, "form_id"), ["two", "newsletter"]);
    assert!(events[0].at("/user").is_null(), "two addresses name nobody: {events:?}");
    let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    let user = events[1].at("/user").to_string();
    assert!(user.contains(hash), "{user}");
    assert_eq!(user.matches("e164").count(), 1, "{user}");
    for secret in [
        "first.buyer@shop.example",
        "4111111111111111",
        "90817263",
        "hunter2-secret",
        "hidden@example.com",
        "friend@example.com",
        "one@example.com",
    ] {
        stage.nothing_readable("field", secret);
    }
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn markup_says_events_with_typed_values() {
    let stage = on("", "/case/auto-attributes").await;
    for element in
        ["#cart-inner", "#order", "#card-inner", "#card-outer", "#label-text", "#quiet", "#own-event"]
    {
        stage.browser.click(element).await.unwrap();
    }
    // Added later, and in a tree of its own.
    stage
        .browser
        .eval(
            "var late = document.createElement('button'); late.setAttribute('data-at-event', 'Late'); \
             document.getElementById('card').append(late); late.click()",
        )
        .await
        .unwrap();
    let events = reported(&stage).await;
    let expected = ["AddToCart", "Purchase", "Inner", "Outer", "Agree", "Offer", "Late"];
    assert_eq!(names(&events), expected);
    let cart = json!({
        "value": 59.9, "currency": "EUR", "size": 42, "colour": "red",
        "items": [{ "id": "SKU-7", "price": 29.95, "quantity": 2.0 }],
    });
    assert_eq!(events[0].at("/properties"), &cart);
    assert_eq!(events[1].event_id, "Purchase-00071");
    assert_eq!(stage.browser.text("document.getElementById('box').checked").await.unwrap(), "true");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_is_switched_off_is_not_reported() {
    let off = "outbound = false\ncontact = false\nforms = false\nautotag = false";
    let stage = Stage::for_site(&format!("[site.tag.auto]\n{off}")).await.unwrap();
    stage.visit("/case/auto-links").await;
    // The one feature that is left shows that the part runs.
    stage.browser.wait_until(PROBED).await.unwrap();
    for link in ["#out", "#awin", "#mail", "#tel"] {
        stage.browser.click(link).await.unwrap();
    }
    let events = reported(&stage).await;
    assert!(events.iter().all(|event| event.name == "Probe"), "{events:?}");
    let marked = "document.getElementById('canary').href.includes('clickref')";
    assert_eq!(stage.browser.text(marked).await.unwrap(), "false");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn with_forms_off_a_submission_is_reported_only_where_markup_says_so() {
    let stage = on("forms = false", "/case/auto-forms").await;
    for button in ["#subscribe", "#clobbered-send", "#spoken-send"] {
        stage.browser.click(button).await.unwrap();
    }
    let events = reported(&stage).await;
    assert_eq!(names(&events), ["Lead"]);
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn with_attributes_off_markup_says_no_events() {
    let stage = on("attributes = false", "/case/auto-attributes").await;
    for element in ["#cart-inner", "#order", "#card-inner", "#label-text", "#own-event"] {
        stage.browser.click(element).await.unwrap();
    }
    let events = reported(&stage).await;
    // The link is one that leaves, whatever it would say.
    assert_eq!(names(&events), ["OutboundClick"]);
    assert_eq!(each(&events, "link_url"), ["http://partner.example/x"]);
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn nobody_is_read_out_of_a_form_before_consent() {
    let settings = "[site.tag]\nconsent = \"required\"\n[site.tag.auto]\nidentify_forms = true";
    let stage = Stage::for_site(settings).await.unwrap();
    stage.visit("/case/auto-forms").await;
    // Before consent no link is marked; a button that reports shows that the part runs.
    stage.browser.wait_until(PROBED).await.unwrap();
    stage.browser.fill("#email", "first.buyer@shop.example").await.unwrap();
    stage.browser.click("#subscribe").await.unwrap();
    stage.consent("granted").await;
    stage.browser.eval("anytrack.track('Contact')").await.unwrap();
    let events = reported(&stage).await;
    let others: Vec<_> = events.iter().filter(|event| event.name != "Probe").collect();
    let told: Vec<_> = others.iter().map(|event| (event.name.as_str(), event.at("/user"))).collect();
    assert_eq!(told, [("FormSubmit", &Value::Null), ("Contact", &Value::Null)]);
    stage.nothing_readable("email", "first.buyer@shop.example");
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn with_outbound_off_a_marked_click_is_still_told() {
    let stage = on("outbound = false", "/case/auto-links").await;
    stage.browser.click("#out").await.unwrap();
    stage.browser.click("#awin").await.unwrap();
    let events = reported(&stage).await;
    assert_eq!(each(&events, "network"), ["awin"]);
    stage.strike().await.unwrap();
}

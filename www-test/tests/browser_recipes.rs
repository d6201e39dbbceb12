//! The recipes of `docs/tag/recipes` that are markup, in a browser, as they are written there: a plain page, and custom HTML as
//! Google Tag Manager puts it into a page.

use serde_json::json;
use tokio::process::Command;
use www_test::relay_process::SITE;
use www_test::shop::Snippet;
use www_test::stage::{Build, Stage};

/// The blocks of HTML of a recipe.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```html\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Puts a document in the place of the shop's, at the shop's origin.
async fn write(stage: &Stage, html: &str) {
    // Without a tag of its own, whose page view would be one too many.
    stage.shop.paste(Snippet::none());
    stage.browser.goto(&stage.shop.url("/nowhere?ttclid=Recipe-Click_1")).await.expect("the page opens");
    let script = format!(
        "delete window.anytrack; document.open(); document.write({}); document.close(); \
         window.__errors = []; window.addEventListener('error', ({{ message }}) => window.__errors.push(message));",
        json!(html)
    );
    stage.browser.eval(&script).await.expect("the page can be written");
}

#[tokio::test]
async fn the_plain_page_reports_its_purchase() {
    let stage = Stage::set().await.unwrap();
    let (snippet, _) = stage.servers.printed_snippet().await.unwrap();
    let page = blocks(include_str!("../../docs/tag/recipes/plain-html.md"))[0];
    assert!(page.contains("<!-- the snippet -->"));
    write(&stage, &page.replace("<!-- the snippet -->", &snippet)).await;
    let purchase = stage.wait_for("meta", "Purchase").await;
    assert_eq!(purchase.event_id, "Purchase-88121");
    let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
    assert_eq!(purchase.at("/user_data/em"), &json!([hash]));
    assert_eq!(purchase.at("/custom_data/value"), &json!(59.9));
    let views = stage.settled("webhook").await.into_iter().filter(|event| event.name == "PageView").count();
    assert_eq!(views, 1, "the page view is the tag's own");
    stage.nothing_readable("email", "first.buyer@shop.example");
    stage.strike().await.unwrap();
}

/// What Google Tag Manager's container does with custom HTML: scripts are made anew, without the place in the document they had, and
/// of their attributes these alone are kept (the others are lost: umami-software/umami, issue 430).
const INJECT: &str = "
    const template = document.createElement('template');
    template.innerHTML = arguments[0];
    for (const written of template.content.querySelectorAll('script')) {
        const script = document.createElement('script');
        for (const name of ['type', 'id', 'charset', 'src'])
            if (written.hasAttribute(name)) script.setAttribute(name, written.getAttribute(name));
        script.text = written.text;
        document.body.append(script);
    }";

/// The snippet for Google Tag Manager, as the relay's own command prints it.
async fn snippet_for_tag_manager(stage: &Stage) -> String {
    let printed = Command::new(Build::of_workspace().relay)
        .args(["snippet", "--gtm", "--site", SITE, "--config"])
        .arg(stage.servers.folder().join("anytrack.toml"))
        .output()
        .await
        .expect("the relay's program runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).expect("the snippet is text")
}

#[tokio::test]
async fn custom_html_reports_what_the_data_layer_holds() {
    let stage = Stage::for_site("[site.tag]\nconsent = \"required\"\n").await.unwrap();
    let recipe = include_str!("../../docs/tag/recipes/google-tag-manager.md");
    assert!(recipe.contains("`anytrack-relay snippet --gtm "), "the recipe names the form of the snippet");
    let snippet = snippet_for_tag_manager(&stage).await;
    write(&stage, "<!doctype html><html><head><title>Shop</title></head><body></body></html>").await;
    let order = json!({ "event": "purchase", "ecommerce": { "transaction_id": "T-9", "value": 12.5, "currency": "EUR",
        "items": [{ "item_id": "A", "item_name": "Lamp", "price": 12.5, "quantity": 1 }] } });
    stage.browser.eval(&format!("window.dataLayer = [{{ event: 'gtm.js' }}, {order}]")).await.unwrap();
    for html in [snippet.as_str(), blocks(recipe)[0]] {
        stage.browser.eval(&INJECT.replace("arguments[0]", &json!(html).to_string())).await.unwrap();
    }
    // Before an answer the tag runs, and nothing is known, kept or sent.
    stage.browser.eval("anytrack.ready(() => { window.__ready = true; })").await.unwrap();
    stage.browser.wait_until("window.__ready === true").await.unwrap();
    let kept = "return [anytrack.visitorId(), document.cookie.includes('_at_vid')]";
    assert_eq!(stage.browser.eval(kept).await.unwrap(), json!([null, false]));
    stage.consent("granted").await;
    let purchase = stage.wait_for("webhook", "Purchase").await;
    assert_eq!(purchase.event_id, "Purchase-T-9");
    assert_eq!(purchase.at("/consent/ad_storage"), "granted", "what is sent was agreed to");
    assert_eq!(purchase.at("/properties/items/0/id"), "A");
    assert_eq!(purchase.at("/click_ids/ttclid/value"), "Recipe-Click_1");
    let names: Vec<_> = stage.settled("webhook").await.into_iter().map(|event| event.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "Purchase").count(), 1, "{names:?}");
    assert_eq!(stage.browser.eval("return window.__errors").await.unwrap(), json!([]));
    stage.strike().await.unwrap();
}

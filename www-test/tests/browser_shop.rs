//! The shop itself, without a tag: every page fits its screen, works, and never throws.

use serde_json::json;
use www_test::browser::{Browser, Screen};
use www_test::shop::{Shop, Snippet};

const PAGES: [(&str, &str); 6] = [
    ("landing", "/"),
    ("product", "/product/dome"),
    ("cart", "/cart"),
    ("checkout", "/checkout"),
    ("thanks", "/thanks"),
    ("missing", "/nowhere"),
];

/// A cart and an order, as the shop's own script keeps them.
const FURNISH: &str = r#"
    localStorage.setItem("glim-cart", '[{"id":"GLIM-DOME","quantity":1},{"id":"GLIM-ORB","quantity":2}]');
    sessionStorage.setItem("glim-order", '{"order_id":"G-1042","lines":[{"id":"GLIM-DOME","quantity":1},{"id":"GLIM-ORB","quantity":2}]}');
"#;

/// What does not fit: a page wider than its screen, a control too small for a thumb, a picture that did not load.
const MISFITS: &str = r#"
    const misfits = [];
    if (document.documentElement.scrollWidth > innerWidth) misfits.push("page is " + document.documentElement.scrollWidth + " wide");
    for (const control of document.querySelectorAll("main .button, main input, main select, .bag, .panel summary")) {
        const box = control.getBoundingClientRect();
        if (box.width && box.height < 40 && !control.closest(".stepper-box")) misfits.push("small: " + control.outerHTML.slice(0, 60));
    }
    for (const picture of document.images) if (picture.loading !== "lazy" && !picture.naturalWidth) misfits.push("no picture: " + picture.src);
    return misfits;
"#;

#[tokio::test]
async fn every_page_fits_a_phone_and_a_desktop() {
    let shop = Shop::open(Snippet::none()).await.unwrap();
    let browser = Browser::start(None).await.unwrap();
    browser.goto(&shop.url("/nowhere")).await.unwrap();
    browser.eval(FURNISH).await.unwrap();
    for screen in [Screen::Desktop, Screen::Phone] {
        browser.screen(screen).await.unwrap();
        for (name, path) in PAGES {
            browser.goto(&shop.url(path)).await.unwrap();
            browser.wait_until("document.readyState === 'complete'").await.unwrap();
            let misfits = browser.eval(MISFITS).await.unwrap();
            browser.screenshot(&format!("{name}-{}", screen.name())).await.unwrap();
            assert_eq!(misfits, json!([]), "{name} on a {}", screen.name());
        }
    }
    browser.colour_scheme("dark").await.unwrap();
    browser.goto(&shop.url("/")).await.unwrap();
    browser.screenshot("landing-phone-dark").await.unwrap();
    let exceptions = browser.exceptions().await.unwrap();
    assert!(exceptions.is_empty(), "{exceptions:?}");
    browser.close().await.unwrap();
}

#[tokio::test]
async fn the_panel_shows_every_event_once_with_its_latest_state() {
    let shop = Shop::open(Snippet::none()).await.unwrap();
    let browser = Browser::start(None).await.unwrap();
    browser.screen(Screen::Desktop).await.unwrap();
    browser.goto(&shop.url("/?fbclid=Click-1&utm_source=newsletter&size=9")).await.unwrap();
    tell(&browser, "PageView", "id-1", "sent").await;
    browser.goto(&shop.url("/product/orb")).await.unwrap();
    tell(&browser, "ViewContent", "id-2", "queued").await;
    tell(&browser, "AddToCart", "id-3", "queued").await;
    tell(&browser, "ViewContent", "id-2", "sent").await;
    browser.click("#panel summary").await.unwrap();
    let rows = "return [...document.querySelectorAll('#panel-events li')].map(row => [row.className, ...[...row.children].map(part => part.textContent)].join(' ').trim())";
    let rows = browser.eval(rows).await.unwrap();
    assert_eq!(rows, json!(["AddToCart queued id-3", "ViewContent sent id-2", "past PageView sent id-1"]));
    browser.screenshot("panel-desktop").await.unwrap();
    browser.goto(&shop.url("/?fbclid=Click-1&utm_source=newsletter&size=9")).await.unwrap();
    let shown = browser.text("document.getElementById('panel-url').textContent").await.unwrap();
    assert_eq!(shown, "fbclid=Click-1  utm_source=newsletter");
    browser.close().await.unwrap();
}

async fn tell(browser: &Browser, name: &str, event_id: &str, state: &str) {
    let detail = json!({ "name": name, "event_id": event_id, "state": state });
    let script = format!("document.dispatchEvent(new CustomEvent('anytrack:event', {{ detail: {detail} }}))");
    browser.eval(&script).await.expect("the page takes events");
}

#[tokio::test]
async fn a_cart_can_be_filled_emptied_and_paid() {
    let shop = Shop::open(Snippet::none()).await.unwrap();
    let browser = Browser::start(None).await.unwrap();
    browser.goto(&shop.url("/product/wedge")).await.unwrap();
    browser.click("[data-step='1']").await.unwrap();
    browser.click("#add").await.unwrap();
    browser.click("#to-cart").await.unwrap();
    browser.wait_for_path("/cart").await.unwrap();
    assert_eq!(browser.text("document.getElementById('total').textContent").await.unwrap(), "€138");
    browser.click("#to-checkout").await.unwrap();
    browser.click("#place").await.unwrap();
    browser.wait_until("document.querySelectorAll('[aria-invalid=true]').length === 3").await.unwrap();
    for (field, text) in [("email", "who@example.com"), ("first_name", "Vorname"), ("last_name", "Beispiel")]
    {
        browser.fill(&format!("[name={field}]"), text).await.unwrap();
    }
    browser.click("#place").await.unwrap();
    browser.wait_for_path("/thanks").await.unwrap();
    browser
        .wait_until("/^G-[0-9A-Z]{6,}$/.test(document.getElementById('order-number').textContent)")
        .await
        .unwrap();
    browser.goto(&shop.url("/cart")).await.unwrap();
    browser.wait_until("!document.getElementById('cart-empty').hidden").await.unwrap();
    browser.close().await.unwrap();
}

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
    let exceptions = browser.exceptions().await.unwrap();
    assert!(exceptions.is_empty(), "{exceptions:?}");
    browser.close().await.unwrap();
}

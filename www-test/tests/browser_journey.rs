//! From an ad click to a purchase, through the real tag and the real relay, byte by byte.

use www_test::browser::Screen;
use www_test::demo::{checks, collect};
use www_test::stage::Stage;

#[tokio::test]
async fn a_click_becomes_one_purchase_at_every_platform_and_nothing_raw_leaves_the_page() {
    let stage = Stage::set().await.unwrap();
    stage.browser.screen(Screen::Desktop).await.unwrap();
    let evidence = collect(&stage).await.unwrap();
    let faults: Vec<_> =
        checks::all(&evidence).into_iter().filter(|check| !check.faults.is_empty()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    stage.browser.screenshot("journey-thanks").await.unwrap();
    stage.strike().await.unwrap();
}

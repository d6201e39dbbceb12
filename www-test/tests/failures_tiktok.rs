//! TikTok fails in every way of its list of codes and every way the sandbox knows; what must hold then is in `house`.

#[macro_use]
mod house;

use house::{House, IDS, Platform, Repeats, SOON};
use www_test::bench::event::page_view;
use www_test::relay_process::{Settings, destination};
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{self, Sandbox};

const TOKEN: &str = "tiktok-token-for-tests";

const TIKTOK: Platform =
    Platform { name: "tiktok", settings, token: Some(TOKEN), event: page_view, repeats: Repeats::Known };

fn settings(url: &str) -> Settings {
    let keys = format!("pixel_code = \"C0EXAMPLE0PIXEL0CODE\"\naccess_token = \"{TOKEN}\"");
    Settings { more: destination("tiktok", url, &keys), ..Settings::default() }
}

async fn check(mode: Mode) {
    house::nothing_is_lost(TIKTOK, mode).await;
}

fails_in_every_way!(nothing_is_lost_when_tiktok, check);
answers_nobody_can_read!(nothing_is_lost_when_tiktok_s_answer, check);
is_like_every_platform!(TIKTOK, poison: 40_002, &["Invalid parameter", "40002", "(request 20261123"]);

#[tokio::test(flavor = "multi_thread")]
async fn an_undocumented_error_of_the_events_does_not_sink_the_others() {
    house::poison_dies_alone(TIKTOK, 40_999, &["40999"]).await;
}

/// Codes that say something about the destination, not about events: nothing goes, nothing is lost, all goes later.
#[tokio::test(flavor = "multi_thread")]
async fn codes_about_the_destination_hold_its_events() {
    for code in [40_001, 40_100, 40_104, 40_105, 50_000, 50_002] {
        let ids = ["poison-1", "poison-2", "poison-3"];
        let house = House::build(TIKTOK).await;
        house.sandbox.fail(Order::forever("tiktok", Mode::Poison { code }));
        let relay = house.bed.start().await.expect("the relay starts");
        house.send(&ids).await;
        house.webhook_has(&ids).await;
        house.has_failed(2).await;
        assert_eq!(house.sandbox.counted("tiktok").counted, 0, "{code}");
        house.sandbox.recover();
        house.platform_has(&relay, &ids, &code.to_string()).await;
        assert_eq!(house.dead(), [], "{code}");
    }
}

/// Told that some of a batch were taken but not which, the relay halves it: every good event counts once. What is
/// said to be taken when sent alone is believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_partial_success_loses_no_good_event() {
    let house = House::build(TIKTOK).await;
    house.sandbox.fail(Order::forever("tiktok", Mode::Poison { code: 20_001 }));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["e-1", "e-2", "e-3", "poison-1", "e-4"]).await;
    house.platform_has(&relay, &["e-1", "e-2", "e-3", "e-4"], "partial success").await;
    assert_eq!(house.dead(), []);
}

/// The wrong token holds the destination; the right one, after a restart, sends everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_mended_in_the_configuration() {
    let known = sandbox::Settings {
        tiktok_tokens: vec!["the-right-token".to_owned()],
        ..sandbox::Settings::default()
    };
    let sandbox = Sandbox::start_with(&known).await.expect("the platform starts");
    let settings = settings(&sandbox.url());
    let house = House::build_around(TIKTOK, sandbox, settings, 300).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    let refused = |state: &sandbox::state::State| state.counted("tiktok").refused >= 2;
    house.sandbox.wait_until("two refusals", SOON, refused).await.expect("the relay asks again");
    assert_eq!(relay.metrics().await.expect("metrics").of("destination_up", "tiktok"), 0.0);
    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    assert!(house.bed.log().contains("check `access_token`"), "{}", house.bed.log());
    assert!(!house.bed.log().contains(TOKEN), "the log shows the token");

    let file = house.bed.configuration();
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, text.replace(TOKEN, "the-right-token")).expect("writable");
    let relay = house.bed.start().await.expect("the relay starts again");
    house.platform_has(&relay, &IDS, "mended").await;
    assert_eq!(house.dead(), []);
}

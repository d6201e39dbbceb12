//! Outbrain fails in every way the sandbox knows; what must hold then is in `house`. A 2xx is all the answer it gives.

#[macro_use]
mod house;

use house::{Platform, Repeats};
use serde_json::Value;
use shared::UnixMs;
use www_test::bench::event::clicked_purchase;
use www_test::relay_process::{Settings, destination};
use www_test::sandbox::trouble::Mode;

const OUTBRAIN: Platform =
    Platform { name: "outbrain", settings, token: None, event: sale, repeats: Repeats::Unknown };

fn settings(url: &str) -> Settings {
    let more = destination("outbrain", url, "conversions = { Purchase = \"A Sale & more\" }");
    Settings { more, ..Settings::default() }
}

fn sale(id: &str, now: UnixMs) -> Value {
    clicked_purchase(id, "dicbo", now)
}

async fn check(mode: Mode) {
    house::nothing_is_lost(OUTBRAIN, mode).await;
}

fails_in_every_way!(nothing_is_lost_when_outbrain, check);
is_like_every_platform!(OUTBRAIN, poison: 0, &["Outbrain answered with status 400"]);

#[tokio::test(flavor = "multi_thread")]
async fn a_2xx_is_believed_whatever_it_says() {
    house::a_2xx_is_believed(OUTBRAIN, Mode::Garbage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_cannot_be_cut() {
    house::a_2xx_is_believed(OUTBRAIN, Mode::HalfBody, 8).await;
    house::a_2xx_is_believed(OUTBRAIN, Mode::WrongLength, 8).await;
}

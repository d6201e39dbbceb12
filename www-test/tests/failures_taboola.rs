//! Taboola fails in every way the sandbox knows, in its single and in its bulk call; what must hold then is in `house`. A 2xx
//! is all the answer it gives, and what counts twice does so only where Taboola took a conversion, did not say so, and was
//! asked again in another minute of the clock.

#[macro_use]
mod house;

use house::{Platform, Repeats};
use serde_json::Value;
use shared::UnixMs;
use www_test::bench::event::clicked_purchase;
use www_test::relay_process::{Settings, destination};
use www_test::sandbox::trouble::Mode;

const SINGLE: Platform = Platform {
    name: "taboola",
    settings: |url| settings(url, ""),
    token: None,
    event: |id, now| sale(id, "tblci", now),
    repeats: Repeats::Unknown,
};
const BULK: Platform = Platform {
    settings: |url| settings(url, "account_id = \"1234567\""),
    event: |id, now| sale(id, "click_id", now),
    ..SINGLE
};

fn settings(url: &str, more: &str) -> Settings {
    let keys = format!("conversions = {{ Purchase = \"A Sale & more\" }}\n{more}");
    Settings { more: destination("taboola", url, &keys), ..Settings::default() }
}

fn sale(id: &str, click: &str, now: UnixMs) -> Value {
    clicked_purchase(id, click, now)
}

async fn one_by_one(mode: Mode) {
    house::nothing_is_lost(SINGLE, mode).await;
}

async fn in_bulk(mode: Mode) {
    house::nothing_is_lost(BULK, mode).await;
}

fails_in_every_way!(nothing_is_lost_one_by_one_when_taboola, one_by_one);
fails_in_every_way!(nothing_is_lost_in_bulk_when_taboola, in_bulk);

/// With the single call.
mod single {
    use super::*;

    is_like_every_platform!(SINGLE, poison: 0, REFUSED);
}

/// With the bulk call.
mod bulk {
    use super::*;

    is_like_every_platform!(BULK, poison: 0, REFUSED);
}

const REFUSED: &[&str] = &["Taboola answered with status 400"];

#[tokio::test(flavor = "multi_thread")]
async fn a_2xx_is_believed_whatever_it_says() {
    house::a_2xx_is_believed(SINGLE, Mode::Garbage, 0).await;
    house::a_2xx_is_believed(BULK, Mode::Garbage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_cannot_be_cut() {
    house::a_2xx_is_believed(SINGLE, Mode::HalfBody, 8).await;
    house::a_2xx_is_believed(BULK, Mode::WrongLength, 8).await;
}

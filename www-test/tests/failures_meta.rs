//! Meta fails in every way the sandbox knows; what must hold then is in `house`.

#[macro_use]
mod house;

use house::{Platform, Repeats};
use www_test::bench::event::page_view;
use www_test::relay_process::{META_TOKEN, Settings};
use www_test::sandbox::trouble::Mode;

const META: Platform = Platform {
    name: "meta",
    settings: |url| Settings { meta: Some(url.to_owned()), ..Settings::default() },
    token: Some(META_TOKEN),
    event: page_view,
    repeats: Repeats::Known,
};

async fn check(mode: Mode) {
    house::nothing_is_lost(META, mode).await;
}

fails_in_every_way!(nothing_is_lost_when_meta, check);
answers_nobody_can_read!(nothing_is_lost_when_meta_s_answer, check);
is_like_every_platform!(META, poison: 2_804_048, &["Invalid parameter", "2804048"]);

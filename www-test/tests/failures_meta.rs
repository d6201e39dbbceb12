//! Meta fails in every way the sandbox knows; what must hold then is in `house`.

mod house;

use house::Platform;
use www_test::relay_process::{META_TOKEN, Settings};
use www_test::sandbox::trouble::Mode;

const META: Platform = Platform {
    name: "meta",
    settings: |url| Settings { meta: Some(url.to_owned()), ..Settings::default() },
    token: META_TOKEN,
};

macro_rules! nothing_is_lost_when_meta {
    ($($name:ident: $mode:expr,)+) => {
        mod nothing_is_lost_when_meta {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    house::nothing_is_lost(META, $mode).await;
                }
            )+
        }
    };
}

nothing_is_lost_when_meta! {
    is_overrun: Mode::TooManyRequests { retry_after_s: 0 },
    throttles_by_status_400: Mode::Throttled,
    is_broken: Mode::ServerError { status: 500 },
    is_behind_a_broken_gateway: Mode::ServerError { status: 502 },
    has_a_passing_fault: Mode::Transient,
    has_let_the_token_expire: Mode::TokenExpired,
    never_answers: Mode::Hang,
    resets_the_connection: Mode::Reset,
    hangs_up_without_an_answer: Mode::Close,
    takes_the_events_and_never_says_so: Mode::LoseAnswer,
    is_replaced_by_a_captive_portal: Mode::Garbage,
    breaks_off_in_the_middle_of_its_answer: Mode::HalfBody,
    announces_the_wrong_length: Mode::WrongLength,
    answers_too_slowly_to_be_heard: Mode::Slow { drip_ms: 50 },
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_that_arrives_in_time_is_believed() {
    house::slow_answers_are_believed(META).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_be_left_alone_is_respected() {
    house::a_wish_is_respected(META).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_again() {
    house::a_refused_connection_is_tried_again(META).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_dies_alone_and_says_why() {
    house::poison_dies_alone(META, 2_804_048, &["Invalid parameter", "2804048"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_platform_survives_a_restart_of_the_relay() {
    house::a_restart_loses_nothing(META).await;
}

//! Outbrain fails in every way the sandbox knows. Nothing is lost, the webhook notices nothing, and what counts twice
//! does so only where Outbrain took a conversion and did not say so.

mod native;

use native::{Counts, Network, nothing_is_lost};
use www_test::sandbox::trouble::Mode;

const OUTBRAIN: Network =
    Network { name: "outbrain", keys: "conversions = { Purchase = \"A Sale & more\" }", click: "dicbo" };

macro_rules! nothing_is_lost_when_outbrain {
    ($($name:ident: $mode:expr => $counts:ident,)+) => {
        mod nothing_is_lost_when_outbrain {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    nothing_is_lost(OUTBRAIN, $mode, Counts::$counts).await;
                }
            )+
        }
    };
}

nothing_is_lost_when_outbrain! {
    is_overrun: Mode::TooManyRequests { retry_after_s: 0 } => Once,
    throttles_without_a_delay: Mode::Throttled => Once,
    is_broken: Mode::ServerError { status: 500 } => Once,
    is_behind_a_broken_gateway: Mode::ServerError { status: 502 } => Once,
    has_a_passing_fault: Mode::Transient => Once,
    shuts_us_out: Mode::TokenExpired => Once,
    never_answers: Mode::Hang => Once,
    resets_the_connection: Mode::Reset => Once,
    hangs_up_without_an_answer: Mode::Close => Once,
    takes_the_events_and_never_says_so: Mode::LoseAnswer => AtLeastOnce,
    answers_too_slowly_to_be_heard: Mode::Slow { drip_ms: 50 } => AtLeastOnce,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2xx_is_believed_whatever_it_says() {
    native::a_2xx_is_believed(OUTBRAIN, Mode::Garbage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_cannot_be_cut() {
    native::a_2xx_is_believed(OUTBRAIN, Mode::HalfBody, 8).await;
    native::a_2xx_is_believed(OUTBRAIN, Mode::WrongLength, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_that_arrives_in_time_is_believed() {
    native::a_2xx_is_believed(OUTBRAIN, Mode::Slow { drip_ms: 1 }, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_be_left_alone_is_respected() {
    native::a_wish_to_be_left_alone_is_respected(OUTBRAIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_again() {
    native::a_refused_connection_is_tried_again(OUTBRAIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_dies_alone_and_says_why() {
    native::a_poisoned_event_dies_alone_and_says_why(OUTBRAIN, "Outbrain answered with status 400").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_network_survives_a_restart_of_the_relay() {
    native::a_failing_network_survives_a_restart_of_the_relay(OUTBRAIN).await;
}

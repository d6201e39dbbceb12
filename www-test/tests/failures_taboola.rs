//! Taboola fails in every way the sandbox knows, in its single and in its bulk call. Nothing is lost, the webhook
//! notices nothing, and what counts twice does so only where Taboola took a conversion, did not say so, and was asked
//! again in another minute of the clock.

mod native;

use native::{Counts, Network, nothing_is_lost};
use www_test::sandbox::trouble::Mode;

const SINGLE: Network =
    Network { name: "taboola", keys: "conversions = { Purchase = \"A Sale & more\" }", click: "tblci" };
const BULK: Network = Network {
    keys: "conversions = { Purchase = \"A Sale & more\" }\naccount_id = \"1234567\"",
    click: "click_id",
    ..SINGLE
};
const REFUSED: &str = "Taboola answered with status 400";

macro_rules! nothing_is_lost_when_taboola {
    ($($name:ident: $mode:expr => $counts:ident,)+) => {
        mod nothing_is_lost_when_taboola {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    nothing_is_lost(SINGLE, $mode, Counts::$counts).await;
                    nothing_is_lost(BULK, $mode, Counts::$counts).await;
                }
            )+
        }
    };
}

nothing_is_lost_when_taboola! {
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
    native::a_2xx_is_believed(SINGLE, Mode::Garbage, 0).await;
    native::a_2xx_is_believed(BULK, Mode::Garbage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_cannot_be_cut() {
    native::a_2xx_is_believed(SINGLE, Mode::HalfBody, 8).await;
    native::a_2xx_is_believed(BULK, Mode::WrongLength, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_that_arrives_in_time_is_believed() {
    native::a_2xx_is_believed(SINGLE, Mode::Slow { drip_ms: 1 }, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_be_left_alone_is_respected() {
    native::a_wish_to_be_left_alone_is_respected(SINGLE).await;
    native::a_wish_to_be_left_alone_is_respected(BULK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_again() {
    native::a_refused_connection_is_tried_again(SINGLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_dies_alone_and_says_why() {
    native::a_poisoned_event_dies_alone_and_says_why(SINGLE, REFUSED).await;
    native::a_poisoned_event_dies_alone_and_says_why(BULK, REFUSED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_network_survives_a_restart_of_the_relay() {
    native::a_failing_network_survives_a_restart_of_the_relay(BULK).await;
}

//! A house with one failing platform: the platform's sandbox, a webhook beside it, and a relay that knows both.
//!
//! Owns what must be true however a platform fails: nothing is lost, the webhook notices nothing, and every event ends
//! delivered or in the dead letter with a reason a person understands. A test file names its platform and its ways to fail.
//!
//! A network that is told no event id may count a repeat again: of such a one "once" is asked where it did not take an event, and
//! "at least once" where it took one and did not say so.
//!
//! Compiled into every test file that has a platform, none of which uses all of it.
#![allow(dead_code, unused_macros)]

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};
use serde_json::Value;
use shared::UnixMs;
use www_test::bench::connection::Connection;
use www_test::bench::event::from_server;
use www_test::relay_process::{Bed, RelayProcess, Settings};
use www_test::sandbox::state::State;
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, clock};

/// Longest wait for anything.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A platform under test.
#[derive(Clone, Copy)]
pub(crate) struct Platform {
    /// Its name, which is also that of its destination.
    pub(crate) name: &'static str,
    /// Settings of a relay with a destination there, given the sandbox's base address.
    pub(crate) settings: fn(&str) -> Settings,
    /// The destination's secret, where it has one.
    pub(crate) token: Option<&'static str>,
    /// An event it takes, under this id and at this time.
    pub(crate) event: fn(&str, UnixMs) -> Value,
    /// Whether it knows a repeat for one.
    pub(crate) repeats: Repeats,
}

/// What a platform makes of an event that it is sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// It counts once.
    Known,
    /// It may count again.
    Unknown,
}

/// Two sandboxes, so that what happens to the platform's port happens to it alone, and a bed whose relay knows both.
pub(crate) struct House {
    pub(crate) platform: Platform,
    pub(crate) sandbox: Sandbox,
    pub(crate) bed: Bed,
    webhook: Sandbox,
}

pub(crate) const IDS: [&str; 8] = ["e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7", "e-8"];

impl House {
    pub(crate) async fn build(platform: Platform) -> Self {
        let sandbox = Sandbox::start().await.expect("the platform starts");
        let settings = (platform.settings)(&sandbox.url());
        Self::build_around(platform, sandbox, settings, 300).await
    }

    /// The same around a sandbox of its own making, with other settings and another patience.
    pub(crate) async fn build_around(
        platform: Platform,
        sandbox: Sandbox,
        settings: Settings,
        request_timeout_ms: u64,
    ) -> Self {
        let webhook = Sandbox::start().await.expect("the receiver starts");
        let settings = Settings { webhook: Some(webhook.url()), request_timeout_ms, ..settings };
        let bed = Bed::make(&settings).await.expect("a bed");
        Self { platform, sandbox, bed, webhook }
    }

    /// Sends events with these ids: the first alone, the others in one request.
    pub(crate) async fn send(&self, ids: &[&str]) {
        let now = clock::now();
        self.send_events(&ids.iter().map(|id| (self.platform.event)(id, now)).collect::<Vec<_>>()).await;
    }

    /// Sends events: the first alone, the others in one request.
    pub(crate) async fn send_events(&self, events: &[Value]) {
        let mut connection = Connection::open(self.bed.address()).await.expect("the relay listens");
        let (first, others) = events.split_at(1);
        for part in [first, others].into_iter().filter(|part| !part.is_empty()) {
            let answer = connection.exchange(&from_server(part)).await.expect("an answer");
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    }

    /// Every id has reached the webhook once, whatever the platform does.
    pub(crate) async fn webhook_has(&self, ids: &[&str]) {
        let all = ids.len() as u64;
        let has_all =
            self.webhook.wait_until("all events", SOON, |state| state.counted("webhook").counted == all);
        has_all.await.expect("the webhook is not held up by the platform");
        assert_eq!(self.webhook.counted("webhook").duplicates, 0, "the webhook got an event twice");
    }

    /// Each of `ids` has counted once at the platform, no other has, nothing waits.
    pub(crate) async fn platform_has(&self, relay: &RelayProcess<'_>, ids: &[&str], mode: &str) {
        self.platform_has_seen(relay, ids, mode, |times| times == 1).await;
    }

    /// Each of `ids` has counted at the platform, so often as that is right, no other has, nothing waits.
    async fn platform_has_seen(
        &self,
        relay: &RelayProcess<'_>,
        ids: &[&str],
        mode: &str,
        is_right: fn(u32) -> bool,
    ) {
        let name = self.platform.name;
        let has_all = |state: &State| {
            let counted = state.times_counted(name);
            ids.iter().all(|id| counted.contains_key(id))
        };
        let all = self.sandbox.wait_until("all events", SOON, has_all).await;
        all.unwrap_or_else(|late| panic!("{mode}: {late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.sandbox.read(|state| {
            let counted = state.times_counted(name);
            assert_eq!(counted.len(), ids.len(), "{mode}: {counted:?}");
            assert!(counted.values().all(|times| is_right(*times)), "{mode}: {counted:?}");
        });
    }

    /// The platform was sent nothing that it does not take.
    pub(crate) fn nothing_was_refused(&self) {
        assert_eq!(
            self.sandbox.counted(self.platform.name).refused,
            0,
            "something was sent that is not taken"
        );
    }

    /// The platform has failed this often.
    pub(crate) async fn has_failed(&self, times: u64) {
        let failed = |state: &State| state.counted(self.platform.name).disturbed >= times;
        self.sandbox.wait_until("failures", SOON, failed).await.expect("the relay tries");
    }

    /// The dead letter: event ids and reasons, as an operator would read them from the database.
    pub(crate) fn dead(&self) -> Vec<(String, String)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Database::open_with_flags(self.bed.database(), flags).expect("the database opens");
        let sql = "SELECT event_id, reason FROM dead WHERE destination = ?1 ORDER BY event_id";
        let mut rows = database.prepare(sql).expect("the table is there");
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let dead = rows.query_map([self.platform.name], read).expect("rows");
        dead.collect::<Result<_, _>>().expect("texts")
    }
}

/// The platform fails like this until it has failed twice and the webhook has everything; then it is well again.
pub(crate) async fn nothing_is_lost(platform: Platform, mode: Mode) {
    let house = House::build(platform).await;
    house.sandbox.fail(Order::forever(platform.name, mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    house.has_failed(2).await;
    // The operator is told which destination is in trouble, the moment after the outcomes are counted.
    let told = relay.wait_for_metrics("down", SOON, |metrics| {
        let failed =
            ["retry", "unauthorized"].iter().any(|outcome| metrics.outcomes(platform.name, outcome) > 0.0);
        failed && metrics.of("destination_up", platform.name) == 0.0
    });
    let metrics = told.await.expect("a failure is noted");
    assert_eq!(metrics.of("destination_up", "webhook"), 1.0, "{}: and of no other", mode.name());
    house.sandbox.recover();
    let took_it = matches!(mode, Mode::LoseAnswer | Mode::Slow { .. });
    let is_right: fn(u32) -> bool = match platform.repeats {
        Repeats::Unknown if took_it => |times| times >= 1,
        Repeats::Unknown | Repeats::Known => |times| times == 1,
    };
    house.platform_has_seen(&relay, &IDS, mode.name(), is_right).await;
    house.nothing_was_refused();
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

/// A slow answer that arrives in time is believed.
pub(crate) async fn slow_answers_are_believed(platform: Platform) {
    let sandbox = Sandbox::start().await.expect("the platform starts");
    sandbox.fail(Order::forever(platform.name, Mode::Slow { drip_ms: 1 }));
    let settings = (platform.settings)(&sandbox.url());
    let house = House::build_around(platform, sandbox, settings, 20_000).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.platform_has(&relay, &IDS, "slow").await;
    let duplicates = house.sandbox.counted(platform.name).duplicates;
    assert_eq!(duplicates, 0, "an answer that came in time was not believed");
}

/// Where a 2xx is all the answer there is, it is believed, whatever stands in its body and however that is cut; of all events
/// so many count.
pub(crate) async fn a_2xx_is_believed(platform: Platform, mode: Mode, counted: u64) {
    let house = House::build(platform).await;
    house.sandbox.fail(Order::forever(platform.name, mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    let all = IDS.len() as f64;
    let delivered = relay
        .wait_for_metrics("delivered", SOON, |metrics| metrics.outcomes(platform.name, "delivered") >= all);
    delivered.await.expect("every answer is believed");
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    let tally = house.sandbox.counted(platform.name);
    assert_eq!((tally.counted, tally.duplicates), (counted, 0), "{}", mode.name());
    assert_eq!(house.dead(), []);
}

/// A wish to be left alone is respected.
pub(crate) async fn a_wish_is_respected(platform: Platform) {
    let house = House::build(platform).await;
    house.sandbox.fail(Order::times(platform.name, Mode::TooManyRequests { retry_after_s: 2 }, 1));
    let relay = house.bed.start().await.expect("the relay starts");
    // One that is sent an event a request may have several under way when it utters its wish.
    let ids = match platform.repeats {
        Repeats::Known => &IDS[..],
        Repeats::Unknown => &IDS[..1],
    };
    house.send(ids).await;
    house.webhook_has(ids).await;
    house.platform_has(&relay, ids, "retry-after").await;
    let requests = house.sandbox.requests(platform.name);
    let times: Vec<_> = requests.iter().map(|record| record.request.at).collect();
    let waits: Vec<i64> = times[1..].iter().map(|at| at.since(times[0])).collect();
    assert!(!waits.is_empty() && waits.iter().all(|wait| *wait >= 2_000), "asked again after {waits:?} ms");
}

/// A refused connection is tried again.
pub(crate) async fn a_refused_connection_is_tried_again(platform: Platform) {
    let house = House::build(platform).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["before-1", "before-2"]).await;
    house.platform_has(&relay, &["before-1", "before-2"], "before").await;
    house.sandbox.shut().await;
    house.send(&IDS).await;
    let all: Vec<&str> = IDS.into_iter().chain(["before-1", "before-2"]).collect();
    house.webhook_has(&all).await;
    let tried =
        relay.wait_for_metrics("refused", SOON, |metrics| metrics.outcomes(platform.name, "retry") >= 2.0);
    tried.await.expect("the relay tries again");
    house.sandbox.open().await;
    house.platform_has(&relay, &all, "refused").await;
    house.nothing_was_refused();
    assert_eq!(house.dead(), []);
}

/// A poisoned event dies alone, and its reason holds these words.
pub(crate) async fn poison_dies_alone(platform: Platform, code: u32, words: &[&str]) {
    let house = House::build(platform).await;
    house.sandbox.fail(Order::forever(platform.name, Mode::Poison { code }));
    let relay = house.bed.start().await.expect("the relay starts");
    let ids = ["e-1", "e-2", "poison-1", "e-3", "e-4", "e-5", "poison-2", "e-6"];
    house.send(&ids).await;
    house.webhook_has(&ids).await;
    let good: Vec<&str> = ids.into_iter().filter(|id| id.starts_with("e-")).collect();
    house.platform_has(&relay, &good, "poison").await;
    let dead = house.dead();
    let ids: Vec<&str> = dead.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["poison-1", "poison-2"]);
    for (_, reason) in dead {
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
        assert!(platform.token.is_none_or(|token| !reason.contains(token)), "{reason}");
    }
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!(metrics.of("dead_letters", platform.name), 2.0);
    assert_eq!(metrics.of("dead_letters", "webhook"), 0.0);
}

/// Events of a failing platform survive a restart of the relay.
pub(crate) async fn a_restart_loses_nothing(platform: Platform) {
    let house = House::build(platform).await;
    house.sandbox.fail(Order::forever(platform.name, Mode::ServerError { status: 503 }));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    house.has_failed(2).await;
    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    let relay = house.bed.start().await.expect("the relay starts again");
    house.sandbox.recover();
    house.platform_has(&relay, &IDS, "restart").await;
    house.webhook_has(&IDS).await;
}

/// One test for each way to fail that any platform has, each by itself: `check` is given the way.
macro_rules! fails_in_every_way {
    ($room:ident, $check:expr) => {
        fails_like! { $room, $check;
            is_overrun: Mode::TooManyRequests { retry_after_s: 0 },
            throttles_in_its_own_words: Mode::Throttled,
            is_broken: Mode::ServerError { status: 500 },
            is_behind_a_broken_gateway: Mode::ServerError { status: 502 },
            has_a_passing_fault: Mode::Transient,
            refuses_the_token: Mode::TokenExpired,
            never_answers: Mode::Hang,
            resets_the_connection: Mode::Reset,
            hangs_up_without_an_answer: Mode::Close,
            takes_the_events_and_never_says_so: Mode::LoseAnswer,
            answers_too_slowly_to_be_heard: Mode::Slow { drip_ms: 50 },
        }
    };
}

/// One test for each way in which an answer cannot be read, of a platform whose answer says what became of events.
macro_rules! answers_nobody_can_read {
    ($room:ident, $check:expr) => {
        fails_like! { $room, $check;
            is_replaced_by_a_captive_portal: Mode::Garbage,
            breaks_off_in_the_middle_of_its_answer: Mode::HalfBody,
            announces_the_wrong_length: Mode::WrongLength,
        }
    };
}

macro_rules! fails_like {
    ($room:ident, $check:expr; $($name:ident: $mode:expr,)+) => {
        mod $room {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    $check($mode).await;
                }
            )+
        }
    };
}

/// What holds of every platform but for its ways to fail: a test each.
macro_rules! is_like_every_platform {
    ($platform:expr, poison: $code:expr, $words:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn a_slow_answer_that_arrives_in_time_is_believed() {
            house::slow_answers_are_believed($platform).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_wish_to_be_left_alone_is_respected() {
            house::a_wish_is_respected($platform).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_refused_connection_is_tried_again() {
            house::a_refused_connection_is_tried_again($platform).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_poisoned_event_dies_alone_and_says_why() {
            house::poison_dies_alone($platform, $code, $words).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_failing_platform_survives_a_restart_of_the_relay() {
            house::a_restart_loses_nothing($platform).await;
        }
    };
}

//! Meta fails in every way the sandbox knows. Nothing is lost, the webhook notices nothing, and every event ends
//! delivered or in the dead letter with a reason a person understands.

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};
use serde_json::Value;
use www_test::bench::connection::Connection;
use www_test::bench::event::{from_server, page_view};
use www_test::relay_process::{Bed, META_TOKEN, RelayProcess, Settings};
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, clock};

const SOON: Duration = Duration::from_secs(20);

/// Two sandboxes, so that what happens to Meta's port happens to Meta alone, and a bed whose relay knows both.
struct House {
    meta: Sandbox,
    webhook: Sandbox,
    bed: Bed,
}

impl House {
    async fn build() -> Self {
        let meta = Sandbox::start().await.expect("Meta starts");
        let webhook = Sandbox::start().await.expect("the receiver starts");
        let settings = Settings {
            meta: Some(meta.url()),
            webhook: Some(webhook.url()),
            request_timeout_ms: 300,
            ..Settings::default()
        };
        let bed = Bed::make(&settings).await.expect("a bed");
        Self { meta, webhook, bed }
    }

    /// Sends events with these ids: the first alone, the others in one request.
    async fn send(&self, ids: &[&str]) {
        let now = clock::now();
        let mut connection = Connection::open(self.bed.address()).await.expect("the relay listens");
        let (first, others) = ids.split_at(1);
        for part in [first, others] {
            let events: Vec<Value> = part.iter().map(|id| page_view(id, now)).collect();
            let answer = connection.exchange(&from_server(&events)).await.expect("an answer");
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    }

    /// Every id has reached the webhook once, whatever Meta does.
    async fn webhook_has(&self, ids: &[&str]) {
        let all = ids.len() as u64;
        let has_all =
            self.webhook.wait_until("all events", SOON, |state| state.counted("webhook").counted == all);
        has_all.await.expect("the webhook is not held up by Meta");
        assert_eq!(self.webhook.counted("webhook").duplicates, 0, "the webhook got an event twice");
    }

    /// Each of `ids` has counted once at Meta, no other has, nothing waits.
    async fn meta_has(&self, relay: &RelayProcess<'_>, ids: &[&str], mode: &str) {
        let all = ids.len() as u64;
        let has_all = self.meta.wait_until("all events", SOON, |state| state.counted("meta").counted >= all);
        has_all.await.unwrap_or_else(|late| panic!("{mode}: {late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.meta.read(|state| {
            let counted = state.times_counted("meta");
            assert_eq!(counted.len(), ids.len(), "{mode}: {counted:?}");
            assert!(ids.iter().all(|id| counted.get(id) == Some(&1)), "{mode}: {counted:?}");
        });
    }

    /// The dead letter: event ids and reasons, as an operator would read them from the database.
    fn dead(&self) -> Vec<(String, String)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Database::open_with_flags(self.bed.database(), flags).expect("the database opens");
        let sql = "SELECT event_id, reason FROM dead WHERE destination = 'meta' ORDER BY event_id";
        let mut rows = database.prepare(sql).expect("the table is there");
        let dead = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        dead.collect::<Result<_, _>>().expect("texts")
    }
}

const IDS: [&str; 8] = ["e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7", "e-8"];

/// Meta fails like this until it has failed twice and the webhook has everything; then it is well again.
async fn check(mode: Mode) {
    let house = House::build().await;
    house.meta.fail(Order::forever("meta", mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    let failed = |state: &www_test::sandbox::state::State| state.counted("meta").disturbed >= 2;
    house.meta.wait_until("two failures", SOON, failed).await.expect("the relay tries again");
    let metrics = relay.metrics().await.expect("metrics");
    let up = (metrics.of("destination_up", "meta"), metrics.of("destination_up", "webhook"));
    assert_eq!(up, (0.0, 1.0), "{}: the operator is told which destination is in trouble", mode.name());
    house.meta.recover();
    house.meta_has(&relay, &IDS, mode.name()).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

macro_rules! nothing_is_lost_when_meta {
    ($($name:ident: $mode:expr,)+) => {
        mod nothing_is_lost_when_meta {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    check($mode).await;
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
    let house = House::build().await;
    house.meta.fail(Order::forever("meta", Mode::Slow { drip_ms: 1 }));
    let settings = Settings {
        meta: Some(house.meta.url()),
        webhook: None,
        request_timeout_ms: 20_000,
        ..Settings::default()
    };
    let house = House { bed: Bed::make(&settings).await.expect("a bed"), ..house };
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.meta_has(&relay, &IDS, "slow").await;
    assert_eq!(house.meta.counted("meta").duplicates, 0, "an answer that came in time was not believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_be_left_alone_is_respected() {
    let house = House::build().await;
    house.meta.fail(Order::times("meta", Mode::TooManyRequests { retry_after_s: 2 }, 1));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    house.meta_has(&relay, &IDS, "retry-after").await;
    let times: Vec<_> = house.meta.requests("meta").iter().map(|record| record.request.at).collect();
    let waits: Vec<i64> = times[1..].iter().map(|at| at.since(times[0])).collect();
    assert!(!waits.is_empty() && waits.iter().all(|wait| *wait >= 2_000), "asked again after {waits:?} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_again() {
    let house = House::build().await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["before-1", "before-2"]).await;
    house.meta_has(&relay, &["before-1", "before-2"], "before").await;
    house.meta.shut().await;
    house.send(&IDS).await;
    let all: Vec<&str> = IDS.into_iter().chain(["before-1", "before-2"]).collect();
    house.webhook_has(&all).await;
    let tried = relay.wait_for_metrics("refused", SOON, |metrics| metrics.outcomes("meta", "retry") >= 2.0);
    tried.await.expect("the relay tries again");
    house.meta.open().await;
    house.meta_has(&relay, &all, "refused").await;
    assert_eq!(house.dead(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_dies_alone_and_says_why() {
    let house = House::build().await;
    house.meta.fail(Order::forever("meta", Mode::Poison { code: 2_804_048 }));
    let relay = house.bed.start().await.expect("the relay starts");
    let ids = ["e-1", "e-2", "poison-1", "e-3", "e-4", "e-5", "poison-2", "e-6"];
    house.send(&ids).await;
    house.webhook_has(&ids).await;
    let good: Vec<&str> = ids.into_iter().filter(|id| id.starts_with("e-")).collect();
    house.meta_has(&relay, &good, "poison").await;
    let dead = house.dead();
    let ids: Vec<&str> = dead.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["poison-1", "poison-2"]);
    for (_, reason) in dead {
        assert!(reason.contains("Invalid parameter") && reason.contains("2804048"), "{reason}");
        assert!(!reason.contains(META_TOKEN), "{reason}");
    }
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!(metrics.of("dead_letters", "meta"), 2.0);
    assert_eq!(metrics.of("dead_letters", "webhook"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_platform_survives_a_restart_of_the_relay() {
    let house = House::build().await;
    house.meta.fail(Order::forever("meta", Mode::ServerError { status: 503 }));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    let failed = |state: &www_test::sandbox::state::State| state.counted("meta").disturbed >= 2;
    house.meta.wait_until("two failures", SOON, failed).await.expect("the relay tries");
    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    let relay = house.bed.start().await.expect("the relay starts again");
    house.meta.recover();
    house.meta_has(&relay, &IDS, "restart").await;
    assert_eq!(house.webhook.counted("webhook").duplicates, 0);
}

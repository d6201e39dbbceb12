//! A house with one failing platform: the platform's sandbox, a webhook beside it, and a relay that knows both.
//!
//! Owns what must be true however a platform fails: nothing is lost, the webhook notices nothing, and every event ends
//! delivered or in the dead letter with a reason a person understands. A test file names its platform and its ways to fail.

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};
use serde_json::Value;
use www_test::bench::connection::Connection;
use www_test::bench::event::{from_server, page_view};
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
    /// The destination's secret.
    pub(crate) token: &'static str,
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
        Self::build_around(platform, sandbox, 300).await
    }

    /// The same around a sandbox of its own making, with another patience.
    pub(crate) async fn build_around(platform: Platform, sandbox: Sandbox, request_timeout_ms: u64) -> Self {
        let webhook = Sandbox::start().await.expect("the receiver starts");
        let settings = (platform.settings)(&sandbox.url());
        let settings = Settings { webhook: Some(webhook.url()), request_timeout_ms, ..settings };
        let bed = Bed::make(&settings).await.expect("a bed");
        Self { platform, sandbox, bed, webhook }
    }

    /// Sends events with these ids: the first alone, the others in one request.
    pub(crate) async fn send(&self, ids: &[&str]) {
        let now = clock::now();
        self.send_events(&ids.iter().map(|id| page_view(id, now)).collect::<Vec<_>>()).await;
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
        let (all, name) = (ids.len() as u64, self.platform.name);
        let has_all = self.sandbox.wait_until("all events", SOON, |state| state.counted(name).counted >= all);
        has_all.await.unwrap_or_else(|late| panic!("{mode}: {late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.sandbox.read(|state| {
            let counted = state.times_counted(name);
            assert_eq!(counted.len(), ids.len(), "{mode}: {counted:?}");
            assert!(ids.iter().all(|id| counted.get(id) == Some(&1)), "{mode}: {counted:?}");
        });
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
    let metrics = relay.metrics().await.expect("metrics");
    let up = (metrics.of("destination_up", platform.name), metrics.of("destination_up", "webhook"));
    assert_eq!(up, (0.0, 1.0), "{}: the operator is told which destination is in trouble", mode.name());
    house.sandbox.recover();
    house.platform_has(&relay, &IDS, mode.name()).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

/// A slow answer that arrives in time is believed.
pub(crate) async fn slow_answers_are_believed(platform: Platform) {
    let sandbox = Sandbox::start().await.expect("the platform starts");
    sandbox.fail(Order::forever(platform.name, Mode::Slow { drip_ms: 1 }));
    let house = House::build_around(platform, sandbox, 20_000).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.platform_has(&relay, &IDS, "slow").await;
    let duplicates = house.sandbox.counted(platform.name).duplicates;
    assert_eq!(duplicates, 0, "an answer that came in time was not believed");
}

/// A wish to be left alone is respected.
pub(crate) async fn a_wish_is_respected(platform: Platform) {
    let house = House::build(platform).await;
    house.sandbox.fail(Order::times(platform.name, Mode::TooManyRequests { retry_after_s: 2 }, 1));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    house.platform_has(&relay, &IDS, "retry-after").await;
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
        assert!(!reason.contains(platform.token), "{reason}");
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

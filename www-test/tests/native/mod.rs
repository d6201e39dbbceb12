//! A relay between two sandboxes, one playing a network that knows a visitor by the click alone, the other a webhook
//! that must notice nothing of the first one's troubles.
//!
//! Such a network is told of one conversion at a time, is told no event id, and may count a repeat again; so besides
//! "once" there is "at least once", for the failures in which it took the event and did not say so.

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};
use serde_json::{Value, json};
use www_test::bench::connection::Connection;
use www_test::bench::event::from_server;
use www_test::relay_process::{Bed, RelayProcess, SITE, Settings};
use www_test::sandbox::state::{State, Tally};
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, clock};

pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const IDS: [&str; 8] = ["e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7", "e-8"];

/// A network under test.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    /// Its name.
    pub(crate) name: &'static str,
    /// The destination's own keys.
    pub(crate) keys: &'static str,
    /// The parameter its click id comes in.
    pub(crate) click: &'static str,
}

/// How often an event may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Once,
    AtLeastOnce,
}

/// Two sandboxes, so that what happens to the network's port happens to the network alone.
pub(crate) struct House {
    pub(crate) network: Network,
    pub(crate) sandbox: Sandbox,
    pub(crate) webhook: Sandbox,
    pub(crate) bed: Bed,
}

impl House {
    pub(crate) async fn build(network: Network) -> Self {
        let sandbox = Sandbox::start().await.expect("the network starts");
        let webhook = Sandbox::start().await.expect("the receiver starts");
        let (name, keys, url) = (network.name, network.keys, sandbox.url());
        let more = format!(
            "\n[[destination]]\nname = \"{name}\"\nsite = \"{SITE}\"\nplatform = \"{name}\"\n\
             endpoint = \"{url}\"\n{keys}\n"
        );
        let settings =
            Settings { webhook: Some(webhook.url()), more, request_timeout_ms: 300, ..Settings::default() };
        let bed = Bed::make(&settings).await.expect("a bed");
        Self { network, sandbox, webhook, bed }
    }

    /// Sends purchases with these ids, which are their orders' too: the first alone, the others in one request.
    pub(crate) async fn send(&self, ids: &[&str]) {
        let now = clock::now();
        let mut connection = Connection::open(self.bed.address()).await.expect("the relay listens");
        let (first, others) = ids.split_at(1);
        for part in [first, others].into_iter().filter(|part| !part.is_empty()) {
            let events: Vec<Value> = part.iter().map(|id| self.purchase(id, now.0)).collect();
            let answer = connection.exchange(&from_server(&events)).await.expect("an answer");
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    }

    fn purchase(&self, id: &str, now: i64) -> Value {
        json!({
            "event": "Purchase", "event_id": id, "time": now, "source": "web",
            "page": { "url": "https://shop.example/thanks" },
            "click_ids": { self.network.click: { "value": format!("GiA0-{id}"), "seen_at": now - 60_000 } },
            "context": { "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Example/1.0" },
            "user": { "email": "jane@example.com" },
            "properties": { "value": 59.9, "currency": "EUR", "order_id": id,
                "items": [{ "id": "SKU-7", "price": 29.95, "quantity": 2 }] },
            "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted" }
        })
    }

    /// Every id has reached the webhook once, whatever the network does.
    pub(crate) async fn webhook_has(&self, ids: &[&str]) {
        let all = ids.len() as u64;
        let has_all =
            self.webhook.wait_until("all events", SOON, |state| state.counted("webhook").counted == all);
        has_all.await.expect("the webhook is not held up");
        assert_eq!(self.webhook.counted("webhook").duplicates, 0, "the webhook got an event twice");
    }

    /// Each of `ids` has counted, no other has, nothing was malformed, nothing waits.
    pub(crate) async fn network_has(&self, relay: &RelayProcess<'_>, ids: &[&str], counts: Counts) {
        let name = self.network.name;
        let has_all = |state: &State| {
            let counted = state.times_counted(name);
            ids.iter().all(|id| counted.contains_key(id))
        };
        let all = self.sandbox.wait_until("all events", SOON, has_all).await;
        all.unwrap_or_else(|late| panic!("{late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.sandbox.read(|state| {
            let counted = state.times_counted(name);
            assert_eq!(counted.len(), ids.len(), "{counted:?}");
            let right = |times: &u32| counts == Counts::AtLeastOnce || *times == 1;
            assert!(counted.values().all(right), "{counts:?}: {counted:?}");
        });
        assert_eq!(self.tally().refused, 0, "the network was sent something it does not take");
    }

    /// Waits until the network has failed so often.
    pub(crate) async fn failed(&self, times: u64) {
        let name = self.network.name;
        let failed = |state: &State| state.counted(name).disturbed >= times;
        self.sandbox.wait_until("failures", SOON, failed).await.expect("the relay tries");
    }

    pub(crate) fn tally(&self) -> Tally {
        self.sandbox.counted(self.network.name)
    }

    /// The dead letter: event ids and reasons, as an operator would read them from the database.
    pub(crate) fn dead(&self) -> Vec<(String, String)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Database::open_with_flags(self.bed.database(), flags).expect("the database opens");
        let sql = "SELECT event_id, reason FROM dead ORDER BY event_id";
        let mut rows = database.prepare(sql).expect("the table is there");
        let dead = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        dead.collect::<Result<_, _>>().expect("texts")
    }
}

/// The network fails like so until it has failed twice and the webhook has everything; then it is well again.
pub(crate) async fn nothing_is_lost(network: Network, mode: Mode, counts: Counts) {
    let house = House::build(network).await;
    house.sandbox.fail(Order::forever(network.name, mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    house.failed(2).await;
    let metrics = relay.metrics().await.expect("metrics");
    let up = (metrics.of("destination_up", network.name), metrics.of("destination_up", "webhook"));
    assert_eq!(up, (0.0, 1.0), "{}: the operator is told which destination is in trouble", mode.name());
    house.sandbox.recover();
    house.network_has(&relay, &IDS, counts).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

/// A 2xx is all the answer there is, so it is believed, whatever stands in its body and however that is cut.
pub(crate) async fn a_2xx_is_believed(network: Network, mode: Mode, counted: u64) {
    let house = House::build(network).await;
    house.sandbox.fail(Order::forever(network.name, mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    let all = IDS.len() as f64;
    let delivered =
        |metrics: &www_test::relay_process::Metrics| metrics.outcomes(network.name, "delivered") >= all;
    relay.wait_for_metrics("delivered", SOON, delivered).await.expect("every answer is believed");
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    assert_eq!((house.tally().counted, house.tally().duplicates), (counted, 0), "{}", mode.name());
    assert_eq!(house.dead(), []);
}

pub(crate) async fn a_wish_to_be_left_alone_is_respected(network: Network) {
    let house = House::build(network).await;
    house.sandbox.fail(Order::times(network.name, Mode::TooManyRequests { retry_after_s: 2 }, 1));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["e-1"]).await;
    house.network_has(&relay, &["e-1"], Counts::Once).await;
    let times: Vec<_> = house.sandbox.requests(network.name).iter().map(|record| record.request.at).collect();
    assert_eq!(times.len(), 2);
    assert!(times[1].since(times[0]) >= 2_000, "asked again after {} ms", times[1].since(times[0]));
}

pub(crate) async fn a_refused_connection_is_tried_again(network: Network) {
    let house = House::build(network).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["before-1", "before-2"]).await;
    house.network_has(&relay, &["before-1", "before-2"], Counts::Once).await;
    house.sandbox.shut().await;
    house.send(&IDS).await;
    let all: Vec<&str> = IDS.into_iter().chain(["before-1", "before-2"]).collect();
    house.webhook_has(&all).await;
    let retried = |metrics: &www_test::relay_process::Metrics| metrics.outcomes(network.name, "retry") >= 2.0;
    relay.wait_for_metrics("refused", SOON, retried).await.expect("the relay tries again");
    house.sandbox.open().await;
    house.network_has(&relay, &all, Counts::Once).await;
    assert_eq!(house.dead(), []);
}

pub(crate) async fn a_poisoned_event_dies_alone_and_says_why(network: Network, reason: &str) {
    let house = House::build(network).await;
    house.sandbox.fail(Order::forever(network.name, Mode::Poison { code: 0 }));
    let relay = house.bed.start().await.expect("the relay starts");
    let ids = ["e-1", "e-2", "poison-1", "e-3", "e-4", "e-5", "poison-2", "e-6"];
    house.send(&ids).await;
    house.webhook_has(&ids).await;
    let good: Vec<&str> = ids.into_iter().filter(|id| id.starts_with("e-")).collect();
    house.network_has(&relay, &good, Counts::Once).await;
    let dead = house.dead();
    let expected = ["poison-1", "poison-2"].map(|id| (id.to_owned(), reason.to_owned()));
    assert_eq!(dead, expected);
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!((metrics.of("dead_letters", network.name), metrics.of("dead_letters", "webhook")), (2.0, 0.0));
}

pub(crate) async fn a_failing_network_survives_a_restart_of_the_relay(network: Network) {
    let house = House::build(network).await;
    house.sandbox.fail(Order::forever(network.name, Mode::ServerError { status: 503 }));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.webhook_has(&IDS).await;
    house.failed(2).await;
    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    let relay = house.bed.start().await.expect("the relay starts again");
    house.sandbox.recover();
    house.network_has(&relay, &IDS, Counts::Once).await;
    assert_eq!(house.webhook.counted("webhook").duplicates, 0);
}

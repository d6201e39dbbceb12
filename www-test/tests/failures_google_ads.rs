//! Google fails in every way the sandbox knows, at the token endpoint and behind it. Nothing is lost, nothing counts
//! twice, and every event ends delivered or in the dead letter with a reason a person understands.

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};
use serde_json::{Value, json};
use www_test::bench::connection::Connection;
use www_test::bench::event::from_server;
use www_test::relay_process::{Bed, RelayProcess, SITE, Settings};
use www_test::sandbox::google_ads::Client;
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, Settings as SandboxSettings, clock};

const SOON: Duration = Duration::from_secs(20);
const GOOGLE: &str = "google-ads";
const DAY_MS: i64 = 86_400_000;

/// A sandbox that knows one client, and a bed whose relay is set up with `login` and `more`.
struct House {
    google: Sandbox,
    bed: Bed,
}

/// The client the sandbox knows.
const LOGIN: &str =
    "oauth = { client_id = \"the-client\", client_secret = \"the-secret\", refresh_token = \"the-refresh\" }";

impl House {
    async fn build(login: &str, more: &str) -> Self {
        let client = Client {
            id: "the-client".to_owned(),
            secret: "the-secret".to_owned(),
            refresh_token: "the-refresh".to_owned(),
        };
        let sandbox = SandboxSettings { google_client: Some(client), ..SandboxSettings::default() };
        let google = Sandbox::start_with(&sandbox).await.expect("Google starts");
        let url = google.url();
        let table = format!(
            "\n[[destination]]\nname = \"{GOOGLE}\"\nsite = \"{SITE}\"\nplatform = \"{GOOGLE}\"\n\
             endpoint = \"{url}\"\noperating_account = \"4445556666\"\n\
             conversion_actions = {{ Purchase = \"7001\", Lead = \"7002\" }}\n{login}\n{more}\n"
        );
        let settings = Settings { more_destinations: table, request_timeout_ms: 300, ..Settings::default() };
        let bed = Bed::make(&settings).await.expect("a bed");
        Self { google, bed }
    }

    /// Sends events: the first alone, the others in one request.
    async fn send(&self, events: &[Value]) {
        let mut connection = Connection::open(self.bed.address()).await.expect("the relay listens");
        let (first, others) = events.split_at(1);
        for part in [first, others].into_iter().filter(|part| !part.is_empty()) {
            let answer = connection.exchange(&from_server(part)).await.expect("an answer");
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    }

    /// Each of `ids` has counted once, no other has, nothing waits.
    async fn google_has(&self, relay: &RelayProcess<'_>, ids: &[&str], what: &str) {
        let all = ids.len() as u64;
        let counted =
            self.google.wait_until("all events", SOON, |state| state.counted(GOOGLE).counted >= all);
        counted.await.unwrap_or_else(|late| panic!("{what}: {late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.google.read(|state| {
            let counted = state.times_counted(GOOGLE);
            assert_eq!(counted.len(), ids.len(), "{what}: {counted:?}");
            assert!(ids.iter().all(|id| counted.get(id) == Some(&1)), "{what}: {counted:?}");
        });
    }

    /// The dead letter: event ids and reasons.
    fn dead(&self) -> Vec<(String, String)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Database::open_with_flags(self.bed.database(), flags).expect("the database opens");
        let sql = "SELECT event_id, reason FROM dead ORDER BY event_id";
        let mut rows = database.prepare(sql).expect("the table is there");
        let dead = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        dead.collect::<Result<_, _>>().expect("texts")
    }

    /// How many requests to this path came to an answer of the platform's own.
    fn asked(&self, path: &str) -> usize {
        self.google.requests(GOOGLE).iter().filter(|record| record.request.path == path).count()
    }
}

fn lead(id: &str) -> Value {
    json!({ "event": "Lead", "event_id": id, "time": clock::now().0, "source": "web",
        "page": { "url": "https://shop.example/quote" }, "click_ids": { "gclid": "EXAMPLEgclid_abc-123" },
        "user": { "email": "alexz@example.com" },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "denied" } })
}

fn leads(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| lead(id)).collect()
}

const IDS: [&str; 8] = ["e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7", "e-8"];

/// Google fails like this until it has failed twice; then it is well again.
async fn check(mode: Mode) {
    let house = House::build(LOGIN, "").await;
    house.google.fail(Order::forever(GOOGLE, mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&IDS)).await;
    let failed = |state: &www_test::sandbox::state::State| state.counted(GOOGLE).disturbed >= 2;
    house.google.wait_until("two failures", SOON, failed).await.expect("the relay tries again");
    let down = relay.wait_for_metrics("down", SOON, |metrics| {
        metrics.outcomes(GOOGLE, "retry") > 0.0 || metrics.outcomes(GOOGLE, "unauthorized") > 0.0
    });
    assert_eq!(down.await.expect("it is told").of("destination_up", GOOGLE), 0.0, "{}", mode.name());
    house.google.recover();
    house.google_has(&relay, &IDS, mode.name()).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

/// The token is there when the trouble begins, so that it strikes the events and not their token.
async fn check_behind_the_token(mode: Mode) {
    let house = House::build(LOGIN, "").await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["before"])).await;
    house.google_has(&relay, &["before"], "before").await;
    house.google.fail(Order::times(GOOGLE, mode, 2));
    house.send(&leads(&IDS)).await;
    let all: Vec<&str> = IDS.into_iter().chain(["before"]).collect();
    house.google_has(&relay, &all, mode.name()).await;
    assert_eq!(house.google.counted(GOOGLE).disturbed, 2, "{}", mode.name());
    assert_eq!(house.dead(), [], "{}", mode.name());
}

macro_rules! nothing_is_lost_when_google {
    ($($name:ident: $mode:expr,)+) => {
        mod nothing_is_lost_when_google {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    check($mode).await;
                }
            )+
        }
        mod nothing_is_lost_when_behind_its_token_google {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    check_behind_the_token($mode).await;
                }
            )+
        }
    };
}

nothing_is_lost_when_google! {
    is_overrun: Mode::TooManyRequests { retry_after_s: 0 },
    throttles: Mode::Throttled,
    is_broken: Mode::ServerError { status: 500 },
    is_behind_a_broken_gateway: Mode::ServerError { status: 504 },
    is_unavailable: Mode::Transient,
    has_let_the_token_expire: Mode::TokenExpired,
    never_answers: Mode::Hang,
    resets_the_connection: Mode::Reset,
    hangs_up_without_an_answer: Mode::Close,
    takes_the_events_and_never_says_so: Mode::LoseAnswer,
    is_replaced_by_a_captive_portal: Mode::Garbage,
    breaks_off_in_the_middle_of_its_answer: Mode::HalfBody,
    announces_the_wrong_length: Mode::WrongLength,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_client_holds_the_destination_and_says_so() {
    for (wrong, words) in [
        (LOGIN.replace("the-secret", "another-secret"), "oauth.client_id"),
        (LOGIN.replace("the-refresh", "an-old-one"), "consent again"),
    ] {
        let house = House::build(&wrong, "").await;
        let relay = house.bed.start().await.expect("the relay starts");
        house.send(&leads(&IDS)).await;
        let held =
            relay.wait_for_metrics("held", SOON, |metrics| metrics.outcomes(GOOGLE, "unauthorized") >= 1.0);
        let held = held.await.expect("the destination is held");
        assert_eq!((held.of("destination_up", GOOGLE), house.asked("/v1/events:ingest")), (0.0, 0));
        let log = house.bed.log();
        assert!(log.contains(words), "{log}");
        assert!(!log.contains("another-secret") && !log.contains("an-old-one"), "{log}");
        assert_eq!(house.dead(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_many_requests() {
    let house = House::build(LOGIN, "").await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&IDS[..2])).await;
    house.google_has(&relay, &IDS[..2], "first").await;
    house.send(&leads(&IDS[2..])).await;
    house.google_has(&relay, &IDS, "then").await;
    assert_eq!(house.asked("/token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_signs_its_way_in() {
    let key = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../relay/src/platform/google_ads/credentials/test_key.pem"
    ));
    let file = json!({ "type": "service_account", "private_key": key.expect("the test key"),
        "client_email": "relay@example-project.iam.gserviceaccount.com" });
    let house = House::build("service_account = \"key.json\"", "").await;
    std::fs::write(house.bed.directory().join("key.json"), file.to_string()).expect("writable");
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&IDS)).await;
    house.google_has(&relay, &IDS, "service account").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_dies_alone_and_says_why() {
    let house = House::build(LOGIN, "").await;
    house.google.fail(Order::forever(GOOGLE, Mode::Poison { code: 0 }));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["e-1", "e-2", "poison-1", "e-3", "e-4", "e-5", "poison-2", "e-6"])).await;
    house.google_has(&relay, &["e-1", "e-2", "e-3", "e-4", "e-5", "e-6"], "poison").await;
    let dead = house.dead();
    let ids: Vec<&str> = dead.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["poison-1", "poison-2"]);
    assert!(dead.iter().all(|(_, reason)| reason.contains("transaction_id: INVALID_FORMAT")), "{dead:?}");
}

/// A refund of an order placed so many days ago.
fn refund(order: &str, days: i64) -> Value {
    json!({ "event": "Refund", "event_id": format!("refund-{order}"), "time": clock::now().0, "source": "server",
        "user": { "email": "alexz@example.com" },
        "properties": { "order_id": order, "currency": "EUR", "order_time": clock::now().0 - days * DAY_MS },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "denied" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_restates_its_order_and_waits_a_day_for_it() {
    let house = House::build(LOGIN, "").await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&[refund("A-1", 3), refund("A-2", 0)]).await;
    let taken = house.google.wait_until("a refund", SOON, |state| state.counted(GOOGLE).counted >= 1);
    taken.await.expect("the older is sent");
    let waits = relay.wait_for_metrics("one waits", SOON, |metrics| metrics.of("pending", GOOGLE) == 1.0);
    let metrics = waits.await.expect("the younger waits");
    assert_eq!(metrics.of("destination_up", GOOGLE), 1.0, "and holds nobody up");
    let sent = house.google.requests(GOOGLE).into_iter().filter_map(|record| record.request.json());
    let sent: Vec<Value> = sent.filter(|body| body.get("events").is_some()).collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0]["events"][0]["transactionId"], &sent[0]["events"][0]["conversionValue"]),
        (&json!("A-1"), &json!(0))
    );
    house.send(&leads(&["e-1"])).await;
    let goes_on =
        house.google.wait_until("a lead", SOON, |state| state.times_counted(GOOGLE).contains_key("e-1"));
    goes_on.await.expect("the destination goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_retracted_where_adjustments_are_set() {
    let house = House::build(LOGIN, "adjustments = { customer_id = \"4445556666\" }").await;
    let relay = house.bed.start().await.expect("the relay starts");
    house
        .send(&[
            refund("A-1", 3),
            refund("later:CONVERSION_NOT_FOUND:2", 3),
            refund("later:TOO_RECENT_CONVERSION:3", 3),
        ])
        .await;
    let waits = relay.wait_for_metrics("one waits", SOON, |metrics| {
        metrics.of("pending", GOOGLE) == 1.0 && metrics.of("dead_letters", GOOGLE) == 1.0
    });
    let metrics = waits.await.expect("one is taken, one waits, one is dead");
    assert_eq!(metrics.of("destination_up", GOOGLE), 1.0);
    assert!(house.asked("/v26/customers/4445556666:uploadConversionAdjustments") >= 1);
    house.google.read(|state| assert_eq!(state.times_counted(GOOGLE).get("A-1"), Some(&1)));
    let dead = house.dead();
    assert!(dead[0].1.contains("CONVERSION_NOT_FOUND"), "{dead:?}");
}

/// Google is asked after a second what became of the events.
const ASK_SOON: &str = "status_after_s = 1";

/// What the relay says once Google has said this of that many events.
async fn found(relay: &RelayProcess<'_>, reason: &str, events: f64) {
    let told = relay.wait_for_metrics(reason, SOON, |metrics| metrics.findings(GOOGLE, reason) >= events);
    told.await.expect("the later answer is counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_google_drops_later_is_buried_with_its_reason() {
    let house = House::build(LOGIN, ASK_SOON).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["later:INVALID_GCLID:1"])).await;
    found(&relay, "invalid_gclid", 1.0).await;
    let buried = relay.wait_for_metrics("buried", SOON, |metrics| metrics.of("dead_letters", GOOGLE) == 1.0);
    buried.await.expect("it is given up");
    assert_eq!(house.dead()[0].1, "Google Ads, afterwards: invalid_gclid");
    house.send(&leads(&["e-1"])).await;
    found(&relay, "delivered", 1.0).await;
    assert_eq!(relay.metrics().await.expect("metrics").of("destination_up", GOOGLE), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn some_of_a_request_are_counted_and_the_operator_is_told_what_to_do() {
    let house = House::build(LOGIN, ASK_SOON).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["e-0", "e-1", "later:NO_CONSENT:1"])).await;
    found(&relay, "no_consent", 1.0).await;
    found(&relay, "delivered", 2.0).await;
    assert_eq!(house.dead(), []);
    let log = house.bed.log();
    assert!(
        log.contains("the platform dropped events it had taken") && log.contains("ad_user_data"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_too_recent_for_google_is_tried_again_hours_later() {
    let house = House::build(LOGIN, ASK_SOON).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["later:TOO_RECENT_CLICK:1"])).await;
    found(&relay, "too_recent_click", 1.0).await;
    let waits = relay.wait_for_metrics("waiting", SOON, |metrics| metrics.of("pending", GOOGLE) == 1.0);
    waits.await.expect("it waits");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Database::open_with_flags(house.bed.database(), flags).expect("the database opens");
    let due: i64 = database.query_row("SELECT due_ms FROM retry", [], |row| row.get(0)).expect("one");
    let hours = (due - clock::now().0) as f64 / 3_600_000.0;
    assert!((5.9..=6.0).contains(&hours), "{hours} hours");
    assert_eq!(house.dead(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_survives_a_restart() {
    let house = House::build(LOGIN, "status_after_s = 2").await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["later:EVENT_TOO_OLD:1"])).await;
    let taken = house.google.wait_until("it", SOON, |state| state.counted(GOOGLE).counted == 1);
    taken.await.expect("it is taken");
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    assert_eq!(house.asked("/v1/requestStatus:retrieve"), 0, "stopped before the answer");
    let relay = house.bed.start().await.expect("the relay starts again");
    found(&relay, "event_too_old", 1.0).await;
    let buried = relay.wait_for_metrics("buried", SOON, |metrics| metrics.of("dead_letters", GOOGLE) == 1.0);
    buried.await.expect("it is given up");
}

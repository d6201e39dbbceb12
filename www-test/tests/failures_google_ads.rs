//! Google fails in every way the sandbox knows, at the token endpoint and behind it. Nothing is lost, nothing counts
//! twice, and every event ends delivered or in the dead letter with a reason a person understands.

#[macro_use]
mod house;

use house::{House, IDS, Platform, Repeats, SOON};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::{Value, json};
use shared::UnixMs;
use www_test::relay_process::{RelayProcess, Settings, destination};
use www_test::sandbox::google_ads::Client;
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, Settings as SandboxSettings, clock};

const GOOGLE: &str = "google-ads";
const DAY_MS: i64 = 86_400_000;

const ADS: Platform = Platform {
    name: GOOGLE,
    settings: |url| settings(url, LOGIN),
    token: None,
    event: lead_at,
    repeats: Repeats::Known,
};

/// The client the sandbox knows.
const LOGIN: &str =
    "oauth = { client_id = \"the-client\", client_secret = \"the-secret\", refresh_token = \"the-refresh\" }";

fn settings(url: &str, keys: &str) -> Settings {
    let keys = format!(
        "operating_account = \"4445556666\"\nconversion_actions = {{ Purchase = \"7001\", Lead = \"7002\" }}\n{keys}"
    );
    Settings { more: destination(GOOGLE, url, &keys), ..Settings::default() }
}

/// A house around a sandbox that knows one client, with a relay that has these settings.
async fn build(keys: &str) -> House {
    patient(keys, 300).await
}

/// The same with another patience.
async fn patient(keys: &str, request_timeout_ms: u64) -> House {
    let client = Client {
        id: "the-client".to_owned(),
        secret: "the-secret".to_owned(),
        refresh_token: "the-refresh".to_owned(),
    };
    let sandbox = SandboxSettings { google_client: Some(client), ..SandboxSettings::default() };
    let sandbox = Sandbox::start_with(&sandbox).await.expect("Google starts");
    let settings = settings(&sandbox.url(), keys);
    House::build_around(ADS, sandbox, settings, request_timeout_ms).await
}

/// How many requests to this path came to an answer of the platform's own.
fn asked(house: &House, path: &str) -> usize {
    house.sandbox.requests(GOOGLE).iter().filter(|record| record.request.path == path).count()
}

fn lead_at(id: &str, now: UnixMs) -> Value {
    json!({ "event": "Lead", "event_id": id, "time": now.0, "source": "web",
        "page": { "url": "https://shop.example/quote" }, "click_ids": { "gclid": "EXAMPLEgclid_abc-123" },
        "user": { "email": "alexz@example.com" },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "denied" } })
}

/// Settings with one more.
fn and(more: &str) -> String {
    [LOGIN, more].join("\n")
}

async fn check(mode: Mode) {
    house::nothing_is_lost(ADS, mode).await;
}

/// The token is there when the trouble begins, so that it strikes the events and not their token.
async fn check_behind_the_token(mode: Mode) {
    let house = build(LOGIN).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["before"]).await;
    house.platform_has(&relay, &["before"], "before").await;
    house.sandbox.fail(Order::times(GOOGLE, mode, 2));
    house.send(&IDS).await;
    let all: Vec<&str> = IDS.into_iter().chain(["before"]).collect();
    house.platform_has(&relay, &all, mode.name()).await;
    assert_eq!(house.sandbox.counted(GOOGLE).disturbed, 2, "{}", mode.name());
    assert_eq!(house.dead(), [], "{}", mode.name());
}

fails_in_every_way!(nothing_is_lost_when_google, check);
answers_nobody_can_read!(nothing_is_lost_when_google_s_answer, check);
fails_in_every_way!(nothing_is_lost_when_behind_its_token_google, check_behind_the_token);
answers_nobody_can_read!(nothing_is_lost_when_behind_its_token_google_s_answer, check_behind_the_token);
is_like_every_platform!(ADS, poison: 0, &["transaction_id: INVALID_FORMAT"]);

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_client_holds_the_destination_and_says_so() {
    for (wrong, words) in [
        (LOGIN.replace("the-secret", "another-secret"), "oauth.client_id"),
        (LOGIN.replace("the-refresh", "an-old-one"), "consent again"),
    ] {
        let house = build(&wrong).await;
        let relay = house.bed.start().await.expect("the relay starts");
        house.send(&IDS).await;
        let held =
            relay.wait_for_metrics("held", SOON, |metrics| metrics.outcomes(GOOGLE, "unauthorized") >= 1.0);
        let held = held.await.expect("the destination is held");
        assert_eq!((held.of("destination_up", GOOGLE), asked(&house, "/v1/events:ingest")), (0.0, 0));
        let log = house.bed.log();
        assert!(log.contains(words), "{log}");
        assert!(!log.contains("another-secret") && !log.contains("an-old-one"), "{log}");
        assert_eq!(house.dead(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_many_requests() {
    // An answer that comes too late would have to be asked for again.
    let house = patient(LOGIN, 20_000).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS[..2]).await;
    house.platform_has(&relay, &IDS[..2], "first").await;
    house.send(&IDS[2..]).await;
    house.platform_has(&relay, &IDS, "then").await;
    assert_eq!(asked(&house, "/token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_signs_its_way_in() {
    let key = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../relay/src/platform/google_ads/credentials/test_key.pem"
    ));
    let file = json!({ "type": "service_account", "private_key": key.expect("the test key"),
        "client_email": "relay@example-project.iam.gserviceaccount.com" });
    let house = build("service_account = \"key.json\"").await;
    std::fs::write(house.bed.directory().join("key.json"), file.to_string()).expect("writable");
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&IDS).await;
    house.platform_has(&relay, &IDS, "service account").await;
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
    let house = build(LOGIN).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&[refund("A-1", 3), refund("A-2", 0)]).await;
    let taken = house.sandbox.wait_until("a refund", SOON, |state| state.counted(GOOGLE).counted >= 1);
    taken.await.expect("the older is sent");
    let waits = relay.wait_for_metrics("one waits", SOON, |metrics| metrics.of("pending", GOOGLE) == 1.0);
    let metrics = waits.await.expect("the younger waits");
    assert_eq!(metrics.of("destination_up", GOOGLE), 1.0, "and holds nobody up");
    let sent = house.sandbox.requests(GOOGLE).into_iter().filter_map(|record| record.request.json());
    let sent: Vec<Value> = sent.filter(|body| body.get("events").is_some()).collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0]["events"][0]["transactionId"], &sent[0]["events"][0]["conversionValue"]),
        (&json!("A-1"), &json!(0))
    );
    house.send(&["e-1"]).await;
    let goes_on =
        house.sandbox.wait_until("a lead", SOON, |state| state.times_counted(GOOGLE).contains_key("e-1"));
    goes_on.await.expect("the destination goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_retracted_where_adjustments_are_set() {
    let house = build(&and("adjustments = { customer_id = \"4445556666\" }")).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house
        .send_events(&[
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
    assert!(asked(&house, "/v26/customers/4445556666:uploadConversionAdjustments") >= 1);
    house.sandbox.read(|state| assert_eq!(state.times_counted(GOOGLE).get("A-1"), Some(&1)));
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
    let house = build(&and(ASK_SOON)).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["later:INVALID_GCLID:1"]).await;
    found(&relay, "invalid_gclid", 1.0).await;
    let buried = relay.wait_for_metrics("buried", SOON, |metrics| metrics.of("dead_letters", GOOGLE) == 1.0);
    buried.await.expect("it is given up");
    assert_eq!(house.dead()[0].1, "Google Ads, afterwards: invalid_gclid");
    house.send(&["e-1"]).await;
    found(&relay, "delivered", 1.0).await;
    assert_eq!(relay.metrics().await.expect("metrics").of("destination_up", GOOGLE), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn some_of_a_request_are_counted_and_the_operator_is_told_what_to_do() {
    let house = build(&and(ASK_SOON)).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["e-0", "e-1", "later:NO_CONSENT:1"]).await;
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
    let house = build(&and(ASK_SOON)).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["later:TOO_RECENT_CLICK:1"]).await;
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
    let house = build(&and("status_after_s = 2")).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["later:EVENT_TOO_OLD:1"]).await;
    let taken = house.sandbox.wait_until("it", SOON, |state| state.counted(GOOGLE).counted == 1);
    taken.await.expect("it is taken");
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    assert_eq!(asked(&house, "/v1/requestStatus:retrieve"), 0, "stopped before the answer");
    let relay = house.bed.start().await.expect("the relay starts again");
    found(&relay, "event_too_old", 1.0).await;
    let buried = relay.wait_for_metrics("buried", SOON, |metrics| metrics.of("dead_letters", GOOGLE) == 1.0);
    buried.await.expect("it is given up");
}

//! Microsoft fails in every way the sandbox knows, on both its routes. Nothing is lost, nothing counts twice, every
//! event ends delivered or in the dead letter with a reason a person understands, and a refresh token that was replaced
//! survives a restart.

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};
use serde_json::{Value, json};
use www_test::bench::connection::Connection;
use www_test::bench::event::from_server;
use www_test::relay_process::{Bed, RelayProcess, SITE, Settings};
use www_test::sandbox::exchange::Recorded;
use www_test::sandbox::state::State;
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, clock};

const SOON: Duration = Duration::from_secs(20);
const TAG_TOKEN: &str = "tag-token-for-tests";
const IDS: [&str; 8] = ["e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7", "e-8"];

/// Microsoft, played, and a bed whose relay knows it.
struct House {
    microsoft: Sandbox,
    bed: Bed,
}

/// What a test changes in the destination's table.
type Change = (&'static str, &'static str);

impl House {
    async fn build() -> Self {
        Self::with(&[]).await
    }

    async fn with(changes: &[Change]) -> Self {
        let microsoft = Sandbox::start().await.expect("Microsoft starts");
        let mut table = format!(
            "[[destination]]\nname = \"microsoft\"\nsite = \"{SITE}\"\nplatform = \"microsoft\"\n\
             tag_id = \"187012345\"\naccess_token = \"{TAG_TOKEN}\"\nendpoint = \"{}\"\n\
             [destination.offline]\nclient_id = \"app\"\nclient_secret = \"app-secret\"\n\
             refresh_token = \"refresh-0\"\ndeveloper_token = \"developer\"\ncustomer_id = \"17\"\n\
             account_id = \"18\"\nconversions = {{ Lead = \"CRM lead\", Refund = \"Web purchase\" }}\n",
            microsoft.url()
        );
        for (from, to) in changes {
            assert!(table.contains(from), "{from} is in the table");
            table = table.replace(from, to);
        }
        let settings = Settings { more: table, request_timeout_ms: 300, ..Settings::default() };
        Self { microsoft, bed: Bed::make(&settings).await.expect("a bed") }
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
    async fn has(&self, relay: &RelayProcess<'_>, ids: &[&str], what: &str) {
        let all = ids.len() as u64;
        let has_all = |state: &State| state.counted("microsoft").counted >= all;
        let has_all = self.microsoft.wait_until("all events", SOON, has_all).await;
        has_all.unwrap_or_else(|late| panic!("{what}: {late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.microsoft.read(|state| {
            let counted = state.times_counted("microsoft");
            assert_eq!(counted.len(), ids.len(), "{what}: {counted:?}");
            assert!(ids.iter().all(|id| counted.get(id) == Some(&1)), "{what}: {counted:?}");
        });
    }

    /// Waits until Microsoft has failed twice.
    async fn failed_twice(&self) {
        let failed = |state: &State| state.counted("microsoft").disturbed >= 2;
        self.microsoft.wait_until("two failures", SOON, failed).await.expect("the relay tries again");
    }

    /// The dead letter: event ids and reasons, as an operator would read them from the database.
    fn dead(&self) -> Vec<(String, String)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Database::open_with_flags(self.bed.database(), flags).expect("the database opens");
        let sql = "SELECT event_id, reason FROM dead WHERE destination = 'microsoft' ORDER BY event_id";
        let mut rows = database.prepare(sql).expect("the table is there");
        let dead = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        dead.collect::<Result<_, _>>().expect("texts")
    }

    /// The requests to addresses that end like this.
    fn requests(&self, end: &str) -> Vec<Recorded> {
        let mut records = self.microsoft.requests("microsoft");
        records.retain(|record| record.request.path.ends_with(end));
        records
    }
}

/// A lead of the site, which goes to the tag.
fn lead(id: &str) -> Value {
    json!({ "event": "Lead", "event_id": id, "time": clock::now().0, "source": "web",
            "page": { "url": "https://shop.example/quote" },
            "user": { "email": ["ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"] },
            "properties": { "value": 25, "currency": "EUR" },
            "consent": { "ad_storage": "granted", "ad_user_data": "granted" } })
}

/// A lead of the CRM, which is uploaded; the click tells it from others.
fn crm_lead(number: usize) -> Value {
    let mut event = lead(&format!("crm-{number}"));
    event["source"] = json!("crm");
    event["click_ids"] = json!({ "msclkid": click(number) });
    event
}

fn click(number: usize) -> String {
    format!("{number:032x}")
}

fn refund(order: &str) -> Value {
    let mut event = lead(&format!("refund-{order}"));
    event["event"] = json!("Refund");
    event["properties"] = json!({ "order_id": order });
    event
}

fn leads(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| lead(id)).collect()
}

/// Microsoft fails like this until it has failed twice; then it is well again.
async fn check(mode: Mode) {
    let house = House::build().await;
    house.microsoft.fail(Order::forever("microsoft", mode));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&IDS)).await;
    house.failed_twice().await;
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!(metrics.of("destination_up", "microsoft"), 0.0, "{}: the operator is told", mode.name());
    house.microsoft.recover();
    house.has(&relay, &IDS, mode.name()).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

/// The same for uploads and the sign-in before them.
async fn check_upload(mode: Mode) {
    let house = House::build().await;
    house.microsoft.fail(Order { after: 1, ..Order::forever("microsoft", mode) });
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&(1..=4).map(crm_lead).collect::<Vec<_>>()).await;
    house.failed_twice().await;
    house.microsoft.recover();
    let clicks: Vec<String> = (1..=4).map(click).collect();
    house.has(&relay, &clicks.iter().map(String::as_str).collect::<Vec<_>>(), mode.name()).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

macro_rules! nothing_is_lost {
    ($room:ident, $check:ident) => {
        mod $room {
            use super::*;
            nothing_is_lost!(@tests $check,
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
                is_replaced_by_a_captive_portal: Mode::Garbage,
                breaks_off_in_the_middle_of_its_answer: Mode::HalfBody,
                announces_the_wrong_length: Mode::WrongLength,
                answers_too_slowly_to_be_heard: Mode::Slow { drip_ms: 50 },
            );
        }
    };
    (@tests $check:ident, $($name:ident: $mode:expr,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $check($mode).await;
            }
        )+
    };
}

nothing_is_lost!(nothing_is_lost_when_the_tag, check);
nothing_is_lost!(nothing_is_lost_when_the_upload, check_upload);

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_be_left_alone_is_respected() {
    let house = House::build().await;
    house.microsoft.fail(Order::times("microsoft", Mode::TooManyRequests { retry_after_s: 2 }, 1));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&IDS)).await;
    house.has(&relay, &IDS, "retry-after").await;
    let times: Vec<_> = house.requests("/events").iter().map(|record| record.request.at).collect();
    let waits: Vec<i64> = times[1..].iter().map(|at| at.since(times[0])).collect();
    assert!(!waits.is_empty() && waits.iter().all(|wait| *wait >= 2_000), "asked again after {waits:?} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_again() {
    let house = House::build().await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.microsoft.shut().await;
    house.send(&leads(&IDS)).await;
    let tried =
        relay.wait_for_metrics("refused", SOON, |metrics| metrics.outcomes("microsoft", "retry") >= 2.0);
    tried.await.expect("the relay tries again");
    house.microsoft.open().await;
    house.has(&relay, &IDS, "refused").await;
    assert_eq!(house.dead(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_dies_alone_and_says_why() {
    let house = House::build().await;
    house.microsoft.fail(Order::forever("microsoft", Mode::Poison { code: 0 }));
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&leads(&["e-1", "e-2", "poison-1", "e-3", "poison-2", "e-4"])).await;
    house.has(&relay, &["e-1", "e-2", "e-3", "e-4"], "poison").await;
    let dead = house.dead();
    let ids: Vec<&str> = dead.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["poison-1", "poison-2"]);
    for (_, reason) in &dead {
        assert!(
            reason.starts_with("eventId: is one this platform never takes (Invalid) (trace "),
            "{reason}"
        );
        assert!(!reason.contains(TAG_TOKEN), "{reason}");
    }
    relay.stop(SOON).await.expect("the relay stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_listed_fails_and_its_neighbours_do_not_go_twice() {
    let house = House::build().await;
    let relay = house.bed.start().await.expect("the relay starts");
    // `XXX` is three letters and no currency; only Microsoft knows that.
    let mut bad = lead("bad");
    bad["properties"]["currency"] = json!("XXX");
    house.send(&[lead("e-1"), lead("e-2"), bad, lead("e-3")]).await;
    house.has(&relay, &["e-1", "e-2", "e-3"], "a listed row").await;
    let dead = house.dead();
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["bad"]);
    assert!(dead[0].1.starts_with("customData.currency: must be a currency"), "{}", dead[0].1);
    assert_eq!(
        house.microsoft.counted("microsoft").duplicates,
        0,
        "the others were taken and not sent again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversion_that_is_listed_fails_and_its_neighbours_do_not_go_twice() {
    let house = House::build().await;
    let relay = house.bed.start().await.expect("the relay starts");
    let mut bad = crm_lead(9);
    bad["properties"]["currency"] = json!("XXX");
    house.send(&[crm_lead(1), crm_lead(2), bad, crm_lead(3)]).await;
    let clicks = [click(1), click(2), click(3)];
    house.has(&relay, &clicks.each_ref().map(String::as_str), "a listed conversion").await;
    let dead = house.dead();
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["crm-9"]);
    assert!(dead[0].1.starts_with("Microsoft error OfflineConversionCurrencyCodeInvalid"), "{}", dead[0].1);
    assert_eq!(house.microsoft.counted("microsoft").duplicates, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_take_back_and_a_bad_one_fails_alone() {
    let house = House::build().await;
    house.microsoft.fail(Order::forever("microsoft", Mode::Poison { code: 0 }));
    let relay = house.bed.start().await.expect("the relay starts");
    let mut part = refund("o-2");
    part["properties"] = json!({ "order_id": "o-2", "value": 20, "order_value": 59.9, "currency": "EUR" });
    house.send(&[refund("o-1"), part, refund("poison-1"), refund("o-3")]).await;
    house.has(&relay, &["o-1", "o-2", "o-3"], "refunds").await;
    let dead = house.dead();
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["refund-poison-1"]);
    assert!(dead[0].1.contains("OfflineConversionAdjustmentInvalid"), "{}", dead[0].1);
    let rows: Vec<Value> = house
        .requests("/OnlineConversionAdjustments/Apply")
        .iter()
        .filter_map(|record| record.request.json())
        .flat_map(|body| body["OnlineConversionAdjustments"].as_array().cloned().unwrap_or_default())
        .collect();
    let of =
        |order: &str| rows.iter().find(|row| row["TransactionId"] == order).expect("it was sent").clone();
    assert_eq!(of("o-1")["AdjustmentType"], "Retract");
    assert_eq!(
        (&of("o-2")["AdjustmentType"], &of("o-2")["AdjustmentValue"]),
        (&json!("Restate"), &json!(39.9))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_view_with_revenue_goes_as_two_rows() {
    let house = House::build().await;
    let relay = house.bed.start().await.expect("the relay starts");
    let mut view = lead("view");
    view["event"] = json!("PageView");
    house.send(&[view]).await;
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    let names = house.microsoft.read(|state| {
        let ledger = state.ledger("microsoft").expect("it is played");
        let mut names: Vec<String> =
            ledger.entries().map(|entry| format!("{} {}", entry.name, entry.id)).collect();
        names.sort();
        names
    });
    assert_eq!(names, ["pageLoad view", "page_revenue view"]);
}

/// Settings that are wrong hold the destination: its events wait, and the log says what to do.
async fn held(changes: &[Change], events: &[Value], words: &str) {
    let house = House::with(changes).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(events).await;
    let told =
        relay.wait_for_metrics("held", SOON, |metrics| metrics.outcomes("microsoft", "unauthorized") >= 2.0);
    let metrics = told.await.unwrap_or_else(|error| panic!("{words}: {error}"));
    assert_eq!(metrics.of("destination_up", "microsoft"), 0.0, "{words}");
    relay.stop(SOON).await.expect("the relay stops");
    assert_eq!((house.dead(), house.microsoft.counted("microsoft").counted), (Vec::new(), 0), "{words}");
    let log = house.bed.log();
    assert!(log.contains("destination stopped") && log.contains(words), "{words}:\n{log}");
    for secret in [TAG_TOKEN, "app-secret", "refresh-0", "developer\""] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_must_mend_holds_the_destination() {
    held(&[("187012345", "0")], &leads(&["e-1"]), "check `tag_id`").await;
    let upload = [crm_lead(1)];
    held(&[("\"18\"", "\"0\"")], &upload, "UserIsNotAuthorized").await;
    held(&[("\"developer\"", "\"unknown\"")], &upload, "InvalidCredentials").await;
    held(&[("refresh-0", "spent")], &upload, "sign in again").await;
    held(&[("CRM lead", "Plain lead")], &upload, "NotEligibleForEnhancedConversions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_goal_is_waited_for() {
    let house = House::with(&[("CRM lead", "New lead")]).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&[crm_lead(1)]).await;
    let waits =
        relay.wait_for_metrics("waiting", SOON, |metrics| metrics.outcomes("microsoft", "retry") >= 1.0);
    let metrics = waits.await.expect("the relay tries");
    assert_eq!((metrics.of("pending", "microsoft"), house.dead()), (1.0, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_has_its_own_token_and_the_refresh_token_survives_restarts() {
    let house = House::build().await;
    for round in 0..3 {
        let relay = house.bed.start().await.expect("the relay starts");
        house.send(&[lead(&format!("e-{round}")), crm_lead(round + 1)]).await;
        let all = 2 * (round as u64 + 1);
        let has_all = |state: &State| state.counted("microsoft").counted == all;
        house.microsoft.wait_until("both events", SOON, has_all).await.expect("both are delivered");
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        relay.stop(SOON).await.expect("the relay stops");
    }
    let asked: Vec<String> = house.requests("/token").iter().map(refresh_token).collect();
    assert_eq!(
        asked,
        ["refresh-0", "refresh-1", "refresh-2"],
        "each start goes on with the token it was given"
    );
    let bearers = |end: &str| -> Vec<String> {
        let of = |record: &Recorded| record.request.bearer().unwrap_or_default().to_owned();
        house.requests(end).iter().map(of).collect()
    };
    assert_eq!(bearers("/events"), [TAG_TOKEN; 3]);
    assert_eq!(bearers("/OfflineConversions/Apply"), ["access-0", "access-1", "access-2"]);
    assert_eq!(house.microsoft.counted("microsoft").refused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_early_is_renewed_at_once() {
    let house = House::build().await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&[crm_lead(1)]).await;
    let (first, second) = (click(1), click(2));
    house.has(&relay, &[&first], "before").await;
    house.microsoft.fail(Order::times("microsoft", Mode::TokenExpired, 1));
    house.send(&[crm_lead(2)]).await;
    house.has(&relay, &[&first, &second], "after").await;
    let asked: Vec<String> = house.requests("/token").iter().map(refresh_token).collect();
    assert_eq!(asked, ["refresh-0", "refresh-1"]);
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!(metrics.outcomes("microsoft", "unauthorized"), 0.0, "nobody had to be told");
}

fn refresh_token(record: &Recorded) -> String {
    let mut form = url::form_urlencoded::parse(&record.request.body);
    form.find(|(name, _)| name == "refresh_token").map(|(_, value)| value.into_owned()).unwrap_or_default()
}

//! Microsoft fails in every way the sandbox knows, on both its routes; what must hold then is in `house`. Rows that
//! fail alone, settings that hold the destination, and a refresh token that survives restarts are its own.

#[macro_use]
mod house;

use house::{House, Platform, Repeats, SOON};
use serde_json::{Value, json};
use www_test::bench::event::page_view;
use www_test::relay_process::{Settings, destination};
use www_test::sandbox::clock;
use www_test::sandbox::exchange::Recorded;
use www_test::sandbox::state::State;
use www_test::sandbox::trouble::{Mode, Order};

const TAG_TOKEN: &str = "tag-token-for-tests";

const MICROSOFT: Platform = Platform {
    name: "microsoft",
    settings,
    token: Some(TAG_TOKEN),
    event: page_view,
    repeats: Repeats::Known,
};

fn settings(url: &str) -> Settings {
    changed(url, "", "")
}

/// The settings with one text of them replaced.
fn changed(url: &str, from: &str, to: &str) -> Settings {
    // A page view with a value is two rows under one id; renamed, it is one event like others.
    let keys = format!(
        "tag_id = \"187012345\"\naccess_token = \"{TAG_TOKEN}\"\nevents = {{ PageView = \"view\" }}\n\
         [destination.offline]\nclient_id = \"app\"\nclient_secret = \"app-secret\"\n\
         refresh_token = \"refresh-0\"\ndeveloper_token = \"developer\"\ncustomer_id = \"17\"\n\
         account_id = \"18\"\nconversions = {{ Lead = \"CRM lead\", Refund = \"Web purchase\" }}\n"
    );
    let table = destination("microsoft", url, &keys);
    assert!(table.contains(from), "{from} is in the table");
    let more = if from.is_empty() { table } else { table.replace(from, to) };
    Settings { more, ..Settings::default() }
}

/// A lead of the site, which goes to the tag.
fn lead(id: &str) -> Value {
    let mut event = page_view(id, clock::now());
    event["event"] = json!("Lead");
    event["properties"] = json!({ "value": 25, "currency": "EUR" });
    event
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

/// Uploads fail once the sign-in before them has succeeded.
async fn at_the_upload(mode: Mode) {
    uploads_get_through(mode, 1).await;
}

/// The sign-in itself fails.
async fn at_the_sign_in(mode: Mode) {
    uploads_get_through(mode, 0).await;
}

/// After so many requests Microsoft fails like this until it has failed twice; then all is well again.
async fn uploads_get_through(mode: Mode, after: u32) {
    let house = House::build(MICROSOFT).await;
    house.sandbox.fail(Order { after, ..Order::forever("microsoft", mode) });
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&(1..=4).map(crm_lead).collect::<Vec<_>>()).await;
    house.has_failed(2).await;
    house.sandbox.recover();
    let clicks: Vec<String> = (1..=4).map(click).collect();
    house.platform_has(&relay, &clicks.iter().map(String::as_str).collect::<Vec<_>>(), mode.name()).await;
    assert_eq!(house.dead(), [], "{}", mode.name());
    relay.stop(SOON).await.expect("the relay stops");
}

/// The tag's own address fails.
async fn at_the_tag(mode: Mode) {
    house::nothing_is_lost(MICROSOFT, mode).await;
}

fails_in_every_way!(nothing_is_lost_when_the_tag, at_the_tag);
fails_in_every_way!(nothing_is_lost_when_the_upload, at_the_upload);
fails_in_every_way!(nothing_is_lost_when_the_sign_in, at_the_sign_in);
answers_nobody_can_read!(nothing_is_lost_when_the_tag_s_answer, at_the_tag);
answers_nobody_can_read!(nothing_is_lost_when_the_upload_s_answer, at_the_upload);
answers_nobody_can_read!(nothing_is_lost_when_the_sign_in_s_answer, at_the_sign_in);
is_like_every_platform!(MICROSOFT, poison: 0, &["eventId: is one this platform never takes (Invalid) (trace "]);

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_listed_fails_and_its_neighbours_do_not_go_twice() {
    let house = House::build(MICROSOFT).await;
    let relay = house.bed.start().await.expect("the relay starts");
    // `XXX` is three letters and no currency; only Microsoft knows that.
    let mut bad = lead("bad");
    bad["properties"]["currency"] = json!("XXX");
    house.send_events(&[lead("e-1"), lead("e-2"), bad, lead("e-3")]).await;
    house.platform_has(&relay, &["e-1", "e-2", "e-3"], "a listed row").await;
    let dead = house.dead();
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["bad"]);
    assert!(dead[0].1.starts_with("customData.currency: must be a currency"), "{}", dead[0].1);
    assert_eq!(house.sandbox.counted("microsoft").duplicates, 0, "the others were taken and not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversion_that_is_listed_fails_and_its_neighbours_do_not_go_twice() {
    let house = House::build(MICROSOFT).await;
    let relay = house.bed.start().await.expect("the relay starts");
    let mut bad = crm_lead(9);
    bad["properties"]["currency"] = json!("XXX");
    house.send_events(&[crm_lead(1), crm_lead(2), bad, crm_lead(3)]).await;
    let clicks = [click(1), click(2), click(3)];
    house.platform_has(&relay, &clicks.each_ref().map(String::as_str), "a listed conversion").await;
    let dead = house.dead();
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["crm-9"]);
    assert!(dead[0].1.starts_with("Microsoft error OfflineConversionCurrencyCodeInvalid"), "{}", dead[0].1);
    assert_eq!(house.sandbox.counted("microsoft").duplicates, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_take_back_and_a_bad_one_fails_alone() {
    let house = House::build(MICROSOFT).await;
    house.sandbox.fail(Order::forever("microsoft", Mode::Poison { code: 0 }));
    let relay = house.bed.start().await.expect("the relay starts");
    let mut part = refund("o-2");
    part["properties"] = json!({ "order_id": "o-2", "value": 20, "order_value": 59.9, "currency": "EUR" });
    house.send_events(&[refund("o-1"), part, refund("poison-1"), refund("o-3")]).await;
    house.platform_has(&relay, &["o-1", "o-2", "o-3"], "refunds").await;
    let dead = house.dead();
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["refund-poison-1"]);
    assert!(dead[0].1.contains("OfflineConversionAdjustmentInvalid"), "{}", dead[0].1);
    let rows: Vec<Value> = requests(&house, "/OnlineConversionAdjustments/Apply")
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
    let own = |url: &str| changed(url, "events = { PageView = \"view\" }\n", "");
    let house = House::build(Platform { settings: own, ..MICROSOFT }).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send(&["view"]).await;
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    let names = house.sandbox.read(|state| {
        let ledger = state.ledger("microsoft").expect("it is played");
        let mut names: Vec<String> =
            ledger.entries().map(|entry| format!("{} {}", entry.name, entry.id)).collect();
        names.sort();
        names
    });
    assert_eq!(names, ["pageLoad view", "page_revenue view"]);
}

/// Settings that are wrong hold the destination: its events wait, and the log says what to do.
async fn held(settings: fn(&str) -> Settings, words: &str) {
    let house = House::build(Platform { settings, ..MICROSOFT }).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&[lead("e-1")]).await;
    let told =
        relay.wait_for_metrics("held", SOON, |metrics| metrics.outcomes("microsoft", "unauthorized") >= 2.0);
    let metrics = told.await.unwrap_or_else(|error| panic!("{words}: {error}"));
    assert_eq!(metrics.of("destination_up", "microsoft"), 0.0, "{words}");
    relay.stop(SOON).await.expect("the relay stops");
    assert_eq!((house.dead(), house.sandbox.counted("microsoft").counted), (Vec::new(), 0), "{words}");
    let log = house.bed.log();
    assert!(log.contains("destination stopped") && log.contains(words), "{words}:\n{log}");
    no_secret(&log);
}

/// Settings of the upload that are wrong keep its events waiting, and the tag's go on.
async fn set_apart(settings: fn(&str) -> Settings, words: &str) {
    let house = House::build(Platform { settings, ..MICROSOFT }).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&[crm_lead(1)]).await;
    let told = relay.wait_for_metrics("refused", SOON, |metrics| {
        let of = |outcome| metrics.outcomes("microsoft", outcome);
        of("unauthorized") + of("misconfigured") >= 2.0
    });
    told.await.unwrap_or_else(|error| panic!("{words}: {error}"));
    house.send_events(&[lead("e-1")]).await;
    let has_one = |state: &State| state.counted("microsoft").counted == 1;
    house.sandbox.wait_until("the tag's event", SOON, has_one).await.expect("it is not held up");
    let kept = relay.wait_for_metrics("one waits", SOON, |metrics| metrics.of("pending", "microsoft") == 1.0);
    let metrics = kept.await.expect("the upload waits");
    assert_eq!(metrics.of("destination_up", "microsoft"), 1.0, "{words}");
    relay.stop(SOON).await.expect("the relay stops");
    assert_eq!(house.dead(), Vec::new(), "{words}");
    let log = house.bed.log();
    assert!(log.contains("call refused") && log.contains(words), "{words}:\n{log}");
    no_secret(&log);
}

fn no_secret(log: &str) {
    for secret in [TAG_TOKEN, "app-secret", "refresh-0", "developer\""] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_must_mend_holds_the_destination() {
    held(|url| changed(url, "187012345", "0"), "check `tag_id`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_must_mend_of_the_tag_holds_no_upload() {
    let wrong_tag = |url: &str| changed(url, "187012345", "0");
    let house = House::build(Platform { settings: wrong_tag, ..MICROSOFT }).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&[lead("e-1")]).await;
    let held =
        relay.wait_for_metrics("held", SOON, |metrics| metrics.of("destination_up", "microsoft") == 0.0);
    held.await.expect("the tag's events are held");
    house.send_events(&[crm_lead(1)]).await;
    let has_one = |state: &State| state.counted("microsoft").counted == 1;
    house.sandbox.wait_until("the upload", SOON, has_one).await.expect("it is not held up");
    let kept = relay.wait_for_metrics("one waits", SOON, |metrics| metrics.of("pending", "microsoft") == 1.0);
    kept.await.expect("the tag's event waits");
    assert_eq!(house.dead(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_must_mend_for_uploads_holds_them_alone() {
    set_apart(|url| changed(url, "\"18\"", "\"0\""), "UserIsNotAuthorized").await;
    set_apart(|url| changed(url, "\"developer\"", "\"unknown\""), "InvalidCredentials").await;
    set_apart(|url| changed(url, "refresh-0", "spent"), "sign in again").await;
    set_apart(|url| changed(url, "CRM lead", "Plain lead"), "NotEligibleForEnhancedConversions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_goal_is_waited_for() {
    let house =
        House::build(Platform { settings: |url| changed(url, "CRM lead", "New lead"), ..MICROSOFT }).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&[crm_lead(1)]).await;
    // Counted first, and a moment later seen to wait.
    let waits = relay.wait_for_metrics("waiting", SOON, |metrics| {
        metrics.outcomes("microsoft", "later") >= 1.0 && metrics.of("pending", "microsoft") == 1.0
    });
    waits.await.expect("the relay tries, and the event waits");
    assert_eq!(house.dead(), Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_has_its_own_token_and_the_refresh_token_survives_restarts() {
    let house = House::build(MICROSOFT).await;
    for round in 0..3 {
        let relay = house.bed.start().await.expect("the relay starts");
        house.send_events(&[lead(&format!("e-{round}")), crm_lead(round + 1)]).await;
        let all = 2 * (round as u64 + 1);
        let has_all = |state: &State| state.counted("microsoft").counted == all;
        house.sandbox.wait_until("both events", SOON, has_all).await.expect("both are delivered");
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        relay.stop(SOON).await.expect("the relay stops");
    }
    let asked: Vec<String> = requests(&house, "/token").iter().map(refresh_token).collect();
    assert_eq!(
        asked,
        ["refresh-0", "refresh-1", "refresh-2"],
        "each start goes on with the token it was given"
    );
    let bearers = |end: &str| -> Vec<String> {
        let of = |record: &Recorded| record.request.bearer().unwrap_or_default().to_owned();
        requests(&house, end).iter().map(of).collect()
    };
    assert_eq!(bearers("/events"), [TAG_TOKEN; 3]);
    assert_eq!(bearers("/OfflineConversions/Apply"), ["access-0", "access-1", "access-2"]);
    assert_eq!(house.sandbox.counted("microsoft").refused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_early_is_renewed_at_once() {
    let house = House::build(MICROSOFT).await;
    let relay = house.bed.start().await.expect("the relay starts");
    house.send_events(&[crm_lead(1)]).await;
    let (first, second) = (click(1), click(2));
    house.platform_has(&relay, &[&first], "before").await;
    house.sandbox.fail(Order::times("microsoft", Mode::TokenExpired, 1));
    house.send_events(&[crm_lead(2)]).await;
    house.platform_has(&relay, &[&first, &second], "after").await;
    let asked: Vec<String> = requests(&house, "/token").iter().map(refresh_token).collect();
    assert_eq!(asked, ["refresh-0", "refresh-1"]);
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!(metrics.outcomes("microsoft", "unauthorized"), 0.0, "nobody had to be told");
}

/// The requests to addresses that end like this.
fn requests(house: &House, end: &str) -> Vec<Recorded> {
    let mut records = house.sandbox.requests("microsoft");
    records.retain(|record| record.request.path.ends_with(end));
    records
}

fn refresh_token(record: &Recorded) -> String {
    let mut form = url::form_urlencoded::parse(&record.request.body);
    form.find(|(name, _)| name == "refresh_token").map(|(_, value)| value.into_owned()).unwrap_or_default()
}

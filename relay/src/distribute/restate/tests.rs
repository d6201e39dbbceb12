//! What becomes of orders and refunds that go again, or late, to Google Ads and Microsoft.

use std::future::Future;

use serde_json::json;
use shared::Event;
use shared::identity::Field;

use super::*;
use crate::config::Config;
use crate::pipeline::Steps;
use crate::store::memory::MemoryStore;
use crate::store::{Dead, Draft, Incoming, Logged, Retention, Retry, Seq, Settlement};
use crate::testing::event;
use crate::{config, platform};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const GOOGLE: &str = "[[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n\
    [[destination]]\nname = \"google\"\nsite = \"shop\"\nplatform = \"google-ads\"\noperating_account = \"1234567890\"\n\
    conversion_actions = { Purchase = \"987654321\" }\n\
    oauth = { client_id = \"c\", client_secret = \"s\", refresh_token = \"r\" }\n";

const MICROSOFT: &str = "[[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n\
    [[destination]]\nname = \"microsoft\"\nsite = \"shop\"\nplatform = \"microsoft\"\ntag_id = \"187012345\"\n\
    access_token = \"t\"\noffline = { client_id = \"c\", refresh_token = \"r\", developer_token = \"d\", customer_id = \"1\", \
    account_id = \"2\", conversions = { Refund = \"Web purchase\" } }\n";

/// A shop with an order of 100 EUR and, after it, a refund of 20, which a destination, mostly Google Ads with these keys, has in
/// view.
struct Shop {
    config: Config,
    store: MemoryStore,
}

const ORDER: Seq = 1;
const REFUND_OF_20: Seq = 2;

impl Shop {
    fn open(keys: &str) -> Self {
        Self::of(&format!("{GOOGLE}{keys}\n"))
    }

    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anytrack.toml");
        std::fs::write(&path, text).expect("written");
        let config = config::load(&path, platform::ALL).expect("a configuration").config;
        let store = MemoryStore::new(Steps::new(&config));
        Self { config, store }
    }

    /// The order and its refund, both of which the destination may read.
    fn with_a_refund(keys: &str) -> Self {
        Self::open(keys).sell()
    }

    fn sell(self) -> Self {
        self.take("Purchase", "p", r#","value":100"#);
        self.take("Refund", "r", r#","value":20"#);
        self
    }

    fn take(&self, name: &str, id: &str, more: &str) {
        let event = event(&format!(
            r#"{{"event":"{name}","event_id":"{id}","source":"server","user":{{"email":"jane@example.com"}},
                "properties":{{"order_id":"88","currency":"EUR"{more},"items":[{{"id":"SKU"}}]}}}}"#
        ));
        let mut event = Draft::from(event);
        if name == "Refund" {
            event.user = shared::UserData::default();
        }
        self.append(event);
    }

    /// Takes an event that says all of itself.
    fn take_whole(&self, json: &str) {
        self.append(Draft::from(event(json)));
    }

    fn append(&self, event: Draft) {
        let incoming = Incoming { site: "shop".into(), received: NOW, event };
        run(self.store.append(vec![incoming])).expect("stored");
    }

    fn settle(&self, settlement: Settlement) {
        run(self.store.settle(&self.config.destinations[0].name, settlement)).expect("settled");
    }

    /// An event of the log as it goes, read for the first time or again, so long after it came; or why it does not.
    fn goes(&self, seq: Seq, pending: bool, after_ms: i64) -> Result<Arc<Event>, Skip> {
        self.goes_after(seq, pending.then_some("HTTP 503"), after_ms)
    }

    /// The same of one that is read again for this reason, or for the first time.
    fn goes_after(&self, seq: Seq, reason: Option<&str>, after_ms: i64) -> Result<Arc<Event>, Skip> {
        let logged: Logged = run(self.store.read(seq - 1, 1)).expect("a log").remove(0);
        let reason = reason.map(str::to_owned);
        let item = Item { pending: reason.is_some(), reason, ..Item::from(logged) };
        let (destination, now) = (&self.config.destinations[0], NOW.plus(after_ms));
        let told = run(as_they_stand(&self.store, destination, vec![item], now)).expect("told").remove(0);
        told.left_out.map_or(Ok(told.event), Err)
    }

    /// The reason a refund does not go, or until when it waits, in milliseconds from now.
    fn refund_waits(&self, after_ms: i64) -> Option<(SkipReason, Option<i64>)> {
        let skip = self.goes(REFUND_OF_20, false, after_ms).err()?;
        Some((skip.reason, skip.until.map(|until| until.since(NOW.plus(after_ms)))))
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn delivered(cursor: Seq) -> Settlement {
    Settlement { cursor: Some(cursor), ..Settlement::default() }
}

fn retry(seq: Seq, due: UnixMs) -> Settlement {
    let retry = Retry { seq, attempts: 1, reached: None, due, reason: "HTTP 503".to_owned() };
    Settlement { retry: vec![retry], ..delivered(seq) }
}

#[test]
fn a_refund_goes_after_its_order_or_not_at_all() {
    let too_early = |ms: i64| Some((SkipReason::TooEarly, Some(ms)));
    let shop = Shop::with_a_refund("");
    assert_eq!(shop.refund_waits(0), too_early(HOUR_MS), "both come in one batch");
    shop.settle(retry(ORDER, NOW.plus(7_000)));
    assert_eq!(shop.refund_waits(0), too_early(HOUR_MS + 7_000), "the order is tried again in seven seconds");
    shop.settle(Settlement { done: vec![ORDER], ..Settlement::default() });
    assert_eq!(shop.refund_waits(0), None, "the order was delivered");
    assert_eq!(shop.refund_waits(6 * MINUTE_MS), too_early(DAY_MS), "the destination is behind");
    let dead = Dead { seq: ORDER, at: NOW, reason: "refused".to_owned() };
    shop.settle(Settlement { dead: vec![dead], ..Settlement::default() });
    assert_eq!(shop.refund_waits(0), Some((SkipReason::OrderNotSent, None)));
}

#[test]
fn a_refund_that_saw_its_order_on_its_way_waits_until_the_platform_knows_it() {
    let check = |shop: Shop, known_after: i64| {
        let until = |skip: &Skip, now: i64| skip.until.map(|until| until.since(NOW.plus(now)));
        let first = shop.goes(REFUND_OF_20, false, 0).expect_err("both come in one batch");
        shop.settle(retry(ORDER, NOW.plus(DAY_MS)));
        let again =
            shop.goes_after(REFUND_OF_20, Some(&first.detail), HOUR_MS).expect_err("it is tried again");
        assert_eq!(until(&again, 0), Some(DAY_MS + HOUR_MS));
        shop.settle(Settlement { done: vec![ORDER], ..Settlement::default() });
        for seen in [first, again] {
            let gone =
                shop.goes_after(REFUND_OF_20, Some(&seen.detail), 9 * DAY_MS).expect_err("only just now");
            assert_eq!(until(&gone, 9 * DAY_MS), Some(known_after));
            shop.goes_after(REFUND_OF_20, Some(&gone.detail), 10 * DAY_MS).expect("it is known by then");
        }
    };
    check(Shop::with_a_refund(""), DAY_MS);
    check(Shop::of(MICROSOFT).sell(), 6 * HOUR_MS);
}

/// The sender repeats the order, which it could not deliver, after the refund has come.
#[test]
fn a_refund_that_overtakes_its_order_waits_for_it_and_lowers_it_once() {
    const OVERTAKER: Seq = 1;
    const OVERTAKEN: Seq = 2;
    let check = |shop: Shop, said: &str, known_after: i64| {
        shop.take("Refund", "r", &[r#","value":20"#, said].concat());
        let waits = shop.goes(OVERTAKER, false, 0).expect_err("nobody has reported its order");
        assert_eq!((waits.reason, waits.until), (SkipReason::TooEarly, Some(NOW.plus(HOUR_MS))));
        shop.settle(retry(OVERTAKER, NOW.plus(HOUR_MS)));
        shop.take("Purchase", "p", r#","value":100"#);
        let order = shop.goes(OVERTAKEN, false, 0).expect("it goes as it came");
        assert_eq!(order.properties.value, Some(100.0));
        let then = |reason: &str, after_ms: i64| shop.goes_after(OVERTAKER, Some(reason), after_ms);
        let first = then(&waits.detail, HOUR_MS).expect_err("its order goes first");
        assert_eq!(first.detail, GOES_FIRST);
        shop.settle(delivered(OVERTAKEN));
        for seen in [waits, first] {
            let gone = then(&seen.detail, 2 * HOUR_MS).expect_err("only just now");
            assert_eq!(gone.until, Some(NOW.plus(2 * HOUR_MS + known_after)));
            let refund = then(&gone.detail, 3 * DAY_MS).expect("its order is known by then");
            let told = serde_json::to_value(&refund.properties.custom).expect("plain");
            assert_eq!((&told["remaining_value"], &told["order_value"]), (&json!(80.0), &json!(100.0)));
            assert_eq!((&told["order_event"], &told["order_reported"]), (&json!("Purchase"), &json!(NOW.0)));
            let again = shop.goes(OVERTAKER, true, 4 * DAY_MS).expect("it is replayed");
            assert_eq!(again.properties, refund.properties);
        }
        assert_eq!(shop.goes(OVERTAKEN, true, DAY_MS).expect("it goes").properties.value, Some(80.0));
    };
    // As WooCommerce says it, and Stripe of a charge.
    let left = r#","order_value":100,"remaining_value":80"#;
    for said in ["", left] {
        check(Shop::open(""), said, DAY_MS);
        check(Shop::of(MICROSOFT), said, 6 * HOUR_MS);
    }
}

#[test]
fn a_refund_waits_for_an_order_that_may_still_be_reported_and_no_longer() {
    let shop = Shop::open("");
    shop.take("Refund", "r", r#","value":20"#);
    let last = shop.goes(1, true, 3 * DAY_MS - MINUTE_MS).expect_err("it may still come");
    assert_eq!(last.until, Some(NOW.plus(3 * DAY_MS)));
    assert_eq!(last.detail, NOT_REPORTED);
    shop.goes_after(1, Some(NOT_REPORTED), 3 * DAY_MS)
        .expect("it goes as any other, and nothing has gone just now");
    // Whoever repeats an order has given up on one that was placed so long ago.
    let placed =
        |days: i64| format!(r#","value":20,"order_value":100,"order_time":{}"#, NOW.0 - days * DAY_MS);
    shop.take("Refund", "r2", &placed(2));
    let last = shop.goes(2, false, DAY_MS - MINUTE_MS).expect_err("it may still come");
    assert_eq!(last.until, Some(NOW.plus(DAY_MS)));
    shop.take("Refund", "r3", &placed(3));
    shop.goes(3, false, 0).expect("it is late");
}

/// Of an order without a value, or one that nobody pays, no note says that it was reported.
#[test]
fn a_refund_of_an_order_that_left_only_its_key_goes_at_once() {
    let check = |name: &str, order: &str, said: &str, told: Option<&str>| {
        let shop = Shop::open("");
        shop.take(name, "p", order);
        shop.settle(delivered(ORDER));
        shop.take("Refund", "r", &[r#","value":20,"order_value":100"#, said].concat());
        let refund = shop.goes(REFUND_OF_20, false, 0).expect("its order was reported");
        let told = told.map(|name| shared::Scalar::Text(name.to_owned()));
        assert_eq!(refund.properties.custom.get("order_event"), told.as_ref(), "{name}");
    };
    let value = r#","value":100"#;
    check("Purchase", "", "", None);
    check("Lead", value, "", None);
    check("Booking", value, r#","order_event":"Booking""#, Some("Booking"));
    check("Booking", value, r#","only_if_reported":"Booking""#, Some("Booking"));
}

/// The newer one says when its order was placed, and so it waits for nobody.
#[test]
fn a_refund_that_waited_does_not_raise_what_a_newer_one_left() {
    for said in ["", r#","remaining_value":50"#] {
        let shop = Shop::open("");
        shop.take("Refund", "r", r#","value":20,"order_value":100,"remaining_value":80"#);
        assert_eq!(shop.goes(1, false, 0).expect_err("its order may come").detail, NOT_REPORTED);
        let placed = NOW.0 - 3 * DAY_MS;
        let newer = format!(r#","value":30,"order_value":100{said},"order_time":{placed}"#);
        shop.take("Refund", "r2", &newer);
        let left = |refund: Arc<Event>| refund.properties.custom.get("remaining_value").cloned();
        let fifty = Some(shared::Scalar::Number(50.0));
        assert_eq!(left(shop.goes(2, false, 0).expect("it is late")), fifty);
        let waited = shop.goes_after(1, Some(NOT_REPORTED), 3 * DAY_MS).expect("nobody has reported it");
        assert_eq!(left(waited), fifty);
    }
}

/// What Stripe tells of money given back names its payment, and says later than that which order it paid.
#[test]
fn a_refund_of_a_payment_waits_for_the_order_of_that_payment() {
    let tied = r#""source":"server","tokens":{"stripe_payment_intent":"pi_1"}"#;
    let refund =
        format!(r#"{{"event":"Refund","event_id":"r",{tied},"properties":{{"value":20,"currency":"EUR"}}}}"#);
    let shop = Shop::open("");
    shop.take_whole(&refund);
    let waits = shop.goes(1, false, 0).expect_err("nobody knows the payment");
    assert_eq!((waits.until, waits.detail.as_str()), (Some(NOW.plus(HOUR_MS)), NOT_REPORTED));
    let nowhere = shop.goes_after(1, Some(NOT_REPORTED), 3 * DAY_MS).expect("nobody has said");
    assert_eq!(nowhere.properties.order_id, None);
    shop.take_whole(&format!(
        r#"{{"event":"Purchase","event_id":"p",{tied},"user":{{"email":"jane@example.com"}},
            "properties":{{"order_id":"cs_1","value":100,"currency":"EUR"}}}}"#
    ));
    shop.settle(delivered(2));
    let gone = shop.goes_after(1, Some(NOT_REPORTED), HOUR_MS).expect_err("only just now");
    assert_eq!(gone.until, Some(NOW.plus(HOUR_MS + DAY_MS)));
    let told = shop.goes_after(1, Some(&gone.detail), 2 * DAY_MS).expect("its order is known by then");
    assert_eq!(told.properties.order_id.as_deref(), Some("cs_1"));
    assert_eq!(told.properties.custom.get("remaining_value"), Some(&shared::Scalar::Number(80.0)));
}

/// All of it was paid back before anybody reported it: the refund must not say that all is left.
#[test]
fn a_refund_of_the_whole_stays_one_when_its_order_comes() {
    let shop = Shop::open("");
    shop.take("Refund", "r", "");
    assert_eq!(shop.goes(1, false, 0).expect_err("its order may come").detail, NOT_REPORTED);
    shop.take("Purchase", "p", r#","value":100"#);
    shop.settle(delivered(2));
    let refund = shop.goes(1, true, DAY_MS).expect("it goes");
    assert_eq!(refund.properties.custom.get("remaining_value"), Some(&shared::Scalar::Number(0.0)));
}

/// An adjustment of a conversion that Microsoft does not know makes none of it, and the tag may have told of it.
#[test]
fn microsoft_is_told_of_refunds_of_orders_that_never_went_there() {
    let shop = Shop::of(MICROSOFT).sell();
    let dead = Dead { seq: ORDER, at: NOW, reason: "refused".to_owned() };
    shop.settle(Settlement { dead: vec![dead], ..delivered(ORDER) });
    assert_eq!(shop.refund_waits(0), None);
    // Out of the dead letter the order says what is left.
    run(shop.store.requeue("microsoft", vec![ORDER], NOW)).expect("in hand");
    assert_eq!(shop.goes(ORDER, true, 0).expect("it goes").properties.value, Some(80.0));
    // Without adjustments each event goes as it came.
    let (alone, _offline) = MICROSOFT.split_once("offline").expect("a setting");
    let shop = Shop::of(alone).sell();
    shop.settle(retry(ORDER, NOW));
    assert_eq!(shop.refund_waits(0), None);
    assert_eq!(shop.goes(ORDER, true, 0).expect("it goes").properties.value, Some(100.0));
}

#[test]
fn a_destination_that_came_after_an_order_is_told_of_no_refund_of_it() {
    let check = |keys: &str, expected: Option<SkipReason>| {
        let shop = Shop::open(keys);
        shop.take("Purchase", "p", r#","value":100"#);
        run(shop.store.cursor("google", false)).expect("a cursor");
        shop.take("Refund", "r", r#","value":20"#);
        assert_eq!(shop.refund_waits(0).map(|(reason, _)| reason), expected, "{keys}");
        shop
    };
    // The tag has told Google of it.
    check("action_type = \"WEBPAGE\"", None);
    let shop = check("", Some(SkipReason::OrderNotSent));
    run(shop.store.requeue("google", vec![ORDER], NOW)).expect("in hand");
    shop.settle(Settlement { done: vec![ORDER], ..Settlement::default() });
    assert_eq!(shop.refund_waits(0), None, "it was replayed there");
}

#[test]
fn what_goes_again_says_what_is_left_now() {
    let shop = Shop::with_a_refund("");
    shop.settle(delivered(REFUND_OF_20));
    shop.take("Refund", "r2", r#","value":30"#);
    let left = |seq: Seq, pending: bool| {
        let event = shop.goes(seq, pending, 0).expect("it goes");
        (event.properties.value, event.properties.custom.get("remaining_value").cloned())
    };
    assert_eq!(left(ORDER, true), (Some(50.0), None));
    assert_eq!(
        left(ORDER, false),
        (Some(100.0), None),
        "what goes for the first time goes before its refunds"
    );
    let number = |left: f64| Some(shared::Scalar::Number(left));
    assert_eq!(
        left(REFUND_OF_20, true),
        (Some(20.0), number(50.0)),
        "an older refund says what the newer does"
    );
}

#[test]
fn an_order_that_was_taken_away_does_not_come_back() {
    let check = |shop: Shop, expected: Result<Option<f64>, SkipReason>| {
        shop.settle(delivered(REFUND_OF_20));
        shop.take("Refund", "r2", r#","value":80"#);
        let goes = shop.goes(ORDER, true, 0).map(|event| event.properties.value);
        assert_eq!(goes.map_err(|skip| skip.reason), expected);
    };
    check(Shop::with_a_refund(""), Ok(Some(0.0)));
    let adjustments = "adjustments = { customer_id = \"1234567890\", developer_token = \"d\" }";
    check(Shop::with_a_refund(adjustments), Err(SkipReason::Superseded));
    check(Shop::of(MICROSOFT).sell(), Err(SkipReason::Superseded));
}

/// The destination was down when the shop cancelled what nobody had paid, and the money comes later.
#[test]
fn an_order_that_was_called_off_unpaid_may_be_paid_before_it_goes() {
    let adjustments = "adjustments = { customer_id = \"1234567890\", developer_token = \"d\" }";
    for shop in [Shop::open(adjustments), Shop::of(MICROSOFT)] {
        let at = |event: &str, id: &str, hours: i64, more: &str| {
            let time = NOW.0 - hours * HOUR_MS;
            shop.take_whole(&format!(
                r#"{{"event":"{event}","event_id":"{id}","source":"server","time":{time},
                    "properties":{{"order_id":"88","value":100,"currency":"EUR"{more}}}}}"#
            ));
        };
        at("Purchase", "p", 3, "");
        shop.settle(retry(ORDER, NOW));
        at("Refund", "Refund-88-cancelled", 2, r#","remaining_value":0"#);
        let waits = shop.goes(ORDER, true, 0).expect_err("it may be paid");
        assert_eq!((waits.reason, waits.until), (SkipReason::TooEarly, Some(NOW.plus(HOUR_MS))));
        let nobody_paid = shop.goes(ORDER, true, 7 * DAY_MS).expect_err("nobody has");
        assert_eq!(nobody_paid.reason, SkipReason::Superseded);
        at("Purchase", "q", 1, r#","items":[{"id":"SKU"}]"#);
        let order = shop.goes(ORDER, true, 0).expect("it was paid");
        assert_eq!(order.properties.value, Some(100.0));
    }
}

#[test]
fn a_refund_is_lent_the_person_of_its_order_while_the_log_has_it() {
    let shop = Shop::with_a_refund("");
    shop.settle(delivered(ORDER));
    let knows = || shop.goes(REFUND_OF_20, false, 0).expect("it goes").user.has(Field::Email);
    assert!(knows());
    let none = UnixMs(0);
    let retention =
        Retention { log_before: NOW.plus(1), dedup_before: none, visitors_before: none, dead_before: none };
    let pruned = run(shop.store.prune(retention, &["google".to_owned()]));
    assert_eq!((pruned.expect("pruned"), knows()), (1, false));
}

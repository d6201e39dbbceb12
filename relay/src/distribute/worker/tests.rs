//! Single turns of a worker whose platform wants nothing yet: for what it waits, and for how long.

use std::collections::BTreeMap;

use shared::time::DAY_MS;

use super::super::circuit::Health;
use super::super::schedule::LONGEST_ASKED;
use super::*;
use crate::platform::{Built, Call, Limits, Outcome, Outgoing, Platform, Response, Restates, Skip};
use crate::store::memory::MemoryStore;
use crate::store::{Backlogs, Dead, Incoming, Person, Retry, Transaction, Verdict};
use crate::testing::event;

const NOW: UnixMs = UnixMs(1_800_000_000_000);

/// Takes nothing for the next ten years.
#[derive(Debug)]
struct Hesitant;

impl Platform for Hesitant {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        let skip = Skip::until(now.plus(3_650 * DAY_MS), "it is too early");
        let skips = (0..events.len()).map(|place| (place, skip.clone())).collect();
        Built { skips, ..Built::default() }
    }

    fn read(&self, _call: Call, _response: &Response, _events: usize, _now: UnixMs) -> Vec<Outcome> {
        Vec::new()
    }

    fn limits(&self) -> Limits {
        Limits { batch: 10, concurrency: 1, pace_ms: 0, retry_for_ms: DAY_MS }
    }

    fn restates(&self) -> Option<Restates> {
        Some(Restates { alone: true, takes_away: false, after_ms: DAY_MS })
    }
}

fn append(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    tx.append(incoming).map(Verdict::Stored)
}

/// A worker of the destination "d".
fn worker(store: Arc<dyn Store>) -> Worker {
    Worker {
        destination: Arc::new(Destination {
            name: "d".to_owned(),
            site: "shop".into(),
            platform_name: "hesitant",
            platform: Arc::new(Hesitant),
            consent: Vec::new(),
            consent_required: false,
            look_back_days: None,
            timeout_ms: 10_000,
            events: BTreeMap::new(),
            endpoint: None,
        }),
        store,
        client: HttpClient::new(Duration::from_secs(1)),
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) },
        metrics: Arc::new(Metrics::default()),
        traces: Traces::default(),
        now: || NOW,
        draw: || 0.5,
        stop_within: Duration::from_secs(20),
    }
}

/// A worker whose destination has an event of each of these visitors in hand, due then, and where it stands.
async fn waiting(events: &[(&str, UnixMs)]) -> (Worker, Position) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(append));
    let mut settlement = Settlement::default();
    for (seq, (visitor, due)) in (1..).zip(events) {
        let event = event(&format!(r#"{{"event":"Lead","visitor_id":"{visitor}"}}"#)).into();
        let incoming = Incoming { site: "shop".into(), received: NOW, event };
        store.append(vec![incoming]).await.expect("stored");
        let reason = "HTTP 503".to_owned();
        settlement.retry.push(Retry { seq, attempts: 1, reached: None, due: *due, reason });
        settlement.cursor = Some(seq);
    }
    store.settle("d", settlement).await.expect("settled");
    let worker = worker(store);
    let (_stop, mut stopping) = watch::channel(false);
    let position = worker.start(&mut stopping).await.expect("a store that answers");
    (worker, position)
}

#[tokio::test]
async fn an_erased_event_is_waited_for_no_longer() {
    let later = NOW.plus(5_000);
    let (one, two) = ([("ann", NOW)], [("ann", NOW), ("ben", later)]);
    for (events, next_due) in [(&one[..], None), (&two[..], Some(later))] {
        let (worker, mut position) = waiting(events).await;
        assert_eq!(position.next_due, Some(NOW));
        worker.store.erase("shop", Person::visitor("ann")).await.expect("erased");
        assert_eq!(worker.turn(&mut position).await.expect("a turn"), Turn::Idle);
        assert_eq!(position.next_due, next_due);
        let ms = next_due.map_or(LONGEST_PAUSE_MS, |due| due.since(NOW));
        assert_eq!(worker.pause(&position).length, Duration::from_millis(ms.unsigned_abs()));
    }
}

#[tokio::test]
async fn trouble_is_told_of_no_longer_than_something_waits_for_its_end() {
    let later = NOW.plus(5_000);
    for (events, is_up) in [(&[][..], true), (&[("ann", later)][..], false)] {
        let (worker, mut position) = waiting(events).await;
        let reason = "HTTP 503".to_owned();
        let trouble = Health::Trouble { at_least: Duration::ZERO, asked: None, reason };
        let (backoff, long_ago) = (worker.backoff, NOW.plus(-60_000));
        let change = position.circuit.learn(&trouble, &backoff, 1.0, long_ago);
        worker.announce(change, &position.circuit);
        let (change, circuit) = position.apart.learn("upload", &trouble, &backoff, 1.0, long_ago);
        worker.announce_call("upload", change, circuit);
        assert_eq!(worker.turn(&mut position).await.expect("a turn"), Turn::Idle);
        let metrics = worker.metrics.text(&Backlogs::new());
        for gauge in ["destination_up{destination=\"d\"}", "call_up{destination=\"d\",call=\"upload\"}"] {
            let line = format!("anytrack_{gauge} {}", u8::from(is_up));
            assert!(metrics.contains(&line), "{line} in\n{metrics}");
        }
        assert_eq!(position.circuit.open_until().is_none(), is_up);
    }
}

#[tokio::test]
async fn an_event_that_is_too_early_by_years_does_not_keep_a_worker_busy() {
    let (worker, mut position) = waiting(&[("ann", NOW)]).await;
    assert_eq!(worker.turn(&mut position).await.expect("a turn"), Turn::Worked);
    assert_eq!(position.next_due, Some(NOW.plus(LONGEST_RETRY_MS)));
    assert_eq!(worker.turn(&mut position).await.expect("a turn"), Turn::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_ends_a_pause_leaves_time_for_what_comes_with_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(append));
    let (ask, asked) = watch::channel(false);
    let running = tokio::spawn(worker(store.clone()).run(asked));
    // Longer than the stop may take, and shorter than the longest pause.
    tokio::time::sleep(Duration::from_secs(25)).await;
    let event = event(r#"{"event":"Lead"}"#).into();
    store.append(vec![Incoming { site: "shop".into(), received: NOW, event }]).await.expect("stored");
    ask.send_replace(true);
    running.await.expect("the worker ends");
    assert_eq!(store.backlog("d").await.expect("a backlog").cursor, 1);
}

#[tokio::test]
async fn a_stop_leaves_what_is_new_and_what_waits_whenever_it_is_due() {
    let later = NOW.plus(5_000);
    for (events, left) in [(&[][..], false), (&[("ann", NOW)][..], true), (&[("ann", later)][..], true)] {
        let (worker, position) = waiting(events).await;
        assert_eq!(worker.leaves(&position), left, "{events:?}");
    }
    let (worker, position) = waiting(&[]).await;
    let event = event(r#"{"event":"Lead"}"#).into();
    worker.store.append(vec![Incoming { site: "shop".into(), received: NOW, event }]).await.expect("stored");
    assert!(worker.leaves(&position));
}

#[test]
fn no_pause_that_can_be_set_or_asked_for_is_beyond_reason() {
    // The longest that `config` takes for a pause.
    let cap = Duration::from_secs(86_400);
    let longest = Backoff { base: cap, cap }.wait(u32::MAX, 1.0, Duration::MAX, Some(Duration::MAX));
    assert!(longest >= LONGEST_ASKED && longest.as_millis() <= u128::from(LONGEST_RETRY_MS.unsigned_abs()));
}

/// What is not to be sent yet waits also where an attempt reached the platform so long ago that another would be given up.
#[tokio::test]
async fn what_we_keep_ourselves_is_not_given_up_for_an_attempt_that_arrived() {
    let (worker, mut position) = waiting(&[("ann", NOW)]).await;
    let reached = Some(UnixMs(NOW.0 - 2 * DAY_MS));
    let retry = Retry { seq: 1, attempts: 1, reached, due: NOW, reason: "HTTP 503".to_owned() };
    let settlement = Settlement { retry: vec![retry], ..Settlement::default() };
    worker.store.settle("d", settlement).await.expect("settled");
    assert_eq!(worker.turn(&mut position).await.expect("a turn"), Turn::Worked);
    let backlog = worker.store.backlog("d").await.expect("a backlog");
    assert_eq!((backlog.pending, backlog.dead), (1, 0));
    let due = NOW.plus(LONGEST_RETRY_MS);
    let kept = worker.store.due("d", due, 1).await.expect("a store that answers").remove(0);
    assert_eq!((kept.attempts, kept.reached), (1, reached));
}

#[tokio::test]
async fn a_refund_of_an_order_that_was_given_up_is_left_out() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(crate::pipeline::Steps::default()));
    for (seq, name) in [(1, "Purchase"), (2, "Refund")] {
        let json = format!(
            r#"{{"event":"{name}","source":"server","properties":{{"order_id":"88","value":5,"currency":"EUR"}}}}"#
        );
        let incoming = Incoming { site: "shop".into(), received: NOW, event: event(&json).into() };
        assert_eq!(store.append(vec![incoming]).await.expect("stored"), [Verdict::Stored(seq)]);
    }
    let dead = Dead { seq: 1, at: NOW, reason: "refused".to_owned() };
    let settlement = Settlement { cursor: Some(1), dead: vec![dead], ..Settlement::default() };
    store.settle("d", settlement).await.expect("settled");
    let worker = worker(store);
    let (_stop, mut stopping) = watch::channel(false);
    let mut position = worker.start(&mut stopping).await.expect("a store that answers");
    assert_eq!(worker.turn(&mut position).await.expect("a turn"), Turn::Worked);
    let backlog = worker.store.backlog("d").await.expect("a backlog");
    // Its platform would have put it off.
    assert_eq!((backlog.cursor, backlog.pending, backlog.dead), (2, 0, 1));
}

//! What must not be asked of a platform too often or too long: events that a wrong setting keeps, requests under way at a stop,
//! a call that is silent, a question without an answer.

mod plain;

use std::collections::BTreeSet;
use std::time::Duration;

use plain::{Bench, Plain, SILENCE, append, is_upload, server, settled, store, worker};
use relay::distribute::schedule::Backoff;
use relay::distribute::{HttpClient, Worker};
use relay::store::{Receipt, Retry, Settlement};
use shared::UnixMs;
use tokio::sync::watch;

/// Events that a wrong setting keeps, of one platform by an answer for all and of another by a success that refuses its rows, go
/// together however often they were tried and whenever they came, and once it is mended in no more requests than others.
#[tokio::test]
async fn what_a_wrong_setting_keeps_goes_together_until_it_is_mended() {
    for status in [421, 207] {
        let (mended, is_mended) = watch::channel(false);
        let script = move |_: &[String]| if *is_mended.borrow() { 200 } else { status };
        let (url, mut requests) = server(Box::new(script)).await;
        let bench = Bench::of(store().await, Plain { apart: true, ..Plain::at(url, 50) });
        for number in 1..=5 {
            append(&bench.store, number..=number).await;
            bench.until(|backlog| backlog.pending == number as u64).await;
        }
        let mut next = async || requests.recv().await.expect("a request");
        while next().await.0.len() < 5 {}
        for _ in 0..8 {
            let (ids, answer) = next().await;
            assert_eq!((ids.len(), answer), (5, status), "{ids:?}");
        }
        mended.send_replace(true);
        let backlog = bench.until(settled).await;
        assert_eq!((backlog.cursor, backlog.dead), (5, 0));
        bench.stop().await;
        while let Ok((ids, _)) = requests.try_recv() {
            assert_eq!(ids.len(), 5, "{ids:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_setting_makes_no_suspect_of_an_event() {
    let (url, _requests) = server(Box::new(|_| 421)).await;
    let store = store().await;
    append(&store, 1..=1).await;
    let put_back = |attempts| {
        let reason = "no such action".to_owned();
        let retry = vec![Retry { seq: 1, attempts, reached: None, due: UnixMs(0), reason }];
        Settlement { cursor: Some(1), retry, ..Settlement::default() }
    };
    // One that went alone for it, by what counted it before, does so no longer.
    for attempts in [2, 3, 9] {
        store.settle("d", put_back(attempts)).await.expect("settled");
        let hour = Duration::from_secs(3_600);
        let backoff = Backoff { base: hour, cap: hour };
        let platform = Plain::at(url.clone(), 1);
        let bench = Bench::at_work(Worker { backoff, ..worker(&store, platform) });
        bench.until(|backlog| backlog.next_due > Some(UnixMs(0))).await;
        bench.stop().await;
        let pending = store.due("d", UnixMs(i64::MAX), 1).await.expect("pending");
        assert_eq!(pending[0].attempts, 3);
        // Half a minute, give or take half of that, and not the hour.
        let wait = pending[0].due.since(relay::clock::now());
        assert!((0..=45_000).contains(&wait), "{wait}");
    }
}

/// Sends 30 events in requests of ten to a platform at whose first request the relay is told to stop, which may take so long. How
/// many events were sent, and where the cursor stands then.
async fn stopped(stop_within: Duration) -> (usize, i64) {
    let (stop, stopping) = watch::channel(false);
    let script = move |_: &[String]| {
        stop.send_replace(true);
        200
    };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=30).await;
    let client = HttpClient::new(Duration::from_secs(5));
    Worker { client, stop_within, ..worker(&store, Plain::at(url, 10)) }.run(stopping).await;
    let mut sent = 0;
    while let Ok((ids, _)) = requests.try_recv() {
        sent += ids.len();
    }
    (sent, store.backlog("d").await.expect("a backlog").cursor)
}

#[tokio::test]
async fn a_stop_ends_the_round_in_hand_and_begins_none_that_might_be_cut_off() {
    // A request may take five seconds.
    assert_eq!(stopped(Duration::from_secs(5)).await, (10, 10), "each that was sent is recorded");
    assert_eq!(stopped(Duration::from_secs(60)).await, (30, 30), "there is time for all");
}

#[tokio::test]
async fn a_turn_that_is_begun_after_a_stop_takes_no_more_than_one_request_holds() {
    let (url, mut requests) = server(Box::new(|_| 200)).await;
    let store = store().await;
    append(&store, 1..=20).await;
    let due = |seq| Retry { seq, attempts: 1, reached: None, due: UnixMs(0), reason: "HTTP 503".to_owned() };
    let settlement =
        Settlement { cursor: Some(10), retry: (1..=10).map(due).collect(), ..Settlement::default() };
    store.settle("d", settlement).await.expect("settled");
    let (_stop, stopping) = watch::channel(true);
    let stop_within = Duration::from_secs(1);
    Worker { stop_within, ..worker(&store, Plain::at(url, 10)) }.run(stopping).await;
    assert_eq!(requests.try_recv().expect("what is due").0.len(), 10);
    let second = requests.try_recv();
    assert!(second.is_err(), "what is new waits for the next start: {second:?}");
}

#[tokio::test]
async fn the_silence_of_a_call_makes_smaller_what_goes_by_that_call_alone() {
    let script = |ids: &[String]| if is_upload(&ids[0]) && ids.len() > 5 { SILENCE } else { 200 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=128).await;
    let client = HttpClient::new(Duration::from_millis(300));
    let platform = Plain { uploads: true, ..Plain::at(url, 64) };
    let bench = Bench::at_work(Worker { client, ..worker(&store, platform) });
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (128, 0));
    bench.stop().await;
    let (mut others, mut silent, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    while let Ok((ids, status)) = requests.try_recv() {
        let sizes = match (is_upload(&ids[0]), status) {
            (false, _) => &mut others,
            (true, SILENCE) => &mut silent,
            (true, _) => &mut answered,
        };
        sizes.push(ids.len());
    }
    assert_eq!((others, silent), (vec![32, 32], vec![32, 16, 8]));
    assert_eq!((answered.iter().max(), answered.iter().sum::<usize>()), (Some(&4), 64));
}

#[tokio::test]
async fn a_login_that_is_refused_holds_nothing_that_goes_by_another() {
    let script = |ids: &[String]| if is_upload(&ids[0]) { 200 } else { 401 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=1).await;
    let hour = Duration::from_secs(3_600);
    let backoff = Backoff { base: hour, cap: hour };
    let platform = Plain { uploads: true, ..Plain::at(url, 10) };
    let bench = Bench::at_work(Worker { backoff, ..worker(&store, platform) });
    bench.until(|backlog| backlog.cursor == 1 && backlog.pending == 1).await;
    // What comes while the destination is held.
    append(&bench.store, 2..=6).await;
    let backlog = bench.until(|backlog| backlog.cursor == 6 && backlog.pending == 3).await;
    assert_eq!(backlog.dead, 0);
    assert!(!bench.is_up(), "its operator is told all the same");
    bench.stop().await;
    let (mut uploaded, mut refused) = (BTreeSet::new(), Vec::new());
    while let Ok((ids, status)) = requests.try_recv() {
        if status == 200 { uploaded.extend(ids) } else { refused.push(ids) }
    }
    assert_eq!(uploaded, BTreeSet::from(["e2", "e4", "e6"].map(str::to_owned)));
    assert_eq!(refused, [["e1"]], "and is not asked with every event");
    for pending in store.due("d", UnixMs(i64::MAX), 10).await.expect("pending") {
        let words = if pending.logged.seq == 1 { "bad token" } else { "not sent: bad token" };
        assert_eq!(pending.reason, words);
    }
}

#[tokio::test]
async fn a_question_without_an_answer_holds_events_up_once() {
    let script = |ids: &[String]| if ids[0].contains("asked") { SILENCE } else { 200 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=3).await;
    let receipt = |id: &str| {
        let id = id.to_owned();
        let (due, taken, reached) = (UnixMs(0), UnixMs(0), UnixMs(0));
        Receipt { id, due, taken, asked: 0, attempts: 1, reached, events: vec![1] }
    };
    let receipts = ["q1", "q2", "q3", "q4"].map(receipt).to_vec();
    let settlement = Settlement { cursor: Some(1), receipts, ..Settlement::default() };
    store.settle("d", settlement).await.expect("settled");
    let client = HttpClient::new(Duration::from_millis(300));
    let platform = Plain { late: true, ..Plain::at(url, 2) };
    let bench = Bench::at_work(Worker { client, ..worker(&store, platform) });
    bench.until(settled).await;
    bench.stop().await;
    let mut before = Vec::new();
    while let Ok((ids, SILENCE)) = requests.try_recv() {
        before.extend(ids);
    }
    assert_eq!(before, ["q1 asked 0 times"]);
}

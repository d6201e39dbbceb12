//! What must not be asked of a platform too often or too long: events that a wrong setting keeps, requests under way at a stop,
//! a call that is silent, a question without an answer.

mod plain;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use plain::{
    Bench, Plain, SILENCE, after_silence, append, append_at, courier, is_upload, never, round, server,
    settled, store, worker,
};
use relay::distribute::portion::Portions;
use relay::distribute::schedule::Backoff;
use relay::distribute::stop::Stop;
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

/// As often as there is time for it: what has waited and what is new do not go in one turn, which would take two requests.
#[tokio::test]
async fn a_turn_that_is_begun_after_a_stop_takes_no_more_than_one_request_holds() {
    // A request may take five seconds, for which there is no time in the first case.
    for (seconds, expected, left) in [(1, &[][..], (10, 10)), (60, &[10, 10][..], (20, 0))] {
        let (url, mut requests) = server(Box::new(|_| 200)).await;
        let store = store().await;
        append(&store, 1..=20).await;
        let reason = "HTTP 503".to_owned();
        let due = |seq| Retry { seq, attempts: 1, reached: None, due: UnixMs(0), reason: reason.clone() };
        let settlement =
            Settlement { cursor: Some(10), retry: (1..=10).map(due).collect(), ..Settlement::default() };
        store.settle("d", settlement).await.expect("settled");
        let (_stop, stopping) = watch::channel(true);
        let stop_within = Duration::from_secs(seconds);
        let platform = Plain { request: 20, ..Plain::at(url, 10) };
        Worker { stop_within, ..worker(&store, platform) }.run(stopping).await;
        let mut sizes = Vec::new();
        while let Ok((ids, _)) = requests.try_recv() {
            sizes.push(ids.len());
        }
        assert_eq!(sizes, expected);
        let backlog = store.backlog("d").await.expect("a backlog");
        assert_eq!((backlog.cursor, backlog.pending), left);
    }
}

#[tokio::test]
async fn a_stop_amid_the_parts_of_a_call_puts_the_others_back_as_they_were() {
    for (seconds, left) in [(5, &[6, 8, 10, 12][..]), (60, &[][..])] {
        let (stop, stopping) = watch::channel(false);
        let script = move |ids: &[String]| {
            if is_upload(&ids[0]) {
                stop.send_replace(true);
            }
            200
        };
        let (url, mut requests) = server(Box::new(script)).await;
        let store = store().await;
        append(&store, 1..=12).await;
        let worker = worker(&store, Plain { uploads: true, ..Plain::at(url, 12) });
        let stop = Stop::new(stopping, Duration::from_secs(seconds));
        let settled = round(&worker, &courier(&worker), &after_silence(4), &stop).await.settlement;
        let mut sent = 0;
        while let Ok((ids, _)) = requests.try_recv() {
            sent += ids.len();
        }
        assert_eq!((sent, settled.dead.len()), (12 - left.len(), 0), "each that was sent is recorded");
        let put_back: Vec<_> =
            settled.retry.iter().map(|retry| (retry.seq, retry.attempts, retry.reached)).collect();
        let expected: Vec<(i64, u32, Option<UnixMs>)> = left.iter().map(|seq| (*seq, 0, None)).collect();
        assert_eq!(put_back, expected);
    }
}

#[tokio::test]
async fn a_stop_sends_nothing_of_what_waits_for_requests_under_way() {
    let (stop, stopping) = watch::channel(false);
    let script = move |_: &[String]| {
        stop.send_replace(true);
        200
    };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=6).await;
    // Two of the six go side by side.
    let platform = Plain { request: 1, ..Plain::at(url, 6) };
    Worker { stop_within: Duration::from_secs(5), ..worker(&store, platform) }.run(stopping).await;
    let mut sent = BTreeSet::new();
    while let Ok((ids, _)) = requests.try_recv() {
        sent.extend(ids);
    }
    assert_eq!(sent, BTreeSet::from(["e1", "e2"].map(str::to_owned)));
    assert_eq!(store.backlog("d").await.expect("a backlog").cursor, 6);
    let pending = store.due("d", UnixMs(i64::MAX), 10).await.expect("pending");
    let put_back: BTreeSet<_> =
        pending.iter().map(|pending| (pending.logged.seq, pending.attempts, pending.reached)).collect();
    let expected: BTreeSet<_> = (3..=6).map(|seq| (seq, 0, None)).collect();
    assert_eq!(put_back, expected);
}

/// Each upload takes three seconds, where a request may take five.
#[tokio::test]
async fn a_call_that_is_slow_in_small_parts_gives_way_to_the_others() {
    const START: i64 = 1_800_000_000_000;
    static CLOCK: AtomicI64 = AtomicI64::new(START);
    let script = |ids: &[String]| {
        if is_upload(&ids[0]) {
            CLOCK.fetch_add(3_000, Ordering::SeqCst);
        }
        200
    };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append_at(UnixMs(START), &store, 1..=12).await;
    let now = || UnixMs(CLOCK.load(Ordering::SeqCst));
    let worker = Worker { now, ..worker(&store, Plain { uploads: true, ..Plain::at(url, 12) }) };
    let settled = round(&worker, &courier(&worker), &after_silence(4), &never()).await.settlement;
    let mut sizes = Vec::new();
    while let Ok((ids, _)) = requests.try_recv() {
        sizes.push(ids.len());
    }
    assert_eq!(sizes, [6, 2, 2]);
    // In the next round.
    let due = UnixMs(CLOCK.load(Ordering::SeqCst));
    let put_back: Vec<_> =
        settled.retry.iter().map(|retry| (retry.seq, retry.attempts, retry.reached, retry.due)).collect();
    assert_eq!(put_back, [(10, 0, None, due), (12, 0, None, due)]);
}

#[tokio::test]
async fn what_is_told_to_come_later_has_not_counted_and_is_the_culprit_beside_others() {
    let script = |ids: &[String]| if ids.contains(&"e1".to_owned()) { 422 } else { 200 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=8).await;
    let worker = worker(&store, Plain::at(url, 8));
    let settled = round(&worker, &courier(&worker), &Portions::default(), &never()).await.settlement;
    let mut sizes = Vec::new();
    while let Ok((ids, _)) = requests.try_recv() {
        sizes.push(ids.len());
    }
    assert_eq!((sizes, settled.dead.len()), (vec![8, 7], 0), "the others go together at once");
    let kept: Vec<_> = settled.retry.iter().map(|retry| (retry.seq, retry.attempts, retry.reached)).collect();
    assert_eq!(kept, [(1, 1, None)]);
}

/// A platform that names the setting and not the events, in a request with events of several.
#[tokio::test]
async fn a_setting_for_which_all_are_refused_keeps_only_its_own_events() {
    for (all, bad) in [(8, 5..=5), (64, 1..=64)] {
        let names: BTreeSet<String> = bad.clone().map(|number| format!("e{number}")).collect();
        let script = move |ids: &[String]| match ids.iter().any(|id| names.contains(id)) {
            false => 200,
            true if ids.len() > 1 => 400,
            true => 421,
        };
        let (url, mut requests) = server(Box::new(script)).await;
        let store = store().await;
        append(&store, 1..=all).await;
        let worker = worker(&store, Plain::at(url, all));
        let settled = round(&worker, &courier(&worker), &Portions::default(), &never()).await.settlement;
        assert!(settled.dead.is_empty(), "{:?}", settled.dead);
        let kept: Vec<i64> = settled.retry.iter().map(|retry| retry.seq).collect();
        assert_eq!(kept, bad.collect::<Vec<_>>());
        assert!(settled.retry.iter().all(|retry| retry.reason == "no such action"), "{:?}", settled.retry);
        let mut sent = 0;
        while requests.try_recv().is_ok() {
            sent += 1;
        }
        // Where all are bad they go by the piece.
        assert!(sent <= 2 * all + 49, "{sent}");
    }
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

//! A destination's worker against a scripted HTTP server: nothing lost, nothing doubled, everything explained.

mod plain;

use std::collections::BTreeSet;
use std::time::Duration;

use plain::{Bench, HOUR, Plain, SILENCE, append, courier, never, round, server, settled, store, worker};
use relay::distribute::portion::Portions;
use relay::distribute::schedule::Backoff;
use relay::distribute::{HttpClient, Worker};
use relay::store::{Backlogs, Retry, Settlement};
use shared::UnixMs;
use tokio::net::TcpListener;
use tokio::sync::watch;

#[tokio::test]
async fn everything_is_delivered_once_and_in_batches() {
    let (url, mut requests) = server(Box::new(|_| 200)).await;
    let bench = Bench::start(url, 25, 10, HOUR).await;
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (25, 0));
    bench.stop().await;
    let mut ids = Vec::new();
    while let Ok((batch, _)) = requests.try_recv() {
        assert!(batch.len() <= 10);
        ids.extend(batch);
    }
    let expected: Vec<String> = (1..=25).map(|number| format!("e{number}")).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_bad_event_costs_only_itself() {
    let (url, mut requests) =
        server(Box::new(|ids| if ids.iter().any(|id| id == "e5") { 400 } else { 200 })).await;
    let bench = Bench::start(url, 8, 8, HOUR).await;
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (8, 1));
    let dead = bench.store.dead_letters("d", 10).await.expect("dead letters");
    assert_eq!((dead[0].event_id.as_str(), dead[0].reason.as_str()), ("e5", "bad event"));
    bench.stop().await;
    let mut delivered = BTreeSet::new();
    while let Ok((batch, status)) = requests.try_recv() {
        for id in batch.into_iter().filter(|_| status == 200) {
            assert!(delivered.insert(id), "delivered twice");
        }
    }
    assert_eq!(delivered.len(), 7);
}

#[tokio::test]
async fn a_platform_in_trouble_is_probed_and_then_gets_everything() {
    let mut left = 4;
    let script = move |_: &[String]| {
        left -= 1;
        if left >= 0 { 503 } else { 200 }
    };
    let (url, mut requests) = server(Box::new(script)).await;
    let bench = Bench::start(url, 50, 10, HOUR).await;
    bench.until(settled).await;
    bench.stop().await;
    let (mut failed, mut delivered) = (Vec::new(), BTreeSet::new());
    while let Ok((batch, status)) = requests.try_recv() {
        if status == 503 {
            failed.push(batch.len());
        } else {
            delivered.extend(batch);
        }
    }
    assert_eq!(failed, [10, 1, 1, 1], "one batch finds the trouble, single events probe it");
    assert_eq!(delivered.len(), 50);
}

/// Sends so many events, up to 32 at once, to a platform that meets those requests with silence of whose size this is said.
/// The sizes of the requests that met silence, and of those that were answered.
async fn sizes(
    events: usize,
    mut is_silent: impl FnMut(usize) -> bool + Send + 'static,
) -> (Vec<usize>, Vec<usize>) {
    let script = move |ids: &[String]| if is_silent(ids.len()) { SILENCE } else { 200 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=events).await;
    let client = HttpClient::new(Duration::from_millis(300));
    let bench = Bench::at_work(Worker { client, ..worker(&store, Plain::at(url, 32)) });
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (i64::try_from(events).expect("few"), 0));
    bench.stop().await;
    let (mut silent, mut answered, mut delivered) = (Vec::new(), Vec::new(), BTreeSet::new());
    while let Ok((ids, status)) = requests.try_recv() {
        if status == SILENCE {
            silent.push(ids.len());
        } else {
            answered.push(ids.len());
            delivered.extend(ids);
        }
    }
    assert_eq!(delivered.len(), events);
    (silent, answered)
}

#[tokio::test]
async fn a_platform_that_is_silent_about_large_batches_gets_smaller_ones() {
    let (silent, answered) = sizes(32, |events| events > 5).await;
    assert_eq!((silent, answered.into_iter().max()), (vec![32, 16, 8], Some(4)));
}

#[tokio::test]
async fn batches_grow_back_once_smaller_ones_are_answered() {
    let mut left = 3;
    let is_silent = move |events: usize| {
        let is_silent = events > 5 && left > 0;
        left -= usize::from(is_silent);
        is_silent
    };
    let (silent, answered) = sizes(640, is_silent).await;
    assert_eq!(silent, [32, 16, 8]);
    let at = |size: usize| answered.iter().position(|events| *events == size);
    let (four, eight, all) = (at(4), at(8), at(32));
    assert!(four.is_some() && four < eight && eight < at(16) && at(16) < all, "{answered:?}");
}

#[tokio::test]
async fn wrong_credentials_keep_every_event_until_they_are_mended() {
    let (mended, is_mended) = watch::channel(false);
    let script = move |_: &[String]| if *is_mended.borrow() { 200 } else { 401 };
    let (url, mut requests) = server(Box::new(script)).await;
    let bench = Bench::start(url, 5, 2, 0).await;
    for _ in 0..3 {
        let (_, status) = requests.recv().await.expect("a request");
        assert_eq!(status, 401);
    }
    let backlog = bench.store.backlog("d").await.expect("a backlog");
    assert_eq!(backlog.dead, 0, "{backlog:?}");
    mended.send_replace(true);
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (5, 0));
    bench.stop().await;
}

#[tokio::test]
async fn the_trouble_of_a_call_that_stands_apart_holds_up_nothing_else() {
    let refused = |id: &String| id == "e1" || id == "e2";
    let script = move |ids: &[String]| if ids.iter().any(refused) { 401 } else { 200 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=6).await;
    let platform = Plain { apart: true, ..Plain::at(url, 1) };
    let bench = Bench::of(store, platform);
    let backlog = bench.until(|backlog| backlog.cursor == 6 && backlog.pending == 2).await;
    assert_eq!(backlog.dead, 0);
    bench.stop().await;
    let mut delivered = BTreeSet::new();
    while let Ok((batch, status)) = requests.try_recv() {
        delivered.extend(batch.into_iter().filter(|_| status == 200));
    }
    assert_eq!(delivered.len(), 4);
}

#[tokio::test]
async fn a_call_that_is_refused_is_not_tried_with_every_event() {
    let (url, mut requests) = server(Box::new(|_| 401)).await;
    let store = store().await;
    append(&store, 1..=1).await;
    let platform = Plain { apart: true, ..Plain::at(url, 1) };
    let hour = Duration::from_secs(3_600);
    let backoff = Backoff { base: hour, cap: hour };
    let bench = Bench::at_work(Worker { backoff, ..worker(&store, platform) });
    bench.until(|backlog| backlog.cursor == 1 && backlog.pending == 1).await;
    append(&bench.store, 2..=6).await;
    bench.until(|backlog| backlog.cursor == 6 && backlog.pending == 6).await;
    let metrics = bench.metrics.text(&Backlogs::new());
    assert!(metrics.contains("anytrack_call_up{destination=\"d\",call=\"take\"} 0"), "{metrics}");
    assert!(bench.is_up(), "the destination is none the worse for it");
    bench.stop().await;
    for pending in store.due("d", UnixMs(i64::MAX), 10).await.expect("pending") {
        let (attempts, words) =
            if pending.logged.seq == 1 { (1, "bad token") } else { (0, "not sent: bad token") };
        assert_eq!((pending.attempts, pending.reason.as_str()), (attempts, words));
    }
    assert_eq!(requests.try_recv().expect("the first").0, ["e1"]);
    assert!(requests.try_recv().is_err(), "and no other");
}

#[tokio::test]
async fn what_a_platform_remarks_of_events_it_took_is_told() {
    let (url, _requests) = server(Box::new(|_| 203)).await;
    let store = store().await;
    append(&store, 1..=1).await;
    let worker = Worker { now: || UnixMs(0), ..worker(&store, Plain::at(url, 1)) };
    let courier = courier(&worker);
    let settled = round(&worker, &courier, &Portions::default(), &never()).await;
    assert!(settled.settlement.retry.is_empty() && settled.settlement.dead.is_empty(), "{settled:?}");
    let is_due = |remark| courier.complaints.is_remark_due("take", remark, UnixMs(0));
    assert!(!is_due("a field was dropped") && is_due("another field was dropped"));
}

#[tokio::test]
async fn events_whose_settings_are_wrong_wait_and_hold_up_nothing_else() {
    let script = |ids: &[String]| if ids.contains(&"e1".to_owned()) { 421 } else { 200 };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=1).await;
    let bench = Bench::of(store, Plain::at(url, 1));
    // The one that is wrong is alone, as after a start, and others come later.
    bench.until(|backlog| backlog.cursor == 1 && backlog.pending == 1).await;
    append(&bench.store, 2..=6).await;
    let backlog = bench.until(|backlog| backlog.cursor == 6).await;
    assert_eq!((backlog.pending, backlog.dead), (1, 0));
    bench.stop().await;
    let mut delivered = BTreeSet::new();
    while let Ok((batch, status)) = requests.try_recv() {
        delivered.extend(batch.into_iter().filter(|_| status == 200));
    }
    assert_eq!(delivered.len(), 5);
}

#[tokio::test]
async fn retries_end_with_the_platforms_dedup_window() {
    let (url, _requests) = server(Box::new(|_| 500)).await;
    let bench = Bench::start(url, 1, 1, 0).await;
    let backlog = bench.until(settled).await;
    assert_eq!(backlog.dead, 1);
    let dead = bench.store.dead_letters("d", 1).await.expect("dead letters");
    assert!(
        dead[0].reason.contains("given up after") && dead[0].reason.contains("HTTP 500"),
        "{}",
        dead[0].reason
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_platform_that_turns_requests_away_uses_up_no_dedup_window() {
    for status in [429, 503] {
        let (url, _requests) = server(Box::new(move |_| status)).await;
        let bench = Bench::start_at(relay::clock::now(), url, 3, 3, 0).await;
        let backlog = bench.until(|backlog| backlog.pending == 3).await;
        assert_eq!(backlog.dead, 0);
        let pending = bench.store.due("d", UnixMs(i64::MAX), 1).await.expect("pending");
        assert_eq!(pending[0].reached, None);
        bench.stop().await;
    }
}

#[tokio::test]
async fn what_never_reached_a_platform_is_given_up_after_a_month() {
    let (url, _requests) = server(Box::new(|_| 401)).await;
    let day = shared::time::DAY_MS;
    for (age, dead) in [(29 * day, 0), (31 * day, 3)] {
        let bench = Bench::start_at(relay::clock::now().plus(-age), url.clone(), 3, 3, 0).await;
        let backlog = bench.until(|backlog| backlog.pending + backlog.dead == 3).await;
        assert_eq!(backlog.dead, dead, "{age}");
        bench.stop().await;
    }
}

#[tokio::test]
async fn an_unreachable_platform_uses_up_no_dedup_window() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url: url::Url =
        format!("http://{}/", listener.local_addr().expect("an address")).parse().expect("an address");
    drop(listener);
    let bench = Bench::start(url, 3, 3, 0).await;
    let backlog = bench.until(|backlog| backlog.pending == 3).await;
    assert_eq!(backlog.dead, 0);
    let pending = bench.store.due("d", UnixMs(i64::MAX), 1).await.expect("pending");
    assert_eq!(pending[0].reached, None);
    assert!(pending[0].reason.contains("no connection"), "{}", pending[0].reason);
    bench.stop().await;
}

#[tokio::test]
async fn what_grew_too_old_behind_the_cursor_is_buried_with_a_reason() {
    let store = store().await;
    append(&store, 1..=2).await;
    let url = "http://127.0.0.1:9/".parse().expect("an address");
    let platform = Plain { too_old: true, ..Plain::at(url, 10) };
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(worker(&store, platform).run(stopping));
    stop.send_replace(true);
    running.await.expect("the worker ends");
    let dead = store.dead_letters("d", 10).await.expect("dead letters");
    assert_eq!(dead.len(), 2);
    assert!(dead[0].reason.contains("older than this platform takes"), "{}", dead[0].reason);
}

#[tokio::test]
async fn a_restarted_worker_goes_on_where_the_cursor_stands() {
    let (url, mut requests) = server(Box::new(|_| 200)).await;
    let bench = Bench::start(url.clone(), 3, 10, HOUR).await;
    bench.until(settled).await;
    let store = bench.store.clone();
    bench.stop().await;
    append(&store, 4..=5).await;
    let (stop, stopping) = watch::channel(false);
    let platform = Plain::at(url, 10);
    let running = tokio::spawn(worker(&store, platform).run(stopping));
    stop.send_replace(true);
    running.await.expect("a worker told to stop delivers first what it can");
    let mut ids = Vec::new();
    while let Ok((batch, _)) = requests.try_recv() {
        ids.extend(batch);
    }
    assert_eq!(ids, ["e1", "e2", "e3", "e4", "e5"]);
}

#[tokio::test]
async fn what_was_put_off_while_the_clock_was_ahead_goes_at_once_after_a_restart() {
    let (url, mut requests) = server(Box::new(|_| 200)).await;
    let store = store().await;
    append(&store, 1..=3).await;
    let due = |days: i64| relay::clock::now().plus(days * shared::time::DAY_MS);
    let put_off = |(seq, due)| Retry { seq, attempts: 1, reached: None, due, reason: "HTTP 503".to_owned() };
    let retry = [(1, due(365)), (2, due(365)), (3, due(1))].map(put_off).to_vec();
    let settlement = Settlement { cursor: Some(3), retry, ..Settlement::default() };
    store.settle("d", settlement).await.expect("settled");
    let bench = Bench::of(store, Plain::at(url, 1));
    // The third may have been told to wait for a day.
    let backlog = bench.until(|backlog| backlog.pending == 1).await;
    assert!(backlog.next_due < Some(due(2)), "{backlog:?}");
    bench.stop().await;
    let mut sent = Vec::new();
    while let Ok((ids, _)) = requests.try_recv() {
        sent.extend(ids);
    }
    assert_eq!(sent, ["e1", "e2"]);
}

/// Two events are taken; then the server answers these statuses to what is asked of it, and 200 after them. Answers,
/// when nothing is left to do, all requests in order.
async fn ask_later(answers: &'static [u16], retry_for_ms: i64) -> (Vec<String>, Bench) {
    let mut answers = answers.iter();
    let script = move |ids: &[String]| match ids {
        [question] if question.contains("asked") => *answers.next().unwrap_or(&200),
        _ => 200,
    };
    let (url, mut requests) = server(Box::new(script)).await;
    let store = store().await;
    append(&store, 1..=2).await;
    let bench = Bench::of(store, Plain { retry_for_ms, late: true, ..Plain::at(url, 2) });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        bench.until(settled).await;
        if bench.store.receipts("d", UnixMs(i64::MAX), 1).await.expect("receipts").is_empty() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "a receipt is still waiting for its answer");
        tokio::task::yield_now().await;
    }
    // An answered receipt and what follows from it are recorded together.
    bench.until(settled).await;
    let mut seen = Vec::new();
    while let Ok((ids, _)) = requests.try_recv() {
        seen.push(ids.join(" "));
    }
    (seen, bench)
}

#[tokio::test]
async fn a_later_answer_is_asked_for_until_it_comes() {
    let (seen, bench) = ask_later(&[202, 503, 200], HOUR).await;
    assert_eq!(seen, ["e1 e2", "r1 asked 0 times", "r1 asked 1 times", "r1 asked 2 times"]);
    assert_eq!(bench.store.backlog("d").await.expect("a backlog").dead, 0);
    bench.stop().await;
}

#[tokio::test]
async fn what_is_refused_later_is_buried() {
    let (seen, bench) = ask_later(&[410], HOUR).await;
    assert_eq!(seen, ["e1 e2", "r1 asked 0 times"]);
    let dead = bench.store.dead_letters("d", 9).await.expect("dead letters");
    assert_eq!(dead.len(), 2);
    assert!(dead.iter().all(|letter| letter.reason == "refused after all"), "{dead:?}");
    bench.stop().await;
}

#[tokio::test]
async fn what_is_wanted_again_is_sent_again() {
    let (seen, bench) = ask_later(&[409, 200], HOUR).await;
    assert_eq!(seen.iter().filter(|sent| *sent == "e1 e2").count(), 2, "{seen:?}");
    let backlog = bench.store.backlog("d").await.expect("a backlog");
    assert_eq!((backlog.pending, backlog.dead), (0, 0));
    bench.stop().await;
}

#[tokio::test]
async fn sending_again_ends_with_the_time_for_retries() {
    let (seen, bench) = ask_later(&[409, 409], -1).await;
    assert_eq!(seen, ["e1 e2", "r1 asked 0 times"]);
    let dead = bench.store.dead_letters("d", 9).await.expect("dead letters");
    assert!(dead[0].reason.contains("given up after 1 attempts; last: not yet known"), "{dead:?}");
    bench.stop().await;
}

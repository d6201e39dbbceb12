//! A destination's worker against a scripted HTTP server: nothing lost, nothing doubled, everything explained.
//!
//! The platform here is as plain as can be (one request per batch, the status decides), because what is tested is
//! the worker, the round, the circuit and the HTTP client, not a mapping. Waits are milliseconds by configuration;
//! no test sleeps, each waits for the request or the store to say what it expects.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use relay::config::Destination;
use relay::distribute::schedule::Backoff;
use relay::distribute::{HttpClient, Worker};
use relay::metrics::Metrics;
use relay::platform::{
    Body, Built, Call, Fate, Finding, Findings, Found, Inquiries, Limits, Outcome, Outgoing, Planned,
    Platform, Receipt, Request, Response, Skip, SkipReason, Text,
};
use relay::store::memory::MemoryStore;
use relay::store::{Backlog, Incoming, Store};
use shared::{Event, UnixMs};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// One request per batch; 200 delivers, 400 refuses whole, 401 is unauthorized, everything else is retried.
#[derive(Debug)]
struct Plain {
    url: url::Url,
    batch: usize,
    retry_for_ms: i64,
    /// Every event is older than the platform takes.
    too_old: bool,
    /// Every call stands apart from all others.
    apart: bool,
    /// Whether it says only later what became of a request.
    late: bool,
}

/// 200 settles, 202 asks for patience, 409 wants the events again at once, 410 refuses them after all.
impl Inquiries for Plain {
    fn receipt(&self, _call: Call, response: &Response, now: UnixMs) -> Option<Receipt> {
        let taken = matches!(response, Response::Answer { status: 200, .. });
        taken.then(|| Receipt { id: "r1".to_owned(), taken: now, asked: 0, due: now })
    }

    fn request(&self, receipt: &Receipt) -> Request {
        let mut url = self.url.clone();
        url.set_query(Some(&format!("{} asked {} times", receipt.id, receipt.asked)));
        Request { method: "GET", url, headers: Vec::new(), body: Body::Empty, public_only: false }
    }

    fn read(&self, _receipt: &Receipt, events: usize, response: &Response, now: UnixMs) -> Found {
        let Response::Answer { status, .. } = response else { return Found::NotYet { due: now } };
        let fate = match status {
            200 => Fate::Settled,
            409 => Fate::Again { after: Duration::ZERO, reason: "not yet known".to_owned() },
            410 => Fate::Refused { reason: "refused after all".to_owned() },
            _ => return Found::NotYet { due: now },
        };
        let counts = vec![Finding { reason: "found", events: events as u64, advice: Some("mend it") }];
        Found::Final(Findings { counts, fate })
    }
}

impl Platform for Plain {
    fn build(&self, events: &[Outgoing<'_>], _now: UnixMs) -> Built {
        if self.too_old {
            let skip = Skip::new(SkipReason::TooOld, "older than this platform takes");
            let skips = (0..events.len()).map(|place| (place, skip.clone())).collect();
            return Built { skips, ..Built::default() };
        }
        let ids: Vec<&str> = events.iter().map(|outgoing| outgoing.event.event_id.as_str()).collect();
        let request = Request {
            method: "POST",
            url: self.url.clone(),
            headers: Vec::new(),
            body: Body::Json(Text::json(&ids)),
            public_only: false,
        };
        let events = (0..events.len()).collect();
        let planned = Planned { call: "take", request, events, quality: Vec::new() };
        Built { requests: vec![planned], ..Built::default() }
    }

    fn read(&self, _call: Call, response: &Response, events: usize, _now: UnixMs) -> Vec<Outcome> {
        let retry = |reason: String| Outcome::Retry { after: None, at_least: Duration::ZERO, reason };
        let outcome = match response {
            Response::Answer { status: 200, .. } => Outcome::Delivered,
            Response::Answer { status: 400, .. } => Outcome::Split { reason: "bad event".to_owned() },
            Response::Answer { status: 401, .. } => Outcome::Unauthorized { reason: "bad token".to_owned() },
            Response::Answer { status, .. } => retry(format!("HTTP {status}")),
            Response::NotSent(why) | Response::NoAnswer(why) => retry(why.clone()),
        };
        vec![outcome; events]
    }

    fn apart(&self, _call: Call) -> bool {
        self.apart
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        self.late.then_some(self as &dyn Inquiries)
    }

    fn limits(&self) -> Limits {
        Limits { batch: self.batch, concurrency: 2, pace_ms: 0, retry_for_ms: self.retry_for_ms }
    }
}

/// What the server does with a request that holds these event ids.
type Script = Box<dyn FnMut(&[String]) -> u16 + Send>;

/// A server that follows a script and reports every request.
async fn server(script: Script) -> (url::Url, mpsc::UnboundedReceiver<(Vec<String>, u16)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url =
        format!("http://{}/take", listener.local_addr().expect("an address")).parse().expect("an address");
    let (report, reports) = mpsc::unbounded_channel();
    let script = Arc::new(Mutex::new(script));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (script, report) = (script.clone(), report.clone());
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (script, report) = (script.clone(), report.clone());
                async move {
                    let asked = request.uri().query().map(|query| vec![query.replace("%20", " ")]);
                    let body = request.into_body().collect().await.expect("a body").to_bytes();
                    let ids: Vec<String> =
                        asked.unwrap_or_else(|| serde_json::from_slice(&body).expect("ids"));
                    let status = (script.lock().expect("unpoisoned"))(&ids);
                    let _ = report.send((ids, status));
                    let mut answer = http::Response::new(Full::new(Bytes::new()));
                    *answer.status_mut() = http::StatusCode::from_u16(status).expect("a status");
                    Ok::<_, Infallible>(answer)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    (url, reports)
}

struct Bench {
    store: Arc<dyn Store>,
    stop: watch::Sender<bool>,
    worker: tokio::task::JoinHandle<()>,
}

impl Bench {
    /// Stores `events` events called `e1`, `e2` … and lets a worker loose on them.
    async fn start(url: url::Url, events: usize, batch: usize, retry_for_ms: i64) -> Self {
        Self::start_at(relay::clock::now(), url, events, batch, retry_for_ms).await
    }

    /// The same with events that arrived at `received`.
    async fn start_at(
        received: UnixMs,
        url: url::Url,
        events: usize,
        batch: usize,
        retry_for_ms: i64,
    ) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(relay::pipeline::decide));
        store.cursor("d", false).await.expect("a cursor");
        append_at(received, &store, 1..=events).await;
        Self::of(store, Plain { url, batch, retry_for_ms, too_old: false, apart: false, late: false })
    }

    /// Lets a worker loose on a store.
    fn of(store: Arc<dyn Store>, platform: Plain) -> Self {
        let (stop, stopping) = watch::channel(false);
        let worker = tokio::spawn(worker(&store, platform).run(stopping));
        Self { store, stop, worker }
    }

    /// Waits until the destination's backlog is as wanted.
    async fn until(&self, wanted: impl Fn(&Backlog) -> bool) -> Backlog {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let backlog = self.store.backlog("d").await.expect("a backlog");
            if wanted(&backlog) {
                return backlog;
            }
            assert!(tokio::time::Instant::now() < deadline, "still {backlog:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.worker.await.expect("the worker ends");
    }
}

async fn append(store: &Arc<dyn Store>, numbers: impl Iterator<Item = usize>) {
    append_at(relay::clock::now(), store, numbers).await;
}

async fn append_at(received: UnixMs, store: &Arc<dyn Store>, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        let event: Event = serde_json::from_str(&format!(
            r#"{{"event":"Lead","event_id":"e{number}","time":{number},"source":"web"}}"#
        ))
        .expect("an event");
        let incoming = Incoming { site: "shop".into(), received, event: event.into() };
        store.append(vec![incoming]).await.expect("stored");
    }
}

fn worker(store: &Arc<dyn Store>, platform: Plain) -> Worker {
    let destination = Destination {
        name: "d".to_owned(),
        site: "shop".into(),
        platform_name: "plain",
        platform: Arc::new(platform),
        consent: Vec::new(),
        consent_required: false,
        look_back_days: None,
        events: BTreeMap::new(),
        endpoint: None,
    };
    Worker {
        destination: Arc::new(destination),
        store: store.clone(),
        client: HttpClient::new(Duration::from_secs(5)),
        backoff: Backoff { base: Duration::from_millis(2), cap: Duration::from_millis(10) },
        metrics: Arc::new(Metrics::default()),
        now: relay::clock::now,
        draw: || 0.5,
    }
}

fn settled(backlog: &Backlog) -> bool {
    backlog.cursor == backlog.head && backlog.pending == 0
}

const HOUR: i64 = shared::time::HOUR_MS;

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
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(relay::pipeline::decide));
    store.cursor("d", false).await.expect("a cursor");
    append(&store, 1..=6).await;
    let platform = Plain { url, batch: 1, retry_for_ms: HOUR, too_old: false, apart: true, late: false };
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
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(relay::pipeline::decide));
    store.cursor("d", false).await.expect("a cursor");
    append(&store, 1..=2).await;
    let url = "http://127.0.0.1:9/".parse().expect("an address");
    let platform = Plain { url, batch: 10, retry_for_ms: HOUR, too_old: true, apart: false, late: false };
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
    let platform = Plain { url, batch: 10, retry_for_ms: HOUR, too_old: false, apart: false, late: false };
    let running = tokio::spawn(worker(&store, platform).run(stopping));
    stop.send_replace(true);
    running.await.expect("a worker told to stop delivers first what it can");
    let mut ids = Vec::new();
    while let Ok((batch, _)) = requests.try_recv() {
        ids.extend(batch);
    }
    assert_eq!(ids, ["e1", "e2", "e3", "e4", "e5"]);
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
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(relay::pipeline::decide));
    store.cursor("d", false).await.expect("a cursor");
    append(&store, 1..=2).await;
    let bench =
        Bench::of(store, Plain { url, batch: 2, retry_for_ms, too_old: false, apart: false, late: true });
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

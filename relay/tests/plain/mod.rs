//! A platform as plain as can be, a scripted HTTP server that plays it, and a worker let loose on both.
//!
//! One request per batch, the status decides: what is tested through it is the worker, the round, the circuit and the HTTP
//! client, not a mapping. Waits are milliseconds by configuration; nothing sleeps, each test waits for the request or the
//! store to say what it expects.

// Each test file uses its part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use relay::config::Destination;
use relay::distribute::access::Access;
use relay::distribute::apart::Apart;
use relay::distribute::courier::Courier;
use relay::distribute::pace::Pace;
use relay::distribute::portion::{Portions, Served};
use relay::distribute::round::{Item, Round, Settled};
use relay::distribute::schedule::Backoff;
use relay::distribute::steady::Steady;
use relay::distribute::stop::Stop;
use relay::distribute::{HttpClient, Worker};
use relay::metrics::Metrics;
use relay::platform::{
    Body, Built, Call, Fate, Finding, Findings, Found, Inquiries, Limits, Outcome, Outgoing, Planned,
    Platform, Receipt, Request, Response, Skip, SkipReason, Text,
};
use relay::store::memory::MemoryStore;
use relay::store::{Backlog, Backlogs, Incoming, Pending, Store};
use shared::{Event, UnixMs};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// One request per batch; 200 delivers, 203 with a remark, 400 refuses whole, 401 is unauthorized, as are the events of a 207; 421 is
/// misconfigured, 422 tells the first event to come later and refuses the others whole, everything else is retried.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) url: url::Url,
    pub(crate) batch: usize,
    /// Most events in one request.
    pub(crate) request: usize,
    pub(crate) retry_for_ms: i64,
    /// Every event is older than the platform takes.
    pub(crate) too_old: bool,
    /// Every call stands apart from all others.
    pub(crate) apart: bool,
    /// Events of even numbers go by a call that stands apart, with a login of its own.
    pub(crate) uploads: bool,
    /// Whether it says only later what became of a request.
    pub(crate) late: bool,
}

impl Plain {
    /// A platform at `url` that takes `batch` events in a request and is worth an hour of retries.
    pub(crate) fn at(url: url::Url, batch: usize) -> Self {
        Self {
            url,
            batch,
            request: batch,
            retry_for_ms: HOUR,
            too_old: false,
            apart: false,
            uploads: false,
            late: false,
        }
    }
}

/// Whether an event goes by the call of its own where a platform has one.
pub(crate) fn is_upload(id: &str) -> bool {
    id.strip_prefix('e').and_then(|number| number.parse::<usize>().ok()).is_some_and(|number| number % 2 == 0)
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
        let goes_apart = |place: &usize| self.uploads && is_upload(&events[*place].event.event_id);
        let (uploads, others): (Vec<usize>, Vec<usize>) = (0..events.len()).partition(goes_apart);
        let calls = [("take", others), (UPLOAD, uploads)];
        let chunks = calls
            .iter()
            .flat_map(|(call, places)| places.chunks(self.request).map(move |places| (*call, places)));
        let planned = chunks.map(|(call, places)| {
            let ids: Vec<&str> = places.iter().map(|place| events[*place].event.event_id.as_str()).collect();
            let request = Request {
                method: "POST",
                url: self.url.clone(),
                headers: Vec::new(),
                body: Body::Json(Text::json(&ids)),
                public_only: false,
            };
            Planned { call, request, events: places.to_vec(), quality: Vec::new() }
        });
        Built { requests: planned.collect(), ..Built::default() }
    }

    fn read(&self, _call: Call, response: &Response, events: usize, _now: UnixMs) -> Vec<Outcome> {
        let retry = |reason: String| Outcome::Retry { after: None, at_least: Duration::ZERO, reason };
        let outcome = match response {
            Response::Answer { status: 200 | 203, .. } => Outcome::Delivered,
            Response::Answer { status: 400, .. } => Outcome::Split { reason: "bad event".to_owned() },
            Response::Answer { status: 401, .. } => Outcome::Unauthorized { reason: "bad token".to_owned() },
            Response::Answer { status: 207, .. } => {
                Outcome::Unauthorized { reason: "no such goal".to_owned() }
            }
            Response::Answer { status: 421, .. } => {
                Outcome::Misconfigured { reason: "no such action".to_owned() }
            }
            Response::Answer { status: 422, .. } => {
                let mut outcomes = vec![Outcome::Split { reason: "with a bad event".to_owned() }; events];
                outcomes[0] = Outcome::Later { after: Duration::ZERO, reason: "too early".to_owned() };
                return outcomes;
            }
            Response::Answer { status, .. } => retry(format!("HTTP {status}")),
            Response::NotSent(why) | Response::NoAnswer(why) => retry(why.clone()),
        };
        vec![outcome; events]
    }

    fn remark(&self, _call: Call, response: &Response) -> Option<String> {
        let remarks = matches!(response, Response::Answer { status: 203, .. });
        remarks.then(|| "a field was dropped".to_owned())
    }

    fn apart(&self, call: Call) -> bool {
        self.apart || call == UPLOAD
    }

    fn has_second_login(&self) -> bool {
        self.uploads
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        self.late.then_some(self as &dyn Inquiries)
    }

    fn limits(&self) -> Limits {
        Limits { batch: self.batch, concurrency: 2, pace_ms: 0, retry_for_ms: self.retry_for_ms }
    }
}

/// The call of its own.
pub(crate) const UPLOAD: Call = "upload";

/// What the server does with a request that holds these event ids: the status it answers with, or [`SILENCE`].
pub(crate) type Script = Box<dyn FnMut(&[String]) -> u16 + Send>;

/// For a status: it never answers.
pub(crate) const SILENCE: u16 = 0;

/// A server that follows a script and reports every request.
pub(crate) async fn server(script: Script) -> (url::Url, mpsc::UnboundedReceiver<(Vec<String>, u16)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url =
        format!("http://{}/take", listener.local_addr().expect("an address")).parse().expect("an address");
    let (handler, reports) = following(script);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(converse(socket, handler.clone(), true));
        }
    });
    (url, reports)
}

/// What a server makes of a request: its head, its body and the status of the answer.
pub(crate) type Handler =
    Arc<dyn Fn(Parts, Bytes) -> Pin<Box<dyn Future<Output = (u16, String)> + Send>> + Send + Sync>;

/// A handler that follows a script and reports every request.
pub(crate) fn following(script: Script) -> (Handler, mpsc::UnboundedReceiver<(Vec<String>, u16)>) {
    let (report, reports) = mpsc::unbounded_channel();
    let script = Mutex::new(script);
    let handler = Arc::new(move |head: Parts, body: Bytes| {
        let asked = head.uri.query().map(|query| vec![query.replace("%20", " ")]);
        let ids = asked.unwrap_or_else(|| serde_json::from_slice(&body).expect("ids"));
        let status = (script.lock().expect("unpoisoned"))(&ids);
        let _ = report.send((ids, status));
        let answer: Pin<Box<dyn Future<Output = _> + Send>> = match status {
            SILENCE => Box::pin(pending()),
            status => Box::pin(ready((status, String::new()))),
        };
        answer
    });
    (handler, reports)
}

/// Serves one connection.
pub(crate) async fn converse<I>(io: I, handler: Handler, keep_alive: bool)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let handler = handler.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let (status, text) = handler(head, body).await;
            let mut answer = http::Response::new(Full::new(Bytes::from(text)));
            *answer.status_mut() = http::StatusCode::from_u16(status).expect("a status");
            Ok::<_, hyper::Error>(answer)
        }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    let _ended = server.keep_alive(keep_alive).serve_connection(TokioIo::new(io), service).await;
}

/// A worker at work on a store.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    worker: tokio::task::JoinHandle<()>,
}

impl Bench {
    /// Stores `events` events called `e1`, `e2` … and lets a worker loose on them.
    pub(crate) async fn start(url: url::Url, events: usize, batch: usize, retry_for_ms: i64) -> Self {
        Self::start_at(relay::clock::now(), url, events, batch, retry_for_ms).await
    }

    /// The same with events that arrived at `received`.
    pub(crate) async fn start_at(
        received: UnixMs,
        url: url::Url,
        events: usize,
        batch: usize,
        retry_for_ms: i64,
    ) -> Self {
        let store = store().await;
        append_at(received, &store, 1..=events).await;
        Self::of(store, Plain { retry_for_ms, ..Plain::at(url, batch) })
    }

    /// Lets a worker loose on a store.
    pub(crate) fn of(store: Arc<dyn Store>, platform: impl Platform + 'static) -> Self {
        let worker = worker(&store, platform);
        Self::at_work(worker)
    }

    /// Lets this worker loose.
    pub(crate) fn at_work(worker: Worker) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (store, metrics) = (worker.store.clone(), worker.metrics.clone());
        Self { store, metrics, stop, worker: tokio::spawn(worker.run(stopping)) }
    }

    /// Whether the metrics say that the destination takes events.
    pub(crate) fn is_up(&self) -> bool {
        self.metrics.text(&Backlogs::new()).contains("anytrack_destination_up{destination=\"d\"} 1")
    }

    /// Waits until the events that wait say this of their last try; the first of them.
    pub(crate) async fn until_it_says(&self, words: &str) -> Pending {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let pending = self.store.due("d", UnixMs(i64::MAX), 1).await.expect("pending");
            match pending.into_iter().next() {
                Some(first) if first.reason.contains(words) => return first,
                found => assert!(tokio::time::Instant::now() < deadline, "{words}: {found:?}"),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the destination's backlog is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Backlog) -> bool) -> Backlog {
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

    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.worker.await.expect("the worker ends");
    }
}

pub(crate) async fn append(store: &Arc<dyn Store>, numbers: impl Iterator<Item = usize>) {
    append_at(relay::clock::now(), store, numbers).await;
}

pub(crate) async fn append_at(
    received: UnixMs,
    store: &Arc<dyn Store>,
    numbers: impl Iterator<Item = usize>,
) {
    for number in numbers {
        let event: Event = serde_json::from_str(&format!(
            r#"{{"event":"Lead","event_id":"e{number}","time":{number},"source":"web"}}"#
        ))
        .expect("an event");
        let incoming = Incoming { site: "shop".into(), received, event: event.into() };
        store.append(vec![incoming]).await.expect("stored");
    }
}

/// A destination that sends everything to a platform of the test's own.
pub(crate) fn destination(platform: impl Platform + 'static) -> Arc<Destination> {
    Arc::new(Destination {
        name: "d".to_owned(),
        site: "shop".into(),
        platform_name: "plain",
        platform: Arc::new(platform),
        consent: Vec::new(),
        consent_required: false,
        look_back_days: None,
        timeout_ms: 10_000,
        events: BTreeMap::new(),
        endpoint: None,
    })
}

pub(crate) fn worker(store: &Arc<dyn Store>, platform: impl Platform + 'static) -> Worker {
    Worker {
        destination: destination(platform),
        store: store.clone(),
        client: HttpClient::new(Duration::from_secs(5)),
        backoff: Backoff { base: Duration::from_millis(2), cap: Duration::from_millis(10) },
        metrics: Arc::new(Metrics::default()),
        traces: relay::traces::Traces::default(),
        now: relay::clock::now,
        draw: || 0.5,
        stop_within: Duration::from_secs(20),
    }
}

/// A courier such as this worker's own.
pub(crate) fn courier(worker: &Worker) -> Courier {
    let Worker { destination, store, client, now, .. } = worker;
    let access = Access::new("d", store.clone(), client.clone(), *now);
    Courier {
        destination: destination.clone(),
        client: client.clone(),
        access: Arc::new(access),
        pace: Arc::new(Pace::new(Duration::ZERO)),
        complaints: Arc::default(),
        now: *now,
    }
}

/// What is known of sizes after a request of the call of its own, with so many events, met silence.
pub(crate) fn after_silence(events: usize) -> Portions {
    let mut portions = Portions::default();
    let served = Served { unanswered: events, answered: 0 };
    portions.learn(&BTreeMap::from([(UPLOAD, served)]), events);
    portions
}

/// A stop that nobody asks for.
pub(crate) fn never() -> Stop {
    Stop::new(watch::channel(false).1, Duration::from_secs(20))
}

/// One round of a worker's with all events of its log.
pub(crate) async fn round(worker: &Worker, courier: &Courier, portions: &Portions, stop: &Stop) -> Settled {
    let (waits, apart) = (Steady::new(worker.now), Apart::default());
    let round = Round {
        courier,
        backoff: worker.backoff,
        metrics: &worker.metrics,
        traces: &worker.traces,
        now: worker.now,
        waits: &waits,
        apart: &apart,
        held: None,
        portions,
        stop,
        draw: worker.draw,
    };
    let logged = worker.store.read(0, 1_000).await.expect("the log");
    round.run(logged.into_iter().map(Item::from).collect()).await
}

pub(crate) fn settled(backlog: &Backlog) -> bool {
    backlog.cursor == backlog.head && backlog.pending == 0
}

/// A store in which the destination stands before the first event.
pub(crate) async fn store() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(relay::pipeline::decide));
    store.cursor("d", false).await.expect("a cursor");
    store
}

pub(crate) const HOUR: i64 = shared::time::HOUR_MS;

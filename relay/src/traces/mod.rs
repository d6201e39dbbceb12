//! Traces: the way of single events through the relay and to each platform, for a collector that speaks OTLP.
//!
//! Every event has a trace of its own, whose number follows from its site and id (`span`). So the request that brought the
//! event and the deliveries hours later are one trace, and nothing need be stored or sent along for it. Off unless
//! `[telemetry]` names a collector, and then a by-product: what it does not take in time is dropped and counted, and nobody
//! waits for it. A span holds names of the configuration, words of fixed lists, numbers and times; nothing that was sent.
//!
//! Owns what is noted of an event and the queue; `span` has what a span is on the wire, `exporter` takes them away. Spans are
//! written as OTLP's JSON and leave through the house's one HTTP client, because OpenTelemetry's own crates would bring
//! twenty-six others, among them a second way to write messages and one more to draw random numbers.

mod exporter;
pub mod span;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::event::STANDARD_EVENTS;
use shared::{Event, Source, UnixMs};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::Instant;

pub use exporter::Exporter;
use span::{Kind, Span, SpanId, TraceId, Value};

use crate::config::{Collector, Destination};
use crate::metrics::Metrics;
use crate::platform::Outcome;
use crate::store::Verdict;

/// Where spans go. Cheap to clone; the default is nowhere.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Queue>>);

#[derive(Debug)]
struct Queue {
    sender: Sender<Span>,
    percent: u8,
    metrics: Arc<Metrics>,
    /// Spans so far, so that two of one millisecond have different numbers.
    spans: AtomicU64,
}

/// A moment something began: by the wall clock, and by the one that measures.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    wall: UnixMs,
    at: Instant,
}

impl Begun {
    /// Now, which the wall clock calls so.
    pub fn at(wall: UnixMs) -> Self {
        Self { wall, at: Instant::now() }
    }

    /// From that moment until now.
    pub fn until_now(self) -> Took {
        let from = nanoseconds(self.wall);
        Took { from, to: from.saturating_add(u64::try_from(self.at.elapsed().as_nanos()).unwrap_or(0)) }
    }
}

/// A span of time: nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// Its beginning.
    pub from: u64,
    /// Its end.
    pub to: u64,
}

fn nanoseconds(time: UnixMs) -> u64 {
    u64::try_from(time.0).unwrap_or(0).saturating_mul(1_000_000)
}

/// An event that is being taken in.
#[derive(Clone, Copy, Debug)]
pub struct Taking {
    /// Its place among the events of its request.
    place: usize,
    trace: TraceId,
    name: &'static str,
    source: &'static str,
}

/// A delivery of one event.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Where to.
    pub destination: &'a Destination,
    /// Which of the platform's calls.
    pub call: &'static str,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// How many events the request carried.
    pub batch: usize,
    /// The answer's status, when there was an answer.
    pub status: Option<u16>,
    /// What became of the event.
    pub outcome: &'a Outcome,
    /// From the request's beginning to the answer's end.
    pub took: Took,
}

impl Traces {
    /// A queue for a collector, and what empties it.
    pub fn to(collector: &Collector, metrics: &Arc<Metrics>) -> (Self, Exporter) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let queue = Queue {
            sender,
            percent: collector.sample_percent,
            metrics: metrics.clone(),
            spans: AtomicU64::new(0),
        };
        (Self(Some(Arc::new(queue))), Exporter::new(receiver, collector, metrics.clone()))
    }

    /// The events of a request that are traced; none where nobody collects.
    pub fn of(&self, site: &str, events: &[Event]) -> Vec<Taking> {
        let Some(queue) = &self.0 else { return Vec::new() };
        let taking = |(place, event): (usize, &Event)| {
            let trace = TraceId::of(site, &event.event_id);
            let taking = Taking { place, trace, name: name(&event.event), source: source(event.source) };
            trace.is_sampled(queue.percent).then_some(taking)
        };
        events.iter().enumerate().filter_map(taking).collect()
    }

    /// Notes events that a request brought: `collect` from its arrival until they were handed to the store, `store` until
    /// they were durable, and what was decided about each of them; nothing where the store failed.
    pub fn taken(
        &self,
        site: &str,
        takings: &[Taking],
        collect: Took,
        store: Took,
        verdicts: Option<&[Verdict]>,
    ) {
        let whole = Took { from: collect.from, to: store.to };
        for taking in takings {
            let verdict = verdicts.and_then(|verdicts| verdicts.get(taking.place));
            let new = matches!(verdict, Some(Verdict::Stored(_) | Verdict::Held));
            // Deliveries hang on the report that counts, so its span has the number they know.
            let root = if new { taking.trace.root() } else { self.span(taking.trace, "again", whole) };
            let parent = (!new).then(|| taking.trace.root());
            let span = Span::new(taking.trace, root, parent, "receive", Kind::Server, whole)
                .with("anytrack.site", Value::text(site))
                .with("anytrack.event", Value::Word(taking.name))
                .with("anytrack.source", Value::Word(taking.source))
                .with("anytrack.result", Value::Word(verdict.map_or("not_stored", word)))
                .failed(verdict.is_none());
            self.put(span);
            for (name, took) in [("collect", collect), ("store", store)] {
                let id = self.span(taking.trace, name, whole);
                self.put(Span::new(taking.trace, id, Some(root), name, Kind::Internal, took));
            }
        }
    }

    /// Notes a delivery of an event.
    pub fn delivered(&self, event: &Event, delivery: &Delivery<'_>) {
        let destination = delivery.destination;
        self.about(event, destination, "deliver", Kind::Client, delivery.took, |span| {
            let span = span
                .with("anytrack.call", Value::Word(delivery.call))
                .with("anytrack.attempt", Value::Number(delivery.attempt.into()))
                .with("anytrack.batch", Value::Number(delivery.batch as i64))
                .with("anytrack.outcome", Value::Word(delivery.outcome.tag()))
                .failed(*delivery.outcome != Outcome::Delivered);
            match delivery.status {
                Some(status) => span.with("http.response.status_code", Value::Number(status.into())),
                None => span,
            }
        });
    }

    /// Notes that an event is not sent to a destination on purpose, or not yet.
    pub fn skipped(&self, event: &Event, destination: &Destination, reason: &'static str, now: UnixMs) {
        let took = Took { from: nanoseconds(now), to: nanoseconds(now) };
        self.about(event, destination, "skip", Kind::Internal, took, |span| {
            span.with("anytrack.reason", Value::Word(reason))
        });
    }

    fn about(
        &self,
        event: &Event,
        destination: &Destination,
        name: &'static str,
        kind: Kind,
        took: Took,
        more: impl FnOnce(Span) -> Span,
    ) {
        let Some(queue) = &self.0 else { return };
        let trace = TraceId::of(&destination.site, &event.event_id);
        if trace.is_sampled(queue.percent) {
            let id = self.span(trace, &destination.name, took);
            let span = Span::new(trace, id, Some(trace.root()), name, kind, took)
                .with("anytrack.destination", Value::text(&destination.name))
                .with("anytrack.platform", Value::Word(destination.platform_name));
            self.put(more(span));
        }
    }

    /// The number of a span that is not a trace's first.
    fn span(&self, trace: TraceId, name: &str, took: Took) -> SpanId {
        let before = self.0.as_ref().map_or(0, |queue| queue.spans.fetch_add(1, Ordering::Relaxed));
        trace.span(name, took.from.wrapping_add(before))
    }

    /// Queues a span, or drops it where the collector is behind.
    fn put(&self, span: Span) {
        if let Some(queue) = &self.0
            && queue.sender.try_send(span).is_err()
        {
            queue.metrics.spans("dropped", 1);
        }
    }
}

/// A standard name. Any other is the site's own words, which stay in the house.
fn name(event: &str) -> &'static str {
    STANDARD_EVENTS.into_iter().find(|standard| *standard == event).unwrap_or("custom")
}

const fn source(source: Source) -> &'static str {
    match source {
        Source::Web => "web",
        Source::Server => "server",
        Source::Crm => "crm",
        Source::Phone => "phone",
        Source::Store => "store",
        Source::Email => "email",
        Source::Chat => "chat",
    }
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Stored(_) => "stored",
        Verdict::Held => "held",
        Verdict::Duplicate => "duplicate",
        Verdict::Contradiction => "contradiction",
    }
}

/// Spans that wait for the collector; two megabytes at most.
const MOST_WAITING: usize = 4096;

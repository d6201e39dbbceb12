//! A span, its numbers, and how both are written for a collector.
//!
//! OTLP's JSON: numbers of traces and spans in hexadecimal, times as decimal text, kinds and states by their numbers
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> and
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto>, read 2026-11-27).

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::Took;

/// The number of a trace: of one event at one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// The number of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// The trace of an event: the same wherever it is asked for, and none from which the id could be read.
    pub fn of(site: &str, event_id: &str) -> Self {
        let digest = Sha256::new().chain_update("trace\0").chain_update(site).chain_update("\0");
        Self(first(&digest.chain_update(event_id).finalize()))
    }

    /// Whether this trace is among so many of a hundred. The answer is a property of the event, so that no trace is noted in part.
    pub fn is_sampled(self, percent: u8) -> bool {
        let [.., high, low] = self.0;
        u32::from(u16::from_be_bytes([high, low])) * 100 < u32::from(percent) << 16
    }

    /// The span that stands above all others of this trace: the request that brought the event.
    pub fn root(self) -> SpanId {
        self.span("root", 0)
    }

    /// The number of another span, by its name and what tells it from others of that name.
    pub fn span(self, name: &str, which: u64) -> SpanId {
        let digest = Sha256::new().chain_update(self.0).chain_update(name).chain_update(which.to_be_bytes());
        SpanId(first(&digest.finalize()))
    }
}

/// The first bytes of a digest, which is longer than any number made of it.
fn first<const LENGTH: usize>(digest: &[u8]) -> [u8; LENGTH] {
    std::array::from_fn(|place| digest.get(place).copied().unwrap_or_default())
}

impl Display for TraceId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Display for SpanId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a span is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A part of the work here.
    Internal,
    /// A request to us.
    Server,
    /// A request of ours.
    Client,
}

/// What is said of a span. There is no way to put a text in that came from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A word of a fixed list.
    Word(&'static str),
    /// A name of the configuration.
    Name(Arc<str>),
    /// A number.
    Number(i64),
}

impl Value {
    /// A name of the configuration.
    pub fn text(name: &str) -> Self {
        Self::Name(name.into())
    }

    fn json(&self) -> Json {
        match self {
            Self::Word(word) => json!({ "stringValue": word }),
            Self::Name(name) => json!({ "stringValue": &**name }),
            Self::Number(number) => json!({ "intValue": number.to_string() }),
        }
    }
}

/// Something that took time.
#[derive(Clone, Debug)]
pub struct Span {
    trace: TraceId,
    id: SpanId,
    parent: Option<SpanId>,
    name: &'static str,
    kind: Kind,
    took: Took,
    attributes: Vec<(&'static str, Value)>,
    failed: bool,
}

impl Span {
    /// A span that went well, about which nothing is said yet.
    pub fn new(
        trace: TraceId,
        id: SpanId,
        parent: Option<SpanId>,
        name: &'static str,
        kind: Kind,
        took: Took,
    ) -> Self {
        Self { trace, id, parent, name, kind, took, attributes: Vec::new(), failed: false }
    }

    /// The same with something said of it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Value) -> Self {
        self.attributes.push((key, value));
        self
    }

    /// The same, and whether it failed.
    #[must_use]
    pub fn failed(self, failed: bool) -> Self {
        Self { failed, ..self }
    }

    fn json(&self) -> Json {
        let kind = match self.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        };
        let mut span = json!({
            "traceId": self.trace.to_string(),
            "spanId": self.id.to_string(),
            "name": self.name,
            "kind": kind,
            "startTimeUnixNano": self.took.from.to_string(),
            "endTimeUnixNano": self.took.to.to_string(),
            "attributes": attributes(&self.attributes),
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = json!(parent.to_string());
        }
        if self.failed {
            span["status"] = json!({ "code": STATUS_ERROR });
        }
        span
    }
}

fn attributes(attributes: &[(&'static str, Value)]) -> Vec<Json> {
    attributes.iter().map(|(key, value)| json!({ "key": key, "value": value.json() })).collect()
}

/// The body of a request with these spans.
pub fn body(spans: &[Span]) -> Json {
    let resource =
        [("service.name", Value::Word(SERVICE)), ("service.version", Value::Word(env!("CARGO_PKG_VERSION")))];
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&resource) },
        "scopeSpans": [{ "scope": { "name": SERVICE }, "spans": spans.iter().map(Span::json).collect::<Vec<_>>() }]
    }] })
}

const SERVICE: &str = "anytrack-relay";
const STATUS_ERROR: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Took = Took { from: 1_795_183_509_123_456_789, to: 1_795_183_509_124_000_000 };

    #[test]
    fn a_trace_is_of_one_event_at_one_site() {
        // By `printf 'trace\0shop\0Purchase-88121' | sha256sum`.
        let trace = TraceId::of("shop", "Purchase-88121");
        assert_eq!(trace.to_string(), "ed7aa88cfac06c77ffba7744faaa77f6");
        assert_ne!(trace, TraceId::of("shop", "Purchase-88122"));
        assert_ne!(trace, TraceId::of("shop2", "Purchase-88121"));
        assert_ne!(trace.root(), trace.span("meta", 1));
        assert_ne!(trace.span("meta", 1), trace.span("meta", 2));
    }

    #[test]
    fn a_share_of_the_traces_is_sampled_and_always_the_same() {
        let sampled =
            |percent| (0..10_000).filter(|n| TraceId::of("s", &n.to_string()).is_sampled(percent)).count();
        assert_eq!((sampled(0), sampled(100)), (0, 10_000));
        let quarter = sampled(25);
        assert!((2_300..2_700).contains(&quarter), "{quarter}");
        let few = |n: &u32| TraceId::of("s", &n.to_string()).is_sampled(10);
        assert!((0..1_000).filter(few).all(|n| TraceId::of("s", &n.to_string()).is_sampled(11)));
    }

    #[test]
    fn a_span_is_written_as_collectors_read_it() {
        let trace = TraceId::of("shop", "e-1");
        let span = Span::new(trace, trace.root(), None, "receive", Kind::Server, TOOK)
            .with("anytrack.site", Value::text("shop"))
            .with("anytrack.attempt", Value::Number(3));
        let child = Span::new(trace, trace.span("d", 1), Some(trace.root()), "deliver", Kind::Client, TOOK);
        let body = body(&[span, child.failed(true)]);
        let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let expected = json!({
            "traceId": trace.to_string(), "spanId": trace.root().to_string(), "name": "receive", "kind": 2,
            "startTimeUnixNano": "1795183509123456789", "endTimeUnixNano": "1795183509124000000",
            "attributes": [
                { "key": "anytrack.site", "value": { "stringValue": "shop" } },
                { "key": "anytrack.attempt", "value": { "intValue": "3" } }
            ]
        });
        assert_eq!(spans[0], expected);
        assert_eq!(spans[1]["parentSpanId"], spans[0]["spanId"]);
        assert_eq!((&spans[1]["kind"], &spans[1]["status"]["code"]), (&json!(3), &json!(2)));
        assert_eq!(spans[0]["traceId"].as_str().map(str::len), Some(32));
        assert_eq!(spans[0]["spanId"].as_str().map(str::len), Some(16));
    }
}

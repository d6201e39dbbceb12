//! Traces as a collector gets them: one for each event from its request to its deliveries, with nothing in it that was sent to
//! us; and a collector in trouble, which costs its traces and nothing else.

mod plain;
mod running;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use plain::{Handler, converse};
use relay::traces::span::TraceId;
use running::Running;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

/// What none of this should come near, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(20);
const COLLECTOR_KEY: &str = "key-of-the-collector-0123456789";
const WEBHOOK_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

/// A collector and a webhook's receiver in one.
struct Outside {
    address: std::net::SocketAddr,
    /// Head and body of each request with traces.
    traces: UnboundedReceiver<(http::request::Parts, String)>,
    /// The status of each answer to the webhook.
    deliveries: UnboundedReceiver<u16>,
}

impl Outside {
    /// Answers the collector's requests with `status`, the webhook's first one with 503 and then with 200.
    async fn open(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (trace, traces) = mpsc::unbounded_channel();
        let (deliver, deliveries) = mpsc::unbounded_channel();
        let asked = AtomicU32::new(0);
        let handler: Handler = Arc::new(move |head, body| {
            let answer = match head.uri.path() {
                "/in" => {
                    let status = if asked.fetch_add(1, Ordering::SeqCst) == 0 { 503 } else { 200 };
                    let _ = deliver.send(status);
                    status
                }
                _ => {
                    let _ = trace.send((head, String::from_utf8(body.to_vec()).expect("text")));
                    status
                }
            };
            Box::pin(std::future::ready((answer, "{}".to_owned())))
        });
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, handler.clone(), true));
            }
        });
        Self { address, traces, deliveries }
    }

    fn configuration(&self) -> String {
        format!(
            "[delivery]\nbackoff_base_ms = 10\nbackoff_cap_ms = 20\n
             [telemetry]\ntraces = \"http://{0}\"\nauthorization = \"Bearer {COLLECTOR_KEY}\"\n
             [[destination]]\nname = \"crm\"\nsite = \"shop\"\nplatform = \"webhook\"\nallow_private = true\n
             url = \"http://{0}/in\"\nsecret = \"{WEBHOOK_SECRET}\"\n",
            self.address
        )
    }

    async fn until_delivered(&mut self) {
        let delivered = async { while self.deliveries.recv().await.expect("the receiver runs") != 200 {} };
        timeout(PATIENCE, delivered).await.expect("it is delivered");
    }

    /// Everything the collector was sent, once nobody sends any more.
    fn sent(&mut self) -> Vec<(http::request::Parts, String)> {
        std::iter::from_fn(|| self.traces.try_recv().ok()).collect()
    }
}

/// Every span of these requests.
fn spans(sent: &[(http::request::Parts, String)]) -> Vec<Value> {
    let bodies = sent.iter().map(|(_, body)| serde_json::from_str::<Value>(body).expect("JSON"));
    bodies
        .flat_map(|body| {
            body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone()
        })
        .collect()
}

/// What a span says, by key.
fn said(span: &Value) -> BTreeMap<String, Value> {
    let pair = |pair: &Value| {
        let value = pair["value"].as_object().and_then(|value| value.values().next()).expect("a value");
        (pair["key"].as_str().expect("a key").to_owned(), value.clone())
    };
    span["attributes"].as_array().expect("a list").iter().map(pair).collect()
}

const EVENT: &str = r#"{"event":"Purchase","event_id":"Purchase-88121","visitor_id":"visitor-of-jane",
    "page":{"url":"https://shop.example/thanks?coupon=springtime"},"click_ids":{"gclid":"Cj0KCQiA-made-up"},
    "context":{"ip":"203.0.113.9","user_agent":"Mozilla/5.0 Example"},
    "user":{"email":"jane.doe@example.com","phone":"+442079460958","last_name":"Lovelace"},
    "properties":{"value":59.9,"currency":"EUR","order_id":"88121","engraving":"for Ada"}}"#;

#[tokio::test]
async fn an_event_is_one_trace_from_the_request_to_the_platform() {
    let mut outside = Outside::open(200).await;
    let relay = Running::start(&outside.configuration()).await;
    assert_eq!(relay.track(EVENT).await.json()["accepted"], 1);
    assert_eq!(relay.track(EVENT).await.json()["duplicates"], 1);
    outside.until_delivered().await;
    relay.stop().await;

    let sent = outside.sent();
    for (head, _) in &sent {
        assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/traces"));
        assert_eq!(head.headers["content-type"], "application/json");
        assert_eq!(head.headers["authorization"], format!("Bearer {COLLECTOR_KEY}"));
    }
    let trace = json!(TraceId::of("shop", "Purchase-88121").to_string());
    let spans = spans(&sent);
    assert!(spans.iter().all(|span| span["traceId"] == trace), "{spans:?}");
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let (received, deliveries) = (named("receive"), named("deliver"));
    let [first, again] = received[..] else { panic!("{spans:?}") };
    let results = [first, again].map(|span| said(span)["anytrack.result"].clone());
    assert_eq!(results, ["stored", "duplicate"]);
    assert_eq!((first.get("parentSpanId"), &again["parentSpanId"]), (None, &first["spanId"]));
    for name in ["collect", "store"] {
        let parents: Vec<&Value> = named(name).into_iter().map(|span| &span["parentSpanId"]).collect();
        assert_eq!(parents, [&first["spanId"], &again["spanId"]], "{name}");
    }
    let outcomes: Vec<_> = deliveries
        .iter()
        .map(|span| {
            assert_eq!(span["parentSpanId"], first["spanId"]);
            let said = said(span);
            assert_eq!(
                (&said["anytrack.destination"], &said["anytrack.platform"]),
                (&json!("crm"), &json!("webhook"))
            );
            ["anytrack.outcome", "http.response.status_code", "anytrack.attempt"].map(|key| said[key].clone())
        })
        .collect();
    assert_eq!(
        outcomes,
        [["retry", "503", "1"], ["delivered", "200", "2"]].map(|row| row.map(|text| json!(text)))
    );
    let failed: Vec<bool> = deliveries.iter().map(|span| span.get("status").is_some()).collect();
    assert_eq!(failed, [true, false]);
    let ids: std::collections::BTreeSet<&str> =
        spans.iter().filter_map(|span| span["spanId"].as_str()).collect();
    assert_eq!(ids.len(), spans.len(), "each span has a number of its own");
    in_order(first, named("store")[0], deliveries[0]);
}

/// A request takes as long as its parts, and a delivery begins after the event was durable.
fn in_order(receive: &Value, store: &Value, deliver: &Value) {
    let time = |span: &Value, key: &str| {
        span[key].as_str().and_then(|text| text.parse::<u64>().ok()).expect("a time")
    };
    let (begun, ended) = ("startTimeUnixNano", "endTimeUnixNano");
    assert!(time(receive, begun) <= time(store, begun) && time(store, begun) < time(store, ended));
    assert_eq!(time(receive, ended), time(store, ended));
    // The wall clock is read in milliseconds.
    assert!(
        time(deliver, begun) + 1_000_000 > time(store, begun) && time(deliver, begun) < time(deliver, ended)
    );
}

#[tokio::test]
async fn a_trace_holds_nothing_that_was_sent() {
    let mut outside = Outside::open(200).await;
    let relay = Running::start(&outside.configuration()).await;
    assert_eq!(relay.track(EVENT).await.status, 202);
    assert_eq!(
        relay.track(r#"{"event":"Jane Lovelace asked","event_id":"asked-by-jane"}"#).await.status,
        202
    );
    outside.until_delivered().await;
    relay.stop().await;
    let sent = outside.sent();
    // Without the numbers of traces and spans, and times: any three letters up to f may stand in one.
    let is_number =
        |word: &str| [16, 19, 32].contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = sent.iter().flat_map(|(_, body)| body.split('"').filter(|word| !is_number(word)));
    let text = words.map(|word| format!("{word}\"")).collect::<String>().to_lowercase();
    assert!(text.contains("\"purchase\"") && text.contains("\"custom\""), "{text}");
    for word in [
        "jane",
        "lovelace",
        "88121",
        "2079460958",
        "203.0.113.9",
        "mozilla",
        "springtime",
        "thanks",
        "cj0k",
        "ada",
        "59.9",
        "visitor",
        "asked",
        running::KEY,
        COLLECTOR_KEY,
        WEBHOOK_SECRET,
    ] {
        assert!(!text.contains(&word.to_lowercase()), "{word} in {text}");
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_its_traces_alone() {
    // Connections are taken by the system; nobody reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let relay = Running::start(&format!("[telemetry]\ntraces = \"http://{address}\"")).await;
    let body = format!(r#"{{"events":[{}]}}"#, vec![r#"{"event":"Lead"}"#; 500].join(","));
    for _ in 0..5 {
        let answer = timeout(PATIENCE, relay.track(&body)).await.expect("nobody waits for a collector");
        assert_eq!(answer.json()["accepted"], 500);
    }
    let metrics = relay.get("/metrics").await.body;
    let dropped =
        metrics.lines().find_map(|line| line.strip_prefix("anytrack_spans_total{result=\"dropped\"} "));
    // Three spans an event; what fits into the queue and into one request may still wait.
    let dropped: u64 = dropped.expect("some were dropped").parse().expect("a number");
    assert!((7_500 - 4_096 - 512..=7_500).contains(&dropped), "{dropped}");
    timeout(PATIENCE, relay.stop()).await.expect("the stop waits for a collector for two seconds at most");
}

#[tokio::test]
async fn a_collector_that_refuses_is_counted() {
    let mut outside = Outside::open(500).await;
    let relay = Running::start(&outside.configuration()).await;
    assert_eq!(relay.track(EVENT).await.status, 202);
    outside.until_delivered().await;
    let refused = timeout(PATIENCE, outside.traces.recv()).await.expect("it was asked").expect("it runs");
    let spans = spans(&[refused]).len();
    let counted = async {
        while !relay.get("/metrics").await.body.contains("anytrack_spans_total{result=\"dropped\"}") {}
    };
    timeout(PATIENCE, counted).await.expect("counted");
    assert!(spans > 0);
    relay.stop().await;
}

#[tokio::test]
async fn nobody_is_told_where_no_collector_is_named() {
    let mut outside = Outside::open(200).await;
    let configuration = outside.configuration();
    let (delivery, rest) = configuration.split_once("[telemetry]").expect("two parts");
    let (_, destination) = rest.split_once("[[destination]]").expect("a destination");
    let relay = Running::start(&format!("{delivery}[[destination]]{destination}")).await;
    assert_eq!(relay.track(EVENT).await.status, 202);
    outside.until_delivered().await;
    assert!(!relay.get("/metrics").await.body.contains("anytrack_spans_total{"));
    relay.stop().await;
    assert_eq!(outside.sent().len(), 0);
}

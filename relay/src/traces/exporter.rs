//! Takes spans from the queue to the collector, a handful at a time.
//!
//! A collector that is slow or away costs what waits in the queue and nothing else: a handful that it does not take is
//! dropped and counted, and then it is left alone for a while. Spans are no events; none is worth memory or a retry.

use std::sync::Arc;
use std::time::Duration;

use shared::UnixMs;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;
use url::Url;

use super::span::{self, Span};
use crate::config::Collector;
use crate::distribute::HttpClient;
use crate::metrics::Metrics;
use crate::platform::{Body, Header, Request, Response, Text};
use crate::secret::Secret;

/// What empties the queue.
pub struct Exporter {
    spans: Receiver<Span>,
    url: Url,
    authorization: Option<Secret>,
    client: HttpClient,
    metrics: Arc<Metrics>,
    now: fn() -> UnixMs,
    told: Option<Instant>,
}

impl Exporter {
    pub(super) fn new(spans: Receiver<Span>, collector: &Collector, metrics: Arc<Metrics>) -> Self {
        let Collector { url, authorization, .. } = collector.clone();
        let client = HttpClient::new(ANSWER_TIMEOUT);
        Self { spans, url, authorization, client, metrics, now: crate::clock::now, told: None }
    }

    /// Sends until `stop`, and then what waits, as long as the collector takes it and the time that a stop grants is not over.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                _ = &mut stop => break,
                () = self.gather(&mut batch) => {}
            }
            let sent = tokio::select! {
                _ = &mut stop => break,
                sent = self.send(&batch) => sent,
            };
            batch.clear();
            if !sent && timeout(REST, &mut stop).await.is_ok() {
                break;
            }
        }
        self.spans.close();
        let _ = timeout(FLUSH, self.flush(batch)).await;
    }

    /// Waits for a span, and then a little for others to go with it.
    async fn gather(&mut self, batch: &mut Vec<Span>) {
        if batch.is_empty() && self.spans.recv_many(batch, BATCH).await == 0 {
            // All senders are gone; only the end is left to wait for.
            std::future::pending::<()>().await;
        }
        let due = Instant::now() + LINGER;
        while batch.len() < BATCH {
            let more = timeout_at(due, self.spans.recv_many(batch, BATCH - batch.len())).await;
            if matches!(more, Ok(0) | Err(_)) {
                return;
            }
        }
    }

    /// Sends what was gathered and what is still in the queue, until there is nothing more or the collector refuses.
    async fn flush(mut self, mut batch: Vec<Span>) {
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() || !self.send(&batch).await {
                return;
            }
            batch.clear();
        }
    }

    /// Sends a handful. Answers whether the collector took it.
    async fn send(&mut self, batch: &[Span]) -> bool {
        let mut headers = vec![Header::json()];
        if let Some(secret) = &self.authorization {
            headers.push(Header::new("authorization", Text::default().secret(secret)));
        }
        let body = Body::Json(Text::json(&span::body(batch)));
        let request = Request { method: "POST", url: self.url.clone(), headers, body, public_only: false };
        let spans = batch.len() as u64;
        let trouble = match self.client.send(&request, (self.now)()).await {
            Response::Answer { status: 200..300, .. } => {
                self.metrics.spans("sent", spans);
                return true;
            }
            Response::Answer { status, .. } => format!("it answered with status {status}"),
            Response::NotSent(why) | Response::NoAnswer(why) => why,
        };
        self.metrics.spans("dropped", spans);
        if self.told.is_none_or(|told| told.elapsed() > TOLD_FOR) {
            self.told = Some(Instant::now());
            warn!(collector = %self.url, trouble, "the collector takes no traces; they are dropped, nothing else is affected");
        }
        false
    }
}

/// Spans in one request: some hundred kilobytes.
const BATCH: usize = 512;
/// How long a span waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// A collector stands nearby and has nothing to do before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a collector that took nothing is left alone.
const REST: Duration = Duration::from_secs(5);
/// What the last spans may cost an orderly stop.
const FLUSH: Duration = Duration::from_secs(2);
/// How often an operator is told of the same trouble.
const TOLD_FOR: Duration = Duration::from_secs(300);

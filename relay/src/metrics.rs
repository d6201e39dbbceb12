//! Metrics: what an operator watches, in Prometheus' text form.
//!
//! Owns the names and labels (stable: dashboards and alerts are built on them) and the counters. Labels are few and
//! come from the configuration or from fixed lists, never from a request, so nobody outside can make them many.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::store::Backlogs;

/// All counters of a relay.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    received: Family<Received, Counter>,
    requests: Family<Requests, Counter>,
    outcomes: Family<Outcomes, Counter>,
    skips: Family<Skips, Counter>,
    findings: Family<Findings, Counter>,
    dead: Family<Destinations, Counter>,
    sources: Family<Sources, Counter>,
    site_tokens: Family<Received, Counter>,
    spans: Family<Results, Counter>,
    accept_failures: Counter,
    match_quality: Family<Destinations, Histogram, fn() -> Histogram>,
    up: Family<Destinations, Gauge>,
    call_up: Family<Calls, Gauge>,
    backlog: Family<Destinations, Gauge>,
    pending: Family<Destinations, Gauge>,
    dead_letters: Family<Destinations, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Received {
    site: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Requests {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Sources {
    source: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Results {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcomes {
    destination: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Skips {
    destination: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Findings {
    destination: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Destinations {
    destination: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Calls {
    destination: String,
    call: &'static str,
}

/// A bucket for each whole point.
fn quality_histogram() -> Histogram {
    Histogram::new((0..=10_u8).map(f64::from))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("anytrack");
        let metrics = Self {
            received: Family::default(),
            requests: Family::default(),
            outcomes: Family::default(),
            skips: Family::default(),
            findings: Family::default(),
            dead: Family::default(),
            sources: Family::default(),
            site_tokens: Family::default(),
            spans: Family::default(),
            accept_failures: Counter::default(),
            match_quality: Family::new_with_constructor(quality_histogram as fn() -> Histogram),
            up: Family::default(),
            call_up: Family::default(),
            backlog: Family::default(),
            pending: Family::default(),
            dead_letters: Family::default(),
            registry: Registry::default(),
        };
        registry.register("events", "Events received, by result", metrics.received.clone());
        registry.register("requests", "HTTP requests answered", metrics.requests.clone());
        registry.register("source_requests", "Requests of sources, by result", metrics.sources.clone());
        registry.register("site_tokens", "Tokens pages showed, by result", metrics.site_tokens.clone());
        registry.register("spans", "Spans of traces, by what became of them", metrics.spans.clone());
        let help = "Connections the system could not hand over";
        registry.register("accept_failures", help, metrics.accept_failures.clone());
        registry.register("outcomes", "Answers of platforms, per event", metrics.outcomes.clone());
        registry.register("skips", "Events not sent on purpose", metrics.skips.clone());
        let help = "What platforms said of events after they had taken them";
        registry.register("findings", help, metrics.findings.clone());
        registry.register("given_up", "Events put into the dead letter", metrics.dead.clone());
        let help = "How well delivered events can be matched, from 0 to 10";
        registry.register("match_quality", help, metrics.match_quality.clone());
        registry.register("destination_up", "1 while a destination takes events", metrics.up.clone());
        let help = "1 while a call that stands apart in a destination takes events";
        registry.register("call_up", help, metrics.call_up.clone());
        registry.register("backlog", "Events of the log not yet read", metrics.backlog.clone());
        registry.register("pending", "Events waiting for another try", metrics.pending.clone());
        registry.register("dead_letters", "Events in the dead letter", metrics.dead_letters.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Makes the series whose labels the configuration knows, at nought. Prometheus sees no increase where a series appears
    /// with its first count, and alerts are made of increases.
    pub fn begin<'a>(
        &self,
        sites: impl IntoIterator<Item = &'a str>,
        destinations: impl IntoIterator<Item = &'a str>,
    ) {
        for site in sites {
            for result in RESULTS {
                self.received.get_or_create(&Received { site: site.to_owned(), result }).inc_by(0);
            }
        }
        for destination in destinations {
            self.dead.get_or_create(&Destinations { destination: destination.to_owned() }).inc_by(0);
            for outcome in OUTCOMES {
                let labels = Outcomes { destination: destination.to_owned(), outcome };
                self.outcomes.get_or_create(&labels).inc_by(0);
            }
        }
        for route in STORING_ROUTES {
            self.requests.get_or_create(&Requests { route, status: CANNOT_STORE }).inc_by(0);
        }
    }

    /// Counts `events` of a site with one result: `accepted`, `duplicate`, `contradiction` (a duplicate with another value) or `rejected`.
    pub fn received(&self, site: &str, result: &'static str, events: usize) {
        if events > 0 {
            let labels = Received { site: site.to_owned(), result };
            self.received.get_or_create(&labels).inc_by(events as u64);
        }
    }

    /// Counts an answered request.
    pub fn request(&self, route: &'static str, status: u16) {
        self.requests.get_or_create(&Requests { route, status }).inc();
    }

    /// Counts a request of a source by how it ended.
    pub fn source(&self, source: &str, result: &'static str) {
        self.sources.get_or_create(&Sources { source: source.to_owned(), result }).inc();
    }

    /// Counts a token that a page showed, or should have.
    pub fn site_token(&self, site: &str, result: &'static str) {
        self.site_tokens.get_or_create(&Received { site: site.to_owned(), result }).inc();
    }

    /// Counts spans of traces: `sent`, or `dropped` where the collector did not take them in time.
    pub fn spans(&self, result: &'static str, spans: u64) {
        self.spans.get_or_create(&Results { result }).inc_by(spans);
    }

    /// Counts a try at a connection that the system could not hand over, for want of file descriptors usually.
    pub fn accept_failure(&self) {
        self.accept_failures.inc();
    }

    /// Counts what became of one event in one attempt.
    pub fn outcome(&self, destination: &str, outcome: &'static str) {
        self.outcomes.get_or_create(&Outcomes { destination: destination.to_owned(), outcome }).inc();
    }

    /// Counts what a platform said of some events after it had taken them.
    pub fn finding(&self, destination: &str, reason: &'static str, events: u64) {
        let labels = Findings { destination: destination.to_owned(), reason };
        self.findings.get_or_create(&labels).inc_by(events);
    }

    /// Counts an event that was not sent on purpose.
    pub fn skipped(&self, destination: &str, reason: &'static str) {
        self.skips.get_or_create(&Skips { destination: destination.to_owned(), reason }).inc();
    }

    /// Counts events given up.
    pub fn dead(&self, destination: &str, events: usize) {
        if events > 0 {
            let labels = Destinations { destination: destination.to_owned() };
            self.dead.get_or_create(&labels).inc_by(events as u64);
        }
    }

    /// Notes how well a delivered event can be matched, from 0 to 10.
    pub fn match_quality(&self, destination: &str, score: f64) {
        let labels = Destinations { destination: destination.to_owned() };
        self.match_quality.get_or_create(&labels).observe(score);
    }

    /// Says whether a destination takes events.
    pub fn destination_up(&self, destination: &str, up: bool) {
        self.up.get_or_create(&Destinations { destination: destination.to_owned() }).set(i64::from(up));
    }

    /// Says whether a call that stands apart in a destination takes events.
    pub fn call_up(&self, destination: &str, call: &'static str, up: bool) {
        let labels = Calls { destination: destination.to_owned(), call };
        self.call_up.get_or_create(&labels).set(i64::from(up));
    }

    /// The whole text, with the destinations' backlogs as the store has them now.
    pub fn text(&self, backlogs: &Backlogs) -> String {
        for (destination, backlog) in backlogs {
            let labels = Destinations { destination: destination.clone() };
            self.backlog.get_or_create(&labels).set(backlog.head - backlog.cursor);
            self.pending.get_or_create(&labels).set(i64::try_from(backlog.pending).unwrap_or(i64::MAX));
            self.dead_letters.get_or_create(&labels).set(i64::try_from(backlog.dead).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// How events are received, see [`Metrics::received`].
const RESULTS: [&str; 5] = ["accepted", "duplicate", "contradiction", "rejected", "dropped_by_tag"];
/// What platforms answer, see `platform::Outcome`.
const OUTCOMES: [&str; 7] =
    ["delivered", "retry", "later", "split", "rejected", "misconfigured", "unauthorized"];
/// The routes that store what they are sent.
const STORING_ROUTES: [&str; 5] = ["events", "track", "pixel", "webhook", "postback"];
/// The status of what could not be stored.
const CANNOT_STORE: u16 = 503;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Outcome;
    use crate::store::Backlog;

    #[test]
    fn what_the_configuration_names_is_there_before_the_first_count() {
        let metrics = Metrics::default();
        metrics.begin(["shop"], ["meta"]);
        let text = metrics.text(&Backlogs::new());
        for line in [
            "anytrack_events_total{site=\"shop\",result=\"accepted\"} 0",
            "anytrack_events_total{site=\"shop\",result=\"contradiction\"} 0",
            "anytrack_requests_total{route=\"events\",status=\"503\"} 0",
            "anytrack_outcomes_total{destination=\"meta\",outcome=\"rejected\"} 0",
            "anytrack_given_up_total{destination=\"meta\"} 0",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn every_outcome_is_among_those_that_are_there_from_the_start() {
        let (after, reason) = (std::time::Duration::ZERO, String::new);
        let outcomes = [
            Outcome::Delivered,
            Outcome::Retry { after: None, at_least: after, reason: reason() },
            Outcome::Later { after, reason: reason() },
            Outcome::Split { reason: reason() },
            Outcome::Rejected { reason: reason() },
            Outcome::Misconfigured { reason: reason() },
            Outcome::Unauthorized { reason: reason() },
        ];
        assert_eq!(outcomes.each_ref().map(Outcome::tag), OUTCOMES);
    }

    #[test]
    fn the_text_names_what_was_counted() {
        let metrics = Metrics::default();
        metrics.received("shop", "accepted", 3);
        metrics.outcome("meta", "delivered");
        metrics.match_quality("meta", 7.5);
        let backlog = Backlog { cursor: 4, head: 10, pending: 2, next_due: None, dead: 1 };
        let text = metrics.text(&Backlogs::from([("meta".to_owned(), backlog)]));
        for line in [
            "anytrack_events_total{site=\"shop\",result=\"accepted\"} 3",
            "anytrack_outcomes_total{destination=\"meta\",outcome=\"delivered\"} 1",
            "anytrack_match_quality_bucket{le=\"7.0\",destination=\"meta\"} 0",
            "anytrack_match_quality_bucket{le=\"8.0\",destination=\"meta\"} 1",
            "anytrack_backlog{destination=\"meta\"} 6",
            "anytrack_dead_letters{destination=\"meta\"} 1",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}

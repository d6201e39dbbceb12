//! An inquiry: asks a platform what became of a request it took earlier, and acts on the answer.
//!
//! The answer counts events by reason and names none. What holds for all of a request is acted upon: its events are
//! sent once more, or given up with the reason. What holds for some is counted, and told to the operator where the
//! remedy is theirs, once an hour for each reason. Owns that; leaves when to ask to the worker and what an answer means
//! to the platform.

use std::collections::HashMap;

use shared::UnixMs;
use shared::time::HOUR_MS;
use tracing::warn;

use super::courier::Courier;
use super::round::Item;
use crate::metrics::Metrics;
use crate::platform::{self, Fate, Finding, Findings, Found, Response};
use crate::store::{Dead, Receipt, Retry, Settlement};

/// What an inquiry needs besides its receipt.
pub struct Inquiry<'a> {
    /// Carries the question.
    pub courier: &'a Courier,
    /// Counters.
    pub metrics: &'a Metrics,
    /// When each remedy was last told.
    pub told: &'a mut HashMap<&'static str, UnixMs>,
}

/// What an inquiry came to.
#[derive(Debug)]
pub struct Asked {
    /// What to record.
    pub settlement: Settlement,
    /// Whether anybody answered, whatever it was.
    pub answered: bool,
}

/// A receipt as the store keeps it, for the events of its request.
pub(super) fn kept<'a>(receipt: platform::Receipt, items: impl Iterator<Item = &'a Item>) -> Receipt {
    let platform::Receipt { id, taken, asked, due } = receipt;
    let (mut attempts, mut reached, mut events) = (1, taken, Vec::new());
    for item in items {
        attempts = attempts.max(item.attempts + 1);
        reached = reached.min(item.reached.unwrap_or(taken));
        events.push(item.seq);
    }
    Receipt { id, due, taken, asked, attempts, reached, events }
}

impl Inquiry<'_> {
    /// Asks, and says what is to be recorded.
    pub async fn run(&mut self, receipt: Receipt) -> Asked {
        let courier = self.courier;
        let Some(inquiries) = courier.destination.platform.inquiries() else {
            // The destination was set up otherwise when it got the receipt.
            let settlement = Settlement { answered: vec![receipt.id], ..Settlement::default() };
            return Asked { settlement, answered: true };
        };
        let Receipt { id, due, taken, asked, .. } = receipt.clone();
        let claim = platform::Receipt { id, taken, asked, due };
        let response = courier.ask(inquiries.request(&claim)).await;
        let answered = matches!(response, Response::Answer { .. });
        let settlement = match inquiries.read(&claim, receipt.events.len(), &response, (courier.now)()) {
            Found::NotYet { due } => {
                let later = Receipt { due, asked: asked.saturating_add(1), ..receipt };
                Settlement { receipts: vec![later], ..Settlement::default() }
            }
            Found::Final(Findings { counts, fate }) => {
                counts.iter().for_each(|finding| self.note(finding));
                self.act(receipt, fate)
            }
        };
        Asked { settlement, answered }
    }

    /// Counts a finding, and tells what the operator can do about it.
    fn note(&mut self, finding: &Finding) {
        let (destination, now) = (self.courier.destination.name.as_str(), (self.courier.now)());
        self.metrics.finding(destination, finding.reason, finding.events);
        let Some(advice) = finding.advice else { return };
        let silent = self.told.get(finding.reason).is_some_and(|at| now.since(*at) < TOLD_FOR_MS);
        if !silent {
            self.told.insert(finding.reason, now);
            let Finding { reason, events, .. } = finding;
            warn!(destination, reason, events, advice, "the platform dropped events it had taken");
        }
    }

    /// What becomes of the events.
    fn act(&self, receipt: Receipt, fate: Fate) -> Settlement {
        let mut settlement = Settlement { answered: vec![receipt.id], ..Settlement::default() };
        let now = (self.courier.now)();
        let retry_for = self.courier.destination.platform.limits().retry_for_ms;
        let (outcome, dead) = match fate {
            Fate::Settled => return settlement,
            Fate::Refused { reason } => ("rejected", Some(reason)),
            Fate::Again { reason, .. } if now.since(receipt.reached) > retry_for => {
                ("rejected", Some(format!("given up after {} attempts; last: {reason}", receipt.attempts)))
            }
            Fate::Again { after, reason } => {
                let due = now.plus(i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
                let (attempts, reached) = (receipt.attempts, Some(receipt.reached));
                let retry = |seq: &i64| Retry { seq: *seq, attempts, reached, due, reason: reason.clone() };
                settlement.retry = receipt.events.iter().map(retry).collect();
                ("later", None)
            }
        };
        let destination = &self.courier.destination.name;
        receipt.events.iter().for_each(|_| self.metrics.outcome(destination, outcome));
        if let Some(reason) = dead {
            let dead = |seq: &i64| Dead { seq: *seq, at: now, reason: reason.clone() };
            settlement.dead = receipt.events.iter().map(dead).collect();
            self.metrics.dead(destination, settlement.dead.len());
        }
        settlement
    }
}

/// How long a remedy is not told again.
const TOLD_FOR_MS: i64 = HOUR_MS;

//! What is noted during a round: what became of each event, and what that says of the destination, of the calls that stand
//! apart in it, and of the sizes it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::distribute::circuit::Health;
use crate::distribute::courier::{Carried, Echo};
use crate::distribute::portion::Served;
use crate::platform::{Call, Outcome, Receipt, Response, SkipReason};

/// What is noted during a round, by place.
pub(super) struct Tally {
    pub(super) outcomes: Vec<Option<(Outcome, bool)>>,
    pub(super) settled: Vec<bool>,
    pub(super) skips: Vec<(usize, SkipReason, String)>,
    /// What is not to be sent yet, after how long it is, and why.
    pub(super) waits: Vec<(usize, Duration, String)>,
    pub(super) receipts: Vec<(Receipt, Vec<usize>)>,
    /// How the calls are that stand apart.
    pub(super) apart: BTreeMap<Call, Health>,
    /// What the requests of each call said of sizes.
    pub(super) served: BTreeMap<Call, Served>,
    answered: bool,
    trouble: Option<Health>,
}

impl Tally {
    pub(super) fn new(items: usize) -> Self {
        Self {
            outcomes: vec![None; items],
            settled: vec![false; items],
            skips: Vec::new(),
            waits: Vec::new(),
            receipts: Vec::new(),
            apart: BTreeMap::new(),
            served: BTreeMap::new(),
            answered: false,
            trouble: None,
        }
    }

    /// Whether going on is pointless: everything so far met trouble that is not the events' fault.
    pub(super) fn in_trouble(&self) -> bool {
        !self.answered && self.trouble.is_some()
    }

    /// Whether a call that stands apart has met such trouble in this round: the next request of it would, too.
    pub(super) fn is_troubled(&self, call: Call) -> bool {
        matches!(self.apart.get(call), Some(Health::Trouble { .. } | Health::Unauthorized { .. }))
    }

    pub(super) fn health(&self) -> Health {
        match &self.trouble {
            _ if self.answered => Health::Answered,
            Some(trouble) => trouble.clone(),
            None => Health::Silent,
        }
    }

    /// Notes what a request says of the destination.
    pub(super) fn note_health(&mut self, outcomes: &[Outcome]) {
        match said(outcomes) {
            Health::Answered => self.answered = true,
            Health::Silent => {}
            trouble @ (Health::Trouble { .. } | Health::Unauthorized { .. }) => self.trouble = Some(trouble),
        }
    }

    /// Notes what a request of a call that stands apart says of that call. A success is an answer also where it refuses rows
    /// for the sake of settings that others do not need.
    pub(super) fn note_apart(&mut self, carried: &Carried) {
        let success = matches!(carried.response, Some(Response::Answer { status: 200..=299, .. }));
        let health = if success { Health::Answered } else { said(&carried.outcomes) };
        let noted = self.apart.entry(carried.planned.call).or_insert(Health::Silent);
        if *noted != Health::Answered && health != Health::Silent {
            *noted = health;
        }
    }

    /// Notes what the requests of an attempt said of sizes: the call of each, the number of its events, and its echo. Of the events
    /// that were `skipped` nobody knows by which call they would have gone.
    pub(super) fn note_served(&mut self, skipped: usize, requests: &[(Call, usize, Echo)]) {
        let mut together: BTreeMap<Call, Option<usize>> = BTreeMap::new();
        for (call, events, echo) in requests {
            let served = self.served.entry(*call).or_default();
            if *echo == Echo::Silence {
                served.unanswered = served.unanswered.max(*events);
            }
            let sum = together.entry(*call).or_insert(Some(skipped));
            *sum = sum.filter(|_| *echo == Echo::Answer).map(|sum| sum + events);
        }
        for (call, answered) in together {
            let served = self.served.entry(call).or_default();
            served.answered = served.answered.max(answered.unwrap_or(0));
        }
    }
}

/// What one request says of whom it was sent to. One whose every event must be retried speaks of them, not of the events.
fn said(outcomes: &[Outcome]) -> Health {
    let mut health = Health::Silent;
    for outcome in outcomes {
        health = match outcome {
            Outcome::Delivered
            | Outcome::Later { .. }
            | Outcome::Misconfigured { .. }
            | Outcome::Split { .. }
            | Outcome::Rejected { .. } => return Health::Answered,
            Outcome::Retry { after, at_least, reason } => {
                Health::Trouble { at_least: *at_least, asked: *after, reason: reason.clone() }
            }
            Outcome::Unauthorized { reason } => Health::Unauthorized { reason: reason.clone() },
        };
    }
    health
}

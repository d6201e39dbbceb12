//! One round: sends a handful of events to one destination and settles what became of each.
//!
//! A request that was refused whole is searched for the culprit (`search`), so one bad event never costs its
//! neighbours. As soon as the destination as a whole proves to be in trouble, the rest of the round is put back
//! unsent, and so is what an orderly stop leaves no time for. A call that goes in small parts gives way to the others after the
//! time that one request may take. Owns the order of sending; what is recorded of it is `settle`'s, reading and writing the
//! store the worker's.

mod settle;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::{Event, UnixMs};
use tokio::task::JoinSet;
use tracing::{error, warn};

use self::settle::put_off;
use self::tally::Tally;
use super::apart::Apart;
use super::circuit::Health;
use super::courier::{Carried, Courier};
use super::plan::plan;
use super::portion::{Portions, Served};
use super::schedule::Backoff;
use super::search::{Answer, Search};
use super::steady::Steady;
use super::stop::Stop;
use crate::metrics::Metrics;
use crate::platform::{Call, Outcome, Response, Skip};
use crate::store::{Logged, Pending, Seq, Settlement};
use crate::traces::{Delivery, Traces};

/// An event in a round, with what is known from earlier rounds.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its number in the log.
    pub seq: Seq,
    /// When it arrived.
    pub received: UnixMs,
    /// The event.
    pub event: Arc<Event>,
    /// Attempts made before this round.
    pub attempts: u32,
    /// When it may first have reached the platform.
    pub reached: Option<UnixMs>,
    /// Whether it comes from the retry list.
    pub pending: bool,
    /// Why it failed last, when it did.
    pub reason: Option<String>,
    /// Why it is not sent, where that is known before the platform is asked.
    pub left_out: Option<Skip>,
}

impl From<Logged> for Item {
    fn from(logged: Logged) -> Self {
        let Logged { seq, site: _, received, event } = logged;
        Self {
            seq,
            received,
            event,
            attempts: 0,
            reached: None,
            pending: false,
            reason: None,
            left_out: None,
        }
    }
}

impl From<Pending> for Item {
    fn from(pending: Pending) -> Self {
        let Pending { logged, attempts, reached, reason, .. } = pending;
        Self { attempts, reached, pending: true, reason: Some(reason), ..Self::from(logged) }
    }
}

/// What a round needs besides its events.
pub struct Round<'a> {
    /// Carries its requests.
    pub courier: &'a Courier,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// Counters.
    pub metrics: &'a Metrics,
    /// Where deliveries are traced.
    pub traces: &'a Traces,
    /// What time it is.
    pub now: fn() -> UnixMs,
    /// From when on a wait counts.
    pub waits: &'a Steady,
    /// Which of the calls that stand apart are to be left alone.
    pub apart: &'a Apart,
    /// For how long all others are, and why, where only those go.
    pub held: Option<(Duration, &'a str)>,
    /// Most events that go together.
    pub portions: &'a Portions,
    /// The stop, which may leave no time for another request.
    pub stop: &'a Stop,
    /// A uniform random number in 0..1.
    pub draw: fn() -> f64,
}

/// What a round came to.
#[derive(Debug)]
pub struct Settled {
    /// What to record.
    pub settlement: Settlement,
    /// What it says about the destination.
    pub health: Health,
    /// What it says about the calls that stand apart.
    pub apart: BTreeMap<Call, Health>,
    /// What it says about the sizes of requests, by their call.
    pub served: BTreeMap<Call, Served>,
}

/// So many attempts that failed make an event suspect of being the trouble itself. A platform that is down is asked with single
/// events, so no more of them get there than were under way together. What an answer keeps for its settings' sake is never one.
pub(super) const SUSPECT: u32 = 4;

/// Why an event waits that was not sent, while the platform is well.
const LEFT: &str = "not sent: others of its kind took all the time there was";

/// What was said of each request, and in which parts those go that were too large to be sent.
type Attempted = (Vec<Answer>, Vec<Vec<usize>>);

impl Round<'_> {
    /// Sends the events and settles each. The settlement's cursor is left to the worker.
    pub async fn run(&self, mut items: Vec<Item>) -> Settled {
        let (mut tally, mut places) = (Tally::new(items.len()), Vec::with_capacity(items.len()));
        for (place, item) in items.iter_mut().enumerate() {
            match item.left_out.take() {
                Some(skip) => self.leave_out(&item.event, place, skip, &mut tally),
                None => places.push(place),
            }
        }
        let (mut search, mut parting) = (Search::among(places), None);
        // In trouble, or late for a stop, what is left keeps no outcome and is put back.
        while !tally.in_trouble() && !self.is_late() {
            if search.is_at_parts() && self.is_long_since(&mut parting) {
                self.leave(&items, search.leave_parts(), &mut tally);
            }
            let Some(places) = search.ask() else { break };
            let (answers, parts) = self.attempt(&items, places, &mut tally).await;
            search.learn(answers);
            search.go_on_in(parts);
        }
        self.settle(items, tally)
    }

    /// Plans the events at `places` and sends them, but for those whose request would be larger than its call answers.
    async fn attempt(&self, items: &[Item], places: Vec<usize>, tally: &mut Tally) -> Attempted {
        let events: Vec<&Event> = places.iter().map(|place| &*items[*place].event).collect();
        let destination = &*self.courier.destination;
        let built = plan(destination, &events, (self.now)());
        let skipped = built.skips.len();
        for (index, skip) in built.skips {
            self.leave_out(events[index], places[index], skip, tally);
        }
        let (mut waiting, mut answers, mut sizes) = (built.requests.into_iter(), Vec::new(), Vec::new());
        let (mut flying, mut parts) = (JoinSet::new(), Vec::new());
        loop {
            while flying.len() < destination.platform.limits().concurrency.max(1) {
                let Some(planned) = waiting.next() else { break };
                let most = self.portions.of(planned.call);
                let here: Vec<usize> = planned.events.iter().map(|index| places[*index]).collect();
                if let Some((wait, reason)) = self.closed(planned.call) {
                    for place in here {
                        tally.outcomes[place] = Some((put_off(&items[place], wait, reason), false));
                    }
                } else if here.len() > most {
                    parts.extend(here.chunks(most.max(1)).map(<[usize]>::to_vec));
                } else if !tally.in_trouble() && !tally.is_troubled(planned.call) && !self.is_late() {
                    let (courier, stop) = (self.courier.clone(), self.stop.clone());
                    flying.spawn(async move { courier.carry(planned, &stop).await });
                }
            }
            let Some(flown) = flying.join_next().await else { break };
            // A task of ours cannot panic or be cancelled here. If it did, or a stop came before its request was sent, its events stay
            // undecided and are put back.
            let Ok(Some(carried)) = flown else { continue };
            let here: Vec<usize> = carried.planned.events.iter().map(|index| places[*index]).collect();
            self.trace(items, &here, &carried);
            sizes.push((carried.planned.call, here.len(), carried.echo()));
            answers.push(self.judge(&here, carried, tally));
        }
        tally.note_served(skipped, &sizes);
        (answers, parts)
    }

    /// Whether a stop leaves no time for another request.
    fn is_late(&self) -> bool {
        self.stop.is_late(self.courier.client.timeout())
    }

    /// Whether the parts of a call have gone for so long that the events of others wait for them.
    fn is_long_since(&self, parting: &mut Option<UnixMs>) -> bool {
        let now = self.waits.now();
        let since = now.since(*parting.get_or_insert(now));
        u128::try_from(since).is_ok_and(|since| since > self.courier.client.timeout().as_millis())
    }

    /// Puts events back as they were, for the next round.
    fn leave(&self, items: &[Item], places: Vec<usize>, tally: &mut Tally) {
        for place in places {
            let reason = items[place].reason.clone().unwrap_or_else(|| LEFT.to_owned());
            tally.outcomes[place] = Some((Outcome::Later { after: Duration::ZERO, reason }, false));
        }
    }

    /// How long a call is to be left alone, and why, if it is.
    fn closed(&self, call: Call) -> Option<(Duration, &str)> {
        let is_apart = self.courier.destination.platform.apart(call);
        if is_apart { self.apart.closed(call, self.waits.now()) } else { self.held }
    }

    /// Notes an event that the platform is not sent, or not yet.
    fn leave_out(&self, event: &Event, place: usize, skip: Skip, tally: &mut Tally) {
        let (destination, now) = (&*self.courier.destination, (self.now)());
        self.metrics.skipped(&destination.name, skip.reason.tag());
        self.traces.skipped(event, destination, skip.reason.tag(), now);
        let Some(until) = skip.until else {
            tally.skips.push((place, skip.reason, skip.detail));
            return;
        };
        let after = Duration::from_millis(u64::try_from(until.since(now)).unwrap_or(0));
        tally.waits.push((place, after, skip.detail));
    }

    /// Notes the delivery of each event of a request.
    fn trace(&self, items: &[Item], places: &[usize], carried: &Carried) {
        let status = match carried.response {
            Some(Response::Answer { status, .. }) => Some(status),
            Some(Response::NotSent(_) | Response::NoAnswer(_)) | None => None,
        };
        for (place, outcome) in places.iter().zip(&carried.outcomes) {
            let item = &items[*place];
            let delivery = Delivery {
                destination: &self.courier.destination,
                call: carried.planned.call,
                attempt: item.attempts + 1,
                batch: places.len(),
                status,
                outcome,
                took: carried.took,
            };
            self.traces.delivered(&item.event, &delivery);
        }
    }

    /// Notes what became of the events of one request, and says what that means for a search.
    fn judge(&self, places: &[usize], carried: Carried, tally: &mut Tally) -> Answer {
        let apart = self.courier.destination.platform.apart(carried.planned.call);
        self.announce(&carried, apart);
        self.pass_on(&carried);
        if apart {
            tally.note_apart(&carried);
        } else {
            tally.note_health(&carried.outcomes);
        }
        self.note_receipt(places, &carried, tally);
        let (mut refused, mut named, mut kept, mut undecided) = (Vec::new(), false, false, false);
        let (reached, name) = (carried.reached(), &self.courier.destination.name);
        for (index, (place, outcome)) in places.iter().zip(carried.outcomes).enumerate() {
            self.metrics.outcome(name, outcome.tag());
            if let (Outcome::Delivered, Some(quality)) = (&outcome, carried.planned.quality.get(index)) {
                self.metrics.match_quality(name, quality.score());
            }
            let outcome = match outcome {
                Outcome::Split { .. } if places.len() > 1 => {
                    refused.push(*place);
                    continue;
                }
                Outcome::Split { reason } | Outcome::Rejected { reason } => {
                    named = true;
                    Outcome::Rejected { reason }
                }
                outcome @ (Outcome::Retry { .. } | Outcome::Unauthorized { .. }) => {
                    undecided = true;
                    outcome
                }
                outcome @ (Outcome::Misconfigured { .. } | Outcome::Later { .. }) => {
                    kept = true;
                    outcome
                }
                outcome @ Outcome::Delivered => outcome,
            };
            tally.outcomes[*place] = Some((outcome, reached));
        }
        // What is kept, for its settings' sake or for later, is the culprit where others were refused beside it, or before it
        // was alone.
        named |= kept && (!refused.is_empty() || places.len() == 1);
        match (named, refused.is_empty()) {
            (true, _) => Answer::Named(refused),
            (false, false) => Answer::Refused(refused),
            (false, true) if undecided => Answer::Undecided,
            (false, true) => Answer::Taken,
        }
    }

    /// Tells the operator of events whose settings are wrong, and of a call that stands apart and is refused; of all else the
    /// circuit speaks.
    fn announce(&self, carried: &Carried, apart: bool) {
        let complaint = carried.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Misconfigured { reason } => Some(reason.as_str()),
            Outcome::Unauthorized { reason } if apart => Some(reason.as_str()),
            Outcome::Unauthorized { .. }
            | Outcome::Delivered
            | Outcome::Retry { .. }
            | Outcome::Later { .. }
            | Outcome::Split { .. }
            | Outcome::Rejected { .. } => None,
        });
        let Some(reason) = complaint else { return };
        let (destination, call) = (self.courier.destination.name.as_str(), carried.planned.call);
        if self.courier.complaints.is_due(call, reason, (self.now)()) {
            error!(destination, call, reason, "call refused: fix it; its events are kept, all others go on");
        }
    }

    /// Tells the operator what the platform remarked about events it took.
    fn pass_on(&self, carried: &Carried) {
        let (destination, call) = (&*self.courier.destination, carried.planned.call);
        let remark =
            carried.response.as_ref().and_then(|response| destination.platform.remark(call, response));
        let Some(remark) = remark else { return };
        if self.courier.complaints.is_remark_due(call, &remark, (self.now)()) {
            warn!(destination = %destination.name, call, remark = %remark, "the platform remarks on events it took");
        }
    }

    /// Keeps the receipt of a request that was taken, where its platform gives one.
    fn note_receipt(&self, places: &[usize], carried: &Carried, tally: &mut Tally) {
        let all_taken = carried.outcomes.iter().all(|outcome| *outcome == Outcome::Delivered);
        let inquiries = self.courier.destination.platform.inquiries().filter(|_| all_taken);
        let receipt = inquiries.zip(carried.response.as_ref()).and_then(|(inquiries, response)| {
            inquiries.receipt(carried.planned.call, response, (self.now)())
        });
        tally.receipts.extend(receipt.map(|receipt| (receipt, places.to_vec())));
    }
}

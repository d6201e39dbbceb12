//! What is recorded of a round: which events are done, which are given up, and when the others go again.
//!
//! An event that met trouble waits by the schedule. One that an answer keeps, because its settings or the credentials are wrong,
//! tells nothing by being tried more often, and may have thousands of its kind beside it: all of these go again at the same
//! times, whenever they came, so that they fill few requests instead of one each.

use std::time::Duration;

use shared::UnixMs;
use shared::time::{DAY_MS, HOUR_MS};

use super::tally::Tally;
use super::{Item, Round, SUSPECT, Settled};
use crate::distribute::circuit::{HELD_AT_LEAST, Health};
use crate::distribute::inquiry;
use crate::platform::{Outcome, SkipReason};
use crate::store::{Dead, Retry, Settlement};

/// When a round is settled, by both clocks.
#[derive(Clone, Copy)]
struct Moment {
    /// By the wall's.
    now: UnixMs,
    /// By that of waiting.
    waits: UnixMs,
}

impl Round<'_> {
    /// Turns what was noted into what is recorded.
    pub(super) fn settle(&self, items: Vec<Item>, mut tally: Tally) -> Settled {
        let at = Moment { now: (self.now)(), waits: self.waits.now() };
        let mut settlement = Settlement::default();
        let health = tally.health();
        for (place, reason, detail) in std::mem::take(&mut tally.skips) {
            let item = &items[place];
            // An event that grew too old, on the retry list or behind it, is a loss, and the operator is told why.
            if reason == SkipReason::TooOld {
                let last =
                    item.reason.as_ref().map(|last| format!("; last trouble: {last}")).unwrap_or_default();
                settlement.dead.push(Dead {
                    seq: item.seq,
                    at: at.now,
                    reason: format!("too old: {detail}{last}"),
                });
            } else if item.pending {
                settlement.done.push(item.seq);
            }
            tally.outcomes[place] = None;
            tally.settled[place] = true;
        }
        for (place, after, reason) in std::mem::take(&mut tally.waits) {
            self.wait(&items[place], after, reason, at, &mut settlement);
            tally.outcomes[place] = None;
            tally.settled[place] = true;
        }
        for (place, item) in items.iter().enumerate() {
            if !tally.settled[place] {
                let outcome = tally.outcomes[place].take();
                self.settle_one(item, outcome, &health, at, &mut settlement);
            }
        }
        self.metrics.dead(&self.courier.destination.name, settlement.dead.len());
        for (receipt, places) in tally.receipts {
            settlement.receipts.push(inquiry::kept(receipt, places.iter().map(|place| &items[*place])));
        }
        Settled { settlement, health, apart: tally.apart, served: tally.served }
    }

    fn settle_one(
        &self,
        item: &Item,
        outcome: Option<(Outcome, bool)>,
        health: &Health,
        at: Moment,
        settlement: &mut Settlement,
    ) {
        let seq = item.seq;
        let (attempts, reached, at_least, asked, reason) = match outcome {
            Some((Outcome::Delivered, _)) => {
                if item.pending {
                    settlement.done.push(seq);
                }
                return;
            }
            Some((Outcome::Rejected { reason } | Outcome::Split { reason }, _)) => {
                settlement.dead.push(Dead { seq, at: at.now, reason });
                return;
            }
            Some((Outcome::Unauthorized { reason } | Outcome::Misconfigured { reason }, _)) => {
                self.keep(item, reason, at, settlement);
                return;
            }
            Some((Outcome::Retry { after, at_least, reason }, reached)) => {
                let reached = item.reached.or(reached.then_some(at.now));
                (item.attempts + 1, reached, at_least, after, reason)
            }
            // It was answered by name and not taken, so this attempt is none that may have counted.
            Some((Outcome::Later { after, reason }, sent)) => {
                let reached = item.reached;
                let attempts = item.attempts + u32::from(sent);
                if !self.buried(item, reached, Some(attempts), &reason, at.now, settlement) {
                    let due = at.waits.plus(i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
                    settlement.retry.push(Retry { seq, attempts, reached, due, reason });
                }
                return;
            }
            None => (item.attempts, item.reached, Duration::ZERO, None, put_back(health)),
        };
        if self.buried(item, reached, Some(attempts), &reason, at.now, settlement) {
            return;
        }
        let wait = self.backoff.wait(attempts.max(1), (self.draw)(), at_least, asked);
        let due = at.waits.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        settlement.retry.push(Retry { seq, attempts, reached, due, reason });
    }

    /// Keeps an event that is not to be sent yet. An attempt before that which may have counted does not end its wait, which may be
    /// longer than the platform would count it once.
    fn wait(&self, item: &Item, after: Duration, reason: String, at: Moment, settlement: &mut Settlement) {
        let Item { seq, attempts, reached, .. } = *item;
        if !self.buried(item, None, Some(attempts), &reason, at.now, settlement) {
            let due = at.waits.plus(i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
            settlement.retry.push(Retry { seq, attempts, reached, due, reason });
        }
    }

    /// Keeps an event until somebody has mended what it is refused for. It was answered, so it is not itself the trouble: how
    /// often it is tried makes it no suspect, which would go alone.
    fn keep(&self, item: &Item, reason: String, at: Moment, settlement: &mut Settlement) {
        let Item { seq, reached, .. } = *item;
        if self.buried(item, reached, None, &reason, at.now, settlement) {
            return;
        }
        let attempts = (item.attempts + 1).min(SUSPECT - 1);
        let is_new = at.now.since(item.received) < NEWLY_KEPT_MS;
        let apart = if is_new { HELD_AT_LEAST.min(self.backoff.cap) } else { self.backoff.cap };
        settlement.retry.push(Retry { seq, attempts, reached, due: next_time(at.waits, apart), reason });
    }

    /// Gives an event up that has been tried for as long as its platform would count it once, or that waited for a month
    /// without ever having reached it. Answers whether it was. `attempts` is none where they were not counted.
    fn buried(
        &self,
        item: &Item,
        reached: Option<UnixMs>,
        attempts: Option<u32>,
        reason: &str,
        now: UnixMs,
        settlement: &mut Settlement,
    ) -> bool {
        let (since, limit) = match reached {
            Some(first) => (first, self.courier.destination.platform.limits().retry_for_ms),
            None => (item.received, UNREACHED_FOR_MS),
        };
        if now.since(since) <= limit {
            return false;
        }
        let hours = now.since(since) / HOUR_MS;
        let tried = attempts.map(|attempts| format!(" {attempts} attempts over")).unwrap_or_default();
        let reason = format!("given up after{tried} {hours} hours; last: {reason}");
        settlement.dead.push(Dead { seq: item.seq, at: now, reason });
        true
    }
}

/// A destination that nobody has reached or mended for so long is forgotten rather than slow, and what waits for it keeps
/// the log from being pruned. As long as the log is kept anyhow.
const UNREACHED_FOR_MS: i64 = 30 * DAY_MS;
/// What was kept for longer than this goes again after the longest pause only: nobody seems to be at work on its settings, and
/// there may be much of it.
const NEWLY_KEPT_MS: i64 = HOUR_MS;

/// The next of the times that are so far `apart`, but for one within half of that. They are the same whoever asks.
fn next_time(now: UnixMs, apart: Duration) -> UnixMs {
    let apart = i64::try_from(apart.as_millis()).unwrap_or(i64::MAX).max(1);
    let earliest = now.plus(apart / 2);
    earliest.plus(apart - earliest.0.rem_euclid(apart))
}

/// What becomes of an event whose call is left alone. All go together when it is tried again, but where they are more than
/// that those that were tried least go first, so that none which is the trouble itself is the only one ever tried.
pub(super) fn put_off(item: &Item, wait: Duration, reason: &str) -> Outcome {
    let after = wait + Duration::from_millis(item.attempts.into());
    Outcome::Later { after, reason: format!("not sent: {reason}") }
}

/// Why an event was put back without having been sent.
fn put_back(health: &Health) -> String {
    match health {
        Health::Trouble { reason, .. } | Health::Unauthorized { reason } => format!("not sent: {reason}"),
        Health::Answered | Health::Silent => "not sent: the round ended early".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_goes_again_at_times_that_all_share() {
        let check = |now: i64, expected: i64| {
            assert_eq!(next_time(UnixMs(now), Duration::from_secs(30)), UnixMs(expected), "{now}");
        };
        check(0, 30_000);
        check(14_999, 30_000);
        check(15_000, 60_000);
        check(30_001, 60_000);
        check(44_999, 60_000);
        check(-1, 30_000);
        check(-15_001, 0);
        assert_eq!(next_time(UnixMs(7), Duration::ZERO), UnixMs(8));
        assert_eq!(next_time(UnixMs(299_999), Duration::from_secs(300)), UnixMs(600_000));
    }
}

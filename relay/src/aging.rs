//! Aging: forgets what is old, now and then, by a clock that can be believed.
//!
//! What is forgotten does not come back, so a clock that jumps a year ahead must not make everything old at once. The
//! machine's own count of time, which nobody sets, goes along: when the wall clock has moved otherwise by more than an hour,
//! nothing is forgotten until the two have agreed for a whole day. Owns when is forgotten; leaves what to the store.

use std::sync::Arc;
use std::time::Duration;

use shared::time::HOUR_MS;
use shared::{UnixMs, time};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::config::StoreSettings;
use crate::store::{Retention, Store, StoreError};

/// Forgets what is old, for ever. `wall` reads the clock.
pub async fn prune(
    store: Arc<dyn Store>,
    settings: StoreSettings,
    destinations: Vec<String>,
    wall: fn() -> UnixMs,
) {
    let mut trust = Trust::new(wall(), Instant::now());
    loop {
        tokio::time::sleep(PRUNE_EVERY).await;
        let now = wall();
        match trust.judge(now, Instant::now()) {
            Judged::Believed => {}
            Judged::Jumped { by_ms } => {
                let hours = by_ms / HOUR_MS;
                warn!(hours, "the clock has jumped: nothing is forgotten until it has been steady for a day");
                continue;
            }
            Judged::Waiting => continue,
        }
        match store.prune(retention(&settings, now), &destinations).await {
            Ok(0) => {}
            Ok(events) => info!(events, "old events forgotten"),
            Err(StoreError::Closed | StoreError::Damaged { .. }) => return,
            Err(error) => error!(%error, "old events could not be forgotten"),
        }
    }
}

/// The limits of forgetting at `now`.
pub fn retention(settings: &StoreSettings, now: UnixMs) -> Retention {
    let before = |days: u32| now.plus(-i64::from(days) * time::DAY_MS);
    Retention {
        log_before: before(settings.log_days),
        dedup_before: before(settings.dedup_days),
        visitors_before: before(settings.visitor_days),
        dead_before: before(settings.dead_days),
    }
}

/// Whether the wall clock can be believed.
#[derive(Debug)]
struct Trust {
    /// Both clocks when they were last set side by side.
    wall: UnixMs,
    own: Instant,
    /// Until when the wall clock is watched.
    watched: Option<Instant>,
}

/// What was found of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// It goes as the machine's own.
    Believed,
    /// It has moved so much more, or less, than time has passed.
    Jumped { by_ms: i64 },
    /// It jumped not long ago.
    Waiting,
}

impl Trust {
    fn new(wall: UnixMs, own: Instant) -> Self {
        Self { wall, own, watched: None }
    }

    fn judge(&mut self, wall: UnixMs, own: Instant) -> Judged {
        let passed = i64::try_from(own.duration_since(self.own).as_millis()).unwrap_or(i64::MAX);
        let by_ms = wall.since(self.wall).saturating_sub(passed);
        (self.wall, self.own) = (wall, own);
        if by_ms.abs() > HOUR_MS {
            self.watched = Some(own + STEADY_FOR);
            return Judged::Jumped { by_ms };
        }
        match self.watched {
            Some(until) if own < until => Judged::Waiting,
            Some(_) | None => {
                self.watched = None;
                Judged::Believed
            }
        }
    }
}

/// Often enough that the file does not grow by more than hours, rarely enough to cost nothing.
const PRUNE_EVERY: Duration = Duration::from_secs(1_800);
/// How long a clock that jumped must go right. Time servers, and people, need less to put it right.
const STEADY_FOR: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_believed_when_it_has_been_steady_for_a_day() {
        let start = Instant::now();
        let mut trust = Trust::new(UnixMs(0), start);
        let mut check = |own_hours: u64, wall_hours: i64, expected| {
            let own = start + Duration::from_secs(own_hours * 3_600);
            assert_eq!(trust.judge(UnixMs(wall_hours * HOUR_MS), own), expected, "after {own_hours} hours");
        };
        check(1, 1, Judged::Believed);
        check(2, 3, Judged::Believed);
        let year = 365 * 24;
        check(3, year, Judged::Jumped { by_ms: (year - 4) * HOUR_MS });
        check(4, year + 1, Judged::Waiting);
        check(5, 5, Judged::Jumped { by_ms: (3 - year) * HOUR_MS });
        check(28, 28, Judged::Waiting);
        check(29, 29, Judged::Believed);
    }
}

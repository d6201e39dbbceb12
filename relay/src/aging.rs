//! Aging: forgets what is old, now and then, by a clock that can be believed.
//!
//! What is forgotten does not come back, so a clock that jumps a year ahead must not make everything old at once. The
//! machine's own count of time, which nobody sets, goes along: when the wall clock has moved otherwise by more than an hour,
//! nothing is forgotten until the two have agreed for a whole day. That count begins with every start, and a clock is set
//! wrongly at a start most of all; there the log is asked instead: when it ends days before or after what the clock says, the
//! clock has to prove itself for a day, too. Owns when is forgotten; leaves what to the store.

use std::sync::Arc;
use std::time::Duration;

use shared::UnixMs;
use shared::time::{DAY_MS, HOUR_MS};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::config::StoreSettings;
use crate::store::{Retention, Seq, Store, StoreError};

/// Forgets what is old, for ever. `heard` is when the newest event arrived before this start ([`last_heard`]), `wall` reads
/// the clock.
pub async fn prune(
    store: Arc<dyn Store>,
    settings: StoreSettings,
    destinations: Vec<String>,
    heard: Option<UnixMs>,
    wall: fn() -> UnixMs,
) {
    let mut trust = Trust::new(heard, wall(), Instant::now());
    if let (Some(heard), Some(_)) = (heard, trust.watched) {
        let days = wall().since(heard) / DAY_MS;
        warn!(
            days,
            "the clock is far from the newest event: nothing is forgotten until it has been steady for a day"
        );
    }
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
            Err(StoreError::Closed | StoreError::Damaged { .. } | StoreError::Ended { .. }) => return,
            Err(error) => error!(%error, "old events could not be forgotten"),
        }
    }
}

/// When the newest event arrived that is left near the end of the log.
///
/// Not the latest time in the log: where the clock was ahead for a while, the newest event is the one to believe. A log that
/// cannot be read says nothing; whoever works with it will say why.
pub async fn last_heard(store: &dyn Store) -> Option<UnixMs> {
    let head = *store.watch().borrow();
    // The newest ones may have been erased; few people have so many events that a longer look finds no others.
    for look in [64_u16, 4_096] {
        let events = store.read((head - Seq::from(look)).max(0), usize::from(look)).await.ok()?;
        if let Some(newest) = events.last() {
            return Some(newest.received);
        }
    }
    None
}

/// The limits of forgetting at `now`.
pub fn retention(settings: &StoreSettings, now: UnixMs) -> Retention {
    let before = |days: u32| now.plus(-i64::from(days) * DAY_MS);
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
    /// From a start on. A clock that is far from when the newest event arrived, before or after it, was set wrongly now or
    /// then; or there was nothing to hear of for long. Which of these cannot be told, so it is watched first.
    fn new(heard: Option<UnixMs>, wall: UnixMs, own: Instant) -> Self {
        let far = heard.is_some_and(|heard| wall.since(heard).saturating_abs() > FAR_MS);
        Self { wall, own, watched: far.then(|| own + STEADY_FOR) }
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
/// A clock that is farther from the newest event than this when a relay starts is not believed at once. No shop is silent for
/// so long by accident, and if one was closed, what is old can wait for another day.
const FAR_MS: i64 = 2 * DAY_MS;
/// How long a clock that jumped must go right. Time servers, and people, need less to put it right.
const STEADY_FOR: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::time::timeout;

    use super::*;
    use crate::config::Engine;
    use crate::store::memory::MemoryStore;
    use crate::store::{Incoming, Person, Transaction, Verdict};
    use crate::testing::event;

    fn a_month() -> StoreSettings {
        StoreSettings {
            engine: Engine::Sqlite,
            path: PathBuf::new(),
            dedup_days: 30,
            log_days: 30,
            visitor_days: 30,
            dead_days: 30,
        }
    }

    fn append(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
        tx.append(incoming).map(Verdict::Stored)
    }

    /// A store with an event of a visitor at each of these times.
    async fn store(events: impl IntoIterator<Item = (&'static str, UnixMs)>) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(append));
        for (visitor, received) in events {
            let event = event(&format!(r#"{{"event":"Lead","visitor_id":"{visitor}"}}"#)).into();
            store.append(vec![Incoming { site: "shop".into(), received, event }]).await.expect("stored");
        }
        store
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_far_from_the_end_of_the_log_makes_nothing_old_for_a_day() {
        // Either the clock is a year ahead, or the shop was closed for so long; a day shows it.
        fn wall() -> UnixMs {
            UnixMs(366 * DAY_MS)
        }
        let store = store([("ann", UnixMs(0))]).await;
        let heard = last_heard(&*store).await;
        assert_eq!(heard, Some(UnixMs(0)));
        for (hours, left) in [(23, 1), (25, 0)] {
            let pruning = prune(store.clone(), a_month(), Vec::new(), heard, wall);
            timeout(Duration::from_secs(hours * 3_600), pruning).await.expect_err("it goes on for ever");
            assert_eq!(store.read(0, 9).await.expect("the log").len(), left, "after {hours} hours");
        }
    }

    #[tokio::test]
    async fn the_end_of_the_log_is_found_behind_what_was_erased() {
        // The clock was ahead when Ben came.
        let visitors = ["ben", "ann"].into_iter().chain(std::iter::repeat_n("cho", 100));
        let events = visitors.zip([900, 300].into_iter().chain(301..).map(UnixMs));
        let store = store(events).await;
        assert_eq!(last_heard(&*store).await, Some(UnixMs(400)));
        store.erase("shop", Person::visitor("cho")).await.expect("erased");
        assert_eq!(last_heard(&*store).await, Some(UnixMs(300)));
        assert_eq!(last_heard(&MemoryStore::new(append)).await, None);
    }

    #[test]
    fn a_start_near_the_end_of_the_log_is_believed() {
        let (start, wall) = (Instant::now(), UnixMs(100 * DAY_MS));
        let check = |heard: Option<i64>, expected| {
            let mut trust = Trust::new(heard.map(|ms| wall.plus(ms)), wall, start);
            let judged = trust.judge(wall.plus(HOUR_MS), start + Duration::from_secs(3_600));
            assert_eq!(judged, expected, "{heard:?}");
        };
        check(None, Judged::Believed);
        check(Some(-FAR_MS), Judged::Believed);
        check(Some(FAR_MS), Judged::Believed);
        check(Some(-FAR_MS - 1), Judged::Waiting);
        check(Some(FAR_MS + 1), Judged::Waiting);
        check(Some(i64::MAX), Judged::Waiting);
    }

    #[test]
    fn a_clock_that_jumps_is_believed_when_it_has_been_steady_for_a_day() {
        let start = Instant::now();
        let mut trust = Trust::new(None, UnixMs(0), start);
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

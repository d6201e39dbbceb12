//! The retry schedule: exponential backoff with full jitter, never before the platform's own wish. Pure.
//!
//! Full jitter (a uniform draw between nothing and the ceiling) spreads the retries of many relays and many
//! destinations, so that a platform that comes back is not knocked over by everybody at once.

use std::time::Duration;

/// How long to wait between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the first wait.
    pub base: Duration,
    /// Ceiling of every wait we choose ourselves; only the platform's own wish may be longer.
    pub cap: Duration,
}

impl Backoff {
    /// The wait before the next attempt.
    ///
    /// `failures` counts the attempts made so far, at least 1. `draw` is a uniform random number in 0..1.
    /// `at_least` is what this kind of trouble deserves; `asked` what the platform asked for (`Retry-After`), which
    /// is honoured up to [`LONGEST_ASKED`]. Both are lower bounds: the jitter comes on top of them, growing with the failures
    /// like any wait of ours.
    pub fn wait(&self, failures: u32, draw: f64, at_least: Duration, asked: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let ceiling = self.base.saturating_mul(1_u32 << doublings).min(self.cap);
        let jitter = ceiling.mul_f64(draw.clamp(0.0, 1.0));
        let floor = at_least.min(self.cap).max(asked.unwrap_or_default().min(LONGEST_ASKED));
        floor + jitter
    }
}

/// A platform that asks for more than this is asked again after it: a day is what daily quotas need.
pub const LONGEST_ASKED: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) };
    const NONE: Duration = Duration::ZERO;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (1_000, 300)] {
            assert_eq!(BACKOFF.wait(failures, 1.0, NONE, None), Duration::from_secs(seconds), "{failures}");
        }
    }

    #[test]
    fn waits_grow_also_where_the_trouble_deserves_one() {
        let second = Duration::from_secs(1);
        for (failures, seconds) in [(1, 2), (4, 9), (1_000, 301)] {
            assert_eq!(BACKOFF.wait(failures, 1.0, second, None), Duration::from_secs(seconds), "{failures}");
        }
    }

    #[test]
    fn the_platforms_wish_is_a_lower_bound() {
        let asked = Duration::from_secs(40);
        assert_eq!(BACKOFF.wait(1, 0.0, NONE, Some(asked)), asked);
        assert_eq!(BACKOFF.wait(1, 0.0, Duration::from_secs(60), Some(asked)), Duration::from_secs(60));
        assert_eq!(BACKOFF.wait(1, 0.0, NONE, Some(Duration::MAX)), LONGEST_ASKED);
    }

    proptest::proptest! {
        #[test]
        fn every_wait_is_in_bounds(failures in 1_u32.., draw in 0.0..1.0, floor in 0_u64..200_000, asked in 0_u64..200_000) {
            let (floor, asked) = (Duration::from_millis(floor), Duration::from_millis(asked));
            let wait = BACKOFF.wait(failures, draw, floor, Some(asked));
            let floor = floor.min(BACKOFF.cap);
            proptest::prop_assert!(wait >= floor.max(asked.min(LONGEST_ASKED)));
            proptest::prop_assert!(wait <= BACKOFF.cap + floor.max(asked));
        }
    }
}

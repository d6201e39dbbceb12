//! Rate limits: so many events a second per client and per site, with a burst. Bounded in memory.
//!
//! A token bucket per key. The clock is an argument. When too many clients are known, those whose bucket is full
//! again are forgotten first: they lose nothing by it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use shared::UnixMs;

/// Buckets by key.
#[derive(Debug)]
pub struct RateLimit<K> {
    per_second: f64,
    burst: f64,
    most_keys: usize,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: UnixMs,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// `per_second` events a second and a burst of twice that; 0 is no limit.
    pub fn new(per_second: u32, most_keys: usize) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, burst: per_second * BURST_SECONDS, most_keys, buckets: Mutex::default() }
    }

    /// Takes `events` from the bucket of `key`. When there are not enough, answers in how many seconds there will be.
    ///
    /// A batch larger than the burst passes when the bucket is full, or it could never pass; what it took too much has to be
    /// made up for before anything else passes.
    pub fn take(&self, key: K, events: usize, now: UnixMs) -> Result<(), u64> {
        if self.per_second <= 0.0 {
            return Ok(());
        }
        let Ok(mut buckets) = self.buckets.lock() else { return Ok(()) };
        if buckets.len() >= self.most_keys && !buckets.contains_key(&key) {
            let (rate, burst) = (self.per_second, self.burst);
            buckets.retain(|_, bucket| bucket.refilled(rate, burst, now).tokens < burst);
            // Looking through all of them takes its time. Whoever has many addresses must not have it done for each
            // request, so there is room for many new ones afterwards, or for everybody.
            if buckets.len() > self.most_keys / 2 {
                buckets.clear();
            }
        }
        let full = Bucket { tokens: self.burst, at: now };
        let bucket = buckets.entry(key).or_insert(full);
        *bucket = bucket.refilled(self.per_second, self.burst, now);
        let needed = (events as f64).min(self.burst);
        if bucket.tokens >= needed {
            bucket.tokens -= events as f64;
            return Ok(());
        }
        let seconds = (needed - bucket.tokens) / self.per_second;
        Err((seconds.ceil() as u64).max(1))
    }
}

impl Bucket {
    fn refilled(self, per_second: f64, burst: f64, now: UnixMs) -> Self {
        let elapsed_ms = now.since(self.at).max(0);
        let tokens = (self.tokens + elapsed_ms as f64 / 1_000.0 * per_second).min(burst);
        Self { tokens, at: now }
    }
}

/// A page that comes back online sends what it kept in one go: twice the rate may come at once.
const BURST_SECONDS: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limit = RateLimit::new(10, 100);
        assert_eq!(limit.take("a", 20, UnixMs(0)), Ok(()));
        assert_eq!(limit.take("a", 1, UnixMs(0)), Err(1));
        assert_eq!(limit.take("b", 1, UnixMs(0)), Ok(()));
        assert_eq!(limit.take("a", 1, UnixMs(100)), Ok(()));
        assert_eq!(limit.take("a", 20, UnixMs(100)), Err(2));
    }

    #[test]
    fn zero_is_no_limit_and_a_large_batch_is_not_stuck() {
        assert_eq!(RateLimit::new(0, 10).take("a", 1_000_000, UnixMs(0)), Ok(()));
        let limit = RateLimit::new(1, 10);
        assert_eq!(limit.take("a", 500, UnixMs(0)), Ok(()));
        assert_eq!(limit.take("a", 500, UnixMs(1_000)), Err(499));
        assert_eq!(limit.take("a", 1, UnixMs(1_000)), Err(498));
        // One a second: five hundred at once are as many seconds.
        assert_eq!(limit.take("a", 1, UnixMs(499_000)), Ok(()));
        assert_eq!(limit.take("a", 500, UnixMs(500_000)), Err(1));
        assert_eq!(limit.take("a", 500, UnixMs(501_000)), Ok(()));
    }

    #[test]
    fn a_clock_that_jumps_shuts_nobody_out() {
        let limit = RateLimit::new(10, 100);
        const DAY: i64 = 86_400_000;
        assert_eq!(limit.take("a", 20, UnixMs(DAY)), Ok(()));
        assert_eq!(limit.take("a", 1, UnixMs(0)), Err(1), "a day back");
        assert_eq!(limit.take("a", 1, UnixMs(100)), Ok(()));
        assert_eq!(limit.take("a", 20, UnixMs(400 * DAY)), Ok(()), "a year ahead");
        assert_eq!(limit.take("a", 1, UnixMs(400 * DAY)), Err(1), "is a burst and no more");
    }

    #[test]
    fn memory_is_bounded() {
        let limit = RateLimit::new(1, 50);
        for client in 0..10_000 {
            let _ = limit.take(client, 1, UnixMs(client));
        }
        assert!(limit.buckets.lock().expect("unpoisoned").len() <= 50);
    }

    #[test]
    fn making_room_is_not_for_one_client_alone() {
        let limit = RateLimit::new(1, 50);
        let known = || limit.buckets.lock().expect("unpoisoned").len();
        // One client has been away for long, the others are busy.
        assert_eq!(limit.take(0, 1, UnixMs(0)), Ok(()));
        for client in 1..50 {
            assert_eq!(limit.take(client, 2, UnixMs(10_000)), Ok(()));
        }
        assert_eq!(known(), 50);
        assert_eq!(limit.take(50, 1, UnixMs(10_000)), Ok(()));
        assert!(known() <= 25, "{} known", known());
    }
}

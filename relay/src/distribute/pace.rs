//! Pace: keeps a destination's requests at least so far apart, where its platform counts requests per minute.
//!
//! What waits meanwhile is not lost time: the next round reads more events and puts them into one request.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The turns of one destination's requests.
#[derive(Debug)]
pub struct Pace {
    apart: Duration,
    /// When the next request may leave.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Requests at least `apart` from each other; zero does not slow anything.
    pub fn new(apart: Duration) -> Self {
        Self { apart, next: Mutex::new(None) }
    }

    /// Waits for the caller's turn. Whoever comes first goes first.
    pub async fn turn(&self) {
        if self.apart.is_zero() {
            return;
        }
        let mut next = self.next.lock().await;
        let at = (*next).map_or_else(Instant::now, |next| next.max(Instant::now()));
        sleep_until(at).await;
        *next = Some(at + self.apart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_apart_and_the_first_is_at_once() {
        let start = Instant::now();
        let pace = Pace::new(Duration::from_millis(200));
        let mut at = Vec::new();
        for _ in 0..4 {
            pace.turn().await;
            at.push(start.elapsed().as_millis());
        }
        assert_eq!(at, [0, 200, 400, 600]);
        tokio::time::advance(Duration::from_secs(5)).await;
        pace.turn().await;
        assert_eq!(start.elapsed().as_millis(), 5_600, "a pause is not made up for by a burst");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_distance_nothing_waits() {
        let start = Instant::now();
        let pace = Pace::new(Duration::ZERO);
        for _ in 0..100 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

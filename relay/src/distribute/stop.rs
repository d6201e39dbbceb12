//! An orderly stop: whether it leaves time for another request.
//!
//! What was sent and is not recorded goes again after the next start, and counts twice where a platform knows no repeats. So once
//! the relay was told to stop, nothing is sent whose answer might come, or be written down, after the worker is cut off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A stop that is asked for sooner or later. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: watch::Receiver<bool>,
    within: Duration,
    /// When it was last seen not to be asked for, which is not later than it was.
    before: Arc<Mutex<Instant>>,
}

impl Stop {
    /// A stop that is asked for as soon as `asked` turns true, and may take `within`.
    pub fn new(asked: watch::Receiver<bool>, within: Duration) -> Self {
        Self { asked, within, before: Arc::new(Mutex::new(Instant::now())) }
    }

    /// A stop that nobody asks for.
    pub fn never() -> Self {
        Self::new(watch::channel(false).1, Duration::ZERO)
    }

    /// Whether it is asked for.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Notes that it was not asked for before now, as whoever waited for it knows.
    pub fn not_before_now(&self) {
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether it is asked for and leaves no time for a request that may take so long.
    pub fn is_late(&self, request: Duration) -> bool {
        let now = Instant::now();
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_asked() {
            *before = now;
            return false;
        }
        now.duration_since(*before) + request + RECORDING > self.within
    }
}

/// Left for writing down what came of it.
const RECORDING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_request_is_late_once_it_might_not_be_recorded() {
        let (ask, asked) = watch::channel(false);
        let stop = Stop::new(asked, Duration::from_secs(20));
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(60)).await;
            assert!(!stop.is_late(REQUEST), "nobody has asked for it");
        }
        ask.send_replace(true);
        // Fourteen seconds, five and one are all that there are.
        tokio::time::advance(Duration::from_secs(14)).await;
        assert!(stop.is_asked() && !stop.is_late(REQUEST));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(stop.is_late(REQUEST));
        assert!(!stop.is_late(REQUEST / 2), "a shorter one is not");
    }

    #[tokio::test(start_paused = true)]
    async fn it_counts_from_when_it_was_last_seen_not_to_be_asked_for() {
        let (ask, asked) = watch::channel(false);
        let stop = Stop::new(asked, Duration::from_secs(20));
        // Whoever looks only now cannot know that it was asked for in this moment.
        tokio::time::advance(Duration::from_secs(15)).await;
        ask.send_replace(true);
        assert!(stop.is_late(REQUEST));
        // Unless it was waiting for it.
        stop.not_before_now();
        assert!(!stop.is_late(REQUEST));
    }
}

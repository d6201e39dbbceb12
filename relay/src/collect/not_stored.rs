//! Events that could not be stored, told to the log once in a while.
//!
//! A store that takes nothing refuses every request of a busy shop, and their senders come again: a line for each would bury the one
//! that says why. So one line a minute says how many there were since the last; the metrics count each by its answer.

use std::fmt::Display;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

/// What the log has been told.
#[derive(Debug, Default)]
pub(super) struct NotStored(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// When it was told last.
    at: Option<Instant>,
    /// Requests since.
    requests: u64,
}

impl NotStored {
    /// Counts a request of a site whose events were not stored, and tells the log of it and of those before it, unless it was told
    /// within the last minute.
    pub(super) fn count(&self, site: &str, error: &impl Display) {
        let Ok(mut told) = self.0.lock() else { return };
        told.requests += 1;
        if told.at.is_some_and(|at| at.elapsed() < TOLD_FOR) {
            return;
        }
        let requests = std::mem::take(&mut told.requests);
        told.at = Some(Instant::now());
        drop(told);
        warn!(
            %site,
            %error,
            requests,
            "events not stored; the sender was told to come back; further requests are counted here once a minute"
        );
    }
}

/// How long the log is not told again.
const TOLD_FOR: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::said;

    #[tokio::test(start_paused = true)]
    async fn trouble_with_the_store_is_told_once_a_minute_with_the_number_of_requests() {
        let not_stored = NotStored::default();
        let refused = || said(|| not_stored.count("shop", &"the disk is full"));
        let line = refused();
        assert!(line.contains(" WARN ") && line.contains("the disk is full"), "{line}");
        assert!(line.contains("requests=1"), "{line}");
        for _ in 0..30 {
            assert_eq!(refused(), "");
        }
        tokio::time::advance(TOLD_FOR).await;
        let line = refused();
        assert!(line.contains("requests=31"), "{line}");
        assert_eq!(refused(), "");
    }
}

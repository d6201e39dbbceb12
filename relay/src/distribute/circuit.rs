//! How a destination is doing, so that a broken one is probed instead of flooded. Pure: time and jitter come in.
//!
//! Closed: events flow. Open: the platform is in trouble (no connection, 5xx, throttled); nothing new is read until
//! the wait is over, and then a single event probes. Held: credentials or rights are wrong; the same, but the
//! operator is told and the waits are long. Any real answer closes it again.

use std::time::Duration;

use shared::UnixMs;

use super::schedule::Backoff;

/// What one round of requests said about the destination as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// At least one request got a real answer.
    Answered,
    /// Every request met trouble that has nothing to do with the event in it.
    Trouble {
        /// Shortest wait this kind of trouble deserves.
        at_least: Duration,
        /// What the platform asked for.
        asked: Option<Duration>,
        /// What it said.
        reason: String,
    },
    /// Credentials or rights are wrong.
    Unauthorized {
        /// What it said.
        reason: String,
    },
    /// No request was sent.
    Silent,
}

/// The state of one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    failures: u32,
    open_until: Option<UnixMs>,
    held: bool,
    reason: Option<String>,
}

impl Circuit {
    /// How many fresh events may be read now: all, one to probe with, or none.
    pub fn admits(&self, now: UnixMs) -> Admits {
        match self.open_until {
            None => Admits::All,
            Some(until) if now >= until => Admits::Probe,
            Some(until) => Admits::NoneUntil(until),
        }
    }

    /// How long it admits nothing, and why, while it does not.
    pub fn closed(&self, now: UnixMs) -> Option<(Duration, &str)> {
        let Admits::NoneUntil(until) = self.admits(now) else { return None };
        let wait = Duration::from_millis(u64::try_from(until.since(now)).unwrap_or(0));
        Some((wait, self.reason().unwrap_or_default()))
    }

    /// Learns from a round. Answers whether the state changed in a way the operator should hear of.
    pub fn learn(&mut self, health: &Health, backoff: &Backoff, draw: f64, now: UnixMs) -> Change {
        let was_open = self.open_until.is_some();
        let was_held = self.held;
        let (at_least, asked, reason) = match health {
            Health::Silent => return Change::None,
            Health::Answered => {
                *self = Self::default();
                return if was_open { Change::Recovered } else { Change::None };
            }
            Health::Trouble { at_least, asked, reason } => (*at_least, *asked, reason),
            Health::Unauthorized { reason } => (HELD_AT_LEAST, None, reason),
        };
        self.failures = self.failures.saturating_add(1);
        self.held = matches!(health, Health::Unauthorized { .. });
        let wait = backoff.wait(self.failures, draw, at_least, asked);
        self.open_until = Some(now.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
        self.reason = Some(reason.clone());
        match (was_open && was_held == self.held, self.held) {
            (true, _) => Change::None,
            (false, true) => Change::Held,
            (false, false) => Change::Opened,
        }
    }

    /// When the circuit admits again, while it does not.
    pub fn open_until(&self) -> Option<UnixMs> {
        self.open_until
    }

    /// Why it is open.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether it is held for credentials.
    pub fn is_held(&self) -> bool {
        self.held
    }
}

/// What a destination may be given now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    /// Everything.
    All,
    /// One event, to see whether it is well again.
    Probe,
    /// Nothing before this time.
    NoneUntil(UnixMs),
}

/// A change the operator should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing new.
    None,
    /// Trouble began.
    Opened,
    /// Credentials or rights turned out wrong.
    Held,
    /// It is well again.
    Recovered,
}

/// Wrong credentials do not heal by themselves; ask again only as often as an operator might have fixed them.
pub(super) const HELD_AT_LEAST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) };

    fn trouble() -> Health {
        Health::Trouble { at_least: Duration::ZERO, asked: None, reason: "HTTP 503".to_owned() }
    }

    #[test]
    fn trouble_opens_and_an_answer_closes() {
        let mut circuit = Circuit::default();
        assert_eq!(circuit.admits(UnixMs(0)), Admits::All);
        assert_eq!(circuit.learn(&trouble(), &BACKOFF, 1.0, UnixMs(0)), Change::Opened);
        assert_eq!(circuit.admits(UnixMs(999)), Admits::NoneUntil(UnixMs(1_000)));
        assert_eq!(circuit.closed(UnixMs(999)), Some((Duration::from_millis(1), "HTTP 503")));
        assert_eq!(circuit.closed(UnixMs(1_000)), None);
        assert_eq!(circuit.admits(UnixMs(1_000)), Admits::Probe);
        assert_eq!(circuit.learn(&trouble(), &BACKOFF, 1.0, UnixMs(1_000)), Change::None);
        assert_eq!(circuit.open_until(), Some(UnixMs(3_000)));
        assert_eq!(circuit.learn(&Health::Answered, &BACKOFF, 1.0, UnixMs(3_000)), Change::Recovered);
        assert_eq!(circuit, Circuit::default());
    }

    #[test]
    fn wrong_credentials_are_told_once_and_wait_long() {
        let mut circuit = Circuit::default();
        let refused = Health::Unauthorized { reason: "code 190".to_owned() };
        assert_eq!(circuit.learn(&trouble(), &BACKOFF, 0.0, UnixMs(0)), Change::Opened);
        assert_eq!(circuit.learn(&refused, &BACKOFF, 0.0, UnixMs(0)), Change::Held);
        assert_eq!(circuit.learn(&refused, &BACKOFF, 0.0, UnixMs(0)), Change::None);
        assert!(circuit.is_held() && circuit.open_until() >= Some(UnixMs(30_000)));
    }

    #[test]
    fn silence_changes_nothing() {
        let mut circuit = Circuit::default();
        circuit.learn(&trouble(), &BACKOFF, 1.0, UnixMs(0));
        let before = circuit.clone();
        assert_eq!(circuit.learn(&Health::Silent, &BACKOFF, 1.0, UnixMs(0)), Change::None);
        assert_eq!(circuit, before);
    }
}

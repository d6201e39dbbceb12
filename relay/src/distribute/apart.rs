//! How the calls are doing that stand apart in a destination, each by a circuit of its own. Pure: time and jitter come in.
//!
//! Their trouble says nothing of the destination, so the destination's circuit does not hear of it. Without one of their own a
//! sign-in that is refused would be tried again with every event that comes. While a call is closed its events are put back
//! until it is to be tried again, and then go together.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::UnixMs;

use super::circuit::{Admits, Change, Circuit, Health};
use super::schedule::Backoff;
use crate::platform::Call;

/// The calls of one destination that stand apart and have been made.
#[derive(Debug, Default)]
pub struct Apart(BTreeMap<Call, Circuit>);

impl Apart {
    /// How long a call is to be left alone, and why, if it is.
    pub fn closed(&self, call: Call, now: UnixMs) -> Option<(Duration, &str)> {
        self.0.get(call)?.closed(now)
    }

    /// Forgets the trouble of the calls that may be tried again. Answers which these are.
    pub fn forget(&mut self, now: UnixMs) -> Vec<Call> {
        let over = self.0.extract_if(.., |_, circuit| circuit.admits(now) == Admits::Probe);
        over.map(|(call, _)| call).collect()
    }

    /// Learns what a round said of a call. Answers what changed, and how the call is now.
    pub fn learn(
        &mut self,
        call: Call,
        health: &Health,
        backoff: &Backoff,
        draw: f64,
        now: UnixMs,
    ) -> (Change, &Circuit) {
        let circuit = self.0.entry(call).or_default();
        let change = circuit.learn(health, backoff, draw, now);
        (change, &*circuit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) };

    fn refused() -> Health {
        Health::Unauthorized { reason: "invalid_grant".to_owned() }
    }

    #[test]
    fn a_call_that_is_refused_is_left_alone_for_longer_and_longer_and_the_others_are_not() {
        let mut apart = Apart::default();
        let (mut now, mut waits) = (UnixMs(0), Vec::new());
        assert_eq!(apart.closed("upload", now), None);
        for round in 0..12 {
            let (change, _) = apart.learn("upload", &refused(), &BACKOFF, 1.0, now);
            assert_eq!(change, if round == 0 { Change::Held } else { Change::None });
            assert_eq!(apart.closed("adjust", now), None);
            let (wait, reason) = apart.closed("upload", now).expect("closed");
            assert_eq!(reason, "invalid_grant");
            waits.push(wait.as_secs());
            now = now.plus(i64::try_from(wait.as_millis()).expect("a wait"));
            assert_eq!(apart.closed("upload", now), None, "it is tried again");
        }
        assert_eq!(waits, [31, 32, 34, 38, 46, 62, 94, 158, 286, 330, 330, 330]);
    }

    #[test]
    fn trouble_is_forgotten_when_its_wait_is_over_and_not_before() {
        let mut apart = Apart::default();
        apart.learn("upload", &refused(), &BACKOFF, 1.0, UnixMs(0));
        apart.learn("adjust", &Health::Answered, &BACKOFF, 1.0, UnixMs(0));
        assert_eq!(apart.forget(UnixMs(30_999)), [""; 0]);
        assert_eq!(apart.forget(UnixMs(31_000)), ["upload"]);
        assert_eq!(apart.forget(UnixMs(31_000)), [""; 0]);
    }

    #[test]
    fn an_answer_opens_it_again() {
        let mut apart = Apart::default();
        apart.learn("upload", &refused(), &BACKOFF, 1.0, UnixMs(0));
        let (change, circuit) = apart.learn("upload", &Health::Answered, &BACKOFF, 1.0, UnixMs(31_000));
        assert_eq!((change, circuit.open_until()), (Change::Recovered, None));
        assert_eq!(apart.closed("upload", UnixMs(31_000)), None);
    }
}

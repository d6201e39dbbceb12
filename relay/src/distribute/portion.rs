//! The portion: how many events go together to a platform that does not answer large requests in time. Pure.
//!
//! The same batch would meet the same silence as often as it is sent, and each time is one in which it may have been taken,
//! which uses up the time its platform remembers ids. So what met silence goes on in halves, down to single events, and grows
//! back by doubling once several portions were answered: a try too large costs a timeout, and every event of it may be counted
//! again where repeats are not known. So each such try that fails doubles what must be answered before the next. One event that
//! meets silence alone says nothing of size: then the platform is silent, and that is for the circuit to see.
//!
//! Each call has a portion of its own: what a large upload meets says nothing of the small requests beside it.

use std::collections::BTreeMap;

use crate::platform::Call;

/// How much goes together by each call of one destination.
#[derive(Debug, Default)]
pub struct Portions(BTreeMap<Call, Portion>);

impl Portions {
    /// Most events that go together by a call.
    pub fn of(&self, call: Call) -> usize {
        self.0.get(call).map_or(usize::MAX, Portion::most)
    }

    /// Most events that go together by any of its calls; no bound before one was made.
    pub fn most(&self) -> usize {
        self.0.values().map(Portion::most).max().unwrap_or(usize::MAX)
    }

    /// So many go together by every call.
    pub fn least(&self) -> usize {
        self.0.values().map(Portion::most).min().unwrap_or(usize::MAX)
    }

    /// Learns what a round showed of each call, of a destination that is given `whole` events at once when all is well.
    pub fn learn(&mut self, served: &BTreeMap<Call, Served>, whole: usize) {
        for (call, showed) in served {
            self.0.entry(*call).or_default().learn(*showed, whole);
        }
    }
}

/// How much goes together by one call.
#[derive(Debug)]
pub struct Portion {
    most: usize,
    /// Full portions that were answered since it last changed.
    answered: u32,
    /// So many are answered before a larger one is tried, and before that one counts as good.
    needed: u32,
    /// Whether the portion of now is such a try.
    on_trial: bool,
}

/// What a round showed of the sizes of one call's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Events of the largest request that was sent and met silence; none where all were answered.
    pub unanswered: usize,
    /// Most events that were handled together and of whose requests every one was answered.
    pub answered: usize,
}

impl Default for Portion {
    fn default() -> Self {
        Self { most: usize::MAX, answered: 0, needed: ENOUGH, on_trial: false }
    }
}

impl Portion {
    /// Most events that go together; no bound while the platform answers whatever it is sent.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Learns what a round showed of it, where `whole` events are given at once when all is well.
    pub fn learn(&mut self, served: Served, whole: usize) {
        if served.unanswered > 1 {
            let doubled = self.needed.saturating_mul(2).min(MOST_NEEDED);
            let needed = if self.on_trial { doubled } else { self.needed };
            *self = Self { most: self.most.min(served.unanswered / 2), answered: 0, needed, on_trial: false };
        } else if served.unanswered == 0 && served.answered >= self.most.min(whole) {
            self.answered = self.answered.saturating_add(1);
            if self.answered >= self.needed {
                self.grow(whole);
            }
        }
    }

    /// Goes on after enough full portions: a try that has proved good is forgiven what failed before it.
    fn grow(&mut self, whole: usize) {
        let needed = if self.on_trial { ENOUGH } else { self.needed };
        let doubled = self.most.saturating_mul(2);
        let on_trial = self.most < usize::MAX;
        *self =
            Self { most: if doubled < whole { doubled } else { usize::MAX }, answered: 0, needed, on_trial };
    }
}

/// So many full portions are answered before a larger one is tried: the timeout that this may cost is then one request in
/// nine, and after an outage a thousand events go together again within 80 requests.
const ENOUGH: u32 = 8;
/// However many tries have failed, no more than this many are wanted: what was wrong may be over.
const MOST_NEEDED: u32 = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: usize = 1_000;

    fn silence(unanswered: usize) -> Served {
        Served { unanswered, answered: 0 }
    }

    fn answer(answered: usize) -> Served {
        Served { unanswered: 0, answered }
    }

    fn after(rounds: &[Served]) -> Portion {
        let mut portion = Portion::default();
        rounds.iter().for_each(|served| portion.learn(*served, WHOLE));
        portion
    }

    #[test]
    fn silence_halves_down_to_one() {
        let mut portion = Portion::default();
        let mut seen = Vec::new();
        while portion.most() > 1 {
            portion.learn(silence(portion.most().min(WHOLE)), WHOLE);
            seen.push(portion.most());
        }
        assert_eq!(seen, [500, 250, 125, 62, 31, 15, 7, 3, 1]);
        portion.learn(silence(1), WHOLE);
        assert_eq!(portion.most(), 1);
    }

    #[test]
    fn half_of_what_met_silence_is_never_more_than_before() {
        assert_eq!(after(&[silence(10)]).most(), 5);
        assert_eq!(after(&[silence(10), silence(1_000)]).most(), 5);
        // Answered beside it, which says nothing of the one that was not.
        assert_eq!(after(&[Served { unanswered: 10, answered: 1_000 }]).most(), 5);
    }

    #[test]
    fn each_call_has_a_portion_of_its_own() {
        let mut portions = Portions::default();
        assert_eq!([portions.of("upload"), portions.most(), portions.least()], [usize::MAX; 3]);
        portions.learn(&BTreeMap::from([("upload", silence(400)), ("events", answer(1))]), WHOLE);
        assert_eq!((portions.of("upload"), portions.of("events")), (200, usize::MAX));
        assert_eq!((portions.most(), portions.least()), (usize::MAX, 200));
        portions.learn(&BTreeMap::from([("events", silence(1_000))]), WHOLE);
        assert_eq!((portions.of("upload"), portions.of("events"), portions.most()), (200, 500, 500));
    }

    #[test]
    fn one_event_that_meets_silence_says_nothing_of_size() {
        assert_eq!(after(&[silence(1)]).most(), usize::MAX);
        assert_eq!(after(&[silence(1_000), silence(1)]).most(), 500);
    }

    #[test]
    fn it_doubles_after_enough_full_portions_and_ends_with_no_bound() {
        let mut portion = after(&[silence(500)]);
        let mut seen = Vec::new();
        for _ in 0..3 * ENOUGH {
            // A probe and a small rest are answered, too, and show nothing.
            for answered in [1, 249, portion.most()] {
                portion.learn(answer(answered), WHOLE);
            }
            seen.push(portion.most());
        }
        let expected = [vec![250; 7], vec![500; 8], vec![usize::MAX; 9]].concat();
        assert_eq!(seen, expected);
    }

    /// How many full portions are answered before a larger one goes.
    fn until_larger(portion: &mut Portion) -> u32 {
        let (most, mut times) = (portion.most(), 0);
        while portion.most() == most {
            portion.learn(answer(most), WHOLE);
            times += 1;
        }
        times
    }

    #[test]
    fn a_larger_portion_that_failed_is_tried_less_and_less_often() {
        let mut portion = after(&[silence(1_000), silence(500), silence(250)]);
        let mut waits = Vec::new();
        for _ in 0..9 {
            waits.push(until_larger(&mut portion));
            assert_eq!(portion.most(), 250);
            portion.learn(silence(250), WHOLE);
            assert_eq!(portion.most(), 125);
        }
        assert_eq!(waits, [8, 16, 32, 64, 128, 256, 512, 1_024, 1_024]);
    }

    #[test]
    fn a_larger_portion_that_proves_good_is_forgiven_what_failed_before() {
        let mut portion = after(&[silence(250)]);
        let mut waits = vec![until_larger(&mut portion)];
        // It fails, and then it does not.
        portion.learn(silence(250), WHOLE);
        waits.extend([until_larger(&mut portion), until_larger(&mut portion), until_larger(&mut portion)]);
        assert_eq!((waits, portion.most()), (vec![8, 16, 16, 8], usize::MAX));
        // No bound is a try, too.
        portion.learn(silence(1_000), WHOLE);
        assert_eq!((portion.most(), until_larger(&mut portion)), (500, 16));
    }

    #[test]
    fn silence_in_between_begins_the_count_anew() {
        let mut rounds = vec![silence(8)];
        rounds.extend(vec![answer(4); 7]);
        rounds.extend([silence(4), answer(2)]);
        assert_eq!(after(&rounds).most(), 2);
    }

    proptest::proptest! {
        /// Whatever a platform does, something goes, and what is answered in the end goes without a bound again.
        #[test]
        fn there_is_always_a_portion_and_a_way_back(rounds in proptest::collection::vec((0_usize..2_000, 0_usize..2_000), 0..60)) {
            let mut portion = Portion::default();
            for (unanswered, answered) in rounds {
                portion.learn(Served { unanswered, answered }, WHOLE);
                proptest::prop_assert!(portion.most() >= 1);
            }
            for _ in 0..2 * MOST_NEEDED + 10 * ENOUGH {
                portion.learn(answer(portion.most().min(WHOLE)), WHOLE);
            }
            proptest::prop_assert_eq!(portion.most(), usize::MAX);
        }
    }
}

//! Finds the events for whose sake a platform refuses a request whole, and brings the others through. Pure.
//!
//! The first half of the suspects is sent. Refused, it holds a culprit and the second half is set aside; taken, the culprit
//! is in the second half, which therefore need not be sent to learn that. So one culprit among `n` events is found with
//! `⌈log2 n⌉` requests. Two more settle the rest: the culprit goes alone once, because no event is given up that was not
//! refused by itself, and what was set aside goes together. Where culprits turn out to be many, what was set aside goes by
//! the piece, so that a batch in which all are bad takes no more than twice as many requests as it has events. Owns the
//! order of asking; leaves sending and outcomes to the round.

/// A search among the places of one round.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Groups of which nothing is known, the next one last.
    untried: Vec<Vec<usize>>,
    /// Groups that were refused.
    refused: Vec<Vec<usize>>,
    /// Groups that were too large together, the next one last. They go when all else is settled.
    parts: Vec<Vec<usize>>,
    hunt: Option<Hunt>,
    /// Culprits found by hunting.
    found: usize,
    /// Requests without a decision in a row.
    undecided: usize,
}

/// The search for one culprit.
#[derive(Debug)]
struct Hunt {
    /// At least one of these is a culprit.
    suspects: Vec<usize>,
    /// Second halves whose first halves were refused, the largest first.
    aside: Vec<Vec<usize>>,
}

impl Hunt {
    /// How many of the suspects are asked about next.
    fn half(&self) -> usize {
        self.suspects.len().div_ceil(2)
    }
}

/// What the platform said of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing in it was refused.
    Taken,
    /// It was refused for the sake of one or more of these.
    Refused(Vec<usize>),
    /// At least one event was refused by name, or was alone in it; these others go again.
    Named(Vec<usize>),
    /// It met trouble that says nothing of its events.
    Undecided,
}

impl Search {
    /// A search that begins with all of `places` together.
    pub(super) fn among(places: Vec<usize>) -> Self {
        let mut search = Self::default();
        search.put(places);
        search
    }

    /// Takes up places that were not sent because they are too many for one request, in the parts they are to go in.
    pub(super) fn go_on_in(&mut self, parts: Vec<Vec<usize>>) {
        self.parts.extend(parts.into_iter().rev());
    }

    /// Whether nothing but such parts is to be asked about next.
    pub(super) fn is_at_parts(&self) -> bool {
        let settled = self.hunt.is_none() && self.refused.is_empty() && self.untried.is_empty();
        settled && !self.parts.is_empty() && self.undecided < UNDECIDED
    }

    /// Gives the parts up that were not asked about. Answers the places in them, in their order.
    pub(super) fn leave_parts(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.parts).into_iter().rev().flatten().collect()
    }

    /// The places to send next; `None` when nothing is left to be learned now.
    pub(super) fn ask(&mut self) -> Option<Vec<usize>> {
        if self.undecided >= UNDECIDED {
            return None;
        }
        if self.hunt.is_none() {
            self.hunt = self.refused.pop().map(|suspects| Hunt { suspects, aside: Vec::new() });
        }
        match &self.hunt {
            Some(hunt) => Some(hunt.suspects[..hunt.half()].to_vec()),
            None => self.untried.pop().or_else(|| self.parts.pop()),
        }
    }

    /// Learns what became of the places asked about last. They may have gone in several requests.
    pub(super) fn learn(&mut self, answers: Vec<Answer>) {
        let decided = answers.is_empty() || answers.iter().any(|answer| *answer != Answer::Undecided);
        self.undecided = if decided { 0 } else { self.undecided + 1 };
        match self.hunt.take() {
            Some(hunt) => self.pursue(hunt, together(answers)),
            None => answers.into_iter().for_each(|answer| match answer {
                Answer::Refused(places) => self.refused.push(places),
                Answer::Named(others) => self.put(others),
                Answer::Taken | Answer::Undecided => {}
            }),
        }
    }

    /// Goes on with a hunt after an answer about the first half of its suspects.
    fn pursue(&mut self, mut hunt: Hunt, answer: Answer) {
        let rest = hunt.suspects.split_off(hunt.half());
        match answer {
            Answer::Taken if !rest.is_empty() => {
                self.hunt = Some(Hunt { suspects: rest, aside: hunt.aside });
            }
            // It was one event alone, and innocent: something else was wrong with the request it was in.
            Answer::Taken => self.end(hunt.aside),
            Answer::Refused(suspects) => {
                hunt.aside.push(rest);
                self.hunt = Some(Hunt { suspects, aside: hunt.aside });
            }
            Answer::Named(others) => {
                self.found += 1;
                hunt.aside.extend([rest, others]);
                self.end(hunt.aside);
            }
            Answer::Undecided => {
                self.put(rest);
                self.end(hunt.aside);
            }
        }
    }

    /// Sees to what a hunt has set aside.
    fn end(&mut self, aside: Vec<Vec<usize>>) {
        if self.found <= FEW {
            self.put(aside.concat());
        } else {
            aside.into_iter().for_each(|places| self.put(places));
        }
    }

    fn put(&mut self, places: Vec<usize>) {
        if !places.is_empty() {
            self.untried.push(places);
        }
    }
}

/// One answer out of several about the same suspects.
fn together(answers: Vec<Answer>) -> Answer {
    answers.into_iter().fold(Answer::Taken, |one, other| match (one, other) {
        (Answer::Refused(mut places), Answer::Refused(more) | Answer::Named(more))
        | (Answer::Named(mut places), Answer::Refused(more)) => {
            places.extend(more);
            Answer::Refused(places)
        }
        (Answer::Named(mut places), Answer::Named(more)) => {
            places.extend(more);
            Answer::Named(places)
        }
        (said @ (Answer::Refused(_) | Answer::Named(_)), Answer::Taken | Answer::Undecided)
        | (Answer::Taken | Answer::Undecided, said @ (Answer::Refused(_) | Answer::Named(_))) => said,
        (Answer::Undecided, Answer::Taken | Answer::Undecided) | (Answer::Taken, Answer::Undecided) => {
            Answer::Undecided
        }
        (Answer::Taken, Answer::Taken) => Answer::Taken,
    })
}

/// Up to so many culprits are believed to be exceptions, and the rest to be good.
const FEW: usize = 4;
/// After so many requests in a row that met trouble, what is left waits for another round.
const UNDECIDED: usize = 2;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What came of a search.
    struct Came {
        delivered: Vec<usize>,
        refused: BTreeSet<usize>,
        /// Requests after the first.
        further: usize,
    }

    /// A search that begins with one request for all.
    fn among(events: usize) -> Search {
        Search::among((0..events).collect())
    }

    /// Sends `events` to a platform that refuses every request with one of `bad` in it.
    fn search(events: usize, bad: impl Fn(usize) -> bool) -> Came {
        let mut search = among(events);
        let mut came = Came { delivered: Vec::new(), refused: BTreeSet::new(), further: 0 };
        let mut requests = 0;
        while let Some(places) = search.ask() {
            requests += 1;
            search.learn(vec![match (places.iter().any(|place| bad(*place)), places.as_slice()) {
                (false, _) => {
                    came.delivered.extend(places);
                    Answer::Taken
                }
                (true, [alone]) => {
                    assert!(came.refused.insert(*alone), "refused twice");
                    Answer::Named(Vec::new())
                }
                (true, _) => Answer::Refused(places),
            }]);
        }
        came.further = requests - 1;
        came
    }

    fn settled(came: &Came, events: usize, bad: impl Fn(usize) -> bool) {
        let mut all = came.delivered.clone();
        all.extend(&came.refused);
        all.sort_unstable();
        assert_eq!(all, (0..events).collect::<Vec<_>>(), "each once");
        assert!(came.refused.iter().all(|place| bad(*place)), "only culprits");
    }

    #[test]
    fn one_among_a_thousand_is_found_by_halving_once_per_request() {
        for culprit in 0..1_000 {
            let came = search(1_000, |place| place == culprit);
            settled(&came, 1_000, |place| place == culprit);
            // Ten find it, one hears the reason for it alone, one brings what was set aside.
            assert!(came.further <= 12, "{culprit}: {}", came.further);
        }
    }

    #[test]
    fn ten_requests_leave_one_suspect_of_a_thousand() {
        for culprit in 0..1_000 {
            let mut search = among(1_000);
            let first = search.ask().expect("all");
            search.learn(vec![Answer::Refused(first)]);
            let mut further = 0;
            while search.hunt.as_ref().is_none_or(|hunt| hunt.suspects.len() > 1) && search.found == 0 {
                let places = search.ask().expect("a half");
                further += 1;
                let answer = match (places.contains(&culprit), places.len()) {
                    (false, _) => Answer::Taken,
                    (true, 1) => Answer::Named(Vec::new()),
                    (true, _) => Answer::Refused(places),
                };
                search.learn(vec![answer]);
            }
            assert!(further <= 10, "{culprit}: {further}");
        }
    }

    #[test]
    fn many_culprits_cost_no_more_than_twice_their_number() {
        for events in [1, 2, 3, 64, 1_000] {
            let came = search(events, |_| true);
            assert_eq!(came.refused.len(), events);
            assert!(came.further <= 2 * events + 12 * FEW, "{events}: {}", came.further);
        }
        let came = search(1_000, |_| false);
        assert_eq!((came.delivered.len(), came.further), (1_000, 0));
    }

    #[test]
    fn named_culprits_cost_one_request() {
        let mut search = among(1_000);
        assert_eq!(search.ask().map(|places| places.len()), Some(1_000));
        search.learn(vec![Answer::Named((0..998).collect())]);
        assert_eq!(search.ask().map(|places| places.len()), Some(998));
        search.learn(vec![Answer::Taken]);
        assert_eq!(search.ask(), None);
    }

    #[test]
    fn a_request_refused_for_no_events_sake_gives_nobody_up() {
        let mut search = among(8);
        let first = search.ask().expect("all");
        search.learn(vec![Answer::Refused(first)]);
        let mut taken = Vec::new();
        while let Some(places) = search.ask() {
            taken.extend(places);
            search.learn(vec![Answer::Taken]);
        }
        assert_eq!((taken, search.found), ((0..8).collect(), 0));
    }

    #[test]
    fn parts_go_in_their_order_and_a_culprit_is_hunted_in_its_own() {
        let mut search = among(7);
        // A request for all would be too large.
        let all = search.ask().expect("all");
        search.learn(Vec::new());
        search.go_on_in(all.chunks(3).map(<[usize]>::to_vec).collect());
        let mut asked = Vec::new();
        while let Some(places) = search.ask() {
            asked.push(places.clone());
            search.learn(vec![match (places.contains(&4), places.len()) {
                (false, _) => Answer::Taken,
                (true, 1) => Answer::Named(Vec::new()),
                (true, _) => Answer::Refused(places),
            }]);
        }
        let expected: [&[usize]; 7] = [&[0, 1, 2], &[3, 4, 5], &[3, 4], &[3], &[4], &[5], &[6]];
        assert_eq!(asked, expected);
    }

    #[test]
    fn parts_can_be_left_once_all_else_is_settled() {
        let mut search = among(6);
        let all = search.ask().expect("all");
        search.learn(Vec::new());
        search.go_on_in(all.chunks(2).map(<[usize]>::to_vec).collect());
        assert!(search.is_at_parts());
        assert_eq!(search.ask(), Some(vec![0, 1]));
        search.learn(vec![Answer::Refused(vec![0, 1])]);
        for (asked, answer) in [(0, Answer::Taken), (1, Answer::Named(Vec::new()))] {
            assert!(!search.is_at_parts(), "a culprit is looked for");
            assert_eq!(search.ask(), Some(vec![asked]));
            search.learn(vec![answer]);
        }
        assert!(search.is_at_parts());
        assert_eq!((search.leave_parts(), search.ask()), ((2..6).collect(), None));
        assert!(!search.is_at_parts());
    }

    #[test]
    fn trouble_twice_in_a_row_ends_the_search() {
        let mut search = among(8);
        let first = search.ask().expect("all");
        search.learn(vec![Answer::Refused(first)]);
        for expected in [vec![0, 1, 2, 3], vec![4, 5, 6, 7]] {
            assert_eq!(search.ask(), Some(expected));
            search.learn(vec![Answer::Undecided]);
        }
        assert_eq!(search.ask(), None);
    }

    proptest::proptest! {
        #[test]
        fn each_event_is_settled_once(events in 1_usize..300, bad in proptest::collection::btree_set(0_usize..300, 0..40)) {
            let is_bad = |place: usize| bad.contains(&place);
            let came = search(events, is_bad);
            settled(&came, events, is_bad);
            let culprits = bad.range(..events).count();
            let depth = events.next_power_of_two().ilog2() as usize + 2;
            proptest::prop_assert!(came.further <= 2 * depth * culprits, "{} for {culprits}", came.further);
        }

        #[test]
        fn whatever_is_answered_it_ends(events in 1_usize..60, answers in proptest::collection::vec(0_u8..4, 400)) {
            let mut search = among(events);
            for answer in answers {
                let Some(places) = search.ask() else { return Ok(()) };
                search.learn(vec![match (answer, places.as_slice()) {
                    (0, _) => Answer::Taken,
                    (1, _) => Answer::Undecided,
                    (2, [_, others @ ..]) => Answer::Named(others.to_vec()),
                    (_, [_]) => Answer::Named(Vec::new()),
                    (_, _) => Answer::Refused(places),
                }]);
            }
            proptest::prop_assert_eq!(search.ask(), None);
        }
    }
}

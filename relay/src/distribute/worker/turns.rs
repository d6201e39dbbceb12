//! Whose turn it is among what has waited and what is new.
//!
//! A platform may answer single events with trouble of its own for as long as they come, however well it takes the others: it
//! has no word for "not this one". Such an event would be the only one that ever probes a circuit it has opened, and would sink
//! every batch it is in. So what waits and what is new probe by turns, and what has failed often goes alone. Pure.

use crate::distribute::round::{Item, SUSPECT};

/// Remembers whose turn it was.
#[derive(Debug, Default)]
pub(super) struct Turns {
    others: bool,
}

/// What goes out now.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// What has waited.
    pub(super) items: Vec<Item>,
    /// Whether new events go along.
    pub(super) fresh: bool,
    /// What goes when there is nothing else after all.
    pub(super) spare: Option<Item>,
}

impl Turns {
    /// Chooses among events that are due. `probing`: one event alone is to show whether the platform is well.
    pub(super) fn choose(&mut self, due: Vec<Item>, probing: bool) -> Chosen {
        let suspect = due.iter().position(|item| item.attempts >= SUSPECT);
        let alone = match (suspect, probing) {
            (None, false) => return Chosen { items: due, fresh: true, spare: None },
            (Some(place), _) => place,
            (None, true) => 0,
        };
        if due.is_empty() {
            return Chosen { fresh: true, ..Chosen::default() };
        }
        self.others = !self.others;
        let mut others = due;
        let one = others.remove(alone);
        if !self.others {
            return Chosen { items: vec![one], ..Chosen::default() };
        }
        let items = if probing { Vec::new() } else { others };
        let items = items.into_iter().filter(|item| item.attempts < SUSPECT).collect();
        Chosen { items, fresh: true, spare: Some(one) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Logged, Pending};
    use crate::testing::event;
    use shared::UnixMs;

    fn due(attempts: &[u32]) -> Vec<Item> {
        let pending = |(place, attempts): (usize, &u32)| {
            let event = event(&format!(r#"{{"event":"Lead","event_id":"e{place}"}}"#)).into();
            let logged = Logged { seq: place as i64, site: "shop".into(), received: UnixMs(0), event };
            Item::from(Pending {
                logged,
                attempts: *attempts,
                reached: None,
                due: UnixMs(0),
                reason: String::new(),
            })
        };
        attempts.iter().enumerate().map(pending).collect()
    }

    fn told(chosen: &Chosen) -> (Vec<i64>, bool, Option<i64>) {
        let seqs = chosen.items.iter().map(|item| item.seq).collect();
        (seqs, chosen.fresh, chosen.spare.as_ref().map(|item| item.seq))
    }

    #[test]
    fn all_go_together_while_nothing_is_wrong() {
        let mut turns = Turns::default();
        assert_eq!(told(&turns.choose(due(&[1, 2, 3]), false)), (vec![0, 1, 2], true, None));
        assert_eq!(told(&turns.choose(due(&[]), false)), (vec![], true, None));
        assert_eq!(told(&turns.choose(due(&[]), true)), (vec![], true, None));
    }

    #[test]
    fn new_events_and_those_that_wait_probe_by_turns() {
        let mut turns = Turns::default();
        assert_eq!(told(&turns.choose(due(&[1, 9]), true)), (vec![], true, Some(1)));
        assert_eq!(told(&turns.choose(due(&[1, 9]), true)), (vec![1], false, None));
        assert_eq!(told(&turns.choose(due(&[1]), true)), (vec![], true, Some(0)));
        assert_eq!(told(&turns.choose(due(&[1]), true)), (vec![0], false, None));
    }

    #[test]
    fn what_has_failed_often_goes_alone() {
        let mut turns = Turns::default();
        assert_eq!(told(&turns.choose(due(&[1, 4, 2, 7]), false)), (vec![0, 2], true, Some(1)));
        assert_eq!(told(&turns.choose(due(&[1, 4, 2, 7]), false)), (vec![1], false, None));
    }
}

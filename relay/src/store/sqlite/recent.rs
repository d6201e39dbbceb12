//! The newest events of the log, kept in memory.
//!
//! A destination that keeps up reads every event within moments of its arrival. The writer therefore hands each
//! committed event on as it is, and any number of destinations share it without touching the disk or reading JSON
//! again. Owns that window and its bounds, in events and in bytes. Leaves everything older to the reader: a
//! destination that fell behind reads the file, and pays for it alone.

use std::collections::VecDeque;

use crate::store::{Logged, Seq};

/// Most events kept.
const MOST_EVENTS: usize = 4096;
/// Most bytes of stored JSON kept; parsed events take two to three times that.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// One event on its way into the window.
#[derive(Debug)]
pub(super) struct Entry {
    /// The event.
    pub(super) logged: Logged,
    /// Length of its JSON.
    pub(super) bytes: usize,
}

/// A window over the end of the log: every number from `first` on has a place, an absent event an empty one.
#[derive(Debug)]
pub(super) struct Recent {
    first: Seq,
    places: VecDeque<Option<Entry>>,
    bytes: usize,
}

impl Recent {
    /// An empty window at the end of a log whose last number is `head`.
    pub(super) fn after(head: Seq) -> Self {
        Self { first: head + 1, places: VecDeque::new(), bytes: 0 }
    }

    /// Takes in what a transaction committed, in order, and lets go of the oldest.
    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            debug_assert_eq!(entry.logged.seq, self.end(), "the log has no holes at its end");
            self.bytes += entry.bytes;
            self.places.push_back(Some(entry));
        }
        while self.places.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            let oldest = self.places.pop_front().flatten();
            self.bytes -= oldest.map_or(0, |entry| entry.bytes);
            self.first += 1;
        }
    }

    /// Up to `limit` events after `after`; `None` when some of them may lie before the window.
    pub(super) fn read(&self, after: Seq, limit: usize) -> Option<Vec<Logged>> {
        let skip = usize::try_from(after.checked_add(1)?.checked_sub(self.first)?).ok()?;
        let found = self.places.iter().skip(skip).flatten().take(limit);
        Some(found.map(|entry| entry.logged.clone()).collect())
    }

    /// Empties the place of an event that was erased or pruned.
    pub(super) fn forget(&mut self, seq: Seq) {
        let place = usize::try_from(seq - self.first).ok().and_then(|place| self.places.get_mut(place));
        let entry = place.and_then(Option::take);
        self.bytes -= entry.map_or(0, |entry| entry.bytes);
    }

    /// The number the next event will have.
    fn end(&self) -> Seq {
        self.first + self.places.len() as Seq
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn entry(seq: Seq, bytes: usize) -> Entry {
        let json = format!(r#"{{"event":"Lead","event_id":"e{seq}","time":1,"source":"web"}}"#);
        let event = Arc::new(serde_json::from_str(&json).unwrap());
        Entry { logged: Logged { seq, site: Arc::from("shop"), event }, bytes }
    }

    fn numbers(recent: &Recent, after: Seq, limit: usize) -> Option<Vec<Seq>> {
        Some(recent.read(after, limit)?.iter().map(|logged| logged.seq).collect())
    }

    #[test]
    fn it_answers_only_for_what_it_surely_holds() {
        let mut recent = Recent::after(10);
        recent.extend((11..=13).map(|seq| entry(seq, 1)));
        let check = |after, limit, expected: Option<&[Seq]>| {
            assert_eq!(numbers(&recent, after, limit).as_deref(), expected, "after {after}");
        };
        check(9, 9, None);
        check(10, 9, Some(&[11, 12, 13]));
        check(10, 2, Some(&[11, 12]));
        check(12, 9, Some(&[13]));
        check(13, 9, Some(&[]));
        check(99, 9, Some(&[]));
        check(Seq::MIN, 9, None);
        check(Seq::MAX, 9, None);
    }

    #[test]
    fn it_holds_no_more_than_its_bounds() {
        let mut many = Recent::after(0);
        many.extend((1..=MOST_EVENTS as Seq + 5).map(|seq| entry(seq, 1)));
        assert_eq!(numbers(&many, 4, 1), None);
        assert_eq!(numbers(&many, 5, 1), Some(vec![6]));

        let mut large = Recent::after(0);
        large.extend((1..=3).map(|seq| entry(seq, MOST_BYTES / 2)));
        assert_eq!(numbers(&large, 0, 9), None);
        assert_eq!(numbers(&large, 1, 9), Some(vec![2, 3]));
    }

    #[test]
    fn a_forgotten_event_is_passed_over_and_frees_its_bytes() {
        let mut recent = Recent::after(0);
        recent.extend((1..=3).map(|seq| entry(seq, 7)));
        for seq in [2, 2, 0, 4] {
            recent.forget(seq);
        }
        assert_eq!(numbers(&recent, 0, 9), Some(vec![1, 3]));
        assert_eq!(recent.bytes, 14);
    }
}

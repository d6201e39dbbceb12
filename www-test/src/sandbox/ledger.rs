//! What a platform has counted: its own deduplication, by its own key, within its own window.
//!
//! Owns the count that the crash test is about. Memory grows with the number of different events only.

use std::collections::HashMap;

use shared::UnixMs;

use super::exchange::Taken;

/// One event in a platform's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event's name.
    pub name: String,
    /// The event's id.
    pub id: String,
    /// How often the platform counted it: more than once means a conversion too many.
    pub counted: u32,
    /// How often it arrived.
    pub arrived: u32,
    /// When it last counted; the window starts here.
    since: UnixMs,
}

/// A platform's books.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: HashMap<String, Entry>,
    counted: u64,
    duplicates: u64,
}

impl Ledger {
    /// Enters events that arrived at `now`. Answers how many counted and how many were known.
    pub fn enter(&mut self, events: Vec<Taken>, window_ms: i64, now: UnixMs) -> (usize, usize) {
        let (before, all) = (self.counted, events.len());
        for event in events {
            self.enter_one(event, window_ms, now);
        }
        let counted = usize::try_from(self.counted - before).unwrap_or(usize::MAX);
        (counted, all - counted)
    }

    /// Counts events without remembering any.
    pub fn count(&mut self, events: usize) -> (usize, usize) {
        self.counted += events as u64;
        (events, 0)
    }

    fn enter_one(&mut self, Taken { key, name, id }: Taken, window_ms: i64, now: UnixMs) {
        let fresh = Entry { name, id, counted: 0, arrived: 0, since: now };
        let entry = self.entries.entry(key).or_insert(fresh);
        entry.arrived += 1;
        if entry.counted == 0 || now.since(entry.since) >= window_ms {
            entry.counted += 1;
            entry.since = now;
            self.counted += 1;
        } else {
            self.duplicates += 1;
        }
    }

    /// Events that counted.
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Arrivals the platform knew already.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Everything in the books, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How often each event id counted, whatever its name.
    pub fn by_id(&self) -> HashMap<&str, u32> {
        let mut times = HashMap::with_capacity(self.entries.len());
        for entry in self.entries.values() {
            *times.entry(entry.id.as_str()).or_default() += entry.counted;
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(name: &str, id: &str) -> Taken {
        Taken { key: format!("{name}/{id}"), name: name.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn an_event_counts_once_within_the_window_and_again_after_it() {
        let mut ledger = Ledger::default();
        let mut check = |now, name: &str, expected| {
            assert_eq!(ledger.enter(vec![taken(name, "1")], 100, UnixMs(now)), expected, "{name} at {now}");
        };
        check(0, "Purchase", (1, 0));
        check(99, "Purchase", (0, 1));
        check(99, "Lead", (1, 0));
        check(100, "Purchase", (1, 0));
        check(199, "Purchase", (0, 1));
        assert_eq!((ledger.counted(), ledger.duplicates()), (3, 2));
        assert_eq!(ledger.by_id(), HashMap::from([("1", 3)]));
    }

    #[test]
    fn twins_in_one_batch_count_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.enter(vec![taken("Lead", "1"), taken("Lead", "1")], 100, UnixMs(5)), (1, 1));
        let entry = ledger.entries().next().expect("one entry");
        assert_eq!((entry.arrived, entry.counted), (2, 1));
    }
}

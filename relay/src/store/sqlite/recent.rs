//! The newest events of the log, kept in memory as they were stored.
//!
//! A destination that keeps up asks for every event within moments of its arrival. The writer therefore hands on
//! each committed event's JSON, and destinations read it without touching the disk. It is kept as JSON, not as an
//! event: one piece of memory instead of some thirty, which would all be given back by another thread than took
//! them. Who reads an event first parses it, and who reads it meanwhile shares the result. Owns that window and its
//! bounds, in events and in bytes. Leaves everything older to the reader: a destination that fell behind reads the
//! file, and pays for it alone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use shared::{Event, UnixMs};

use super::lock_of;
use crate::store::{Logged, Seq, StoreError};

/// Most events kept.
const MOST_EVENTS: usize = 4096;
/// Most bytes of stored JSON kept.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// One event in the window; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) seq: Seq,
    site: Arc<str>,
    /// When it arrived.
    pub(super) received: UnixMs,
    body: Arc<Body>,
}

/// An event as it was stored, and as it was read while anyone has it in hand.
#[derive(Debug)]
struct Body {
    json: Box<[u8]>,
    event: Mutex<Weak<Event>>,
}

impl Entry {
    /// An event that was appended.
    pub(super) fn new(seq: Seq, site: Arc<str>, received: UnixMs, json: Box<[u8]>) -> Self {
        Self { seq, site, received, body: Arc::new(Body { json, event: Mutex::default() }) }
    }

    /// Length of its JSON.
    pub(super) fn bytes(&self) -> usize {
        self.body.json.len()
    }

    /// The event, read unless somebody else has it in hand.
    pub(super) fn logged(&self) -> Result<Logged, StoreError> {
        let mut shared = lock_of(&self.body.event);
        let event = match shared.upgrade() {
            Some(event) => event,
            None => {
                let read = serde_json::from_slice(&self.body.json);
                let event = Arc::new(read.map_err(|_| StoreError::Corrupt { what: "event" })?);
                *shared = Arc::downgrade(&event);
                event
            }
        };
        Ok(Logged { seq: self.seq, site: Arc::clone(&self.site), received: self.received, event })
    }
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
            debug_assert_eq!(entry.seq, self.end(), "the log has no holes at its end");
            self.bytes += entry.bytes();
            self.places.push_back(Some(entry));
        }
        while self.places.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            let oldest = self.places.pop_front().flatten();
            self.bytes -= oldest.map_or(0, |entry| entry.bytes());
            self.first += 1;
        }
    }

    /// Up to `limit` events after `after`; `None` when some of them may lie before the window.
    pub(super) fn read(&self, after: Seq, limit: usize) -> Option<Vec<Entry>> {
        let skip = usize::try_from(after.checked_add(1)?.checked_sub(self.first)?).ok()?;
        let found = self.places.iter().skip(skip).flatten().take(limit);
        Some(found.cloned().collect())
    }

    /// Empties the place of an event that was erased or pruned.
    pub(super) fn forget(&mut self, seq: Seq) {
        let place = usize::try_from(seq - self.first).ok().and_then(|place| self.places.get_mut(place));
        let entry = place.and_then(Option::take);
        self.bytes -= entry.map_or(0, |entry| entry.bytes());
    }

    /// The number the next event will have.
    fn end(&self) -> Seq {
        self.first + self.places.len() as Seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: Seq, bytes: usize) -> Entry {
        Entry::new(seq, Arc::from("shop"), UnixMs(0), vec![b' '; bytes].into())
    }

    fn numbers(recent: &Recent, after: Seq, limit: usize) -> Option<Vec<Seq>> {
        Some(recent.read(after, limit)?.iter().map(|entry| entry.seq).collect())
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

    #[test]
    fn an_event_is_read_once_for_all_who_have_it_in_hand() {
        let json = br#"{"event":"Lead","event_id":"e1","time":1,"source":"web"}"#;
        let entry = Entry::new(1, Arc::from("shop"), UnixMs(0), json.as_slice().into());
        let (first, second) = (entry.logged().unwrap(), entry.clone().logged().unwrap());
        assert_eq!(first.event.event_id, "e1");
        assert!(Arc::ptr_eq(&first.event, &second.event));
        drop((first, second));
        assert!(lock_of(&entry.body.event).upgrade().is_none(), "nobody has it in hand any more");
        assert_eq!(entry.logged().unwrap().event.event_id, "e1");
    }
}

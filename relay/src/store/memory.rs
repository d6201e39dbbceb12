//! In-memory engine: the store's specification as plain code.
//!
//! Everything is a map behind one lock, and a transaction is a copy that replaces the original when it succeeds. It
//! forgets everything when dropped, and its cost grows with what it holds: it is for tests, for `preview`, and above
//! all it is the model the durable engine is tested against. Where the two differ, one of them is wrong.

mod forget;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::visitor::Visitor;
use shared::{Event, UnixMs};
use tokio::sync::watch;

use super::due::{LONGEST_HOLD_MS, LONGEST_RETRY_MS, is_due};
use super::{
    Answer, Backlog, Dead, DeadLetter, Erased, Held, Incoming, Logged, Pending, Person, Pipeline, REQUEUED,
    Receipt, Retention, Retry, Seq, Settlement, Standing, Store, StoreError, Transaction, Verdict,
};
use crate::secret::Secret;

/// The volatile store.
pub struct MemoryStore {
    pipeline: Box<dyn Pipeline>,
    /// `None` once closed.
    state: Mutex<Option<State>>,
    head: watch::Sender<Seq>,
    requeues: watch::Sender<u64>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(pipeline: impl Pipeline) -> Self {
        Self {
            pipeline: Box::new(pipeline),
            state: Mutex::new(Some(State::default())),
            head: watch::Sender::new(0),
            requeues: watch::Sender::new(0),
        }
    }

    /// Answers at once from the state as it is.
    fn now<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T) -> Answer<'static, T> {
        let answer = self.locked().as_mut().map(work).ok_or(StoreError::Closed);
        Box::pin(ready(answer))
    }

    fn locked(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the pipeline on a copy of the state, which takes its place if all goes well.
    fn run<T>(
        &self,
        work: impl FnOnce(&dyn Pipeline, &mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.locked();
        let mut changed = state.clone().ok_or(StoreError::Closed)?;
        let ran = catch_unwind(AssertUnwindSafe(|| work(&*self.pipeline, &mut changed)));
        let panicked = |_| StoreError::Engine { doing: "process an event", source: Arc::new(Panicked) };
        let answer = ran.map_err(panicked).flatten()?;
        self.head.send_if_modified(|head| std::mem::replace(head, changed.head) != changed.head);
        *state = Some(changed);
        Ok(answer)
    }
}

/// A panic in the pipeline, as the source of an error.
#[derive(Debug, thiserror::Error)]
#[error("it panicked; this is a fault of the program, please report it")]
struct Panicked;

/// Everything there is.
#[derive(Clone, Default)]
struct State {
    /// Last number given; not the last of `log`, which may have been pruned.
    head: Seq,
    log: BTreeMap<Seq, Row>,
    /// By site and key, with when it was taken.
    dedup: BTreeMap<(String, String), UnixMs>,
    /// By site and id.
    visitors: BTreeMap<(String, String), Visitor>,
    /// By site and key.
    identities: BTreeMap<(String, String), Known>,
    /// By site and key.
    notes: BTreeMap<(String, String), Noted>,
    /// By site and id.
    held: BTreeMap<(String, String), Held>,
    /// By site and key, the id.
    held_keys: BTreeMap<(String, String), String>,
    cursors: BTreeMap<String, Seq>,
    /// The number up to which a destination was never given anything.
    starts: BTreeMap<String, Seq>,
    /// By destination and number, what it was given after all of what came before.
    given: BTreeSet<(String, Seq)>,
    /// By destination and number.
    pending: BTreeMap<(String, Seq), Retry>,
    /// By destination and number.
    dead: BTreeMap<(String, Seq), DeadLetter>,
    /// By destination and id.
    receipts: BTreeMap<(String, String), Receipt>,
    /// By destination and key.
    remembered: BTreeMap<(String, String), Secret>,
}

/// Who was seen under an identity key.
#[derive(Clone, Debug)]
struct Known {
    visitor: String,
    visitors: BTreeSet<String>,
    seen: UnixMs,
}

/// What was noted under a key.
#[derive(Clone, Debug)]
struct Noted {
    visitor: Option<String>,
    text: String,
    at: UnixMs,
}

/// One line of the log.
#[derive(Clone)]
struct Row {
    site: Arc<str>,
    received: UnixMs,
    /// `None` when erased.
    event: Option<Arc<Event>>,
}

/// A key of the maps above.
fn pair(site: &str, key: &str) -> (String, String) {
    (site.to_owned(), key.to_owned())
}

impl State {
    /// Takes what is due out of the hold and lets the pipeline say what becomes of it.
    fn release(&mut self, pipeline: &dyn Pipeline, now: UnixMs, limit: usize) -> Result<usize, StoreError> {
        let is_due = |held: &&Held| is_due(held.due, now, LONGEST_HOLD_MS);
        let mut due: Vec<Held> = self.held.values().filter(is_due).cloned().collect();
        due.sort_by(|a, b| (a.due, &a.site, &a.id).cmp(&(b.due, &b.site, &b.id)));
        due.truncate(limit);
        let released = due.len();
        for held in due {
            self.let_go(&held.site, &held.id)?;
            pipeline.release(self, held)?;
        }
        Ok(released)
    }

    /// The event of a number, unless it is absent.
    fn logged(&self, seq: Seq) -> Option<Logged> {
        let row = self.log.get(&seq)?;
        let event = Arc::clone(row.event.as_ref()?);
        Some(Logged { seq, site: Arc::clone(&row.site), received: row.received, event })
    }

    /// What is present after a number; an erased event is passed over and does not count.
    fn read(&self, after: Seq, limit: usize) -> Vec<Logged> {
        let later = self.log.keys().filter(|seq| **seq > after);
        later.filter_map(|seq| self.logged(*seq)).take(limit).collect()
    }

    /// Sorted by when they were due, ties by number, so that the answer is the same every time.
    fn due(&self, destination: &str, now: UnixMs, limit: usize) -> Vec<Pending> {
        let is_due = |retry: &&Retry| is_due(retry.due, now, LONGEST_RETRY_MS);
        let mut due: Vec<&Retry> = self.pending_of(destination).filter(is_due).collect();
        due.sort_by_key(|retry| (retry.due, retry.seq));
        let pending = due.into_iter().filter_map(|retry| {
            let Retry { seq, attempts, reached, due, ref reason } = *retry;
            Some(Pending { logged: self.logged(seq)?, attempts, reached, due, reason: reason.clone() })
        });
        pending.take(limit).collect()
    }

    /// All pending events of a destination.
    fn pending_of(&self, destination: &str) -> impl Iterator<Item = &Retry> {
        self.pending.iter().filter(move |((name, _), _)| name == destination).map(|(_, retry)| retry)
    }

    /// Newest first.
    fn dead_letters(&self, destination: &str, limit: usize) -> Vec<DeadLetter> {
        let of_destination = self.dead.iter().filter(|((name, _), _)| name == destination);
        let mut dead: Vec<DeadLetter> = of_destination.map(|(_, letter)| letter.clone()).collect();
        dead.sort_by_key(|letter| std::cmp::Reverse((letter.at, letter.seq)));
        dead.truncate(limit);
        dead
    }

    /// Cursor, retry, done, dead, receipts, in this order. A row is only made for an event that is present: an erasure may
    /// overtake a worker that has the event in hand.
    fn settle(&mut self, destination: &str, settlement: Settlement) {
        if let Some(cursor) = settlement.cursor {
            let reached = cursor.min(self.head);
            let stands = self.cursors.entry(destination.to_owned()).or_insert(reached);
            *stands = reached.max(*stands);
        }
        for retry in settlement.retry {
            if self.logged(retry.seq).is_some() {
                self.pending.insert((destination.to_owned(), retry.seq), retry);
            }
        }
        for seq in settlement.done {
            self.pending.remove(&(destination.to_owned(), seq));
        }
        for Dead { seq, at, reason } in settlement.dead {
            let key = (destination.to_owned(), seq);
            self.pending.remove(&key);
            if let Some(Logged { site, event, .. }) = self.logged(seq) {
                let (site, name, event_id) = (site.to_string(), event.event.clone(), event.event_id.clone());
                self.dead.insert(key, DeadLetter { seq, site, event: name, event_id, at, reason });
            }
        }
        for receipt in settlement.receipts {
            self.receipts.insert(pair(destination, &receipt.id), receipt);
        }
        for id in settlement.answered {
            self.receipts.remove(&pair(destination, &id));
        }
    }

    /// As if they had never been tried. What the destination has still to read comes anyway.
    fn requeue(&mut self, destination: &str, events: &[Seq], due: UnixMs) -> u64 {
        let read = self.cursors.get(destination).copied().unwrap_or(0);
        let wanted: BTreeSet<Seq> = events.iter().copied().filter(|seq| *seq <= read).collect();
        let present: Vec<Seq> = wanted.into_iter().filter(|seq| self.logged(*seq).is_some()).collect();
        let start = self.starts.get(destination).copied().unwrap_or(0);
        for seq in &present {
            let key = (destination.to_owned(), *seq);
            if *seq <= start {
                self.given.insert(key.clone());
            }
            let reason = REQUEUED.to_owned();
            self.dead.remove(&key);
            self.pending.insert(key, Retry { seq: *seq, attempts: 0, reached: None, due, reason });
        }
        present.len() as u64
    }

    /// A cursor, begun at the start of the log or at its head.
    fn cursor(&mut self, destination: &str, from_start: bool) -> Seq {
        if let Some(stands) = self.cursors.get(destination) {
            return *stands;
        }
        let start = if from_start { 0 } else { self.head };
        self.starts.insert(destination.to_owned(), start);
        self.cursors.insert(destination.to_owned(), start);
        start
    }

    /// What is in hand or given up comes first, whatever the cursor says.
    fn standing(&self, destination: &str, seq: Seq) -> Standing {
        let key = (destination.to_owned(), seq);
        let of = |numbers: &BTreeMap<String, Seq>| numbers.get(destination).copied().unwrap_or(0);
        match self.pending.get(&key) {
            Some(retry) => Standing::Pending(retry.due),
            None if self.dead.contains_key(&key) => Standing::Dead,
            None if seq > of(&self.cursors) => Standing::Unread,
            None if seq <= of(&self.starts) && !self.given.contains(&key) => Standing::Before,
            None => Standing::Settled,
        }
    }

    /// The longest overdue first.
    fn receipts(&self, destination: &str, now: UnixMs, limit: usize) -> Vec<Receipt> {
        let of_destination = self.receipts.iter().filter(|((name, _), _)| name == destination);
        let mut due: Vec<Receipt> = of_destination.map(|(_, receipt)| receipt.clone()).collect();
        due.retain(|receipt| receipt.due <= now);
        due.sort_by(|a, b| (a.due, &a.id).cmp(&(b.due, &b.id)));
        due.truncate(limit);
        due
    }

    /// Counts of one destination.
    fn backlog(&self, destination: &str) -> Backlog {
        Backlog {
            cursor: self.cursors.get(destination).copied().unwrap_or(0),
            head: self.head,
            pending: self.pending_of(destination).count() as u64,
            next_due: self.pending_of(destination).map(|retry| retry.due).min(),
            dead: self.dead.keys().filter(|(name, _)| name == destination).count() as u64,
        }
    }
}

impl Store for MemoryStore {
    fn append(&self, events: Vec<Incoming>) -> Answer<'_, Vec<Verdict>> {
        Box::pin(ready(self.run(|pipeline, state| {
            events.into_iter().map(|incoming| pipeline.decide(state, incoming)).collect()
        })))
    }

    fn release(&self, now: UnixMs, limit: usize) -> Answer<'_, usize> {
        Box::pin(ready(self.run(|pipeline, state| state.release(pipeline, now, limit))))
    }

    fn next_release(&self) -> Answer<'_, Option<UnixMs>> {
        self.now(|state| state.held.values().map(|held| held.due).min())
    }

    fn read(&self, after: Seq, limit: usize) -> Answer<'_, Vec<Logged>> {
        self.now(|state| state.read(after, limit))
    }

    fn cursor(&self, destination: &str, from_start: bool) -> Answer<'_, Seq> {
        self.now(|state| state.cursor(destination, from_start))
    }

    fn due(&self, destination: &str, now: UnixMs, limit: usize) -> Answer<'_, Vec<Pending>> {
        self.now(|state| state.due(destination, now, limit))
    }

    fn settle(&self, destination: &str, settlement: Settlement) -> Answer<'_, ()> {
        self.now(|state| state.settle(destination, settlement))
    }

    fn requeue(&self, destination: &str, events: Vec<Seq>, due: UnixMs) -> Answer<'_, u64> {
        let destination = destination.to_owned();
        let kept = self.now(|state| state.requeue(&destination, &events, due));
        self.requeues.send_modify(|count| *count += 1);
        kept
    }

    fn discard(&self, destination: &str, events: Vec<Seq>) -> Answer<'_, u64> {
        let gone =
            |state: &mut State, seq: &Seq| state.dead.remove(&(destination.to_owned(), *seq)).is_some();
        self.now(|state| events.iter().filter(|seq| gone(state, seq)).count() as u64)
    }

    fn requeues(&self) -> watch::Receiver<u64> {
        self.requeues.subscribe()
    }

    fn receipts(&self, destination: &str, now: UnixMs, limit: usize) -> Answer<'_, Vec<Receipt>> {
        self.now(|state| state.receipts(destination, now, limit))
    }

    fn backlog(&self, destination: &str) -> Answer<'_, Backlog> {
        self.now(|state| state.backlog(destination))
    }

    fn dead_letters(&self, destination: &str, limit: usize) -> Answer<'_, Vec<DeadLetter>> {
        self.now(|state| state.dead_letters(destination, limit))
    }

    fn standing(&self, destination: &str, seq: Seq) -> Answer<'_, Standing> {
        self.now(|state| state.standing(destination, seq))
    }

    fn note(&self, site: &str, key: &str) -> Answer<'_, Option<String>> {
        self.now(|state| state.notes.get(&pair(site, key)).map(|noted| noted.text.clone()))
    }

    fn any_claimed(&self, site: &str, keys: Vec<String>) -> Answer<'_, bool> {
        self.now(|state| keys.iter().any(|key| state.dedup.contains_key(&pair(site, key))))
    }

    fn remember(&self, destination: &str, key: &'static str, value: Secret) -> Answer<'_, ()> {
        self.now(|state| drop(state.remembered.insert(pair(destination, key), value)))
    }

    fn recall(&self, destination: &str, key: &'static str) -> Answer<'_, Option<Secret>> {
        self.now(|state| state.remembered.get(&pair(destination, key)).cloned())
    }

    fn visitor(&self, site: &str, id: &str) -> Answer<'_, Option<Visitor>> {
        self.now(|state| state.visitors.get(&pair(site, id)).cloned())
    }

    fn erase(&self, site: &str, person: Person) -> Answer<'_, Erased> {
        self.now(|state| state.erase(site, &person))
    }

    fn prune(&self, retention: Retention, destinations: &[String]) -> Answer<'_, u64> {
        self.now(|state| state.prune(retention, destinations))
    }

    fn ping(&self) -> Answer<'_, ()> {
        self.now(|_| ())
    }

    fn watch(&self) -> watch::Receiver<Seq> {
        self.head.subscribe()
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(ready(self.locked().take().map(drop).ok_or(StoreError::Closed)))
    }
}

//! What the store's tests share: a small pipeline, events a person can read, and a way to crash.
//!
//! What the pipeline shall do stands in the event's name: `Panic`, `Fail` and `Wait` misbehave
//! as they say, `Hold` is held, everything else is claimed, tied to its visitor and appended.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};

use relay::store::sqlite::SqliteStore;
use relay::store::{Held, Incoming, Logged, Note, Pipeline, Store, StoreError, Transaction, Verdict};
use shared::visitor::Visitor;
use shared::{Event, UnixMs};
use tempfile::TempDir;

/// A place in the writer's work where a test makes it wait: inside the pipeline, at the event named `Wait` that has
/// the gate's id. While it waits, requests gather. Opens when dropped, lest a failing test hang.
pub(crate) struct Gate {
    id: &'static str,
    state: Arc<Latch>,
}

/// The state, and a bell that rings when it changes.
type Latch = (Mutex<Passage>, Condvar);

#[derive(Clone, Copy, PartialEq)]
enum Passage {
    Closed,
    SomebodyWaits,
    Open,
}

static GATES: Mutex<BTreeMap<&str, Arc<Latch>>> = Mutex::new(BTreeMap::new());

impl Gate {
    /// A closed gate. The id must be the test's own, because tests run side by side.
    pub(crate) fn close(id: &'static str) -> Self {
        let state = Arc::new((Mutex::new(Passage::Closed), Condvar::new()));
        assert!(GATES.lock().unwrap().insert(id, Arc::clone(&state)).is_none(), "{id} is closed already");
        Self { id, state }
    }

    /// The event that stops here.
    pub(crate) fn event(&self) -> Incoming {
        incoming("shop", "Wait", self.id, 1000)
    }

    /// Returns once the writer stands at the gate.
    pub(crate) fn somebody_waits(&self) {
        let (passage, changed) = &*self.state;
        drop(changed.wait_while(passage.lock().unwrap(), |passage| *passage == Passage::Closed).unwrap());
    }

    /// Lets the writer through, this time and ever after.
    pub(crate) fn open(&self) {
        GATES.lock().unwrap().remove(self.id);
        *self.state.0.lock().unwrap() = Passage::Open;
        self.state.1.notify_all();
    }

    /// The pipeline's side.
    fn pass(id: &str) {
        let Some(state) = GATES.lock().unwrap().get(id).cloned() else { return };
        let mut passage = state.0.lock().unwrap();
        if *passage == Passage::Closed {
            *passage = Passage::SomebodyWaits;
            state.1.notify_all();
        }
        drop(state.1.wait_while(passage, |passage| *passage != Passage::Open).unwrap());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// The pipeline of these tests.
#[derive(Clone, Copy)]
pub(crate) struct Steps;

impl Pipeline for Steps {
    /// Claims the event id, remembers the visitor, ties the order to it, and appends. What it learned of the identity
    /// and of the order's note goes into the page title, where the log shows it. Whatever has an order reports it, with a
    /// payment that is named like the event; only a `Refund` does not. `Hold` is held instead, and what comes under one of
    /// its keys meanwhile is noted on it.
    fn decide(
        &self,
        transaction: &mut dyn Transaction,
        mut incoming: Incoming,
    ) -> Result<Verdict, StoreError> {
        let (site, now) = (Arc::clone(&incoming.site), incoming.received);
        let event = &mut incoming.event;
        if let Some(held) = transaction.held(&site, &event.event_id)? {
            let held = Held { body: format!("{}+{}", held.body, event.event), due: now, ..held };
            transaction.hold(&held, &[])?;
            return Ok(Verdict::Duplicate);
        }
        let known = transaction.claimed(&site, &event.event_id)?;
        if !transaction.claim(&site, &event.event_id, now)? {
            assert!(known, "a key that cannot be claimed is claimed");
            return Ok(Verdict::Duplicate);
        }
        if event.event == "Hold" {
            return hold(transaction, incoming);
        }
        if let Some(id) = &event.visitor_id {
            let mut visitor = transaction.visitor(&site, id)?.unwrap_or_default();
            visitor.url = Some(format!("{}{}", visitor.url.unwrap_or_default(), event.event_id));
            visitor.seen_at = now;
            transaction.put_visitor(&site, id, &visitor)?;
            if let Some(order) = &event.properties.order_id {
                transaction.link(&site, order, id, now)?;
            }
        }
        let (order, visitor) = (event.properties.order_id.clone(), event.visitor_id.clone());
        if let Some(order) = &order {
            let note = transaction.note(&site, &note_of(order))?;
            event.page.title = transaction.identity(&site, order)?.map(|found| format!("{found:?} {note:?}"));
        }
        let (name, id) = (event.event.clone(), event.event_id.clone());
        let seq = transaction.append(incoming)?;
        if let Some(order) = order.filter(|_| name != "Refund") {
            let (visitor, text) = (visitor.as_deref(), format!("{{\"n\":{seq}}}"));
            transaction.put_note(&site, &note_of(&order), Note { visitor, text: &text }, now)?;
            let note = Note { visitor: None, text: &order };
            transaction.put_note(&site, &payment_of(&id), note, now)?;
        }
        let stored = Verdict::Stored(seq);
        match name.as_str() {
            "Panic" => panic!("the pipeline was told to panic"),
            "Fail" => Err(StoreError::Corrupt { what: "test" }),
            "Wait" => {
                Gate::pass(&id);
                Ok(stored)
            }
            _ => Ok(stored),
        }
    }

    /// Appends what was held, under its id.
    fn release(&self, transaction: &mut dyn Transaction, held: Held) -> Result<Verdict, StoreError> {
        assert_eq!(transaction.held(&held.site, &held.id)?, None, "it is no longer held");
        let mut released = incoming(&held.site, "Released", &held.id, held.received.0);
        released.event.visitor_id = held.visitor;
        released.event.page.title = Some(held.body);
        transaction.append(released).map(Verdict::Stored)
    }
}

/// The key of the note of an order, which says which event reported it.
pub(crate) fn note_of(order: &str) -> String {
    format!("ord:{order}")
}

/// The key of the note of a payment, which says which order it is for.
pub(crate) fn payment_of(id: &str) -> String {
    format!("pay:{id}")
}

/// Holds an event for a while, under its id and its order.
fn hold(transaction: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    let Incoming { site, received, event } = incoming;
    let mut keys = vec![event.event_id.clone()];
    keys.extend(event.properties.order_id.as_ref().map(|order| format!("e{}", &order[order.len() - 1..])));
    let (id, visitor) = (event.event_id.clone(), event.visitor_id.clone());
    let held = Held { site, id, received, due: UnixMs(received.0 + 7), visitor, body: event.event.clone() };
    transaction.hold(&held, &keys)?;
    Ok(Verdict::Held)
}

/// An event of a site.
pub(crate) fn incoming(site: &str, name: &str, id: &str, received: i64) -> Incoming {
    let json = format!(r#"{{"event":"{name}","event_id":"{id}","time":{received},"source":"web"}}"#);
    let event: Event = serde_json::from_str(&json).unwrap();
    Incoming { site: Arc::from(site), received: UnixMs(received), event: event.into() }
}

/// An ordinary event of the shop.
pub(crate) fn lead(id: &str) -> Incoming {
    incoming("shop", "Lead", id, 1000)
}

/// The same, by a visitor.
pub(crate) fn lead_of(visitor: &str, id: &str) -> Incoming {
    let mut lead = lead(id);
    lead.event.visitor_id = Some(visitor.to_owned());
    lead
}

/// Runs a test's future.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Polls once: what the future does before it first waits is done, and it must wait.
pub(crate) fn start<F: Future + Unpin>(future: &mut F) {
    assert!(poll_once(future).is_pending(), "the store answered where it should have waited");
}

/// Polls once.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Ids of events read.
pub(crate) fn ids(events: &[Logged]) -> Vec<&str> {
    events.iter().map(|logged| logged.event.event_id.as_str()).collect()
}

/// A folder with a database, which moves when its relay crashes.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Nothing on it yet.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The database.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data/events.db")
    }

    /// The write-ahead log.
    pub(crate) fn wal_path(&self) -> PathBuf {
        self.folder.path().join("data/events.db-wal")
    }

    /// Opens the store.
    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path(), Steps).unwrap()
    }

    /// What another machine would find if this one lost power now: the files as they are, and nothing of the
    /// process. `wal_bytes` cuts the write-ahead log, as a write that had only begun would.
    pub(crate) fn after_crash(&self, wal_bytes: Option<u64>) -> Self {
        let after = Self::empty();
        std::fs::create_dir_all(after.path().parent().unwrap()).unwrap();
        std::fs::copy(self.path(), after.path()).unwrap();
        if self.wal_path().exists() {
            std::fs::copy(self.wal_path(), after.wal_path()).unwrap();
        }
        if let Some(bytes) = wal_bytes {
            let wal = std::fs::File::options().write(true).open(after.wal_path()).unwrap();
            wal.set_len(bytes).unwrap();
        }
        after
    }

    /// Whether a text stands anywhere in the database or its side files.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let folder = self.path().parent().map(Path::to_owned).unwrap();
        std::fs::read_dir(folder).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

/// The memory of a visitor of the shop.
pub(crate) async fn visitor(store: &dyn Store, id: &str) -> Option<Visitor> {
    store.visitor("shop", id).await.unwrap()
}

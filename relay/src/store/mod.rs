//! The store: the only room that touches disk. A trait, and its engines.
//!
//! Specification, for every engine:
//!
//! 1. **Append.** [`Store::append`] runs each event through the pipeline inside one transaction and answers only
//!    when that transaction is durable (fsync). Many requests share one transaction (group commit). If it fails (disk
//!    full, a panic in the pipeline), none of its events is stored and every waiting request gets the error; the
//!    engine goes on with the next. Only where the disk does not confirm what was written ([`StoreError::Broken`]) does
//!    it take nothing more, and hand nothing out for delivery, until it is opened anew. After a pipeline has failed, an
//!    engine that groups requests keeps them apart, so that a request that keeps failing (a damaged row) soon fails
//!    alone.
//! 2. **Order.** Stored events form a log. Each has a sequence number that grows and is never given twice, not
//!    even when the newest events have been pruned.
//! 3. **Cursor.** A destination's cursor is the number up to which every event is settled there: delivered,
//!    skipped, kept for retry or dead. It moves only together with the outcomes it stands for
//!    ([`Store::settle`]), in one transaction, never backwards and never past the log's last number. A crash
//!    before that leads to a second delivery under the same event id, never to a loss. What is older than a destination's
//!    first cursor was never given to it, until it is put in hand by an operator ([`Store::requeue`]).
//! 4. **Exceptions only.** A delivered or skipped event leaves no row per destination; a retry or a dead event does.
//!    So does a request whose platform says only later what became of it: a receipt, until it is answered. It names
//!    events by number and keeps none of them from being pruned or erased.
//! 5. **Memory.** Visitors, identities, dedup keys and notes are written in the same transaction as the event that
//!    brought them.
//! 6. **Forgetting.** [`Store::prune`] drops what is older than its limit, but never an event that a listed
//!    destination has still to read or to retry; a listed destination that never asked for its cursor has still to
//!    read everything. [`Store::erase`] removes a person everywhere, their notes and held events included. Both work in slices, each a transaction of
//!    its own, so that they never hold up appends; when one is interrupted, repeating it completes it.
//! 7. **Gaps.** A pruned or erased event is absent: [`Store::read`] and [`Store::due`] pass over it, and settling
//!    it leaves no row. Numbers read may therefore have gaps. If a read after `n` that began when the head was `h`
//!    comes back empty, everything up to `h` is absent and the cursor may move there.
//! 8. **Held events.** An event that the pipeline holds is durable like any other but not in the log: it has no number,
//!    and no destination sees it. [`Store::release`] takes what is due out of the hold and gives it to the pipeline, both in
//!    one transaction, so that after a crash it is either still held or in the log. Only a release moves time. What waits longer than
//!    anything may, because the clock was ahead when it was put down, is due ([`due::is_due`]).
//! 9. **Pressure.** What waits to be written is bounded. Beyond that, [`Store::append`] and [`Store::ping`] answer
//!    [`StoreError::Busy`] at once; everything else waits its turn. Reads never wait for writes nor writes for reads.
//! 10. **Damage.** When the engine finds what it has stored damaged, everything answers [`StoreError::Damaged`] from then on.
//! 11. **A fault of its own.** A panic in the pipeline or a query is its caller's error. One in an engine's own work ends that work:
//!     from then on everything that writes or hands out answers [`StoreError::Ended`], and [`Store::ended`] tells whoever runs it.

mod draft;
pub mod due;
mod error;
pub mod memory;
pub(crate) mod order_note;
mod person;
mod settlement;
pub mod sqlite;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use shared::visitor::Visitor;
use shared::{Event, UnixMs};

pub use self::draft::Draft;
pub use self::error::StoreError;
pub use self::person::{Erased, Person};
pub use self::settlement::{Dead, Receipt, Retry, Settlement, Standing};
use crate::secret::Secret;

/// A future of a store call.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A sequence number of the log. The first event has 1; a fresh cursor stands at 0.
pub type Seq = i64;

/// An event on its way in, as `collect` hands it over.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The site it belongs to.
    pub site: Arc<str>,
    /// When it arrived.
    pub received: UnixMs,
    /// The event, user data hashed.
    pub event: Draft,
}

/// What the pipeline decided about one incoming event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// New: in the log under this number.
    Stored(Seq),
    /// New: kept until it is released, because more may be learned of it.
    Held,
    /// Known already; nothing was appended.
    Duplicate,
    /// Known already under another value, which stands; nothing was appended.
    Contradiction,
}

/// The steps attribute, enrich and deduplicate, joined; run by the engine inside its transaction.
pub trait Pipeline: Send + Sync + 'static {
    /// What becomes of an event that arrives.
    fn decide(&self, tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError>;
    /// What becomes of one that was held, now that it is due. It is no longer held when this is asked.
    fn release(&self, tx: &mut dyn Transaction, held: Held) -> Result<Verdict, StoreError>;
}

/// A plain function is a pipeline that holds nothing.
impl<F> Pipeline for F
where
    F: Fn(&mut dyn Transaction, Incoming) -> Result<Verdict, StoreError> + Send + Sync + 'static,
{
    fn decide(&self, tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
        self(tx, incoming)
    }

    fn release(&self, _: &mut dyn Transaction, _: Held) -> Result<Verdict, StoreError> {
        Err(StoreError::Corrupt { what: "held event" })
    }
}

/// An event that is held. What it looks like is the pipeline's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its site.
    pub site: Arc<str>,
    /// What it is held under; unique within the site.
    pub id: String,
    /// When it arrived.
    pub received: UnixMs,
    /// When it is to be released.
    pub due: UnixMs,
    /// Whose event it is, if that is known.
    pub visitor: Option<String>,
    /// The event as the pipeline wrote it.
    pub body: String,
}

/// What the pipeline may do inside a transaction.
pub trait Transaction {
    /// The memory of a visitor of a site.
    fn visitor(&mut self, site: &str, id: &str) -> Result<Option<Visitor>, StoreError>;
    /// Replaces it.
    fn put_visitor(&mut self, site: &str, id: &str, visitor: &Visitor) -> Result<(), StoreError>;
    /// The visitor an identity key (`em:…`, `ph:…`, `ord:…`) leads to, with how many different visitors were
    /// ever seen under it.
    fn identity(&mut self, site: &str, key: &str) -> Result<Option<Identity>, StoreError>;
    /// Ties an identity key to a visitor. A key that led elsewhere leads here from now on; a visitor never seen
    /// under it counts one more.
    fn link(&mut self, site: &str, key: &str, visitor: &str, now: UnixMs) -> Result<(), StoreError>;
    /// Claims a dedup key: true when it was free and is now taken.
    fn claim(&mut self, site: &str, key: &str, now: UnixMs) -> Result<bool, StoreError>;
    /// Whether a dedup key is taken, without taking it.
    fn claimed(&mut self, site: &str, key: &str) -> Result<bool, StoreError>;
    /// What is noted under a key.
    fn note(&mut self, site: &str, key: &str) -> Result<Option<String>, StoreError>;
    /// Notes something under a key, in place of what was there: a short text without personal data, and whose it is; one
    /// that names nobody stays its owner's. As old as a dedup key of the same moment.
    fn put_note(&mut self, site: &str, key: &str, note: Note<'_>, now: UnixMs) -> Result<(), StoreError>;
    /// The event that is held under one of its keys.
    fn held(&mut self, site: &str, key: &str) -> Result<Option<Held>, StoreError>;
    /// Holds an event, in place of one held under the same id, and lets these keys lead to it as well.
    fn hold(&mut self, held: &Held, keys: &[String]) -> Result<(), StoreError>;
    /// Holds it no longer; its keys lead nowhere.
    fn let_go(&mut self, site: &str, id: &str) -> Result<(), StoreError>;
    /// Appends to the log. Takes the event whole: what becomes of it afterwards is the engine's business.
    fn append(&mut self, incoming: Incoming) -> Result<Seq, StoreError>;
}

/// Something worth noting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Whose it is, if that is known: it goes with them.
    pub visitor: Option<&'a str>,
    /// The text.
    pub text: &'a str,
}

/// Where an identity key leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The visitor last seen under the key.
    pub visitor: String,
    /// How many different visitors were ever seen under it; many mean a shared address.
    pub visitors: u32,
}

/// An event read back from the log.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its number.
    pub seq: Seq,
    /// Its site.
    pub site: Arc<str>,
    /// When it arrived.
    pub received: UnixMs,
    /// The event.
    pub event: Arc<Event>,
}

/// An event that must be tried again at a destination.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The event.
    pub logged: Logged,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the first was made that may have reached the platform; `None` while surely none did.
    pub reached: Option<UnixMs>,
    /// Not before this.
    pub due: UnixMs,
    /// Why it failed last.
    pub reason: String,
}

/// A row of the dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub seq: Seq,
    /// The site.
    pub site: String,
    /// The event's name.
    pub event: String,
    /// The event's id.
    pub event_id: String,
    /// When it was given up.
    pub at: UnixMs,
    /// Why.
    pub reason: String,
}

/// What a destination has in hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Where its cursor stands.
    pub cursor: Seq,
    /// The log's last number; what lies between is unread.
    pub head: Seq,
    /// Events kept for another try.
    pub pending: u64,
    /// When the first of them is due.
    pub next_due: Option<UnixMs>,
    /// Events in the dead letter.
    pub dead: u64,
}

/// Limits of [`Store::prune`]: everything older is dropped.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events of the log, once settled everywhere.
    pub log_before: UnixMs,
    /// Dedup keys and notes.
    pub dedup_before: UnixMs,
    /// Visitors and identities not heard of since.
    pub visitors_before: UnixMs,
    /// Dead letters.
    pub dead_before: UnixMs,
}

/// Where everything that must survive lives. See the specification at the head of this module.
pub trait Store: Send + Sync + 'static {
    /// Runs the events through the pipeline in one transaction and answers when it is durable.
    fn append(&self, events: Vec<Incoming>) -> Answer<'_, Vec<Verdict>>;
    /// Releases up to `limit` held events due by `now`, in the order in which they are due, then by site and id, in one
    /// transaction. Answers how many there were; durable when answered.
    fn release(&self, now: UnixMs, limit: usize) -> Answer<'_, usize>;
    /// When the first held event is due.
    fn next_release(&self) -> Answer<'_, Option<UnixMs>>;
    /// Up to `limit` events after `after`, in order.
    fn read(&self, after: Seq, limit: usize) -> Answer<'_, Vec<Logged>>;
    /// The cursor of a destination; a new destination starts at the log's head when `from_start` is false.
    fn cursor(&self, destination: &str, from_start: bool) -> Answer<'_, Seq>;
    /// Up to `limit` pending events of a destination due by `now`, the longest overdue first, then by number.
    fn due(&self, destination: &str, now: UnixMs, limit: usize) -> Answer<'_, Vec<Pending>>;
    /// Records a round of a destination's worker: the cursor, then `retry`, `done`, `dead`, `receipts` and `answered`,
    /// in this order. Durable when answered.
    fn settle(&self, destination: &str, settlement: Settlement) -> Answer<'_, ()>;
    /// Puts events in hand again that were settled or given up, as if they had never been tried, due at `due`. Their
    /// dead letters go. What is absent, or still to be read, is passed over. Answers how many are in hand now.
    fn requeue(&self, destination: &str, events: Vec<Seq>, due: UnixMs) -> Answer<'_, u64>;
    /// Takes dead letters away for good. Answers how many there were.
    fn discard(&self, destination: &str, events: Vec<Seq>) -> Answer<'_, u64>;
    /// Wakes after every [`Store::requeue`]: what is in hand has changed other than by its worker.
    fn requeues(&self) -> tokio::sync::watch::Receiver<u64>;
    /// Up to `limit` receipts of a destination due by `now`, the longest overdue first, then by id.
    fn receipts(&self, destination: &str, now: UnixMs, limit: usize) -> Answer<'_, Vec<Receipt>>;
    /// What a destination has in hand.
    fn backlog(&self, destination: &str) -> Answer<'_, Backlog>;
    /// Up to `limit` dead letters of a destination, newest first, by the time they were given up, then by
    /// number.
    fn dead_letters(&self, destination: &str, limit: usize) -> Answer<'_, Vec<DeadLetter>>;
    /// How one event stands at a destination, whether or not the log still has it.
    fn standing(&self, destination: &str, seq: Seq) -> Answer<'_, Standing>;
    /// What is noted under a key.
    fn note(&self, site: &str, key: &str) -> Answer<'_, Option<String>>;
    /// Whether any of some dedup keys is taken.
    fn any_claimed(&self, site: &str, keys: Vec<String>) -> Answer<'_, bool>;
    /// Remembers one small text of a destination, in place of what was under the key. Durable when answered. The key `start` and
    /// those that begin with `given_` are the engine's own.
    fn remember(&self, destination: &str, key: &'static str, value: Secret) -> Answer<'_, ()>;
    /// What is remembered under a key.
    fn recall(&self, destination: &str, key: &'static str) -> Answer<'_, Option<Secret>>;
    /// The memory of a visitor.
    fn visitor(&self, site: &str, id: &str) -> Answer<'_, Option<Visitor>>;
    /// Removes a person: the visitors' memories, the identities that lead to them, their notes and held events, and the
    /// events of the log, which are blanked but keep their number, with their pending rows and dead letters. Of orders that those
    /// events reported the notes and the refunds go as well, whoever's they are, and also those that named only a payment of them.
    /// Of an identity that leads elsewhere by now, only their place among its visitors goes. Dedup keys stay until pruned: they
    /// name events, not people, and an erased event must not count a second time.
    fn erase(&self, site: &str, person: Person) -> Answer<'_, Erased>;
    /// Drops what is older than `retention`, sparing what `destinations` still have to read or retry.
    /// Cursors, pending rows and what else is remembered of other destinations are dropped; their dead letters stay
    /// until they are old. Answers how many events of the log went.
    fn prune(&self, retention: Retention, destinations: &[String]) -> Answer<'_, u64>;
    /// Whether a write goes through right now; for readiness.
    fn ping(&self) -> Answer<'_, ()>;
    /// Wakes whenever the log has grown: the value is the log's last number, and what it names can be read.
    fn watch(&self) -> tokio::sync::watch::Receiver<Seq>;
    /// Answers only once a fault of the engine's own has ended its work, with [`StoreError::Ended`]. An engine without threads has
    /// none to lose.
    fn ended(&self) -> Pin<Box<dyn Future<Output = StoreError> + Send + '_>> {
        Box::pin(std::future::pending())
    }
    /// Waits for everything that was accepted to be durable, then closes. Later calls answer [`StoreError::Closed`].
    fn close(&self) -> Answer<'_, ()>;
}

/// The reason of an event that was put in hand again.
const REQUEUED: &str = "put in hand again by the operator";

/// Counts by destination, for metrics.
pub type Backlogs = HashMap<String, Backlog>;

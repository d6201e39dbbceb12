//! What became of events at a destination, as its worker tells the store. What was delivered is told by the cursor alone.

use shared::UnixMs;

use super::Seq;

/// What one round of a destination's worker settles, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// The new cursor, if it moves. Never backwards.
    pub cursor: Option<Seq>,
    /// Events to keep for another try, new or again.
    pub retry: Vec<Retry>,
    /// Pending events that are done (delivered or skipped).
    pub done: Vec<Seq>,
    /// Events that will never be delivered. Ends a pending event, too.
    pub dead: Vec<Dead>,
    /// Requests that were taken and whose result is asked for later, new or again.
    pub receipts: Vec<Receipt>,
    /// Ids of receipts that have had their answer.
    pub answered: Vec<String>,
}

/// A request that was taken, and whose platform says only later what became of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The platform's id of the request.
    pub id: String,
    /// When to ask next.
    pub due: UnixMs,
    /// When the request was taken.
    pub taken: UnixMs,
    /// How often was asked.
    pub asked: u32,
    /// The most attempts that one of its events has had.
    pub attempts: u32,
    /// When the first of its events first reached the platform.
    pub reached: UnixMs,
    /// Its events.
    pub events: Vec<Seq>,
}

/// One event to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Its number.
    pub seq: Seq,
    /// Attempts made so far.
    pub attempts: u32,
    /// When the first was made that may have reached the platform; `None` while surely none did.
    pub reached: Option<UnixMs>,
    /// When to try again.
    pub due: UnixMs,
    /// Why it failed.
    pub reason: String,
}

/// One event given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Its number.
    pub seq: Seq,
    /// When it was given up.
    pub at: UnixMs,
    /// Why, in words a person understands.
    pub reason: String,
}

/// How one event of the log stands at a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is older than the destination, which was never given it.
    Before,
    /// The destination has still to read it.
    Unread,
    /// It is kept for another try, due then.
    Pending(UnixMs),
    /// It was given up, as far as its dead letter is kept.
    Dead,
    /// It was delivered, or skipped on purpose.
    Settled,
}

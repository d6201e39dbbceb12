//! Inquiries: asking later what became of a request that was taken, where a platform says so only then. Pure.
//!
//! Such a platform answers a request with a receipt and, much later, with counts by reason, never event by event. It
//! answers [`Platform::inquiries`](super::Platform::inquiries) and says here when to ask, how, and what the counts
//! mean for the events of the request as a whole. Keeping receipts, asking and acting on it is the work of
//! `distribute::inquiry`.

use std::fmt::Debug;
use std::time::Duration;

use shared::UnixMs;

use super::{Call, Request, Response};

/// How one destination learns what became of its requests.
pub trait Inquiries: Send + Sync + Debug {
    /// The receipt in the answer to a request that was taken, if there is one.
    fn receipt(&self, call: Call, response: &Response, now: UnixMs) -> Option<Receipt>;

    /// The question.
    fn request(&self, receipt: &Receipt) -> Request;

    /// What the answer means for the `events` of the request.
    fn read(&self, receipt: &Receipt, events: usize, response: &Response, now: UnixMs) -> Found;
}

/// A claim to a later answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The platform's id of the request.
    pub id: String,
    /// When the request was taken.
    pub taken: UnixMs,
    /// How often was asked.
    pub asked: u32,
    /// When to ask next.
    pub due: UnixMs,
}

/// What an answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing yet: ask again then.
    NotYet {
        /// When.
        due: UnixMs,
    },
    /// The last word.
    Final(Findings),
}

/// The last word on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Events by reason.
    pub counts: Vec<Finding>,
    /// What is to become of the request's events.
    pub fate: Fate,
}

/// Some events of a request and what the platform says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable name from a fixed list, for metrics.
    pub reason: &'static str,
    /// How many events.
    pub events: u64,
    /// What the operator should do, where there is something.
    pub advice: Option<&'static str>,
}

/// What is to become of all events of a request. Counts do not say which event is which, so what holds for some of
/// them only is counted and leaves them as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are delivered, or nothing can be done.
    Settled,
    /// All of them are to be sent once more, after this time; those the platform has it knows by their id.
    Again {
        /// Shortest wait.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// None of them was taken, and none will be.
    Refused {
        /// Why.
        reason: String,
    },
}

//! The wire between tag and relay: the envelope of `POST /v1/events` and the relay's answer.
//!
//! Owns the field names of both directions. Leaves reading with errors that name a byte or a field to the
//! relay's `collect`, and sending to the tag.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::time::UnixMs;

/// Version of the envelope this code writes.
pub const VERSION: u8 = 1;

/// What the tag sends. Borrowed, because the tag only writes it.
#[derive(Debug, Serialize)]
pub struct Envelope<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// The site's key in the relay's configuration.
    pub site: &'a str,
    /// The sender's clock when it sent, from which the relay learns how wrong that clock is.
    pub sent_at: UnixMs,
    /// One or more events, oldest first.
    pub events: &'a [Event],
}

/// What the relay answers with status 202 once everything accepted is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Events stored by this request.
    pub accepted: usize,
    /// Events that were stored before.
    pub duplicates: usize,
    /// Those of the duplicates that named another value than the first. For the relay's own counting.
    #[serde(skip)]
    pub contradictions: usize,
    /// Events refused, each with its place in the request and the reason.
    pub rejected: Vec<Rejected>,
    /// What was understood but ignored, such as a misspelt field. Absent when there is nothing to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Rejected>,
}

/// One refused event, or one warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Place in the request, from 0.
    pub index: usize,
    /// Field and reason, in words a developer can act on.
    pub reason: String,
}

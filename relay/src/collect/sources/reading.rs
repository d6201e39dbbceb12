//! What a source finds in a request, and why it finds nothing.
//!
//! No reason quotes what was sent: it may be personal data, and reasons end in answers and logs.

use shared::{UnixMs, event_id, scrub};

use super::Draft;
use super::answer::Answer;

/// What a request means.
#[derive(Debug, Default)]
pub struct Reading {
    /// The events it reports.
    pub events: Vec<Found>,
    /// Why there are none, or not all one might expect.
    pub ignored: Option<&'static str>,
    /// Whether what is ignored or noted may be a mistake in how sender and source are set up, of which the log should tell.
    pub is_odd: bool,
    /// Why there are fewer than were meant, a reason for each that could not be made out.
    pub refused: Vec<&'static str>,
    /// What an operator should know of events that are taken all the same.
    pub notes: Vec<String>,
    /// The answer this very request asks for, when it is not the usual one.
    pub answer: Option<Answer>,
}

impl Reading {
    /// One event.
    pub fn one(event: Found) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// Nothing of ours, on purpose.
    pub fn ignored(why: &'static str) -> Self {
        Self { ignored: Some(why), ..Self::default() }
    }

    /// Nothing of ours, perhaps by mistake.
    pub fn odd(why: &'static str) -> Self {
        Self { is_odd: true, ..Self::ignored(why) }
    }
}

/// An event a source reports.
#[derive(Debug)]
pub struct Found {
    /// The event.
    pub draft: Draft,
    /// Since when it may have been reported before, if not since its own time. An event from before the relay's memory of
    /// ids could be a repeat and is not counted.
    pub since: Option<UnixMs>,
}

impl Found {
    /// An event that carries an order id, from which its id follows: so a browser's copy is the same event.
    pub fn of_order(name: impl Into<String>, time: Option<UnixMs>) -> Self {
        Self { draft: Draft { event: Some(name.into()), time, ..Draft::default() }, since: None }
    }

    /// The event with its loose ends tied. Its id follows from its order id, when it has a usable one: then the copy of a
    /// page is the same event. And the currency that a source has for all its amounts is none of an event without.
    pub fn finished(mut self) -> Self {
        if self.draft.properties.value.is_none() {
            self.draft.properties.currency = None;
        }
        let Draft { event, properties, .. } = &self.draft;
        let order_id = properties.order_id.as_deref().filter(|id| !scrub::looks_like_email(id));
        if let Some(id) = event.as_deref().and_then(|name| event_id::derive(name, order_id?)) {
            self.draft.event_id = Some(id);
        }
        self
    }

    /// An event with an id of its own: the name, a dash and what it is about, as ids that follow from orders have it.
    pub fn about(name: &str, subject: &str, time: Option<UnixMs>) -> Self {
        let mut found = Self::of_order(name, time);
        found.draft.event_id = Some(format!("{name}-{subject}"));
        found
    }
}

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing to check.
    #[error("no {header} header, so nobody can tell who sent this")]
    Unsigned {
        /// Where the signature should be.
        header: &'static str,
    },
    /// It does not fit.
    #[error(
        "the signature does not fit the body and the secret; compare the source's `{key}` with what the sender shows"
    )]
    WrongSignature {
        /// The setting with the secret.
        key: &'static str,
    },
    /// The body is not of the kind that proves itself.
    #[error("the body is not {expected}")]
    Plain {
        /// What it should be, and how it comes to be that.
        expected: &'static str,
    },
    /// It fits, but was made too long ago or in the future.
    #[error("signed {seconds} s away from now; a replay, or one of the two clocks is wrong")]
    Stale {
        /// How far away.
        seconds: u64,
    },
    /// The wrong account of the right sender.
    #[error("sent by another account than the source's `{key}`")]
    Stranger {
        /// The setting that names the account.
        key: &'static str,
    },
    /// A header that lets the sender in is missing or wrong.
    #[error(
        "missing or wrong {header} header; compare what the sender is set up with and the source's `{key}`"
    )]
    WrongHeader {
        /// The header.
        header: &'static str,
        /// The setting it is held against.
        key: &'static str,
    },
    /// Sent from somewhere else.
    #[error("sent from an address that is not in the source's `allowed_ips`")]
    Elsewhere,
    /// No token, or a wrong one.
    #[error("missing or wrong token; compare the address with the source's `{key}`")]
    WrongToken {
        /// The setting with the token.
        key: &'static str,
    },
}

/// Why a genuine request is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body is not what this sender sends.
    #[error("the body is not {expected}")]
    Body {
        /// What it should be.
        expected: &'static str,
    },
    /// More than may be sent in one request.
    #[error("the body is larger than {most} bytes; raise `server.max_body_bytes`")]
    TooLarge {
        /// Limit in bytes.
        most: usize,
    },
    /// Something without which there is no event.
    #[error("{field} is missing or not usable")]
    Missing {
        /// Its path in the body, or the header's name.
        field: &'static str,
    },
    /// A form of the message that cannot be used, and what to choose instead.
    #[error("{advice}")]
    Unsupported {
        /// What to change at the sender.
        advice: &'static str,
    },
}

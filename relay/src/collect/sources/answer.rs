//! What the sender of a webhook or postback is told.
//!
//! Senders draw conclusions from an answer: they try again, give up, or switch the webhook off. So a source may choose
//! another answer than the usual one, but 2xx is only ever said once events are durable or none are wanted.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::reading::{Denied, Unreadable};
use crate::collect::reply::{self, Reply};

/// How a request ended.
#[derive(Debug)]
pub enum Settled<'a> {
    /// Its events are durable, now or since an earlier copy.
    Stored,
    /// It holds nothing of ours.
    Ignored,
    /// It is not believed.
    Denied(&'a Denied),
    /// It is not understood.
    Unreadable(&'a Unreadable),
    /// None of its events passed the checks.
    Refused,
    /// Too many at once.
    TooOften {
        /// When to come back, in seconds.
        seconds: u64,
    },
    /// The store cannot write.
    CannotStore {
        /// When to come back, in seconds.
        seconds: u64,
    },
}

/// An answer to a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Body, plain text.
    pub body: Cow<'static, str>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// A status and a text.
    pub fn new(status: StatusCode, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, body: body.into(), retry_after: None }
    }

    /// The answer that most senders want: `200 OK` for what is done or not wanted, 4xx for what will not get better by
    /// trying again, 429 and 503 for what will.
    pub fn usual(settled: &Settled<'_>) -> Self {
        match settled {
            Settled::Stored | Settled::Ignored => Self::done(),
            Settled::Denied(why) => Self::new(StatusCode::UNAUTHORIZED, why.to_string()),
            Settled::Unreadable(why @ Unreadable::TooLarge { .. }) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, why.to_string())
            }
            Settled::Unreadable(why) => Self::new(StatusCode::BAD_REQUEST, why.to_string()),
            Settled::Refused => {
                let text = "no event could be made of this; the relay's log says why";
                Self::new(StatusCode::BAD_REQUEST, text)
            }
            Settled::TooOften { seconds } => Self::later(StatusCode::TOO_MANY_REQUESTS, *seconds),
            Settled::CannotStore { seconds } => Self::later(StatusCode::SERVICE_UNAVAILABLE, *seconds),
        }
    }

    /// For senders that switch a webhook off after failures: as [`Answer::usual`], but what trying again does not mend
    /// is answered 200. The relay's log and metrics still say it.
    pub fn forgiving(settled: &Settled<'_>) -> Self {
        match settled {
            Settled::Unreadable(_) | Settled::Refused => Self::done(),
            Settled::Stored
            | Settled::Ignored
            | Settled::Denied(_)
            | Settled::TooOften { .. }
            | Settled::CannotStore { .. } => Self::usual(settled),
        }
    }

    /// `200 OK`, which is also all that some senders understand.
    pub fn done() -> Self {
        Self::new(StatusCode::OK, "OK")
    }

    /// Come back later.
    pub fn later(status: StatusCode, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(status, format!("try again in {seconds} s")) }
    }

    /// As an HTTP answer.
    pub fn reply(self) -> Reply {
        let mut reply = reply::text(self.status, Bytes::from(self.body.into_owned()));
        if let Some(seconds) = self.retry_after {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        reply
    }
}

impl Settled<'_> {
    /// A stable short name, for metrics and `source-test`.
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Ignored => "ignored",
            Self::Denied(_) => "denied",
            Self::Unreadable(_) => "unreadable",
            Self::Refused => "refused",
            Self::TooOften { .. } => "too_often",
            Self::CannotStore { .. } => "cannot_store",
        }
    }
}

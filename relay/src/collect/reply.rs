//! Answers: one JSON shape for every refusal, the receipt for everything accepted.
//!
//! A refusal says what happened and what to do next; it never repeats what was sent, which may be personal data.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use shared::wire::Receipt;

use crate::store::StoreError;

/// An HTTP answer of ours.
pub type Reply = Response<Full<Bytes>>;

/// Why a request is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body is not JSON, or not the envelope.
    #[error("malformed JSON at byte {byte} (line {line}, column {column}): {problem}")]
    Malformed {
        /// Place in the body, from 0.
        byte: usize,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader met.
        problem: String,
    },
    /// The body is not UTF-8.
    #[error("the body is not UTF-8: the first bad byte is at {byte}")]
    NotUtf8 {
        /// Place in the body, from 0.
        byte: usize,
    },
    /// A field of the envelope is wrong.
    #[error("{field}: {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What was wrong.
        problem: String,
    },
    /// More events than one request may hold.
    #[error("{events} events in one request; send at most {most}")]
    TooMany {
        /// How many there were.
        events: usize,
        /// How many there may be.
        most: usize,
    },
    /// The body is larger than allowed.
    #[error("the body is larger than {most} bytes; split the batch")]
    TooLarge {
        /// Limit in bytes.
        most: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {ms} ms")]
    TooSlow {
        /// Limit in milliseconds.
        ms: u64,
    },
    /// The sender broke off.
    #[error("the body broke off before its end")]
    BrokenOff,
    /// No such site.
    #[error("unknown site; check data-site on the page against [[site]] key in the relay's configuration")]
    UnknownSite,
    /// The page's origin is not allowed.
    #[error("this origin is not allowed for the site; add it to `origins` in the relay's configuration")]
    WrongOrigin,
    /// The site asks for a token that the page did not show.
    #[error(
        "no good token of the site ({shown}); its server signs one into data-site, see docs/site-token.md"
    )]
    NoToken {
        /// What the page showed.
        shown: &'static str,
    },
    /// The page showed a token of the site that is over.
    #[error(
        "the page's token is over; keep the events for a page of the site with a newer one, see docs/site-token.md"
    )]
    TokenOver,
    /// No key, or a wrong one.
    #[error("missing or wrong API key; send `Authorization: Bearer <key>` with a key of the site")]
    WrongKey,
    /// Compressed bodies are not read.
    #[error("Content-Encoding is not supported; send the body uncompressed")]
    Encoded,
    /// No such address.
    #[error("no such address; see the relay's documentation for its routes")]
    NotFound,
    /// No such site, in the address of its module.
    #[error(
        "no such site here; check data-site on the page against [[site]] key in the relay's configuration"
    )]
    UnknownSiteFile,
    /// No such source.
    #[error("no such source here; check the address against [[source]] name in the relay's configuration")]
    UnknownSource,
    /// The address exists, the method does not.
    #[error("method not allowed here; use {allowed}")]
    WrongMethod {
        /// Methods that are.
        allowed: &'static str,
    },
    /// Too many events.
    #[error("too many events; try again in {seconds} s")]
    TooOften {
        /// When to come back.
        seconds: u64,
    },
    /// The store cannot write.
    #[error("events cannot be stored right now; try again in {seconds} s")]
    CannotStore {
        /// When to come back.
        seconds: u64,
    },
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } | Self::NotUtf8 { .. } | Self::Field { .. } | Self::TooMany { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::UnknownSite | Self::WrongOrigin | Self::NoToken { .. } => StatusCode::FORBIDDEN,
            // The tag keeps what is answered so, and drops what is forbidden.
            Self::WrongKey | Self::TokenOver => StatusCode::UNAUTHORIZED,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotFound | Self::UnknownSource | Self::UnknownSiteFile => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::CannotStore { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer.
    pub fn reply(&self) -> Reply {
        #[derive(Serialize)]
        struct Shape {
            error: String,
        }
        let mut reply = json(self.status(), &Shape { error: self.to_string() });
        let headers = reply.headers_mut();
        match self {
            Self::TooOften { seconds } | Self::CannotStore { seconds } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::WrongMethod { allowed } => {
                headers.insert(http::header::ALLOW, HeaderValue::from_static(allowed));
            }
            // The rest of the body was not read, so the connection cannot be used again.
            Self::TooLarge { .. } | Self::TooSlow { .. } | Self::BrokenOff => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Malformed { .. }
            | Self::NotUtf8 { .. }
            | Self::Field { .. }
            | Self::TooMany { .. }
            | Self::UnknownSite
            | Self::WrongOrigin
            | Self::NoToken { .. }
            | Self::TokenOver
            | Self::WrongKey
            | Self::Encoded
            | Self::NotFound
            | Self::UnknownSiteFile
            | Self::UnknownSource => {}
        }
        reply
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        // Behind means soon; a disk that refuses takes an operator.
        let seconds = match error {
            StoreError::Busy => 1,
            StoreError::Closed | StoreError::Ended { .. } => 5,
            StoreError::Engine { .. }
            | StoreError::Damaged { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Broken { .. } => 30,
        };
        Self::CannotStore { seconds }
    }
}

/// The answer for stored events: 202.
pub fn accepted(receipt: &Receipt) -> Reply {
    json(StatusCode::ACCEPTED, receipt)
}

/// A JSON answer that nobody caches.
pub fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    // Our own plain structures always serialise.
    let body = serde_json::to_vec(body).unwrap_or_default();
    typed(status, "application/json", Bytes::from(body))
}

/// A plain text answer that nobody caches.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    typed(status, "text/plain; charset=utf-8", body.into())
}

/// An answer of some type that nobody caches.
pub fn typed(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

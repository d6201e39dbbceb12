//! A request as data: what would be sent, with secrets that do not print, and the answer it got.

use std::time::Duration;

use crate::secret::{MASK, Secret};

/// One HTTP request, described. The address holds no secret unless the platform leaves no choice.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Full address.
    pub url: url::Url,
    /// Headers besides `Host` and `Content-Length`.
    pub headers: Vec<Header>,
    /// Body.
    pub body: Body,
    /// Whether the address must not lie in a private network.
    pub public_only: bool,
}

/// One header.
#[derive(Clone, Debug)]
pub struct Header {
    /// Name in lower case.
    pub name: &'static str,
    /// Value.
    pub value: Value,
}

/// A header's value: plain, or with a secret after a plain prefix (`Bearer `).
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing to hide.
    Plain(String),
    /// A prefix and a secret.
    Secret(&'static str, Secret),
}

impl Value {
    /// The text that goes on the wire.
    pub fn expose(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Secret(prefix, secret) => format!("{prefix}{}", secret.expose()),
        }
    }

    /// The text that may be shown.
    pub fn masked(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Secret(prefix, _) => format!("{prefix}{MASK}"),
        }
    }
}

/// A request's body.
#[derive(Clone, Debug)]
pub enum Body {
    /// None at all.
    Empty,
    /// JSON text.
    Json(String),
    /// A form, already encoded.
    Form(String),
}

/// What came back, or did not.
#[derive(Clone, Debug)]
pub enum Response {
    /// An answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, resolved to a span.
        retry_after: Option<Duration>,
        /// Other headers, names in lower case.
        headers: Vec<(String, String)>,
        /// Body, cut at the client's limit.
        body: Vec<u8>,
    },
    /// No connection came about: nothing was sent.
    NotSent(String),
    /// The request may have arrived, the answer did not (timeout, reset, cut short): ambiguous.
    NoAnswer(String),
}

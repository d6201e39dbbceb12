//! One request as the sandbox got it, one reply as a platform gives it, and the record kept of both.
//!
//! Owns the shapes that players, troubles and the control API share. Leaves judging to the players.

use bytes::Bytes;
use serde_json::{Value, json};
use shared::UnixMs;

/// A request, read whole.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// Place among all requests of the sandbox, from 1.
    pub number: u64,
    /// When its last byte was read.
    pub at: UnixMs,
    /// `GET`, `POST` …
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark, still encoded.
    pub query: Option<String>,
    /// Headers in order, names in lower case. Values that are not text are kept with replacement characters.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Arrived {
    /// The first header of that name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a query parameter, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// The body as JSON, when it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A reply in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: String,
}

impl Reply {
    /// A reply in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An event a platform took: how the platform tells it from others, and how we do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What the platform deduplicates by.
    pub key: String,
    /// The event's name, as the platform was told.
    pub name: String,
    /// The event's id.
    pub id: String,
}

/// What a platform made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took every event.
    Took {
        /// What it says.
        reply: Reply,
        /// The events, before deduplication.
        events: Vec<Taken>,
    },
    /// It took nothing.
    Refused {
        /// What it says.
        reply: Reply,
        /// Field and rule, for whoever looks at the sandbox; never a value.
        reason: String,
    },
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Accepted {
        /// Events that count.
        counted: usize,
        /// Events the platform had already.
        duplicates: usize,
    },
    /// Not taken, by the platform's own rules.
    Refused {
        /// Field and rule.
        reason: String,
    },
    /// Disturbed, as ordered.
    Disturbed {
        /// The trouble's name.
        mode: &'static str,
        /// Events that count all the same, because only the answer was spoilt.
        counted: usize,
        /// Events the platform had already.
        duplicates: usize,
    },
    /// No platform has this address.
    Unknown,
}

impl Verdict {
    fn to_json(&self) -> Value {
        match self {
            Self::Accepted { counted, duplicates } => {
                json!({ "verdict": "accepted", "counted": counted, "duplicates": duplicates })
            }
            Self::Refused { reason } => json!({ "verdict": "refused", "reason": reason }),
            Self::Disturbed { mode, counted, duplicates } => {
                json!({ "verdict": "disturbed", "mode": mode, "counted": counted, "duplicates": duplicates })
            }
            Self::Unknown => json!({ "verdict": "unknown address" }),
        }
    }
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The request.
    pub request: Arrived,
    /// The platform that answered, if any.
    pub platform: Option<&'static str>,
    /// What became of it.
    pub verdict: Verdict,
}

impl Recorded {
    /// For the control API and for people: the body as JSON where it is JSON, as text where it is not.
    pub fn to_json(&self) -> Value {
        let Arrived { number, at, method, path, query, headers, body } = &self.request;
        let body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        json!({
            "number": number, "at_ms": at.0, "platform": self.platform, "method": method, "path": path,
            "query": query, "headers": headers, "body": body, "outcome": self.verdict.to_json(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_gives_its_parts() {
        let request = Arrived {
            query: Some("a=1&access_token=t%2F1".to_owned()),
            headers: vec![("authorization".to_owned(), "bearer abc".to_owned())],
            body: Bytes::from_static(b"{\"x\":1}"),
            ..Arrived::default()
        };
        assert_eq!(request.query_value("access_token").as_deref(), Some("t/1"));
        assert_eq!(request.query_value("b"), None);
        assert_eq!(request.bearer(), Some("abc"));
        assert_eq!(request.header("cookie"), None);
        assert_eq!(request.json(), Some(json!({ "x": 1 })));
    }

    #[test]
    fn a_record_shows_a_body_that_is_not_json_as_text() {
        let request = Arrived { body: Bytes::from_static(b"a=\xff"), ..Arrived::default() };
        let shown = Recorded { request, platform: None, verdict: Verdict::Unknown }.to_json();
        assert_eq!(shown["body"], "a=\u{fffd}");
        assert_eq!(shown["outcome"]["verdict"], "unknown address");
    }
}

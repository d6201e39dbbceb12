//! A recorded request: HTTP as text, read back and shown as what it would become. For `source-test` and for the recorded
//! requests of the tests.
//!
//! Owns reading the text and the shape of what is shown. Goes the way of `serve` ([`take`](super::take)); nothing is stored.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use shared::UnixMs;
use shared::event::Source as Channel;

use super::take::{Proof, Taken, take};
use super::{Door, Inbound};
use crate::config::{Config, Source};
use crate::enrich;

/// A request out of a file.
pub struct Recorded {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why a text is no recorded request.
#[derive(Debug, thiserror::Error)]
pub enum NotRecorded {
    /// The first line.
    #[error("the first line is no request line; expected one such as `POST /v1/webhook/shop HTTP/1.1`")]
    RequestLine,
    /// A header.
    #[error("line {line} is no header; expected `Name: value`, and an empty line before the body")]
    Header {
        /// Which line, from 1.
        line: usize,
    },
    /// The source does not take this method.
    #[error("this source does not take the method of the request; it takes {allowed}")]
    Method {
        /// What it takes.
        allowed: &'static str,
    },
}

impl Recorded {
    /// Reads a request line, headers, an empty line and a body. Lines may end as in HTTP or as in a text file. With a
    /// `Content-Length` the body ends there, so that a line end an editor added does not spoil the signature.
    pub fn read(bytes: &[u8]) -> Result<Self, NotRecorded> {
        let (head, mut body) = split(bytes);
        let head = std::str::from_utf8(head).map_err(|_| NotRecorded::RequestLine)?;
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split_ascii_whitespace();
        let method = words.next().and_then(|word| Method::from_bytes(word.as_bytes()).ok());
        let (Some(method), Some(target)) = (method, words.next()) else {
            return Err(NotRecorded::RequestLine);
        };
        let mut headers = HeaderMap::new();
        for (place, line) in lines.enumerate() {
            let wrong = || NotRecorded::Header { line: place + 2 };
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
            headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?);
        }
        let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        body = length.and_then(|length: usize| body.get(..length)).unwrap_or(body);
        Ok(Self { method, target: path(target).to_owned(), headers, body: body.to_vec() })
    }

    /// What the source makes of it, and whether that is what a sender would hope for.
    pub fn show(
        &self,
        config: &Config,
        source: &Source,
        proof: Proof,
        now: UnixMs,
    ) -> Result<(Value, bool), NotRecorded> {
        let door: Door = source.door;
        if !door.takes(&self.method) {
            return Err(NotRecorded::Method { allowed: door.methods() });
        }
        let site = config.sites.iter().find(|site| site.key == source.site);
        let country = site.and_then(|site| site.country.as_deref());
        let origin = config.server.public_url.origin().ascii_serialization();
        let request = Inbound {
            source: &source.name,
            client: None,
            method: &self.method,
            origin: &origin,
            target: &self.target,
            headers: &self.headers,
            body: &self.body,
            now,
        };
        let taken = take(source, country, &request, proof);
        let settled = match &taken {
            Ok(taken) => taken.settled(),
            Err(why) => why.settled(),
        };
        let (why, taken) = match &taken {
            Ok(taken) => (None, taken),
            Err(why) => (Some(why.to_string()), &Taken::default()),
        };
        let nameless: Vec<String> = taken.events.iter().filter_map(names_nobody).collect();
        let answer = taken.answer.clone().unwrap_or_else(|| source.source.answer(&settled));
        let shown = json!({
            "source": source.name,
            "kind": source.kind_name,
            "site": &*source.site,
            "result": settled.tag(),
            "reason": why.as_deref().or(taken.ignored),
            "events": taken.events.iter().map(event).collect::<Vec<_>>(),
            "refused": taken.refused,
            "warnings": taken.notes.iter().chain(&taken.warnings).chain(&nameless).collect::<Vec<_>>(),
            "answer": { "status": answer.status.as_u16(), "body": answer.body },
        });
        Ok((shown, why.is_none() && taken.refused.is_empty()))
    }
}

/// An event as the log would hold it, but for what the visitor's memory adds.
fn event(event: &shared::Event) -> Value {
    let mut event = event.clone();
    enrich::minimise(&mut event);
    // Our own plain structures always serialise.
    serde_json::to_value(event).unwrap_or_default()
}

/// What is to be said of a CRM's event that names nobody: such webhooks tell of a record's number, and of the person nothing.
fn names_nobody(event: &shared::Event) -> Option<String> {
    let shared::Event { visitor_id, click_ids, cookies, user, properties, tokens, .. } = event;
    let is_named = visitor_id.is_some() || !user.is_empty() || properties.order_id.is_some();
    if event.source != Channel::Crm || is_named || !click_ids.is_empty() || !cookies.is_empty() {
        return None;
    }
    let known_by: Vec<&str> = tokens.keys().map(String::as_str).collect();
    let way = match known_by.is_empty() {
        true => "no platform can match it".to_owned(),
        false => {
            let known_by = known_by.join(" or ");
            format!("it is matched only if another event named its {known_by} together with the visitor")
        }
    };
    Some(format!("{}: nothing in the request says who it is about; {way}", event.event))
}

/// What stands before the first empty line, and what after it.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        if let Some(body) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
            return (bytes.get(..at).unwrap_or_default(), body);
        }
    }
    (bytes, b"")
}

/// The path and query of a target that may be a whole address.
fn path(target: &str) -> &str {
    let Some((_, after)) = target.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else {
        return target;
    };
    after.find('/').and_then(|at| after.get(at..)).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_either_line_end() {
        for end in ["\n", "\r\n"] {
            let text =
                ["POST https://t.shop.example/v1/webhook/shop?a=1 HTTP/1.1", "X-A: b:c", "", "{\"a\":\n1}\n"]
                    .join(end);
            let read = Recorded::read(text.as_bytes()).expect("a request");
            assert_eq!((read.method.as_str(), read.target.as_str()), ("POST", "/v1/webhook/shop?a=1"));
            assert_eq!(read.headers["x-a"], "b:c");
            assert_eq!(read.body, b"{\"a\":\n1}\n");
        }
        let bare = Recorded::read(b"GET /v1/postback/x?a=b").expect("a request");
        assert_eq!((bare.target.as_str(), bare.body.len()), ("/v1/postback/x?a=b", 0));
    }

    #[test]
    fn the_length_of_a_body_holds_when_it_is_given() {
        let body = |length: &str| {
            let text = format!("POST /x HTTP/1.1\ncontent-length: {length}\n\nab\n");
            Recorded::read(text.as_bytes()).expect("a request").body
        };
        assert_eq!(body("2"), b"ab");
        // A wrong one says nothing.
        assert_eq!(body("9"), b"ab\n");
        assert_eq!(body("x"), b"ab\n");
    }

    #[test]
    fn what_is_no_request_is_named() {
        let check = |text: &[u8], expected: &str| {
            let error = Recorded::read(text).err().expect("no request").to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(b"", "the first line");
        check(b"{\"a\":1}", "the first line");
        check(b"\xff\xff", "the first line");
        check(b"POST /x\nno header\n\n", "line 2 is no header");
        check(b"POST /x\na: b\nn\xc3\xa4: b\n\n", "line 3 is no header");
    }
}

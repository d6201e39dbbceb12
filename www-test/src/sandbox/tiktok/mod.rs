//! TikTok's Events API 2.0: `POST /open_api/v1.3/event/track/`. Where the real one says "OK" and forgets (a field it does
//! not know, a misspelt name, nobody to match, an event older than any window), this one refuses, so that it shows.
//!
//! Facts: business-api.tiktok.com/portal/docs (parameters, setup-guide-for-web, event-deduplication,
//! responses-and-errors, versioning; all v1.3), read through a transcription of September 2026. Every answer has a `code`;
//! errors come with status 200 as well, throttling with 401. A batch is atomic in practice. Owns the envelope, the
//! credentials and the replies; leaves the event to `event`.

mod event;

use serde_json::{Value, json};
use shared::UnixMs;
use shared::time::HOUR_MS;

use super::exchange::{Answer, Arrived, Reply, Taken};
use super::fields::{Fault, Shape, check_fields, fault};
use super::player::{Complaint, Player};

/// Name in the relay's configuration.
pub const NAME: &str = "tiktok";
/// Most events in one request.
const BATCH: usize = 1000;
/// An event name and id of one data source count once in 48 hours.
const WINDOW_MS: i64 = 48 * HOUR_MS;
/// The only version in use on 2026-11-23; v1.2 ended on 2023-08-15.
const VERSION: &str = "v1.3";

/// The body of a request.
const ENVELOPE: &[(&str, Shape)] = &[
    ("event_source", Shape::OneOf(&["web", "app", "offline", "crm"])),
    ("event_source_id", Shape::Text),
    ("data", Shape::List),
    ("test_event_code", Shape::Text),
    ("partner_name", Shape::Text),
];

const INVALID: u32 = 40_002;
const NO_PERMISSION: u32 = 40_001;
const THROTTLED: u32 = 40_100;
const TOKEN_EMPTY: u32 = 40_104;
const TOKEN_INVALID: u32 = 40_105;
const SYSTEM: u32 = 50_000;
const SERVICE: u32 = 50_002;

/// TikTok, knowing the tokens it gave out.
#[derive(Debug)]
pub struct TikTok {
    tokens: Vec<String>,
}

impl TikTok {
    /// TikTok that accepts these tokens; with none given, every token.
    pub fn new(tokens: Vec<String>) -> Self {
        Self { tokens }
    }

    /// The header `Access-Token` and no other place.
    fn check_token(&self, request: &Arrived) -> Result<(), Error> {
        match request.header("access-token").unwrap_or_default() {
            "" => Err(Error::coded(TOKEN_EMPTY, "Access-Token: missing or empty")),
            token if self.tokens.is_empty() || self.tokens.iter().any(|known| known == token) => Ok(()),
            _ => Err(Error::coded(TOKEN_INVALID, "Access-Token: unknown or revoked")),
        }
    }

    fn take(&self, request: &Arrived, now: UnixMs) -> Result<Vec<Taken>, Error> {
        if request.method != "POST" || version(&request.path) != Some(VERSION) {
            let error = Error::coded(INVALID, "method or version: not in use");
            return Err(Error { status: 404, ..error });
        }
        self.check_token(request)?;
        let kind = request.header("content-type").unwrap_or_default();
        let body = request.json().filter(Value::is_object).filter(|_| kind.starts_with("application/json"));
        let body = body.ok_or_else(|| fault("body", "must be a JSON object sent as application/json"))?;
        let source = check_envelope(&body)?;
        if !source.is_known() {
            return Err(Error::coded(NO_PERMISSION, "event_source_id: no such pixel or event set"));
        }
        Ok(events(&body, source, now)?)
    }
}

/// The version in an address of this API; `None` for any other address. The slash at the end belongs to it.
fn version(path: &str) -> Option<&str> {
    let version = path.strip_prefix("/open_api/")?.strip_suffix("/event/track/")?;
    let number = version.strip_prefix('v')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some(version)
}

/// Where events are to go: the kind of data source and its id.
#[derive(Clone, Copy, Debug)]
struct DataSource<'a> {
    kind: &'a str,
    id: &'a str,
}

impl DataSource<'_> {
    /// A pixel's code is 20 capitals and digits; the id of an app or event set is a number.
    fn is_known(self) -> bool {
        let capital = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        match self.kind {
            "web" => self.id.len() == 20 && self.id.bytes().all(capital),
            _ => self.id.bytes().all(|b| b.is_ascii_digit()),
        }
    }
}

fn check_envelope(body: &Value) -> Result<DataSource<'_>, Fault> {
    check_fields("", body, ENVELOPE, true)?;
    let text = |name| body[name].as_str().ok_or_else(|| fault(name, "missing"));
    Ok(DataSource { kind: text("event_source")?, id: text("event_source_id")? })
}

/// Checks every event: all or nothing.
fn events(body: &Value, source: DataSource<'_>, now: UnixMs) -> Result<Vec<Taken>, Fault> {
    let data = body["data"].as_array().ok_or_else(|| fault("data", "missing"))?;
    if data.is_empty() || data.len() > BATCH {
        return Err(fault("data", "must hold 1 to 1000 events"));
    }
    data.iter().enumerate().map(|(index, event)| taken(event, index, source, now)).collect()
}

fn taken(event: &Value, index: usize, source: DataSource<'_>, now: UnixMs) -> Result<Taken, Fault> {
    event::check(&format!("data[{index}]"), event, source.kind, now)?;
    let name = event["event"].as_str().unwrap_or_default().to_owned();
    // An event without an id is one of its kind: it never counts as a repeat.
    let id = event["event_id"].as_str().map_or_else(|| format!("no id, {}.{index}", now.0), str::to_owned);
    Ok(Taken { key: format!("{}\0{name}\0{id}", source.id), name, id })
}

impl Player for TikTok {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        version(&request.path).is_some()
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        match self.take(request, now) {
            Ok(events) => Answer::Took { reply: say(200, 0, "OK", request), events },
            Err(error) => Answer::Refused { reply: error.reply(request), reason: error.detail },
        }
    }

    fn complain(&self, complaint: Complaint, request: &Arrived) -> Reply {
        let code = match complaint {
            Complaint::TooManyRequests { retry_after_s } => {
                let reply = Error::coded(THROTTLED, "too many calls").reply(request);
                return reply.with("retry-after", retry_after_s.to_string());
            }
            Complaint::ServerError { status } => {
                return Error { status, ..Error::coded(SYSTEM, "out of order") }.reply(request);
            }
            Complaint::Throttled => THROTTLED,
            Complaint::Transient => SERVICE,
            Complaint::TokenExpired => TOKEN_INVALID,
            Complaint::Poisoned { code } => code,
        };
        Error::coded(code, "as ordered").reply(request)
    }

    fn dedup_window_ms(&self) -> i64 {
        WINDOW_MS
    }
}

/// A refusal.
struct Error {
    status: u16,
    code: u32,
    detail: String,
}

impl Error {
    /// With the status such a code was seen with.
    fn coded(code: u32, detail: impl Into<String>) -> Self {
        let status = match code {
            THROTTLED | TOKEN_EMPTY | TOKEN_INVALID => 401,
            _ => 200,
        };
        Self { status, code, detail: detail.into() }
    }

    fn reply(&self, request: &Arrived) -> Reply {
        say(self.status, self.code, message(self.code), request)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::coded(INVALID, fault.to_string())
    }
}

fn message(code: u32) -> &'static str {
    match code {
        20_001 => "Partial success",
        NO_PERMISSION => "No permission to operate this event source",
        INVALID => "Invalid parameter",
        THROTTLED => "Too many requests. Please retry in some seconds.",
        TOKEN_EMPTY => "Access token is empty",
        TOKEN_INVALID => "Access token is incorrect or has been revoked",
        _ => "System error",
    }
}

fn say(status: u16, code: u32, message: &str, request: &Arrived) -> Reply {
    // A time and a run of digits, as TikTok's look, derived from the request's number.
    let request_id = format!("20261123120000{:020}", request.number);
    Reply::json(status, &json!({ "code": code, "message": message, "request_id": request_id, "data": {} }))
}

#[cfg(test)]
mod tests;

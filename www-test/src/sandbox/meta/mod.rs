//! Meta's Conversions API: `POST /{version}/{pixel}/events`, as strict as the real one and no stricter.
//!
//! Facts: developers.facebook.com/documentation/ads-commerce/conversions-api (using-the-api, parameters,
//! deduplicate-pixel-and-server-events) and developers.facebook.com/docs/graph-api/guides/error-handling, read
//! through mirrors of January to September 2026. A batch is atomic: one bad event refuses all. Owns the envelope and
//! the replies; leaves the event to `event` and the person in it to `person`.

mod event;
mod formats;
mod person;

use serde_json::{Value, json};
use shared::UnixMs;
use shared::time::HOUR_MS;

use self::formats::PARTNER_AGENT;
use super::exchange::{Answer, Arrived, Reply, Taken};
use super::fields::{Fault, Shape, check_fields, fault};
use super::player::{Complaint, Player};

/// Name in the relay's configuration.
pub const NAME: &str = "meta";
/// Most events in one request.
const BATCH: usize = 1000;
/// An event name and id count once in 48 hours.
const WINDOW_MS: i64 = 48 * HOUR_MS;
/// Versions in use on 2026-11-23, by the changelog of the Graph API; v20.0 expired on 2026-09-24.
const VERSIONS: [&str; 6] = ["v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0"];

/// Fields beside `data`.
const ENVELOPE: &[(&str, Shape)] = &[
    ("data", Shape::List),
    ("access_token", Shape::Text),
    ("appsecret_proof", Shape::Text),
    ("test_event_code", Shape::Text),
    ("partner_agent", PARTNER_AGENT),
    ("namespace_id", Shape::Text),
    ("upload_id", Shape::Text),
    ("upload_tag", Shape::Text),
    ("upload_source", Shape::Text),
];

/// Meta, knowing the tokens it gave out.
#[derive(Debug)]
pub struct Meta {
    tokens: Vec<String>,
}

/// The parts of an address.
struct Route<'a> {
    version: &'a str,
    pixel: &'a str,
}

impl Route<'_> {
    fn of(path: &str) -> Option<Route<'_>> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (version, pixel, events) = (parts.next()?, parts.next()?, parts.next()?);
        let number = version.strip_prefix('v')?;
        let is_version = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (is_version && events == "events" && parts.next().is_none()).then_some(Route { version, pixel })
    }
}

impl Meta {
    /// Meta that accepts these tokens; with none given, every token.
    pub fn new(tokens: Vec<String>) -> Self {
        Self { tokens }
    }

    /// Whether the request carries a token that was given out: in the body, the query or the `Authorization` header.
    fn authorized(&self, request: &Arrived, body: &Value) -> bool {
        let token = body["access_token"].as_str().map(str::to_owned);
        let token = token.or_else(|| request.query_value("access_token"));
        let token = token.or_else(|| request.bearer().map(str::to_owned));
        token.is_some_and(|token| {
            !token.is_empty() && (self.tokens.is_empty() || self.tokens.contains(&token))
        })
    }
}

impl Player for Meta {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        Route::of(&request.path).is_some()
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        let refuse = |error: Error| Answer::Refused { reply: error.reply(request), reason: error.detail };
        let Some(route) = Route::of(&request.path) else {
            return refuse(Error::unknown_address("path: not an address of this API"));
        };
        if request.method != "POST" || !VERSIONS.contains(&route.version) {
            return refuse(Error::unknown_address("method or version: not in use"));
        }
        let kind = request.header("content-type").unwrap_or_default();
        let body = request.json().filter(Value::is_object).filter(|_| kind.starts_with("application/json"));
        let Some(body) = body else {
            return refuse(Error::parameter(fault("body", "must be a JSON object sent as application/json")));
        };
        if !self.authorized(request, &body) {
            return refuse(Error::token());
        }
        if !route.pixel.bytes().all(|b| b.is_ascii_digit()) || route.pixel.is_empty() {
            return refuse(Error::no_such_pixel());
        }
        match events(&body, route.pixel, now) {
            Ok(events) => Answer::Took { reply: received(events.len(), request), events },
            Err(fault) => refuse(Error::parameter(fault)),
        }
    }

    fn complain(&self, complaint: Complaint, request: &Arrived) -> Reply {
        let error = match complaint {
            Complaint::TooManyRequests { retry_after_s } => {
                return Error::throttled(429).reply(request).with("retry-after", retry_after_s.to_string());
            }
            Complaint::Throttled => Error::throttled(400),
            Complaint::ServerError { status } => Error { status, ..Error::transient() },
            Complaint::Transient => Error::transient(),
            Complaint::TokenExpired => Error::token(),
            Complaint::Poisoned { code } => {
                Error::parameter(Fault { code: Some(code), ..fault("data", "one event cannot be taken") })
            }
        };
        error.reply(request)
    }

    fn dedup_window_ms(&self) -> i64 {
        WINDOW_MS
    }
}

/// Checks the envelope and every event in it: all or nothing.
fn events(body: &Value, pixel: &str, now: UnixMs) -> Result<Vec<Taken>, Fault> {
    check_fields("", body, ENVELOPE, true)?;
    let data = body["data"].as_array().ok_or_else(|| fault("data", "missing"))?;
    if data.is_empty() || data.len() > BATCH {
        return Err(fault("data", "must hold 1 to 1000 events"));
    }
    data.iter().enumerate().map(|(index, event)| taken(event, index, pixel, now)).collect()
}

fn taken(event: &Value, index: usize, pixel: &str, now: UnixMs) -> Result<Taken, Fault> {
    event::check(&format!("data[{index}]"), event, now)?;
    let name = event["event_name"].as_str().unwrap_or_default().to_owned();
    // An event without an id is one of its kind: it never counts as a repeat.
    let id = event["event_id"].as_str().map_or_else(|| format!("no id, {}.{index}", now.0), str::to_owned);
    Ok(Taken { key: format!("{pixel}\0{name}\0{id}"), name, id })
}

fn received(events: usize, request: &Arrived) -> Reply {
    Reply::json(200, &json!({ "events_received": events, "messages": [], "fbtrace_id": trace(request) }))
}

/// A trace id: `A` and 22 letters or digits, as Meta's look, derived from the request's number.
fn trace(request: &Arrived) -> String {
    format!("A{:022}", request.number)
}

/// Meta's error object.
struct Error {
    status: u16,
    message: &'static str,
    kind: &'static str,
    code: u32,
    subcode: Option<u32>,
    is_transient: bool,
    detail: String,
}

impl Error {
    fn oauth(status: u16, code: u32, message: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, message, kind: "OAuthException", code, subcode: None, is_transient: false, detail }
    }

    fn parameter(fault: Fault) -> Self {
        let detail = fault.to_string();
        Self { subcode: fault.code, ..Self::oauth(400, 100, "Invalid parameter", detail) }
    }

    fn token() -> Self {
        let message = "Invalid OAuth 2.0 Access Token";
        Self {
            subcode: Some(463),
            ..Self::oauth(401, 190, message, "access_token: missing, unknown or expired")
        }
    }

    fn no_such_pixel() -> Self {
        let message =
            "Unsupported post request. Object does not exist or cannot be loaded due to missing permissions";
        Self {
            subcode: Some(33),
            kind: "GraphMethodException",
            ..Self::oauth(400, 100, message, "path: no such pixel")
        }
    }

    fn unknown_address(detail: &str) -> Self {
        Self::oauth(400, 2500, "Unknown path components", detail)
    }

    fn throttled(status: u16) -> Self {
        Self::oauth(status, 80_004, "There have been too many calls to this ad-account", "too many calls")
    }

    fn transient() -> Self {
        let message = "Service temporarily unavailable";
        Self { is_transient: true, ..Self::oauth(500, 2, message, "passing fault") }
    }

    fn reply(&self, request: &Arrived) -> Reply {
        let mut error = json!({
            "message": self.message, "type": self.kind, "code": self.code, "is_transient": self.is_transient,
            "error_user_title": self.message, "error_user_msg": self.detail, "fbtrace_id": trace(request),
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        Reply::json(self.status, &json!({ "error": error }))
    }
}

#[cfg(test)]
mod tests;

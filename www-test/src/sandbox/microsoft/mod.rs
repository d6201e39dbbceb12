//! Microsoft Advertising: the UET Conversions API, the uploads and adjustments of the Bing Ads API, and the token
//! endpoint they need, as strict as the real ones and, where those ignore a misspelt field, stricter.
//!
//! Facts: learn.microsoft.com/advertising (guides/uet-conversion-api-integration, guides/authentication-oauth,
//! campaign-management-service), read 2026-11-23. Owns addresses, credentials and the replies; leaves the event to
//! `event`, the uploads to `upload` and the tokens to `sign_in`.

mod event;
mod formats;
mod sign_in;
mod upload;

use serde_json::{Value, json};
use shared::UnixMs;
use shared::time::DAY_MS;

use super::exchange::{Answer, Arrived, Reply, Taken};
use super::fields::{Fault, fault, join};
use super::player::{Complaint, Player};
use super::trouble::POISON;

/// Name in the relay's configuration.
pub const NAME: &str = "microsoft";
/// Most rows in one request of any of the calls.
const BATCH: usize = 1000;
/// How long an event is known is not documented; at least the day it happened. Uploads are known for good.
const WINDOW_MS: i64 = 90 * DAY_MS;
/// What an access token of ours begins with; the token of a tag does not.
const ACCESS: &str = "access-";

/// Microsoft. It believes every token of a tag, and every access token that `sign_in` could have granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Microsoft;

/// The calls, by their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    /// Events of a tag.
    Events(&'a str),
    /// An upload or adjustment.
    Upload(upload::Kind),
    /// An access token.
    Token,
}

impl Route<'_> {
    fn of(path: &str) -> Option<Route<'_>> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        match parts[..] {
            ["v1", tag, "events"] => Some(Route::Events(tag)),
            ["CampaignManagement", "v13", name, "Apply"] => upload::Kind::named(name).map(Route::Upload),
            [_, "oauth2", "v2.0", "token"] => Some(Route::Token),
            _ => None,
        }
    }
}

impl Player for Microsoft {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        Route::of(&request.path).is_some()
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        match Route::of(&request.path) {
            Some(Route::Events(tag)) => events(request, tag, now),
            Some(Route::Upload(kind)) => upload::answer(request, kind, now),
            Some(Route::Token) => sign_in::answer(request),
            None => refused(Reply::empty(404), "path: not an address of Microsoft's"),
        }
    }

    fn complain(&self, complaint: Complaint, request: &Arrived) -> Reply {
        match Route::of(&request.path) {
            Some(Route::Upload(_)) => upload::complain(complaint, request),
            Some(Route::Token) => sign_in::complain(complaint),
            Some(Route::Events(_)) | None => complain(complaint, request),
        }
    }

    fn dedup_window_ms(&self) -> i64 {
        WINDOW_MS
    }
}

/// The Conversions API. With `continueOnValidationError` the rows that are right are taken.
fn events(request: &Arrived, tag: &str, now: UnixMs) -> Answer {
    let known = !tag.is_empty() && tag != upload::NOBODY && tag.bytes().all(|b| b.is_ascii_digit());
    if request.method != "POST" || !known {
        return refused(error(404, "NotFound", "no such tag", &[], request), "path: no such tag");
    }
    let token = request.bearer().unwrap_or_default();
    if token.is_empty() || token.starts_with(ACCESS) {
        let reply = error(401, "Unauthorized", "the token is not that of the tag", &[], request);
        return refused(reply, "authorization: must be the tag's own token");
    }
    let body = match body(request).and_then(|body| event::check_envelope(&body).map(|()| body)) {
        Ok(body) => body,
        Err(fault) => {
            return refused(error(400, "ValidationError", "bad request", &[], request), fault.to_string());
        }
    };
    let rows = body["data"].as_array().cloned().unwrap_or_default();
    let checked: Vec<Result<(), Fault>> = rows.iter().map(|row| event::check(row, now)).collect();
    let faults: Vec<(usize, &Fault)> = checked
        .iter()
        .enumerate()
        .filter_map(|(index, checked)| Some((index, checked.as_ref().err()?)))
        .collect();
    let lenient = body["continueOnValidationError"] == true;
    // A field that does not exist is a mistake of the sender's, so it is refused here, where the real one ignores it.
    let (first, all_bad) = (faults.first(), faults.len() == rows.len());
    if let Some((index, fault)) = first
        && (!lenient || all_bad || faults.iter().any(|(_, fault)| fault.rule == NO_SUCH_FIELD))
    {
        let details: Vec<Value> = faults.iter().map(|(index, fault)| detail(*index, fault)).collect();
        let reply = error(400, "ValidationError", "events are invalid", &details, request);
        return refused(reply, format!("data[{index}].{fault}"));
    }
    let good = rows.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
    let taken: Vec<Taken> = good.map(|(row, _)| event::taken(row, tag)).collect();
    let mut reply = json!({ "eventsReceived": taken.len(), "traceId": trace(request) });
    if !faults.is_empty() {
        let details: Vec<Value> = faults.iter().map(|(index, fault)| detail(*index, fault)).collect();
        reply["error"] =
            json!({ "code": "ValidationError", "message": "some events are invalid", "details": details });
    }
    Answer::Took { reply: Reply::json(200, &reply), events: taken }
}

/// The words of the Conversions API.
fn complain(complaint: Complaint, request: &Arrived) -> Reply {
    match complaint {
        Complaint::TooManyRequests { retry_after_s } => {
            error(429, "TooManyRequests", "slow down", &[], request)
                .with("retry-after", retry_after_s.to_string())
        }
        Complaint::Throttled => error(429, "TooManyRequests", "slow down", &[], request),
        Complaint::ServerError { status } => Reply::empty(status),
        Complaint::Transient => error(500, "InternalServerError", "try again", &[], request),
        Complaint::TokenExpired => {
            error(401, "Unauthorized", "the token is not that of the tag", &[], request)
        }
        Complaint::Poisoned { .. } => {
            let body = request.json().unwrap_or_default();
            let rows = body["data"].as_array().cloned().unwrap_or_default();
            let poisoned = rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row["eventId"].as_str().is_some_and(|id| id.starts_with(POISON)));
            let fault = fault("eventId", "is one this platform never takes");
            let details: Vec<Value> = poisoned.map(|(index, _)| detail(index, &fault)).collect();
            error(400, "ValidationError", "events are invalid", &details, request)
        }
    }
}

/// The error object of the Conversions API.
fn error(status: u16, code: &str, message: &str, details: &[Value], request: &Arrived) -> Reply {
    let error = json!({ "code": code, "message": message, "details": details });
    Reply::json(status, &json!({ "error": error, "eventsReceived": 0, "traceId": trace(request) }))
}

fn detail(index: usize, fault: &Fault) -> Value {
    json!({ "index": index, "propertyName": fault.field, "attemptedValue": "hidden", "errorMessage": fault.rule,
            "errorCode": "Invalid", "isWarning": false })
}

fn refused(reply: Reply, reason: impl Into<String>) -> Answer {
    Answer::Refused { reply, reason: reason.into() }
}

/// The body, which must be a JSON object sent as one.
fn body(request: &Arrived) -> Result<Value, Fault> {
    let kind = request.header("content-type").unwrap_or_default();
    let body = request.json().filter(Value::is_object).filter(|_| kind.starts_with("application/json"));
    body.ok_or_else(|| fault("body", "must be a JSON object sent as application/json"))
}

/// An id for the support, a GUID made of the request's number.
fn trace(request: &Arrived) -> String {
    format!("7d9f1c3a-0b2e-4c5d-8e6f-{:012}", request.number)
}

/// Demands fields.
fn require(path: &str, value: &Value, names: &[&str]) -> Result<(), Fault> {
    match names.iter().find(|name| value.get(**name).is_none()) {
        Some(name) => Err(fault(join(path, name), "missing")),
        None => Ok(()),
    }
}

/// The rule of a name that stands in no table.
const NO_SUCH_FIELD: &str = "no such field";

#[cfg(test)]
mod tests;

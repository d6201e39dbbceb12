//! Google Ads: the Data Manager API (`events:ingest`, `requestStatus:retrieve`), the Google Ads API's conversion
//! adjustments, and the token endpoint before both. Where the real ones only warn or stay silent, this one refuses.
//!
//! Facts: developers.google.com/data-manager/api (reference, limits, understand-errors, diagnostics),
//! developers.google.com/google-ads/api (upload-adjustments, partial-failures) and
//! developers.google.com/identity/protocols/oauth2, read 2026-11-23. A player has no memory, so an access token holds
//! its own end and scopes, and a request id what will be said of its events; an event whose transaction id begins with
//! [`LATER`] names the reason itself. Owns routes and replies; leaves tokens to `token`, the event to `event`, the second
//! call to `adjustments` and the later answer to `status`.

mod adjustments;
mod event;
mod status;
mod token;

use serde_json::{Value, json};
use shared::UnixMs;

pub use self::status::LATER;
pub use self::token::Client;
use self::token::Tokens;
use super::exchange::{Answer, Arrived, Reply, Taken};
use super::fields::{Fault, Shape, check_fields, fault};
use super::player::{Complaint, Player};
use super::trouble::POISON;

/// Name in the relay's configuration.
pub const NAME: &str = "google-ads";
/// Most events in one request.
const BATCH: usize = 2_000;

/// Fields of a request.
const ENVELOPE: &[(&str, Shape)] = &[
    ("destinations", Shape::List),
    ("events", Shape::List),
    ("encoding", Shape::OneOf(&["HEX", "BASE64"])),
    ("consent", Shape::Object),
    ("validateOnly", Shape::Flag),
];

const DESTINATION: &[(&str, Shape)] = &[
    ("reference", Shape::Text),
    ("operatingAccount", Shape::Object),
    ("loginAccount", Shape::Object),
    ("productDestinationId", event::DIGITS),
];

const ACCOUNT: &[(&str, Shape)] =
    &[("accountType", Shape::OneOf(&["GOOGLE_ADS"])), ("accountId", event::CUSTOMER)];

/// Google, knowing the client it gave out.
#[derive(Debug)]
pub struct GoogleAds {
    tokens: Tokens,
}

/// What an address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    Token,
    Ingest,
    Status,
    Adjustments { version: &'a str, customer: &'a str },
}

impl Route<'_> {
    fn of(path: &str) -> Option<Route<'_>> {
        match path {
            "/token" => return Some(Route::Token),
            "/v1/events:ingest" => return Some(Route::Ingest),
            "/v1/requestStatus:retrieve" => return Some(Route::Status),
            _ => {}
        }
        let (version, rest) = path.strip_prefix('/')?.split_once("/customers/")?;
        let customer = rest.strip_suffix(":uploadConversionAdjustments")?;
        Some(Route::Adjustments { version, customer })
    }
}

impl GoogleAds {
    /// Google that knows this client; with none given, every client of the right form.
    pub fn new(client: Option<Client>) -> Self {
        Self { tokens: Tokens::new(client) }
    }

    fn ingest(&self, request: &Arrived, now: UnixMs) -> Result<Answer, Error> {
        let body = posted(request)?;
        self.tokens.check(request, token::DATA_MANAGER, now)?;
        let taken = events(&body, now)?;
        let id = status::request_id(&taken, request.number);
        if body["validateOnly"] == true {
            return Ok(Answer::Took { reply: Reply::json(200, &json!({})), events: Vec::new() });
        }
        Ok(Answer::Took { reply: Reply::json(200, &json!({ "requestId": id })), events: taken })
    }

    fn respond(&self, request: &Arrived, now: UnixMs) -> Result<Answer, Error> {
        let quiet = |reply| Answer::Took { reply, events: Vec::new() };
        match Route::of(&request.path) {
            Some(Route::Token) => Ok(match self.tokens.grant(request, now) {
                Ok(reply) => quiet(reply),
                Err(refusal) => Answer::Refused { reply: refusal.reply(), reason: refusal.to_string() },
            }),
            Some(Route::Ingest) => self.ingest(request, now),
            Some(Route::Status) => {
                self.tokens.check(request, token::DATA_MANAGER, now)?;
                status::retrieve(request).map(quiet)
            }
            Some(Route::Adjustments { version, customer }) => {
                let body = posted(request)?;
                self.tokens.check(request, token::ADS, now)?;
                adjustments::take(request, &body, version, customer)
            }
            None => Err(Error::not_found("path: not an address of this API")),
        }
    }
}

impl Player for GoogleAds {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        Route::of(&request.path).is_some()
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        self.respond(request, now).unwrap_or_else(|error| Answer::Refused {
            reply: error.reply(request),
            reason: format!("{}: {}", error.field, error.detail),
        })
    }

    fn complain(&self, complaint: Complaint, request: &Arrived) -> Reply {
        let of_token = Route::of(&request.path) == Some(Route::Token);
        let error = match complaint {
            Complaint::TooManyRequests { retry_after_s } => {
                let reply = Error::of(429, "RESOURCE_EXHAUSTED", "Quota exceeded").reply(request);
                return reply.with("retry-after", retry_after_s.to_string());
            }
            Complaint::Throttled => Error::of(429, "RESOURCE_EXHAUSTED", "Quota exceeded"),
            Complaint::ServerError { status } => Error::of(status, "INTERNAL", "Internal error encountered."),
            Complaint::Transient => Error::of(503, "UNAVAILABLE", "The service is currently unavailable."),
            Complaint::TokenExpired if of_token => return token::Refusal::InvalidGrant("expired").reply(),
            Complaint::TokenExpired => Error::unauthenticated("the access token has expired"),
            Complaint::Poisoned { .. } => poisoned(request),
        };
        error.reply(request)
    }

    fn dedup_window_ms(&self) -> i64 {
        // A transaction id of an action counts once for ever.
        i64::MAX
    }
}

/// A JSON object sent as such by POST.
fn posted(request: &Arrived) -> Result<Value, Error> {
    let kind = request.header("content-type").unwrap_or_default();
    let body = request.json().filter(Value::is_object).filter(|_| kind.starts_with("application/json"));
    match body {
        Some(body) if request.method == "POST" => Ok(body),
        Some(_) | None => {
            Err(Error::invalid(fault("body", "must be a JSON object, sent by POST as application/json")))
        }
    }
}

/// Checks the envelope and every event in it: all or nothing.
fn events(body: &Value, now: UnixMs) -> Result<Vec<Taken>, Error> {
    check_fields("", body, ENVELOPE, true).map_err(Error::invalid)?;
    let action = destination(body)?;
    let events = body["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() || events.len() > BATCH {
        let error = Error::invalid(fault("events", "must hold 1 to 2000 events"));
        return Err(Error { reason: "TOO_MANY_EVENTS", ..error });
    }
    let encoded = body.get("encoding").is_some();
    let one = |(index, event): (usize, &Value)| {
        let path = format!("events.events[{index}]");
        event::check(&path, event, encoded, now)?;
        let id = event["transactionId"].as_str().unwrap_or_default().to_owned();
        Ok(Taken { key: format!("{action}\0{id}"), name: action.clone(), id })
    };
    events.iter().enumerate().map(one).collect()
}

/// The one destination's conversion action.
fn destination(body: &Value) -> Result<String, Error> {
    let destinations = body["destinations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [destination] = destinations else {
        return Err(Error::invalid(fault(
            "destinations",
            "must hold one destination: counts are per request",
        )));
    };
    let path = "destinations.destinations[0]";
    check_fields(path, destination, DESTINATION, true).map_err(Error::invalid)?;
    for (name, required) in [("operatingAccount", true), ("loginAccount", false)] {
        match destination.get(name) {
            Some(account) => {
                check_fields(&format!("{path}.{name}"), account, ACCOUNT, true).map_err(Error::invalid)?;
                if account.get("accountId").is_none() || account.get("accountType").is_none() {
                    return Err(Error::invalid(fault(format!("{path}.{name}"), "needs a type and an id")));
                }
            }
            None if required => return Err(Error::missing(format!("{path}.{name}"))),
            None => {}
        }
    }
    let action = destination["productDestinationId"].as_str();
    action.map(str::to_owned).ok_or_else(|| Error::missing(format!("{path}.productDestinationId")))
}

/// The refusal of a request with poisoned events, which names each.
fn poisoned(request: &Arrived) -> Error {
    let body = request.json().unwrap_or_default();
    let events = body["events"].as_array().cloned().unwrap_or_default();
    let is_poisoned =
        |event: &Value| event["transactionId"].as_str().is_some_and(|id| id.starts_with(POISON));
    let culprits = events.iter().enumerate().filter(|(_, event)| is_poisoned(event));
    let fields: Vec<String> =
        culprits.map(|(index, _)| format!("events.events[{index}].transaction_id")).collect();
    let first = fields.first().cloned().unwrap_or_default();
    Error { more: fields, ..Error::invalid(fault(first, "one event cannot be taken")) }
}

/// Google's error object.
struct Error {
    status: u16,
    name: &'static str,
    message: &'static str,
    reason: &'static str,
    field: String,
    detail: &'static str,
    /// Every field at fault, where there are several.
    more: Vec<String>,
}

impl Error {
    fn of(status: u16, name: &'static str, message: &'static str) -> Self {
        let (field, more) = (String::new(), Vec::new());
        Self { status, name, message, reason: name, field, detail: message, more }
    }

    fn invalid(fault: Fault) -> Self {
        let message = "There was a problem with the request.";
        let (field, detail) = (snake(&fault.field), fault.rule);
        Self { field, detail, reason: "INVALID_FORMAT", ..Self::of(400, "INVALID_ARGUMENT", message) }
    }

    fn missing(field: impl Into<String>) -> Self {
        Self { reason: "REQUIRED_FIELD_MISSING", ..Self::invalid(fault(field, "missing")) }
    }

    fn unauthenticated(detail: &'static str) -> Self {
        let message = "Request had invalid authentication credentials.";
        Self { detail, field: "authorization".into(), ..Self::of(401, "UNAUTHENTICATED", message) }
    }

    fn no_scope() -> Self {
        let message = "Request had insufficient authentication scopes.";
        let reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT";
        Self { reason, field: "authorization".into(), ..Self::of(403, "PERMISSION_DENIED", message) }
    }

    fn not_found(detail: &'static str) -> Self {
        Self { detail, ..Self::of(404, "NOT_FOUND", "Requested entity was not found.") }
    }

    fn reply(&self, request: &Arrived) -> Reply {
        let info = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason,
            "domain": "datamanager.googleapis.com", "metadata": {} });
        let mut details = vec![
            json!({ "@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": format!("e-{}", request.number) }),
            info,
        ];
        if self.status == 400 {
            let violation =
                |field: &String| json!({ "field": field, "reason": self.reason, "description": self.detail });
            let fields = if self.more.is_empty() { std::slice::from_ref(&self.field) } else { &self.more };
            let violations: Vec<Value> = fields.iter().map(violation).collect();
            details.push(json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations }));
        }
        let error =
            json!({ "code": self.status, "status": self.name, "message": self.message, "details": details });
        Reply::json(self.status, &json!({ "error": error }))
    }
}

/// `events.events[0].adIdentifiers` as Google's errors write it.
fn snake(field: &str) -> String {
    let mut snake = String::with_capacity(field.len());
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;

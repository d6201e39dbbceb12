//! Preview: the exact requests each destination would get for an event, without sending or storing anything.
//!
//! Walks the same code as `serve`: the same reader, the same enriching, the same plan. Secrets are masked. Owns the
//! shape of the output (DESIGN's contract); leaves printing to the command line.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};
use shared::attribution::told;
use shared::{Attribution, Event, UnixMs};

use crate::collect::batch;
use crate::collect::read::{self, Defaults, ReadError};
use crate::config::{Config, Destination};
use crate::distribute::look_back::{self, LeftOut};
use crate::distribute::plan::plan;
use crate::enrich;
use crate::pipeline::Steps;
use crate::platform::Planned;
use crate::store::memory::MemoryStore;
use crate::store::{Incoming, Store};

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is not JSON.
    #[error("the event is not readable: {0}")]
    Unreadable(String),
    /// The event cannot be understood.
    #[error(transparent)]
    Event(#[from] ReadError),
    /// No destination of this name.
    #[error("no destination is called `{name}`; there are: {known}")]
    NoSuchDestination {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

/// What every destination (or the one named) would get for the event in `input`.
///
/// `input` is one event, or a list of events: then the answer is a list of such answers.
pub fn run(config: &Config, input: &[u8], only: Option<&str>, now: UnixMs) -> Result<Value, Error> {
    let text = batch::text(input).map_err(|refusal| Error::Unreadable(refusal.to_string()))?;
    let destinations = chosen(config, only)?;
    let parsed: Value = batch::parse(text).map_err(|refusal| Error::Unreadable(refusal.to_string()))?;
    match parsed {
        Value::Array(events) => {
            let shown: Result<Vec<Value>, Error> =
                events.iter().map(|event| show(config, &destinations, &event.to_string(), now)).collect();
            Ok(Value::Array(shown?))
        }
        // The text itself is read, not the parsed value, so that errors speak of what was written.
        _ => show(config, &destinations, text, now),
    }
}

fn chosen<'a>(config: &'a Config, only: Option<&str>) -> Result<Vec<&'a Destination>, Error> {
    let all = config.destinations.iter();
    let Some(name) = only else { return Ok(all.collect()) };
    let found: Vec<&Destination> = all.filter(|destination| destination.name == name).collect();
    if found.is_empty() {
        let known: Vec<&str> =
            config.destinations.iter().map(|destination| destination.name.as_str()).collect();
        return Err(Error::NoSuchDestination { name: name.to_owned(), known: known.join(", ") });
    }
    Ok(found)
}

fn show(config: &Config, destinations: &[&Destination], json: &str, now: UnixMs) -> Result<Value, Error> {
    let mut shown = Vec::new();
    for destination in destinations {
        let site = config.sites.iter().find(|site| site.key == destination.site);
        let country = site.and_then(|site| site.country.as_deref());
        // The id shown for an event without one is an example: `serve` mints its own.
        let defaults = Defaults { now, source: None, country, random: [0; 10] };
        let mut event = read::event_with_warnings(json, defaults)?.event;
        enrich::from_server(&mut event, now);
        enrich::minimise(&mut event);
        event.attribution = attributed(config, &destination.site, &event, now);
        let built = plan(destination, &[&event], now);
        let skipped = built.skips.first().map(|(_, skip)| format!("{}: {}", skip.reason.tag(), skip.detail));
        let requests: Vec<Value> = built.requests.iter().map(request).collect();
        shown.push(json!({
            "destination": destination.name,
            "platform": destination.platform_name,
            "requests": requests,
            "match_quality": match_quality(&built.requests),
            "attribution": attribution(destination, &event, &built.left_out),
            "skipped": skipped,
        }));
    }
    Ok(Value::Array(shown))
}

/// How well the platform can match the event: the score and what it rests on. Null where nobody is matched. An event that
/// needs more than one request has the same identifiers in each.
fn match_quality(requests: &[Planned]) -> Value {
    let quality = requests.iter().flat_map(|planned| &planned.quality).next();
    quality.map_or(Value::Null, |quality| json!({ "score": quality.score(), "signals": quality.signals() }))
}

/// How the event would be attributed by a relay that has never heard of it: this is what it is to a store without memory.
fn attributed(config: &Config, site: &Arc<str>, event: &Event, now: UnixMs) -> Option<Box<Attribution>> {
    let store = MemoryStore::new(Steps::new(config));
    let incoming = Incoming { site: site.clone(), received: now, event: event.clone().into() };
    let attributed = async {
        store.append(vec![incoming]).await.ok()?;
        let logged = store.read(0, 1).await.ok()?.pop()?;
        logged.event.attribution.clone()
    };
    // In memory nothing ever waits.
    match pin!(attributed).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(attribution) => attribution,
        Poll::Pending => None,
    }
}

/// Which of the event's clicks the destination is told of, what led to each, and which were too old. Null where there is
/// nothing to tell.
fn attribution(destination: &Destination, event: &Event, left_out: &[(usize, LeftOut)]) -> Value {
    let own = look_back::default_days(destination.platform_name).map(|_| destination.platform_name);
    let told = told(event, own).map(|told| json!(told));
    let left: Vec<String> = left_out.iter().map(|(_, left)| left.to_string()).collect();
    match (told, left.is_empty()) {
        (None, true) => Value::Null,
        (told, true) => told.unwrap_or_default(),
        (told, false) => {
            let mut told = told.unwrap_or_else(|| json!({}));
            told["left_out"] = json!(left);
            told
        }
    }
}

fn request(planned: &Planned) -> Value {
    let request = &planned.request;
    let headers: serde_json::Map<String, Value> = request
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), Value::String(header.value.masked())))
        .collect();
    let text = request.body.masked();
    let body = match serde_json::from_str(&text) {
        Ok(body) => body,
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => Value::String(text),
    };
    json!({ "method": request.method, "url": request.url.as_str(), "headers": headers, "body": body })
}

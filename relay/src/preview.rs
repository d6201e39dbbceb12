//! Preview: the exact requests each destination would get for an event, without sending or storing anything.
//!
//! Walks the same code as `serve`: the same reader, the same enriching, the same plan. Secrets are masked. Owns the
//! shape of the output (DESIGN's contract); leaves printing to the command line.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::attribution::told;
use shared::{Attribution, ClickId, Event, UnixMs};

use crate::collect::batch;
use crate::collect::read::{self, Defaults, ReadError, Understood};
use crate::collect::reply::Refusal;
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

/// What there is to see.
#[derive(Debug)]
pub struct Preview {
    /// The requests, for people and programs to read.
    pub shown: Value,
    /// What was ignored in the events; of several, by their places.
    pub warnings: Vec<String>,
    /// Whether every event could be understood; of several, one that could not has `{ "error": "…" }` in its place.
    pub whole: bool,
}

/// What every destination (or the one named) would get for what is in `input`.
///
/// `input` has one of the shapes that `POST /v1/track` takes: one event; or several, as a list or as
/// `{ "events": […] }`. Of several the answer is a list of the answers to each.
pub fn run(config: &Config, input: &[u8], only: Option<&str>, now: UnixMs) -> Result<Preview, Error> {
    let text = batch::text(input).map_err(unreadable)?;
    let destinations = chosen(config, only)?;
    match several(text)? {
        Some(events) => Ok(show_all(config, &destinations, &events, now)),
        None => {
            let Shown { answer, warnings } = show(config, &destinations, text, now)?;
            Ok(Preview { shown: answer, warnings, whole: true })
        }
    }
}

fn unreadable(refusal: Refusal) -> Error {
    Error::Unreadable(refusal.to_string())
}

/// The texts of several events; `None` for what should be one. What was written is kept, so that errors speak of it.
fn several(text: &str) -> Result<Option<Vec<&RawValue>>, Error> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        events: Option<Vec<&'a RawValue>>,
    }
    match text.trim_start().as_bytes().first() {
        Some(b'[') => batch::parse(text).map(Some).map_err(unreadable),
        Some(b'{') => {
            let Envelope { events } = batch::parse(text).map_err(unreadable)?;
            Ok(events)
        }
        Some(_) | None => {
            let _: &RawValue = batch::parse(text).map_err(unreadable)?;
            Ok(None)
        }
    }
}

fn show_all(config: &Config, destinations: &[&Destination], events: &[&RawValue], now: UnixMs) -> Preview {
    let (mut answers, mut all_warnings, mut whole) = (Vec::new(), Vec::new(), true);
    for (place, event) in events.iter().enumerate() {
        match show(config, destinations, event.get(), now) {
            Ok(Shown { answer, warnings }) => {
                all_warnings
                    .extend(warnings.into_iter().map(|warning| format!("events[{place}]: {warning}")));
                answers.push(answer);
            }
            Err(error) => {
                whole = false;
                answers.push(json!({ "error": error.to_string() }));
            }
        }
    }
    Preview { shown: Value::Array(answers), warnings: all_warnings, whole }
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

/// The answer to one event, and what was ignored in it.
struct Shown {
    answer: Value,
    warnings: Vec<String>,
}

fn show(config: &Config, destinations: &[&Destination], json: &str, now: UnixMs) -> Result<Shown, ReadError> {
    let (mut shown, mut warnings) = (Vec::new(), Vec::new());
    for destination in destinations {
        let site = config.sites.iter().find(|site| site.key == destination.site);
        let country = site.and_then(|site| site.country.as_deref());
        // The id shown for an event without one is an example: `serve` mints its own.
        let defaults = Defaults { now, source: None, country, random: [0; 10] };
        let Understood { mut event, warnings: ignored } = read::event_with_warnings(json, defaults)?;
        // Destinations of one country are told the same.
        for warning in ignored {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        enrich::from_server(&mut event, now);
        enrich::minimise(&mut event);
        event.attribution = attributed(config, &destination.site, &event, now);
        undate_kept(&mut event);
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
    Ok(Shown { answer: Value::Array(shown), warnings })
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

/// Leaves what was kept without the mark that it was: nobody is told of it, and no memory knows better here.
fn undate_kept(event: &mut Event) {
    let of_clicks = event.click_ids.values_mut().map(|click| &mut click.seen_at);
    let of_campaign = event.campaign.iter_mut().map(|campaign| &mut campaign.seen_at);
    for seen_at in of_clicks.chain(of_campaign) {
        *seen_at = seen_at.filter(|seen_at| *seen_at != ClickId::SOME_TIME_BEFORE);
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

//! `POST /v1/track`, `DELETE /v1/visitors/{id}`: events from the site's own servers, authenticated by an API key of the site.
//!
//! One event, a list, or `{ "events": […] }`. Raw user data is expected here and hashed on arrival. Idempotent by
//! event id: sending again is safe. Warnings name fields that were not understood. Erasing is as safe to repeat.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use shared::{event_id, limits};

use super::batch::{self, Batch};
use super::http::{Caller, Relay};
use super::read::{self, Defaults};
use super::reply::{self, Refusal, Reply};
use crate::config::Site;
use crate::enrich;
use crate::store::Person;

/// The body when it is more than one event.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Events<'a> {
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
    /// What belongs into each event and says nothing beside them.
    event: Option<IgnoredAny>,
    consent: Option<IgnoredAny>,
}

/// Takes events from a server.
pub async fn track(
    relay: &Relay,
    caller: &Caller,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Reply, Refusal> {
    let site = authenticate(relay, headers)?;
    let text = batch::text(body)?;
    let raw = unwrap(text)?;
    batch::bounded(raw.len())?;
    relay
        .site_limit()
        .take(site.key.clone(), raw.len(), caller.now)
        .map_err(|seconds| Refusal::TooOften { seconds })?;
    let mut batch = Batch::read(raw, |json| {
        let defaults = Defaults {
            now: caller.now,
            source: None,
            country: site.country.as_deref(),
            random: relay.random(),
        };
        read::event_with_warnings(json.get(), defaults)
    });
    for event in &mut batch.events {
        enrich::from_server(event, caller.now);
    }
    let receipt = relay.store(site, batch, caller).await?;
    Ok(reply::accepted(&receipt))
}

/// Removes a visitor of the site whose key was sent: memory, identities and events.
pub async fn erase(
    relay: &Relay,
    caller: &Caller,
    headers: &HeaderMap,
    path: &str,
) -> Result<Reply, Refusal> {
    let site = authenticate(relay, headers)?;
    relay
        .site_limit()
        .take(site.key.clone(), 1, caller.now)
        .map_err(|seconds| Refusal::TooOften { seconds })?;
    let id = path.strip_prefix(VISITORS).filter(|id| event_id::valid_token(id)).ok_or(Refusal::Field {
        field: "visitor id",
        problem: format!("an id has 1 to {} letters, digits, '-', '_' or '.'", limits::ID),
    })?;
    let erased = relay.erase(site, Person::visitor(id)).await?;
    Ok(reply::json(StatusCode::OK, &erased))
}

/// Where visitors are erased.
pub const VISITORS: &str = "/v1/visitors/";

/// The site whose key was sent. Every key of every site is compared, each in constant time.
fn authenticate<'a>(relay: &'a Relay, headers: &HeaderMap) -> Result<&'a Site, Refusal> {
    let line = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, key) = line.split_once(' ').unwrap_or_default();
    let key = key.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || key.is_empty() {
        return Err(Refusal::WrongKey);
    }
    let mut found = None;
    for site in relay.sites() {
        for secret in &site.api_keys {
            if secret.matches(key) {
                found = Some(site);
            }
        }
    }
    found.ok_or(Refusal::WrongKey)
}

/// The events of a body in any of its three shapes.
fn unwrap(text: &str) -> Result<Vec<&RawValue>, Refusal> {
    if text.trim_start().starts_with('[') {
        return batch::parse(text);
    }
    let whole: &RawValue = batch::parse(text)?;
    if !text.trim_start().starts_with('{') {
        return Ok(vec![whole]);
    }
    let Events { events, event, consent } = batch::parse(text)?;
    let Some(events) = events else { return Ok(vec![whole]) };
    match (event, consent) {
        (Some(_), _) => Err(batch::beside_events("event")),
        (None, Some(_)) => Err(batch::beside_events("consent")),
        (None, None) => Ok(events),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_three_shapes() {
        let check = |text: &str, expected: usize| {
            assert_eq!(unwrap(text).expect("readable").len(), expected, "{text}")
        };
        check(r#"{"event":"Lead"}"#, 1);
        check(r#" [{"event":"Lead"},{"event":"Lead"}]"#, 2);
        check(r#"{"events":[{"event":"Lead"},{"event":"Lead"},17]}"#, 3);
        check("17", 1);
        assert!(unwrap("{").is_err() && unwrap("").is_err() && unwrap(r#"{"events":17}"#).is_err());
    }
}

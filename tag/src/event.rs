//! The event as the tag writes it: DESIGN's event without what the relay adds, borrowed from the tag's memory.
//!
//! Exists beside [`shared::Event`] because the tag only writes: properties stay values of the page, the user is
//! JSON already, and leaving both out saves the bytes of their code. A test holds the two together: what this
//! writes, `shared` reads. Owns the event id's last resort. Leaves JSON to the page.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use shared::{Campaign, Consent, Page, event_id, limits};

use crate::touches::Touches;

/// An event on its way out. Times are whole milliseconds in a float, JavaScript's only number.
#[derive(Debug, Serialize)]
pub struct WireEvent<'a> {
    /// Standard or custom name.
    pub event: &'a str,
    /// Unique per event.
    pub event_id: &'a str,
    /// When it happened, in Unix milliseconds.
    pub time: f64,
    /// Always `web`.
    pub source: &'static str,
    /// Value of the `_at_vid` cookie.
    pub visitor_id: &'a str,
    /// Where it happened.
    pub page: Page,
    /// Click ids by parameter.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub click_ids: Named<'a, Mark<'a>>,
    /// Ad cookies by name.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub cookies: Named<'a, &'a str>,
    /// The campaign that brought the visitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// What the visitor agreed to.
    #[serde(skip_serializing_if = "Consent::is_empty")]
    pub consent: Consent,
}

/// A click id with the time it was first seen, in Unix milliseconds.
#[derive(Debug, Serialize)]
pub struct Mark<'a> {
    /// The click id.
    pub value: &'a str,
    /// When it was first seen.
    pub seen_at: f64,
}

/// A list of names and values that is written as an object.
#[derive(Debug)]
pub struct Named<'a, T>(pub Vec<(&'a str, T)>);

impl<T> Named<'_, T> {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The click ids of `touches`.
pub fn click_ids(touches: &Touches) -> Named<'_, Mark<'_>> {
    let mark = |value, seen_ms| Mark { value, seen_at: seen_ms as f64 };
    let ids = touches.click_ids().map(|touch| (touch.name.as_str(), mark(&touch.value, touch.seen_ms)));
    Named(ids.take(limits::CLICK_IDS).collect())
}

/// The campaign of `touches`.
pub fn campaign(touches: &Touches) -> Option<Campaign> {
    let part = |name| touches.value(name).map(str::to_owned);
    let campaign = Campaign {
        source: part("utm_source"),
        medium: part("utm_medium"),
        name: part("utm_campaign"),
        term: part("utm_term"),
        content: part("utm_content"),
        id: part("utm_id"),
    };
    (campaign != Campaign::default()).then_some(campaign)
}

/// The id of an event: the one the page gave or was given, else from the order, else minted.
pub fn id(given: &str, name: &str, order_id: &str, mint: impl FnOnce() -> String) -> String {
    if !given.is_empty() && given.len() <= limits::EVENT_ID {
        return given.to_owned();
    }
    event_id::derive(name, order_id).unwrap_or_else(mint)
}

//! The touches: how this visitor arrived, as far back as it is useful.
//!
//! Owns the memory of click ids and campaign with the time each was first seen, its rules (the newest value of a
//! parameter, one Google id at a time, a campaign is replaced as a whole, lifetimes) and its compact text form for
//! the `_at_t` cookie. Leaves reading addresses to `capture` and keeping the text to `memory`.
//!
//! The text is `1!name~time~value!name~time~value…`, time in base 36, newest last. Every byte a cookie may not hold,
//! and our own separator, stands as `%XX`.

use shared::click_id;
use shared::time::DAY_MS;

use crate::digits;
use crate::percent;

/// Largest text form, in bytes: browsers allow 4,096 for a cookie with its name and attributes, and every
/// request to the site carries it.
const MOST_BYTES: usize = 3_000;
/// How long a campaign is remembered, in days: the longest click window of the ad platforms.
const CAMPAIGN_DAYS: u64 = 90;
/// Version of the text form.
const VERSION: &str = "1";

/// One remembered mark of a landing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// URL parameter: a click id's, or `utm_…`.
    pub name: String,
    /// Its value, unescaped.
    pub value: String,
    /// When this value was first seen, in Unix milliseconds.
    pub seen_ms: u64,
}

impl Touch {
    /// Whether this is part of a campaign and no click id.
    pub fn is_campaign(&self) -> bool {
        self.name.starts_with("utm_")
    }

    /// Whether a newer touch takes the place of this one.
    fn yields_to(&self, newer: &Self) -> bool {
        self.name == newer.name || (is_google(&self.name) && is_google(&newer.name))
    }

    fn expired(&self, now_ms: u64) -> bool {
        let days = if self.is_campaign() {
            CAMPAIGN_DAYS
        } else {
            click_id::find(&self.name).map_or(CAMPAIGN_DAYS, |spec| spec.days.into())
        };
        now_ms.saturating_sub(self.seen_ms) > days * DAY_MS as u64
    }
}

/// Google takes one of its three ids per conversion, so only the newest counts
/// (developers.google.com/google-ads/api, "Upload click conversions", read 2026-11-23).
fn is_google(name: &str) -> bool {
    matches!(name, "gclid" | "gbraid" | "wbraid")
}

/// Every touch, oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touches(Vec<Touch>);

impl Touches {
    /// Reads the text form and drops what is too old. Text that is not ours reads as nothing.
    pub fn read(text: &str, now_ms: u64) -> Self {
        let mut parts = text.split('!');
        if parts.next() != Some(VERSION) {
            return Self::default();
        }
        let touches = parts.filter_map(|part| {
            let (name, rest) = part.split_once('~')?;
            let (time, value) = rest.split_once('~')?;
            Some(Touch {
                name: name.to_owned(),
                value: percent::decode(value, false),
                seen_ms: digits::read36(time)?,
            })
        });
        Self(touches.filter(|touch| !touch.expired(now_ms)).collect())
    }

    /// Writes the text form; the oldest touches are left out when it would grow too long.
    pub fn write(&self) -> String {
        let mut parts = Vec::new();
        let mut room = MOST_BYTES - VERSION.len();
        for touch in self.0.iter().rev() {
            let time = digits::write(touch.seen_ms, 36);
            let part = ["!", &touch.name, "~", &time, "~", &percent::encode(&touch.value)].concat();
            if part.len() > room {
                break;
            }
            room -= part.len();
            parts.push(part);
        }
        parts.push(VERSION.to_owned());
        parts.reverse();
        parts.concat()
    }

    /// Folds a landing in: a value known already keeps its first time, a new one takes its parameter's place, and
    /// a landing with a campaign replaces the campaign as a whole.
    pub fn absorb(&mut self, landing: Vec<Touch>) {
        let campaign = landing.iter().any(Touch::is_campaign);
        let known = std::mem::take(&mut self.0);
        let fresh: Vec<Touch> = landing
            .into_iter()
            .map(|mut touch| {
                let before = known.iter().find(|old| old.name == touch.name && old.value == touch.value);
                touch.seen_ms = before.map_or(touch.seen_ms, |old| old.seen_ms);
                touch
            })
            .collect();
        self.0 = known;
        self.0.retain(|old| {
            !(campaign && old.is_campaign()) && !fresh.iter().any(|newer| old.yields_to(newer))
        });
        self.0.extend(fresh);
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The click ids, oldest first.
    pub fn click_ids(&self) -> impl Iterator<Item = &Touch> {
        self.0.iter().filter(|touch| !touch.is_campaign())
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|touch| touch.name == name).map(|touch| touch.value.as_str())
    }
}

//! The event on its way out: DESIGN's event in JSON, in two halves.
//!
//! Its **call** belongs to the moment of `track`: name, id, time, page, properties, user. Its **visitor** half, click
//! ids, cookies, campaign, consent, is added when it may be sent, because before consent none of that is known.
//! Written by hand: the same with serde and serde-wasm-bindgen weighs some 4 kB more (see the crate's
//! tests, which hold the text against [`shared::Event`]).

use shared::consent::Signal;
use shared::{Consent, Purpose, event_id, limits, scrub};

use crate::capture;
use crate::text::{member, name, put};
use crate::touches;

/// A call of `track`, as the page's script hands it over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// The event's name.
    pub name: &'a str,
    /// The id the page was given for it; empty when it was given none.
    pub id: &'a str,
    /// The order it belongs to; empty when there is none.
    pub order_id: &'a str,
    /// When it was called, in Unix milliseconds, as decimal digits.
    pub time_ms: &'a str,
    /// The page's address then.
    pub url: &'a str,
    /// The address the visitor came from; may be empty.
    pub referrer: &'a str,
    /// The document's title; may be empty.
    pub title: &'a str,
    /// Properties as a JSON object, without personal data.
    pub properties: &'a str,
}

/// The call's half of an event, without its closing brace. `user` is a JSON object or empty.
pub fn call(call: &Call<'_>, user: &str) -> String {
    let mut json = String::from("{");
    member(&mut json, "event", call.name);
    let derived;
    let mut id = call.id;
    if id.is_empty() {
        derived = event_id::derive(call.name, call.order_id).unwrap_or_default();
        id = &derived;
    }
    // Without any id the relay mints one.
    optional(&mut json, "event_id", id, limits::EVENT_ID);
    name(&mut json, "time");
    put(&mut json, &[call.time_ms, ",\"source\":\"web\",\"page\":{"]);
    optional(&mut json, "url", &scrub::url(call.url), limits::URL);
    optional(&mut json, "referrer", &scrub::url(call.referrer), limits::URL);
    optional(&mut json, "title", call.title, limits::TEXT);
    put(&mut json, &["},\"properties\":", call.properties]);
    if !user.is_empty() {
        put(&mut json, &[",\"user\":", user]);
    }
    json
}

/// The visitor's half, with a comma before and the closing brace after.
pub fn visitor(id: &str, known: &str, cookies: &str, consent: &Consent) -> String {
    let mut json = String::from(",");
    json.clear();
    json.push_str(",\"click_ids\":{");
    for touch in touches::read(known).filter(|touch| !touch.is_campaign()).take(limits::CLICK_IDS) {
        name(&mut json, touch.name);
        json.push('{');
        member(&mut json, "value", touch.value);
        put(&mut json, &[",\"seen_at\":", touch.seen_ms, "}"]);
    }
    json.push_str("},\"campaign\":{");
    for touch in touches::read(known).filter(touches::Touch::is_campaign) {
        let part = &touch.name["utm_".len()..];
        member(&mut json, if part == "campaign" { "name" } else { part }, touch.value);
    }
    json.push_str("},\"cookies\":{");
    for (cookie, value) in capture::ad_cookies(cookies).take(limits::COOKIES) {
        member(&mut json, cookie, value);
    }
    json.push_str("},\"consent\":{");
    for purpose in PURPOSES {
        if let Some(signal) = consent.of(purpose) {
            let answer = if signal == Signal::Granted { "granted" } else { "denied" };
            member(&mut json, purpose.name(), answer);
        }
    }
    json.push('}');
    member(&mut json, "visitor_id", id);
    json.push('}');
    json
}

/// The purposes in the order in which letters name them.
const PURPOSES: [Purpose; 3] = [Purpose::AdStorage, Purpose::AdUserData, Purpose::AdPersonalization];

fn optional(json: &mut String, key: &str, value: &str, most: usize) {
    if !value.is_empty() {
        member(json, key, limits::clip(value, most));
    }
}

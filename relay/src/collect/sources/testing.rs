//! Help for the tests of sources: requests as people write them, and what a reading comes to.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use shared::UnixMs;

use super::{Inbound, Reading};

/// The time of the tests: a quiet Monday noon.
pub(super) const NOW: UnixMs = UnixMs(1_795_435_200_000);

/// Headers; names in lower case.
pub(super) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

/// A webhook with these headers and this body.
pub(super) fn webhook<'a>(headers: &'a HeaderMap, body: &'a str) -> Inbound<'a> {
    let (method, origin, target) = (&Method::POST, "https://t.shop.example", "/v1/webhook/shop");
    let (source, client) = ("shop", None);
    Inbound { source, client, method, origin, target, headers, body: body.as_bytes(), now: NOW }
}

/// Each event as `Name 59.9 EUR`, or why there is none.
pub(super) fn summary(reading: &Reading) -> Vec<String> {
    if let (true, Some(why)) = (reading.events.is_empty(), reading.ignored) {
        return vec![why.to_owned()];
    }
    let one = |found: &super::Found| {
        let properties = &found.draft.properties;
        let value = properties.value.map_or("-".to_owned(), |value| value.to_string());
        let currency = properties.currency.map_or("-".to_owned(), |currency| currency.as_str().to_owned());
        format!("{} {value} {currency}", found.draft.event.clone().expect("a name"))
    };
    reading.events.iter().map(one).collect()
}

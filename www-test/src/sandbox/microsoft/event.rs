//! One event of the Conversions API: its fields, its time, and who it must be about.

use serde_json::Value;
use shared::UnixMs;
use shared::time::{DAY_MS, MINUTE_MS};

use super::formats::{CLICK_ID, CURRENCY, DIGEST, UUID, VISITOR};
use super::{BATCH, Taken, require};
use crate::sandbox::fields::{Fault, Shape, check_fields, fault};

const ENVELOPE: &[(&str, Shape)] =
    &[("data", Shape::List), ("dataProvider", Shape::Text), ("continueOnValidationError", Shape::Flag)];

const EVENT: &[(&str, Shape)] = &[
    ("eventType", Shape::OneOf(&["pageLoad", "custom"])),
    ("eventTime", Shape::Integer),
    ("eventId", Shape::Text),
    ("eventName", Shape::Text),
    ("eventSourceUrl", Shape::WebAddress),
    ("pageLoadId", Shape::One(UUID)),
    ("referrerUrl", Shape::WebAddress),
    ("pageTitle", Shape::Text),
    ("keywords", Shape::Text),
    ("adStorageConsent", Shape::OneOf(&["G", "D"])),
    ("userData", Shape::Object),
    ("customData", Shape::Object),
];

const USER_DATA: &[(&str, Shape)] = &[
    ("anonymousId", Shape::One(VISITOR)),
    ("externalId", Shape::One(VISITOR)),
    ("em", Shape::One(DIGEST)),
    ("ph", Shape::One(DIGEST)),
    ("msclkid", Shape::One(CLICK_ID)),
    ("clientIpAddress", Shape::IpAddress),
    ("clientUserAgent", Shape::Text),
    ("idfa", Shape::Text),
    ("gaid", Shape::Text),
];

/// What identifies somebody; an address or a user agent does not.
const IDENTIFIERS: [&str; 7] = ["anonymousId", "externalId", "em", "ph", "msclkid", "idfa", "gaid"];

const CUSTOM_DATA: &[(&str, Shape)] = &[
    ("eventCategory", Shape::Text),
    ("eventLabel", Shape::Text),
    ("eventValue", Shape::Number),
    ("value", Shape::Number),
    ("currency", Shape::One(CURRENCY)),
    ("transactionId", Shape::Text),
    ("searchTerm", Shape::Text),
    ("items", Shape::List),
    ("itemIds", Shape::Texts),
    ("pageType", Shape::OneOf(&PAGE_TYPES)),
    ("ecommTotalValue", Shape::Number),
    ("ecommCategory", Shape::Text),
    ("hotelData", Shape::Object),
];

const PAGE_TYPES: [&str; 7] = ["home", "category", "product", "searchresults", "cart", "purchase", "other"];

const ITEM: &[(&str, Shape)] =
    &[("id", Shape::Text), ("quantity", Shape::Integer), ("price", Shape::Number), ("name", Shape::Text)];

/// Oldest event.
const OLDEST_MS: i64 = 7 * DAY_MS;
/// No clock is exact; more than a minute ahead is a mistake.
const AHEAD_MS: i64 = MINUTE_MS;

/// Checks what stands around the events.
pub(super) fn check_envelope(body: &Value) -> Result<(), Fault> {
    check_fields("", body, ENVELOPE, true)?;
    require("", body, &["data"])?;
    let rows = body["data"].as_array().map_or(0, Vec::len);
    if rows == 0 || rows > BATCH { Err(fault("data", "must hold 1 to 1000 events")) } else { Ok(()) }
}

/// Checks one event.
pub(super) fn check(event: &Value, now: UnixMs) -> Result<(), Fault> {
    check_fields("", event, EVENT, true)?;
    require("", event, &["eventType", "eventTime", "userData"])?;
    let needed = if event["eventType"] == "pageLoad" { "eventSourceUrl" } else { "eventName" };
    require("", event, &[needed])?;
    let age_ms = now.since(UnixMs(event["eventTime"].as_i64().unwrap_or_default().saturating_mul(1_000)));
    if !(-AHEAD_MS..=OLDEST_MS).contains(&age_ms) {
        return Err(fault("eventTime", "must be seconds, within the past 7 days and not in the future"));
    }
    check_fields("userData", &event["userData"], USER_DATA, true)?;
    if !IDENTIFIERS.iter().any(|name| event["userData"].get(name).is_some()) {
        return Err(fault("userData", "must identify somebody"));
    }
    // Not a rule of Microsoft's, but of those who asked the visitor.
    if event["adStorageConsent"] == "D"
        && event["userData"].as_object().is_some_and(|person| person.len() > 1)
    {
        return Err(fault("userData", "must hold one identifier and no more without consent"));
    }
    check_custom_data(event)
}

fn check_custom_data(event: &Value) -> Result<(), Fault> {
    let Some(custom) = event.get("customData") else { return Ok(()) };
    check_fields("customData", custom, CUSTOM_DATA, true)?;
    for (index, item) in custom["items"].as_array().into_iter().flatten().enumerate() {
        check_fields(&format!("customData.items[{index}]"), item, ITEM, true)?;
    }
    if custom.get("value").is_some() != custom.get("currency").is_some() {
        return Err(fault("customData", "value and currency go together"));
    }
    let revenue = ["value", "currency", "ecommTotalValue"].iter().any(|name| custom.get(name).is_some());
    if event["eventType"] == "pageLoad" && revenue {
        return Err(fault("customData", "a page load carries no revenue"));
    }
    Ok(())
}

/// How Microsoft tells an event from others: by tag, name and id. The name of a page load is empty.
pub(super) fn taken(event: &Value, tag: &str) -> Taken {
    let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let (name, id) = (field("eventName"), field("eventId"));
    let key = format!("{tag}\0{name}\0{id}");
    Taken { key, name: if name.is_empty() { "pageLoad".to_owned() } else { name }, id }
}

//! One event of the Conversions API: its fields, its time, and who it must be about.

use serde_json::Value;
use shared::UnixMs;
use shared::time::{DAY_MS, MINUTE_MS};

use super::fields::{
    self, Fault, Field, amount, click_id, currency, digest, flag, ip_address, list, number, object, text,
    texts, uuid, visitor, web_address, whole,
};
use super::{BATCH, Taken, members};

const ENVELOPE: &[Field] = &[
    ("data", list, "must be a list"),
    ("dataProvider", text, "must be a text"),
    ("continueOnValidationError", flag, "must be true or false"),
];

const EVENT: &[Field] = &[
    ("eventType", |value| value == "pageLoad" || value == "custom", "must be pageLoad or custom"),
    ("eventTime", whole, "must be a whole number of seconds"),
    ("eventId", text, "must be a text"),
    ("eventName", text, "must be a text"),
    ("eventSourceUrl", web_address, "must be a full http address"),
    ("pageLoadId", uuid, "must be a UUID"),
    ("referrerUrl", web_address, "must be a full http address"),
    ("pageTitle", text, "must be a text"),
    ("keywords", text, "must be a text"),
    ("adStorageConsent", |value| value == "G" || value == "D", "must be G or D"),
    ("userData", object, "must be an object"),
    ("customData", object, "must be an object"),
];

const USER_DATA: &[Field] = &[
    ("anonymousId", visitor, "must be a visitor's id and nothing else"),
    ("externalId", visitor, "must be a pseudonym"),
    ("em", digest, "must be hashed: 64 lower-case hexadecimal digits"),
    ("ph", digest, "must be hashed: 64 lower-case hexadecimal digits"),
    ("msclkid", click_id, "must be a GUID"),
    ("clientIpAddress", ip_address, "must be one IPv4 or IPv6 address without port"),
    ("clientUserAgent", text, "must be a text"),
    ("idfa", text, "must be a text"),
    ("gaid", text, "must be a text"),
];

/// What identifies somebody; an address or a user agent does not.
const IDENTIFIERS: [&str; 7] = ["anonymousId", "externalId", "em", "ph", "msclkid", "idfa", "gaid"];

const CUSTOM_DATA: &[Field] = &[
    ("eventCategory", text, "must be a text"),
    ("eventLabel", text, "must be a text"),
    ("eventValue", number, "must be a number"),
    ("value", amount, "must be a number, nought or more"),
    ("currency", currency, "must be a currency of ISO 4217"),
    ("transactionId", text, "must be a text"),
    ("searchTerm", text, "must be a text"),
    ("items", list, "must be a list"),
    ("itemIds", texts, "must be a list of texts"),
    (
        "pageType",
        |value| PAGE_TYPES.iter().any(|known| value == known),
        "must be one of the documented words",
    ),
    ("ecommTotalValue", amount, "must be a number, nought or more"),
    ("ecommCategory", text, "must be a text"),
    ("hotelData", object, "must be an object"),
];

const PAGE_TYPES: [&str; 7] = ["home", "category", "product", "searchresults", "cart", "purchase", "other"];

const ITEM: &[Field] = &[
    ("id", text, "must be a text"),
    ("quantity", whole, "must be a whole number"),
    ("price", amount, "must be a number, nought or more"),
    ("name", text, "must be a text"),
];

/// Oldest event.
const OLDEST_MS: i64 = 7 * DAY_MS;
/// No clock is exact; more than a minute ahead is a mistake.
const AHEAD_MS: i64 = MINUTE_MS;

/// Checks what stands around the events.
pub(super) fn check_envelope(body: &Value) -> Result<(), Fault> {
    fields::check("", body, ENVELOPE)?;
    fields::require("", body, &["data"])?;
    let rows = body["data"].as_array().map_or(0, Vec::len);
    if rows == 0 || rows > BATCH { Err(Fault::new("data", "must hold 1 to 1000 events")) } else { Ok(()) }
}

/// Checks one event.
pub(super) fn check(event: &Value, now: UnixMs) -> Result<(), Fault> {
    fields::check("", event, EVENT)?;
    fields::require("", event, &["eventType", "eventTime", "userData"])?;
    let needed = if event["eventType"] == "pageLoad" { "eventSourceUrl" } else { "eventName" };
    fields::require("", event, &[needed])?;
    let age_ms = now.since(UnixMs(event["eventTime"].as_i64().unwrap_or_default().saturating_mul(1_000)));
    if !(-AHEAD_MS..=OLDEST_MS).contains(&age_ms) {
        return Err(Fault::new("eventTime", "must be seconds, within the past 7 days and not in the future"));
    }
    fields::check("userData", &event["userData"], USER_DATA)?;
    if !IDENTIFIERS.iter().any(|name| event["userData"].get(name).is_some()) {
        return Err(Fault::new("userData", "must identify somebody"));
    }
    // Not a rule of Microsoft's, but of those who asked the visitor.
    if event["adStorageConsent"] == "D" && members(&event["userData"]).len() > 1 {
        return Err(Fault::new("userData", "must hold one identifier and no more without consent"));
    }
    check_custom_data(event)
}

fn check_custom_data(event: &Value) -> Result<(), Fault> {
    let Some(custom) = event.get("customData") else { return Ok(()) };
    fields::check("customData", custom, CUSTOM_DATA)?;
    for (index, item) in custom["items"].as_array().into_iter().flatten().enumerate() {
        fields::check(&format!("customData.items[{index}]"), item, ITEM)?;
    }
    if custom.get("value").is_some() != custom.get("currency").is_some() {
        return Err(Fault::new("customData", "value and currency go together"));
    }
    let revenue = ["value", "currency", "ecommTotalValue"].iter().any(|name| custom.get(name).is_some());
    if event["eventType"] == "pageLoad" && revenue {
        return Err(Fault::new("customData", "a page load carries no revenue"));
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

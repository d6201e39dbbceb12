//! One event: its fields, its identifiers and the rules between them.
//!
//! Facts: reference of `events:ingest` and "Send events" of the Data Manager API.

use serde_json::Value;
use shared::UnixMs;
use shared::time::{DAY_MS, MINUTE_MS};

use super::super::fields::{Like, Shape, check_fields, fault, join};
use super::Error;

pub(super) const DIGITS: Shape =
    Shape::One(Like { passes: is_digits, rule: "must be digits in quotes, no resource name", code: None });
pub(super) const CUSTOMER: Shape =
    Shape::One(Like { passes: is_customer, rule: "must be ten digits without dashes", code: None });
const TIME: Shape = Shape::One(Like { passes: is_time, rule: "must be RFC 3339", code: None });
const REGION: Shape = Shape::One(Like { passes: is_region, rule: "must be two capital letters", code: None });
const CLICK: Shape =
    Shape::One(Like { passes: is_click, rule: "must be 1 to 500 visible characters", code: None });
const CODES: Shape = Shape::Each(Like { passes: is_click, rule: "must be coupon codes", code: None });

const EVENT: &[(&str, Shape)] = &[
    ("transactionId", Shape::Text),
    ("eventTimestamp", TIME),
    ("lastUpdatedTimestamp", TIME),
    ("eventSource", Shape::OneOf(&["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"])),
    ("conversionValue", Shape::Number),
    ("currency", Shape::Currency),
    ("adIdentifiers", Shape::Object),
    ("userData", Shape::Object),
    ("consent", Shape::Object),
    ("eventDeviceInfo", Shape::Object),
    ("cartData", Shape::Object),
    ("customVariables", Shape::List),
    ("userProperties", Shape::Object),
];

const AD_IDENTIFIERS: &[(&str, Shape)] = &[
    ("gclid", CLICK),
    ("gbraid", CLICK),
    ("wbraid", CLICK),
    ("sessionAttributes", Shape::Text),
    ("landingPageDeviceInfo", Shape::Object),
];

const USER_DATA: &[(&str, Shape)] = &[("userIdentifiers", Shape::List)];
const IDENTIFIER: &[(&str, Shape)] =
    &[("emailAddress", Shape::Digest), ("phoneNumber", Shape::Digest), ("address", Shape::Object)];
const ADDRESS: &[(&str, Shape)] = &[
    ("givenName", Shape::Digest),
    ("familyName", Shape::Digest),
    ("regionCode", REGION),
    ("postalCode", Shape::Text),
];

const CONSENT: &[(&str, Shape)] = &[
    ("adUserData", Shape::OneOf(&["CONSENT_GRANTED", "CONSENT_DENIED"])),
    ("adPersonalization", Shape::OneOf(&["CONSENT_GRANTED", "CONSENT_DENIED"])),
];

const DEVICE: &[(&str, Shape)] = &[("userAgent", Shape::Text), ("ipAddress", Shape::IpAddress)];

const CART: &[(&str, Shape)] = &[
    ("merchantId", DIGITS),
    ("merchantFeedLabel", Shape::Text),
    ("merchantFeedLanguageCode", Shape::Text),
    ("transactionDiscount", Shape::Number),
    ("couponCodes", CODES),
    ("items", Shape::List),
];
const ITEM: &[(&str, Shape)] =
    &[("merchantProductId", Shape::Text), ("quantity", DIGITS), ("unitPrice", Shape::Number)];

const VARIABLE: &[(&str, Shape)] = &[("variable", Shape::Text), ("value", Shape::Text)];
const USER_PROPERTIES: &[(&str, Shape)] = &[
    ("customerType", Shape::OneOf(&["NEW", "RETURNING", "REENGAGED"])),
    ("customerValueBucket", Shape::OneOf(&["LOW", "MEDIUM", "HIGH"])),
];

/// No clock is exact; more than a minute ahead is a mistake.
const AHEAD_MS: i64 = MINUTE_MS;
const OLDEST_MS: i64 = 90 * DAY_MS;
/// Most identifiers of one event.
const IDENTIFIERS: usize = 10;

/// Checks one event. `encoded` says whether the request names the encoding of its hashes.
pub(super) fn check(path: &str, event: &Value, encoded: bool, now: UnixMs) -> Result<(), Error> {
    check_fields(path, event, EVENT, true).map_err(Error::invalid)?;
    for required in ["eventTimestamp", "eventSource", "transactionId"] {
        if event.get(required).is_none() {
            return Err(Error::missing(join(path, required)));
        }
    }
    check_time(path, event, now)?;
    check_id(path, event)?;
    if event.get("conversionValue").is_some() != event.get("currency").is_some() {
        return Err(Error::missing(join(path, "currency")));
    }
    let parts = [
        ("adIdentifiers", AD_IDENTIFIERS),
        ("userData", USER_DATA),
        ("consent", CONSENT),
        ("eventDeviceInfo", DEVICE),
        ("cartData", CART),
        ("userProperties", USER_PROPERTIES),
    ];
    for (name, table) in parts {
        if let Some(part) = event.get(name) {
            check_part(&join(path, name), part, table)?;
        }
    }
    check_each(&join(path, "customVariables"), &event["customVariables"], VARIABLE)?;
    check_person(path, event, encoded)?;
    check_click(path, event)?;
    check_cart(path, event)
}

/// The fields of an object, and that there are any.
fn check_part(path: &str, part: &Value, table: &[(&'static str, Shape)]) -> Result<(), Error> {
    check_fields(path, part, table, true).map_err(Error::invalid)?;
    let empty = part.as_object().is_some_and(serde_json::Map::is_empty);
    if empty { Err(Error::invalid(fault(path, "must not be empty"))) } else { Ok(()) }
}

fn check_each(path: &str, list: &Value, table: &[(&'static str, Shape)]) -> Result<(), Error> {
    for (index, one) in list.as_array().into_iter().flatten().enumerate() {
        check_part(&format!("{path}[{index}]"), one, table)?;
    }
    Ok(())
}

fn check_time(path: &str, event: &Value, now: UnixMs) -> Result<(), Error> {
    let at = event["eventTimestamp"].as_str().and_then(UnixMs::parse_rfc3339).unwrap_or_default();
    let age = now.since(at);
    if (-AHEAD_MS..=OLDEST_MS).contains(&age) {
        return Ok(());
    }
    let error = Error::invalid(fault(join(path, "eventTimestamp"), "lies in the future or too far back"));
    Err(Error { reason: "EVENT_TIME_INVALID", ..error })
}

/// Two characters or more, and not digits alone, as the live service was seen to demand.
fn check_id(path: &str, event: &Value) -> Result<(), Error> {
    let id = event["transactionId"].as_str().unwrap_or_default();
    if id.len() >= 2 && !is_digits(id) && !id.contains('@') {
        return Ok(());
    }
    Err(Error::invalid(fault(
        join(path, "transactionId"),
        "must be no number, no address, two characters or more",
    )))
}

fn check_person(path: &str, event: &Value, encoded: bool) -> Result<(), Error> {
    let Some(user_data) = event.get("userData") else { return Ok(()) };
    let path = join(&join(path, "userData"), "userIdentifiers");
    if !encoded {
        return Err(Error::missing("encoding"));
    }
    let identifiers = user_data["userIdentifiers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if identifiers.is_empty() || identifiers.len() > IDENTIFIERS {
        let error = Error::invalid(fault(path, "must hold 1 to 10 identifiers"));
        return Err(Error { reason: "TOO_MANY_USER_IDENTIFIERS", ..error });
    }
    for (index, identifier) in identifiers.iter().enumerate() {
        let path = format!("{path}[{index}]");
        check_part(&path, identifier, IDENTIFIER)?;
        if identifier.as_object().is_some_and(|object| object.len() != 1) {
            return Err(Error::invalid(fault(path, "must hold one of the three kinds")));
        }
        if let Some(address) = identifier.get("address") {
            check_address(&join(&path, "address"), address)?;
        }
    }
    Ok(())
}

/// All four fields, and an American postal code as the post there writes it.
fn check_address(path: &str, address: &Value) -> Result<(), Error> {
    check_part(path, address, ADDRESS)?;
    if let Some((missing, _)) = ADDRESS.iter().find(|(name, _)| address.get(name).is_none()) {
        return Err(Error::missing(join(path, missing)));
    }
    let code = address["postalCode"].as_str().unwrap_or_default();
    let american = |code: &str| {
        let digits: String = code.chars().filter(|c| *c != '-').collect();
        is_digits(&digits) && matches!(digits.len(), 5 | 9) && code.len() - digits.len() <= 1
    };
    if address["regionCode"] == "US" && !american(code) {
        let error = Error::invalid(fault(join(path, "postalCode"), "must be five digits, or five and four"));
        return Err(Error { reason: "INVALID_POSTAL_CODE", ..error });
    }
    Ok(())
}

/// One click id, and something to know the visitor by.
fn check_click(path: &str, event: &Value) -> Result<(), Error> {
    let ids = &event["adIdentifiers"];
    let there = |name: &str| ids.get(name).is_some();
    let path = join(path, "adIdentifiers");
    if there("wbraid") && (there("gclid") || there("gbraid")) {
        return Err(Error::invalid(fault(path, "wbraid must stand alone")));
    }
    if ids.is_null() && event.get("userData").is_none() {
        let error = Error::invalid(fault(path, "missing, and no user data either"));
        return Err(Error { reason: "NO_IDENTIFIERS_PROVIDED", ..error });
    }
    Ok(())
}

fn check_cart(path: &str, event: &Value) -> Result<(), Error> {
    let Some(cart) = event.get("cartData") else { return Ok(()) };
    let path = join(path, "cartData");
    let ids = &event["adIdentifiers"];
    if ids.get("gbraid").or(ids.get("wbraid")).is_some() {
        return Err(Error::invalid(fault(path, "not allowed beside gbraid or wbraid")));
    }
    let path = join(&path, "items");
    check_each(&path, &cart["items"], ITEM)?;
    for (index, item) in cart["items"].as_array().into_iter().flatten().enumerate() {
        for required in ["merchantProductId", "unitPrice"] {
            if item.get(required).is_none() {
                return Err(Error::missing(format!("{path}[{index}].{required}")));
            }
        }
    }
    Ok(())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_customer(text: &str) -> bool {
    text.len() == 10 && is_digits(text)
}

fn is_time(text: &str) -> bool {
    text.contains('T') && UnixMs::parse_rfc3339(text).is_some()
}

fn is_region(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_click(text: &str) -> bool {
    (1..=500).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

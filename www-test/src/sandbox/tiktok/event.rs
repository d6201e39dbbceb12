//! One event: its fields, its age, its person and its page.
//!
//! Facts: page "parameters" of the Events API 2.0, and for names the help article "standard events and parameters".

use serde_json::Value;
use shared::UnixMs;
use shared::time::DAY_MS;

use crate::sandbox::fields::{Fault, Like, Shape, check_fields, check_time, digest, fault, join};

const EVENT: &[(&str, Shape)] = &[
    ("event", Shape::Text),
    ("event_time", Shape::Integer),
    // A number is refused: "not a valid string".
    ("event_id", Shape::Text),
    ("user", Shape::Object),
    ("page", Shape::Object),
    ("properties", Shape::Object),
    ("limited_data_use", Shape::Flag),
    ("ad", Shape::Object),
    ("device", Shape::Object),
    ("lead", Shape::Object),
    ("app", Shape::Object),
];

const USER: &[(&str, Shape)] = &[
    ("email", Shape::Digest),
    ("phone", Shape::Digest),
    ("external_id", Shape::Digest),
    ("first_name", ONE_DIGEST),
    ("last_name", ONE_DIGEST),
    ("zip_code", ONE_DIGEST),
    ("city", PLACE),
    ("state", PLACE),
    ("country", PLACE),
    ("ttclid", CLICK),
    ("ttp", CLICK),
    ("ip", Shape::IpAddress),
    ("user_agent", Shape::Text),
    ("locale", LOCALE),
    ("idfa", Shape::Text),
    ("idfv", Shape::Text),
    ("gaid", Shape::Text),
    ("att_status", Shape::Text),
];

const ONE_DIGEST: Shape = like(digest, "must be one hash: 64 lower-case hexadecimal digits");
const PLACE: Shape = like(
    |text| {
        let plain = |c: char| !c.is_uppercase() && !c.is_whitespace() && !c.is_ascii_punctuation();
        !text.is_empty() && text.chars().all(plain) && !digest(text)
    },
    "must be plain, in small letters, without blanks and punctuation",
);
const CLICK: Shape = like(
    |text| (1..=1000).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
    "must be up to 1000 visible characters",
);
const LOCALE: Shape = like(
    |text| {
        text.len() >= 2
            && text
                .split('-')
                .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    },
    "must be a BCP 47 tag such as de-DE",
);

const fn like(passes: fn(&str) -> bool, rule: &'static str) -> Shape {
    Shape::One(Like { passes, rule, code: None })
}

/// One of these must be there.
const IDENTIFIERS: [&str; 6] = ["email", "phone", "external_id", "ttclid", "ttp", "ip"];

const PAGE: &[(&str, Shape)] = &[("url", Shape::WebAddress), ("referrer", Shape::Text)];

const LEAD: &[(&str, Shape)] = &[("lead_id", Shape::Text), ("lead_event_source", Shape::Text)];

const PROPERTIES: &[(&str, Shape)] = &[
    ("value", Shape::Number),
    ("currency", Shape::Currency),
    ("contents", Shape::List),
    ("content_type", CONTENT_TYPE),
    ("content_ids", Shape::Texts),
    ("num_items", Shape::Integer),
    ("order_id", Shape::Text),
    ("shop_id", Shape::Text),
    ("query", Shape::Text),
    ("search_string", Shape::Text),
    ("description", Shape::Text),
    ("status", Shape::Text),
    ("delivery_category", Shape::Text),
    ("predicted_ltv", Shape::Number),
];

const CONTENT: &[(&str, Shape)] = &[
    ("content_id", Shape::Text),
    ("content_type", CONTENT_TYPE),
    ("content_name", Shape::Text),
    ("content_category", Shape::Text),
    ("price", Shape::Number),
    ("quantity", Shape::Integer),
    ("brand", Shape::Text),
];

const CONTENT_TYPE: Shape = Shape::OneOf(&["product", "product_group"]);

/// Names of TikTok's own, which are case-sensitive: another spelling would be a custom event, and surely a mistake.
const NAMES: [&str; 23] = [
    "Pageview",
    "ViewContent",
    "Search",
    "AddToCart",
    "AddToWishlist",
    "InitiateCheckout",
    "AddPaymentInfo",
    "Purchase",
    "Lead",
    "CompleteRegistration",
    "Subscribe",
    "StartTrial",
    "Contact",
    "Schedule",
    "FindLocation",
    "CustomizeProduct",
    "SubmitApplication",
    "Download",
    "ApplicationApproval",
    "CompletePayment",
    "PlaceAnOrder",
    "SubmitForm",
    "ClickButton",
];

/// The longest attribution window; an older event matches nothing.
const OLDEST_MS: i64 = 28 * DAY_MS;

/// Checks one event for a data source of this kind.
pub(super) fn check(path: &str, event: &Value, kind: &str, now: UnixMs) -> Result<(), Fault> {
    check_fields(path, event, EVENT, true)?;
    for required in ["event", "event_time", "user"] {
        if event.get(required).is_none() {
            return Err(fault(join(path, required), "missing"));
        }
    }
    check_name(path, event["event"].as_str().unwrap_or_default())?;
    check_time(join(path, "event_time"), &event["event_time"], OLDEST_MS, None, now)?;
    check_part(path, event, "page", PAGE, "url", kind == "web")?;
    check_part(path, event, "lead", LEAD, "lead_id", false)?;
    if event.get("lead").is_some() && kind != "crm" {
        return Err(fault(join(path, "lead"), "belongs to event source crm"));
    }
    check_user(path, event)?;
    check_properties(&join(path, "properties"), event.get("properties"))
}

fn check_name(path: &str, name: &str) -> Result<(), Fault> {
    if NAMES.iter().any(|known| known.eq_ignore_ascii_case(name) && *known != name) {
        return Err(fault(join(path, "event"), "is not spelt as TikTok spells it"));
    }
    Ok(())
}

/// An object inside the event with one field it cannot do without.
fn check_part(
    path: &str,
    event: &Value,
    name: &str,
    table: &[(&'static str, Shape)],
    needed: &str,
    required: bool,
) -> Result<(), Fault> {
    let path = join(path, name);
    match event.get(name) {
        Some(part) => {
            check_fields(&path, part, table, true)?;
            if part.get(needed).is_none() { Err(fault(join(&path, needed), "missing")) } else { Ok(()) }
        }
        None if required => Err(fault(path, "missing")),
        None => Ok(()),
    }
}

fn check_user(path: &str, event: &Value) -> Result<(), Fault> {
    let field = join(path, "user");
    check_fields(&field, &event["user"], USER, true)?;
    let there = |value: &Value| value.as_array().is_none_or(|list| !list.is_empty());
    let identified = IDENTIFIERS.iter().any(|name| event["user"].get(name).is_some_and(there));
    if !identified && event.get("lead").is_none() {
        return Err(fault(field, "nothing that could identify a person"));
    }
    Ok(())
}

fn check_properties(path: &str, properties: Option<&Value>) -> Result<(), Fault> {
    let Some(properties) = properties else { return Ok(()) };
    check_fields(path, properties, PROPERTIES, true)?;
    for (index, content) in properties["contents"].as_array().into_iter().flatten().enumerate() {
        check_fields(&format!("{path}.contents[{index}]"), content, CONTENT, true)?;
    }
    Ok(())
}

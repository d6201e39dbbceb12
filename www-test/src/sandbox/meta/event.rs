//! One server event: its fields, its age, and what a purchase needs.
//!
//! Facts: "Server event parameters", "Custom data parameters" and "Data processing options" of the Conversions API.

use serde_json::Value;
use shared::UnixMs;
use shared::time::DAY_MS;

use super::person;
use crate::sandbox::fields::{Fault, Shape, check_fields, check_time, fault, join};

const EVENT: &[(&str, Shape)] = &[
    ("event_name", Shape::Text),
    ("event_time", Shape::Integer),
    ("event_id", Shape::Text),
    ("user_data", Shape::Object),
    ("custom_data", Shape::Object),
    ("action_source", Shape::OneOf(&ACTION_SOURCES)),
    ("event_source_url", Shape::WebAddress),
    ("referrer_url", Shape::Text),
    ("opt_out", Shape::Flag),
    ("data_processing_options", Shape::Texts),
    ("data_processing_options_country", Shape::Integer),
    ("data_processing_options_state", Shape::Integer),
    ("customer_segmentation", Shape::Text),
    ("original_event_data", Shape::Object),
    ("attribution_data", Shape::Object),
    ("app_data", Shape::Object),
    ("messaging_channel", Shape::Text),
];

const ACTION_SOURCES: [&str; 9] = [
    "website",
    "app",
    "email",
    "phone_call",
    "chat",
    "physical_store",
    "system_generated",
    "business_messaging",
    "other",
];

const CUSTOM: &[(&str, Shape)] = &[
    ("value", Shape::Number),
    ("currency", Shape::Currency),
    ("content_ids", Shape::Texts),
    ("contents", Shape::List),
    ("content_type", Shape::OneOf(&["product", "product_group"])),
    ("content_name", Shape::Text),
    ("content_category", Shape::Text),
    ("num_items", Shape::Integer),
    ("order_id", Shape::Text),
    ("search_string", Shape::Text),
    ("predicted_ltv", Shape::Number),
    ("net_revenue", Shape::Number),
    ("status", Shape::Text),
    ("item_number", Shape::Text),
    ("delivery_category", Shape::OneOf(&DELIVERY)),
];

const CONTENT: &[(&str, Shape)] = &[
    ("id", Shape::Text),
    ("quantity", Shape::Integer),
    ("item_price", Shape::Number),
    ("title", Shape::Text),
    ("description", Shape::Text),
    ("brand", Shape::Text),
    ("category", Shape::Text),
    ("delivery_category", Shape::OneOf(&DELIVERY)),
];

const DELIVERY: [&str; 3] = ["in_store", "curbside", "home_delivery"];
/// States of Limited Data Use; 0 lets Meta find out.
const STATES: [i64; 15] =
    [0, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013];
/// Oldest event, and the oldest of a shop with walls.
const OLDEST_MS: i64 = 7 * DAY_MS;
const OLDEST_IN_STORE_MS: i64 = 62 * DAY_MS;
const TOO_OLD: u32 = 2_804_003;
const NO_VALUE: u32 = 2_804_009;

/// Checks one event.
pub(super) fn check(path: &str, event: &Value, now: UnixMs) -> Result<(), Fault> {
    check_fields(path, event, EVENT, true)?;
    for required in ["event_name", "event_time", "user_data", "action_source"] {
        if event.get(required).is_none() {
            return Err(fault(join(path, required), "missing"));
        }
    }
    if event["action_source"] == "website" && event.get("event_source_url").is_none() {
        return Err(fault(join(path, "event_source_url"), "missing, and required for a website"));
    }
    let in_store = event["action_source"] == "physical_store";
    let oldest = if in_store { OLDEST_IN_STORE_MS } else { OLDEST_MS };
    check_time(join(path, "event_time"), &event["event_time"], oldest, Some(TOO_OLD), now)?;
    check_data_processing(path, event)?;
    person::check(&join(path, "user_data"), &event["user_data"])?;
    check_custom_data(&join(path, "custom_data"), event)
}

/// Limited Data Use: `LDU` or nothing, and a country never without a state.
fn check_data_processing(path: &str, event: &Value) -> Result<(), Fault> {
    let named = |name: &str| join(path, &format!("data_processing_options{name}"));
    let options = event["data_processing_options"].as_array();
    if options.is_some_and(|options| options.iter().any(|option| option != "LDU")) {
        return Err(fault(named(""), "must be [\"LDU\"] or []"));
    }
    let country = event["data_processing_options_country"].as_i64();
    let state = event["data_processing_options_state"].as_i64();
    if country.is_some_and(|country| !matches!(country, 0 | 1)) {
        return Err(fault(named("_country"), "must be 0 or 1"));
    }
    if state.is_some_and(|state| !STATES.contains(&state)) {
        return Err(fault(named("_state"), "must be a documented state code"));
    }
    if country.is_some() && state.is_none() {
        return Err(fault(named("_state"), "missing, and required with a country"));
    }
    Ok(())
}

/// Known fields have their shapes, others are the sender's own; a purchase needs a value and a currency.
fn check_custom_data(path: &str, event: &Value) -> Result<(), Fault> {
    let custom = event.get("custom_data");
    if let Some(custom) = custom {
        check_fields(path, custom, CUSTOM, false)?;
        for (index, content) in custom["contents"].as_array().into_iter().flatten().enumerate() {
            check_fields(&format!("{path}.contents[{index}]"), content, CONTENT, true)?;
        }
    }
    if event["event_name"] != "Purchase" {
        return Ok(());
    }
    let missing = |name| custom.is_none_or(|custom| custom.get(name).is_none());
    if missing("value") {
        return Err(Fault {
            code: Some(NO_VALUE),
            ..fault(join(path, "value"), "missing, and required for a purchase")
        });
    }
    if missing("currency") {
        return Err(fault(join(path, "currency"), "missing, and required for a purchase"));
    }
    Ok(())
}

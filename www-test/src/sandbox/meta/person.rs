//! `user_data`: what must be hashed, what must not be, and how little is too little.
//!
//! Facts: "Customer information parameters" and "fbp and fbc parameters" of the Conversions API.

use serde_json::Value;

use super::formats::{BROWSER_COOKIE, CLICK_COOKIE, DIGEST};
use crate::sandbox::fields::{Fault, Shape, check_fields, fault};

const USER_DATA: &[(&str, Shape)] = &[
    ("em", DIGEST),
    ("ph", DIGEST),
    ("fn", DIGEST),
    ("ln", DIGEST),
    ("ge", DIGEST),
    ("db", DIGEST),
    ("ct", DIGEST),
    ("st", DIGEST),
    ("zp", DIGEST),
    ("country", DIGEST),
    // Hashing it is recommended, not required.
    ("external_id", Shape::OneOrMany),
    ("client_ip_address", Shape::IpAddress),
    ("client_user_agent", Shape::Text),
    ("fbc", CLICK_COOKIE),
    ("fbp", BROWSER_COOKIE),
    ("subscription_id", Shape::Text),
    ("fb_login_id", Shape::Integer),
    ("lead_id", Shape::Integer),
    ("anon_id", Shape::Text),
    ("madid", Shape::Text),
    ("page_id", Shape::Text),
    ("page_scoped_user_id", Shape::Text),
    ("ctwa_clid", Shape::Text),
    ("ig_account_id", Shape::Text),
    ("ig_sid", Shape::Text),
];

/// An event whose identity is a subset of one of these cannot be matched to anybody.
const TOO_LITTLE: [&[&str]; 4] = [
    &["ct", "country", "st", "zp", "ge", "client_user_agent"],
    &["db", "client_user_agent"],
    &["fn", "ge"],
    &["ln", "ge"],
];
const TOO_LITTLE_IDENTITY: u32 = 2_804_050;

/// Checks one person.
pub(super) fn check(path: &str, person: &Value) -> Result<(), Fault> {
    check_fields(path, person, USER_DATA, true)?;
    let object = person.as_object().into_iter().flatten();
    let said: Vec<&str> = object
        .filter(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()))
        .map(|(name, _)| name.as_str())
        .collect();
    if TOO_LITTLE.iter().any(|set| said.iter().all(|name| set.contains(name))) {
        return Err(Fault { code: Some(TOO_LITTLE_IDENTITY), ..fault(path, "too little to match a person") });
    }
    Ok(())
}

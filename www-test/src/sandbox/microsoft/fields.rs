//! Tables of fields and the rules their values must keep, with one checker for all of them.

use std::net::IpAddr;

use serde_json::Value;

use super::members;

/// A value that cannot be: which field and which rule, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) rule: &'static str,
}

impl Fault {
    pub(super) fn new(field: impl Into<String>, rule: &'static str) -> Self {
        Self { field: field.into(), rule }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

/// One field: its name, what holds of its value, and that in words.
pub(super) type Field = (&'static str, fn(&Value) -> bool, &'static str);

/// The rule of a name that stands in no table.
pub(super) const NO_SUCH_FIELD: &str = "no such field";

/// Checks every field that is there.
pub(super) fn check(path: &str, value: &Value, table: &[Field]) -> Result<(), Fault> {
    if !value.is_object() {
        return Err(Fault::new(path, "must be an object"));
    }
    for (name, value) in members(value) {
        let field = join(path, &name);
        let known = table.iter().find(|(known, ..)| *known == name);
        let (_, holds, rule) = known.ok_or_else(|| Fault::new(field.clone(), NO_SUCH_FIELD))?;
        if !holds(&value) {
            return Err(Fault::new(field, rule));
        }
    }
    Ok(())
}

/// Demands fields.
pub(super) fn require(path: &str, value: &Value, names: &[&str]) -> Result<(), Fault> {
    match names.iter().find(|name| value.get(**name).is_none()) {
        Some(name) => Err(Fault::new(join(path, name), "missing")),
        None => Ok(()),
    }
}

/// A field's full name.
pub(super) fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

pub(super) fn text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

pub(super) fn number(value: &Value) -> bool {
    value.is_number()
}

pub(super) fn amount(value: &Value) -> bool {
    value.as_f64().is_some_and(|amount| amount >= 0.0)
}

pub(super) fn whole(value: &Value) -> bool {
    value.is_i64()
}

pub(super) fn flag(value: &Value) -> bool {
    value.is_boolean()
}

pub(super) fn object(value: &Value) -> bool {
    value.is_object()
}

pub(super) fn list(value: &Value) -> bool {
    value.is_array()
}

pub(super) fn texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(text))
}

/// 64 lower-case hexadecimal digits.
pub(super) fn digest(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// A GUID, with or without dashes, and without the prefix it has in a cookie.
pub(super) fn click_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| hex32(&text.replace('-', "")) && matches!(text.len(), 32 | 36))
}

pub(super) fn uuid(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 36 && hex32(&text.replace('-', "")))
}

/// A visitor's id without the parts the browser tag appends.
pub(super) fn visitor(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && !text.contains(['|', '%', '@', ' ']))
}

pub(super) fn ip_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

pub(super) fn web_address(value: &Value) -> bool {
    let url = value.as_str().and_then(|text| url::Url::parse(text).ok());
    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Three capital letters, and not those that ISO 4217 keeps for no currency at all.
pub(super) fn currency(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) && !matches!(text, "XXX" | "XTS")
    })
}

/// `2026-11-20T14:05:09Z`: UTC, to the second.
pub(super) fn utc(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 20 && shared::UnixMs::parse_rfc3339(text).is_some())
}

fn hex32(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

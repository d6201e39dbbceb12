//! Tables of fields and the shapes their values must have, with one checker for all of them.
//!
//! Owns what a single value may look like. Leaves the platform's own formats ([`Like`]) and the rules between fields to
//! its player.

use std::net::IpAddr;

use serde_json::Value;
use shared::UnixMs;
use shared::time::MINUTE_MS;

/// A value that cannot be: which field, which rule, and the platform's code where the rule has one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Fault {
    pub(in crate::sandbox) field: String,
    pub(in crate::sandbox) rule: &'static str,
    pub(in crate::sandbox) code: Option<u32>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

/// A fault without a code of its own.
pub(in crate::sandbox) fn fault(field: impl Into<String>, rule: &'static str) -> Fault {
    Fault { field: field.into(), rule, code: None }
}

/// What a value may look like.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) enum Shape {
    /// A text that is not empty.
    Text,
    /// A number, not a text that looks like one.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Flag,
    /// An object.
    Object,
    /// A list.
    List,
    /// A list of texts.
    Texts,
    /// One text or a list of texts.
    OneOrMany,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Three letters.
    Currency,
    /// A full http address.
    WebAddress,
    /// One digest or a list of them: 64 lower-case hexadecimal digits.
    Digest,
    /// One IPv4 or IPv6 address without port.
    IpAddress,
    /// A text in a format of the platform's own.
    One(Like),
    /// One text or a list of texts in a format of the platform's own.
    Each(Like),
}

/// A format of a platform's own.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Like {
    /// Whether a text has it.
    pub(in crate::sandbox) passes: fn(&str) -> bool,
    /// What it is, after "must be".
    pub(in crate::sandbox) rule: &'static str,
    /// The platform's code for a text that has it not, where it has one.
    pub(in crate::sandbox) code: Option<u32>,
}

/// Checks every field that is there. A field the table does not name is a fault when `strict`.
pub(in crate::sandbox) fn check_fields(
    path: &str,
    value: &Value,
    table: &[(&'static str, Shape)],
    strict: bool,
) -> Result<(), Fault> {
    let object = value.as_object().ok_or_else(|| fault(path, "must be an object"))?;
    for (name, value) in object {
        let known = table.iter().find(|(field, _)| field == name);
        match known {
            Some((field, shape)) => shape
                .check(value)
                .map_err(|rule| Fault { code: shape.code(), ..fault(join(path, field), rule) })?,
            None if strict => return Err(fault(join(path, name), "no such field")),
            None => {}
        }
    }
    Ok(())
}

/// Checks the time of an event, in seconds: not older than `oldest_ms` (else a fault with the code `too_old`, where the
/// platform has one) and not of the future. No clock is exact; more than a minute ahead is a mistake.
pub(in crate::sandbox) fn check_time(
    field: String,
    seconds: &Value,
    oldest_ms: i64,
    too_old: Option<u32>,
    now: UnixMs,
) -> Result<(), Fault> {
    let seconds = seconds.as_i64().unwrap_or_default();
    if seconds >= SURELY_MILLISECONDS {
        return Err(fault(field, "must be in seconds, not milliseconds"));
    }
    let age_ms = now.since(UnixMs(seconds.saturating_mul(1000)));
    if age_ms > oldest_ms {
        return Err(Fault { code: too_old, ..fault(field, "too old") });
    }
    if age_ms < -MINUTE_MS {
        return Err(fault(field, "lies in the future"));
    }
    Ok(())
}

/// Milliseconds since 1973 and seconds until 5138 lie on different sides of this.
const SURELY_MILLISECONDS: i64 = 100_000_000_000;

/// A field's full name.
pub(in crate::sandbox) fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

impl Shape {
    fn check(self, value: &Value) -> Result<(), &'static str> {
        let text = value.as_str().filter(|text| !text.is_empty());
        let rule = |holds: bool, rule| if holds { Ok(()) } else { Err(rule) };
        match self {
            Self::Text => rule(text.is_some(), "must be a text that is not empty"),
            Self::Number => rule(value.is_number(), "must be a number"),
            Self::Integer => rule(value.is_i64(), "must be a whole number"),
            Self::Flag => rule(value.is_boolean(), "must be true or false"),
            Self::Object => rule(value.is_object(), "must be an object"),
            Self::List => rule(value.is_array(), "must be a list"),
            Self::Texts => rule(value.is_array() && many(value, is_text), "must be a list of texts"),
            Self::OneOrMany => rule(many(value, is_text), "must be a text or a list of texts"),
            Self::OneOf(words) => {
                rule(text.is_some_and(|text| words.contains(&text)), "must be one of the documented words")
            }
            Self::Currency => rule(text.is_some_and(currency), "must be the three letters of a currency"),
            Self::WebAddress => rule(text.is_some_and(web_address), "must be a full http address"),
            Self::Digest => {
                rule(many(value, digest), "must be hashed: 64 lower-case hexadecimal digits, one or a list")
            }
            Self::IpAddress => rule(
                text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
                "must be one IPv4 or IPv6 address without port",
            ),
            Self::One(like) => rule(text.is_some_and(like.passes), like.rule),
            Self::Each(like) => rule(many(value, like.passes), like.rule),
        }
    }

    /// The platform's own code for a value that has not this shape.
    const fn code(self) -> Option<u32> {
        match self {
            Self::One(like) | Self::Each(like) => like.code,
            Self::Text
            | Self::Number
            | Self::Integer
            | Self::Flag
            | Self::Object
            | Self::List
            | Self::Texts
            | Self::OneOrMany
            | Self::OneOf(_)
            | Self::Currency
            | Self::WebAddress
            | Self::Digest
            | Self::IpAddress => None,
        }
    }
}

/// Whether a text, or every text of a list, passes.
fn many(value: &Value, passes: fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => passes(text),
        Value::Array(list) => list.iter().all(|one| one.as_str().is_some_and(passes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn is_text(text: &str) -> bool {
    !text.is_empty()
}

fn currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// 64 lower-case hexadecimal digits.
pub(in crate::sandbox) fn digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The same event with another value at a pointer into it; `null` takes the field away.
#[cfg(test)]
pub(in crate::sandbox) fn changed(mut event: Value, pointer: &str, value: &Value) -> Value {
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let parent = event.pointer_mut(parent).expect("the parent exists").as_object_mut().expect("an object");
    match value {
        Value::Null => drop(parent.remove(last)),
        value => drop(parent.insert(last.to_owned(), value.clone())),
    }
    event
}

//! Tables of fields and the shapes their values must have, with one checker for all of them.
//!
//! Owns what a single value may look like. Leaves rules between fields to `event` and `person`.

use std::net::IpAddr;

use serde_json::Value;

/// A value that cannot be: which field, which rule, and Meta's subcode where the rule has one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) rule: &'static str,
    pub(super) subcode: Option<u32>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

/// A fault without a subcode.
pub(super) fn fault(field: impl Into<String>, rule: &'static str) -> Fault {
    Fault { field: field.into(), rule, subcode: None }
}

/// What a value may look like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
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
    /// Under 23 characters, at least two letters.
    PartnerAgent,
    /// One digest or a list of them: 64 lower-case hexadecimal digits, or those with Meta's own 8-character marker.
    Digest,
    /// One IPv4 or IPv6 address without port.
    IpAddress,
    /// `fb.{n}.{ms}.{click id}`, a fifth part only if it is a marker of Meta's own libraries.
    ClickCookie,
    /// `fb.{n}.{ms}.{digits}`, the same.
    BrowserCookie,
}

/// A malformed `fbc` refuses the batch under this subcode.
const BAD_FBC: u32 = 2_804_001;

/// Checks every field that is there. A field the table does not name is a fault when `strict`.
pub(super) fn check_fields(
    path: &str,
    value: &Value,
    table: &[(&'static str, Shape)],
    strict: bool,
) -> Result<(), Fault> {
    let object = value.as_object().ok_or_else(|| fault(path, "must be an object"))?;
    for (name, value) in object {
        let known = table.iter().find(|(field, _)| field == name);
        match known {
            Some((field, shape)) => shape.check(value).map_err(|rule| Fault {
                subcode: matches!(shape, Shape::ClickCookie).then_some(BAD_FBC),
                ..fault(join(path, field), rule)
            })?,
            None if strict => return Err(fault(join(path, name), "no such field")),
            None => {}
        }
    }
    Ok(())
}

/// A field's full name.
pub(super) fn join(path: &str, field: &str) -> String {
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
            Self::PartnerAgent => {
                rule(text.is_some_and(partner_agent), "must be under 23 characters with at least two letters")
            }
            Self::Digest => {
                rule(many(value, digest), "must be hashed: 64 lower-case hexadecimal digits, one or a list")
            }
            Self::IpAddress => rule(
                text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
                "must be one IPv4 or IPv6 address without port",
            ),
            Self::ClickCookie => rule(
                text.is_some_and(|text| cookie(text, |click| !click.is_empty())),
                "must be fb.{subdomain index}.{milliseconds}.{click id}",
            ),
            Self::BrowserCookie => rule(
                text.is_some_and(|text| cookie(text, digits)),
                "must be fb.{subdomain index}.{milliseconds}.{digits}",
            ),
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

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn partner_agent(text: &str) -> bool {
    text.chars().count() < 23 && text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

fn web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn digest(text: &str) -> bool {
    let (hash, marker) = text.split_once('.').map_or((text, None), |(hash, marker)| (hash, Some(marker)));
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_hash && marker.is_none_or(|marker| marker.len() == 8 && marker.bytes().all(base64url))
}

/// `fb.1.1795400000123.tail`, with or without a marker as fifth part.
fn cookie(text: &str, tail: fn(&str) -> bool) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let (["fb", index, created, last] | ["fb", index, created, last, _]) = parts[..] else { return false };
    let marked = parts.get(4).is_none_or(|marker| marker_of_a_library(marker));
    // Milliseconds have 13 digits from 2001 to 2286; seconds are a known mistake.
    digits(index) && digits(created) && created.len() == 13 && tail(last) && marked
}

/// An old two-letter language token, or six bytes in unpadded base64url.
fn marker_of_a_library(marker: &str) -> bool {
    const LANGUAGES: [&str; 6] = ["AQ", "Ag", "Aw", "BA", "BQ", "Bg"];
    LANGUAGES.contains(&marker) || (marker.len() == 8 && marker.bytes().all(base64url))
}

fn base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

//! Postbacks: the strict reading of a query that says everything, and the replies that say next to nothing.
//!
//! The networks that take them ignore what they do not know. The sandbox refuses it, so that a typing error shows: a
//! parameter that is unknown, twice there or empty, a blank written as `+`, a code that is none. Owns that and the
//! shapes of values; leaves the names of parameters to the player.

use std::collections::BTreeMap;

use shared::UnixMs;

use super::exchange::{Answer, Arrived, Reply};
use super::player::Complaint;

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A click id: visible ASCII, no macro.
    Click,
    /// Any text.
    Text,
    /// A decimal number with a dot, no sign, no exponent.
    Decimal,
    /// Digits, not nought.
    Whole,
    /// Three upper-case letters.
    Currency,
    /// `yyyy-MM-dd HH:mm:ss`, not in the future.
    Time,
}

/// A parameter a player knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

impl Parameter {
    pub(super) const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true }
    }

    pub(super) const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false }
    }
}

/// The parameters of a request by name, decoded; or what is wrong with them.
pub(super) fn read(
    request: &Arrived,
    known: &[Parameter],
    now: UnixMs,
) -> Result<BTreeMap<&'static str, String>, String> {
    let mut found = BTreeMap::new();
    for pair in request.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, encoded) = pair.split_once('=').unwrap_or((pair, ""));
        let parameter = known.iter().find(|parameter| parameter.name == name);
        let parameter = parameter.ok_or_else(|| format!("{name}: no such parameter"))?;
        let value = decode(encoded).ok_or_else(|| format!("{name}: not percent-encoded as it must be"))?;
        if !fits(parameter.shape, &value, now) {
            return Err(format!("{name}: not a {:?}", parameter.shape));
        }
        if found.insert(parameter.name, value).is_some() {
            return Err(format!("{name}: twice there"));
        }
    }
    match known.iter().find(|parameter| parameter.required && !found.contains_key(parameter.name)) {
        Some(missing) => Err(format!("{}: missing", missing.name)),
        None => Ok(found),
    }
}

/// Percent-encoding undone, as strictly as RFC 3986 has it: unreserved bytes and codes, nothing else.
fn decode(encoded: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), encoded.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                u8::from_str_radix(&String::from_utf8(vec![rest.next()?, rest.next()?]).ok()?, 16).ok()?
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Whether a value has its shape. Nothing fits when it is empty.
pub(super) fn fits(shape: Shape, value: &str, now: UnixMs) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    !value.is_empty()
        && match shape {
            Shape::Click => value.bytes().all(|b| b.is_ascii_graphic()) && !value.contains(['{', '}']),
            Shape::Text => !value.chars().any(char::is_control),
            Shape::Decimal => {
                let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
                digits(whole) && digits(part)
            }
            Shape::Whole => digits(value) && value != "0",
            Shape::Currency => value.len() == 3 && value.bytes().all(|b| b.is_ascii_uppercase()),
            Shape::Time => {
                let time = UnixMs::parse_rfc3339(&format!("{value}Z"));
                value.len() == 19 && value.as_bytes()[10] == b' ' && time.is_some_and(|time| time <= now)
            }
        }
}

/// A request that is not taken, without a word to the sender: none is documented.
pub(super) fn refused(status: u16, reason: impl Into<String>) -> Answer {
    Answer::Refused { reply: Reply::empty(status), reason: reason.into() }
}

/// Complaints by status alone. There are no credentials that could expire; what is left is being shut out.
pub(super) fn complain(complaint: Complaint) -> Reply {
    match complaint {
        Complaint::TooManyRequests { retry_after_s } => {
            Reply::empty(429).with("retry-after", retry_after_s.to_string())
        }
        Complaint::Throttled => Reply::empty(429),
        Complaint::ServerError { status } => Reply::empty(status),
        Complaint::Transient => Reply::empty(503).with("retry-after", "1"),
        Complaint::TokenExpired => Reply::empty(403),
        Complaint::Poisoned { code: _ } => Reply::empty(400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 3] = [
        Parameter::required("click-id", Shape::Click),
        Parameter::required("name", Shape::Text),
        Parameter::optional("revenue", Shape::Decimal),
    ];

    fn check(query: &str, expected: Result<&str, &str>) {
        let request = Arrived { query: Some(query.to_owned()), ..Arrived::default() };
        let found = read(&request, &KNOWN, UnixMs(0)).map(|found| found["name"].clone());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{query}");
    }

    #[test]
    fn a_query_is_read_strictly() {
        check("click-id=Gi~A.b_c-1&name=Gr%C3%B6%C3%9Fe%20%26%2B", Ok("Größe &+"));
        check("name=a&click-id=x&revenue=49.9", Ok("a"));
        check("click-id=x&name=a+b", Err("name: not percent-encoded as it must be"));
        check("click-id=x&name=a%2", Err("name: not percent-encoded as it must be"));
        check("click-id=x&name=a%zz", Err("name: not percent-encoded as it must be"));
        check("click-id=x&name=%ff", Err("name: not percent-encoded as it must be"));
        check("click-id=x&name=a/b", Err("name: not percent-encoded as it must be"));
        check("click-id=x&name=", Err("name: not a Text"));
        check("click-id=x&name=a&name=b", Err("name: twice there"));
        check("click-id=x&name=a&email=b", Err("email: no such parameter"));
        check("click_id=x&name=a", Err("click_id: no such parameter"));
        check("name=a", Err("click-id: missing"));
        check("click-id=%7Bclick_id%7D&name=a", Err("click-id: not a Click"));
        check("click-id=x&name=a&revenue=4,9", Err("revenue: not percent-encoded as it must be"));
        check("", Err("click-id: missing"));
    }

    #[test]
    fn values_have_their_shapes() {
        let check = |shape, value: &str, right: bool| {
            assert_eq!(fits(shape, value, UnixMs(1_795_435_200_000)), right, "{shape:?} {value:?}");
        };
        for (value, right) in
            [("0", true), ("49.9", true), ("-1", false), ("1e9", false), ("4,9", false), (".5", false)]
        {
            check(Shape::Decimal, value, right);
        }
        for (value, right) in [("2", true), ("0", false), ("2.0", false)] {
            check(Shape::Whole, value, right);
        }
        for (value, right) in [("EUR", true), ("eur", false), ("EURO", false), ("€", false)] {
            check(Shape::Currency, value, right);
        }
        for (value, right) in [
            ("2026-11-22 14:05:09", true),
            ("2026-11-23 12:00:00", true),
            ("2026-11-23 12:00:01", false),
            ("2026-11-22T14:05:09", false),
            ("2026-11-22 14:05:09Z", false),
            ("2026-13-22 14:05:09", false),
            ("11/22/2026 14:05:09", false),
        ] {
            check(Shape::Time, value, right);
        }
    }
}

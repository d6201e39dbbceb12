//! Lenient fields of foreign JSON: one that is of another type than expected is as good as absent.
//!
//! Senders change their payloads, pin old versions and let plugins write into them; a conversion is not lost because a
//! field beside it looks odd. What an event cannot do without, its source demands by name.

use std::fmt;
use std::ops::Deref;

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shared::UnixMs;

use super::reading::Unreadable;

/// Reads a body that is a JSON object, whatever its fields hold.
pub(super) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    const NOT_JSON: Unreadable = Unreadable::Body { expected: "a JSON object" };
    let text = std::str::from_utf8(body).map_err(|_| NOT_JSON)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    // serde would also take a list, field by field.
    if !text.starts_with('{') {
        return Err(NOT_JSON);
    }
    serde_json::from_str(text).map_err(|_| NOT_JSON)
}

/// A value that may be there, may be null and may be something else.
#[derive(Debug)]
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Maybe<T> {
    type Target = Option<T>;
    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

/// A list of which those items count that can be read.
#[derive(Debug)]
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items: Maybe<Vec<Box<RawValue>>> = Maybe::deserialize(deserializer)?;
        let items = items.0.unwrap_or_default();
        Ok(Self(items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect()))
    }
}

/// A text, or a whole number as text; never blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a whole number")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                let text = text.trim();
                if text.is_empty() { Err(E::custom("blank")) } else { Ok(Text(text.to_owned())) }
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Maybe<Text> {
    /// The text.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text, to keep.
    pub(super) fn owned(&self) -> Option<String> {
        self.0.as_ref().map(|text| text.0.clone())
    }

    /// The instant the text names in RFC 3339.
    pub(super) fn time(&self) -> Option<UnixMs> {
        UnixMs::parse_rfc3339(self.text()?)
    }
}

/// A decimal amount in major units: a number, or text in the plain form `59.90`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Amount(pub(super) f64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount such as 59.90")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
                Ok(Amount(number as f64))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount(number as f64))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
                Ok(Amount(number))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                let text = text.trim();
                let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
                text.parse().ok().filter(|_| plain).map(Amount).ok_or_else(|| E::custom("no amount"))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Maybe<Amount> {
    /// The amount.
    pub(super) fn amount(&self) -> Option<f64> {
        self.0.map(|amount| amount.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Order {
        id: Maybe<Text>,
        total: Maybe<Amount>,
        lines: List<Line>,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        id: u32,
    }

    fn order(json: &str) -> Order {
        object(json.as_bytes()).expect("an object")
    }

    #[test]
    fn an_odd_field_is_absent_and_hurts_nobody() {
        let read =
            order(r#"{"id":{"x":1},"total":"12 EUR","lines":[{"id":1},{"id":"x"},7,{"id":3}],"z":[[]]}"#);
        assert_eq!((read.id.text(), read.total.amount()), (None, None));
        assert_eq!(read.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [1, 3]);
        assert!(order(r#"{"lines":null}"#).lines.is_empty() && order(r#"{"lines":{}}"#).lines.is_empty());
    }

    #[test]
    fn ids_and_amounts_are_text_or_numbers() {
        let read = order(r#"{"id":820982911946154508,"total":59.9}"#);
        assert_eq!((read.id.text(), read.total.amount()), (Some("820982911946154508"), Some(59.9)));
        let read = order(r#"{"id":" #1 ","total":"59.90"}"#);
        assert_eq!((read.id.text(), read.total.amount()), (Some("#1"), Some(59.9)));
        assert_eq!(order(r#"{"total":"-4.00"}"#).total.amount(), Some(-4.0));
        assert_eq!(order(r#"{"id":"  ","total":"NaN"}"#).id.text(), None);
    }

    #[test]
    fn only_an_object_is_one() {
        for body in ["", "[]", "[1]", "7", "{", "null", "webhook_id=4", "\u{feff}"] {
            assert!(object::<Order>(body.as_bytes()).is_err(), "{body}");
        }
        assert!(object::<Order>(b"\xff{}").is_err());
        assert!(object::<Order>("\u{feff} {}".as_bytes()).is_ok());
    }
}

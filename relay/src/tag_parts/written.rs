//! Settings of a part that are checked as they are read, so that each mistake is told with its own place.
//!
//! `toml` says where a mistake stands if it is told of it while it hands the value over; a moment later only the list
//! around it would be known. So checks are made inside the visitor. What is wrong may be quoted: a part has no secrets.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A table, read as `W` and checked.
pub(super) fn table<'de, D: Deserializer<'de>, W: Deserialize<'de>, T>(
    deserializer: D,
    check: fn(W) -> Result<T, &'static str>,
) -> Result<T, D::Error> {
    struct Table<W, T>(fn(W) -> Result<T, &'static str>);
    impl<'de, W: Deserialize<'de>, T> Visitor<'de> for Table<W, T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            (self.0)(W::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
        }
    }
    deserializer.deserialize_any(Table(check))
}

/// A text for which `fits` holds.
pub(super) fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
    fits: fn(&str) -> bool,
    expected: &'static str,
) -> Result<String, D::Error> {
    struct Text {
        fits: fn(&str) -> bool,
        expected: &'static str,
    }
    impl Visitor<'_> for Text {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            if (self.fits)(text) {
                return Ok(text.to_owned());
            }
            Err(E::custom(format_args!("expected {}{}", self.expected, found(text))))
        }
    }
    deserializer.deserialize_any(Text { fits, expected })
}

/// The end of a sentence about a text, where the text fits into one.
pub(super) fn found(text: &str) -> String {
    if text.len() > LONGEST_QUOTED || text.contains(char::is_control) {
        return String::new();
    }
    format!(", found `{text}`")
}

/// Longest text that a message quotes.
const LONGEST_QUOTED: usize = 80;

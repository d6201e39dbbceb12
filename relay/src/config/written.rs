//! Values of a configuration that are checked as they are read, so that each mistake is told with its own place.
//!
//! `toml` says where a mistake stands if it is told of it while it hands the value over; a moment later only the list
//! around it would be known. So checks are made inside the visitor. Leaves what is right to whoever reads the value.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A table, read as `W` and checked.
pub(crate) fn table<'de, D: Deserializer<'de>, W: Deserialize<'de>, T>(
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

/// A text, checked.
pub(crate) fn text<'de, D: Deserializer<'de>, T, M: fmt::Display>(
    deserializer: D,
    check: impl FnOnce(&str) -> Result<T, M>,
) -> Result<T, D::Error> {
    struct Text<C>(C);
    impl<T, M: fmt::Display, C: FnOnce(&str) -> Result<T, M>> Visitor<'_> for Text<C> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Text(check))
}

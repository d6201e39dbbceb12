//! Values of a configuration that are checked as they are read, so that each mistake is told with its own place.
//!
//! `toml` says where a mistake stands if it is told of it while it hands the value over; a moment later only the list
//! around it would be known. So checks are made inside the visitor. Leaves what is right to whoever reads the value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

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

/// A whole number of a range.
pub(crate) fn number<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
    range: RangeInclusive<u64>,
) -> Result<T, D::Error> {
    struct Number<T>(RangeInclusive<u64>, PhantomData<T>);
    impl<T: TryFrom<u64>> Visitor<'_> for Number<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {} to {}", self.0.start(), self.0.end())
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            let within = u64::try_from(number).ok().filter(|number| self.0.contains(number));
            let within = within.and_then(|number| T::try_from(number).ok());
            within.ok_or_else(|| {
                let (least, most) = (self.0.start(), self.0.end());
                E::custom(format_args!("expected a whole number from {least} to {most}, found {number}"))
            })
        }
    }
    deserializer.deserialize_any(Number(range, PhantomData))
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

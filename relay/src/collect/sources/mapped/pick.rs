//! Picks: where one value of an event comes from, and how it is written there.
//!
//! A text is a path. A table says more: `{ path = "amount", minor_units = 2 }`, `{ first_of = ["mobile", "phone"] }`,
//! `{ constant = "EUR" }`, `{ path = "plan", names = { gold = 99 } }`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::manner::{DecimalMark, Manner, TimeFormat};
use super::super::tree::Node;
use super::constant::{Constant, same};
use super::path::{Path, Place};

/// Where a value comes from.
#[derive(Debug)]
pub(super) struct Pick {
    from: From,
    /// What the body says, and what that means.
    names: Option<Vec<(Constant, Constant)>>,
    /// How it is written.
    pub(super) manner: Manner,
}

#[derive(Debug)]
enum From {
    FirstOf(Vec<Path>),
    Constant(Constant),
}

impl Pick {
    /// Hands the value over; one that is not there is [`Node::Nothing`].
    pub(super) fn with<T>(&self, place: Place<'_>, take: impl FnOnce(&Node<'_>) -> T) -> T {
        let constant;
        let picked = match &self.from {
            From::Constant(from) => {
                constant = from.node();
                &constant
            }
            From::FirstOf(paths) => {
                let mut there = paths.iter().map(|path| path.first(place)).filter(|node| !node.is_blank());
                there.next().unwrap_or(&Node::Nothing)
            }
        };
        let Some(names) = &self.names else { return take(picked) };
        // A value nobody has translated is none: another system's word is not to be taken for ours.
        let named = names.iter().find(|(name, _)| same(picked, &name.node()));
        match named {
            Some((_, constant)) => take(&constant.node()),
            None => take(&Node::Nothing),
        }
    }

    /// The value as text.
    pub(super) fn text(&self, place: Place<'_>) -> Option<String> {
        self.with(place, |node| node.text())
    }
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: Option<Path>,
    first_of: Option<Vec<Path>>,
    constant: Option<Constant>,
    names: Option<BTreeMap<String, Constant>>,
    minor_units: Option<MinorUnits>,
    #[serde(default)]
    decimal_mark: DecimalMark,
    #[serde(default)]
    format: TimeFormat,
}

/// Decimals a whole number hides.
struct MinorUnits(u8);

impl<'de> Deserialize<'de> for MinorUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let decimals = i64::deserialize(deserializer)?;
        let known = u8::try_from(decimals).ok().filter(|decimals| *decimals <= 6);
        known
            .map(Self)
            .ok_or_else(|| D::Error::custom("expected how many decimals a whole number hides, 0 to 6"))
    }
}

impl<'de> Deserialize<'de> for Pick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Pick;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a table with `path`, `first_of` or `constant`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Pick, E> {
                let path = Path::deserialize(StrDeserializer::new(text))?;
                Ok(Pick { from: From::FirstOf(vec![path]), names: None, manner: Manner::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pick, A::Error> {
                let written = Written::deserialize(MapAccessDeserializer::new(map))?;
                let from = match (written.path, written.first_of, written.constant) {
                    (Some(path), None, None) => From::FirstOf(vec![path]),
                    (None, Some(paths), None) => From::FirstOf(paths),
                    (None, None, Some(constant)) => From::Constant(constant),
                    (_, _, _) => {
                        return Err(A::Error::custom("expected one of `path`, `first_of` and `constant`"));
                    }
                };
                let pair = |(name, value): (String, Constant)| Ok((Constant::text(&name)?, value));
                let names = written.names.map(|names| names.into_iter().map(pair).collect()).transpose()?;
                let minor_units = written.minor_units.map_or(0, |MinorUnits(decimals)| decimals);
                let manner =
                    Manner { minor_units, decimal_mark: written.decimal_mark, format: written.format };
                Ok(Pick { from, names, manner })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct One {
        #[expect(dead_code, reason = "only the error is looked at")]
        pick: Pick,
    }

    fn picked(pick: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct One {
            pick: Pick,
        }
        let One { pick } = toml::from_str(&format!("pick = {pick}")).expect("a pick");
        let body = Node::read(br#"{"a":"x","b":"","c":7,"plan":"Gold"}"#).expect("JSON");
        pick.text(Place { top: &body, here: &body })
    }

    #[test]
    fn a_value_is_found_or_given() {
        for (pick, expected) in [
            ("'a'", Some("x")),
            ("{ path = 'a' }", Some("x")),
            ("{ first_of = ['z', 'b', 'c', 'a'] }", Some("7")),
            ("{ constant = 'EUR' }", Some("EUR")),
            ("{ constant = 7 }", Some("7")),
            ("{ path = 'plan', names = { gold = 'big', silver = 'small' } }", Some("big")),
            ("{ path = 'c', names = { 7 = 'seven' } }", Some("seven")),
            ("{ path = 'a', names = { gold = 'big' } }", None),
            ("'b'", None),
            ("'z'", None),
        ] {
            assert_eq!(picked(pick).as_deref(), expected, "{pick}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_where_it_stands() {
        for (pick, words, place) in [
            ("'a..b'", "no path", "'a..b'"),
            ("{ path = 'a..b' }", "no path", "'a..b'"),
            ("{ first_of = ['a', 'b['] }", "no path", "'b['"),
            ("{ path = 'a', minor_units = 9 }", "decimals", "9"),
            ("{ path = 'a', decimal_mark = ';' }", "unknown variant", "';'"),
            ("{ path = 'a', format = 'iso' }", "unknown variant", "'iso'"),
            ("{ path = 'a', constant = 1 }", "expected one of", "{ path = 'a', constant = 1 }"),
            ("{ pth = 'a' }", "unknown field", "pth"),
            ("7", "a path, or a table", "7"),
        ] {
            let text = format!("pick = {pick}");
            let error = toml::from_str::<One>(&text).expect_err(pick);
            assert!(error.message().contains(words), "{error}");
            assert_eq!(error.span().and_then(|span| text.get(span)), Some(place), "{pick}");
        }
    }
}

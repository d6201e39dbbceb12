//! A foreign JSON body of any shape, read once and walked by name: for senders whose fields their customers make up.
//!
//! Values stay in the body until one is asked for, so personal data is copied nowhere but into [`Personal`]. As with
//! `json`, what is of another kind than expected is as good as absent, and so is what lies deeper than anybody nests.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shared::limits;

use super::json::{Amount, Text};
use super::reading::Unreadable;
use crate::collect::raw_user::Personal;

/// A value somewhere in a body. Holds raw personal data, so it does not print.
pub(super) enum Node<'a> {
    /// Not there, or null.
    Nothing,
    /// A text, number or truth value, not read yet.
    Leaf(&'a RawValue),
    /// A list.
    List(Vec<Node<'a>>),
    /// Names and values, in their order.
    Table(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads a body that is a JSON object or list.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        const NOT_JSON: Unreadable = Unreadable::Body { expected: "JSON, an object or a list" };
        let text = std::str::from_utf8(body).map_err(|_| NOT_JSON)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| NOT_JSON)?;
        match Self::of(raw, limits::DEPTH) {
            node @ (Self::List(_) | Self::Table(_)) => Ok(node),
            Self::Nothing | Self::Leaf(_) => Err(NOT_JSON),
        }
    }

    fn of(raw: &'a RawValue, depth: usize) -> Self {
        let text = raw.get();
        let below = depth.checked_sub(1);
        match (text.as_bytes().first(), below) {
            (Some(b'{' | b'['), None) | (Some(b'n') | None, _) => Self::Nothing,
            (Some(b'{'), Some(below)) => serde_json::from_str(text).map_or(Self::Nothing, |Pairs(pairs)| {
                Self::Table(pairs.into_iter().map(|(name, raw)| (name, Self::of(raw, below))).collect())
            }),
            (Some(b'['), Some(below)) => serde_json::from_str::<Vec<&RawValue>>(text)
                .map_or(Self::Nothing, |items| {
                    Self::List(items.into_iter().map(|raw| Self::of(raw, below)).collect())
                }),
            (Some(_), _) => Self::Leaf(raw),
        }
    }

    /// The value of this name; of several, the last, as JSON readers have it.
    pub(super) fn get(&self, name: &str) -> &Self {
        let found = self.pairs().iter().rev().find(|(known, _)| known == name);
        found.map_or(&Self::Nothing, |(_, node)| node)
    }

    /// The value at the end of these names.
    pub(super) fn at(&self, path: &[&str]) -> &Self {
        path.iter().fold(self, |node, name| node.get(name))
    }

    /// The first of these names that has a value.
    pub(super) fn first(&self, names: &[&str]) -> &Self {
        let mut there = names.iter().map(|name| self.get(name)).filter(|node| !node.is_nothing());
        there.next().unwrap_or(&Self::Nothing)
    }

    /// Names and values of a table; none of anything else.
    pub(super) fn pairs(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Self::Table(pairs) => pairs,
            Self::Nothing | Self::Leaf(_) | Self::List(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Nothing | Self::Leaf(_) | Self::Table(_) => &[],
        }
    }

    /// Whether there is no value.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether there is no value, or an empty text, which some send for none.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Leaf(raw) => raw.get().trim_matches(['"', ' ']).is_empty(),
            Self::List(_) | Self::Table(_) => false,
        }
    }

    /// The text, or a whole number as text; never blank.
    pub(super) fn text(&self) -> Option<String> {
        self.leaf::<Text>().map(|Text(text)| text)
    }

    /// The amount, a number or text in the plain form `59.90`.
    pub(super) fn amount(&self) -> Option<f64> {
        self.leaf::<Amount>().map(|Amount(amount)| amount).filter(|amount| amount.is_finite())
    }

    /// The number, but no text.
    pub(super) fn number(&self) -> Option<f64> {
        self.leaf::<f64>().filter(|number| number.is_finite())
    }

    /// The truth value.
    pub(super) fn flag(&self) -> Option<bool> {
        self.leaf()
    }

    /// The whole number.
    pub(super) fn whole(&self) -> Option<i64> {
        self.leaf()
    }

    /// The value as something about a person.
    pub(super) fn personal(&self) -> Option<Personal> {
        Personal::filled(self.leaf())
    }

    fn leaf<T: DeserializeOwned>(&self) -> Option<T> {
        match self {
            Self::Leaf(raw) => serde_json::from_str(raw.get()).ok(),
            Self::Nothing | Self::List(_) | Self::Table(_) => None,
        }
    }
}

/// The pairs of an object; names are borrowed where nothing in them is escaped.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    pairs.push((name, map.next_value()?));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Node<'_> {
        Node::read(json.as_bytes()).expect("JSON")
    }

    #[test]
    fn values_are_found_by_name() {
        let read = node(r#"{"a":{"b":[1,{"c":" x "}]},"n":null,"d":"1","d":"2","\u0065":true,"v":59.9}"#);
        assert_eq!(read.at(&["a", "b"]).items()[1].get("c").text().as_deref(), Some("x"));
        assert_eq!(read.get("d").text().as_deref(), Some("2"), "the last of two counts");
        assert_eq!(read.get("e").flag(), Some(true));
        assert_eq!(read.first(&["z", "n", "v"]).amount(), Some(59.9));
        assert!(read.get("n").is_nothing() && read.at(&["a", "z", "y"]).is_nothing());
        assert!(read.get("a").text().is_none() && read.get("a").personal().is_none());
    }

    #[test]
    fn only_objects_and_lists_are_bodies() {
        for body in ["", "7", "null", "\"x\"", "{", "a=b", "[1", "{}{}"] {
            assert!(Node::read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Node::read(b"\xff{}").is_err());
        for body in ["\u{feff}{}", " [ ] "] {
            assert!(Node::read(body.as_bytes()).is_ok(), "{body}");
        }
    }

    /// Deep nesting must not end in a stack overflow.
    #[test]
    fn what_lies_too_deep_is_not_there() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        let read = node(&deep);
        let mut depth = 0;
        let mut at = read.get("a");
        while let Some(inner) = at.items().first() {
            (depth, at) = (depth + 1, inner);
        }
        assert_eq!(depth, limits::DEPTH - 1);
        let bomb = "[".repeat(200_000);
        assert!(Node::read(bomb.as_bytes()).is_err());
    }
}

//! Constants of a configuration, in the shape of the values of a body, so that both are used alike.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use zeroize::Zeroizing;

use super::super::tree::Node;

/// A text, number or truth value.
pub(super) struct Constant(Box<RawValue>);

impl Constant {
    /// A text.
    pub(super) fn text<E: Error>(text: &str) -> Result<Self, E> {
        constant(text)
    }

    /// The constant as if it stood in a body.
    pub(super) fn node(&self) -> Node<'_> {
        Node::Leaf(&self.0)
    }
}

impl fmt::Debug for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

impl<'de> Deserialize<'de> for Constant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Constant;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or true or false")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Constant, E> {
                constant(text)
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Constant, E> {
                constant(flag)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Constant, E> {
                constant(number)
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Constant, E> {
                if number.is_finite() { constant(number) } else { Err(E::custom("expected a finite number")) }
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

fn constant<E: Error>(value: impl Serialize) -> Result<Constant, E> {
    to_raw_value(&value).map(Constant).map_err(E::custom)
}

/// Whether two values are the same to a person: numbers as numbers, truth values also as the texts of them, texts without
/// regard to case and blanks at the ends.
pub(super) fn same(a: &Node<'_>, b: &Node<'_>) -> bool {
    if let (Some(a), Some(b)) = (a.amount(), b.amount()) {
        return a == b;
    }
    // Somebody may compare an e-mail address: what is copied for it is wiped.
    let plain = |node: &Node<'_>| match node.flag() {
        Some(flag) => Some(Zeroizing::new(flag.to_string())),
        None => node.text().map(Zeroizing::new),
    };
    match (plain(a), plain(b)) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b),
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_people_do() {
        let check = |a: &str, b: &str, expected: bool| {
            let text = format!("[{a},{b}]");
            let node = Node::read(text.as_bytes()).expect("JSON");
            assert_eq!(same(&node.items()[0], &node.items()[1]), expected, "{a} {b}");
            assert_eq!(same(&node.items()[1], &node.items()[0]), expected, "{b} {a}");
        };
        check("59.9", "\"59.90\"", true);
        check("7", "\"7\"", true);
        check("true", "\"True\"", true);
        check("\" Closed Won\"", "\"closed won\"", true);
        check("\"\"", "\"\"", false);
        check("true", "1", false);
        check("null", "null", false);
        check("[]", "[]", false);
        check("\"a\"", "\"b\"", false);
    }
}

//! Conditions: when a rule applies. All of a rule's conditions must hold; of several values one suffices.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::super::tree::Node;
use super::constant::{Constant, same};
use super::path::{Path, Place};
use crate::config::written::table;

/// One condition.
pub(super) struct Condition {
    path: Path,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equals(Constant),
    OneOf(Vec<Constant>),
    NoneOf(Vec<Constant>),
    Exists(bool),
    Above(f64),
    Below(f64),
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.path, self.test)
    }
}

impl Condition {
    /// Whether it holds here.
    pub(super) fn holds(&self, place: Place<'_>) -> bool {
        let values = self.path.all(place);
        let any = |test: &dyn Fn(&Node<'_>) -> bool| values.iter().any(|node| test(node));
        let among = |known: &[Constant]| any(&|node| known.iter().any(|known| same(node, &known.node())));
        match &self.test {
            Test::Equals(value) => any(&|node| same(node, &value.node())),
            Test::OneOf(known) => among(known),
            Test::NoneOf(known) => !among(known),
            Test::Exists(expected) => any(&|node| !node.is_blank()) == *expected,
            Test::Above(least) => any(&|node| node.amount().is_some_and(|amount| amount > *least)),
            Test::Below(most) => any(&|node| node.amount().is_some_and(|amount| amount < *most)),
        }
    }
}

/// A condition as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: Path,
    equals: Option<Constant>,
    one_of: Option<Vec<Constant>>,
    none_of: Option<Vec<Constant>>,
    exists: Option<bool>,
    above: Option<f64>,
    below: Option<f64>,
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table(deserializer, Self::check)
    }
}

impl Condition {
    fn check(written: Written) -> Result<Self, &'static str> {
        let Written { path, equals, one_of, none_of, exists, above, below } = written;
        let tests = [
            equals.map(Test::Equals),
            one_of.map(Test::OneOf),
            none_of.map(Test::NoneOf),
            exists.map(Test::Exists),
            above.map(Test::Above),
            below.map(Test::Below),
        ];
        let mut tests = tests.into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(Self { path, test }),
            (_, _) => Err(
                "expected one of `equals`, `one_of`, `none_of`, `exists`, `above` and `below`; a second is a condition of its own",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct One {
        when: Condition,
    }

    fn holds(when: &str) -> bool {
        let one: One = toml::from_str(&format!("when = {when}")).expect("a condition");
        let body = Node::read(
            br#"{"stage":"Closed Won","amount":"59.90","empty":"","ok":"true","l":[{"n":1},{"n":5}]}"#,
        );
        let body = body.expect("JSON");
        one.when.holds(Place { top: &body, here: &body })
    }

    #[test]
    fn conditions_hold_or_do_not() {
        for (when, expected) in [
            ("{ path = 'stage', equals = 'closed won' }", true),
            ("{ path = 'stage', equals = 'lost' }", false),
            ("{ path = 'amount', equals = 59.9 }", true),
            ("{ path = 'ok', equals = true }", true),
            ("{ path = 'stage', one_of = ['lost', 'Closed Won'] }", true),
            ("{ path = 'stage', one_of = [] }", false),
            ("{ path = 'stage', none_of = ['lost'] }", true),
            ("{ path = 'stage', none_of = ['closed won'] }", false),
            ("{ path = 'missing', none_of = ['lost'] }", true),
            ("{ path = 'stage', exists = true }", true),
            ("{ path = 'empty', exists = true }", false),
            ("{ path = 'missing', exists = false }", true),
            ("{ path = 'amount', above = 59 }", true),
            ("{ path = 'amount', above = 59.9 }", false),
            ("{ path = 'amount', below = 60.0 }", true),
            ("{ path = 'stage', above = 0 }", false),
            ("{ path = 'l[*].n', equals = 5 }", true),
            ("{ path = 'l[*].n', above = 5 }", false),
        ] {
            assert_eq!(holds(when), expected, "{when}");
        }
    }

    #[test]
    fn a_condition_says_one_thing() {
        for (when, words) in [
            ("{ path = 'a' }", "expected one of `equals`"),
            ("{ path = 'a', above = 1, below = 2 }", "a second is a condition of its own"),
            ("{ equals = 1 }", "missing field `path`"),
            ("{ path = 'a', is = 1 }", "unknown field `is`"),
            ("{ path = 'a', equals = [1] }", "a text, a number or true or false"),
        ] {
            let error = toml::from_str::<One>(&format!("when = {when}")).expect_err(when);
            assert!(error.message().contains(words), "{error}");
        }
    }
}

//! Paths: where in a foreign body a value stands.
//!
//! Names parted by dots (`deal.stage`), items by number from 0 or from the end (`lines[0].id`, `lines[-1]`), every item or
//! value (`lines[*].id`), names with other characters in quotes (`["a.b"]`). A rule with `each` starts at its item; `$` is
//! the whole body (`$.currency`). A name may hold blanks, as in `Close Date`.

use serde::{Deserialize, Deserializer};
use shared::limits;

use super::super::tree::Node;
use crate::config::written::text;

/// A way into a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    from_top: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Item(usize),
    /// 0 is the last.
    FromEnd(usize),
    Every,
}

/// Where a path starts: the whole body, and the item a rule is at.
#[derive(Clone, Copy)]
pub(super) struct Place<'n> {
    pub(super) top: &'n Node<'n>,
    pub(super) here: &'n Node<'n>,
}

impl Path {
    /// Reads a path; `None` when it is none.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (from_top, mut rest) = match text.strip_prefix('$') {
            Some("") => return Some(Self { from_top: true, steps: Vec::new() }),
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut steps = Vec::new();
        let mut at_name = !from_top;
        while !rest.is_empty() || at_name {
            let (step, after) = match (rest.strip_prefix('['), rest.strip_prefix('.'), at_name) {
                (Some(inside), _, _) => bracketed(inside)?,
                (None, Some(dotted), false) => name(dotted)?,
                (None, _, true) => name(rest)?,
                (None, None, false) => return None,
            };
            steps.push(step);
            (rest, at_name) = (after, false);
        }
        (steps.len() <= limits::DEPTH).then_some(Self { from_top, steps })
    }

    /// The first value at the end of the path.
    pub(super) fn first<'n>(&self, place: Place<'n>) -> &'n Node<'n> {
        self.all(place).into_iter().find(|node| !node.is_blank()).unwrap_or(&Node::Nothing)
    }

    /// Every value at the end of the path, one more than fit into a request at most.
    pub(super) fn all<'n>(&self, place: Place<'n>) -> Vec<&'n Node<'n>> {
        let mut nodes = vec![if self.from_top { place.top } else { place.here }];
        for step in &self.steps {
            let next = nodes.into_iter().flat_map(|node| step.of(node));
            nodes = next.filter(|node| !node.is_nothing()).take(limits::BATCH + 1).collect();
        }
        nodes
    }
}

impl Step {
    fn of<'n>(&self, node: &'n Node<'n>) -> Vec<&'n Node<'n>> {
        let items = node.items();
        match self {
            Self::Name(name) => vec![node.get(name)],
            Self::Item(place) => items.get(*place).into_iter().collect(),
            Self::FromEnd(place) => items.iter().rev().nth(*place).into_iter().collect(),
            Self::Every => items.iter().chain(node.pairs().iter().map(|(_, node)| node)).collect(),
        }
    }
}

/// A name up to the next dot or bracket.
fn name(text: &str) -> Option<(Step, &str)> {
    let (name, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    let fits = !name.trim().is_empty() && !name.contains([']', '"', '*']);
    fits.then(|| (Step::Name(name.to_owned()), rest))
}

/// What stands in brackets, and what follows them.
fn bracketed(text: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, rest) = quoted.split_once("\"]")?;
        return (!name.is_empty()).then(|| (Step::Name(name.to_owned()), rest));
    }
    let (inside, rest) = text.split_once(']')?;
    let digits =
        |text: &str| text.parse::<usize>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let step = match (inside, inside.strip_prefix('-')) {
        ("*", _) => Step::Every,
        (_, Some(back)) => Step::FromEnd(digits(back)?.checked_sub(1)?),
        (forth, None) => Step::Item(digits(forth)?),
    };
    Some((step, rest))
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |text| Self::parse(text).ok_or(NO_PATH))
    }
}

pub(super) const NO_PATH: &str =
    "no path; expected one such as `deal.stage`, `lines[0].id`, `lines[*].id`, `[\"a.b\"]` or `$.currency`";

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"deal":{"stage":"won","Close Date":"x","a.b":1},"lines":[{"id":1},{"id":2},{"id":3}],"top":"t","two":{"p":[4,5],"q":[6]}}"#;

    #[track_caller]
    fn check(path: &str, expected: &[&str]) {
        let body = Node::read(BODY.as_bytes()).expect("JSON");
        let place = Place { top: &body, here: body.get("deal") };
        let path = Path::parse(path).expect(path);
        let found: Vec<_> = path.all(place).into_iter().filter_map(Node::text).collect();
        assert_eq!(found, expected, "{path:?}");
    }

    #[test]
    fn a_path_leads_to_its_values() {
        check("stage", &["won"]);
        check("Close Date", &["x"]);
        check("[\"a.b\"]", &["1"]);
        check("$.top", &["t"]);
        check("$[\"deal\"].stage", &["won"]);
        check("$.lines[1].id", &["2"]);
        check("$.lines[-1].id", &["3"]);
        check("$.lines[-3].id", &["1"]);
        check("$.lines[*].id", &["1", "2", "3"]);
        check("$.two[*][*]", &["4", "5", "6"]);
        check("$.lines[3].id", &[]);
        check("$.lines[-4].id", &[]);
        check("$.lines.id", &[]);
        check("top", &[]);
        check("$", &[]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "a.",
            "a..b",
            "a[",
            "a[]",
            "a[x]",
            "a[-0]",
            "a[-]",
            "a[+1]",
            "a]b",
            "a[\"\"]",
            "a[\"b]",
            "a[0]b",
            "$a",
            "$.",
            "*",
            "a.*",
            "a[99999999999999999999999]",
        ] {
            assert!(Path::parse(text).is_none(), "{text}");
        }
        assert!(Path::parse("a.".repeat(40).trim_end_matches('.')).is_none(), "nobody nests like that");
    }

    #[test]
    fn stars_do_not_multiply_without_end() {
        let row = format!("[{}]", vec!["1"; 400].join(","));
        let text = format!("[{}]", vec![row.as_str(); 400].join(","));
        let body = Node::read(text.as_bytes()).expect("JSON");
        let path = Path::parse("$[*][*]").expect("a path");
        assert_eq!(path.all(Place { top: &body, here: &body }).len(), limits::BATCH + 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a$.\\[\\]\"*0-9 é-]{0,16}") {
            let body = Node::read(BODY.as_bytes()).expect("JSON");
            if let Some(path) = Path::parse(&text) {
                path.all(Place { top: &body, here: &body });
            }
        }
    }
}

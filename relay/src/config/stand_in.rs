//! Stand-ins: values put in the place of keys that are missing or wrong, so that a platform's other settings can be looked over.
//!
//! A platform checks its keys one after another and stops at the first that is wrong. One that must be there cannot just be
//! taken away, so values are tried of which one may fit. What a platform says of them is never told to anybody.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::Node;

/// The first of them, and what stands for a value that could not be had.
pub(super) const STAND_IN: &str = "stand-in";

/// Texts that are tried one after another: any word, an id, an address.
const TEXTS: [&str; 3] = [STAND_IN, "1234567890", "https://stand-in.example/"];

/// The last that is tried: events and ids, for a table.
const ENTRY: (&str, &str) = ("Purchase", "1234567890");

/// Where the first stand-in stands: behind any place of any file.
const BEHIND: usize = isize::MAX as usize;

/// What has been tried.
#[derive(Default)]
pub(super) struct StandIns {
    tried: HashMap<String, usize>,
    made: usize,
}

impl StandIns {
    /// The next stand-in for a key, at a place of its own; `None` when all have been tried.
    pub(super) fn next(&mut self, key: &str) -> Option<Node<'static>> {
        let tried = self.tried.entry(key.to_owned()).or_default();
        let number = *tried;
        *tried += 1;
        self.made += 1;
        let at = BEHIND + self.made..BEHIND + self.made;
        let value = match TEXTS.get(number) {
            Some(text) => DeValue::String((*text).into()),
            None if number == TEXTS.len() => {
                let (name, id) = ENTRY;
                let id = Spanned::new(at.clone(), DeValue::String(id.into()));
                let mut table = DeTable::new();
                table.insert(Spanned::new(at.clone(), name.into()), id);
                DeValue::Table(table)
            }
            None => return None,
        };
        Some(Spanned::new(at, value))
    }
}

/// Whether a place is that of a stand-in.
pub(super) fn is_at(span: &Range<usize>) -> bool {
    span.start > BEHIND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_tried_once_for_each_key_and_stands_apart() {
        let mut made = StandIns::default();
        let mut kinds = |key: &str| {
            let all = std::iter::from_fn(|| made.next(key)).collect::<Vec<_>>();
            assert!(all.iter().all(|value| is_at(&value.span())));
            all
        };
        let (first, second) = (kinds("a"), kinds("b"));
        assert_eq!((first.len(), second.len()), (TEXTS.len() + 1, TEXTS.len() + 1));
        let places: std::collections::HashSet<usize> =
            first.iter().chain(&second).map(|value| value.span().start).collect();
        assert_eq!(places.len(), first.len() + second.len());
        assert!(!is_at(&(0..7)));
    }
}

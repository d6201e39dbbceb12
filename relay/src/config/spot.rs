//! Spots: what stands at a place of the file, by what keys it is reached, and the table without it.
//!
//! A mistake is told by its span alone. What is inside is asked before what is around it, because a list of tables begins
//! where its first one does.

use std::collections::HashMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::reader::Node;

/// Numbers of the items of lists by where they begin: they hold also when items before them are gone.
pub(super) type Numbers = HashMap<usize, usize>;

/// The keys that lead to the key or value at `span`; an item of a list is told as `name[0]`.
pub(super) fn find(table: &DeTable<'_>, span: &Range<usize>, numbers: &Numbers) -> Vec<String> {
    let mut path = Vec::new();
    find_below(table, span, numbers, &mut path);
    path
}

/// The value at `span`.
pub(super) fn value<'t, 'i>(table: &'t DeTable<'i>, span: &Range<usize>) -> Option<&'t DeValue<'i>> {
    table.iter().find_map(|(_, node)| value_in(node, span))
}

fn value_in<'t, 'i>(node: &'t Node<'i>, span: &Range<usize>) -> Option<&'t DeValue<'i>> {
    let inside = match node.get_ref() {
        DeValue::Table(inner) => value(inner, span),
        DeValue::Array(items) => items.iter().find_map(|item| value_in(item, span)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    };
    inside.or_else(|| (node.span() == *span).then(|| node.get_ref()))
}

fn find_below(table: &DeTable<'_>, span: &Range<usize>, numbers: &Numbers, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        let name = key.get_ref().clone().into_owned();
        path.push(name.clone());
        if key.span() == *span || find_in(value, &name, span, numbers, path) {
            return true;
        }
        path.pop();
    }
    false
}

/// Looks into and at a value that the end of `path` leads to.
fn find_in(
    value: &Node<'_>,
    name: &str,
    span: &Range<usize>,
    numbers: &Numbers,
    path: &mut Vec<String>,
) -> bool {
    let inside = match value.get_ref() {
        DeValue::Table(inner) => find_below(inner, span, numbers, path),
        DeValue::Array(items) => items.iter().any(|item| {
            let number = numbers.get(&item.span().start).copied().unwrap_or_default();
            let name = format!("{name}[{number}]");
            let list = path.pop();
            path.push(name.clone());
            let found = find_in(item, &name, span, numbers, path);
            if !found {
                path.pop();
                path.extend(list);
            }
            found
        }),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => false,
    };
    inside || value.span() == *span
}

/// Takes the key, value or item at `span` out of a table, so that the rest can be looked over.
pub(super) fn cut(table: &mut DeTable<'static>, span: &Range<usize>) -> bool {
    if table.iter_mut().any(|(_, value)| cut_in(value.get_mut(), span)) {
        return true;
    }
    let here = table.iter().find(|(key, value)| key.span() == *span || value.span() == *span);
    let name = here.map(|(key, _)| key.get_ref().clone());
    name.is_some_and(|name| table.remove(&*name).is_some())
}

fn cut_in(value: &mut DeValue<'static>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(inner) => cut(inner, span),
        DeValue::Array(items) => {
            if items.iter_mut().any(|item| cut_in(item.get_mut(), span)) {
                return true;
            }
            let before = items.len();
            *items = std::mem::take(items).into_iter().filter(|item| item.span() != *span).collect();
            items.len() < before
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "a = 1\n[[r]]\nb = [{ c = 2 }, { c = 'x' }]\n[[r]]\nb = []\n";

    fn table() -> (DeTable<'static>, Numbers) {
        let table = DeTable::parse(FILE).expect("TOML").into_inner();
        let mut numbers = Numbers::new();
        number(&DeValue::Table(table.clone()), &mut numbers);
        (table, numbers)
    }

    fn number(value: &DeValue<'_>, numbers: &mut Numbers) {
        if let Some(items) = value.as_array() {
            numbers.extend(items.iter().enumerate().map(|(place, item)| (item.span().start, place)));
            items.iter().for_each(|item| number(item.get_ref(), numbers));
        }
        value.as_table().into_iter().flatten().for_each(|(_, inner)| number(inner.get_ref(), numbers));
    }

    fn span(text: &str) -> Range<usize> {
        let at = FILE.find(text).expect("in the file");
        at..at + text.len()
    }

    #[test]
    fn a_place_is_found_through_lists() {
        let (table, numbers) = table();
        let check = |text: &str, path: &[&str], kind: &str| {
            assert_eq!(find(&table, &span(text), &numbers), path, "{text}");
            assert_eq!(value(&table, &span(text)).map_or("none", super::super::reader::kind), kind, "{text}");
        };
        check("1", &["a"], "a whole number");
        check("'x'", &["r[0]", "b[1]", "c"], "a text");
        check("{ c = 'x' }", &["r[0]", "b[1]"], "a table");
        // The list of tables and its first table are at one place.
        check("[[r]]", &["r[0]"], "a table");
        check("FILE".get(..0).unwrap_or_default(), &[], "none");
    }

    #[test]
    fn what_is_cut_leaves_the_rest_with_its_numbers() {
        let (mut table, numbers) = table();
        assert!(cut(&mut table, &span("{ c = 2 }")));
        assert_eq!(find(&table, &span("'x'"), &numbers), ["r[0]", "b[1]", "c"]);
        assert!(cut(&mut table, &span("[[r]]")));
        assert!(find(&table, &span("'x'"), &numbers).is_empty() && table.contains_key("r"));
        assert!(cut(&mut table, &span("1")) && !table.contains_key("a"));
        assert!(!cut(&mut table, &span("1")), "it is gone");
    }
}

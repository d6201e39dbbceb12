//! Goods: what an event was about and what it was worth, in the parts platforms with a product catalogue share.
//!
//! Owns which items, ids, prices and amounts are fit to be sent. Leaves the names of the fields to the platform.

use std::borrow::Cow;

use shared::{Event, Item, Properties, Scalar, scrub};

use super::number::{self, Number};

/// An amount in the event's currency. Without a currency nobody can add it up, and a platform would take it for
/// some currency of its own, so it is left out.
pub(super) fn amount(properties: &Properties, value: Option<f64>) -> Option<Number> {
    properties.currency.and(value).and_then(Number::new)
}

/// What the event was worth. A refund that the operator sends under a name of their own carries a positive value;
/// any other negative value is left out.
pub(super) fn worth(event: &Event) -> Option<Number> {
    let refund = event.event == "Refund";
    let value = event.properties.value.map(|value| if refund { value.abs() } else { value });
    amount(&event.properties, value.filter(|value| *value >= 0.0))
}

/// The item's id in the catalogue, if it has one.
pub(super) fn item_id(item: &Item) -> Option<&str> {
    item.id.as_deref().filter(|id| !id.trim().is_empty())
}

/// The price of one piece.
pub(super) fn price(item: &Item, properties: &Properties) -> Option<Number> {
    amount(properties, item.price.filter(|price| *price >= 0.0))
}

/// How many pieces of an item, if that is a number a platform can count.
pub(super) fn quantity(item: &Item) -> Option<Number> {
    whole(item.quantity)
}

/// How many pieces altogether, when every item says so in whole numbers; without items what a site says under the
/// name `num_items`.
pub(super) fn pieces(properties: &Properties) -> Option<Number> {
    if !properties.items.is_empty() {
        let quantities: Option<Vec<f64>> = properties.items.iter().map(|item| item.quantity).collect();
        return whole(Some(quantities?.iter().sum()));
    }
    count(properties, "num_items")
}

/// A number of pieces that a site gives under `name`, a property of its own.
pub(super) fn count(properties: &Properties, name: &str) -> Option<Number> {
    whole(properties.custom.get(name).and_then(number))
}

/// What was searched for, also where a site says it under the platforms' name `search_string`.
pub(super) fn search_term(properties: &Properties) -> Option<&str> {
    properties.search_term.as_deref().or_else(|| match properties.custom.get("search_string") {
        Some(Scalar::Text(text)) if !scrub::looks_like_email(text) => Some(text.as_str()),
        Some(_) | None => None,
    })
}

/// Catalogue ids: those of the items, or those a site gives under the name `content_ids` instead of items.
pub(super) fn content_ids(properties: &Properties) -> Vec<Cow<'_, str>> {
    let ids: Vec<_> = properties.items.iter().filter_map(item_id).map(Cow::Borrowed).collect();
    if !ids.is_empty() {
        return ids;
    }
    match properties.custom.get("content_ids") {
        Some(Scalar::List(list)) => list.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// `product` where there are ids, unless the site says that they are ids of groups.
pub(super) fn content_type(properties: &Properties, ids: bool) -> Option<&str> {
    match properties.custom.get("content_type") {
        Some(Scalar::Text(own)) if matches!(own.as_str(), "product" | "product_group") => Some(own),
        _ => ids.then_some("product"),
    }
}

/// A property of the site's own as an id or another short text.
pub(super) fn text(scalar: &Scalar) -> Option<Cow<'_, str>> {
    match scalar {
        Scalar::Text(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
        Scalar::Integer(id) => Some(Cow::Owned(id.to_string())),
        Scalar::Text(_) | Scalar::Bool(_) | Scalar::Number(_) | Scalar::List(_) => None,
    }
}

/// A property of the site's own as a number, which a form or a table may have made a text of.
pub(super) fn number(scalar: &Scalar) -> Option<f64> {
    match scalar {
        Scalar::Integer(number) => Some(*number as f64),
        Scalar::Number(number) => Some(*number),
        Scalar::Text(text) => number::plain(text),
        Scalar::Bool(_) | Scalar::List(_) => None,
    }
}

/// A number of pieces: whole, and no larger than any platform's integer.
fn whole(quantity: Option<f64>) -> Option<Number> {
    let largest = f64::from(i32::MAX);
    quantity.filter(|n| *n > 0.0 && *n <= largest && n.fract() == 0.0).and_then(Number::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, properties: &str) -> Event {
        let json = format!(
            r#"{{"event":"{name}","event_id":"1","time":0,"source":"web","properties":{properties}}}"#
        );
        serde_json::from_str(&json).expect("an event")
    }

    #[test]
    fn an_amount_has_its_currency_and_is_not_negative() {
        let check = |name, properties, expected: Option<f64>| {
            assert_eq!(
                worth(&event(name, properties)),
                expected.and_then(Number::new),
                "{name} {properties}"
            );
        };
        check("Lead", r#"{"value":5,"currency":"EUR"}"#, Some(5.0));
        check("Lead", r#"{"value":0,"currency":"EUR"}"#, Some(0.0));
        check("Lead", r#"{"value":5}"#, None);
        check("Lead", r#"{"currency":"EUR"}"#, None);
        check("Lead", r#"{"value":-5,"currency":"EUR"}"#, None);
        check("Refund", r#"{"value":-5,"currency":"EUR"}"#, Some(5.0));
    }

    #[test]
    fn pieces_are_counted_when_every_item_says_so() {
        let check = |items, expected: Option<f64>| {
            let event = event("Purchase", &format!(r#"{{"items":{items}}}"#));
            assert_eq!(pieces(&event.properties), expected.and_then(Number::new), "{items}");
        };
        check(r#"[{"quantity":2},{"quantity":1}]"#, Some(3.0));
        check(r#"[{"quantity":2},{"id":"A"}]"#, None);
        check(r#"[{"quantity":0.5}]"#, None);
        check(r#"[{"quantity":5e9}]"#, None);
        check("[]", None);
    }

    #[test]
    fn a_property_counts_pieces_as_a_number_or_as_plain_text() {
        let check = |value: &str, expected: Option<f64>| {
            let event = event("Purchase", &format!(r#"{{"num_items":{value}}}"#));
            assert_eq!(pieces(&event.properties), expected.and_then(Number::new), "{value}");
        };
        check("3", Some(3.0));
        check("3.0", Some(3.0));
        check("\"3\"", Some(3.0));
        for value in ["0", "-3", "2.5", "3000000000", "\"2.5\"", "\"3 pieces\"", "\"1,000\"", "true", "[3]"] {
            check(value, None);
        }
    }

    #[test]
    fn ids_are_those_of_the_items_or_of_the_site() {
        let check = |properties, expected: &[&str], kind: Option<&str>| {
            let event = event("ViewContent", properties);
            let ids = content_ids(&event.properties);
            assert_eq!(ids, expected, "{properties}");
            assert_eq!(content_type(&event.properties, !ids.is_empty()), kind, "{properties}");
        };
        check(r#"{"items":[{"id":"A"},{"id":" "},{"id":7}]}"#, &["A", "7"], Some("product"));
        check(r#"{"items":[{"id":"A"}],"content_ids":"B"}"#, &["A"], Some("product"));
        check(r#"{"content_ids":["A",7,true]}"#, &["A", "7"], Some("product"));
        check(r#"{"content_ids":"A","content_type":"product_group"}"#, &["A"], Some("product_group"));
        check(r#"{"content_ids":"A","content_type":"boat"}"#, &["A"], Some("product"));
        check("{}", &[], None);
    }
}

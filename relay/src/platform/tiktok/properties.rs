//! TikTok's `properties`: what an event was about.
//!
//! A closed list (page "parameters", read 2026-11-23): our typed properties, and those of the site's own that TikTok
//! knows by the same name and in the type it expects. Coupon, tax, shipping and every other property have no field
//! there and stay here. Personal data never goes in.

use std::borrow::Cow;

use serde::Serialize;
use shared::money::Currency;
use shared::{Event, Item, Properties as Known, scrub};

use crate::platform::goods;
use crate::platform::number::Number;

/// TikTok's names for what an event was about, in the order of its page.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    /// Only where `contents` names no ids: TikTok wants them in one of the two places (help article "available events
    /// and parameters for travel ads"; Segment's connector says the same of every event; read 2026-11-27).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content_ids: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_items: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shop_id: Option<Cow<'a, str>>,
    /// The search, under both of TikTok's names: its own template fills this one, its page lists both.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_string: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_category: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted_ltv: Option<Number>,
}

/// One item. Only shopping ads require its id (help article "about parameters", read 2026-11-27); without one it is still
/// counted. Its type stands once, beside the list, as in that article's example.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<&'a str>,
}

impl<'a> Properties<'a> {
    /// What `event` was about.
    pub(super) fn of(event: &'a Event) -> Self {
        let known = &event.properties;
        let mut content_ids = goods::content_ids(known);
        let content_type = goods::content_type(known, !content_ids.is_empty());
        let contents: Vec<Content<'a>> = known.items.iter().filter_map(|item| content(item, known)).collect();
        if contents.iter().any(|content| content.content_id.is_some()) {
            content_ids.clear();
        }
        let search = goods::search_term(known).map(Cow::Borrowed).or_else(|| own_text(known, "query"));
        Self {
            value: goods::worth(event),
            currency: known.currency,
            contents,
            content_type,
            content_ids,
            num_items: goods::pieces(known),
            order_id: known.order_id.as_deref(),
            shop_id: own_text(known, "shop_id"),
            query: search.clone(),
            search_string: search,
            description: own_text(known, "description"),
            status: own_text(known, "status"),
            delivery_category: own_text(known, "delivery_category"),
            predicted_ltv: own_number(known, "predicted_ltv"),
        }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `None` where nothing is known of the item.
fn content<'a>(item: &'a Item, known: &Known) -> Option<Content<'a>> {
    let content = Content {
        content_id: goods::item_id(item),
        content_name: item.name.as_deref(),
        content_category: item.category.as_deref(),
        price: goods::price(item, known),
        quantity: goods::quantity(item),
        brand: item.brand.as_deref(),
    };
    (content != Content::default()).then_some(content)
}

/// A property of the site's own that TikTok takes as text.
fn own_text<'a>(known: &'a Known, name: &str) -> Option<Cow<'a, str>> {
    goods::text(known.custom.get(name)?).filter(|text| !scrub::looks_like_email(text))
}

/// A property of the site's own that TikTok takes as a number.
fn own_number(known: &Known, name: &str) -> Option<Number> {
    goods::number(known.custom.get(name)?).and_then(Number::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an event of this name and these properties (as JSON) says to TikTok, as JSON.
    fn check(name: &str, properties: &str, expected: &str) {
        let json = format!(
            r#"{{"event":"{name}","event_id":"e","time":0,"source":"web","properties":{properties}}}"#
        );
        let event: Event = serde_json::from_str(&json).expect(properties);
        let written = serde_json::to_string(&Properties::of(&event)).expect("writable");
        assert_eq!(written, expected, "{properties}");
    }

    #[test]
    fn typed_properties_become_tiktoks_fields() {
        check("Lead", "{}", "{}");
        check("Lead", r#"{"value":5,"currency":"eur"}"#, r#"{"value":5,"currency":"EUR"}"#);
        check("Lead", r#"{"value":5}"#, "{}");
        check("Lead", r#"{"value":-5,"currency":"EUR"}"#, r#"{"currency":"EUR"}"#);
        check("Refund", r#"{"value":-5,"currency":"EUR"}"#, r#"{"value":5,"currency":"EUR"}"#);
        check("Search", r#"{"search_term":"lamp"}"#, r#"{"query":"lamp","search_string":"lamp"}"#);
        check(
            "Purchase",
            r#"{"value":59.9,"currency":"EUR","order_id":"1","tax":9.56,"shipping":4,"coupon":"MAY"}"#,
            r#"{"value":59.9,"currency":"EUR","order_id":"1"}"#,
        );
    }

    #[test]
    fn items_become_contents() {
        check(
            "Purchase",
            r#"{"currency":"EUR","items":[{"id":"A","name":"Lamp","brand":"B","category":"C","price":9.5,"quantity":2},
                {"id":"D","quantity":1}]}"#,
            r#"{"currency":"EUR","contents":[{"content_id":"A","content_name":"Lamp","content_category":"C","price":9.5,"quantity":2,"brand":"B"},{"content_id":"D","quantity":1}],"content_type":"product","num_items":3}"#,
        );
        check(
            "AddToCart",
            r#"{"currency":"EUR","items":[{"name":"no id","price":3},{}]}"#,
            r#"{"currency":"EUR","contents":[{"content_name":"no id","price":3}]}"#,
        );
        check("AddToCart", r#"{"items":[{"id":" ","price":3}]}"#, "{}");
        check(
            "AddToCart",
            r#"{"items":[{"id":"A","price":3,"quantity":0.5}]}"#,
            r#"{"contents":[{"content_id":"A"}],"content_type":"product"}"#,
        );
    }

    #[test]
    fn own_properties_pass_where_tiktok_has_a_field_of_that_type() {
        check(
            "Lead",
            r#"{"shop_id":7,"description":"d","status":"new","delivery_category":"in_store","predicted_ltv":12.5}"#,
            r#"{"shop_id":"7","description":"d","status":"new","delivery_category":"in_store","predicted_ltv":12.5}"#,
        );
        check(
            "Lead",
            r#"{"predicted_ltv":"12.5","num_items":"3"}"#,
            r#"{"num_items":3,"predicted_ltv":12.5}"#,
        );
        check("Lead", r#"{"predicted_ltv":"12,5","num_items":"3 pieces"}"#, "{}");
        check("Lead", r#"{"status":true,"predicted_ltv":"high","shop_id":[1],"own":"x","query":true}"#, "{}");
        check(
            "ViewContent",
            r#"{"content_ids":["A",7],"content_type":"product_group"}"#,
            r#"{"content_type":"product_group","content_ids":["A","7"]}"#,
        );
        check(
            "ViewContent",
            r#"{"content_ids":["A"],"items":[{"name":"Lamp"}]}"#,
            r#"{"contents":[{"content_name":"Lamp"}],"content_type":"product","content_ids":["A"]}"#,
        );
        check("Search", r#"{"query":"lamp"}"#, r#"{"query":"lamp","search_string":"lamp"}"#);
        check("Search", r#"{"query":"jane@example.com"}"#, "{}");
        check("Lead", r#"{"description":"write to jane@example.com"}"#, "{}");
    }
}

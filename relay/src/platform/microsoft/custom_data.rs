//! Microsoft's `customData`: what an event was about.
//!
//! The schema is closed. Our typed properties become Microsoft's; of the site's own properties those pass that bear
//! one of Microsoft's names and its type (page "conversions API guide", read 2026-11-23). Hotel data is not sent:
//! its properties are a nested object, and sources disagree on the spelling of two of them.

use std::borrow::Cow;

use serde::Serialize;
use shared::money::Currency;
use shared::{Event, Item, Properties, Scalar, scrub};

use crate::platform::goods;
use crate::platform::number::Number;

/// Microsoft's names for what an event was about.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_value: Option<Number>,
    #[serde(flatten)]
    revenue: Option<Revenue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_term: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ecomm_total_value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ecomm_category: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    item_ids: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<Line<'a>>,
}

/// The revenue of a goal: an amount and its currency, never one without the other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Revenue {
    value: Number,
    currency: Currency,
}

/// One item with a catalogue id.
#[derive(Debug, PartialEq, Serialize)]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl Revenue {
    /// What an event brought in, if it says in which currency; Microsoft would count it in the goal's own.
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(Self { value: goods::worth(event)?, currency: event.properties.currency? })
    }

    /// Major units.
    pub(super) fn value(&self) -> Number {
        self.value
    }

    /// The currency.
    pub(super) fn currency(&self) -> Currency {
        self.currency
    }
}

impl<'a> CustomData<'a> {
    /// What a custom event was about.
    pub(super) fn of(event: &'a Event) -> Self {
        let revenue = Revenue::of(event);
        let page = Self::of_page(event);
        Self {
            event_category: text(&event.properties, ["eventCategory", "event_category"]),
            event_label: text(&event.properties, ["eventLabel", "event_label"]),
            event_value: number(&event.properties, ["eventValue", "event_value"]),
            revenue,
            transaction_id: event.properties.order_id.as_deref(),
            page_type: page.page_type.or_else(|| usual_page_type(&event.event)),
            // The value of what is in the basket, for remarketing.
            ecomm_total_value: revenue.filter(|_| !page.item_ids.is_empty()).map(|revenue| revenue.value),
            ..page
        }
    }

    /// What a page is about. A page view carries no revenue.
    pub(super) fn of_page(event: &'a Event) -> Self {
        let properties = &event.properties;
        let items: Vec<Line<'_>> =
            properties.items.iter().filter_map(|item| line(item, properties)).collect();
        Self {
            search_term: goods::search_term(properties),
            page_type: text(properties, ["pageType", "page_type"]).filter(|own| PAGE_TYPES.contains(own)),
            ecomm_category: text(properties, ["ecommCategory", "ecomm_category"]),
            item_ids: goods::content_ids(properties),
            items,
            ..Self::default()
        }
    }

    /// Revenue and nothing else.
    pub(super) fn of_revenue(revenue: Revenue) -> Self {
        Self { revenue: Some(revenue), ..Self::default() }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A text property of the site's own, in Microsoft's spelling or in that of the browser tag.
pub(super) fn text<'a>(properties: &'a Properties, names: [&str; 2]) -> Option<&'a str> {
    names.into_iter().find_map(|name| match properties.custom.get(name) {
        Some(Scalar::Text(text)) if !text.trim().is_empty() && !scrub::looks_like_email(text) => {
            Some(text.as_str())
        }
        _ => None,
    })
}

/// A number of the site's own.
pub(super) fn number(properties: &Properties, names: [&str; 2]) -> Option<Number> {
    names.into_iter().find_map(|name| match properties.custom.get(name) {
        Some(Scalar::Number(number)) => Number::new(*number),
        Some(Scalar::Integer(number)) => Number::new(*number as f64),
        _ => None,
    })
}

/// Microsoft's kinds of page.
const PAGE_TYPES: [&str; 7] = ["home", "category", "product", "searchresults", "cart", "purchase", "other"];

/// The kind of page on which one of our standard events usually happens.
fn usual_page_type(event: &str) -> Option<&'static str> {
    Some(match event {
        "ViewContent" | "CustomizeProduct" => "product",
        "Search" => "searchresults",
        "AddToCart" | "InitiateCheckout" | "AddPaymentInfo" => "cart",
        "Purchase" => "purchase",
        "AddToWishlist"
        | "Lead"
        | "CompleteRegistration"
        | "Subscribe"
        | "StartTrial"
        | "Contact"
        | "Schedule"
        | "SubmitApplication"
        | "FindLocation"
        | "Donate" => "other",
        _ => return None,
    })
}

/// An item with an id; Microsoft has no use for others.
fn line<'a>(item: &'a Item, properties: &Properties) -> Option<Line<'a>> {
    Some(Line {
        id: goods::item_id(item)?,
        quantity: goods::quantity(item),
        price: goods::price(item, properties),
        name: item.name.as_deref(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, properties: &str) -> Event {
        let json = format!(
            r#"{{"event":"{name}","event_id":"1","time":0,"source":"web","properties":{properties}}}"#
        );
        serde_json::from_str(&json).expect(properties)
    }

    fn check(name: &str, properties: &str, expected: &str) {
        let event = event(name, properties);
        let written = serde_json::to_string(&CustomData::of(&event)).expect("writable");
        assert_eq!(written, expected, "{name} {properties}");
    }

    #[test]
    fn revenue_is_an_amount_with_its_currency() {
        check("custom", "{}", "{}");
        check("custom", r#"{"value":5,"currency":"eur"}"#, r#"{"value":5,"currency":"EUR"}"#);
        check("custom", r#"{"value":0,"currency":"EUR"}"#, r#"{"value":0,"currency":"EUR"}"#);
        check("custom", r#"{"value":5}"#, "{}");
        check("custom", r#"{"currency":"EUR"}"#, "{}");
        check("custom", r#"{"value":-5,"currency":"EUR"}"#, "{}");
        check("Refund", r#"{"value":-5,"currency":"EUR"}"#, r#"{"value":5,"currency":"EUR"}"#);
    }

    #[test]
    fn items_become_lines_and_ids() {
        check(
            "Purchase",
            r#"{"value":59.9,"currency":"EUR","order_id":"1","items":[{"id":"A","name":"Lamp","brand":"B","price":9.5,"quantity":2},{"id":7},{"name":"no id"}]}"#,
            r#"{"value":59.9,"currency":"EUR","transactionId":"1","pageType":"purchase","ecommTotalValue":59.9,"itemIds":["A","7"],"items":[{"id":"A","quantity":2,"price":9.5,"name":"Lamp"},{"id":"7"}]}"#,
        );
        check(
            "AddToCart",
            r#"{"items":[{"id":"A","price":9.5,"quantity":0.5}]}"#,
            r#"{"pageType":"cart","itemIds":["A"],"items":[{"id":"A"}]}"#,
        );
        check(
            "ViewContent",
            r#"{"content_ids":["A",7,true]}"#,
            r#"{"pageType":"product","itemIds":["A","7"]}"#,
        );
    }

    #[test]
    fn the_kind_of_page_is_usual_or_the_sites_own() {
        check("Search", r#"{"search_term":"lamp"}"#, r#"{"searchTerm":"lamp","pageType":"searchresults"}"#);
        check("Lead", "{}", r#"{"pageType":"other"}"#);
        check("Lead", r#"{"pageType":"product"}"#, r#"{"pageType":"product"}"#);
        check("Lead", r#"{"page_type":"home"}"#, r#"{"pageType":"home"}"#);
        check("Lead", r#"{"pageType":"checkout"}"#, r#"{"pageType":"other"}"#);
        check("custom", "{}", "{}");
        let page = event("PageView", r#"{"value":5,"currency":"EUR","order_id":"1","page_type":"category"}"#);
        let written = serde_json::to_string(&CustomData::of_page(&page)).expect("writable");
        assert_eq!(written, r#"{"pageType":"category"}"#, "a page view carries no revenue");
    }

    #[test]
    fn own_properties_pass_under_microsofts_names_only() {
        check(
            "custom",
            r#"{"event_category":"video","eventLabel":"intro","event_value":3,"ecomm_category":"12","colour":"red"}"#,
            r#"{"eventCategory":"video","eventLabel":"intro","eventValue":3,"ecommCategory":"12"}"#,
        );
        check("custom", r#"{"eventCategory":3,"eventLabel":"jane@example.com","eventValue":"3"}"#, "{}");
    }
}

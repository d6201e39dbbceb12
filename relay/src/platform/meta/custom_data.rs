//! Meta's `custom_data`: what an event was about.
//!
//! Our typed properties become Meta's typed fields; the site's own properties follow them where Meta would
//! take them: a scalar under a free name, or under one of Meta's own names with the type Meta expects (a
//! wrong type would refuse the whole batch). Personal data never goes in here (page "custom data parameters",
//! read 2026-11-23).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use shared::identity::Field;
use shared::money::Currency;
use shared::{Event, Item, Properties, Scalar, scrub};

use super::lead;
use crate::platform::goods;
use crate::platform::number::Number;

/// Meta's names for what an event was about.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct CustomData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content_ids: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_items: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_string: Option<&'a str>,
    #[serde(flatten)]
    custom: BTreeMap<&'a str, Plain<'a>>,
}

/// One item with a catalogue id.
#[derive(Debug, PartialEq, Serialize)]
struct Content<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_price: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
}

/// A custom property's value.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Plain<'a> {
    Bool(bool),
    Integer(i64),
    Number(Number),
    Text(&'a str),
}

impl<'a> CustomData<'a> {
    /// What `event` was about, under Meta's name for it.
    pub(super) fn of(event: &'a Event, event_name: &str) -> Self {
        let properties = &event.properties;
        let content_ids = goods::content_ids(properties);
        let counted = matches!(event_name, "InitiateCheckout" | "Purchase");
        Self {
            value: goods::worth(event),
            currency: properties.currency,
            content_type: goods::content_type(properties, !content_ids.is_empty()),
            content_ids,
            contents: properties.items.iter().filter_map(|item| content(item, properties)).collect(),
            num_items: if counted { goods::pieces(properties) } else { None },
            order_id: properties.order_id.as_deref(),
            search_string: goods::search_term(properties),
            custom: custom(event),
        }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An item with an id; Meta has no use for others. Prices need a currency, quantities are whole.
fn content<'a>(item: &'a Item, properties: &Properties) -> Option<Content<'a>> {
    Some(Content {
        id: goods::item_id(item)?,
        quantity: goods::quantity(item),
        item_price: goods::price(item, properties),
        title: item.name.as_deref(),
        brand: item.brand.as_deref(),
        category: item.category.as_deref(),
    })
}

/// The rest: coupon, tax and shipping, which Meta takes as custom properties, and the site's own.
fn custom(event: &Event) -> BTreeMap<&str, Plain<'_>> {
    let properties = &event.properties;
    let own = properties.custom.iter().filter_map(|(name, scalar)| Some((name.as_str(), own(name, scalar)?)));
    let mut custom: BTreeMap<&str, Plain<'_>> = own.collect();
    for (name, value) in [("tax", properties.tax), ("shipping", properties.shipping)] {
        if let Some(number) = goods::amount(properties, value) {
            custom.insert(name, Plain::Number(number));
        }
    }
    if let Some(coupon) = &properties.coupon {
        custom.insert("coupon", Plain::Text(coupon));
    }
    // With a lead of Meta's own form its page asks for this word, and for the CRM's name as `lead_event_source`, which only
    // the site can say. The lead itself is part of `user_data`.
    if lead::id(event).is_some() {
        custom.remove(lead::PROPERTY);
        custom.insert("event_source", Plain::Text("crm"));
    }
    custom
}

/// A property of the site's own, if Meta would take it.
fn own<'a>(name: &str, scalar: &'a Scalar) -> Option<Plain<'a>> {
    // Whatever a form or a table made of them, Meta wants numbers here.
    if matches!(name, "predicted_ltv" | "net_revenue") {
        return goods::number(scalar).and_then(Number::new).map(Plain::Number);
    }
    let value = match scalar {
        Scalar::Bool(value) => Plain::Bool(*value),
        Scalar::Integer(value) => Plain::Integer(*value),
        Scalar::Number(value) => Plain::Number(Number::new(*value)?),
        Scalar::Text(text) if scrub::looks_like_email(text) || looks_like_phone(text) => return None,
        Scalar::Text(text) => Plain::Text(text),
        // Meta's page speaks of scalars only.
        Scalar::List(_) => return None,
    };
    let fits = match name {
        // Written from our own properties, or not at all.
        "value" | "currency" | "contents" | "content_ids" | "content_type" | "num_items" | "order_id"
        | "search_string" | "limited_data_use" | "opt_out" => false,
        "content_name" | "content_category" | "status" | "item_number" => matches!(value, Plain::Text(_)),
        "delivery_category" => {
            matches!(value, Plain::Text("in_store" | "curbside" | "home_delivery"))
        }
        _ => !names_person(name),
    };
    fits.then_some(value)
}

/// Names under which personal data would stand: ours, Meta's, those that addresses of pages are cleaned by, and other plain
/// words, however they are joined.
fn names_person(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let meta = matches!(name.as_str(), "em" | "ph" | "fn" | "ln" | "ge" | "db" | "ct" | "st" | "zp");
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    meta || Field::named(&name).is_some()
        || scrub::names_person(&name)
        || PERSONAL.contains(&letters.as_str())
        || ["email", "phone", "street", "address", "zipcode", "postcode", "postalcode"]
            .into_iter()
            .any(|word| letters.contains(word))
}

/// Whether a text is a telephone number as people write it with its country: a plus sign, then digits.
fn looks_like_phone(text: &str) -> bool {
    let Some(rest) = text.trim().strip_prefix('+') else { return false };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    (7..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " -./()".contains(c))
}

/// Names of personal values, in letters only, beside those of [`scrub::names_person`].
const PERSONAL: [&str; 8] = ["zip", "plz", "ip", "ipaddress", "contact", "username", "gender", "sex"];

#[cfg(test)]
mod tests {
    use super::*;

    /// What an event of this name and these properties (as JSON) says to Meta, as JSON.
    fn written(event_name: &str, properties: &str) -> String {
        let event = serde_json::json!({
            "event": event_name, "event_id": "e", "time": 0, "source": "web",
            "properties": serde_json::from_str::<serde_json::Value>(properties).expect("JSON"),
        });
        let event: Event = serde_json::from_value(event).expect("an event");
        serde_json::to_string(&CustomData::of(&event, event_name)).expect("writable")
    }

    #[test]
    fn typed_properties_become_metas_fields() {
        let check = |name, properties, expected: &str| assert_eq!(written(name, properties), expected);
        check("Lead", r"{}", r"{}");
        check("Lead", r#"{"value":5,"currency":"eur"}"#, r#"{"value":5,"currency":"EUR"}"#);
        check("Lead", r#"{"value":5}"#, r"{}");
        check("Lead", r#"{"currency":"EUR"}"#, r#"{"currency":"EUR"}"#);
        check("Lead", r#"{"value":-5,"currency":"EUR"}"#, r#"{"currency":"EUR"}"#);
        check("Refund", r#"{"value":-5,"currency":"EUR"}"#, r#"{"value":5,"currency":"EUR"}"#);
        check("Search", r#"{"search_term":"red shoes"}"#, r#"{"search_string":"red shoes"}"#);
        check("Search", r#"{"search_string":"red shoes"}"#, r#"{"search_string":"red shoes"}"#);
        check("Search", r#"{"search_string":"jane@example.com"}"#, r"{}");
        check(
            "Purchase",
            r#"{"value":59.9,"currency":"EUR","order_id":"1","tax":9.56,"shipping":4,"coupon":"MAY"}"#,
            r#"{"value":59.9,"currency":"EUR","order_id":"1","coupon":"MAY","shipping":4,"tax":9.56}"#,
        );
    }

    #[test]
    fn items_become_contents() {
        let check = |name, properties, expected: &str| assert_eq!(written(name, properties), expected);
        check(
            "Purchase",
            r#"{"currency":"EUR","items":[{"id":"A","name":"Lamp","brand":"B","category":"C","price":9.5,"quantity":2},
                {"id":"D","quantity":1}]}"#,
            r#"{"currency":"EUR","content_ids":["A","D"],"contents":[{"id":"A","quantity":2,"item_price":9.5,"title":"Lamp","brand":"B","category":"C"},{"id":"D","quantity":1}],"content_type":"product","num_items":3}"#,
        );
        check("InitiateCheckout", r#"{"num_items":4}"#, r#"{"num_items":4}"#);
        check("InitiateCheckout", r#"{"num_items":"4"}"#, r#"{"num_items":4}"#);
        check("Lead", r#"{"num_items":4}"#, r"{}");
        check(
            "Purchase",
            r#"{"num_items":4,"items":[{"id":"A"}]}"#,
            r#"{"content_ids":["A"],"contents":[{"id":"A"}],"content_type":"product"}"#,
        );
        // Only checkout and purchase count pieces; one unknown or odd quantity makes the sum unknown.
        let one = r#""content_ids":["A"],"contents":[{"id":"A","quantity":1}],"content_type":"product""#;
        check("AddToCart", r#"{"items":[{"id":"A","quantity":1}]}"#, &format!("{{{one}}}"));
        check("Purchase", r#"{"items":[{"id":"A","quantity":1},{"name":"no id"}]}"#, &format!("{{{one}}}"));
        check(
            "Purchase",
            r#"{"currency":"EUR","items":[{"id":"A","price":-3,"quantity":0.5}]}"#,
            r#"{"currency":"EUR","content_ids":["A"],"contents":[{"id":"A"}],"content_type":"product"}"#,
        );
    }

    #[test]
    fn own_properties_pass_where_meta_takes_them() {
        let check = |properties, expected: &str| assert_eq!(written("Lead", properties), expected);
        check(r#"{"a":true,"b":2,"c":0.30000000000000004,"d":"x"}"#, r#"{"a":true,"b":2,"c":0.3,"d":"x"}"#);
        check(r#"{"list":[1,2],"contents":"x","num_items":"many"}"#, r"{}");
        check(r#"{"status":"done","content_name":"Lamp"}"#, r#"{"content_name":"Lamp","status":"done"}"#);
        check(r#"{"status":1,"content_name":true,"predicted_ltv":"high"}"#, r"{}");
        check(r#"{"predicted_ltv":12.5,"net_revenue":3}"#, r#"{"net_revenue":3,"predicted_ltv":12.5}"#);
        check(r#"{"predicted_ltv":"12.5","net_revenue":" 3 "}"#, r#"{"net_revenue":3,"predicted_ltv":12.5}"#);
        check(r#"{"predicted_ltv":"12,5","net_revenue":"3 EUR"}"#, r"{}");
        check(r#"{"delivery_category":"curbside"}"#, r#"{"delivery_category":"curbside"}"#);
        check(r#"{"delivery_category":"drone"}"#, r"{}");
        check(
            r#"{"content_ids":["A","B"],"content_type":"product_group"}"#,
            r#"{"content_ids":["A","B"],"content_type":"product_group"}"#,
        );
        check(r#"{"content_ids":[7,true]}"#, r#"{"content_ids":["7"],"content_type":"product"}"#);
        check(r#"{"content_ids":"A"}"#, r#"{"content_ids":["A"],"content_type":"product"}"#);
    }

    #[test]
    fn a_lead_of_metas_own_form_brings_what_its_page_asks_for() {
        let check = |source: &str, lead_id: &str, expected: &str| {
            let json = format!(
                r#"{{"event":"Qualified","event_id":"e","time":0,"source":"{source}","properties":
                {{"lead_id":"{lead_id}","lead_event_source":"ExampleCRM","event_source":"own"}}}}"#
            );
            let event: Event = serde_json::from_str(&json).expect("an event");
            let written = serde_json::to_string(&CustomData::of(&event, "Qualified")).expect("writable");
            assert_eq!(written, expected, "{source} {lead_id}");
        };
        let lead = "1234567890123456";
        check("crm", lead, r#"{"event_source":"crm","lead_event_source":"ExampleCRM"}"#);
        let own = r#"{"event_source":"own","lead_event_source":"ExampleCRM","lead_id":"7"}"#;
        check("crm", "7", own);
        check("web", lead, &own.replace("\"7\"", &format!("\"{lead}\"")));
    }

    #[test]
    fn personal_data_never_passes() {
        for properties in [
            r#"{"email":"x"}"#,
            r#"{"Customer_Email":"x"}"#,
            r#"{"em":"x"}"#,
            r#"{"phone_number":"+12025550123"}"#,
            r#"{"first_name":"Jane"}"#,
            r#"{"note":"write to jane@example.com please"}"#,
        ] {
            assert_eq!(written("Lead", properties), "{}", "{properties}");
        }
    }
}

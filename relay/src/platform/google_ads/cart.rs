//! What was bought: `cartData`, and the properties of the site's own that Google Ads takes.
//!
//! An item needs its product id and the price of one piece; one without is left out. Carts are not allowed with gbraid
//! and wbraid (page "send events", read 2026-11-23), so those conversions go without.

use serde::Serialize;
use shared::{Event, Item, Properties, Scalar, scrub};

use super::settings::{Merchant, Traits};
use crate::platform::goods;
use crate::platform::number::Number;

/// The cart of an order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CartData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_feed_label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_feed_language_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon_codes: Option<[&'a str; 1]>,
    items: Vec<CartItem<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CartItem<'a> {
    merchant_product_id: &'a str,
    /// A 64-bit number, which Google's JSON writes as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    unit_price: Number,
}

impl<'a> CartData<'a> {
    /// The cart, when prices have a currency and anything in it is whole.
    pub(super) fn of(properties: &'a Properties, merchant: Option<&'a Merchant>) -> Option<Self> {
        let item = |item| CartItem::of(item, properties);
        let items: Vec<CartItem<'_>> = properties.items.iter().filter_map(item).collect();
        let coupon = properties.coupon.as_deref().map(str::trim).filter(|coupon| !coupon.is_empty());
        (!items.is_empty()).then_some(Self {
            merchant_id: merchant.map(|merchant| merchant.id.as_str()),
            merchant_feed_label: merchant.and_then(|merchant| merchant.feed_label.as_deref()),
            merchant_feed_language_code: merchant.and_then(|merchant| merchant.feed_language.as_deref()),
            coupon_codes: coupon.map(|coupon| [coupon]),
            items,
        })
    }
}

impl<'a> CartItem<'a> {
    fn of(item: &'a Item, properties: &Properties) -> Option<Self> {
        let whole = |n: &f64| *n >= 1.0 && n.fract() == 0.0 && *n <= MOST_PIECES;
        Some(Self {
            merchant_product_id: goods::item_id(item)?,
            quantity: item.quantity.filter(whole).map(|pieces| format!("{pieces:.0}")),
            unit_price: goods::price(item, properties)?,
        })
    }
}

/// One conversion custom variable with its value.
#[derive(Debug, Serialize)]
pub(super) struct CustomVariable<'a> {
    variable: &'a str,
    value: String,
}

/// The properties the operator named as custom variables. The API's definition asks for the variable's name, one
/// connector in production sends its id; the operator writes either. Personal data is not allowed in values
/// (CUSTOM_VARIABLE_VALUE_CONTAINS_PII).
pub(super) fn custom_variables<'a>(event: &Event, traits: &'a Traits) -> Vec<CustomVariable<'a>> {
    let one = |(property, variable): (&'a String, &'a String)| {
        let value = text(event.properties.custom.get(property)?)?;
        Some(CustomVariable { variable, value })
    };
    traits.custom_variables.iter().filter_map(one).collect()
}

fn text(scalar: &Scalar) -> Option<String> {
    match scalar {
        Scalar::Bool(flag) => Some(flag.to_string()),
        Scalar::Integer(number) => Some(number.to_string()),
        Scalar::Number(number) => serde_json::to_string(&Number::new(*number)?).ok(),
        Scalar::Text(text) if text.trim().is_empty() || scrub::looks_like_email(text) => None,
        Scalar::Text(text) => Some(text.clone()),
        Scalar::List(_) => None,
    }
}

/// What a site says of its customer, in Google's own words; others are left out.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_value_bucket: Option<&'static str>,
}

impl UserProperties {
    /// The properties `customer_type` and `customer_value_bucket` of the event, if Google knows their values.
    pub(super) fn of(properties: &Properties) -> Option<Self> {
        let known = |name: &str, words: &[&'static str]| match properties.custom.get(name) {
            Some(Scalar::Text(text)) => words.iter().copied().find(|word| word.eq_ignore_ascii_case(text)),
            Some(Scalar::Bool(_) | Scalar::Integer(_) | Scalar::Number(_) | Scalar::List(_)) | None => None,
        };
        let customer_type = known("customer_type", &["NEW", "RETURNING", "REENGAGED"]);
        let customer_value_bucket = known("customer_value_bucket", &["LOW", "MEDIUM", "HIGH"]);
        (customer_type.or(customer_value_bucket).is_some())
            .then_some(Self { customer_type, customer_value_bucket })
    }
}

/// 2^53: up to here every whole number is a float.
const MOST_PIECES: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(json: &str) -> Properties {
        serde_json::from_str(json).expect("properties")
    }

    #[test]
    fn only_whole_items_stand_in_a_cart() {
        let check = |json: &str, expected: &str| {
            let properties = properties(json);
            let cart = serde_json::to_string(&CartData::of(&properties, None)).expect("writable");
            assert_eq!(cart, expected, "{json}");
        };
        check(
            r#"{"currency":"EUR","coupon":" MAY ","items":[{"id":"A","price":9.5,"quantity":2,"name":"Lamp"},{"id":"B","price":0}]}"#,
            r#"{"couponCodes":["MAY"],"items":[{"merchantProductId":"A","quantity":"2","unitPrice":9.5},{"merchantProductId":"B","unitPrice":0}]}"#,
        );
        check(r#"{"currency":"EUR","items":[{"id":"A"},{"price":5},{"id":" ","price":5}]}"#, "null");
        check(r#"{"currency":"EUR","items":[{"id":"A","price":-1}]}"#, "null");
        check(r#"{"items":[{"id":"A","price":9.5}]}"#, "null");
        check(
            r#"{"currency":"EUR","items":[{"id":"A","price":1,"quantity":0.5}]}"#,
            r#"{"items":[{"merchantProductId":"A","unitPrice":1}]}"#,
        );
    }

    #[test]
    fn the_merchant_is_the_operators() {
        let merchant = Merchant {
            id: "55501234".into(),
            feed_label: Some("DE".into()),
            feed_language: Some("de".into()),
        };
        let properties = properties(r#"{"currency":"EUR","items":[{"id":"A","price":1}]}"#);
        let cart = serde_json::to_value(CartData::of(&properties, Some(&merchant))).expect("writable");
        assert_eq!(cart["merchantId"], "55501234");
        assert_eq!(
            (&cart["merchantFeedLabel"], &cart["merchantFeedLanguageCode"]),
            (&"DE".into(), &"de".into())
        );
    }

    #[test]
    fn customers_are_told_in_googles_words() {
        let check = |json: &str, expected: &str| {
            let told = serde_json::to_string(&UserProperties::of(&properties(json))).expect("writable");
            assert_eq!(told, expected);
        };
        check(r#"{"customer_type":"new"}"#, r#"{"customerType":"NEW"}"#);
        check(
            r#"{"customer_type":"old","customer_value_bucket":"HIGH"}"#,
            r#"{"customerValueBucket":"HIGH"}"#,
        );
        check(r#"{"customer_type":true}"#, "null");
    }
}

//! Properties of an event: the typed ones every platform knows, and the site's own, which pass through.
//!
//! Reading is forgiving where no harm is done (a number written as text, an order id written as a number) and
//! strict where guessing would lie (an amount that is no number is an error, not zero). A custom property is text,
//! a number, a truth value or a list of those; anything deeper, and what is past the bounds, is dropped: no platform
//! takes it, and a conversion is never refused for the sake of an ornament.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;
use crate::money::Currency;

/// What belongs to an event besides who, where and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// Total value in major units of `currency`.
    pub value: Option<f64>,
    /// Currency of every amount of the event.
    pub currency: Option<Currency>,
    /// The shop's order number.
    pub order_id: Option<String>,
    /// What was searched for.
    pub search_term: Option<String>,
    /// Coupon code.
    pub coupon: Option<String>,
    /// Tax included in `value`.
    pub tax: Option<f64>,
    /// Shipping included in `value`.
    pub shipping: Option<f64>,
    /// What was bought, viewed or put in the cart.
    pub items: Vec<Item>,
    /// The site's own properties.
    pub custom: BTreeMap<String, Scalar>,
}

/// One line of an order or cart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Item {
    /// Catalogue id or SKU.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Product name.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Brand.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Category.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Price of one piece, in the event's currency.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// How many pieces.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<f64>,
}

/// A custom property's value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other finite number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list of the above.
    List(Vec<Scalar>),
}

impl Properties {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        let Self { value, currency, order_id, search_term, coupon, tax, shipping, items, custom } = self;
        let texts = [order_id, search_term, coupon].into_iter().all(Option::is_none);
        let amounts = [value, tax, shipping].into_iter().all(Option::is_none);
        texts && amounts && currency.is_none() && items.is_empty() && custom.is_empty()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let texts =
            [("order_id", &self.order_id), ("search_term", &self.search_term), ("coupon", &self.coupon)];
        for (name, value) in [("value", self.value), ("tax", self.tax), ("shipping", self.shipping)] {
            if let Some(value) = value {
                map.serialize_entry(name, &value)?;
            }
        }
        if let Some(currency) = &self.currency {
            map.serialize_entry("currency", currency)?;
        }
        for (name, value) in texts {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if !self.items.is_empty() {
            map.serialize_entry("items", &self.items)?;
        }
        for (name, value) in &self.custom {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Properties;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of properties")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut properties = Properties::default();
                while let Some(Name(name)) = map.next_key()? {
                    properties.read(&name, &mut map)?;
                }
                Ok(properties)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

impl Properties {
    /// Reads the value that follows the key `name`.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "value" => self.value = map.next_value::<Loose<f64>>()?.0,
            "tax" => self.tax = map.next_value::<Loose<f64>>()?.0,
            "shipping" => self.shipping = map.next_value::<Loose<f64>>()?.0,
            "currency" => {
                // A blank currency is an unknown one: shops leave the field empty when they do not know.
                let text = map.next_value::<Loose<String>>()?.0;
                self.currency = match text.as_deref().map(str::trim) {
                    None | Some("") => None,
                    Some(code) => Some(Currency::parse(code).ok_or_else(|| {
                        A::Error::custom("currency: expected an ISO 4217 code such as EUR")
                    })?),
                };
            }
            "order_id" => {
                let text = map.next_value::<Loose<String>>()?.0;
                self.order_id = text.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
                if self.order_id.as_ref().is_some_and(|id| id.len() > limits::ORDER_ID) {
                    return Err(A::Error::custom("order_id: longer than 128 bytes"));
                }
            }
            "search_term" => self.search_term = map.next_value::<Loose<String>>()?.clipped(),
            "coupon" => self.coupon = map.next_value::<Loose<String>>()?.clipped(),
            "items" => self.items = map.next_value::<Items>()?.0,
            _ => {
                let value = map.next_value::<Custom>()?.0;
                let room = self.custom.len() < limits::PROPERTIES && name.len() <= limits::PROPERTY_NAME;
                if let Some(value) = value.filter(|_| room) {
                    self.custom.insert(name.to_owned(), value);
                }
            }
        }
        Ok(())
    }
}

/// A property's name: borrowed from the JSON where nothing in it is escaped. Read as text and not as a newtype, so that
/// whoever follows the path of an error learns the name.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a property")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A list of items, bounded.
struct Items(Vec<Item>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of items")
            }
            fn visit_unit<E: Error>(self) -> Result<Items, E> {
                Ok(Items(Vec::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == limits::ITEMS {
                        return Err(A::Error::custom("items: more than 200"));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// A value that senders write in more than one JSON type: `"59.9"` for 59.9, `88121` for `"88121"`, null for absent.
struct Loose<T>(Option<T>);

impl Loose<String> {
    /// The text cut to the length a property may have.
    fn clipped(self) -> Option<String> {
        self.0.map(|text| limits::clipped(text, limits::PROPERTY)).filter(|text| !text.is_empty())
    }
}

impl<'de> Deserialize<'de> for Loose<f64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Loose<f64>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in major units such as 59.9")
            }
            fn visit_unit<E: Error>(self) -> Result<Loose<f64>, E> {
                Ok(Loose(None))
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Loose<f64>, E> {
                Ok(Loose(Some(n as f64)))
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<Loose<f64>, E> {
                Ok(Loose(Some(n as f64)))
            }
            fn visit_f64<E: Error>(self, n: f64) -> Result<Loose<f64>, E> {
                if n.is_finite() { Ok(Loose(Some(n))) } else { Err(E::custom("not a finite number")) }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Loose<f64>, E> {
                let text = text.trim();
                if text.is_empty() {
                    return Ok(Loose(None));
                }
                // Only the plain form: text such as "1.234,50" or "NaN" could mean several amounts or none.
                let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
                match text.parse::<f64>() {
                    Ok(n) if plain && n.is_finite() => Ok(Loose(Some(n))),
                    _ => Err(E::custom("not a number: expected major units such as 59.9")),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl<'de> Deserialize<'de> for Loose<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Loose<String>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a whole number")
            }
            fn visit_unit<E: Error>(self) -> Result<Loose<String>, E> {
                Ok(Loose(None))
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Loose<String>, E> {
                Ok(Loose(Some(n.to_string())))
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<Loose<String>, E> {
                Ok(Loose(Some(n.to_string())))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Loose<String>, E> {
                Ok(Loose(Some(text.to_owned())))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A text field that may be written as a whole number, cut to its longest length.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Loose::<String>::deserialize(deserializer)?.clipped())
}

/// A number field that may be written as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Loose::<f64>::deserialize(deserializer)?.0)
}

/// A custom property as it comes: `None` for null, for an object and for anything nested in a list's list.
struct Custom(Option<Scalar>);

impl<'de> Deserialize<'de> for Custom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Custom;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, true, false or a list of those")
            }
            fn visit_unit<E: Error>(self) -> Result<Custom, E> {
                Ok(Custom(None))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Custom, E> {
                Ok(Custom(Some(Scalar::Bool(value))))
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Custom, E> {
                Ok(Custom(Some(Scalar::Integer(n))))
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<Custom, E> {
                Ok(Custom(Some(i64::try_from(n).map_or(Scalar::Number(n as f64), Scalar::Integer))))
            }
            fn visit_f64<E: Error>(self, n: f64) -> Result<Custom, E> {
                Ok(Custom(n.is_finite().then_some(Scalar::Number(n))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Custom, E> {
                Ok(Custom(Some(Scalar::Text(limits::clip(text, limits::PROPERTY).to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Custom, A::Error> {
                let mut list = Vec::new();
                while let Some(Custom(value)) = seq.next_element()? {
                    match value {
                        None | Some(Scalar::List(_)) => {}
                        Some(value) if list.len() < limits::PROPERTY_LIST => list.push(value),
                        Some(_) => {}
                    }
                }
                Ok(Custom(Some(Scalar::List(list))))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Custom, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Custom(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Properties, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn types_that_senders_mix_up_are_understood() {
        let properties = read(
            r#"{"value":"59.90","currency":"eur","order_id":88121,"tax":null,
            "items":[{"id":7,"price":"29.95","quantity":2}],"colour":"red","sizes":[1,"L",true],"n":12}"#,
        );
        let properties = properties.expect("readable");
        assert_eq!(properties.value, Some(59.9));
        assert_eq!(properties.currency.map(|c| c.as_str().to_owned()).as_deref(), Some("EUR"));
        assert_eq!(properties.order_id.as_deref(), Some("88121"));
        assert_eq!(properties.items[0].id.as_deref(), Some("7"));
        assert_eq!(properties.items[0].price, Some(29.95));
        assert_eq!(properties.custom["n"], Scalar::Integer(12));
    }

    #[test]
    fn what_cannot_be_an_amount_is_refused() {
        for json in [
            r#"{"value":"12 EUR"}"#,
            r#"{"value":"NaN"}"#,
            r#"{"value":{}}"#,
            r#"{"value":[1]}"#,
            r#"{"currency":"euro"}"#,
            r#"{"items":{}}"#,
            r#"{"value":"1-2"}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_no_platform_takes_is_dropped_and_nothing_else() {
        let properties =
            read(r#"{"x":{"y":{"z":1}},"l":[[1],{"a":1},2,null],"none":null,"ok":true}"#).expect("readable");
        assert_eq!(properties.custom.keys().collect::<Vec<_>>(), ["l", "ok"]);
        assert_eq!(properties.custom["l"], Scalar::List(vec![Scalar::Integer(2)]));
    }

    #[test]
    fn bounds_hold() {
        let many: Vec<String> = (0..=limits::PROPERTIES).map(|n| format!("\"p{n}\":1")).collect();
        let kept = read(&format!("{{{}}}", many.join(","))).expect("the surplus is dropped");
        assert_eq!(kept.custom.len(), limits::PROPERTIES);
        assert!(read(&format!("{{\"items\":[{}]}}", vec!["{}"; limits::ITEMS + 1].join(","))).is_err());
        assert!(read(&format!("{{\"order_id\":\"{}\"}}", "1".repeat(129))).is_err());
        let long = read(&format!("{{\"coupon\":\"{}\"}}", "ä".repeat(limits::PROPERTY))).expect("clipped");
        assert_eq!(long.coupon.map(|c| c.len()), Some(limits::PROPERTY));
    }

    #[test]
    fn writing_and_reading_agree() {
        let json = r#"{"value":59.9,"currency":"EUR","order_id":"88121","items":[{"id":"7","quantity":2.0}],"a":[1,"b"]}"#;
        let properties = read(json).expect("readable");
        assert_eq!(serde_json::to_string(&properties).expect("writable"), json);
    }
}

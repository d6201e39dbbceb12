//! A draft: an event as its sender put it, before any check.
//!
//! It is what the public JSON is read into, and what a source makes of a foreign webhook; `read` turns it into an event
//! or says why not. Owns the shape and the bounds of what was not read from the public JSON (which bounds itself);
//! leaves every other check to `read`. Its user data is raw and wipes itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::event::{Campaign, ClickId, Context, Page, Source};
use shared::{Consent, Properties, Scalar, UnixMs, limits};

use super::raw_user::RawUser;

/// An event before any check. The fields are those of [`shared::Event`], all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// Name.
    pub event: Option<String>,
    /// Id; derived from the name and the order id when there is none.
    pub event_id: Option<IdText>,
    /// When it happened; on arrival when nobody says.
    pub time: Option<UnixMs>,
    /// Channel.
    pub source: Option<Source>,
    /// The visitor, when the sender knows.
    pub visitor_id: Option<IdText>,
    /// Page.
    pub page: Option<Page>,
    /// Click ids by parameter.
    pub click_ids: Option<BTreeMap<String, Option<ClickId>>>,
    /// Ad cookies by name.
    pub cookies: Option<BTreeMap<String, Option<String>>>,
    /// Tokens that lead to the visitor, by name.
    pub tokens: Option<BTreeMap<String, String>>,
    /// Campaign.
    pub campaign: Option<Campaign>,
    /// The visitor's client.
    pub context: Option<Context>,
    /// Who it was, raw or hashed.
    pub user: Option<RawUser>,
    /// Value, items and the rest.
    pub properties: Option<Properties>,
    /// What the visitor agreed to.
    pub consent: Option<Consent>,
}

/// An id that some senders write as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum IdText {
    /// As text.
    Text(String),
    /// As a number.
    Number(u64),
}

impl IdText {
    /// The id as text, without surrounding blanks.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl From<String> for IdText {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Draft {
    /// Brings the properties within their bounds: texts are cut, surplus items and properties dropped, and an order
    /// id that is too long is none.
    pub(super) fn bound(&mut self) {
        let Some(properties) = &mut self.properties else { return };
        let Properties { value, order_id, search_term, coupon, tax, shipping, items, custom, .. } =
            properties;
        for amount in [value, tax, shipping] {
            *amount = amount.filter(|amount| amount.is_finite());
        }
        *order_id = order_id.take().map(|id| id.trim().to_owned());
        *order_id = order_id.take().filter(|id| (1..=limits::ORDER_ID).contains(&id.len()));
        clip(search_term);
        clip(coupon);
        items.truncate(limits::ITEMS);
        for item in items {
            for text in [&mut item.id, &mut item.name, &mut item.brand, &mut item.category] {
                clip(text);
            }
            for number in [&mut item.price, &mut item.quantity] {
                *number = number.filter(|number| number.is_finite());
            }
        }
        custom.retain(|name, _| name.len() <= limits::PROPERTY_NAME);
        custom.values_mut().for_each(bound_scalar);
        while custom.len() > limits::PROPERTIES {
            custom.pop_last();
        }
    }
}

fn bound_scalar(value: &mut Scalar) {
    match value {
        Scalar::Text(text) => text.truncate(limits::clip(text, limits::PROPERTY).len()),
        Scalar::List(values) => {
            values.truncate(limits::PROPERTY_LIST);
            values.iter_mut().for_each(bound_scalar);
        }
        Scalar::Bool(_) | Scalar::Integer(_) | Scalar::Number(_) => {}
    }
}

/// Cuts a text to the length of a property; a blank one is none.
fn clip(text: &mut Option<String>) {
    *text = text.take().map(|text| limits::clip(text.trim(), limits::PROPERTY).to_owned());
    *text = text.take().filter(|text| !text.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::Item;

    #[test]
    fn what_is_out_of_bounds_is_cut_or_dropped() {
        let long = "ä".repeat(limits::PROPERTY);
        let item = Item { name: Some(long.clone()), price: Some(f64::NAN), ..Item::default() };
        let properties = Properties {
            value: Some(f64::INFINITY),
            order_id: Some("1".repeat(limits::ORDER_ID + 1)),
            coupon: Some("  ".to_owned()),
            items: vec![item; limits::ITEMS + 1],
            custom: (0..=limits::PROPERTIES).map(|n| (n.to_string(), Scalar::Text(long.clone()))).collect(),
            ..Properties::default()
        };
        let mut draft = Draft { properties: Some(properties), ..Draft::default() };
        draft.bound();
        let bound = draft.properties.expect("still there");
        assert_eq!((bound.value, bound.order_id, bound.coupon), (None, None, None));
        assert_eq!((bound.items.len(), bound.custom.len()), (limits::ITEMS, limits::PROPERTIES));
        assert_eq!(
            (bound.items[0].price, bound.items[0].name.as_ref().map(String::len)),
            (None, Some(limits::PROPERTY))
        );
        assert_eq!(bound.custom["0"], Scalar::Text("ä".repeat(limits::PROPERTY / 2)));
    }
}

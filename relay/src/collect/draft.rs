//! A draft: an event as a source makes it out of a foreign webhook, before any check.
//!
//! `read` turns it into an event, by the checks of our own API, or says why not. Owns the shape, and the bounds that the public
//! JSON has by the way it is read; leaves every other check to `read`. Its user data is raw and wipes itself.

use std::collections::BTreeMap;

use shared::event::{Campaign, ClickId, Context, Page, Source};
use shared::{Consent, Properties, Scalar, UnixMs, limits};

use super::raw_event::{IdText, Pairs, RawEvent};
use super::raw_user::RawUser;

/// An event before any check. The fields are those of [`shared::Event`], all optional.
#[derive(Debug, Default)]
pub struct Draft {
    /// Name.
    pub event: Option<String>,
    /// Id; derived from the name and the order id when there is none.
    pub event_id: Option<String>,
    /// When it happened; on arrival when nobody says.
    pub time: Option<UnixMs>,
    /// Channel.
    pub source: Option<Source>,
    /// The visitor, when the sender knows.
    pub visitor_id: Option<String>,
    /// Page.
    pub page: Page,
    /// Click ids by parameter.
    pub click_ids: BTreeMap<String, ClickId>,
    /// Ad cookies by name.
    pub cookies: BTreeMap<String, String>,
    /// Tokens that lead to the visitor, by name.
    pub tokens: BTreeMap<String, String>,
    /// Campaign.
    pub campaign: Option<Campaign>,
    /// The visitor's client.
    pub context: Context,
    /// Who it was, raw or hashed.
    pub user: RawUser,
    /// Value, items and the rest.
    pub properties: Properties,
    /// What the visitor agreed to.
    pub consent: Consent,
}

impl Draft {
    /// In the form in which `read` checks events, with its properties within their bounds.
    pub(super) fn bounded(mut self) -> RawEvent {
        self.bound();
        let id = |id: Option<String>| id.map(|id| IdText(id.trim().to_owned()));
        RawEvent {
            event: self.event,
            event_id: id(self.event_id),
            time: self.time,
            source: self.source,
            visitor_id: id(self.visitor_id),
            page: Some(self.page),
            click_ids: Some(Pairs(self.click_ids.into_iter().collect())),
            cookies: Some(Pairs(self.cookies.into_iter().collect())),
            tokens: Some(Pairs(self.tokens.into_iter().collect())),
            campaign: self.campaign,
            context: Some(self.context),
            user: Some(self.user),
            properties: Some(self.properties),
            consent: Some(self.consent),
        }
    }

    /// Brings the properties within their bounds: texts are cut, surplus items and properties dropped, and an order
    /// id that is too long is none.
    fn bound(&mut self) {
        let properties = &mut self.properties;
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
        let draft = Draft { properties, ..Draft::default() };
        let bound = draft.bounded().properties.expect("still there");
        assert_eq!((bound.value, bound.order_id, bound.coupon), (None, None, None));
        assert_eq!((bound.items.len(), bound.custom.len()), (limits::ITEMS, limits::PROPERTIES));
        assert_eq!(
            (bound.items[0].price, bound.items[0].name.as_ref().map(String::len)),
            (None, Some(limits::PROPERTY))
        );
        assert_eq!(bound.custom["0"], Scalar::Text("ä".repeat(limits::PROPERTY / 2)));
    }
}

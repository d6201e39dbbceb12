//! An order as it is now, for whoever sends it, or a refund of it, later than it came.
//!
//! An event of the log says what was true when it came. Where a platform takes what it is sent last for the order's value, an
//! order that is sent again would undo its refunds, and an older refund a newer one. Owns what such an event is told instead;
//! leaves to `distribute` for which platform.

use shared::{Event, Scalar, UnixMs};

use super::refund::introduce;
use super::report::ORDER_REPORTED;
use super::{HALF_A_CENT, ORDER_VALUE, Order, REFUND, REMAINING, cents, early, key, read};
use crate::enrich;
use crate::store::{Seq, Store, StoreError};

/// An order as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Present(Order);

/// The order of this number, if it is remembered.
pub async fn present(store: &dyn Store, site: &str, order_id: &str) -> Result<Option<Present>, StoreError> {
    let text = store.note(site, &key(order_id)).await?;
    Ok(text.and_then(|text| read(&text)).map(Present))
}

impl Present {
    /// The number in the log of the event that reported it; none of what was reported before numbers were kept.
    pub fn reported(&self) -> Option<Seq> {
        self.0.seq
    }

    /// Whether anybody has reported it: of one whose refund came first there is a note as well.
    pub fn is_reported(&self) -> bool {
        self.0.event.is_some() || self.0.value.is_some()
    }

    /// When it was called off unpaid, if that still holds.
    pub fn called_off(&self) -> Option<UnixMs> {
        self.0.off.map(|(at, _)| at)
    }

    /// Tells the order, or a refund of it, what is left of its value, and a refund that overtook it what that could not be told when
    /// it came. Answers whether the event has changed.
    ///
    /// A value is only ever lowered. The goods go with the old one: they no longer add up to what is left. A refund of an order that
    /// nobody has reported is told the least that is known to be left: one that waited may go after a newer one.
    pub fn tell(&self, event: &mut Event) -> bool {
        let caught_up = event.event == REFUND && self.catch_up(event);
        self.tell_what_is_left(event) || caught_up
    }

    /// Tells a refund of an order that it overtook what else it would have learned of it.
    fn catch_up(&self, event: &mut Event) -> bool {
        let order = &self.0;
        if !self.is_reported() || event.properties.custom.contains_key(ORDER_REPORTED) {
            return false;
        }
        let before = event.clone();
        introduce(order, event);
        let properties = &mut event.properties;
        if properties.value.is_none() && properties.currency.is_none() {
            properties.currency = order.currency;
        }
        let whole = order.value.filter(|_| order.currency.is_some() && properties.currency == order.currency);
        let told = whole.map(|whole| (ORDER_VALUE.to_owned(), Scalar::Number(whole)));
        properties.custom.extend(told);
        *event != before
    }

    fn tell_what_is_left(&self, event: &mut Event) -> bool {
        if event.event == REFUND && !self.is_reported() {
            let Some(left) = early::least_left(&self.0, event) else { return false };
            let told = Scalar::Number(left);
            return event.properties.custom.insert(REMAINING.to_owned(), told.clone()) != Some(told);
        }
        let Order { event: name, value: Some(whole), currency: Some(currency), back, .. } = &self.0 else {
            return false;
        };
        let properties = &mut event.properties;
        if properties.currency != Some(*currency) {
            return false;
        }
        let left = cents((whole - back).max(0.0));
        if event.event == REFUND {
            let told = Scalar::Number(left);
            return properties.custom.insert(REMAINING.to_owned(), told.clone()) != Some(told);
        }
        let higher = properties.value.is_some_and(|value| value - left >= HALF_A_CENT);
        if !higher || name.as_ref() != Some(&event.event) {
            return false;
        }
        properties.value = Some(left);
        properties.items.clear();
        true
    }

    /// Lends a refund that names nobody the person of its order, as far as the log still has the order and the refund may be used
    /// for it: an order that was matched by its person alone is found again by nothing else. Answers whether the refund has
    /// changed.
    pub async fn lend(&self, store: &dyn Store, event: &mut Event) -> Result<bool, StoreError> {
        let Some(seq) = self.0.seq.filter(|_| event.event == REFUND && event.user.is_empty()) else {
            return Ok(false);
        };
        // What was pruned or erased is passed over, and another event comes in its place.
        let found = store.read(seq - 1, 1).await?.pop();
        let Some(order) = found.filter(|found| found.seq == seq) else { return Ok(false) };
        event.user.clone_from(&order.event.user);
        enrich::minimise(event);
        Ok(!event.user.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::tests::known;
    use crate::testing::event;

    #[test]
    fn what_is_sent_again_is_told_what_is_left() {
        let present = |value: f64, back: f64| Present(known(value, back));
        let sent = |name: &str, value: &str| {
            event(&format!(
                r#"{{"event":"{name}","event_id":"e","properties":{{"order_id":"1"{value},"currency":"EUR",
                    "items":[{{"id":"SKU"}}]}}}}"#
            ))
        };
        let order = |order: &Present, name: &str, value: f64, expected: f64, items: usize| {
            let mut event = sent(name, &format!(r#","value":{value}"#));
            let changed = order.tell(&mut event);
            assert_eq!(changed, (expected - value).abs() > 0.0, "{name} {value}");
            assert_eq!((event.properties.value, event.properties.items.len()), (Some(expected), items));
        };
        order(&present(59.9, 0.0), "Purchase", 59.9, 59.9, 1);
        order(&present(59.9, 20.0), "Purchase", 59.9, 39.9, 0);
        order(&present(59.9, 70.0), "Purchase", 59.9, 0.0, 0);
        // A correction has lowered the order since.
        order(&present(49.9, 0.0), "Purchase", 59.9, 49.9, 0);
        // Never higher, and never another event of the same number.
        order(&present(69.9, 0.0), "Purchase", 59.9, 59.9, 1);
        order(&present(59.9, 20.0), "Lead", 59.9, 59.9, 1);

        let mut dollars = present(59.9, 20.0);
        dollars.0.currency = shared::money::Currency::parse("USD");
        order(&dollars, "Purchase", 59.9, 59.9, 1);

        let mut refund = sent("Refund", r#","value":20,"remaining_value":39.9"#);
        assert!(present(59.9, 30.0).tell(&mut refund));
        assert_eq!(refund.properties.custom["remaining_value"], Scalar::Number(29.9));
        assert!(!present(59.9, 30.0).tell(&mut refund), "it says so already");
    }
}

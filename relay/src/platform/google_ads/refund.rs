//! What is left of an order after a refund.
//!
//! Google counts no refunds: the conversion of the order is given its remaining value, by sending it once more under
//! the same transaction id and time (page "conversion adjustments" of the Data Manager API, read 2026-11-23). An id
//! Google does not know would *create* a conversion, so only an order is restated whose own time the sender names: who
//! knows that, knows the order. The Google Ads API finds the conversion by its id alone and refuses what it does not
//! know, so there the time is welcome but not needed.
//!
//! Beside `order_id`, `currency` and `value` (what was paid back), a refund may carry the properties `order_time`,
//! `order_value` and `remaining_value`. How much is left is never guessed: a refund of unknown share is skipped.

use shared::{Event, Scalar, UnixMs};

use super::{RESTATE_FROM_MS, RESTATE_UNTIL_MS};
use crate::platform::{Skip, SkipReason};

/// An order that was paid back, wholly or in part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Refund<'a> {
    /// The order's number.
    pub(super) order_id: &'a str,
    /// When it was placed, if the sender says so.
    pub(super) order_time: Option<UnixMs>,
    /// What is left of its value; nought when all was paid back.
    pub(super) remaining: f64,
}

impl<'a> Refund<'a> {
    /// Reads a refund, or says why nothing can be made of it, or when it can.
    pub(super) fn of(event: &'a Event, now: UnixMs) -> Result<Self, Skip> {
        let Some(order_id) = event.properties.order_id.as_deref() else {
            let detail = "a refund without `order_id` names no conversion that Google could lower";
            return Err(Skip::new(SkipReason::RefundNotSupported, detail));
        };
        let Some(remaining) = remaining(event) else {
            let detail = "how much of the order is left is unknown; give `order_value` or `remaining_value`, \
                or leave `value` out when all was paid back";
            return Err(Skip::new(SkipReason::MissingValue, detail));
        };
        let order_time = order_time(event);
        if let Some(at) = order_time {
            check_window(at, now)?;
        }
        Ok(Self { order_id, order_time, remaining })
    }
}

fn check_window(order_time: UnixMs, now: UnixMs) -> Result<(), Skip> {
    let age = now.since(order_time);
    if age < RESTATE_FROM_MS {
        let until = order_time.plus(RESTATE_FROM_MS);
        return Err(Skip::until(until, "Google takes changes from 24 hours after the conversion"));
    }
    if age > RESTATE_UNTIL_MS {
        let detail = format!("the order is of {order_time}; Google takes changes for 54 days");
        return Err(Skip::new(SkipReason::TooOld, detail));
    }
    Ok(())
}

/// What is left: as the sender says, or the order's value less what was paid back; nought when no amount is named.
fn remaining(event: &Event) -> Option<f64> {
    let amount = |value: f64| value.is_finite().then_some(value);
    if let Some(left) = number(event, "remaining_value") {
        return amount(left).filter(|left| *left >= 0.0);
    }
    match (event.properties.value, number(event, "order_value")) {
        (None, _) => Some(0.0),
        (Some(back), Some(whole)) => amount(whole - back.abs()).map(|left| left.max(0.0)),
        (Some(_), None) => None,
    }
}

fn number(event: &Event, name: &str) -> Option<f64> {
    match event.properties.custom.get(name)? {
        Scalar::Integer(number) => Some(*number as f64),
        Scalar::Number(number) => Some(*number),
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Bool(_) | Scalar::List(_) => None,
    }
}

fn order_time(event: &Event) -> Option<UnixMs> {
    match event.properties.custom.get("order_time")? {
        Scalar::Integer(ms) => (*ms > 0).then_some(UnixMs(*ms)),
        Scalar::Text(text) => UnixMs::parse_rfc3339(text.trim()),
        Scalar::Bool(_) | Scalar::Number(_) | Scalar::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);

    fn refund(properties: &str) -> Event {
        let text = format!(
            r#"{{"event":"Refund","event_id":"1","time":1795435200000,"source":"server","properties":{properties}}}"#
        );
        serde_json::from_str(&text).expect("an event")
    }

    #[test]
    fn what_is_left_is_told_or_reckoned_and_never_guessed() {
        let check = |properties: &str, expected: Option<f64>| {
            let event = refund(properties);
            let left = Refund::of(&event, NOW).ok().map(|refund| refund.remaining);
            assert_eq!(left, expected, "{properties}");
        };
        check(r#"{"order_id":"1"}"#, Some(0.0));
        check(r#"{"order_id":"1","value":20,"order_value":59.5}"#, Some(39.5));
        check(r#"{"order_id":"1","value":-20,"order_value":"59.5"}"#, Some(39.5));
        check(r#"{"order_id":"1","value":60,"order_value":59.5}"#, Some(0.0));
        check(r#"{"order_id":"1","value":20,"remaining_value":7}"#, Some(7.0));
        check(r#"{"order_id":"1","value":20}"#, None);
        check(r#"{"order_id":"1","value":20,"remaining_value":-7}"#, None);
        check(r#"{"value":20,"order_value":59.5}"#, None);
    }

    #[test]
    fn changes_are_taken_from_a_day_to_fifty_four_days_after_the_order() {
        let check = |time: &str, expected: &str| {
            let event = refund(&format!(r#"{{"order_id":"1","order_time":{time}}}"#));
            let found = match Refund::of(&event, NOW) {
                Ok(refund) => format!("{:?}", refund.order_time.map(|at| at.0)),
                Err(Skip { until: Some(until), .. }) => format!("later, {until}"),
                Err(skip) => skip.reason.tag().to_owned(),
            };
            assert_eq!(found, expected, "{time}");
        };
        check("\"2026-11-20T14:05:09Z\"", "Some(1795183509000)");
        check("1795183509000", "Some(1795183509000)");
        check("\"2026-11-23T11:00:00Z\"", "later, 2026-11-24T11:00:00Z");
        check("\"2026-09-30T12:00:00Z\"", "too_old");
        check("\"yesterday\"", "None");
    }
}

//! What is left of an order after a refund.
//!
//! Google counts no refunds: the conversion of the order is given its remaining value, by sending it once more under
//! the same transaction id and time (page "conversion adjustments" of the Data Manager API, read 2026-11-23). An id
//! Google does not know would *create* a conversion, so only an order is restated whose own time is known, and none of which
//! the relay knows that it was not sent. The Google Ads API finds the conversion by its id alone and refuses what it does not
//! know, so there the time is welcome but not needed.
//!
//! How much is left, and when the order was placed, is read by [`crate::platform::refund`]; here is when Google takes it. Whether the
//! order went there needs the store and is asked before ([`Restates`](crate::platform::Restates)).

use shared::{Event, UnixMs};

use super::{RESTATE_FROM_MS, RESTATE_UNTIL_MS};
use crate::platform::{Skip, SkipReason, refund};

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
        check_was_sent(event)?;
        let remaining = refund::remaining(event)?;
        let order_time = refund::order_time(event)?;
        if let Some(at) = order_time {
            check_window(at, refund::order_reported(event).unwrap_or(at), now)?;
        }
        Ok(Self { order_id, order_time, remaining })
    }
}

/// An order by which Google could match nobody was not sent, and its refund would make a conversion of it.
fn check_was_sent(event: &Event) -> Result<(), Skip> {
    let Some(known) = refund::order_identifiers(event) else { return Ok(()) };
    let has = |name: &str| known.clone().any(|known| known == name);
    let by_one = ["gclid", "gbraid", "wbraid", "gad_source", "email", "phone"].into_iter().any(has);
    if by_one || ["first_name", "last_name", "postal_code", "country"].into_iter().all(has) {
        return Ok(());
    }
    let detail =
        "its order was not sent: it had neither a Google click id nor an e-mail, a phone or a whole address";
    Err(Skip::new(SkipReason::NoIdentifier, detail))
}

/// `reported` is when Google can have heard of the order, `order_time` what it takes for its time.
fn check_window(order_time: UnixMs, reported: UnixMs, now: UnixMs) -> Result<(), Skip> {
    let known_since = order_time.max(reported);
    if now.since(known_since) < RESTATE_FROM_MS {
        let until = known_since.plus(RESTATE_FROM_MS);
        return Err(Skip::until(until, "Google takes changes from 24 hours after the conversion"));
    }
    if now.since(order_time) > RESTATE_UNTIL_MS {
        let detail = format!("the order is of {order_time}; Google takes changes for 54 days");
        return Err(Skip::new(SkipReason::TooOld, detail));
    }
    Ok(())
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
    fn a_refund_names_its_order_and_what_is_left_of_it() {
        let check = |properties: &str, expected: Result<f64, SkipReason>| {
            let event = refund(properties);
            let left = Refund::of(&event, NOW).map(|refund| refund.remaining).map_err(|skip| skip.reason);
            assert_eq!(left, expected, "{properties}");
        };
        check(r#"{"order_id":"1","value":20,"order_value":59.5}"#, Ok(39.5));
        check(r#"{"order_id":"1","value":20}"#, Err(SkipReason::MissingValue));
        check(r#"{"value":20,"order_value":59.5}"#, Err(SkipReason::RefundNotSupported));
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
        check("\"yesterday\"", "refund_not_supported");
        // Reported late, it is known to Google since then only.
        check("1795183509000,\"order_reported\":1795400000000", "later, 2026-11-24T02:13:20Z");
    }

    #[test]
    fn an_order_by_which_nobody_could_be_matched_was_never_sent() {
        let check = |known: &str, expected: Result<(), SkipReason>| {
            let event = refund(&format!(r#"{{"order_id":"1","order_identifiers":"{known}"}}"#));
            assert_eq!(Refund::of(&event, NOW).map(drop).map_err(|skip| skip.reason), expected, "{known}");
        };
        check("fbclid email", Ok(()));
        check("gclid", Ok(()));
        check("first_name last_name postal_code country", Ok(()));
        check("fbclid first_name", Err(SkipReason::NoIdentifier));
        check("", Err(SkipReason::NoIdentifier));
    }
}

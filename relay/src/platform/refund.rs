//! Refunds: which order was paid back, and what is left of it, for platforms that correct what they counted.
//!
//! Beside `order_id`, `currency` and `value` (what was paid back), a refund may carry the properties `order_time`,
//! `order_value` and `remaining_value`. How much is left is never guessed. Of an order the relay knows, it also learns by
//! which event the order was reported, when, from where, and by what it could be matched. Leaves the words of the correction
//! and its windows to the platform.

use shared::{Event, Scalar, Source, UnixMs};

use super::{Skip, SkipReason};

/// How a platform takes an order that is sent again, where what is said last is the order's value: a refund is then the order once
/// more, or a correction of it that says what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restates {
    /// Whether it hears of orders from the relay alone, so that a refund of one it was never sent would make an order of it.
    pub alone: bool,
    /// Whether an order that was paid back whole is taken away altogether, and would come back if it were sent again.
    pub takes_away: bool,
    /// How long after an order was delivered it can be changed, in milliseconds.
    pub after_ms: i64,
}

/// What is left of the order: as the sender says, or the order's value less what was paid back; nought when no amount
/// is named. A refund of unknown share is skipped.
///
/// # Errors
/// When it is unknown.
pub fn remaining(event: &Event) -> Result<f64, Skip> {
    let left = match (number(event, "remaining_value"), event.properties.value, number(event, "order_value"))
    {
        (Some(left), _, _) => (left >= 0.0).then_some(left),
        (None, None, _) => Some(0.0),
        (None, Some(back), Some(whole)) => Some((whole - back.abs()).max(0.0)),
        (None, Some(_), None) => None,
    };
    left.filter(|left| left.is_finite()).ok_or_else(|| {
        let detail = "how much of the order is left is unknown; give `order_value` or `remaining_value`, or leave \
            `value` out when all was paid back";
        Skip::new(SkipReason::MissingValue, detail)
    })
}

/// When the order was placed, if the sender says so. Ten digits are seconds.
///
/// # Errors
/// When something stands there that is no time: without it the refund would go to another conversion, or to none.
pub fn order_time(event: &Event) -> Result<Option<UnixMs>, Skip> {
    let Some(said) = event.properties.custom.get("order_time") else { return Ok(None) };
    let time = match said {
        Scalar::Integer(ms) if *ms > 0 => Some(UnixMs(*ms).from_seconds_where_small()),
        Scalar::Text(text) => UnixMs::parse_rfc3339(text.trim()),
        Scalar::Integer(_) | Scalar::Bool(_) | Scalar::Number(_) | Scalar::List(_) => None,
    };
    time.map(Some).ok_or_else(|| {
        let detail = "`order_time` is no time: expected milliseconds since 1970, or RFC 3339 with its zone as in \
            2026-11-20T14:05:09Z";
        Skip::new(SkipReason::RefundNotSupported, detail)
    })
}

/// By which event the order was reported, if that is known: of a refund only.
pub fn order_event(event: &Event) -> Option<&str> {
    if event.event != "Refund" {
        return None;
    }
    text(event, "order_event")
}

/// When the order was reported, if the relay knows.
pub(super) fn order_reported(event: &Event) -> Option<UnixMs> {
    match event.properties.custom.get("order_reported")? {
        Scalar::Integer(ms) => Some(UnixMs(*ms)),
        Scalar::Text(_) | Scalar::Bool(_) | Scalar::Number(_) | Scalar::List(_) => None,
    }
}

/// Where the order came about: as the relay knows, else where the refund did.
pub(super) fn order_source(event: &Event) -> Source {
    text(event, "order_source").and_then(Source::named).unwrap_or(event.source)
}

/// By what the order could be matched, click ids and fields of the person, if the relay knows.
pub(super) fn order_identifiers(event: &Event) -> Option<impl Iterator<Item = &str> + Clone> {
    Some(text(event, "order_identifiers")?.split(' '))
}

/// Whether nothing is left of the order: less than any currency's smallest coin is noise of reckoning.
pub fn is_all_back(remaining: f64) -> bool {
    remaining < 0.000_05
}

fn text<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    match event.properties.custom.get(name)? {
        Scalar::Text(text) => Some(text),
        Scalar::Integer(_) | Scalar::Bool(_) | Scalar::Number(_) | Scalar::List(_) => None,
    }
}

fn number(event: &Event, name: &str) -> Option<f64> {
    let number = match event.properties.custom.get(name)? {
        Scalar::Integer(number) => *number as f64,
        Scalar::Number(number) => *number,
        Scalar::Text(text) => text.trim().parse().ok()?,
        Scalar::Bool(_) | Scalar::List(_) => return None,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refund(properties: &str) -> Event {
        let json = format!(
            r#"{{"event":"Refund","event_id":"1","time":0,"source":"server","properties":{{{properties}}}}}"#
        );
        serde_json::from_str(&json).expect("an event")
    }

    #[test]
    fn what_is_left_is_told_or_reckoned_and_never_guessed() {
        let check = |properties: &str, expected: Option<f64>| {
            let left = remaining(&refund(properties));
            assert_eq!(left.as_ref().ok(), expected.as_ref(), "{properties}");
            assert!(left.err().is_none_or(|skip| skip.reason == SkipReason::MissingValue), "{properties}");
        };
        check("", Some(0.0));
        check(r#""value":20,"order_value":59.5"#, Some(39.5));
        check(r#""value":-20,"order_value":"59.5""#, Some(39.5));
        check(r#""value":60,"order_value":59.5"#, Some(0.0));
        check(r#""value":20,"remaining_value":7"#, Some(7.0));
        check(r#""remaining_value":0"#, Some(0.0));
        check(r#""value":20"#, None);
        check(r#""value":20,"remaining_value":-7"#, None);
        check(r#""value":20,"order_value":"NaN""#, None);
    }

    #[test]
    fn an_order_has_its_own_time() {
        let check = |time: &str, expected: Option<i64>| {
            let event = refund(&format!(r#""order_time":{time}"#));
            let found = order_time(&event).map_err(|skip| skip.reason);
            let expected = expected.map(|ms| Some(UnixMs(ms))).ok_or(SkipReason::RefundNotSupported);
            assert_eq!(found, expected, "{time}");
        };
        check(r#""2026-11-20T14:05:09Z""#, Some(1_795_183_509_000));
        check("1795183509000", Some(1_795_183_509_000));
        check("1795183509", Some(1_795_183_509_000));
        check("0", None);
        check("true", None);
        check(r#""yesterday""#, None);
        check(r#""2026-11-20 14:05:09""#, None);
        assert_eq!(order_time(&refund("")), Ok(None));
    }
}

//! Refunds: conversions that were counted are taken back, or restated at what remains of them.
//!
//! A conversion the site reported is found by its order number, an uploaded one by its click and its time (pages
//! "onlineconversionadjustment" and "offlineconversionadjustment", read 2026-11-23). Where nothing is left, it is
//! retracted; else restated at the new, absolute value, so that saying it twice does no harm. Whether the conversion is
//! still on its way there needs the store and is asked before ([`Restates`](crate::platform::Restates)).

use serde::Serialize;
use serde_json::value::to_raw_value;
use shared::money::Currency;
use shared::time::HOUR_MS;
use shared::{Event, UnixMs};

use super::offline::{Match, Offline, check_consent, utc};
use super::user_data::{SIGNALS, TRANSACTION_ID};
use super::{MAX_OFFLINE_AGE_MS, OFFLINE_ADJUSTMENTS, ONLINE_ADJUSTMENTS, Row, check_age};
use crate::platform::number::Number;
use crate::platform::{Quality, Skip, SkipReason, refund};

/// What becomes of a conversion.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    adjustment_type: &'static str,
    adjustment_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    adjustment_value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adjustment_currency_code: Option<Currency>,
}

/// One element of `OnlineConversionAdjustments`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Online<'a> {
    transaction_id: &'a str,
    conversion_name: &'a str,
    #[serde(flatten)]
    change: Change,
}

/// One element of `OfflineConversionAdjustments`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Uploaded<'a> {
    #[serde(flatten)]
    matched: Match<'a>,
    conversion_name: &'a str,
    conversion_time: String,
    #[serde(flatten)]
    change: Change,
}

/// Writes one refund for its goal, or says why it is not sent.
pub(super) fn write<'a>(offline: &'a Offline, event: &Event, now: UnixMs) -> Result<(&'a str, Row), Skip> {
    check_age(event, MAX_OFFLINE_AGE_MS, now)?;
    check_known(event, now)?;
    let change = Change::of(event, now)?;
    let valid = "text keys and finite numbers always write as JSON";
    if let Some((goal, time)) = uploaded(offline, event)? {
        if now.since(time) > MAX_OFFLINE_AGE_MS {
            let detail =
                format!("the conversion happened at {time}; Microsoft adjusts those of the last 90 days");
            return Err(Skip::new(SkipReason::TooOld, detail));
        }
        let matched = Match::of(offline, event)?;
        let quality = matched.quality();
        let adjustment = Uploaded { matched, conversion_name: goal, conversion_time: utc(time), change };
        return Ok((goal, (OFFLINE_ADJUSTMENTS, to_raw_value(&adjustment).expect(valid), quality)));
    }
    check_consent(event)?;
    let Some(goal) = offline.goal_named("Refund") else {
        let detail = "name the goal whose conversions refunds take back in `offline.conversions.Refund`";
        return Err(Skip::new(SkipReason::NotMapped, detail));
    };
    let Some(order) = event.properties.order_id.as_deref() else {
        let detail = "a refund needs `order_id`, by which its conversion is found; that of an upload needs \
            `order_time`";
        return Err(Skip::new(SkipReason::NoIdentifier, detail));
    };
    let adjustment = Online { transaction_id: order, conversion_name: goal, change };
    let quality = Quality::of(&SIGNALS, |name| name == TRANSACTION_ID);
    Ok((goal, (ONLINE_ADJUSTMENTS, to_raw_value(&adjustment).expect(valid), quality)))
}

/// A conversion shows up after five to six hours, and an adjustment that comes before it is lost.
fn check_known(event: &Event, now: UnixMs) -> Result<(), Skip> {
    let known_from = refund::order_reported(event).map(|reported| reported.plus(SHOWS_AFTER_MS));
    match known_from.filter(|from| now < *from) {
        Some(from) => Err(Skip::until(from, "Microsoft knows a conversion from six hours after its report")),
        None => Ok(()),
    }
}

/// After which a conversion that was reported can be adjusted (page "offline conversions", read 2026-11-23).
pub(super) const SHOWS_AFTER_MS: i64 = 6 * HOUR_MS;

/// The goal and the time of the upload a refund takes back, where its order was one and it says when that was. The order's
/// own source decides, however the refund came.
fn uploaded<'a>(offline: &'a Offline, event: &Event) -> Result<Option<(&'a str, UnixMs)>, Skip> {
    let time = refund::order_time(event)?;
    if !offline.takes(refund::order_source(event)) {
        return Ok(None);
    }
    let goal = offline.goal_named(refund::order_event(event).unwrap_or("Purchase"));
    Ok(goal.zip(time))
}

impl Change {
    fn of(event: &Event, now: UnixMs) -> Result<Self, Skip> {
        let adjustment_time = utc(event.time.min(now));
        let left = refund::remaining(event)?;
        if refund::is_all_back(left) {
            let (adjustment_value, adjustment_currency_code) = (None, None);
            let adjustment_type = "Retract";
            return Ok(Self { adjustment_type, adjustment_time, adjustment_value, adjustment_currency_code });
        }
        let Some(currency) = event.properties.currency else {
            let detail = "what is left of a refunded conversion needs its `currency`";
            return Err(Skip::new(SkipReason::MissingCurrency, detail));
        };
        Ok(Self {
            adjustment_type: "Restate",
            adjustment_time,
            adjustment_value: Number::new(left),
            adjustment_currency_code: Some(currency),
        })
    }
}

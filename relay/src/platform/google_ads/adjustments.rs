//! The second call: `uploadConversionAdjustments` of the Google Ads API, which takes a conversion back or restates it.
//!
//! Used for refunds where the operator sets `adjustments`. Closed to nobody so far, unlike the upload of clicks, but
//! undocumented for newcomers; whoever is refused leaves the key out and restates by the Data Manager API. Partial
//! failure is on, as the API demands: a status of 200 may hold an error for any row. Facts: pages "upload adjustments"
//! and "partial failures", and the enum ConversionAdjustmentUploadError (read 2026-11-23).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use shared::money::Currency;
use shared::time::HOUR_MS;
use shared::{Event, UnixMs};

use super::identity::SIGNALS;
use super::refund::Refund;
use super::settings::Adjustments;
use crate::platform::answer::{Answer, arrived, by_status, code, each, quote, refused, throttled, transient};
use crate::platform::number::Number;
use crate::platform::{Outcome, Quality, Response, refund};

/// The request's body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    conversion_adjustments: &'a [Box<RawValue>],
    partial_failure: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    validate_only: bool,
}

impl<'a> Envelope<'a> {
    pub(super) fn new(adjustments: &'a [Box<RawValue>], validate_only: bool) -> Self {
        Self { conversion_adjustments: adjustments, partial_failure: true, validate_only }
    }
}

/// One element of `conversionAdjustments`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adjustment<'a> {
    conversion_action: String,
    adjustment_type: AdjustmentType,
    order_id: &'a str,
    adjustment_date_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    restatement_value: Option<RestatementValue>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AdjustmentType {
    /// The conversion never was.
    Retraction,
    /// It is worth this much; not a difference.
    Restatement,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestatementValue {
    adjusted_value: Option<Number>,
    currency_code: Option<Currency>,
}

/// Writes what became of an order. The conversion is found by its order id, so no person is matched.
pub(super) fn write(
    adjustments: &Adjustments,
    action: &str,
    order_id: &str,
    event: &Event,
    order: &Refund<'_>,
    now: UnixMs,
) -> (Box<RawValue>, Quality) {
    let all_back = refund::is_all_back(order.remaining);
    let adjustment = Adjustment {
        conversion_action: format!("customers/{}/conversionActions/{action}", adjustments.customer_id),
        adjustment_type: if all_back { AdjustmentType::Retraction } else { AdjustmentType::Restatement },
        order_id,
        adjustment_date_time: ads_time(event.time.min(now).max(UnixMs(0))),
        restatement_value: (!all_back).then(|| RestatementValue {
            adjusted_value: Number::new(order.remaining),
            currency_code: event.properties.currency,
        }),
    };
    let json = to_raw_value(&adjustment).expect("text keys and finite numbers always write as JSON");
    (json, Quality::of(&SIGNALS, |_| false))
}

/// `yyyy-mm-dd hh:mm:ss+00:00`: a blank for the T, a numeric offset, no fraction.
fn ads_time(at: UnixMs) -> String {
    let whole = UnixMs(at.seconds().saturating_mul(1_000)).rfc3339();
    format!("{}+00:00", whole.trim_end_matches('Z').replacen('T', " ", 1))
}

/// The body of an answer, of either kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    partial_failure_error: Option<Fault>,
    #[serde(default)]
    results: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default)]
    error: Option<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Failure>,
}

/// GoogleAdsFailure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    errors: Vec<RowError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RowError {
    /// One member: the name of an enum, and its value.
    error_code: BTreeMap<String, String>,
    message: String,
    location: Location,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Location {
    field_path_elements: Vec<PathElement>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PathElement {
    field_name: String,
    index: Option<usize>,
}

/// One outcome per adjustment.
pub(super) fn read(response: &Response, events: usize) -> Vec<Outcome> {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return each(events, &outcome),
    };
    let success = (200..300).contains(&answer.status);
    match serde_json::from_slice::<Reply>(answer.body) {
        Ok(Reply { error: Some(fault), .. }) => each(events, &by_fault(&fault, answer, events)),
        Ok(Reply { partial_failure_error: Some(fault), .. }) if success && fault.code != 0 => {
            by_row(&fault, answer, events)
        }
        Ok(Reply { results: Some(_), .. } | Reply { partial_failure_error: Some(_), .. }) if success => {
            each(events, &Outcome::Delivered)
        }
        Ok(_) | Err(_) if success => {
            let reason = format!("answer with status {} and without results", answer.status);
            each(events, &transient(answer.retry_after, reason))
        }
        Ok(_) | Err(_) => {
            let reason = format!("status {} without an error object", answer.status);
            each(events, &by_status(answer, events, reason))
        }
    }
}

/// Rows that are named failed, the others were taken. An error that names no row speaks of all.
fn by_row(fault: &Fault, answer: Answer<'_>, events: usize) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Delivered; events];
    let mut named = false;
    for error in fault.errors() {
        let Some(outcome) = error.row().and_then(|row| outcomes.get_mut(row)) else {
            return each(events, &by_fault(fault, answer, events));
        };
        named = true;
        // Of several errors of a row the first speaks.
        if *outcome == Outcome::Delivered {
            *outcome = error.outcome(answer, 1);
        }
    }
    if named { outcomes } else { each(events, &by_fault(fault, answer, events)) }
}

fn by_fault(fault: &Fault, answer: Answer<'_>, events: usize) -> Outcome {
    if let Some(error) = fault.errors().next() {
        return error.outcome(answer, events);
    }
    let reason = format!("Google Ads: {}: {}", code(&fault.status), quote(&fault.message));
    match fault.status.as_str() {
        "RESOURCE_EXHAUSTED" => throttled(answer.retry_after, reason),
        _ if (200..300).contains(&answer.status) => transient(answer.retry_after, reason),
        _ => by_status(answer, events, reason),
    }
}

impl Fault {
    fn errors(&self) -> impl Iterator<Item = &RowError> {
        self.details.iter().flat_map(|failure| &failure.errors)
    }
}

/// What an error code asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Google has it already.
    Duplicate,
    /// The conversion is too young to be changed, or the action to be used.
    TooSoon(Duration),
    /// Never.
    Permanent,
    /// The conversion action is not there, or takes no such change. Those of other actions go on.
    Action,
    /// Something in the account or the settings.
    Configuration,
    /// Too many calls.
    Throttled,
    /// Google's own trouble.
    Transient,
}

impl RowError {
    fn row(&self) -> Option<usize> {
        let path = &self.location.field_path_elements;
        path.iter().find(|element| element.field_name == "conversion_adjustments")?.index
    }

    fn code(&self) -> (&str, &str) {
        self.error_code.iter().next().map_or(("", ""), |(name, value)| (name.as_str(), value.as_str()))
    }

    fn outcome(&self, answer: Answer<'_>, events: usize) -> Outcome {
        let (name, theirs) = self.code();
        let reason = format!("Google Ads: {}: {}", code(theirs), quote(&self.message));
        match classify(name, theirs) {
            Some(Class::Duplicate) => Outcome::Delivered,
            Some(Class::TooSoon(after)) => Outcome::Later { after, reason },
            Some(Class::Permanent) => Outcome::Rejected { reason },
            Some(Class::Action) => Outcome::Misconfigured {
                reason: format!(
                    "{reason}; check the ids in `conversion_actions`: they belong to `adjustments.customer_id`, and only \
                    actions made as Import or Website take a changed value"
                ),
            },
            Some(Class::Configuration) => Outcome::Unauthorized {
                reason: format!(
                    "{reason}; check `adjustments`, `login_account` and the account, or leave \
                    `adjustments` out to lower values by the Data Manager API"
                ),
            },
            Some(Class::Throttled) => throttled(answer.retry_after, reason),
            Some(Class::Transient) => transient(answer.retry_after, reason),
            None if (200..300).contains(&answer.status) => Outcome::Rejected { reason },
            None if answer.status == 400 => refused(events, reason),
            None => by_status(answer, events, reason),
        }
    }
}

/// The documented codes, by the enum they are of. `None` leaves the decision to the HTTP status.
fn classify(name: &str, code: &str) -> Option<Class> {
    let class = match code {
        "CONVERSION_ALREADY_RETRACTED" | "CONVERSION_ALREADY_ENHANCED" | "RESTATEMENT_ALREADY_EXISTS" => {
            Class::Duplicate
        }
        "TOO_RECENT_CONVERSION" => Class::TooSoon(hours(24)),
        "TOO_RECENT_CONVERSION_ACTION" => Class::TooSoon(hours(6)),
        "CONVERSION_NOT_FOUND"
        | "CONVERSION_EXPIRED"
        | "ADJUSTMENT_PRECEDES_CONVERSION"
        | "MORE_RECENT_RESTATEMENT_FOUND"
        | "TOO_MANY_ADJUSTMENTS"
        | "TOO_MANY_ADJUSTMENTS_IN_REQUEST"
        | "MISSING_ORDER_ID_FOR_WEBPAGE"
        | "ORDER_ID_CONTAINS_PII"
        | "GCLID_DATE_TIME_PAIR_AND_ORDER_ID_BOTH_SET" => Class::Permanent,
        "NO_CONVERSION_ACTION_FOUND"
        | "INVALID_CONVERSION_ACTION"
        | "INVALID_CONVERSION_ACTION_TYPE"
        | "CANNOT_RESTATE_CONVERSION_ACTION_THAT_ALWAYS_USES_DEFAULT_CONVERSION_VALUE" => Class::Action,
        "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"
        | "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS"
        | "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"
        | "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION"
        | "UNAUTHORIZED_CUSTOMER" => Class::Configuration,
        _ if code.starts_with("CUSTOMER_DATA_POLICY_PROHIBITS_") => Class::Configuration,
        _ => match name {
            "authenticationError" | "authorizationError" | "notAllowlistedError" => Class::Configuration,
            "quotaError" => Class::Throttled,
            "internalError" => Class::Transient,
            _ => return None,
        },
    };
    Some(class)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_millis(hours * HOUR_MS.unsigned_abs())
}

#[cfg(test)]
mod tests;

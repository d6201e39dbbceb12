//! The answer half an hour later: `requestStatus:retrieve`, counts of events by reason.
//!
//! Google says at once only that a request was taken; what was made of its events is known from half an hour on, as
//! counts that name no event (page "diagnostics" and `processing_errors.proto`, read 2026-11-23). One request holds
//! one conversion action, so a reason can be laid at its door. What holds for a whole request is acted upon; what
//! holds for some of its events is counted, and told to the operator where the remedy is theirs.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use shared::UnixMs;
use shared::time::{HOUR_MS, MINUTE_MS};
use url::Url;

use super::{INGEST, quota, response};
use crate::platform::{
    Body, Call, Fate, Finding, Findings, Found, Header, Inquiries, Receipt, Request, Response,
};

/// How the results of requests are asked for.
#[derive(Debug)]
pub(super) struct Diagnostics {
    pub(super) address: Url,
    pub(super) quota_project: Option<String>,
    /// How long after a request Google is first asked.
    pub(super) first_ms: i64,
}

/// Half an hour, the earliest that Google's page advises.
pub(super) const FIRST_MS: i64 = 30 * MINUTE_MS;
/// Waits double up to this.
const LONGEST_WAIT_MS: i64 = 8 * HOUR_MS;
/// What is not known after two days will not be.
const UNTIL_MS: i64 = 48 * HOUR_MS;
/// A click may take this long to be known.
const RECENT_CLICK: Duration = Duration::from_secs(6 * 3_600);
/// Google's own trouble is over sooner.
const INTERNAL: Duration = Duration::from_secs(60);

impl Inquiries for Diagnostics {
    fn receipt(&self, call: Call, response: &Response, now: UnixMs) -> Option<Receipt> {
        if call != INGEST {
            return None;
        }
        let id = response::request_id(response)?;
        Some(Receipt { id, taken: now, asked: 0, due: now.plus(self.first_ms) })
    }

    fn request(&self, receipt: &Receipt) -> Request {
        let mut url = self.address.clone();
        url.query_pairs_mut().append_pair("requestId", &receipt.id);
        let mut headers = vec![Header::bearer_to_fetch()];
        headers.extend(quota(self.quota_project.as_deref()));
        Request { method: "GET", url, headers, body: Body::Empty, public_only: false }
    }

    fn read(&self, receipt: &Receipt, events: usize, response: &Response, now: UnixMs) -> Found {
        match status(response) {
            Some(status) if status.is_final() => Found::Final(status.findings(events)),
            // Still at work, not visible yet (404, INVALID_REQUEST_ID), or not to be had: ask again.
            Some(_) | None if now.since(receipt.taken) < UNTIL_MS => {
                let doubled = self.first_ms.saturating_mul(1 << (receipt.asked + 1).min(16));
                Found::NotYet { due: now.plus(doubled.min(LONGEST_WAIT_MS)) }
            }
            Some(_) | None => {
                let counts = vec![Finding { reason: "unknown", events: count(events), advice: None }];
                Found::Final(Findings { counts, fate: Fate::Settled })
            }
        }
    }
}

/// The one destination's status in an answer of success.
fn status(response: &Response) -> Option<Status> {
    match response {
        Response::Answer { status: 200, body, .. } => {
            let reply: Reply = serde_json::from_slice(body).ok()?;
            reply.request_status_per_destination.into_iter().next()
        }
        Response::Answer { .. } | Response::NotSent(_) | Response::NoAnswer(_) => None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    request_status_per_destination: Vec<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    request_status: String,
    #[serde(default)]
    error_info: Option<ErrorInfo>,
    #[serde(default)]
    warning_info: Option<WarningInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ErrorInfo {
    error_counts: Vec<Count>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WarningInfo {
    warning_counts: Vec<Count>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Count {
    #[serde(deserialize_with = "int64")]
    record_count: u64,
    reason: String,
}

/// A 64-bit number, which Google's JSON writes as text.
fn int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(u64),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => text.parse().unwrap_or(0),
        Written::Number(number) => number,
    })
}

/// What a reason means for the events it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Google has it already.
    Duplicate,
    /// Usually a visitor who came by no ad. Counted, and nothing else.
    NoAd,
    /// Worth another try.
    Again(Duration),
    /// Never.
    Permanent,
    /// Something the operator must mend: how.
    Operator(&'static str),
}

impl Status {
    fn is_final(&self) -> bool {
        matches!(self.request_status.as_str(), "SUCCESS" | "PARTIAL_SUCCESS" | "FAILED" | "FAILURE")
    }

    fn findings(&self, events: usize) -> Findings {
        let all = count(events);
        let mut errors: Vec<(&'static str, Class, u64)> = Vec::new();
        for error in self.error_info.iter().flat_map(|info| &info.error_counts) {
            let (name, class) = reason(&error.reason);
            errors.push((name, class, error.record_count));
        }
        let mut failed = errors.iter().map(|(_, _, events)| events).sum::<u64>().min(all);
        if errors.is_empty() && matches!(self.request_status.as_str(), "FAILED" | "FAILURE") {
            errors.push(("other", Class::Permanent, all));
            failed = all;
        }
        let mut counts: Vec<Finding> = Vec::new();
        if failed < all {
            counts.push(Finding { reason: "delivered", events: all - failed, advice: None });
        }
        counts.extend(errors.iter().map(|(reason, class, events)| Finding {
            reason,
            events: *events,
            advice: class.advice(),
        }));
        let warned = self.warning_info.iter().flat_map(|info| &info.warning_counts);
        let warned: u64 = warned.map(|warning| warning.record_count).sum();
        if warned > 0 {
            counts.push(Finding { reason: "warning", events: warned, advice: None });
        }
        Findings { counts, fate: fate(&errors, failed == all) }
    }
}

/// What becomes of all events. Those worth another try cannot be told from the others, so all go again; the others
/// Google knows by their transaction id.
fn fate(errors: &[(&'static str, Class, u64)], all_failed: bool) -> Fate {
    let named = |classes: &dyn Fn(Class) -> bool| {
        let names = errors.iter().filter(|(_, class, events)| *events > 0 && classes(*class));
        names.map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let waits = errors.iter().filter_map(|(_, class, events)| match class {
        Class::Again(after) if *events > 0 => Some(*after),
        Class::Again(_) | Class::Duplicate | Class::NoAd | Class::Permanent | Class::Operator(_) => None,
    });
    if let Some(after) = waits.max() {
        let names = named(&|class| matches!(class, Class::Again(_)));
        return Fate::Again { after, reason: format!("Google Ads, afterwards: {names}") };
    }
    let refused = |class| matches!(class, Class::Permanent | Class::Operator(_));
    if all_failed && !errors.is_empty() && errors.iter().all(|(_, class, _)| refused(*class)) {
        return Fate::Refused { reason: format!("Google Ads, afterwards: {}", named(&refused)) };
    }
    Fate::Settled
}

impl Class {
    const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Operator(advice) => Some(advice),
            Self::Duplicate | Self::NoAd | Self::Again(_) | Self::Permanent => None,
        }
    }
}

/// Our name of a reason and what it means. The list is open; what is not on it is called `other`.
fn reason(theirs: &str) -> (&'static str, Class) {
    let short = theirs.strip_prefix("PROCESSING_ERROR_").unwrap_or(theirs);
    let short = short.strip_prefix("REASON_").unwrap_or(short);
    let found = REASONS.iter().find(|(google, _, _)| *google == short);
    found.map_or(("other", Class::Permanent), |(_, name, class)| (name, *class))
}

const CONSENT: Class = Class::Operator(
    "visitors in the EEA, the UK and Switzerland must have granted ad_user_data: pass their choice on with the events",
);
const ENCRYPTION: Class =
    Class::Operator("nothing is encrypted by the relay: report this with the request's time");

/// Google's reasons without their prefix, our names for metrics, and what each means.
const REASONS: [(&str, &str, Class); 32] = [
    ("INTERNAL_ERROR", "internal_error", Class::Again(INTERNAL)),
    ("TOO_RECENT_CLICK", "too_recent_click", Class::Again(RECENT_CLICK)),
    ("CLICK_NOT_FOUND", "click_not_found", Class::NoAd),
    ("INVALID_CLICK", "invalid_click", Class::NoAd),
    ("DUPLICATE_TRANSACTION_ID", "duplicate_transaction_id", Class::Duplicate),
    ("DUPLICATE_GCLID", "duplicate_gclid", Class::Duplicate),
    ("EVENT_TOO_OLD", "event_too_old", Class::Permanent),
    ("CONVERSION_PRECEDES_CLICK", "conversion_precedes_click", Class::Permanent),
    ("INVALID_GCLID", "invalid_gclid", Class::Permanent),
    ("INVALID_GBRAID", "invalid_gbraid", Class::Permanent),
    ("INVALID_WBRAID", "invalid_wbraid", Class::Permanent),
    ("INVALID_AD_IDENTIFIERS", "invalid_ad_identifiers", Class::Permanent),
    ("INVALID_EVENT", "invalid_event", Class::Permanent),
    ("INVALID_FORMAT", "invalid_format", Class::Permanent),
    ("INVALID_MERCHANT_ID", "invalid_merchant_id", Class::Operator("check `merchant.id`")),
    ("INVALID_CUSTOM_VARIABLE", "invalid_custom_variable", Class::Operator("check `custom_variables`")),
    ("DENIED_CONSENT", "denied_consent", CONSENT),
    ("NO_CONSENT", "no_consent", CONSENT),
    ("UNKNOWN_CONSENT", "unknown_consent", CONSENT),
    (
        "INVALID_OPERATING_ACCOUNT_FOR_CLICK",
        "invalid_operating_account_for_click",
        Class::Operator(
            "the clicks belong to another account: use its id as `operating_account`, or its manager's",
        ),
    ),
    (
        "OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER",
        "operating_account_mismatch_for_ad_identifier",
        Class::Operator(
            "the clicks belong to another account: use its id as `operating_account`, or its manager's",
        ),
    ),
    (
        "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID",
        "one_per_click_with_braid",
        Class::Operator("let the conversion action count every conversion: gbraid and wbraid go to no other"),
    ),
    (
        "EXTERNAL_ATTRIBUTION_DATA_MISSING",
        "external_attribution_data_missing",
        Class::Operator(
            "the action wants external attribution, which the relay does not make: use another action",
        ),
    ),
    (
        "CUSTOM_VARIABLE_NOT_ENABLED",
        "custom_variable_not_enabled",
        Class::Operator("turn the custom variable on in Google Ads, or take it out of `custom_variables`"),
    ),
    (
        "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
        "terms_not_signed",
        Class::Operator("accept the customer data terms in Google Ads: Goals, Settings, Customer data terms"),
    ),
    ("DATA_DECRYPTION_ERROR", "decryption_error", ENCRYPTION),
    ("DEK_DECRYPTION_ERROR", "decryption_error", ENCRYPTION),
    ("INVALID_WIP", "encryption_key", ENCRYPTION),
    ("INVALID_KEK", "encryption_key", ENCRYPTION),
    ("WIP_AUTH_FAILED", "encryption_key", ENCRYPTION),
    ("KEK_PERMISSION_DENIED", "encryption_key", ENCRYPTION),
    ("AWS_AUTH_FAILED", "encryption_key", ENCRYPTION),
];

fn count(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

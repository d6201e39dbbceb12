//! The answer of `events:ingest` at once: taken, or refused whole for the first things that are wrong.
//!
//! "Taken" is all a success means; what became of the events is asked later, in `diagnostics`. A refusal names its
//! reasons and, in the paths of the fields, the events at fault (`events.events[3].event_source`): those are given up,
//! the others sent again. Reasons that lie in the settings hold the destination, so that nothing is lost until the
//! operator has mended them. Facts: pages "understand errors" and "limits", and `error.proto` (read 2026-11-23); the
//! list of reasons is open, so one that is unknown counts as the events' fault.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shared::time::{DAY_MS, HOUR_MS};
use shared::{UnixMs, limits};

use crate::platform::answer::{Answer, arrived, by_status, code, each, quote, refused, throttled, transient};
use crate::platform::{Outcome, Response};

/// The body of an answer, of either kind. Fields Google may add are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    error: Option<Fault>,
    /// Violations of fields that were let pass. Whatever it is, the events were taken.
    #[serde(default)]
    field_warnings: Value,
}

/// Google's error object (google.rpc.Status).
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

/// One of its details. They come in any order and are told apart by what they hold.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Detail {
    reason: Option<String>,
    metadata: BTreeMap<String, String>,
    field_violations: Vec<Violation>,
    request_id: Option<String>,
    retry_delay: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Violation {
    field: String,
    reason: String,
    description: String,
}

/// One outcome per event.
pub(super) fn read(response: &Response, events: usize, validate_only: bool, now: UnixMs) -> Vec<Outcome> {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return each(events, &outcome),
    };
    let success = (200..300).contains(&answer.status);
    match serde_json::from_slice::<Reply>(answer.body) {
        Ok(Reply { error: Some(fault), .. }) => by_fault(&fault, answer, events, now),
        // A request that was only validated gets no id.
        Ok(Reply { request_id, error: None, .. })
            if success && (validate_only || request_id.as_ref().is_some_and(|id| !id.is_empty())) =>
        {
            each(events, &Outcome::Delivered)
        }
        Ok(_) | Err(_) if success => {
            // Something answered, but not in Google's words: the events may be taken, and the transaction id makes
            // a repeat harmless.
            let reason = format!("answer with status {} and without a requestId", answer.status);
            each(events, &transient(answer.retry_after, reason))
        }
        Ok(_) | Err(_) => {
            let reason = format!("status {} without an error object", answer.status);
            each(events, &by_status(answer, events, reason))
        }
    }
}

/// The id of a request that was taken.
pub(super) fn request_id(response: &Response) -> Option<String> {
    let answer = arrived(response).ok().filter(|answer| (200..300).contains(&answer.status))?;
    let reply: Reply = serde_json::from_slice(answer.body).ok()?;
    reply.request_id.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && reply.error.is_none())
}

/// The fields that Google warns of in events that it took. Not its descriptions, which may repeat what stood there.
pub(super) fn remark(response: &Response) -> Option<String> {
    let answer = arrived(response).ok().filter(|answer| (200..300).contains(&answer.status))?;
    let reply: Reply = serde_json::from_slice(answer.body).ok()?;
    let warnings = reply.field_warnings.as_array()?.iter();
    let warnings = warnings.filter_map(|warning| Violation::deserialize(warning).ok());
    let fields: BTreeSet<String> = warnings.map(|warning| warning.of_any_event()).collect();
    let fields: Vec<String> = fields.into_iter().collect();
    let list = fields.join(", ");
    (!list.is_empty())
        .then(|| format!("Google Ads warns of fields of some events: {}", limits::clip(&list, LONGEST_LIST)))
}

fn by_fault(fault: &Fault, answer: Answer<'_>, events: usize, now: UnixMs) -> Vec<Outcome> {
    let reason = fault.words();
    let whole = |outcome: Outcome| each(events, &outcome);
    match (answer.status, fault.status.as_str()) {
        (_, "UNAUTHENTICATED" | "PERMISSION_DENIED" | "NOT_FOUND") => {
            let advice = fault.advice().unwrap_or(ACCESS);
            whole(Outcome::Unauthorized { reason: format!("{reason}; {advice}") })
        }
        (_, "RESOURCE_EXHAUSTED") => whole(throttled(fault.wait(answer, now), reason)),
        (_, "INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED" | "ABORTED") => {
            whole(transient(fault.wait(answer, now), reason))
        }
        (400, _) | (_, "INVALID_ARGUMENT" | "FAILED_PRECONDITION") => invalid(fault, &reason, events),
        _ => whole(by_status(answer, events, reason)),
    }
}

/// A request with something wrong in it.
fn invalid(fault: &Fault, reason: &str, events: usize) -> Vec<Outcome> {
    if let Some(advice) = fault.advice() {
        let reason = format!("{reason}; {advice}");
        // A request holds the events of one conversion action, so what is wrong with that is no concern of the others.
        let of_action = fault.reasons().any(|reason| OF_ONE_ACTION.contains(&reason))
            || fault.violations().any(|violation| violation.field.contains("product_destination_id"));
        if of_action {
            return of_one_action(fault, &reason, events);
        }
        return each(events, &Outcome::Unauthorized { reason });
    }
    let mut culprits: BTreeMap<usize, String> = BTreeMap::new();
    for violation in fault.violations() {
        if let Some(index) = index(&violation.field).filter(|index| *index < events) {
            culprits.entry(index).or_insert_with(|| violation.words());
        }
    }
    if culprits.is_empty() {
        return each(events, &refused(events, reason.to_owned()));
    }
    let outcome = |place: usize| match culprits.get(&place) {
        Some(words) => Outcome::Rejected { reason: format!("Google Ads: {words}") },
        // Nothing was taken, so the others go again.
        None => Outcome::Split { reason: format!("refused beside another event: {reason}") },
    };
    (0..events).map(outcome).collect()
}

/// The action does not fit, or not these events of it: the others go again, for nothing was taken.
fn of_one_action(fault: &Fault, reason: &str, events: usize) -> Vec<Outcome> {
    let violations =
        fault.violations().filter(|violation| OF_ONE_ACTION.contains(&violation.reason.as_str()));
    let named: BTreeSet<usize> =
        violations.filter_map(|violation| index(&violation.field)).filter(|index| *index < events).collect();
    let outcome = |place: usize| {
        if named.is_empty() || named.contains(&place) {
            Outcome::Misconfigured { reason: reason.to_owned() }
        } else {
            Outcome::Split { reason: format!("refused beside another event: {reason}") }
        }
    };
    (0..events).map(outcome).collect()
}

/// The number in `events.events[3].event_source`.
fn index(field: &str) -> Option<usize> {
    let (_, rest) = field.split_once("events[")?;
    let (number, _) = rest.split_once(']')?;
    number.parse().ok()
}

impl Fault {
    fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.details.iter().flat_map(|detail| &detail.field_violations)
    }

    /// Every reason it names.
    fn reasons(&self) -> impl Iterator<Item = &str> {
        let of_details = self.details.iter().filter_map(|detail| detail.reason.as_deref());
        of_details.chain(self.violations().map(|violation| violation.reason.as_str()))
    }

    /// What the operator must do, when the fault lies in the settings or the account.
    fn advice(&self) -> Option<&'static str> {
        let known = self.reasons().find_map(|reason| {
            CONFIGURATION.iter().find(|(name, _)| *name == reason).map(|(_, advice)| *advice)
        });
        let in_destination = self.violations().any(|violation| violation.field.contains("destinations["));
        known
            .or_else(|| in_destination.then_some("check the destination's accounts and `conversion_actions`"))
    }

    /// How long Google asks to wait: its own words, or until the day's quota begins anew.
    fn wait(&self, answer: Answer<'_>, now: UnixMs) -> Option<Duration> {
        let named = self.details.iter().find_map(|detail| seconds(detail.retry_delay.as_deref()?));
        let daily = self.details.iter().any(|detail| {
            detail
                .metadata
                .get("quota_limit")
                .is_some_and(|limit| limit.to_ascii_lowercase().contains("perday"))
        });
        answer.retry_after.or(named).or_else(|| daily.then(|| until_reset(now)))
    }

    /// `Google Ads: INVALID_ARGUMENT (events.events[3].event_source: REQUIRED_FIELD_MISSING) (request Abc)`.
    pub(super) fn words(&self) -> String {
        let mut words = format!("Google Ads: {}", code(&self.status));
        match self.violations().next() {
            Some(violation) => words.push_str(&format!(" ({})", violation.words())),
            None => {
                let reason = self.details.iter().find_map(|detail| detail.reason.as_deref());
                if let Some(reason) = reason.filter(|reason| *reason != self.status) {
                    words.push_str(&format!(" ({})", code(reason)));
                }
                if !self.message.is_empty() {
                    words.push_str(&format!(": {}", quote(&self.message)));
                }
            }
        }
        let request = self.details.iter().find_map(|detail| detail.request_id.as_deref());
        if let Some(request) = request {
            words.push_str(&format!(" (request {})", quote(request)));
        }
        words
    }
}

impl Violation {
    /// `events.events[3].event_source: REQUIRED_FIELD_MISSING, the description`.
    fn words(&self) -> String {
        let words = format!("{}: {}", quote(&self.field), code(&self.reason));
        if self.description.is_empty() { words } else { format!("{words}, {}", quote(&self.description)) }
    }

    /// `cart_data (WARNING_REASON_X)` of `events.events[3].cart_data`, whichever event it was.
    fn of_any_event(&self) -> String {
        let parts = self.field.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
        let field: String = parts.collect();
        let field = quote(field.strip_prefix("events.events.").unwrap_or(&field));
        if self.reason.is_empty() { field } else { format!("{field} ({})", code(&self.reason)) }
    }
}

/// `30s` or `1.5s`, as google.rpc.RetryInfo writes a duration.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    (0.0..=DAY_S).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// Daily quotas begin anew at midnight in California, at the latest at 08:00 UTC (page "quotas", Google Cloud).
fn until_reset(now: UnixMs) -> Duration {
    let of_day = now.0.rem_euclid(DAY_MS);
    let ms = (8 * HOUR_MS - of_day).rem_euclid(DAY_MS);
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// What to do when Google names no reason.
const ACCESS: &str = "check the credentials, that their user or service account may work in the Google Ads account, and \
    that the Data Manager API is enabled in their project";
/// Longest list of fields that is told, in bytes.
const LONGEST_LIST: usize = 400;
const DAY_S: f64 = 86_400.0;
/// Request ids seen are some 50 characters; what is far longer is none.
const LONGEST_ID: usize = 500;

/// Those of [`CONFIGURATION`] that lie in the conversion action and not in the account.
const OF_ONE_ACTION: [&str; 3] = [
    "INVALID_CONVERSION_ACTION_ID",
    "INVALID_CONVERSION_ACTION_TYPE",
    "EVENT_SOURCE_AND_DESTINATION_MISMATCH",
];

/// Reasons that lie in the settings or the account, and what to do about each.
const CONFIGURATION: [(&str, &str); 16] = [
    (
        "INVALID_CONVERSION_ACTION_ID",
        "check the ids in `conversion_actions`: they belong to `operating_account`",
    ),
    (
        "INVALID_CONVERSION_ACTION_TYPE",
        "the action is of another type: UPLOAD_CLICKS needs one made as Import, WEBPAGE one made as Website; see \
         `action_type`",
    ),
    ("INVALID_DESTINATION", "check `operating_account` and `conversion_actions`"),
    ("DESTINATION_ACCOUNT_TYPE_MISMATCH", "`operating_account` must be a Google Ads account"),
    (
        "EVENT_SOURCE_AND_DESTINATION_MISMATCH",
        "the action does not take events of this source; WEBPAGE takes those of the web only",
    ),
    (
        "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
        "accept the customer data terms in Google Ads: Goals, Settings, Customer data terms",
    ),
    (
        "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
        "turn on enhanced conversions for leads in Google Ads: Goals, Settings",
    ),
    (
        "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
        "Google's policy keeps this account from sending user data; ask its support",
    ),
    (
        "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED",
        "declare in Google Ads whether the account runs political ads in the EU",
    ),
    (
        "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
        "`login_account` must be the manager through which `operating_account` is reached, or be left out",
    ),
    ("DUPLICATE_DESTINATION_REFERENCE", "report this: the relay names one destination only"),
    ("INVALID_MERCHANT_ID", "check `merchant.id`"),
    ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "consent again with the scope …/auth/datamanager"),
    ("SERVICE_DISABLED", "enable the Data Manager API in the Cloud project"),
    (
        "USER_PROJECT_DENIED",
        "give the user or service account the role Service Usage Consumer on `quota_project`",
    ),
    ("NOT_ALLOWLISTED", "the account may not use this feature; ask Google's support"),
];

#[cfg(test)]
mod tests;

//! Answers of the Bing Ads API: what became of the conversions or adjustments of one request.
//!
//! A success lists the rows that failed (`PartialErrors`); a refusal of the whole call is a fault with errors of the
//! operation and, perhaps, of rows (pages "handle-service-errors-exceptions" and "operation error codes", read
//! 2026-11-23). Both name an error by number and by name; the name decides, for most numbers are shared by many.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::response::traced;
use crate::platform::answer::{Answer, arrived, by_status, each, quote, refused, throttled, transient};
use crate::platform::{Outcome, Response};

/// The body of an answer, of any kind. Fields Microsoft may add are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Reply {
    partial_errors: Option<Vec<Option<Error>>>,
    tracking_id: Option<String>,
    batch_errors: Option<Vec<Option<Error>>>,
    operation_errors: Option<Vec<Option<Error>>>,
    errors: Option<Vec<Option<Error>>>,
}

/// One error, of a row where it has an index.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Error {
    index: Option<usize>,
    code: Option<Value>,
    error_code: Option<String>,
    field_path: Option<String>,
    message: Option<String>,
}

/// What an error asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Token, developer token, account or rights.
    Credentials,
    /// The goal is not there, or not what the event needs it to be: nothing for it will be taken until the operator acts. Other
    /// goals are none the worse for it.
    Goal,
    /// The goal was made less than two hours ago.
    GoalTooRecent,
    /// Too many calls.
    Throttled,
    /// Microsoft's own trouble.
    Transient,
    /// It has happened already, perhaps at an attempt whose answer was lost.
    Done,
    /// Something in the row.
    Data,
}

/// One outcome per event.
pub(super) fn read(response: &Response, events: usize) -> Vec<Outcome> {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return each(events, &outcome),
    };
    let success = (200..300).contains(&answer.status);
    match Reply::of(answer.body) {
        Ok(reply) if reply.is_fault() => refusal(&reply, answer, events),
        Ok(reply) if success => {
            by_row(&reply, reply.partial_errors.as_deref(), events, &Outcome::Delivered, answer)
        }
        Ok(reply) => {
            let reason =
                traced(format!("status {} without an error", answer.status), reply.tracking_id.as_deref());
            each(events, &by_status(answer, events, reason))
        }
        // Something answered, but not in Microsoft's words: after a 2xx the rows may be taken, so only a repeat is
        // right.
        Err(_) if success => {
            let reason = format!("unreadable answer with status {}", answer.status);
            each(events, &transient(answer.retry_after, reason))
        }
        Err(_) => each(
            events,
            &by_status(answer, events, format!("unreadable answer with status {}", answer.status)),
        ),
    }
}

/// Whether the access token was refused: by the error of the call where there is one, else by the status.
pub(super) fn refuses_token(response: &Response) -> bool {
    let Ok(answer) = arrived(response) else { return false };
    let reply = Reply::of(answer.body).unwrap_or_default();
    reply.of_call().map_or(answer.status == 401, Error::is_of_token)
}

/// The whole call was refused and nothing was taken. If that was for a goal, it is the goal of all its events.
fn refusal(reply: &Reply, answer: Answer<'_>, events: usize) -> Vec<Outcome> {
    let Some(error) = reply.of_call() else {
        let reason =
            traced("the call was refused for some of its rows".to_owned(), reply.tracking_id.as_deref());
        let rest = refused(events, reason);
        return by_row(reply, reply.batch_errors.as_deref(), events, &rest, answer);
    };
    let reason = error.reason(reply.tracking_id.as_deref());
    let outcome = match error.class() {
        Some(class) => class.outcome(reason, answer, events),
        None => by_status(answer, events, reason),
    };
    each(events, &outcome)
}

/// The rows that are listed as their errors ask, the others as `rest`.
fn by_row(
    reply: &Reply,
    errors: Option<&[Option<Error>]>,
    events: usize,
    rest: &Outcome,
    answer: Answer<'_>,
) -> Vec<Outcome> {
    let mut outcomes = each(events, rest);
    let mut listed = vec![false; events];
    for error in errors.into_iter().flatten().flatten() {
        let reason = error.reason(reply.tracking_id.as_deref());
        let class = error.class().unwrap_or(Class::Data);
        match error.index {
            Some(index) if index < events => {
                // The first error of a row is its reason.
                if !std::mem::replace(&mut listed[index], true) {
                    outcomes[index] = class.outcome(reason, answer, 1);
                }
            }
            // An error of no row in particular: whatever was not listed may or may not be taken.
            Some(_) | None => return each(events, &class.outcome(reason, answer, events)),
        }
    }
    outcomes
}

impl Reply {
    /// An answer of Microsoft's is an object. A list would pass for one whose fields are all missing.
    fn of(body: &[u8]) -> serde_json::Result<Self> {
        let object: serde_json::Map<String, Value> = serde_json::from_slice(body)?;
        serde_json::from_value(Value::Object(object))
    }

    /// The error for which the whole call was refused.
    fn of_call(&self) -> Option<&Error> {
        [&self.operation_errors, &self.errors].into_iter().flatten().flatten().flatten().next()
    }

    fn is_fault(&self) -> bool {
        let lists = [&self.batch_errors, &self.operation_errors, &self.errors];
        lists.into_iter().flatten().flatten().any(Option::is_some)
    }
}

impl Class {
    /// What it means for events of a request that was refused for it: for the one row, or for all `events`.
    fn outcome(self, reason: String, answer: Answer<'_>, events: usize) -> Outcome {
        match self {
            Self::Credentials => Outcome::Unauthorized {
                reason: format!(
                    "{reason}; check `offline`: developer_token, customer_id, account_id, and whether the user who \
                     signed in may use that account"
                ),
            },
            Self::Goal => Outcome::Misconfigured {
                reason: format!("{reason}; check the goal named in `offline.conversions`"),
            },
            Self::GoalTooRecent => {
                let after = answer.retry_after.unwrap_or_default().max(GOAL_WARM_UP);
                Outcome::Later { after, reason }
            }
            Self::Throttled => throttled(answer.retry_after, reason),
            Self::Transient => transient(answer.retry_after, reason),
            Self::Done => Outcome::Delivered,
            Self::Data => refused(events, reason),
        }
    }
}

impl Error {
    /// The documented errors. `None` leaves the decision to where the error stands.
    fn class(&self) -> Option<Class> {
        let by_name = self.error_code.as_deref().and_then(|name| match name {
            "InternalError" => Some(Class::Transient),
            "CallRateExceeded" => Some(Class::Throttled),
            "InvalidCredentials" | "AuthenticationTokenExpired" | "UserIsNotAuthorized" => {
                Some(Class::Credentials)
            }
            "OfflineConversionGoalTooRecent" => Some(Class::GoalTooRecent),
            // `GoalNotFoundOrInactive` is a word of the reports on offline conversions, as are those of what is done already.
            "NotEligibleForEnhancedConversions"
            | "OfflineConversionNameInvalid"
            | "GoalNotFoundOrInactive"
            | "OfflineConversionRestateRetractNotSupported" => Some(Class::Goal),
            "ConversionAlreadyRetracted" | "DuplicateConversionKey" => Some(Class::Done),
            _ => None,
        });
        let named = self.error_code.as_deref().is_some_and(|name| !name.is_empty());
        by_name.or_else(|| match self.number()? {
            // Without a name; many named errors may share this number.
            0 if !named => Some(Class::Transient),
            105 | 106 | 109 => Some(Class::Credentials),
            117 => Some(Class::Throttled),
            _ => None,
        })
    }

    /// Whether another access token may help. A user without rights has none with any token.
    fn is_of_token(&self) -> bool {
        match self.error_code.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => matches!(name, "InvalidCredentials" | "AuthenticationTokenExpired"),
            None => matches!(self.number(), Some(105 | 109)),
        }
    }

    /// The code, which some serializers write as text.
    fn number(&self) -> Option<i64> {
        let code = self.code.as_ref()?;
        code.as_i64().or_else(|| code.as_str()?.parse().ok())
    }

    /// `Microsoft error OfflineConversionTimeInvalid (ConversionTime): The time … (trace 1a2b)`.
    fn reason(&self, tracking_id: Option<&str>) -> String {
        let name = match (&self.error_code, self.number()) {
            // The names are long enough to look like secrets; unlike those they are words.
            (Some(name), _) if is_word(name) => name.clone(),
            (Some(name), _) if !name.is_empty() => quote(name),
            (_, Some(code)) => code.to_string(),
            (_, None) => "without a code".to_owned(),
        };
        let mut reason = format!("Microsoft error {name}");
        if let Some(field) = self.field_path.as_deref().filter(|field| !field.is_empty()) {
            reason.push_str(&format!(" ({})", quote(field)));
        }
        if let Some(message) = self.message.as_deref().filter(|message| !message.is_empty()) {
            reason.push_str(&format!(": {}", quote(message)));
        }
        traced(reason, tracking_id)
    }
}

fn is_word(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic())
}

/// How long a new goal takes no conversions.
const GOAL_WARM_UP: Duration = Duration::from_secs(2 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
    }

    fn tags(status: u16, body: &str, events: usize) -> Vec<&'static str> {
        read(&answer(status, body), events).iter().map(Outcome::tag).collect()
    }

    fn partial(errors: &str) -> String {
        format!(r#"{{"PartialErrors":[{errors}]}}"#)
    }

    #[test]
    fn every_documented_error_has_its_class() {
        let check = |name: &str, expected: &str| {
            let error = format!(r#"{{"Index":0,"Code":4711,"ErrorCode":"{name}"}}"#);
            assert_eq!(tags(200, &partial(&error), 2), [expected, "delivered"], "{name}");
        };
        check("InternalError", "retry");
        check("CallRateExceeded", "retry");
        check("OfflineConversionGoalTooRecent", "later");
        for name in ["InvalidCredentials", "AuthenticationTokenExpired", "UserIsNotAuthorized"] {
            check(name, "unauthorized");
        }
        for name in [
            "NotEligibleForEnhancedConversions",
            "OfflineConversionNameInvalid",
            "GoalNotFoundOrInactive",
            "OfflineConversionRestateRetractNotSupported",
        ] {
            check(name, "misconfigured");
        }
        for name in [
            "OfflineConversionMSClickIdNullOrEmpty",
            "OfflineConversionMSClickIdInvalid",
            "ConversionEmailAddressIsNotHashed",
            "ConversionPhoneNumberIsNotHashed",
            "OfflineConversionValueInvalid",
            "OfflineConversionCurrencyCodeInvalid",
            "OfflineConversionTimeInvalid",
            "FutureConversionTimeCannotBeSet",
            "OfflineConversionTimeOutOfWindow",
            "ConversionTimeEarlierThanClickTime",
            "ClickIdDateTimeOutsideGoalConversionWindow",
            "ExternalAttributionCreditInvalid",
            "OfflineConversionAdjustmentValueInvalid",
        ] {
            check(name, "rejected");
        }
        check("ConversionAlreadyRetracted", "delivered");
        check("DuplicateConversionKey", "delivered");
    }

    #[test]
    fn a_new_goal_is_given_its_two_hours() {
        let error = partial(r#"{"Index":0,"ErrorCode":"OfflineConversionGoalTooRecent"}"#);
        let check = |retry_after: Option<u64>, expected: u64| {
            let retry_after = retry_after.map(Duration::from_secs);
            let body = error.clone().into_bytes();
            let response = Response::Answer { status: 200, retry_after, headers: Vec::new(), body };
            let Outcome::Later { after, .. } = &read(&response, 1)[0] else { panic!("later") };
            assert_eq!(*after, Duration::from_secs(expected));
        };
        check(None, 7_200);
        check(Some(60), 7_200);
        check(Some(10_000), 10_000);
    }

    #[test]
    fn rows_fail_one_by_one() {
        let check = |body: &str, expected: &[&str]| assert_eq!(tags(200, body, 3), expected, "{body}");
        check("{}", &["delivered"; 3]);
        check(r#"{"PartialErrors":null}"#, &["delivered"; 3]);
        check(&partial(""), &["delivered"; 3]);
        check(&partial("null,null"), &["delivered"; 3]);
        check(&partial(r#"null,{"Index":1,"Code":1}"#), &["delivered", "rejected", "delivered"]);
        check(
            &partial(r#"{"Index":2,"Code":0},{"Index":2,"Code":1},{"Index":0,"Code":"117"}"#),
            &["retry", "delivered", "retry"],
        );
        check(&partial(r#"{"Index":3,"Code":1}"#), &["split"; 3]);
        check(&partial(r#"{"Code":105}"#), &["unauthorized"; 3]);
        check("[]", &["retry"; 3]);
        check("<html>", &["retry"; 3]);
        check("", &["retry"; 3]);
    }

    #[test]
    fn the_whole_call_may_be_refused() {
        let check = |status, body: &str, expected: &[&str]| {
            assert_eq!(tags(status, body, expected.len()), expected, "{status} {body}");
        };
        let fault = |code: i64, name: &str| {
            format!(
                r#"{{"TrackingId":"t","Errors":[{{"Code":{code},"ErrorCode":"{name}","Message":"M","Detail":null}}]}}"#
            )
        };
        for (code, name) in
            [(105, "InvalidCredentials"), (109, "AuthenticationTokenExpired"), (106, "UserIsNotAuthorized")]
        {
            check(401, &fault(code, name), &["unauthorized", "unauthorized"]);
            check(400, &fault(code, ""), &["unauthorized"]);
        }
        // All events of a request are of one goal.
        for (name, outcome) in
            [("OfflineConversionNameInvalid", "misconfigured"), ("OfflineConversionGoalTooRecent", "later")]
        {
            check(400, &fault(5_601, name), &[outcome, outcome]);
            check(400, &fault(5_601, name), &[outcome]);
        }
        check(429, &fault(117, "CallRateExceeded"), &["retry", "retry"]);
        check(400, &fault(117, ""), &["retry"]);
        check(500, &fault(0, "InternalError"), &["retry"]);
        check(400, &fault(0, ""), &["retry"]);
        check(400, &fault(1_001, "SomethingElse"), &["split", "split"]);
        let operation = r#"{"TrackingId":"t","BatchErrors":[],"OperationErrors":[{"Code":106,"ErrorCode":"UserIsNotAuthorized"}]}"#;
        check(400, operation, &["unauthorized"]);
        let batch = r#"{"BatchErrors":[{"Index":1,"ErrorCode":"OfflineConversionTimeInvalid"}],"OperationErrors":[]}"#;
        check(400, batch, &["split", "rejected", "split"]);
        check(401, "", &["unauthorized"]);
        check(404, "{}", &["unauthorized"]);
        check(413, "", &["split", "split"]);
        check(429, "", &["retry"]);
        check(503, "<html>", &["retry"]);
    }

    #[test]
    fn another_token_is_fetched_only_where_it_may_help() {
        let check = |status, body: &str, expected: bool| {
            assert_eq!(refuses_token(&answer(status, body)), expected, "{status} {body}");
        };
        let fault = |code: i64, name: &str| {
            format!(r#"{{"TrackingId":"t","Errors":[{{"Code":{code},"ErrorCode":"{name}"}}]}}"#)
        };
        for status in [400, 401] {
            check(status, &fault(109, "AuthenticationTokenExpired"), true);
            check(status, &fault(105, "InvalidCredentials"), true);
            check(status, &fault(109, ""), true);
            check(status, &fault(106, "UserIsNotAuthorized"), false);
            check(status, &fault(106, ""), false);
            check(status, &fault(117, "CallRateExceeded"), false);
        }
        check(401, r#"{"OperationErrors":[{"Code":106,"ErrorCode":"UserIsNotAuthorized"}]}"#, false);
        check(401, "", true);
        check(401, "{}", true);
        check(403, "", false);
        check(404, "{}", false);
        check(503, "<html>", false);
        // Rows of a success are refused for the account's settings; the others were taken.
        check(200, &partial(r#"{"Index":0,"Code":105,"ErrorCode":"InvalidCredentials"}"#), false);
        assert!(!refuses_token(&Response::NoAnswer("timed out".to_owned())));
    }

    #[test]
    fn throttling_is_given_a_minute() {
        let body = r#"{"Errors":[{"Code":117,"ErrorCode":"CallRateExceeded"}]}"#;
        let Outcome::Retry { at_least, .. } = &read(&answer(400, body), 1)[0] else { panic!("a retry") };
        assert_eq!(*at_least, Duration::from_secs(60));
    }

    #[test]
    fn reasons_name_the_error_and_hide_what_was_sent() {
        let body = r#"{"PartialErrors":[{"Index":0,"Code":5678,"ErrorCode":"OfflineConversionTimeInvalid",
            "FieldPath":"ConversionTime","Message":"not ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"}],
            "TrackingId":"0f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8"}"#;
        let reason = "Microsoft error OfflineConversionTimeInvalid (ConversionTime): not ******** (trace \
            0f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8)";
        assert_eq!(read(&answer(200, body), 1), [Outcome::Rejected { reason: reason.into() }]);
    }
}

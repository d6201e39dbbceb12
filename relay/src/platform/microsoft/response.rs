//! Answers of the Conversions API: what became of the events of one request.
//!
//! The body counts what was received and lists what is wrong, row by row; a warning means that an optional field was
//! dropped and the event taken (page "conversions API guide", read 2026-11-23; 403, 404 and 413 are not documented
//! and read like everybody's). With `continueOnValidationError` the rows that are not listed are taken; where the
//! request was refused all the same, they are sent again without the listed ones.

use std::collections::BTreeSet;

use serde::Deserialize;
use shared::vendor_cookie;

use crate::platform::answer::{Answer, arrived, by_status, each, quote, transient};
use crate::platform::{Outcome, Response};

/// The body of an answer, of either kind. Fields Microsoft may add are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    events_received: Option<u64>,
    #[serde(default)]
    error: Option<Error>,
    #[serde(default)]
    trace_id: Option<String>,
}

/// Microsoft's error object.
#[derive(Debug, Deserialize)]
struct Error {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Option<Vec<Detail>>,
}

/// What is wrong with one row.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(default)]
    index: Option<i64>,
    #[serde(default)]
    property_name: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default)]
    is_warning: bool,
}

/// One outcome per event; each stands in the request as `rows` rows.
pub(super) fn read(response: &Response, events: usize, rows: usize) -> Vec<Outcome> {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return each(events, &outcome),
    };
    let reply = serde_json::from_slice::<Reply>(answer.body);
    if !(200..300).contains(&answer.status) {
        let reply = reply.unwrap_or_default();
        return not_taken(&reply, reply.faults(events, rows), answer);
    }
    match reply {
        Ok(reply) => taken(&reply, reply.faults(events, rows), rows),
        // Something answered, but not in Microsoft's words: the events may be taken, so only a repeat is right.
        Err(_) => {
            let reason = format!("unreadable answer with status {}", answer.status);
            each(events, &transient(answer.retry_after, reason))
        }
    }
}

/// Which fields were dropped of events that were taken. Only names that are ours are told, for an answer's may hold anything.
pub(super) fn dropped(response: &Response) -> Option<String> {
    let answer = arrived(response).ok().filter(|answer| (200..300).contains(&answer.status))?;
    let reply: Reply = serde_json::from_slice(answer.body).ok()?;
    let details = reply.error.iter().flat_map(|error| error.details.iter().flatten());
    let fields: BTreeSet<&str> = details.filter(|detail| detail.is_warning).map(Detail::field).collect();
    let fields: Vec<&str> = fields.into_iter().collect();
    (!fields.is_empty())
        .then(|| format!("Microsoft dropped these fields of some events: {}", fields.join(", ")))
}

/// The fields that an event can do without.
const OPTIONAL: [&str; 24] = [
    "adStorageConsent",
    "anonymousId",
    "clientIpAddress",
    "clientUserAgent",
    "currency",
    "ecommCategory",
    "ecommTotalValue",
    "em",
    "eventCategory",
    "eventLabel",
    "eventValue",
    "externalId",
    "itemIds",
    "items",
    "keywords",
    "msclkid",
    "pageLoadId",
    "pageTitle",
    "pageType",
    "ph",
    "referrerUrl",
    "searchTerm",
    "transactionId",
    "value",
];

/// A success accounts for every event: listed as failed, or received.
fn taken(reply: &Reply, faults: Vec<Option<String>>, rows: usize) -> Vec<Outcome> {
    let events = faults.len();
    let Some(received) = reply.events_received else {
        return each(events, &transient(None, "answer without eventsReceived".to_owned()));
    };
    let failed = faults.iter().flatten().count();
    // Of a listed event with two rows one may have been received, so the count says no more than this.
    let accounted = received >= ((events - failed) * rows) as u64;
    let rest = if accounted {
        Outcome::Delivered
    } else {
        // Halving finds what was not counted; Microsoft drops repeats of the others.
        let reason = reply.traced(format!("Microsoft counted {received} of {} rows", events * rows));
        if events - failed > 1 { Outcome::Split { reason } } else { transient(None, reason) }
    };
    outcomes(faults, &rest)
}

/// A refusal took nothing: what is listed will never be taken, the rest goes again without it.
fn not_taken(reply: &Reply, faults: Vec<Option<String>>, answer: Answer<'_>) -> Vec<Outcome> {
    let events = faults.len();
    let reason = reply.reason(answer.status);
    let listed = faults.iter().any(Option::is_some);
    let hint = match answer.status {
        401 | 403 => {
            "; check `access_token` and `tag_id`: the token is the tag's own, works 15 minutes after it was made, and \
             needs an account that may use the Conversions API"
        }
        404 => "; check `tag_id`",
        400 if listed => return outcomes(faults, &Outcome::Split { reason }),
        _ => "",
    };
    each(events, &by_status(answer, events, format!("{reason}{hint}")))
}

fn outcomes(faults: Vec<Option<String>>, rest: &Outcome) -> Vec<Outcome> {
    let outcome =
        |fault: Option<String>| fault.map_or_else(|| rest.clone(), |reason| Outcome::Rejected { reason });
    faults.into_iter().map(outcome).collect()
}

impl Reply {
    /// For each event what is wrong with it, if anything is.
    fn faults(&self, events: usize, rows: usize) -> Vec<Option<String>> {
        let mut faults = vec![None; events];
        let details = self.error.iter().flat_map(|error| error.details.iter().flatten());
        for detail in details.filter(|detail| !detail.is_warning) {
            let place = detail.index.and_then(|index| usize::try_from(index).ok());
            let place = place.and_then(|index| faults.get_mut(index / rows.max(1)));
            if let Some(fault) = place {
                fault.get_or_insert_with(|| self.traced(detail.reason()));
            }
        }
        faults
    }

    /// `Microsoft error ValidationError: 1 event is invalid (trace 1a2b)`.
    fn reason(&self, status: u16) -> String {
        let Some(error) = &self.error else {
            return self.traced(format!("status {status} without an error object"));
        };
        let code = error.code.as_deref().unwrap_or("without a code");
        let message = error.message.as_deref().filter(|message| !message.is_empty());
        let message = message.map(|message| format!(": {}", quote(message))).unwrap_or_default();
        self.traced(format!("Microsoft error {}{message}", quote(code)))
    }

    /// The same words with the id Microsoft's support asks for.
    fn traced(&self, words: String) -> String {
        traced(words, self.trace_id.as_deref())
    }
}

/// Words with the id Microsoft's support asks for: a GUID, which is no secret, though it is as long as one.
pub(super) fn traced(words: String, id: Option<&str>) -> String {
    match id {
        Some(id) if vendor_cookie::is_uuid(id) => format!("{words} (trace {id})"),
        Some(id) if !id.is_empty() => format!("{words} (trace {})", quote(id)),
        Some(_) | None => words,
    }
}

impl Detail {
    /// `referrerUrl` of `data[3].referrerUrl`, if it is one of ours.
    fn field(&self) -> &'static str {
        let path = self.property_name.as_deref().unwrap_or_default();
        let mut words = path.rsplit(|c: char| !c.is_ascii_alphabetic());
        words.find_map(|word| OPTIONAL.into_iter().find(|field| *field == word)).unwrap_or("another")
    }

    /// `eventTime: must be within 7 days (InvalidTime)`. The value that was refused is not repeated.
    fn reason(&self) -> String {
        let field = self.property_name.as_deref().unwrap_or("an event");
        let message = self.error_message.as_deref().unwrap_or("refused");
        let code = self.error_code.as_deref().map(|code| format!(" ({})", quote(code))).unwrap_or_default();
        format!("{}: {}{code}", quote(field), quote(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
    }

    fn tags(status: u16, body: &str, events: usize, rows: usize) -> Vec<&'static str> {
        read(&answer(status, body), events, rows).iter().map(Outcome::tag).collect()
    }

    /// A refusal that lists these rows; those below nought are warnings about the row of that number.
    fn listing(rows: &[i64], received: u64) -> String {
        let detail = |row: &i64| {
            let (index, warning) = if *row < 0 { (-row, true) } else { (*row, false) };
            format!(
                r#"{{"index":{index},"propertyName":"eventTime","attemptedValue":"jane@example.com","errorMessage":"too old","errorCode":"Time","isWarning":{warning}}}"#
            )
        };
        let details: Vec<String> = rows.iter().map(detail).collect();
        format!(
            r#"{{"error":{{"code":"ValidationError","message":"bad","details":[{}]}},"eventsReceived":{received},"traceId":"t-1"}}"#,
            details.join(",")
        )
    }

    #[test]
    fn a_success_accounts_for_every_event() {
        let check = |body: &str, events, rows, expected: &[&str]| {
            assert_eq!(tags(200, body, events, rows), expected, "{body}");
        };
        check(r#"{"eventsReceived":2,"traceId":"t"}"#, 2, 1, &["delivered", "delivered"]);
        check(r#"{"eventsReceived":3}"#, 2, 1, &["delivered", "delivered"]);
        check(r#"{"eventsReceived":1}"#, 2, 1, &["split", "split"]);
        check(r#"{"eventsReceived":0}"#, 1, 1, &["retry"]);
        check("{}", 2, 1, &["retry", "retry"]);
        check("", 1, 1, &["retry"]);
        check("<html>welcome to the airport</html>", 1, 1, &["retry"]);
        check(&listing(&[1], 2), 3, 1, &["delivered", "rejected", "delivered"]);
        check(&listing(&[-1], 3), 3, 1, &["delivered", "delivered", "delivered"]);
        check(&listing(&[1], 1), 3, 1, &["split", "rejected", "split"]);
        check(&listing(&[0, 1], 0), 2, 1, &["rejected", "rejected"]);
        // Two rows for each event: the third row is the second event's.
        check(&listing(&[2], 3), 2, 2, &["delivered", "rejected"]);
        check(&listing(&[3], 2), 2, 2, &["delivered", "rejected"]);
        check(r#"{"eventsReceived":4}"#, 2, 2, &["delivered", "delivered"]);
        check(r#"{"eventsReceived":3}"#, 2, 2, &["split", "split"]);
    }

    #[test]
    fn a_refusal_lists_the_culprits() {
        let check = |status, body: &str, expected: &[&str]| {
            assert_eq!(tags(status, body, expected.len(), 1), expected, "{status} {body}");
        };
        check(400, &listing(&[1], 0), &["split", "rejected", "split"]);
        check(400, &listing(&[0], 0), &["rejected"]);
        check(400, &listing(&[-1], 0), &["split", "split"]);
        check(400, &listing(&[7], 0), &["split", "split"]);
        check(400, r#"{"error":{"code":"ValidationError"}}"#, &["rejected"]);
        check(400, "{}", &["split", "split"]);
        check(400, "not JSON", &["split", "split"]);
        check(401, r#"{"error":{"code":"Unauthorized"}}"#, &["unauthorized", "unauthorized"]);
        check(401, &listing(&[0], 0), &["unauthorized", "unauthorized"]);
        check(403, "", &["unauthorized"]);
        check(404, "", &["unauthorized"]);
        check(413, "", &["split", "split"]);
        check(429, "", &["retry"]);
        check(500, r#"{"error":{"code":"InternalError"}}"#, &["retry"]);
        check(503, "", &["retry"]);
    }

    #[test]
    fn fields_that_were_dropped_are_named_in_our_words_alone() {
        let check = |status, details: &str, expected: Option<&str>| {
            let body = format!(r#"{{"eventsReceived":3,"error":{{"details":[{details}]}}}}"#);
            let expected =
                expected.map(|fields| format!("Microsoft dropped these fields of some events: {fields}"));
            assert_eq!(dropped(&answer(status, &body)), expected, "{details}");
        };
        let warning = |name: &str| {
            format!(
                r#"{{"index":0,"propertyName":"{name}","attemptedValue":"jane@example.com","isWarning":true}}"#
            )
        };
        let several =
            ["referrerUrl", "data[1].pageTitle", "data[2].customData.items[0].price", "referrerUrl"];
        check(200, &several.map(warning).join(","), Some("items, pageTitle, referrerUrl"));
        check(200, &warning("jane@example.com"), Some("another"));
        check(200, r#"{"index":0,"isWarning":true}"#, Some("another"));
        check(200, r#"{"index":0,"propertyName":"referrerUrl"}"#, None);
        check(200, "", None);
        check(400, &warning("referrerUrl"), None);
        assert_eq!(dropped(&answer(200, "<html>")), None);
    }

    #[test]
    fn reasons_say_what_is_wrong_and_never_with_what() {
        let outcomes = read(&answer(400, &listing(&[0], 0)), 2, 1);
        let rejected = Outcome::Rejected { reason: "eventTime: too old (Time) (trace t-1)".into() };
        let split = Outcome::Split { reason: "Microsoft error ValidationError: bad (trace t-1)".into() };
        assert_eq!(outcomes, [rejected, split]);
        let body = r#"{"error":{"code":"Unauthorized","message":"jane@example.com"},"traceId":"0f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8"}"#;
        let Outcome::Unauthorized { reason } = &read(&answer(401, body), 1, 1)[0] else { panic!("a 401") };
        let words =
            "Microsoft error Unauthorized: ******** (trace 0f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8); check";
        assert!(reason.starts_with(words), "{reason}");
    }
}

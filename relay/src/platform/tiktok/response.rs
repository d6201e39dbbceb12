//! TikTok's answers: what became of the events of one request.
//!
//! The body decides: success is `code` 0, errors come with HTTP 200 as well, and being throttled comes with HTTP 401.
//! A batch is taken or refused whole in practice. Codes are those of the page "responses-and-errors" and of two
//! open-source connectors (rudder-transformer, Segment's action-destinations), read 2026-11-23; the full appendix
//! could not be read, so what is unknown goes by its thousands and by the HTTP status.

use std::time::Duration;

use serde::Deserialize;

use crate::platform::answer::{Answer, arrived, by_status, each, quote, refused, transient};
use crate::platform::{Outcome, Response};

/// Wait after the limit per minute (page "rate-limits"). After the limit per day it is until 00:00 UTC; the answer
/// does not say which of the two it was, and asking every five minutes until then does no harm.
const THROTTLED: Duration = Duration::from_secs(300);

/// The body of every answer. Fields TikTok may add are ignored, as is `data`, which says nothing of single events.
#[derive(Debug, Deserialize)]
struct Reply {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    request_id: Option<String>,
}

/// What a code asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Every event was taken, which is no proof that every field was understood.
    Taken,
    /// Some events were taken.
    Partial,
    /// Token, rights or the pixel itself: nothing will be taken until the operator acts.
    Credentials,
    /// Something in the events.
    Data,
    /// Too many calls.
    Throttled,
    /// TikTok's own trouble.
    Transient,
    /// Not documented.
    Unknown,
}

/// One outcome per event.
pub(super) fn read(response: &Response, events: usize) -> Vec<Outcome> {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return each(events, &outcome),
    };
    let reply: Option<Reply> = serde_json::from_slice(answer.body).ok();
    let outcome = match reply {
        Some(reply) => by_code(&reply, answer, events),
        // Something answered, but not in TikTok's words: the events may be taken, so only a repeat is right.
        None if is_success(answer) => {
            transient(answer.retry_after, format!("unreadable answer with status {}", answer.status))
        }
        None => by_status(answer, events, format!("status {} without a code", answer.status)),
    };
    each(events, &outcome)
}

/// What TikTok says of events that it took, beyond its "OK".
pub(super) fn remark(response: &Response) -> Option<String> {
    let answer = arrived(response).ok().filter(|answer| is_success(*answer))?;
    let reply: Reply = serde_json::from_slice(answer.body).ok()?;
    match classify(reply.code) {
        Class::Taken => {
            let words = quote(&reply.message);
            let is_usual = words.is_empty() || words.eq_ignore_ascii_case("OK");
            (!is_usual).then(|| format!("TikTok says: {words}"))
        }
        Class::Partial => Some(format!("TikTok took a request in part: {}", reason(&reply))),
        Class::Credentials | Class::Data | Class::Throttled | Class::Transient | Class::Unknown => None,
    }
}

fn is_success(answer: Answer<'_>) -> bool {
    (200..300).contains(&answer.status)
}

fn by_code(reply: &Reply, answer: Answer<'_>, events: usize) -> Outcome {
    let reason = reason(reply);
    match classify(reply.code) {
        Class::Taken if is_success(answer) => Outcome::Delivered,
        Class::Partial => partial(events, reason),
        Class::Credentials => Outcome::Unauthorized {
            reason: format!("{reason}; check `access_token` and its rights to `pixel_code`"),
        },
        Class::Data => refused(events, reason),
        Class::Throttled => Outcome::Retry { after: answer.retry_after, at_least: THROTTLED, reason },
        Class::Transient => transient(answer.retry_after, reason),
        // An undocumented error of the 4xxxx is permanent, unless the status knows better.
        Class::Unknown if is_success(answer) && (40_000..50_000).contains(&reply.code) => {
            refused(events, reason)
        }
        Class::Unknown if is_success(answer) => transient(answer.retry_after, reason),
        Class::Taken | Class::Unknown => by_status(answer, events, reason),
    }
}

/// Which events were taken is not said. Halving finds those that were not, and TikTok's own deduplication by event id
/// drops the repeats of the others. A lone event that was taken in part was taken.
fn partial(events: usize, reason: String) -> Outcome {
    if events > 1 { Outcome::Split { reason } } else { Outcome::Delivered }
}

fn classify(code: i64) -> Class {
    match code {
        0 => Class::Taken,
        20_001 => Class::Partial,
        40_100 => Class::Throttled,
        // 40001: no rights to this pixel; 40104: token empty; 40105: token invalid or revoked. The rest of their
        // hundred is about tokens too, and holding events loses none.
        40_001 | 40_101..=40_199 => Class::Credentials,
        // Invalid parameter, too large a batch, an event id that is no text.
        40_002 => Class::Data,
        // 40700: rudder-transformer's handler repeats it as an internal error of TikTok's services.
        40_700 | 50_000..=59_999 => Class::Transient,
        _ => Class::Unknown,
    }
}

/// `TikTok error 40002: Invalid parameter (request 2026…)`.
fn reason(reply: &Reply) -> String {
    let mut reason = format!("TikTok error {}", reply.code);
    if !reply.message.is_empty() {
        reason.push_str(&format!(": {}", quote(&reply.message)));
    }
    if let Some(id) = reply.request_id.as_deref().filter(|id| is_request_id(id)) {
        reason.push_str(&format!(" (request {id})"));
    }
    reason
}

/// TikTok's request ids are long runs of digits and capitals, which [`quote`] would mask; tokens and digests have
/// small letters.
fn is_request_id(text: &str) -> bool {
    (1..=48).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_MINUTES: Duration = Duration::from_secs(300);
    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    fn answer(status: u16, body: &str) -> Response {
        Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
    }

    /// The outcome of a batch of two and its shortest wait.
    fn check(status: u16, body: &str, expected: (&str, Option<Duration>)) {
        let outcomes = read(&answer(status, body), 2);
        assert_eq!(outcomes.len(), 2);
        assert_eq!(outcomes[0], outcomes[1], "a batch is taken or refused whole");
        let wait = match &outcomes[0] {
            Outcome::Retry { at_least, .. } => Some(*at_least),
            Outcome::Delivered
            | Outcome::Later { .. }
            | Outcome::Split { .. }
            | Outcome::Rejected { .. }
            | Outcome::Misconfigured { .. }
            | Outcome::Unauthorized { .. } => None,
        };
        assert_eq!((outcomes[0].tag(), wait), expected, "{status} {body}");
    }

    fn code(code: i64) -> String {
        format!(r#"{{"code":{code},"message":"M","request_id":"R1","data":{{}}}}"#)
    }

    #[test]
    fn every_documented_code_has_its_class() {
        for status in [200, 400, 401] {
            check(status, &code(20_001), ("split", None));
            check(status, &code(40_001), ("unauthorized", None));
            check(status, &code(40_002), ("split", None));
            check(status, &code(40_100), ("retry", Some(FIVE_MINUTES)));
            check(status, &code(40_104), ("unauthorized", None));
            check(status, &code(40_105), ("unauthorized", None));
            check(status, &code(40_700), ("retry", Some(SECOND)));
            check(status, &code(50_000), ("retry", Some(SECOND)));
            check(status, &code(50_002), ("retry", Some(SECOND)));
        }
        check(200, &code(0), ("delivered", None));
        check(204, &code(0), ("delivered", None));
    }

    #[test]
    fn an_undocumented_code_goes_by_its_thousands_and_by_the_status() {
        check(200, &code(40_999), ("split", None));
        check(400, &code(40_999), ("split", None));
        check(401, &code(40_999), ("unauthorized", None));
        check(429, &code(40_999), ("retry", Some(MINUTE)));
        check(503, &code(40_999), ("retry", Some(SECOND)));
        check(200, &code(40_133), ("unauthorized", None));
        check(200, &code(51_000), ("retry", Some(SECOND)));
        check(200, &code(70_000), ("retry", Some(SECOND)));
        check(200, &code(-1), ("retry", Some(SECOND)));
        check(400, &code(70_000), ("split", None));
        check(502, &code(0), ("retry", Some(SECOND)));
    }

    #[test]
    fn an_answer_without_a_code_goes_by_its_status() {
        for body in ["", "{}", "null", "[]", "<html>welcome to the airport</html>", r#"{"code":"0"}"#] {
            check(200, body, ("retry", Some(SECOND)));
            check(204, body, ("retry", Some(SECOND)));
            check(401, body, ("unauthorized", None));
            check(413, body, ("split", None));
            check(429, body, ("retry", Some(MINUTE)));
            check(502, body, ("retry", Some(SECOND)));
        }
    }

    #[test]
    fn a_lone_event_is_rejected_when_refused_and_taken_when_taken_in_part() {
        let check = |given, expected: &str| {
            assert_eq!(read(&answer(200, &code(given)), 1)[0].tag(), expected, "{given}");
        };
        check(40_002, "rejected");
        check(40_999, "rejected");
        check(20_001, "delivered");
        check(0, "delivered");
    }

    #[test]
    fn what_tiktok_says_beyond_its_ok_is_passed_on() {
        let check = |status, code: i64, message: &str, expected: Option<&str>| {
            let body = format!(r#"{{"code":{code},"message":"{message}","request_id":"R1"}}"#);
            assert_eq!(remark(&answer(status, &body)).as_deref(), expected, "{code} {message}");
        };
        check(200, 0, "OK", None);
        check(200, 0, "ok", None);
        check(200, 0, "", None);
        check(200, 0, "email of jane@example.com ignored", Some("TikTok says: email of ******** ignored"));
        let partly = "TikTok took a request in part: TikTok error 20001: Partial success (request R1)";
        check(200, 20_001, "Partial success", Some(partly));
        check(200, 40_002, "Invalid parameter", None);
        check(502, 0, "look", None);
        assert_eq!(remark(&answer(200, "<html>")), None);
    }

    #[test]
    fn retry_after_is_kept() {
        let response = Response::Answer {
            status: 401,
            retry_after: Some(Duration::from_secs(900)),
            headers: Vec::new(),
            body: code(40_100).into(),
        };
        let Outcome::Retry { after, at_least, reason } = &read(&response, 1)[0] else { panic!("throttled") };
        assert_eq!((*after, *at_least), (Some(Duration::from_secs(900)), FIVE_MINUTES));
        assert_eq!(reason, "TikTok error 40100: M (request R1)");
    }

    #[test]
    fn the_reason_holds_a_request_id_and_no_token() {
        let body = r#"{"code":40105,"message":"Access token 0123456789abcdef0123456789abcdef01234567 is revoked",
            "request_id":"20261123120000010244012345ABCDEF01"}"#;
        let reason = "TikTok error 40105: Access token ******** is revoked \
            (request 20261123120000010244012345ABCDEF01); \
            check `access_token` and its rights to `pixel_code`";
        assert_eq!(read(&answer(401, body), 1), [Outcome::Unauthorized { reason: reason.into() }]);
        let body = r#"{"code":40002,"message":"no","request_id":"0123456789abcdef"}"#;
        assert_eq!(
            read(&answer(200, body), 1),
            [Outcome::Rejected { reason: "TikTok error 40002: no".into() }]
        );
    }
}

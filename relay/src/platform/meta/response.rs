//! Meta's answers: what became of the events of one request.
//!
//! A batch is taken or refused whole. Read in this order: `is_transient`, then code and subcode, then the
//! HTTP status (pages "error handling" and "rate limiting" of the Graph API, read 2026-11-23). Texts for end
//! users are localised and never read; Meta's `message` goes into the reason, made safe, because it may
//! repeat a malformed token, and is read for one fault that has no code of its own ([`wants_proof`]).
//!
//! What is wrong with the account comes with status 400 like what is wrong with an event. Taken for the latter it would
//! cost every event until somebody looks, so whatever no event can cause holds the destination.

use serde::Deserialize;
use serde_json::Value;

use crate::platform::answer::{Answer, arrived, by_status, each, quote, refused, throttled, transient};
use crate::platform::{Outcome, Response};

/// The body of an answer, of either kind. Fields Meta may add are ignored.
#[derive(Debug, Deserialize)]
struct Reply {
    #[serde(default)]
    events_received: Option<u64>,
    #[serde(default)]
    error: Option<Fault>,
    /// A list of warnings. Whatever it is, the events were taken.
    #[serde(default)]
    messages: Option<Value>,
}

/// Meta's error object.
#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: i64,
    #[serde(default)]
    error_subcode: Option<i64>,
    #[serde(default)]
    is_transient: bool,
    #[serde(default)]
    fbtrace_id: Option<String>,
}

/// What an error code asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Token, rights, account or address: nothing will be taken until the operator does what stands here.
    Held(&'static str),
    /// Something in the events.
    Data,
    /// Too many calls. May come with status 400.
    Throttled,
    /// Meta's own trouble.
    Transient,
}

const CREDENTIALS: Class = Class::Held("check `access_token`, its rights and `pixel_id`");
const PROOF: Class =
    Class::Held("set `app_secret` to the secret of the app that `access_token` was made for");
const APP: Class = Class::Held(
    "check the app that `access_token` was made for: whether it is active, and from which servers it may be used",
);
const ADDRESS: Class = Class::Held("check `api_version` and `pixel_id`");
const TERMS: Class = Class::Held("accept Meta's terms for the account the pixel belongs to");

/// One outcome per event.
pub(super) fn read(response: &Response, events: usize) -> Vec<Outcome> {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return each(events, &outcome),
    };
    let reply: Option<Reply> = serde_json::from_slice(answer.body).ok();
    let outcome = match reply {
        Some(Reply { error: Some(fault), .. }) => by_fault(&fault, answer, events),
        Some(Reply { events_received, error: None, .. }) if is_success(answer) => {
            taken(events_received, events)
        }
        None if is_success(answer) => {
            // Something answered, but not in Meta's words: the events may be taken, so only a repeat is
            // right.
            transient(answer.retry_after, format!("unreadable answer with status {}", answer.status))
        }
        Some(_) | None => {
            by_status(answer, events, format!("status {} without an error object", answer.status))
        }
    };
    each(events, &outcome)
}

/// What Meta says of events that it took: the warnings in its answer, and the header by which it tells of a version that ends
/// (page "using the API" and the Graph API's guide on versioning, read 2026-11-23).
pub(super) fn remark(response: &Response) -> Option<String> {
    let Response::Answer { headers, .. } = response else { return None };
    let answer = arrived(response).ok().filter(|answer| is_success(*answer))?;
    let reply: Option<Reply> = serde_json::from_slice(answer.body).ok();
    let messages = reply.as_ref().and_then(|reply| reply.messages.as_ref()?.as_array());
    let mut messages = messages.into_iter().flatten().map(|message| match message {
        Value::String(text) => quote(text),
        other => quote(&other.to_string()),
    });
    // One is enough to look by, and an answer may hold one for each event.
    let message = messages.find(|message| !message.is_empty()).map(|said| format!("Meta says: {said}"));
    let version = headers.iter().find(|(name, _)| name == VERSION_WARNING);
    let version = version.map(|(_, said)| format!("Meta says of `api_version`: {}", quote(said)));
    message.into_iter().chain(version).reduce(|one, other| format!("{one}; {other}"))
}

/// The header of a version that will not be served for long.
const VERSION_WARNING: &str = "x-ad-api-version-warning";

fn is_success(answer: Answer<'_>) -> bool {
    (200..300).contains(&answer.status)
}

/// A success must account for every event. Meta documents no partial success; should a count fall short all
/// the same, halving finds the event that was not counted, and Meta's own deduplication drops the repeats.
fn taken(events_received: Option<u64>, events: usize) -> Outcome {
    match events_received {
        None => transient(None, "answer without events_received".to_owned()),
        Some(received) if received >= events as u64 => Outcome::Delivered,
        Some(received) => {
            let reason = format!("Meta counted {received} of {events} events");
            if events > 1 { Outcome::Split { reason } } else { transient(None, reason) }
        }
    }
}

fn by_fault(fault: &Fault, answer: Answer<'_>, events: usize) -> Outcome {
    let reason = reason(fault);
    let class = match classify(fault) {
        // Told to slow down, the longer wait stands even where Meta calls the trouble transient.
        Some(Class::Throttled) => Some(Class::Throttled),
        _ if fault.is_transient => Some(Class::Transient),
        class => class,
    };
    match class {
        Some(Class::Throttled) => throttled(answer.retry_after, reason),
        Some(Class::Transient) => transient(answer.retry_after, reason),
        Some(Class::Held(advice)) => Outcome::Unauthorized { reason: format!("{reason}; {advice}") },
        Some(Class::Data) => refused(events, reason),
        None => by_status(answer, events, reason),
    }
}

/// The documented codes, and those of the account that Meta's users report. `None` leaves the decision to the HTTP status.
fn classify(fault: &Fault) -> Option<Class> {
    match (fault.code, fault.error_subcode) {
        // 33: the object does not exist or the token may not see it.
        (100, Some(33)) => Some(CREDENTIALS),
        (100, None | Some(0)) if wants_proof(&fault.message) => Some(PROOF),
        // 2663: terms of service; the subcodes: those of custom audiences and of the business tools, to which pixels belong
        // (page "error codes" of the Marketing API; github.com/facebook/facebook-nodejs-business-sdk/issues/26; read
        // 2026-11-28).
        (2663, _) | (_, Some(1_870_034 | 1_870_090 | 1_870_092)) => Some(TERMS),
        // 1: unknown error, 2: service down, 5000 and 21009: internal.
        (1 | 2 | 5000 | 21009, _) => Some(Class::Transient),
        // 190: token expired (463), password changed (460), token invalid (467); 102: session; 3, 10,
        // 200-299: rights.
        (3 | 10 | 102 | 190 | 200..=299, _) => Some(CREDENTIALS),
        // 5: the app has a list of servers that may call for it (page "secure Graph API calls"), and ours is none of them;
        // 101: no such app (github.com/sns-sdks/python-facebook/issues/271); 104: incorrect signature (page "error codes").
        // Read 2026-11-28, as what follows.
        (5 | 101, _) => Some(APP),
        (104, _) => Some(PROOF),
        // 12 and 2635: a version that is no longer served; 803: no such object; 2500: unknown path, as by a version that
        // never was.
        (12 | 803 | 2500 | 2635, _) => Some(ADDRESS),
        // Limits per app (4), user (17), page (32), action (341), call (613) and use case (80000-80014); 368:
        // blocked for a while for abuse.
        (4 | 17 | 32 | 341 | 368 | 613 | 80000..=80014, _) => Some(Class::Throttled),
        // Subcodes of the Conversions API: 2804001 bad fbc, 2804003 too old, 2804009 Purchase without value,
        // 2804050 too little identity, and others of the same family.
        (100, _) | (_, Some(2_804_000..=2_804_999)) => Some(Class::Data),
        _ => None,
    }
}

/// Whether the app demands a proof that was not sent, or was sent one that is not right: "API calls from the server require
/// an appsecret_proof argument", "Invalid appsecret_proof provided in the API argument", both with the code of every bad
/// parameter (github.com/thephpleague/oauth2-facebook/issues/17, read 2026-11-28). The parameter is no event's.
fn wants_proof(message: &str) -> bool {
    message.contains("appsecret_proof")
}

/// `Meta error 100/2804003: Invalid parameter (trace Abc)`.
fn reason(fault: &Fault) -> String {
    let mut reason = format!("Meta error {}", fault.code);
    if let Some(subcode) = fault.error_subcode {
        reason.push_str(&format!("/{subcode}"));
    }
    if !fault.message.is_empty() {
        reason.push_str(&format!(": {}", quote(&fault.message)));
    }
    if let Some(trace) = &fault.fbtrace_id {
        reason.push_str(&format!(" (trace {})", quote(trace)));
    }
    reason
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    fn answer(status: u16, body: &str) -> Response {
        Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
    }

    fn fault(code: i64, subcode: i64) -> String {
        format!(
            r#"{{"error":{{"message":"M","type":"OAuthException","code":{code},"error_subcode":{subcode}}}}}"#
        )
    }

    /// The outcome of a batch of two and its shortest wait.
    fn outcome(status: u16, body: &str) -> (&'static str, Option<Duration>) {
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
        (outcomes[0].tag(), wait)
    }

    #[test]
    fn every_documented_code_has_its_class() {
        let check =
            |code, subcode, expected| assert_eq!(outcome(400, &fault(code, subcode)), expected, "{code}");
        for (code, subcode) in
            [(190, 460), (190, 463), (190, 467), (102, 0), (10, 0), (200, 0), (299, 0), (3, 0)]
        {
            check(code, subcode, ("unauthorized", None));
        }
        check(100, 33, ("unauthorized", None));
        for subcode in [0, 2804001, 2804003, 2804007, 2804009, 2804016, 2804017, 2804019, 2804048, 2804050] {
            check(100, subcode, ("split", None));
        }
        for (code, subcode) in [
            (4, 1504022),
            (4, 1504039),
            (17, 2446079),
            (32, 0),
            (341, 0),
            (613, 1487742),
            (613, 5044001),
            (80000, 0),
            (80003, 0),
            (80004, 0),
            (80014, 0),
            (368, 0),
        ] {
            check(code, subcode, ("retry", Some(MINUTE)));
        }
        for code in [1, 2, 5000, 21009] {
            check(code, 0, ("retry", Some(SECOND)));
        }
    }

    #[test]
    fn what_no_event_can_cause_holds_the_destination_and_says_what_to_do() {
        let check = |body: &str, advice: &str| match &read(&answer(400, body), 1)[0] {
            Outcome::Unauthorized { reason } => assert!(reason.ends_with(advice), "{body}: {reason}"),
            other => panic!("{body}: {other:?}"),
        };
        for code in [5, 101] {
            check(&fault(code, 0), "from which servers it may be used");
        }
        for code in [12, 803, 2500, 2635] {
            check(&fault(code, 0), "check `api_version` and `pixel_id`");
        }
        for (code, subcode) in [(2663, 0), (200, 1_870_034), (100, 1_870_090), (100, 1_870_092)] {
            check(&fault(code, subcode), "accept Meta's terms for the account the pixel belongs to");
        }
        check(&fault(104, 0), "of the app that `access_token` was made for");
        for message in [
            "API calls from the server require an appsecret_proof argument",
            "Invalid appsecret_proof provided in the API argument",
        ] {
            let body = format!(
                r#"{{"error":{{"message":"{message}","type":"GraphMethodException","code":100,"fbtrace_id":"A"}}}}"#
            );
            check(&body, "set `app_secret` to the secret of the app that `access_token` was made for");
        }
        // With a subcode of its own it is about an event, whatever the message says.
        let body = r#"{"error":{"message":"no appsecret_proof","code":100,"error_subcode":2804001}}"#;
        assert_eq!(outcome(400, body), ("split", None));
    }

    #[test]
    fn is_transient_comes_before_the_code_and_the_code_before_the_status() {
        let check = |status, body: &str, expected| assert_eq!(outcome(status, body), expected, "{body}");
        check(400, r#"{"error":{"code":100,"is_transient":true}}"#, ("retry", Some(SECOND)));
        check(401, r#"{"error":{"code":190,"is_transient":true}}"#, ("retry", Some(SECOND)));
        check(400, r#"{"error":{"code":4,"is_transient":true}}"#, ("retry", Some(MINUTE)));
        check(500, &fault(100, 2804003), ("split", None));
        check(503, &fault(190, 463), ("unauthorized", None));
        check(200, &fault(100, 2804003), ("split", None));
        check(400, &fault(9999, 0), ("split", None));
        check(401, &fault(9999, 0), ("unauthorized", None));
        check(500, &fault(9999, 0), ("retry", Some(SECOND)));
        check(429, "slow down", ("retry", Some(MINUTE)));
        check(502, "<html>", ("retry", Some(SECOND)));
        check(413, "", ("split", None));
    }

    #[test]
    fn a_lone_event_refused_is_rejected() {
        let outcomes = read(&answer(400, &fault(100, 2804001)), 1);
        assert_eq!(outcomes, [Outcome::Rejected { reason: "Meta error 100/2804001: M".into() }]);
    }

    #[test]
    fn a_success_accounts_for_every_event() {
        let check = |status, body: &str, events, expected| {
            assert_eq!(read(&answer(status, body), events)[0].tag(), expected, "{body}");
        };
        check(200, r#"{"events_received":2,"messages":[],"fbtrace_id":"A"}"#, 2, "delivered");
        check(200, r#"{"events_received":1}"#, 2, "split");
        check(200, r#"{"events_received":0}"#, 1, "retry");
        check(200, r#"{"events_received":3}"#, 2, "delivered");
        check(200, r#"{"events_received":2,"messages":{"of another":"shape"}}"#, 2, "delivered");
        check(200, r"{}", 2, "retry");
        check(200, "[]", 2, "retry");
        check(200, "", 2, "retry");
        check(204, "", 2, "retry");
        check(200, "<html>welcome to the airport</html>", 2, "retry");
        check(200, r#"{"events_received":"2"}"#, 2, "retry");
    }

    #[test]
    fn what_meta_says_of_events_it_took_is_passed_on_without_what_was_sent() {
        let check = |status, header: Option<&str>, messages: &str, expected: Option<&str>| {
            let headers = header.map(|text| ("x-ad-api-version-warning".to_owned(), text.to_owned()));
            let body = format!(r#"{{"events_received":1,"messages":{messages}}}"#).into_bytes();
            let headers = headers.into_iter().collect();
            let response = Response::Answer { status, retry_after: None, headers, body };
            assert_eq!(remark(&response).as_deref(), expected, "{messages}");
        };
        for nothing in ["[]", "null", "{}", "7"] {
            check(200, None, nothing, None);
        }
        check(200, None, r#"["",{}]"#, Some("Meta says: {}"));
        let masked = Some("Meta says: no match for ********");
        check(200, None, r#"["no match for jane@example.com","two"]"#, masked);
        check(200, None, r#"[{"code":1}]"#, Some(r#"Meta says: {"code":1}"#));
        check(200, Some("v21.0 ends"), "[]", Some("Meta says of `api_version`: v21.0 ends"));
        let both = "Meta says: look; Meta says of `api_version`: v21.0 ends";
        check(200, Some("v21.0 ends"), r#"["look"]"#, Some(both));
        check(400, Some("v21.0 ends"), r#"["look"]"#, None);
        assert_eq!(remark(&Response::NoAnswer("late".into())), None);
    }

    #[test]
    fn retry_after_is_kept() {
        let response = Response::Answer {
            status: 400,
            retry_after: Some(Duration::from_secs(90)),
            headers: Vec::new(),
            body: fault(613, 0).into(),
        };
        let Outcome::Retry { after, at_least, reason } = &read(&response, 1)[0] else { panic!("throttled") };
        assert_eq!((*after, *at_least), (Some(Duration::from_secs(90)), MINUTE));
        assert_eq!(reason, "Meta error 613/0: M");
    }

    #[test]
    fn the_reason_holds_no_token_and_no_localised_text() {
        let body = r#"{"error":{"message":"Malformed access token EAABexampleexampleexampleexampleexample",
            "code":190,"error_user_msg":"Bitte neu anmelden","fbtrace_id":"AbCdEf123"}}"#;
        let reason = "Meta error 190: Malformed access token ******** (trace AbCdEf123); \
            check `access_token`, its rights and `pixel_id`";
        assert_eq!(read(&answer(401, body), 1), [Outcome::Unauthorized { reason: reason.into() }]);
    }
}

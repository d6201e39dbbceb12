//! What platforms answer: to events, to a request for a token, and to a question about an earlier request.
//!
//! An input is a platform's name, a line end, and an answer as the golden tests write it (`HTTP 400`, headers, an empty
//! line, the body). It is read as the answer to each of the platform's calls.

use std::sync::LazyLock;

use relay::config::{Config, Destination};
use relay::distribute::http_client::retry_after;
use relay::distribute::plan::plan;
use relay::platform::{ALL, Call, Fate, Found, Outcome, Receipt, Response};
use shared::vendor_cookie::is_uuid;
use shared::{Event, UnixMs};

use crate::check;
use crate::seeds::{files, name, recorded, text};
use crate::stage::{NOW, configure, destinations};

/// Reads an answer in every way there is.
pub fn run(bytes: &[u8]) {
    if check::names_a_secret(bytes) {
        return;
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (name, answer) = bytes.split_at(end);
    let found = STAGES.iter().find(|stage| stage.destination.name.as_bytes() == name);
    let (Some(stage), Some(response)) = (found, response(answer.get(1..).unwrap_or_default())) else {
        return;
    };
    let platform = &stage.destination.platform;
    for call in &stage.calls {
        for events in [0, 1, 3] {
            let outcomes = platform.read(call, &response, events, NOW);
            assert_eq!(outcomes.len(), events, "{call}: one outcome for each event");
            outcomes.iter().for_each(sound);
        }
        platform.remark(call, &response).iter().for_each(|remark| words(remark));
        let inquiries = platform.inquiries();
        if let Some(receipt) = inquiries.and_then(|inquiries| inquiries.receipt(call, &response, NOW)) {
            assert!(!receipt.id.is_empty() && receipt.id.len() <= LONGEST_ID && receipt.due >= receipt.taken);
        }
    }
    if let Some(inquiries) = platform.inquiries() {
        let receipt = Receipt { id: "r-1".to_owned(), taken: NOW, asked: 1, due: NOW };
        asked(inquiries.read(&receipt, 3, &response, NOW));
    }
    if let Some(credentials) = platform.credentials() {
        let answered = matches!(response, Response::Answer { .. });
        assert!(answered || !credentials.refuses_token(&response), "silence refuses no token");
        match credentials.read(&response, NOW) {
            Ok(grant) => assert!(!grant.access.is_blank()),
            Err(outcome) => sound(&outcome),
        }
    }
}

/// The words of an outcome fit into a log, and hold nothing that was sent.
fn sound(outcome: &Outcome) {
    match outcome {
        Outcome::Delivered => {}
        Outcome::Retry { reason, .. }
        | Outcome::Later { reason, .. }
        | Outcome::Split { reason }
        | Outcome::Rejected { reason }
        | Outcome::Misconfigured { reason }
        | Outcome::Unauthorized { reason } => words(reason),
    }
}

fn asked(found: Found) {
    match found {
        Found::NotYet { due } => assert!(due > UnixMs(0)),
        Found::Final(findings) => match findings.fate {
            Fate::Settled => {}
            Fate::Again { reason, .. } | Fate::Refused { reason } => words(&reason),
        },
    }
}

fn words(reason: &str) {
    check::line(reason);
    assert!(reason.len() <= LONGEST_REASON, "{} bytes: {reason}", reason.len());
    for run in reason.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        // A request's own id helps to ask the platform; codes are in capitals.
        let code = run.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit());
        assert!(run.len() < SECRET_RUN || code || is_uuid(run), "could be a token or a digest: {reason}");
    }
}

/// The answer of a text.
fn response(bytes: &[u8]) -> Option<Response> {
    let why = |mark: &[u8]| Some(String::from_utf8_lossy(bytes.strip_prefix(mark)?).into_owned());
    if let Some(why) = why(b"not sent: ") {
        return Some(Response::NotSent(why));
    }
    if let Some(why) = why(b"no answer: ") {
        return Some(Response::NoAnswer(why));
    }
    let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let status = lines.next()?.strip_prefix("HTTP ")?.trim().parse().ok()?;
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.map_while(header).collect();
    let wish = headers.iter().find(|(name, _)| name == "retry-after");
    let retry_after = wish.and_then(|(_, value)| retry_after(value, NOW));
    Some(Response::Answer { status, retry_after, headers, body: body.get(2..).unwrap_or_default().to_vec() })
}

/// The answers of the golden tests.
pub fn seeds() -> Vec<Vec<u8>> {
    let of = |name: &'static str| {
        files(&recorded(&format!("golden/{name}"))).into_iter().map(move |path| (name, path))
    };
    let all = ALL.iter().flat_map(|kind| of(kind.name));
    let answers = all.filter(|(_, path)| name(path).starts_with("response-"));
    answers.map(|(name, path)| format!("{name}\n{}", text(&path)).into_bytes()).collect()
}

/// A destination and the calls it makes.
struct Stage {
    destination: Destination,
    calls: Vec<Call>,
}

static STAGES: LazyLock<Vec<Stage>> = LazyLock::new(|| {
    let config: Config = configure(&destinations());
    let events: Vec<Event> = files(&recorded("golden"))
        .into_iter()
        .filter(|path| name(path) == "event.json")
        .filter_map(|path| serde_json::from_str(&text(&path)).ok())
        .collect();
    let events: Vec<&Event> = events.iter().collect();
    let stage = |destination: Destination| {
        let requests = plan(&destination, &events, NOW).requests;
        let mut calls: Vec<Call> = requests.iter().map(|planned| planned.call).collect();
        calls.sort_unstable();
        calls.dedup();
        assert!(!calls.is_empty(), "{}: no call", destination.name);
        Stage { destination, calls }
    };
    config.destinations.into_iter().map(stage).collect()
});

/// Longest id of a request that is believed to be one.
const LONGEST_ID: usize = 256;
/// Longest reason: a platform's own words are cut at 300 bytes, and we say a little around them.
const LONGEST_REASON: usize = 800;
/// A run of letters and digits this long may be a token or a digest.
const SECRET_RUN: usize = 32;

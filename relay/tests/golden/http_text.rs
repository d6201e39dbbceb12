//! Requests, answers and outcomes as text that people and differences can read.

use std::time::Duration;

use relay::platform::request::Body;
use relay::platform::{Outcome, Planned, Response};
use serde_json::{Map, Value, json};

/// A request in full, secrets masked, JSON indented, a long list cut in its middle.
pub(crate) fn request(planned: &Planned) -> String {
    let request = &planned.request;
    let mut text = format!("# events {}\n", places(&planned.events));
    if request.public_only {
        text.push_str("# public addresses only\n");
    }
    text.push_str(&format!("{} {}\n", request.method, request.url));
    for header in &request.headers {
        text.push_str(&format!("{}: {}\n", header.name, header.value.masked()));
    }
    match &request.body {
        Body::Empty => {}
        Body::Form(form) => text.push_str(&format!("\n{}\n", form.masked())),
        Body::Json(json) => {
            let value = serde_json::from_str(&json.masked()).expect("a masked JSON body is JSON");
            text.push_str(&format!("\n{:#}\n", cut(value)));
        }
    }
    text
}

/// Outcomes, those in a row that are the same as one line with their number.
pub(crate) fn outcomes(outcomes: &[Outcome]) -> Value {
    let rows = outcomes.chunk_by(|a, b| a == b).map(|same| {
        let mut row = outcome(&same[0]);
        row.insert("events".to_owned(), json!(same.len()));
        Value::Object(row)
    });
    rows.collect()
}

/// An answer: `HTTP 400`, headers, an empty line, the body; or `not sent: …`, or `no answer: …`.
pub(crate) fn response(text: &str) -> Response {
    if let Some(why) = text.strip_prefix("not sent: ") {
        return Response::NotSent(why.trim().to_owned());
    }
    if let Some(why) = text.strip_prefix("no answer: ") {
        return Response::NoAnswer(why.trim().to_owned());
    }
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.strip_prefix("HTTP ")).expect("first line: HTTP and a status");
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.map(|line| header(line).expect("a header")).collect();
    let retry_after = headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value);
    Response::Answer {
        status: status.trim().parse().expect("a status"),
        retry_after: retry_after.map(|seconds| Duration::from_secs(seconds.parse().expect("seconds"))),
        headers,
        body: body.trim_end().into(),
    }
}

fn outcome(outcome: &Outcome) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("outcome".to_owned(), json!(outcome.tag()));
    match outcome {
        Outcome::Delivered => {}
        Outcome::Retry { after, at_least, reason } => {
            row.insert("after_s".to_owned(), json!(after.map(|span| span.as_secs())));
            row.insert("at_least_s".to_owned(), json!(at_least.as_secs()));
            row.insert("reason".to_owned(), json!(reason));
        }
        Outcome::Later { after, reason } => {
            row.insert("after_s".to_owned(), json!(after.as_secs()));
            row.insert("reason".to_owned(), json!(reason));
        }
        Outcome::Split { reason }
        | Outcome::Rejected { reason }
        | Outcome::Misconfigured { reason }
        | Outcome::Unauthorized { reason } => {
            row.insert("reason".to_owned(), json!(reason));
        }
    }
    row
}

/// `0, 1, 2`, or `0 to 199`.
fn places(events: &[usize]) -> String {
    match events {
        [first, .., last] if events.len() > 3 && last - first + 1 == events.len() => {
            format!("{first} to {last}")
        }
        _ => events.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Lists longer than this lose their middle; `contract` sees to what is in there.
const LONG: usize = 6;

fn cut(value: Value) -> Value {
    match value {
        Value::Array(list) if list.len() > LONG => {
            let between = json!(format!("… {} more …", list.len() - 2));
            let mut ends = list.into_iter();
            let (first, last) = (ends.next().map(cut), ends.next_back().map(cut));
            Value::Array(first.into_iter().chain([between]).chain(last).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(cut).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, cut(value))).collect()),
        other => other,
    }
}

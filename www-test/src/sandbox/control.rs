//! The control API under `/_control/`, for the demo, for people with curl and for tests in other processes.
//!
//! | route | what |
//! |---|---|
//! | `GET requests?platform=meta&last=20` | recorded requests, oldest first |
//! | `GET counted` | figures and event counts by platform |
//! | `POST fail` | an [`Order`]: `{"platform":"meta","mode":"hang","times":3,"after":1}` |
//! | `POST recover` | lifts every order |
//! | `POST shut {"for_ms":2000}` | refuses connections for a while |
//! | `POST reset` | forgets everything, lifts every order |

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::exchange::{Arrived, Recorded, Reply};
use super::state::State;
use super::trouble::Order;

/// Where it lives.
pub const PREFIX: &str = "/_control/";

/// Answers a request to the control API; `None` when it is addressed to a platform.
pub(super) fn answer(shared: &Arc<Shared>, request: &Arrived) -> Option<Reply> {
    let route = request.path.strip_prefix(PREFIX)?;
    Some(match (request.method.as_str(), route) {
        ("GET", "requests") => requests(shared, request),
        ("GET", "counted") => Reply::json(200, &shared.read(|state| state.counted_json())),
        ("POST", "fail") => fail(shared, request),
        ("POST", "shut") => shut(shared, request),
        ("POST", "recover") => changed(shared, State::recover),
        ("POST", "reset") => changed(shared, State::reset),
        _ => wrong(404, "no such route; there are requests, counted, fail, recover, shut and reset"),
    })
}

fn done() -> Reply {
    Reply::json(200, &json!({ "ok": true }))
}

fn changed(shared: &Shared, act: impl FnOnce(&mut State)) -> Reply {
    shared.change(act);
    done()
}

fn wrong(status: u16, problem: impl Into<String>) -> Reply {
    Reply::json(status, &json!({ "error": problem.into() }))
}

fn requests(shared: &Shared, request: &Arrived) -> Reply {
    let platform = request.query_value("platform");
    let last = request.query_value("last").and_then(|last| last.parse().ok()).unwrap_or(usize::MAX);
    let all: Vec<Value> =
        shared.read(|state| state.requests(platform.as_deref()).map(Recorded::to_json).collect());
    Reply::json(200, &Value::from(all[all.len().saturating_sub(last)..].to_vec()))
}

fn fail(shared: &Shared, request: &Arrived) -> Reply {
    match serde_json::from_slice::<Order>(&request.body) {
        Ok(order) if shared.read(|state| state.plays(&order.platform)) => {
            changed(shared, |state| state.order(order))
        }
        Ok(order) => wrong(400, format!("platform: {:?} is not played here", order.platform)),
        Err(error) => wrong(400, error.to_string()),
    }
}

/// How long the port stays shut.
#[derive(Deserialize)]
struct Shut {
    for_ms: u64,
}

fn shut(shared: &Arc<Shared>, request: &Arrived) -> Reply {
    let Ok(Shut { for_ms }) = serde_json::from_slice(&request.body) else {
        return wrong(400, "for_ms: a number of milliseconds is required");
    };
    let shared = shared.clone();
    tokio::spawn(async move {
        // Shutting the port ends this connection too; the answer below may or may not get through.
        shared.open.send_replace(false);
        tokio::time::sleep(Duration::from_millis(for_ms)).await;
        shared.open.send_replace(true);
    });
    done()
}

//! `requestStatus:retrieve`: what became of a request, told by its id.
//!
//! An event whose transaction id begins with [`LATER`] and the name of a reason (`later:INVALID_GCLID:1`) fails for that
//! reason, once the request was taken. The sandbox knows at once what the real one says half an hour later.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::exchange::{Arrived, Reply, Taken};
use super::super::fields::fault;
use super::Error;

/// Beginning of a transaction id that fails later.
pub const LATER: &str = "later:";

/// An id that holds the number of events and the reasons by which some fail.
pub(super) fn request_id(events: &[Taken], number: u64) -> String {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        if let Some((reason, _)) = event.id.strip_prefix(LATER).and_then(|rest| rest.split_once(':')) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let held = json!({ "number": number, "events": events.len(), "reasons": reasons });
    URL_SAFE_NO_PAD.encode(held.to_string())
}

/// Answers with what the id holds.
pub(super) fn retrieve(request: &Arrived) -> Result<Reply, Error> {
    let invalid = || {
        let error = Error::invalid(fault("requestId", "not the id of a request that was taken"));
        Error { reason: "INVALID_REQUEST_ID", ..error }
    };
    let id = request.query_value("requestId").filter(|_| request.method == "GET").ok_or_else(invalid)?;
    let held = URL_SAFE_NO_PAD.decode(id).map_err(|_| invalid())?;
    let held: Value = serde_json::from_slice(&held).map_err(|_| invalid())?;
    let events = held["events"].as_u64().unwrap_or_default();
    let reasons = held["reasons"].as_object().cloned().unwrap_or_default();
    let failed: u64 = reasons.values().filter_map(Value::as_u64).sum();
    let counts: Vec<Value> = reasons
        .iter()
        .map(|(reason, count)| {
            json!({ "recordCount": count.to_string(), "reason": format!("PROCESSING_ERROR_REASON_{reason}") })
        })
        .collect();
    let status = match failed {
        0 => "SUCCESS",
        failed if failed == events => "FAILED",
        _ => "PARTIAL_SUCCESS",
    };
    let mut one =
        json!({ "requestStatus": status, "eventsIngestionStatus": { "recordCount": events.to_string() } });
    if !counts.is_empty() {
        one["errorInfo"] = json!({ "errorCounts": counts });
    }
    Ok(Reply::json(200, &json!({ "requestStatusPerDestination": [one] })))
}

//! What the platforms took, event by event, read from the sandbox's records.
//!
//! Owns the way from a platform's request body to its events, so that a test can ask for an event by name and id
//! whatever the platform calls them. Leaves judging requests to the sandbox.

use serde_json::Value;

use crate::sandbox::exchange::{Recorded, Verdict};

/// One event as one platform took it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// Platform, as in the relay's configuration.
    pub platform: &'static str,
    /// Event name.
    pub name: String,
    /// Event id.
    pub event_id: String,
    /// The event in the platform's own shape.
    pub event: Value,
}

impl Delivered {
    /// The value at a JSON pointer; null when there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.event.pointer(pointer).unwrap_or(&Value::Null)
    }
}

/// Every event in accepted requests, in the order of arrival.
pub fn read(records: &[Recorded]) -> Vec<Delivered> {
    records.iter().filter(|record| took(record)).flat_map(events).collect()
}

/// The accepted events of one platform.
pub fn at(platform: &str, records: &[Recorded]) -> Vec<Delivered> {
    read(records).into_iter().filter(|event| event.platform == platform).collect()
}

fn took(record: &Recorded) -> bool {
    match record.verdict {
        Verdict::Accepted { .. } => true,
        Verdict::Refused { .. } | Verdict::Disturbed { .. } | Verdict::Unknown => false,
    }
}

fn events(record: &Recorded) -> Vec<Delivered> {
    let Some(body) = record.request.json() else { return Vec::new() };
    match record.platform {
        Some("meta") => {
            let data = body["data"].as_array().cloned().unwrap_or_default();
            data.into_iter().map(|event| delivered("meta", event, "event_name")).collect()
        }
        Some("webhook") => vec![delivered("webhook", body["event"].clone(), "event")],
        Some(_) | None => Vec::new(),
    }
}

fn delivered(platform: &'static str, event: Value, name: &str) -> Delivered {
    let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    Delivered { platform, name: text(name), event_id: text("event_id"), event }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::sandbox::exchange::Arrived;

    fn record(platform: Option<&'static str>, verdict: Verdict, body: &Value) -> Recorded {
        let request = Arrived { body: Bytes::from(body.to_string()), ..Arrived::default() };
        Recorded { request, platform, verdict }
    }

    fn accepted() -> Verdict {
        Verdict::Accepted { counted: 1, duplicates: 0 }
    }

    #[test]
    fn a_batch_is_as_many_events_and_a_webhook_is_one() {
        let data = json!({ "data": [{ "event_name": "A", "event_id": "1" }, { "event_name": "B", "event_id": "2" }] });
        let webhook = json!({ "event": { "event": "A", "event_id": "1", "page": { "url": "u" } } });
        let records =
            [record(Some("meta"), accepted(), &data), record(Some("webhook"), accepted(), &webhook)];
        let read = read(&records);
        let names: Vec<_> = read.iter().map(|one| (one.platform, &*one.name, &*one.event_id)).collect();
        assert_eq!(names, [("meta", "A", "1"), ("meta", "B", "2"), ("webhook", "A", "1")]);
        assert_eq!(read[2].at("/page/url"), "u");
        assert_eq!(read[2].at("/nowhere"), &Value::Null);
        assert_eq!(at("webhook", &records).len(), 1);
    }

    #[test]
    fn what_was_not_taken_does_not_count() {
        let data = json!({ "data": [{ "event_name": "A", "event_id": "1" }] });
        let refused = Verdict::Refused { reason: "because".to_owned() };
        let check = |record: Recorded| assert_eq!(read(&[record]), []);
        check(record(Some("meta"), refused, &data));
        check(record(Some("meta"), Verdict::Unknown, &data));
        check(record(None, accepted(), &data));
        check(record(Some("meta"), accepted(), &json!("not an object")));
    }
}

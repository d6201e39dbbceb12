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
    let Some(platform) = record.platform else { return Vec::new() };
    let Some(shape) = SHAPES.iter().find(|shape| shape.platform == platform) else { return Vec::new() };
    let body = record.request.json().unwrap_or_default();
    let events = match shape.events {
        Events::List(list) => body[list].as_array().cloned().unwrap_or_default(),
        Events::One(member) => body.get(member).cloned().into_iter().collect(),
        Events::Query => query(record).into_iter().collect(),
    };
    events.into_iter().map(|event| delivered(shape, event, &body)).collect()
}

fn delivered(shape: &Shape, event: Value, body: &Value) -> Delivered {
    let text = |pointer: &str| {
        let found = event.pointer(pointer).or_else(|| body.pointer(pointer));
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let name = shape.name.iter().map(|pointer| text(pointer)).find(|name| !name.is_empty());
    Delivered { platform: shape.platform, name: name.unwrap_or_default(), event_id: text(shape.id), event }
}

/// The parameters of a request that carries its event in its address.
fn query(record: &Recorded) -> Option<Value> {
    let pairs = url::form_urlencoded::parse(record.request.query.as_deref()?.as_bytes());
    Some(Value::Object(
        pairs.map(|(key, value)| (key.into_owned(), Value::String(value.into_owned()))).collect(),
    ))
}

/// Where a platform's requests carry their events.
#[derive(Clone, Copy, Debug)]
enum Events {
    /// As a list, a member of the body.
    List(&'static str),
    /// As one member of the body.
    One(&'static str),
    /// As the query of the address.
    Query,
}

/// How to find the events in a platform's requests. Pointers are looked up in the event, then in the body.
#[derive(Clone, Copy, Debug)]
struct Shape {
    platform: &'static str,
    events: Events,
    /// What it calls the event; the first that is there.
    name: &'static [&'static str],
    /// By what it knows the event again.
    id: &'static str,
}

const SHAPES: [Shape; 7] = [
    Shape { platform: "meta", events: Events::List("data"), name: &["/event_name"], id: "/event_id" },
    // The conversion action is the name.
    Shape {
        platform: "google-ads",
        events: Events::List("events"),
        name: &["/destinations/0/productDestinationId"],
        id: "/transactionId",
    },
    Shape { platform: "tiktok", events: Events::List("data"), name: &["/event"], id: "/event_id" },
    // A page view has a type and no name.
    Shape {
        platform: "microsoft",
        events: Events::List("data"),
        name: &["/eventName", "/eventType"],
        id: "/eventId",
    },
    Shape { platform: "outbrain", events: Events::Query, name: &["/name"], id: "/orderId" },
    Shape { platform: "taboola", events: Events::Query, name: &["/name"], id: "/orderid" },
    Shape { platform: "webhook", events: Events::One("event"), name: &["/event"], id: "/event_id" },
];

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

    #[test]
    fn every_platform_is_read_in_its_own_shape() {
        let check = |platform, query: Option<&str>, body: &Value, expected: (&str, &str)| {
            let mut record = record(Some(platform), accepted(), body);
            record.request.query = query.map(str::to_owned);
            let read = read(&[record]);
            let seen: Vec<_> = read.iter().map(|one| (&*one.name, &*one.event_id)).collect();
            assert_eq!(seen, [expected], "{platform}");
        };
        let google = json!({ "destinations": [{ "productDestinationId": "7" }], "events": [{ "transactionId": "o-1" }] });
        check("google-ads", None, &google, ("7", "o-1"));
        check("tiktok", None, &json!({ "data": [{ "event": "Lead", "event_id": "1" }] }), ("Lead", "1"));
        let page = json!({ "data": [{ "eventType": "pageLoad", "eventId": "1" }] });
        check("microsoft", None, &page, ("pageLoad", "1"));
        let custom = json!({ "data": [{ "eventType": "custom", "eventName": "purchase", "eventId": "1" }] });
        check("microsoft", None, &custom, ("purchase", "1"));
        check("outbrain", Some("ob_click_id=c&name=Big%20sale&orderId=1"), &Value::Null, ("Big sale", "1"));
        check("taboola", Some("click-id=c&name=lead"), &Value::Null, ("lead", ""));
    }

    #[test]
    fn a_request_for_a_token_carries_no_event() {
        let record = record(Some("google-ads"), accepted(), &json!("grant_type=refresh_token"));
        assert_eq!(read(&[record]), []);
    }
}

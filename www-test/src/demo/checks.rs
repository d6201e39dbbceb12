//! What has to be true after the journey, each as one line that passes or says what is wrong.
//!
//! Pure: judges evidence that others collected, so that the demo and the browser test judge alike.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::delivered::{self, Delivered};
use crate::journey::{self, EVENTS, FBCLID, GCLID, Receipt, TOTAL, TYPED};
use crate::recorder::Sighting;
use crate::sandbox::exchange::Recorded;

/// Everything that was collected during one journey.
#[derive(Debug)]
pub struct Evidence {
    /// What the page knew.
    pub receipt: Receipt,
    /// Every request a platform got.
    pub records: Vec<Recorded>,
    /// Secrets that were read in what the browser sent.
    pub leaks: Vec<Sighting>,
    /// Requests the browser sent.
    pub requests: usize,
    /// Name and content of everything else that was written down: the relay's files and log.
    pub written: Vec<(String, Vec<u8>)>,
    /// Exceptions in the visitor's console.
    pub exceptions: Vec<String>,
    /// Secret of the webhook's signatures, `whsec_` and base64.
    pub webhook_secret: String,
}

/// One statement about the journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What should be true.
    pub statement: String,
    /// What is wrong; empty when nothing is.
    pub faults: Vec<String>,
}

/// The platforms the journey's events go to.
pub const PLATFORMS: [&str; 2] = ["meta", "webhook"];

/// Every statement, in the order a person wants to read them.
pub fn all(evidence: &Evidence) -> Vec<Check> {
    let meta = delivered::at("meta", &evidence.records);
    let purchase = meta.iter().find(|event| event.name == "Purchase");
    let mut checks: Vec<Check> = PLATFORMS.iter().map(|platform| complete(platform, evidence)).collect();
    checks.push(with(purchase, "event_id is the id track() returned to the page", |event| {
        equal("event_id", &json!(event.event_id), &json!(evidence.receipt.purchase_id))
    }));
    checks.push(with(purchase, "fbc carries the click", click));
    checks.push(with(purchase, "every typed field arrives as the SHA-256 of its normal form", hashes));
    checks.push(with(purchase, "value, currency, order and items are those of the cart", |event| {
        amounts(event, &evidence.receipt)
    }));
    checks.push(webhook_click(evidence));
    checks.push(signatures(evidence));
    checks.push(no_leak(evidence));
    checks.push(nothing_written(evidence));
    checks.push(check("the visitor's console shows no exception", evidence.exceptions.clone()));
    checks
}

fn check(statement: impl Into<String>, faults: Vec<String>) -> Check {
    Check { statement: statement.into(), faults }
}

fn with(event: Option<&Delivered>, statement: &str, judge: impl Fn(&Delivered) -> Vec<String>) -> Check {
    check(statement, event.map_or_else(|| vec!["Meta received no Purchase".to_owned()], judge))
}

fn equal(what: &str, found: &Value, expected: &Value) -> Vec<String> {
    if found == expected { Vec::new() } else { vec![format!("{what} is {found}, expected {expected}")] }
}

/// Every event of the journey as often as it happened, and none besides.
fn complete(platform: &str, evidence: &Evidence) -> Check {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in delivered::at(platform, &evidence.records) {
        *counts.entry(event.name).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> =
        EVENTS.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect();
    let statement = format!("{platform} received every event of the journey once");
    check(statement, equal("the list", &json!(counts), &json!(expected)))
}

/// `fb.1.{milliseconds}.{fbclid}`, the click id byte for byte.
fn click(event: &Delivered) -> Vec<String> {
    let fbc = event.at("/user_data/fbc").as_str().unwrap_or_default();
    let parts: Vec<&str> = fbc.splitn(4, '.').collect();
    let good = matches!(parts[..], ["fb", index, time, click]
        if index.parse::<u8>().is_ok() && time.len() == 13 && time.parse::<u64>().is_ok() && click == FBCLID);
    if good { Vec::new() } else { vec![format!("fbc is {fbc:?}, expected fb.1.<milliseconds>.{FBCLID}")] }
}

fn hashes(event: &Delivered) -> Vec<String> {
    let user = event.at("/user_data");
    TYPED.iter().flat_map(|typed| hash_of(&user[typed.meta], typed)).collect()
}

/// A field is a text or a list that holds the hash; Meta's names may come in two forms.
fn hash_of(found: &Value, typed: &journey::Typed) -> Vec<String> {
    let holds = match found {
        Value::Array(list) => list.iter().any(|value| value == typed.hash),
        other => other == typed.hash,
    };
    if holds { Vec::new() } else { vec![format!("{} is {found}, expected {}", typed.meta, typed.hash)] }
}

fn amounts(event: &Delivered, receipt: &Receipt) -> Vec<String> {
    let check = |pointer: &str, expected: Value| match (event.at(pointer).as_f64(), expected.as_f64()) {
        // 178 and 178.0 are the same amount.
        (Some(found), Some(wanted)) if found == wanted => Vec::new(),
        _ => equal(pointer, event.at(pointer), &expected),
    };
    [
        check("/custom_data/value", json!(TOTAL)),
        check("/custom_data/currency", json!("EUR")),
        check("/custom_data/order_id", json!(receipt.order_id)),
        check("/custom_data/contents/0/id", json!("GLIM-ORB")),
        check("/custom_data/contents/0/quantity", json!(2)),
        check("/custom_data/contents/0/item_price", json!(89)),
    ]
    .concat()
}

/// The webhook gets the event in our own shape: both click ids have to be in it, four pages after the landing.
fn webhook_click(evidence: &Evidence) -> Check {
    let events = delivered::at("webhook", &evidence.records);
    let purchase = events.iter().find(|event| event.name == "Purchase");
    let faults = purchase.map_or_else(
        || vec!["the webhook received no Purchase".to_owned()],
        |event| {
            let value = |name: &str| match event.at(&format!("/click_ids/{name}")) {
                Value::Object(long) => long.get("value").cloned().unwrap_or_default(),
                short => short.clone(),
            };
            let mut faults = equal("fbclid", &value("fbclid"), &json!(FBCLID));
            faults.extend(equal("gclid", &value("gclid"), &json!(GCLID)));
            faults.extend(equal("utm_source", event.at("/campaign/source"), &json!("newsletter")));
            faults.extend(equal("visitor", event.at("/visitor_id"), &json!(evidence.receipt.visitor_id)));
            faults
        },
    );
    check("the webhook's Purchase knows both click ids, the campaign and the visitor", faults)
}

/// Checked here again, apart from the sandbox, because a receiver that does not look would take anything.
fn signatures(evidence: &Evidence) -> Check {
    let webhooks = evidence.records.iter().filter(|record| record.platform == Some("webhook"));
    let mut faults: Vec<String> = webhooks
        .clone()
        .filter(|record| !signed(record, &evidence.webhook_secret))
        .map(|record| format!("request {} is not signed with the key", record.request.number))
        .collect();
    if webhooks.count() == 0 {
        faults.push("there was no request to the webhook".to_owned());
    }
    check("every webhook is signed", faults)
}

/// Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, keyed by the secret's bytes.
fn signed(record: &Recorded, secret: &str) -> bool {
    let header = |name| record.request.header(name).unwrap_or_default();
    let key = BASE64.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&record.request.body);
    let expected = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    !key.is_empty() && header("webhook-signature").split(' ').any(|one| one == expected)
}

fn no_leak(evidence: &Evidence) -> Check {
    let mut faults: Vec<String> = evidence
        .leaks
        .iter()
        .map(|leak| format!("{} ({}) in the {}", leak.field, leak.disguise, leak.place))
        .collect();
    if evidence.requests == 0 {
        faults.push("the browser sent nothing that could be looked at".to_owned());
    }
    check(format!("no raw personal data in {} requests of the browser", evidence.requests), faults)
}

fn nothing_written(evidence: &Evidence) -> Check {
    let secrets = journey::secrets();
    let records = evidence.records.iter().map(|record| {
        let whole = record.to_json().to_string().into_bytes();
        (format!("request {} of the sandbox", record.request.number), whole)
    });
    let places: Vec<(String, Vec<u8>)> = evidence.written.iter().cloned().chain(records).collect();
    let mut faults: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| secrets.iter().filter_map(|secret| secret.sighting(bytes, place)))
        .map(|leak| format!("{} ({}) in {}", leak.field, leak.disguise, leak.place))
        .collect();
    if evidence.written.is_empty() {
        faults.push("the relay wrote nothing that could be looked at".to_owned());
    }
    check("no raw personal data in the relay's files, its log or what platforms got", faults)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sandbox::exchange::{Arrived, Verdict};

    #[test]
    fn a_signature_is_that_of_the_scheme() {
        // The example of the Standard Webhooks specification's own libraries: id, timestamp, body, signature.
        let record = |signature: &str| {
            let headers = [
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", signature),
            ];
            let request = Arrived {
                headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                body: Bytes::from_static(br#"{"test": 2432232314}"#),
                ..Arrived::default()
            };
            let verdict = Verdict::Accepted { counted: 1, duplicates: 0 };
            Recorded { request, platform: Some("webhook"), verdict }
        };
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert!(signed(&record(good), secret));
        assert!(signed(&record(&format!("v1,AAAA {good}")), secret));
        assert!(!signed(&record(&good.replace('g', "h")), secret));
        assert!(!signed(&record(""), secret));
        assert!(!signed(&record(good), ""));
    }

    #[test]
    fn an_empty_journey_passes_no_check_but_the_quiet_console() {
        let receipt = Receipt { purchase_id: "p".into(), order_id: "o".into(), visitor_id: "v".into() };
        let evidence = Evidence {
            receipt,
            records: Vec::new(),
            leaks: Vec::new(),
            requests: 0,
            written: Vec::new(),
            exceptions: Vec::new(),
            webhook_secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZg==".into(),
        };
        let passed: Vec<_> = all(&evidence).into_iter().filter(|check| check.faults.is_empty()).collect();
        assert_eq!(passed.len(), 1, "{passed:?}");
    }

    #[test]
    fn a_click_is_compared_letter_by_letter() {
        let check = |fbc: &str, good: bool| {
            let event = json!({ "user_data": { "fbc": fbc } });
            let event = Delivered { platform: "meta", name: String::new(), event_id: String::new(), event };
            assert_eq!(click(&event).is_empty(), good, "{fbc}");
        };
        check(&format!("fb.1.1795183509123.{FBCLID}"), true);
        check(&format!("fb.1.1795183509123.{}", FBCLID.to_lowercase()), false);
        check(&format!("fb.1.1795183509.{FBCLID}"), false);
        check("", false);
    }
}

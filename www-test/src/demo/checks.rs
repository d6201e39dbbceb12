//! What has to be true after the journey, each as one line that passes or says what is wrong.
//!
//! Pure: judges evidence that others collected, so that the demo and the browser test judge alike.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::expected::{self, Expected, Fact};
use crate::delivered::{self, Delivered};
use crate::journey::{self, FBCLID, Receipt, TYPED};
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

/// The platforms the journey's events go to, each with how many events it must get.
pub fn platforms() -> impl Iterator<Item = (&'static str, usize)> {
    expected::ALL.iter().map(|one| (one.platform, one.events.iter().map(|(_, times)| times).sum()))
}

/// Every statement, in the order a person wants to read them.
pub fn all(evidence: &Evidence) -> Vec<Check> {
    let mut checks: Vec<Check> = expected::ALL.iter().map(|one| complete(one, evidence)).collect();
    checks.extend(expected::ALL.iter().map(|one| purchase(one, evidence)));
    checks.push(typed_fields(evidence));
    checks.push(signatures(evidence));
    checks.push(no_leak(evidence));
    checks.push(nothing_written(
        "the relay's files, its log or what platforms got",
        &evidence.written,
        &evidence.records,
    ));
    checks.push(check("the visitor's console shows no exception", evidence.exceptions.clone()));
    checks
}

/// The purchase as each platform was given it, in the order of the documentation.
pub fn purchases(records: &[Recorded]) -> Vec<Delivered> {
    expected::ALL.iter().filter_map(|one| purchase_at(one, records)).collect()
}

fn purchase_at(expected: &Expected, records: &[Recorded]) -> Option<Delivered> {
    delivered::at(expected.platform, records).into_iter().find(|event| event.name == expected.purchase)
}

fn check(statement: impl Into<String>, faults: Vec<String>) -> Check {
    Check { statement: statement.into(), faults }
}

fn equal(what: &str, found: &Value, expected: &Value) -> Vec<String> {
    if found == expected { Vec::new() } else { vec![format!("{what} is {found}, expected {expected}")] }
}

/// Every event of the journey as often as it happened, and none besides.
fn complete(expected: &Expected, evidence: &Evidence) -> Check {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in delivered::at(expected.platform, &evidence.records) {
        *counts.entry(event.name).or_default() += 1;
    }
    let wanted: BTreeMap<String, usize> =
        expected.events.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect();
    let statement = format!("{} received every event it takes, once", expected.platform);
    check(statement, equal("the list", &json!(counts), &json!(wanted)))
}

/// The purchase at one platform: its own click id, its own form of the hashes, the amount and the order.
fn purchase(expected: &Expected, evidence: &Evidence) -> Check {
    let statement =
        format!("{}'s purchase carries its own click, identity, amount and order", expected.platform);
    let Some(event) = purchase_at(expected, &evidence.records) else {
        return check(statement, vec![format!("there is no {}", expected.purchase)]);
    };
    let faults =
        expected.facts.iter().flat_map(|(pointer, fact)| wrong(&event, pointer, *fact, &evidence.receipt));
    check(statement, faults.collect())
}

fn wrong(event: &Delivered, pointer: &str, fact: Fact, receipt: &Receipt) -> Vec<String> {
    let found = event.at(pointer);
    // 178 and 178.0 are the same amount, and an address carries numbers as text.
    let number = found.as_f64().or_else(|| found.as_str()?.parse().ok());
    match fact {
        Fact::Number(wanted) if number == Some(wanted) => Vec::new(),
        Fact::Number(wanted) => equal(pointer, found, &json!(wanted)),
        Fact::Text(wanted) => equal(pointer, found, &json!(wanted)),
        Fact::Order => equal(pointer, found, &json!(receipt.order_id)),
        Fact::PurchaseId => equal(pointer, found, &json!(receipt.purchase_id)),
        Fact::Visitor => equal(pointer, found, &json!(receipt.visitor_id)),
        Fact::Fbc => click(found.as_str().unwrap_or_default()),
    }
}

/// `fb.1.{milliseconds}.{fbclid}`, the click id byte for byte.
fn click(fbc: &str) -> Vec<String> {
    let parts: Vec<&str> = fbc.splitn(4, '.').collect();
    let good = matches!(parts[..], ["fb", index, time, click]
        if index.parse::<u8>().is_ok() && time.len() == 13 && time.parse::<u64>().is_ok() && click == FBCLID);
    if good { Vec::new() } else { vec![format!("fbc is {fbc:?}, expected fb.1.<milliseconds>.{FBCLID}")] }
}

/// Meta takes all that was typed, so there every field is looked at.
fn typed_fields(evidence: &Evidence) -> Check {
    let purchase =
        delivered::at("meta", &evidence.records).into_iter().find(|event| event.name == "Purchase");
    let faults =
        purchase.map_or_else(|| vec!["Meta received no Purchase".to_owned()], |event| hashes(&event));
    check("every typed field arrives as the SHA-256 of its normal form", faults)
}

fn hashes(event: &Delivered) -> Vec<String> {
    let user = event.at("/user_data");
    TYPED.iter().flat_map(|typed| hash_of(&user[typed.meta], typed)).collect()
}

/// A field is a text or a list that holds the hash.
fn hash_of(found: &Value, typed: &journey::Typed) -> Vec<String> {
    let holds = match found {
        Value::Array(list) => list.iter().any(|value| value == typed.hash),
        other => other == typed.hash,
    };
    if holds { Vec::new() } else { vec![format!("{} is {found}, expected {}", typed.meta, typed.hash)] }
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

/// No raw personal data in what was written down and in what platforms got.
pub(super) fn nothing_written(places: &str, written: &[(String, Vec<u8>)], records: &[Recorded]) -> Check {
    let statement = format!("no raw personal data in {places}");
    let secrets = journey::secrets();
    let records = records.iter().map(|record| {
        let whole = record.to_json().to_string().into_bytes();
        (format!("request {} of the sandbox", record.request.number), whole)
    });
    let places: Vec<(String, Vec<u8>)> = written.iter().cloned().chain(records).collect();
    let mut faults: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| secrets.iter().filter_map(|secret| secret.sighting(bytes, place)))
        .map(|leak| format!("{} ({}) in {}", leak.field, leak.disguise, leak.place))
        .collect();
    if written.is_empty() {
        faults.push("the relay wrote nothing that could be looked at".to_owned());
    }
    check(statement, faults)
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
    fn a_fact_is_held_against_what_the_page_knew() {
        let receipt = Receipt { purchase_id: "p".into(), order_id: "o".into(), visitor_id: "v".into() };
        let event = json!({ "a": "o", "n": 178.0, "t": "178" });
        let event = Delivered { platform: "meta", name: String::new(), event_id: String::new(), event };
        let check = |pointer, fact, good| {
            let faults = wrong(&event, pointer, fact, &receipt);
            assert_eq!(faults.is_empty(), good, "{faults:?}");
        };
        check("/a", Fact::Order, true);
        check("/a", Fact::PurchaseId, false);
        check("/a", Fact::Text("O"), false);
        check("/n", Fact::Number(178.0), true);
        check("/t", Fact::Number(178.0), true);
        check("/t", Fact::Number(17.8), false);
        check("/missing", Fact::Number(0.0), false);
        check("/missing", Fact::Text(""), false);
    }

    #[test]
    fn a_click_is_compared_letter_by_letter() {
        let check = |fbc: &str, good: bool| assert_eq!(click(fbc).is_empty(), good, "{fbc}");
        check(&format!("fb.1.1795183509123.{FBCLID}"), true);
        check(&format!("fb.1.1795183509123.{}", FBCLID.to_lowercase()), false);
        check(&format!("fb.1.1795183509.{FBCLID}"), false);
        check("", false);
    }
}

//! What the tag's scripts must have in common with `shared`, which they cannot use.

use serde_json::Value;
use shared::consent::Consent;
use shared::identity::Field;
use shared::{Purpose, event_id, visitor};

#[test]
fn ids_follow_the_vectors_that_the_loader_is_tested_by() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("event_ids.json")).expect("the vectors are JSON");
    for vector in &vectors {
        let (name, order) =
            (vector["name"].as_str().expect("a name"), vector["order_id"].as_str().expect("text"));
        assert_eq!(event_id::derive(name, order).as_deref(), vector["id"].as_str(), "{vector}");
    }
    assert!(vectors.iter().any(|vector| vector["id"].is_null()));
}

#[test]
fn consent_follows_the_vectors_that_the_loader_is_tested_by() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("consent.json")).expect("the vectors are JSON");
    for vector in &vectors {
        let consent: Consent = serde_json::from_value(vector["answers"].clone()).expect("answers");
        let required = vector["required"].as_bool().expect("a truth value");
        let allowed = consent.allows(&[Purpose::AdStorage, Purpose::AdUserData], required);
        assert_eq!(vector["sends"].as_bool(), Some(allowed), "{vector}");
    }
    assert_eq!(vectors.len(), 2 * 3 * 3 * 3, "every answer to every purpose, asked for or not");
}

#[test]
fn the_scripts_name_fields_purposes_and_cookies_as_shared_does() {
    let fields = Field::ALL.map(Field::name).join(",");
    assert!(
        include_str!("../js/clean.js").contains(&format!("\"{fields}\".split")),
        "clean.js must list {fields}"
    );
    let tag = include_str!("../js/tag.js");
    let purposes = [Purpose::AdStorage, Purpose::AdUserData, Purpose::AdPersonalization];
    let purposes = purposes.map(|purpose| format!("\"{}\"", purpose.name())).join(", ");
    assert!(tag.contains(&format!("[{purposes}]")), "tag.js must list {purposes}");
    for name in [visitor::VISITOR_COOKIE, visitor::TOUCH_COOKIE, visitor::CLICK_TOKEN] {
        assert!(tag.contains(&format!("\"{name}\"")), "tag.js must name {name}");
    }
}

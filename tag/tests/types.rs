//! The TypeScript declarations against `shared`: every name is in both, and none is in one alone.

use std::collections::BTreeSet;

use shared::event::STANDARD_EVENTS;
use shared::identity::Field;
use shared::{Properties, Purpose};

const TYPES: &str = include_str!("../js/anytrack.d.ts");

/// The names declared between `start` and the line that ends the declaration.
fn declared(start: &str, end: &str) -> BTreeSet<String> {
    let (_, rest) = TYPES.split_once(start).expect("it is declared");
    let (body, _) = rest.split_once(end).expect("it ends");
    let name = |line: &str| {
        let line = line.trim().trim_start_matches(['|', ' ', '"']);
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let member = line[end..].starts_with(['?', ':', '"', '(']);
        member.then(|| line[..end].to_owned()).filter(|name| !name.is_empty())
    };
    body.lines().filter_map(name).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn standard_events_are_those_of_shared() {
    assert_eq!(declared("export type StandardEvent =", ";"), set(STANDARD_EVENTS));
}

#[test]
fn a_person_has_the_fields_of_shared() {
    assert_eq!(declared("export interface User {", "\n}"), set(Field::ALL.map(Field::name)));
}

#[test]
fn consent_has_the_purposes_of_shared() {
    let purposes = [Purpose::AdStorage, Purpose::AdUserData, Purpose::AdPersonalization];
    assert_eq!(declared("export interface Consent {", "\n}"), set(purposes.map(Purpose::name)));
}

#[test]
fn typed_properties_are_those_that_shared_reads() {
    let json = r#"{"value":1,"currency":"EUR","order_id":"1","search_term":"a","coupon":"b","tax":1,"shipping":1,
        "items":[{"id":"1","name":"a","brand":"b","category":"c","price":1,"quantity":1}]}"#;
    let read: Properties = serde_json::from_str(json).expect("readable");
    assert!(read.custom.is_empty(), "none of them is custom: {read:?}");
    let written = serde_json::to_value(&read).expect("writable");
    let names = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(declared("export interface Properties extends User {", "\n}"), names(&written));
    assert_eq!(declared("export interface Item {", "\n}"), names(&written["items"][0]));
}

#[test]
fn the_methods_are_those_the_stub_installs() {
    let stub = include_str!("../js/stub.js");
    let methods = declared("export interface AnyTrack {", "\n}");
    for method in &methods {
        let there = [format!("    {method}:"), format!("    {method},"), format!("\"{method}\"")];
        assert!(there.iter().any(|text| stub.contains(text)), "{method} is declared and not there");
    }
    // What the object has beside them is for the tag alone, in names of one letter.
    let (_, object) = stub.split_once("(window.anytrack = {\n").expect("the object");
    let (object, rest) = object.split_once("\n  });").expect("its end");
    let members =
        object.lines().map(|line| line.trim().trim_end_matches(',').split(':').next().unwrap_or_default());
    let (_, looped) = rest.split_once("of [").expect("the other methods");
    let (looped, _) = looped.split_once(']').expect("their end");
    let looped = looped.split(',').map(|name| name.trim().trim_matches('"'));
    let installed: BTreeSet<String> =
        members.chain(looped).filter(|name| name.len() > 1).map(str::to_owned).collect();
    assert_eq!(installed, methods);
}

//! A page made of plain fields, for the tests of the tag's rules.
//!
//! Shared by the test files of this folder; it holds what the tag stored and what it sent.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};
use tag::event::Call;
use tag::page::{Page, Slot};
use tag::tag::Tag;

/// What a test may look at and change while the tag has the page.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) cookies: String,
    pub(crate) kept: BTreeMap<&'static str, String>,
    pub(crate) storage_denied: bool,
    pub(crate) offline: bool,
    pub(crate) sent: Vec<Value>,
    pub(crate) bodies: usize,
}

#[derive(Clone, Default)]
pub(crate) struct FakePage(pub(crate) Rc<RefCell<State>>);

impl Page for FakePage {
    type Value = Value;

    fn cookies(&self) -> String {
        self.0.borrow().cookies.clone()
    }

    fn query(&self, url: &str) -> String {
        // The real page decodes; the tests write their addresses without escapes.
        let query = url.split_once('?').map_or("", |(_, query)| query);
        query.split('&').map(|pair| pair.replacen('=', "\n", 1)).collect::<Vec<_>>().join("\n")
    }

    fn recall(&self, slot: Slot) -> String {
        self.0.borrow().kept.get(slot.name()).cloned().unwrap_or_default()
    }

    fn keep(&self, slot: Slot, text: &str) -> bool {
        let mut state = self.0.borrow_mut();
        if state.storage_denied {
            return false;
        }
        if text.is_empty() {
            state.kept.remove(slot.name());
        } else {
            state.kept.insert(slot.name(), text.to_owned());
        }
        true
    }

    fn person(&self, person: &Value, field: &str) -> String {
        let values = match &person[field] {
            Value::String(text) => vec![text.clone()],
            Value::Array(list) => list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        values
            .iter()
            .map(|text| format!("{}\n{}", text.trim(), text.trim().to_lowercase()))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn join_user(&self, older: &str, newer: &str) -> String {
        let read = |text: &str| serde_json::from_str(text).unwrap_or(json!({}));
        let (mut user, newer): (Value, Value) = (read(older), read(newer));
        for (name, value) in newer.as_object().expect("user data is an object") {
            user[name] = value.clone();
        }
        user.to_string()
    }

    fn online(&self) -> bool {
        !self.0.borrow().offline
    }

    fn send(&self, events: &str) {
        let mut state = self.0.borrow_mut();
        state.bodies += 1;
        let events =
            events.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event is JSON"));
        state.sent.extend(events);
    }
}

pub(crate) const NOW: &str = "1795183509123";
pub(crate) const LANDING: &str =
    "https://shop.example/?fbclid=IwAR0a_B-c&gclid=Cj0KCQ&utm_source=news&utm_campaign=spring";
pub(crate) const FIRST_ID: &str = "019a9f5e-0000-7000-8000-000000000001";
pub(crate) const NEXT_ID: &str = "019a9f5e-0000-7000-8000-000000000002";

/// Starts the tag on a landing.
pub(crate) fn start(page: &FakePage, required: bool) -> Tag<FakePage> {
    Tag::start(page.clone(), LANDING, NOW, FIRST_ID, "GB", required)
}

/// A plain call.
pub(crate) fn call<'a>(name: &'a str, id: &'a str) -> Call<'a> {
    Call { name, id, time_ms: NOW, url: "https://shop.example/", properties: "{}", ..Call::default() }
}

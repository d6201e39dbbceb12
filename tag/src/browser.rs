//! The real page: the only Rust file that knows the browser.
//!
//! Owns [`Browser`], the [`Page`] of production, over the few functions of `js/host.js`, each of which gives a whole
//! answer to one call. Leaves every rule to the rest of the crate. Nothing here panics: what throws in JavaScript
//! is caught there.

use wasm_bindgen::prelude::*;

use crate::page::{Page, Slot};

/// The page this module was loaded into.
#[derive(Debug)]
pub struct Browser;

impl Page for Browser {
    type Value = JsValue;

    fn cookies(&self) -> String {
        host_cookies()
    }

    fn query(&self, url: &str) -> String {
        host_query(url)
    }

    fn recall(&self, slot: Slot) -> String {
        host_recall(slot.name())
    }

    fn keep(&self, slot: Slot, text: &str) -> bool {
        host_keep(slot.name(), text)
    }

    fn person(&self, person: &JsValue, field: &str) -> String {
        host_person(person, field)
    }

    fn join_user(&self, older: &str, newer: &str) -> String {
        host_join_user(older, newer)
    }

    fn online(&self) -> bool {
        host_online()
    }

    fn send(&self, events: &str) {
        host_send(events);
    }
}

#[wasm_bindgen(module = "/js/host.js")]
extern "C" {
    #[wasm_bindgen(js_name = cookies)]
    fn host_cookies() -> String;
    #[wasm_bindgen(js_name = query)]
    fn host_query(url: &str) -> String;
    #[wasm_bindgen(js_name = recall)]
    fn host_recall(name: &str) -> String;
    #[wasm_bindgen(js_name = keep)]
    fn host_keep(name: &str, text: &str) -> bool;
    #[wasm_bindgen(js_name = person)]
    fn host_person(person: &JsValue, field: &str) -> String;
    #[wasm_bindgen(js_name = joinUser)]
    fn host_join_user(older: &str, newer: &str) -> String;
    #[wasm_bindgen(js_name = online)]
    fn host_online() -> bool;
    #[wasm_bindgen(js_name = send)]
    fn host_send(events: &str);
}

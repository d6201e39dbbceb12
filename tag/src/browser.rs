//! The real page: the only Rust file that knows the browser.
//!
//! Owns [`Browser`], the [`Page`] of production, over web-sys, serde-wasm-bindgen and the few functions of
//! `js/host.js`, which do in one call what would take several imports each. Leaves every rule to the rest of the
//! crate. Nothing here panics: what throws in JavaScript is caught there or comes back as a `Result`.

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use shared::UserData;
use shared::identity::Field;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlDocument, Navigator};

use crate::event::WireEvent;
use crate::page::Page;

/// The page this module was loaded into.
#[derive(Debug)]
pub struct Browser;

impl Page for Browser {
    type Value = JsValue;

    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    fn random(&self) -> u32 {
        host_random()
    }

    fn url(&self) -> String {
        host_url()
    }

    fn referrer(&self) -> String {
        document().referrer()
    }

    fn title(&self) -> String {
        document().title()
    }

    fn cookies(&self) -> String {
        // Reading throws where the page is sandboxed.
        document().cookie().unwrap_or_default()
    }

    fn set_cookie(&self, text: &str) {
        // A refusal shows when the cookie is read back.
        let _ = document().set_cookie(text);
    }

    fn stored(&self, key: &str) -> Option<String> {
        host_stored(key)
    }

    fn store(&self, key: &str, text: Option<&str>) -> bool {
        host_store(key, text)
    }

    fn online(&self) -> bool {
        navigator().on_line()
    }

    fn send(&self, url: &str, body: &str, batch: u32) -> bool {
        host_send(url, body, batch)
    }

    fn take(&self, from: &JsValue, field: Field) -> Vec<(String, String)> {
        let text = host_take(from, field.name());
        let mut lines = text.split('\n');
        let mut values = Vec::new();
        while let (Some(exact), Some(lower)) = (lines.next(), lines.next()) {
            values.push((exact.to_owned(), lower.to_owned()));
        }
        values
    }

    fn write(&self, event: &WireEvent<'_>, properties: Option<&JsValue>, user: &str) -> String {
        host_write(&value(event), properties.unwrap_or(&JsValue::UNDEFINED), user)
    }

    fn join_user(&self, older: &str, newer: &UserData) -> String {
        host_join_user(older, &value(newer))
    }
}

/// A value of ours as one of the page's. Writing only fails on numbers and keys that our types do not have.
fn value<T: Serialize>(ours: &T) -> JsValue {
    ours.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::UNDEFINED)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: HtmlDocument;
    #[wasm_bindgen(thread_local_v2, js_name = navigator)]
    static NAVIGATOR: Navigator;
}

fn document() -> HtmlDocument {
    DOCUMENT.with(Clone::clone)
}

fn navigator() -> Navigator {
    NAVIGATOR.with(Clone::clone)
}

#[wasm_bindgen(module = "/js/host.js")]
extern "C" {
    #[wasm_bindgen(js_name = random)]
    fn host_random() -> u32;
    #[wasm_bindgen(js_name = url)]
    fn host_url() -> String;
    #[wasm_bindgen(js_name = stored)]
    fn host_stored(key: &str) -> Option<String>;
    #[wasm_bindgen(js_name = store)]
    fn host_store(key: &str, text: Option<&str>) -> bool;
    #[wasm_bindgen(js_name = send)]
    fn host_send(url: &str, body: &str, batch: u32) -> bool;
    #[wasm_bindgen(js_name = take)]
    fn host_take(from: &JsValue, field: &str) -> String;
    #[wasm_bindgen(js_name = write)]
    fn host_write(event: &JsValue, properties: &JsValue, user: &str) -> String;
    #[wasm_bindgen(js_name = joinUser)]
    fn host_join_user(older: &str, newer: &JsValue) -> String;
}

//! The browser tag: remembers how a visitor arrived, hashes personal data on the spot, and reports events.
//!
//! This file is the WebAssembly module's surface, called by `js/entry.js` and by nothing else. It owns the one
//! [`Tag`] of the page and keeps a call inside a call from breaking it. The rules are in the modules below, free
//! of the browser; `browser` is the only one that knows it. The page's own surface is `js/anytrack.d.ts`.

pub mod browser;
pub mod capture;
mod digits;
pub mod event;
pub mod memory;
pub mod page;
mod percent;
pub mod queue;
pub mod tag;
pub mod touches;

use std::cell::RefCell;

use browser::Browser;
use shared::UserData;
use tag::{Call, Settings, Tag};
use wasm_bindgen::prelude::*;

/// A page has one thread, and this allocator is a tenth of the standard one's size.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
#[expect(unsafe_code, reason = "the allocator asks its user to promise that there is one thread, as there is")]
// SAFETY: the module is built without threads (no `atomics` target feature, no shared memory).
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

thread_local! {
    static TAG: RefCell<Option<Tag<Browser>>> = const { RefCell::new(None) };
}

/// Runs `action` on the page's tag; `None` before the start and for a call from inside another call, which
/// `entry.js` does not make.
fn with<T>(action: impl FnOnce(&mut Tag<Browser>) -> T) -> Option<T> {
    TAG.with(|tag| tag.try_borrow_mut().ok()?.as_mut().map(action))
}

/// Starts the tag. `country` is the default for phone numbers and may be empty.
#[wasm_bindgen]
pub fn start(site: String, endpoint: String, country: String, consent_required: bool) {
    let country = Some(country).filter(|code| !code.is_empty());
    let settings = Settings { site, endpoint, country, consent_required };
    TAG.with(|tag| tag.replace(Some(Tag::start(Browser, settings))));
}

/// Records an event. `properties` are clean; `raw` are the same as the page gave them, and `user` is the page's
/// `options.user`: both are read for personal data only.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "a struct across the boundary costs a class in the glue")]
pub fn track(
    name: String,
    id: String,
    order_id: String,
    time_ms: f64,
    url: String,
    properties: JsValue,
    raw: &JsValue,
    user: &JsValue,
) {
    with(|tag| {
        let mut data = UserData::default();
        tag.hash(user, &mut data);
        tag.hash(raw, &mut data);
        let properties = Some(properties);
        tag.track(Call { name, id, order_id, time_ms: time_ms as u64, url, properties, user: data });
    });
}

/// Hashes and remembers who the visitor is.
#[wasm_bindgen]
pub fn identify(person: &JsValue) {
    with(|tag| tag.identify(person));
}

/// Records the visitor's answers; see [`Tag::consent`] for the letters.
#[wasm_bindgen]
pub fn consent(letters: &str) {
    with(|tag| tag.consent(letters));
}

/// The visitor id, or an empty text.
#[wasm_bindgen]
pub fn visitor() -> String {
    with(|tag| tag.visitor_id()).unwrap_or_default()
}

/// The click token, or an empty text.
#[wasm_bindgen]
pub fn click() -> String {
    with(Tag::click_id).unwrap_or_default()
}

/// Forgets the visitor.
#[wasm_bindgen]
pub fn reset() {
    with(Tag::reset);
}

/// Sends what waits.
#[wasm_bindgen]
pub fn flush() {
    with(Tag::flush);
}

/// Reports the outcome of a batch that [`page::Page::send`] left open.
#[wasm_bindgen]
pub fn settle(batch: u32, sent: bool) {
    with(|tag| tag.settle(batch, sent));
}

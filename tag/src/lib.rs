//! The browser tag: remembers how a visitor arrived, hashes personal data on the spot, and reports events.
//!
//! This file is the WebAssembly module's surface, called by `js/entry.js` and by nothing else. It owns the one
//! [`Tag`] of the page. The rules are in the modules below, free of the browser; `browser` is the only one that knows
//! it. The page's own surface is `js/anytrack.d.ts`.

pub mod browser;
pub mod capture;
pub mod event;
pub mod page;
pub mod person;
pub mod queue;
pub mod tag;
mod text;
pub mod touches;

use std::cell::RefCell;

use browser::Browser;
use event::Call;
use tag::Tag;
use wasm_bindgen::prelude::*;

/// A page has one thread, and this allocator is a fraction of the standard one's size.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
#[expect(
    unsafe_code,
    reason = "the allocator asks its user to promise that there is one thread, as there is"
)]
// SAFETY: the module is built without threads (no `atomics` target feature, no shared memory).
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

thread_local! {
    static TAG: RefCell<Option<Tag<Browser>>> = const { RefCell::new(None) };
}

/// Runs `action` on the page's tag; gives the default before the start and for a call from inside another call,
/// which `entry.js` does not make.
fn with<T: Default>(action: impl FnOnce(&mut Tag<Browser>) -> T) -> T {
    TAG.with(|cell| match cell.try_borrow_mut().as_deref_mut() {
        Ok(Some(tag)) => action(tag),
        Ok(None) | Err(_) => T::default(),
    })
}

/// Starts the tag; see [`Tag::start`].
#[wasm_bindgen]
pub fn start(url: &str, now_ms: &str, spare: &str, country: &str, required: bool) {
    let tag = Tag::start(Browser, url, now_ms, spare, country, required);
    TAG.with(|cell| cell.replace(Some(tag)));
}

/// Records an event; see [`Tag::track`]. `raw` are the properties as the page gave them, `user` is its `options.user`.
/// `texts` are the texts of [`Call`] in the order of its fields, a line each.
#[wasm_bindgen]
pub fn track(texts: &str, raw: &JsValue, user: &JsValue) -> bool {
    let mut lines = text::Lines(texts);
    let mut next = || lines.next().unwrap_or("");
    let call = Call {
        name: next(),
        id: next(),
        order_id: next(),
        time_ms: next(),
        url: next(),
        referrer: next(),
        title: next(),
        properties: next(),
    };
    with(|tag| tag.track(&call, &[raw, user]))
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
    with(|tag| tag.visitor_id().to_owned())
}

/// The click token, or an empty text; `spare` becomes it when there is none.
#[wasm_bindgen]
pub fn click(spare: &str) -> String {
    with(|tag| tag.click_id(spare))
}

/// Forgets the visitor; `spare` is the next one's id.
#[wasm_bindgen]
pub fn reset(spare: &str) {
    with(|tag| tag.reset(spare));
}

/// Sends what waits.
#[wasm_bindgen]
pub fn flush() {
    with(Tag::flush);
}

/// Takes back events that could not be sent.
#[wasm_bindgen]
pub fn back(events: &str) {
    with(|tag| tag.put_back(events));
}

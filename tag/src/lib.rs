//! The browser tag's rules: what a landing tells, how long it is remembered, and a person as hashes.
//!
//! This file is the WebAssembly module's surface: three questions, each answered from its arguments alone. Nothing
//! stays here between two calls, so the page's script (`js/`) owns what is remembered, consent, events and sending;
//! there each of these takes a quarter of the bytes. What must be the same in the relay (the registry of click ids,
//! every platform's normal forms, the hash) is here, out of `shared`. The page's own surface is `js/anytrack.d.ts`.
//!
//! # What can be lost, and when
//!
//! - A beacon the browser took counts as sent, because it tells no more: one that then finds the relay down is lost.
//!   Only what the browser refuses to take goes by `fetch`, and comes back to the queue when that fails.
//! - While the browser knows that it is offline, the newest 100 events wait in local storage for the network or the
//!   next page. Where storage is denied they wait in memory and are lost with the page.
//! - Calls that wait for a required consent are in memory only, the newest 100, and are lost with the page.
//! - Before the module has loaded, calls wait in the snippet's queue, the newest 300, and are lost with the page.
//! - Where WebAssembly is blocked, events go without user data and without clicks that this page would have to read.
//! - Where the relay's host is blocked (`connect-src`, a content blocker), everything is lost, and the page is not told.
//!
//! A retry keeps its event id, so nothing that arrives twice counts twice.

pub mod capture;
#[cfg(target_arch = "wasm32")]
mod memory;
pub mod person;
mod text;
pub mod touches;

use shared::identity::Field;
use wasm_bindgen::prelude::*;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: memory::Stack = memory::Stack::new();

/// What earlier landings left, with what this one brings; see [`touches::absorb`]. `landing` are the parameters of its
/// address in the form of touches.
#[wasm_bindgen]
pub fn absorb(known: &str, landing: &str, now_ms: f64) -> String {
    touches::absorb(known, &capture::landing(landing), now_ms)
}

/// Those of the cookies (name and value by turns, a line each) that ad platforms set; see [`capture::ad_cookies`].
#[wasm_bindgen]
pub fn sift(all: &str) -> String {
    capture::ad_cookies(all)
}

/// One value of the field with this number; see [`person::value`]. `texts` are the value composed and trimmed, the
/// same in lower case, and the country, a line each.
#[wasm_bindgen]
pub fn hash(field: usize, texts: &str) -> String {
    let (exact, rest) = text::cut(texts, b'\n');
    let (lower, country) = text::cut(rest, b'\n');
    Field::ALL.get(field).map_or(String::new(), |field| person::value(*field, exact, lower, country))
}

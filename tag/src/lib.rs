//! The browser tag's rules: what a landing tells, how long it is remembered, and a person as hashes.
//!
//! This file is the surface of the WebAssembly module. Three questions in all, each answered from its arguments alone. Nothing
//! stays here between two calls, so the page's script (`js/`) owns what is remembered, consent, events and sending;
//! there each of these takes a quarter of the bytes. What must be the same in the relay (the registry of click ids,
//! every platform's normal forms, the hash) is here, out of `shared`. The page's own surface is `js/anytrack.d.ts`.
//!
//! # What can be lost, and when
//!
//! - An event waits in storage until the relay has answered, and is sent again when that fails: after growing pauses, with
//!   the next event, by the next page. What leaves in a page's last moment goes as a beacon, which tells nothing, so the next
//!   page sends it once more, under the same id. Lost is what waits in a browser that never comes back.
//! - The newest 100 events wait so, also while the browser knows that it is offline. Older ones make room; how many is told
//!   to the relay, which counts them. Where storage is denied they wait in memory and are lost with the page.
//! - Calls that wait for a required consent are in memory only, the newest 100, and are lost with the page.
//! - Before the module has loaded, calls wait in the snippet's queue, the newest 300, and are lost with the page.
//! - Where WebAssembly is blocked, `js/plain.js` answers in the place of this module: of a person it hashes only e-mail
//!   addresses and international phone numbers of the usual shape, and those only where the browser offers to hash.
//! - Where the relay's host is blocked (`connect-src`, a content blocker), everything is lost, and the page is not told.
//!
//! A retry keeps its event id, so nothing that arrives twice counts twice.

pub mod capture;
mod desk;
pub mod person;
pub mod text;
pub mod touches;

use wasm_bindgen::prelude::*;

/// Where the page lays a question, UTF-8 from here on. The others are given its length and give the answer's.
#[wasm_bindgen]
pub fn question() -> *const u8 {
    desk::question()
}

/// What earlier landings left, with what this one brings; see [`touches::absorb`]. The question is what is known, a
/// touch without a name, and the parameters of the address in the form of touches.
#[wasm_bindgen]
pub fn absorb(length: usize, now_ms: f64) -> usize {
    desk::ask(length, now_ms, |mut question, now_ms, answer, room| {
        let known = touches::known_of(&mut question);
        let mut landing = text::Answer::new(room);
        capture::landing(question, &mut landing);
        touches::absorb(known, landing.text(), now_ms, answer);
    })
}

/// Those of the cookies in question that ad platforms set; see [`capture::ad_cookies`].
#[wasm_bindgen]
pub fn sift(length: usize) -> usize {
    desk::ask(length, 0.0, |question, _, answer, _| capture::ad_cookies(question, answer))
}

/// One value of the field with this number; see [`person::value`]. The question is the three lines of a
/// [`Text`](shared::identity::Text).
#[wasm_bindgen]
pub fn hash(length: usize, field: f64) -> usize {
    use shared::identity::{Field, Room, Text};

    desk::ask(length, field, |question, field, answer, room| {
        let mut lines = text::Lines(question);
        let mut next = || lines.next().unwrap_or_default();
        let text = Text { exact: next(), lower: next(), country: next() };
        if let Some(field) = Field::ALL.get(field as usize) {
            person::value(*field, text, Room::new(room), answer);
        }
    })
}

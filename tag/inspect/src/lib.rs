//! The debug overlay: what the tag saw, kept and sent on this page, and what to do about it.
//!
//! A module of its own, loaded only with `?anytrack_debug=1`. `js/parts/debug.js` watches the tag and tells this
//! module what it sees; here each event is read into the same [`shared::Event`] as in the relay and judged by the same
//! rules, so what the overlay says is what the relay will say. Owns the surface; the rest is in rooms: `read` takes
//! foreign values in, `seen` remembers, `advice` judges, `view` draws. Nothing here leaves the page.

pub mod advice;
mod read;
pub mod seen;
mod view;

use serde::Deserialize;
use shared::Consent;
use shared::wire::Receipt;
use wasm_bindgen::prelude::*;

use advice::Message;
use seen::{Seen, State};
use view::View;

/// What the page's script element says of the site, and what an earlier page left.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Site {
    /// The site's key.
    pub key: String,
    /// Whether no site at the relay has this key.
    #[serde(default)]
    pub unknown: bool,
    /// Whether nothing may be stored or sent before consent.
    pub required: bool,
    /// The answers so far.
    #[serde(default)]
    pub consent: Consent,
    /// The visitor's id, where there is one.
    #[serde(default)]
    pub visitor: Option<String>,
}

/// The overlay of one page.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Overlay {
    seen: Seen,
    view: View,
}

#[wasm_bindgen]
impl Overlay {
    /// Puts the overlay on the page.
    ///
    /// # Errors
    /// Where the page has no place for it, or `site` is not a [`Site`].
    #[wasm_bindgen(constructor)]
    pub fn new(site: JsValue) -> Result<Self, JsValue> {
        let site: Site = serde_wasm_bindgen::from_value(site)?;
        let trouble = advice::of_site(site.unknown);
        let view = View::on_page(&site.key, trouble.as_ref())?;
        if let Some(message) = &trouble {
            print("AnyTrack: ", message);
        }
        let mut overlay = Self { view, seen: Seen::new(site) };
        overlay.about_the_site()?;
        Ok(overlay)
    }

    /// The page called `track`.
    ///
    /// # Errors
    /// Where the page cannot be drawn on, as in everything below.
    pub fn tracked(
        &mut self,
        time_ms: f64,
        event_id: &str,
        name: &str,
        properties: &JsValue,
        person: &JsValue,
    ) -> Result<(), JsValue> {
        let given = read::given(properties, person);
        self.seen.tracked(event_id, name, time_ms, given);
        self.about(event_id)
    }

    /// The page called `identify`.
    ///
    /// # Errors
    /// See [`Self::tracked`].
    pub fn identified(&mut self, person: &JsValue) -> Result<(), JsValue> {
        self.seen.identified(read::given(&JsValue::UNDEFINED, person));
        self.about_the_site()
    }

    /// The page called `consent`.
    ///
    /// # Errors
    /// See [`Self::tracked`].
    pub fn consented(&mut self, answers: JsValue) -> Result<(), JsValue> {
        if let Ok(answers) = serde_wasm_bindgen::from_value(answers) {
            self.seen.consented(answers);
        }
        self.about_the_site()
    }

    /// The tag took an event in, handed it to the browser, or heard that the relay will not have it.
    ///
    /// # Errors
    /// See [`Self::tracked`].
    pub fn told(&mut self, event_id: &str, name: &str, state: &str) -> Result<(), JsValue> {
        let state = match state {
            "sent" => State::Sent,
            "rejected" => State::Refused,
            _ => State::Waiting,
        };
        self.seen.moved(event_id, name, state);
        self.about(event_id)
    }

    /// An event left the page, in these words.
    ///
    /// # Errors
    /// See [`Self::tracked`].
    pub fn left(&mut self, event_id: &str, event: JsValue) -> Result<(), JsValue> {
        self.seen.left(event_id, read::event(event));
        self.about(event_id)?;
        self.about_the_site()
    }

    /// The relay answered for these events, with an HTTP status (0 for none) and what it wrote.
    ///
    /// # Errors
    /// See [`Self::tracked`].
    pub fn answered(&mut self, ids: Vec<String>, status: u16, receipt: JsValue) -> Result<(), JsValue> {
        let receipt: Option<Receipt> = serde_wasm_bindgen::from_value(receipt).ok();
        self.seen.answered(&ids, status, receipt.as_ref());
        ids.iter().try_for_each(|id| self.about(id))
    }

    /// What the visitor is called now.
    ///
    /// # Errors
    /// See [`Self::tracked`].
    pub fn visitor(&mut self, visitor: Option<String>) -> Result<(), JsValue> {
        self.seen.site.visitor = visitor;
        self.about_the_site()
    }
}

impl Overlay {
    fn about(&mut self, event_id: &str) -> Result<(), JsValue> {
        let Some(entry) = self.seen.entry_mut(event_id) else { return Ok(()) };
        entry.say(|message| print(&entry_label(event_id), message));
        self.view.entry(entry)?;
        self.view.count(&self.seen)
    }

    fn about_the_site(&mut self) -> Result<(), JsValue> {
        self.view.site(&self.seen)?;
        self.view.count(&self.seen)
    }
}

fn entry_label(event_id: &str) -> String {
    format!("AnyTrack, event {event_id}: ")
}

/// To the console as well: there a developer looks first.
fn print(label: &str, message: &Message) {
    let text = JsValue::from(format!("{label}{}", message.text));
    match message.level {
        advice::Level::Refused => web_sys::console::error_1(&text),
        advice::Level::Advice => web_sys::console::warn_1(&text),
        advice::Level::Note => web_sys::console::info_1(&text),
    }
}

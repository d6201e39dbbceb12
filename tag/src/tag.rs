//! The tag itself: one visitor, one page, from landing to the last event.
//!
//! Owns the order of things: consent before storage, storage before sending. What each step means is in `capture`,
//! `touches`, `person`, `event` and `queue`; the browser is behind [`Page`].
//!
//! The tag is in one of three states. *Allowed*: it remembers and sends. *Waiting* (the site declared that consent is
//! required and none has come): it stores nothing, sends nothing, and calls wait in memory. *Denied*: it has deleted
//! what it kept but for the answer itself, holds nothing and sends nothing.

use shared::consent::Signal;
use shared::visitor::CLICK_TOKEN;
use shared::{Consent, Purpose, event_id};

use crate::event::{self, Call};
use crate::page::{Page, Slot};
use crate::text::{Lines, put};
use crate::touches::{self, Touch};
use crate::{capture, person, queue};

/// The tag on one page.
#[derive(Debug)]
pub struct Tag<P: Page> {
    page: P,
    country: String,
    required: bool,
    consent: Consent,
    /// The visitor id to use when none is remembered.
    spare: String,
    /// Empty while nothing may be remembered.
    visitor: String,
    touches: String,
    /// Touches of this landing, for as long as nothing may be remembered.
    landing: String,
    now_ms: String,
    /// Hashed user data as JSON; empty when nothing is known.
    user: String,
    /// Events without their visitor half, a line each.
    calls: String,
    /// Whole events, a line each.
    events: String,
}

/// What both storing and sending need.
const NEEDED: [Purpose; 2] = [Purpose::AdStorage, Purpose::AdUserData];

impl<P: Page> Tag<P> {
    /// Starts on a page. `url` is the landing's address, `spare` a fresh UUIDv7 for a new visitor, `country` the ISO
    /// 3166-1 alpha-2 code for phone numbers without country code (may be empty), and `required` says that nothing
    /// may be stored or sent before consent is given.
    pub fn start(page: P, url: &str, now_ms: &str, spare: &str, country: &str, required: bool) -> Self {
        let landing = capture::landing(&page.query(url), now_ms);
        let consent = answers(&page.recall(Slot::Consent));
        let mut tag = Self {
            page,
            country: country.to_owned(),
            required,
            consent,
            spare: spare.to_owned(),
            visitor: String::new(),
            touches: String::new(),
            landing,
            now_ms: now_ms.to_owned(),
            user: String::new(),
            calls: String::new(),
            events: String::new(),
        };
        tag.follow_consent();
        tag
    }

    /// Records an event. `people` are the places that may hold personal data of this one call: the properties as the
    /// page gave them and its `options.user`. Answers whether the event waits to be sent.
    pub fn track(&mut self, call: &Call<'_>, people: &[&P::Value]) -> bool {
        if self.denied() || call.name.is_empty() {
            return false;
        }
        let mut user = self.user.clone();
        for value in people {
            let newer = person::hashed(&self.page, value, &self.country);
            if !newer.is_empty() {
                user = self.page.join_user(&user, &newer);
            }
        }
        put(&mut self.calls, &[&event::call(call, &user), "\n"]);
        queue::bound(&mut self.calls);
        true
    }

    /// Hashes and remembers who the visitor is. The raw values are gone when this returns.
    pub fn identify(&mut self, value: &P::Value) {
        let newer = person::hashed(&self.page, value, &self.country);
        if self.denied() || newer.is_empty() {
            return;
        }
        self.user = self.page.join_user(&self.user, &newer);
        if self.allowed() {
            self.page.keep(Slot::User, &self.user);
        }
    }

    /// Records the visitor's answers, a letter for each purpose in the order of [`Consent`]: `g`ranted, `d`enied,
    /// anything else for no answer. An answer stands until another one comes.
    pub fn consent(&mut self, letters: &str) {
        let new = answers(letters);
        self.consent = Consent {
            ad_storage: new.ad_storage.or(self.consent.ad_storage),
            ad_user_data: new.ad_user_data.or(self.consent.ad_user_data),
            ad_personalization: new.ad_personalization.or(self.consent.ad_personalization),
        };
        self.follow_consent();
        if self.allowed() && self.consent.ad_storage == Some(Signal::Granted) {
            self.page.keep(Slot::Consent, &letters_of(&self.consent));
        }
    }

    /// The visitor id; empty while nothing may be remembered.
    pub fn visitor_id(&self) -> &str {
        &self.visitor
    }

    /// The click token of this visitor, which is `spare` when there is none; empty while nothing may be remembered.
    pub fn click_id(&mut self, spare: &str) -> String {
        if !self.allowed() {
            return String::new();
        }
        if let Some(token) = touches::read(&self.touches).find(|touch| touch.name == CLICK_TOKEN) {
            return token.value.to_owned();
        }
        let mut touch = String::new();
        touches::write(&mut touch, &Touch { name: CLICK_TOKEN, seen_ms: &self.now_ms, value: spare });
        self.touches = touches::absorb(&self.touches, &touch, &self.now_ms);
        self.page.keep(Slot::Touches, &self.touches);
        spare.to_owned()
    }

    /// Forgets the visitor, the user and the touches, and begins with a new visitor, whose id is `spare`.
    pub fn reset(&mut self, spare: &str) {
        self.forget();
        self.landing.clear();
        self.spare = spare.to_owned();
        self.follow_consent();
    }

    /// Sends what waits, here and in storage; keeps it while there is no network.
    pub fn flush(&mut self) {
        if !self.allowed() {
            return;
        }
        if !self.calls.is_empty() {
            let cookies = self.page.cookies();
            let visitor = event::visitor(&self.visitor, &self.touches, &cookies, &self.consent);
            for call in Lines(&std::mem::take(&mut self.calls)) {
                put(&mut self.events, &[call, &visitor, "\n"]);
            }
        }
        let online = self.page.online();
        if !online && self.events.is_empty() {
            return;
        }
        let mut events = self.page.recall(Slot::Queue);
        if !events.is_empty() {
            self.page.keep(Slot::Queue, "");
        }
        events.push_str(&std::mem::take(&mut self.events));
        queue::bound(&mut events);
        if !online {
            return self.put_back(&events);
        }
        while !events.is_empty() {
            self.page.send(&queue::next(&mut events));
        }
    }

    /// Takes back events that could not be sent. They wait in storage, where the next flush or the next page finds
    /// them, or in memory where there is no storage.
    pub fn put_back(&mut self, events: &str) {
        if !self.allowed() {
            return;
        }
        // Other tabs may have put theirs there meanwhile.
        let mut waiting = self.page.recall(Slot::Queue);
        waiting.push_str(events);
        queue::bound(&mut waiting);
        if !self.page.keep(Slot::Queue, &waiting) {
            self.events.push_str(events);
            queue::bound(&mut self.events);
        }
    }

    fn allowed(&self) -> bool {
        !self.visitor.is_empty()
    }

    fn denied(&self) -> bool {
        !self.consent.allows(&NEEDED, false)
    }

    /// Moves to the state the answers ask for.
    fn follow_consent(&mut self) {
        if self.denied() {
            self.forget();
            // The one thing kept: without it the next page would ask nobody and begin again.
            self.page.keep(Slot::Consent, &letters_of(&self.consent));
        } else if !self.allowed() && self.consent.allows(&NEEDED, self.required) {
            self.remember();
        }
    }

    /// Picks up what earlier pages kept and adds this landing to it.
    fn remember(&mut self) {
        self.visitor = self.page.recall(Slot::Visitor);
        if !event_id::valid_token(&self.visitor) {
            self.visitor.clone_from(&self.spare);
            self.page.keep(Slot::Visitor, &self.visitor);
        }
        let before = self.page.recall(Slot::Touches);
        self.touches = touches::absorb(&before, &self.landing, &self.now_ms);
        // Rewriting needlessly would shorten a cookie's life where browsers distrust scripts.
        if self.touches != before {
            self.page.keep(Slot::Touches, &self.touches);
        }
        let known = self.page.recall(Slot::User);
        if self.user.is_empty() {
            self.user = known;
        } else {
            self.user = self.page.join_user(&known, &self.user);
            self.page.keep(Slot::User, &self.user);
        }
    }

    fn forget(&mut self) {
        for slot in Slot::ALL {
            self.page.keep(slot, "");
        }
        for text in [&mut self.visitor, &mut self.touches, &mut self.user, &mut self.calls, &mut self.events]
        {
            text.clear();
        }
    }
}

fn answers(letters: &str) -> Consent {
    let signal = |index: usize| match letters.as_bytes().get(index) {
        Some(b'g') => Some(Signal::Granted),
        Some(b'd') => Some(Signal::Denied),
        Some(_) | None => None,
    };
    Consent { ad_storage: signal(0), ad_user_data: signal(1), ad_personalization: signal(2) }
}

fn letters_of(consent: &Consent) -> String {
    let mut letters = String::new();
    for signal in [consent.ad_storage, consent.ad_user_data, consent.ad_personalization] {
        letters.push_str(match signal {
            Some(Signal::Granted) => "g",
            Some(Signal::Denied) => "d",
            None => "-",
        });
    }
    letters
}

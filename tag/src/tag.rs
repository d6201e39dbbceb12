//! The tag itself: one visitor, one page, from landing to the last event.
//!
//! Owns the order of things: consent before storage, storage before events, events before sending. What each step
//! means is in `capture`, `touches`, `memory`, `event` and `queue`; the browser is behind [`Page`].
//!
//! The tag is in one of three states. *Allowed*: it remembers and sends. *Waiting* (the site declared that consent
//! is required and none has come): it remembers nothing, sends nothing and holds calls in memory. *Denied*: it has
//! deleted what it kept, holds nothing and sends nothing.

use shared::identity::{Field, Raw, normalise};
use shared::visitor::CLICK_TOKEN;
use shared::{Consent, Page as PageData, Purpose, Signal, UserData, event_id, limits, scrub};

use crate::event::{self, Named, WireEvent};
use crate::memory::{self, Slot};
use crate::page::Page;
use crate::queue::{self, Queue};
use crate::touches::{Touch, Touches};
use crate::capture;

/// How a site set the tag up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The site's key in the relay's configuration.
    pub site: String,
    /// Where events go.
    pub endpoint: String,
    /// ISO 3166-1 alpha-2 code of the country whose phone numbers come without a country code.
    pub country: Option<String>,
    /// Whether nothing may be stored or sent before consent is given.
    pub consent_required: bool,
}

/// A call of `track` with what belongs to its moment.
#[derive(Debug)]
pub struct Call<V> {
    /// The event's name.
    pub name: String,
    /// The id the page was given for it; empty when it was given none.
    pub id: String,
    /// The order it belongs to; empty when there is none.
    pub order_id: String,
    /// When it was called, in Unix milliseconds.
    pub time_ms: u64,
    /// The page's address then.
    pub url: String,
    /// Properties without personal data, as a value of the page's own.
    pub properties: Option<V>,
    /// Hashed user data of this one call.
    pub user: UserData,
}

/// The tag on one page.
#[derive(Debug)]
pub struct Tag<P: Page> {
    page: P,
    settings: Settings,
    consent: Consent,
    /// Set while the tag is allowed to remember.
    visitor: Option<String>,
    touches: Touches,
    /// Hashed user data as JSON; empty when nothing is known.
    user: String,
    landing: (String, u64),
    held: Vec<Call<P::Value>>,
    queue: Queue,
}

/// What both storing and sending need.
const NEEDED: [Purpose; 2] = [Purpose::AdStorage, Purpose::AdUserData];

impl<P: Page> Tag<P> {
    /// Starts on a page. `url` is the landing's address.
    pub fn start(page: P, settings: Settings) -> Self {
        let landing = (page.url(), page.now_ms());
        let consent = memory::recall(&page, Slot::Consent).map_or(Consent::default(), |text| answers(&text));
        let mut tag = Self {
            page,
            settings,
            consent,
            visitor: None,
            touches: Touches::default(),
            user: String::new(),
            landing,
            held: Vec::new(),
            queue: Queue::default(),
        };
        tag.follow_consent();
        tag
    }

    /// Records an event, or holds it until consent comes.
    pub fn track(&mut self, call: Call<P::Value>) {
        if self.denied() || call.name.is_empty() {
            return;
        }
        if self.visitor.is_some() {
            self.record(call);
            return;
        }
        self.held.push(call);
        if self.held.len() > queue::MOST_EVENTS {
            self.held.remove(0);
        }
    }

    /// Hashes the personal data in `person`, without remembering it.
    pub fn hash(&self, person: &P::Value, into: &mut UserData) {
        // Last to first, because the country decides how phone number, region and postal code read.
        let mut country = self.settings.country.clone();
        for field in Field::ALL.into_iter().rev() {
            for (exact, lower) in self.page.take(person, field) {
                if exact.len() > limits::IDENTITY {
                    continue;
                }
                let raw = Raw::prepared(&exact, &lower);
                if field == Field::Country {
                    country = normalise(field, field.base(), &raw, None).or(country);
                }
                into.add_raw(field, &raw, country.as_deref());
                into.clear.add_raw(field, &raw);
            }
        }
    }

    /// Remembers who the visitor is, as hashes.
    pub fn identify(&mut self, person: &P::Value) {
        let mut data = UserData::default();
        self.hash(person, &mut data);
        if self.denied() || data.is_empty() {
            return;
        }
        self.user = self.page.join_user(&self.user, &data);
        if self.visitor.is_some() {
            memory::keep(&self.page, Slot::User, &self.user);
        }
    }

    /// Records the visitor's answers, three letters for the purposes in the order of [`Consent`]: `g`ranted,
    /// `d`enied, anything else for no answer. An answer stands until another one comes.
    pub fn consent(&mut self, letters: &str) {
        let answers = answers(letters);
        self.consent = Consent {
            ad_storage: answers.ad_storage.or(self.consent.ad_storage),
            ad_user_data: answers.ad_user_data.or(self.consent.ad_user_data),
            ad_personalization: answers.ad_personalization.or(self.consent.ad_personalization),
        };
        self.follow_consent();
        if self.visitor.is_some() && self.consent.ad_storage == Some(Signal::Granted) {
            memory::keep(&self.page, Slot::Consent, &letters_of(&self.consent));
        }
    }

    /// The visitor id; empty while nothing may be remembered.
    pub fn visitor_id(&self) -> String {
        self.visitor.clone().unwrap_or_default()
    }

    /// The click token of this visitor, minted when there is none; empty while nothing may be remembered.
    pub fn click_id(&mut self) -> String {
        if self.visitor.is_none() {
            return String::new();
        }
        if let Some(token) = self.touches.value(CLICK_TOKEN) {
            return token.to_owned();
        }
        let token = self.mint_token();
        let seen_ms = self.page.now_ms();
        let touch = Touch { name: CLICK_TOKEN.to_owned(), value: token.clone(), seen_ms };
        self.touches.absorb(vec![touch]);
        memory::keep(&self.page, Slot::Touches, &self.touches.write());
        token
    }

    /// Forgets the visitor, the user and the touches, and begins with a new visitor.
    pub fn reset(&mut self) {
        let consent = self.consent;
        self.forget();
        self.landing.0.clear();
        self.consent = consent;
        self.follow_consent();
    }

    /// Sends what waits, here and in storage; keeps it while there is no network.
    pub fn flush(&mut self) {
        if self.visitor.is_none() {
            return;
        }
        if let Some(text) = self.page.stored(Slot::Queue.name()) {
            self.page.store(Slot::Queue.name(), None);
            self.queue.put_first(queue::read(&text));
        }
        if !self.page.online() {
            return self.park();
        }
        while let Some(batch) = self.queue.next(&self.settings.site, self.page.now_ms()) {
            if self.page.send(&self.settings.endpoint, &batch.body, batch.number) {
                self.queue.settle(batch.number, true);
            }
        }
    }

    /// Takes note of a batch's outcome; what failed waits for the next flush.
    pub fn settle(&mut self, batch: u32, sent: bool) {
        self.queue.settle(batch, sent);
        self.park();
    }

    /// Keeps waiting events in storage, where the next page finds them; else they stay in memory.
    fn park(&mut self) {
        if self.visitor.is_none() || self.queue.is_empty() {
            return;
        }
        // Another tab may have parked its own there meanwhile.
        if let Some(text) = self.page.stored(Slot::Queue.name()) {
            self.queue.put_first(queue::read(&text));
        }
        if self.page.store(Slot::Queue.name(), Some(&self.queue.write())) {
            self.queue.drop_waiting();
        }
    }

    fn denied(&self) -> bool {
        !self.consent.allows(&NEEDED, false)
    }

    /// Moves to the state the answers ask for.
    fn follow_consent(&mut self) {
        if self.denied() {
            return self.forget();
        }
        if self.visitor.is_some() || !self.consent.allows(&NEEDED, self.settings.consent_required) {
            return;
        }
        self.remember();
        for call in std::mem::take(&mut self.held) {
            self.record(call);
        }
    }

    /// Picks up what earlier pages kept and adds this landing to it.
    fn remember(&mut self) {
        let page = &self.page;
        let now_ms = page.now_ms();
        let known = memory::recall(page, Slot::Visitor).filter(|id| event_id::valid(id, limits::ID));
        let visitor = known.unwrap_or_else(|| {
            let minted = mint(page, now_ms);
            memory::keep(page, Slot::Visitor, &minted);
            minted
        });
        let before = memory::recall(page, Slot::Touches).unwrap_or_default();
        self.touches = Touches::read(&before, now_ms);
        self.touches.absorb(capture::landing(&self.landing.0, self.landing.1));
        let after = self.touches.write();
        // Rewriting needlessly would shorten a cookie's life where browsers distrust scripts.
        if after != before && !self.touches.is_empty() {
            memory::keep(page, Slot::Touches, &after);
        }
        let user = memory::recall(page, Slot::User).unwrap_or_default();
        self.user = if self.user.is_empty() { user } else { std::mem::take(&mut self.user) };
        self.visitor = Some(visitor);
    }

    fn forget(&mut self) {
        for slot in Slot::ALL {
            memory::forget(&self.page, slot);
        }
        self.visitor = None;
        self.touches = Touches::default();
        self.user.clear();
        self.held.clear();
        self.queue.clear();
    }

    fn record(&mut self, call: Call<P::Value>) {
        let page = &self.page;
        let id = event::id(&call.id, &call.name, &call.order_id, || mint(page, call.time_ms));
        let cookies = page.cookies();
        let event = WireEvent {
            event: &call.name,
            event_id: &id,
            time: call.time_ms as f64,
            source: "web",
            visitor_id: self.visitor.as_deref().unwrap_or_default(),
            page: place(page, &call.url),
            click_ids: event::click_ids(&self.touches),
            cookies: Named(capture::ad_cookies(&cookies)),
            campaign: event::campaign(&self.touches),
            consent: self.consent,
        };
        let user = if call.user.is_empty() { self.user.clone() } else { page.join_user(&self.user, &call.user) };
        let text = page.write(&event, call.properties.as_ref(), &user);
        if !text.is_empty() {
            self.queue.push(text);
        }
    }

    /// 24 characters of base 32, 120 random bits.
    fn mint_token(&self) -> String {
        let mut token = String::new();
        for _ in 0..4 {
            let mut bits = self.page.random();
            for _ in 0..6 {
                token.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(bits & 31) as usize]));
                bits >>= 5;
            }
        }
        token
    }
}

fn mint<P: Page>(page: &P, time_ms: u64) -> String {
    let mut random = [0; 10];
    for chunk in random.chunks_mut(4) {
        chunk.copy_from_slice(&page.random().to_le_bytes()[..chunk.len()]);
    }
    event_id::uuid_v7(time_ms as i64, random)
}

/// The page an event happened on, without personal data.
fn place<P: Page>(page: &P, url: &str) -> PageData {
    let text = |text: String, max| {
        let clipped = limits::clip(&text, max);
        (!clipped.is_empty()).then(|| clipped.to_owned())
    };
    PageData {
        url: text(scrub::url(url), limits::URL),
        referrer: text(scrub::url(&page.referrer()), limits::URL),
        title: text(page.title(), limits::TEXT).filter(|title| !title.contains('@')),
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
    let letter = |signal| match signal {
        Some(Signal::Granted) => 'g',
        Some(Signal::Denied) => 'd',
        None => '-',
    };
    [consent.ad_storage, consent.ad_user_data, consent.ad_personalization].map(letter).iter().collect()
}

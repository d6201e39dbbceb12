//! What was seen on this page: the events with their state, the person and the answers to consent.
//!
//! Owns the memory of the overlay, and in which order states follow one another. Leaves judging to `advice` and
//! drawing to `view`. Pure: nothing here knows a browser, so it is tested natively.

use shared::identity::Field;
use shared::wire::Receipt;
use shared::{Consent, Event, UnixMs};

use crate::Site;
use crate::advice::{self, Level, Message};

/// Most events that are shown; the oldest make room.
pub const MOST_EVENTS: usize = 200;

/// What the page handed over with a call, without its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Fields of the person, also those among the properties.
    pub fields: Vec<Field>,
    /// Properties that hold an e-mail address and are not for one.
    pub addresses_in: Vec<String>,
    /// Amounts written as text.
    pub amounts_as_text: Vec<String>,
    /// Properties that are objects, which no platform takes.
    pub objects: Vec<String>,
}

/// How far an event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The page called, the tag has not said anything yet.
    Called,
    /// The tag holds it.
    Waiting,
    /// It was sent: the relay, or in a page's last moment the browser, has taken it.
    Sent,
    /// The relay has it on disk.
    Accepted,
    /// The relay had it before.
    Duplicate,
    /// It did not get through, and is tried again.
    Failed,
    /// The relay will not have it.
    Refused,
}

impl State {
    /// The word that is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Called => "called",
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// One event.
#[derive(Debug)]
pub struct Entry {
    /// Its id.
    pub event_id: String,
    /// Its name.
    pub name: String,
    /// When the page called; when the event happened, once that is known.
    pub time: UnixMs,
    /// What the page handed over, when the call was seen.
    pub given: Option<Given>,
    /// As it left the page.
    pub event: Option<Event>,
    /// How far it has come.
    pub state: State,
    /// What there is to say of it.
    pub messages: Vec<Message>,
    /// How many of the messages have been told to the console.
    told: usize,
}

impl Entry {
    fn add(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            if !self.messages.contains(&message) {
                self.messages.push(message);
            }
        }
    }

    /// Tells the messages that are new since the last time.
    pub fn say(&mut self, mut tell: impl FnMut(&Message)) {
        self.messages.iter().skip(self.told).for_each(&mut tell);
        self.told = self.messages.len();
    }

    /// The gravest of its messages.
    pub fn worst(&self) -> Option<Level> {
        self.messages.iter().map(|message| message.level).min()
    }
}

/// Everything seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the page says of itself.
    pub site: Site,
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// What the page told of the person, by field.
    pub person: Vec<Field>,
}

impl Seen {
    /// Nothing yet.
    pub fn new(site: Site) -> Self {
        Self { site, ..Self::default() }
    }

    /// The event with this id.
    pub fn entry_mut(&mut self, event_id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.event_id == event_id)
    }

    /// The newest event that left, which says what the tag knows of the visitor.
    pub fn newest(&self) -> Option<&Event> {
        self.entries.iter().rev().find_map(|entry| entry.event.as_ref())
    }

    /// The page called `track`.
    pub fn tracked(&mut self, event_id: &str, name: &str, time_ms: f64, given: Given) {
        let answers = self.site.consent;
        let stopped = advice::of_consent(self.site.required, &answers);
        let entry = self.entry(event_id, name);
        entry.time = UnixMs(time_ms as i64);
        entry.add(advice::of_call(&given));
        entry.add(stopped);
        entry.given = Some(given);
    }

    /// The page called `identify`.
    pub fn identified(&mut self, given: Given) {
        for field in given.fields {
            if !self.person.contains(&field) {
                self.person.push(field);
            }
        }
    }

    /// The page called `consent`.
    pub fn consented(&mut self, answers: Consent) {
        let known = &mut self.site.consent;
        known.ad_storage = answers.ad_storage.or(known.ad_storage);
        known.ad_user_data = answers.ad_user_data.or(known.ad_user_data);
        known.ad_personalization = answers.ad_personalization.or(known.ad_personalization);
    }

    /// An event came further.
    pub fn moved(&mut self, event_id: &str, name: &str, state: State) {
        let entry = self.entry(event_id, name);
        // What the relay has answered is more than what the tag can say. A failed one is sent again.
        if entry.state < state || (entry.state == State::Failed && state == State::Sent) {
            entry.state = state;
        }
    }

    /// An event left the page; an error says why the relay will not be able to read it.
    pub fn left(&mut self, event_id: &str, event: Result<Event, String>) {
        let mut person = self.person.clone();
        let Some(entry) = self.entry_mut(event_id) else {
            // Sent from an earlier page's queue.
            if let Ok(event) = event {
                let name = event.event.clone();
                self.entry(event_id, &name).event = Some(event);
            }
            return;
        };
        match event {
            Ok(event) => {
                person.extend(entry.given.iter().flat_map(|given| given.fields.iter().copied()));
                entry.time = event.time;
                entry.add(advice::of_event(&event, &person));
                entry.event = Some(event);
            }
            Err(reason) => entry.add([advice::unreadable(&reason)]),
        }
    }

    /// The relay answered for these events.
    pub fn answered(&mut self, ids: &[String], status: u16, receipt: Option<&Receipt>) {
        for (index, id) in ids.iter().enumerate() {
            let duplicates = receipt.is_some_and(|receipt| receipt.duplicates >= ids.len());
            let Some(entry) = self.entry_mut(id) else { continue };
            let of_this = |list: &[shared::wire::Rejected]| {
                list.iter().filter(|one| one.index == index).map(|one| one.reason.clone()).collect::<Vec<_>>()
            };
            let (rejected, warnings) = receipt.map_or_else(Default::default, |receipt| {
                (of_this(&receipt.rejected), of_this(&receipt.warnings))
            });
            entry.state = match status {
                200..=299 if !rejected.is_empty() => State::Refused,
                200..=299 if duplicates => State::Duplicate,
                200..=299 => State::Accepted,
                0 | 429 | 500.. => State::Failed,
                _ => State::Refused,
            };
            entry.add(rejected.iter().map(|reason| advice::refused(reason)));
            entry.add(warnings.into_iter().map(|reason| Message { level: Level::Advice, text: reason }));
            if !(200..=299).contains(&status) {
                entry.add([advice::of_status(status)]);
            }
        }
    }

    fn entry(&mut self, event_id: &str, name: &str) -> &mut Entry {
        if let Some(place) = self.entries.iter().position(|entry| entry.event_id == event_id) {
            return &mut self.entries[place];
        }
        if self.entries.len() == MOST_EVENTS {
            self.entries.remove(0);
        }
        self.entries.push(Entry {
            event_id: event_id.to_owned(),
            name: name.to_owned(),
            time: UnixMs(0),
            given: None,
            event: None,
            state: State::Called,
            messages: Vec::new(),
            told: 0,
        });
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::Rejected;

    use super::*;

    fn event(id: &str) -> Event {
        let text = format!(r#"{{"event":"Lead","event_id":"{id}","time":1795183509123,"source":"web"}}"#);
        serde_json::from_str(&text).expect("an event")
    }

    fn state(seen: &mut Seen, id: &str) -> State {
        seen.entry_mut(id).expect("it was seen").state
    }

    #[test]
    fn an_event_moves_forward_and_the_relays_word_is_the_last() {
        let mut seen = Seen::default();
        seen.tracked("1", "Lead", 5.0, Given::default());
        assert_eq!(state(&mut seen, "1"), State::Called);
        seen.moved("1", "Lead", State::Sent);
        seen.moved("1", "Lead", State::Waiting);
        assert_eq!(state(&mut seen, "1"), State::Sent);
        seen.left("1", Ok(event("1")));
        seen.answered(&["1".to_owned()], 503, None);
        assert_eq!(state(&mut seen, "1"), State::Failed);
        seen.moved("1", "Lead", State::Sent);
        seen.answered(&["1".to_owned()], 202, Some(&Receipt { accepted: 1, ..Receipt::default() }));
        seen.moved("1", "Lead", State::Sent);
        assert_eq!(state(&mut seen, "1"), State::Accepted);
    }

    #[test]
    fn a_receipt_is_dealt_out_by_place() {
        let mut seen = Seen::default();
        let ids = ["1".to_owned(), "2".to_owned()];
        for id in &ids {
            seen.tracked(id, "Lead", 5.0, Given::default());
        }
        let rejected = vec![Rejected { index: 1, reason: "properties.value: not a number".to_owned() }];
        seen.answered(&ids, 202, Some(&Receipt { accepted: 1, rejected, ..Receipt::default() }));
        assert_eq!((state(&mut seen, "1"), state(&mut seen, "2")), (State::Accepted, State::Refused));
        let messages = &seen.entry_mut("2").expect("seen").messages;
        assert!(messages[0].text.contains("properties.value: not a number"), "{messages:?}");
        seen.answered(&ids, 202, Some(&Receipt { duplicates: 2, ..Receipt::default() }));
        assert_eq!(state(&mut seen, "1"), State::Duplicate);
    }

    #[test]
    fn messages_are_said_once() {
        let mut seen = Seen::default();
        for _ in 0..2 {
            let given = Given { addresses_in: vec!["note".to_owned()], ..Given::default() };
            seen.tracked("1", "Lead", 5.0, given);
        }
        let entry = seen.entry_mut("1").expect("seen");
        let mut said = 0;
        entry.say(|_| said += 1);
        entry.say(|_| said += 1);
        assert_eq!(said, 1);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut seen = Seen::default();
        for number in 0..=MOST_EVENTS {
            seen.tracked(&number.to_string(), "Lead", 5.0, Given::default());
        }
        assert_eq!((seen.entries.len(), seen.entries[0].event_id.as_str()), (MOST_EVENTS, "1"));
    }
}

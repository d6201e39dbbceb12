//! An event on its way into the log, together with its JSON if that was written ahead.
//!
//! Writing JSON is a tenth of what an event costs the one thread that writes, and any other thread can do it as well.
//! But the pipeline may still change the event. Owns that the JSON is never that of another event: whatever gets hold
//! of the event to change it drops the JSON, unless it says that nothing has changed.

use std::ops::{Deref, DerefMut};

use shared::{Attribution, Event};

/// An event that may still change. Boxed, because an event is large and moves through many hands.
#[derive(Clone, Debug)]
pub struct Draft {
    inner: Box<Event>,
    json: Option<Box<[u8]>>,
}

impl Draft {
    /// Keeps the event's JSON, as `write` makes it.
    pub fn write_ahead(&mut self, write: impl FnOnce(&Event) -> Option<Box<[u8]>>) {
        self.json = write(&self.inner);
    }

    /// Lets `change` change the event; it answers whether it has.
    pub fn change(&mut self, change: impl FnOnce(&mut Event) -> bool) {
        if change(&mut self.inner) {
            self.json = None;
        }
    }

    /// Writes down how the event was attributed, if there is anything to say. It is the event's last field, so JSON that was
    /// written ahead only grows at its end.
    pub fn attribute(&mut self, record: Attribution) {
        if record.is_empty() && self.inner.attribution.is_none() {
            return;
        }
        let first = self.inner.attribution.is_none();
        let end = if first { serde_json::to_string(&record).ok() } else { None };
        self.inner.attribution = (!record.is_empty()).then(|| Box::new(record));
        self.json = self.json.take().zip(end).and_then(|(json, end)| continued(json, &end));
    }

    /// Takes the event's JSON, if that was written and still holds.
    pub fn take_json(&mut self) -> Option<Box<[u8]>> {
        self.json.take()
    }

    /// The event.
    pub fn into_event(self) -> Box<Event> {
        self.inner
    }
}

/// An event's JSON with one more field.
fn continued(json: Box<[u8]>, attribution: &str) -> Option<Box<[u8]>> {
    let mut json = json.into_vec();
    (json.pop()? == b'}').then_some(())?;
    json.extend_from_slice(b",\"attribution\":");
    json.extend_from_slice(attribution.as_bytes());
    json.push(b'}');
    Some(json.into_boxed_slice())
}

impl From<Event> for Draft {
    fn from(event: Event) -> Self {
        Self { inner: Box::new(event), json: None }
    }
}

impl Deref for Draft {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.inner
    }
}

impl DerefMut for Draft {
    fn deref_mut(&mut self) -> &mut Event {
        self.json = None;
        &mut self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    #[test]
    fn an_attribution_continues_the_json_as_if_it_had_been_there() {
        let record = || Attribution { unmatched: Some(shared::Unmatched::Nobody), ..Attribution::default() };
        let whole = |event: &Event| serde_json::to_vec(event).ok().map(Vec::into_boxed_slice);
        let mut draft = Draft::from(event(r#"{"event":"Lead","properties":{"value":1}}"#));
        draft.write_ahead(whole);
        draft.attribute(record());
        let mut copy = draft.clone();
        let (json, event) = (copy.take_json(), copy.into_event());
        assert!(event.attribution.is_some());
        assert_eq!(json, whole(&event));
        // A second time nothing can be continued, and it is written anew.
        draft.attribute(Attribution::default());
        let (json, event) = (draft.take_json(), draft.into_event());
        assert_eq!((event.attribution, json), (None, None));
    }

    #[test]
    fn the_json_lasts_as_long_as_the_event_stays_as_it_is() {
        let check = |expected: bool, act: fn(&mut Draft)| {
            let mut draft = Draft::from(event(r#"{"event":"Lead"}"#));
            draft.write_ahead(|event| Some(event.event.as_bytes().into()));
            act(&mut draft);
            assert_eq!(draft.take_json().as_deref(), expected.then_some(b"Lead".as_slice()));
        };
        check(true, |_| {});
        check(true, |draft| assert_eq!(draft.event, "Lead"));
        check(true, |draft| draft.change(|_| false));
        check(false, |draft| draft.change(|event| std::mem::take(&mut event.event) == "Lead"));
        check(false, |draft| draft.visitor_id = None);
    }
}

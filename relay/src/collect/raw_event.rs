//! The public event JSON as it is written, before any check.
//!
//! Owns only its shape. It is read in one pass and without a tree or a copy more than needed, because every event of
//! every sender comes through here; `read` checks it and makes an [`Event`](shared::Event) of it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use shared::event::{Campaign, ClickId, Context, Page, Source};
use shared::{Consent, Properties, UnixMs, limits};

use super::raw_user::RawUser;

/// The event as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(expecting = "an object")]
pub(super) struct RawEvent {
    pub(super) event: Option<String>,
    pub(super) event_id: Option<IdText>,
    pub(super) time: Option<UnixMs>,
    pub(super) source: Option<Source>,
    pub(super) visitor_id: Option<IdText>,
    pub(super) page: Option<Page>,
    pub(super) click_ids: Option<Pairs<ClickId>>,
    pub(super) cookies: Option<Pairs<String>>,
    pub(super) tokens: Option<Pairs<String>>,
    pub(super) campaign: Option<Campaign>,
    pub(super) context: Option<Context>,
    pub(super) user: Option<RawUser>,
    pub(super) properties: Option<Properties>,
    pub(super) consent: Option<Consent>,
}

/// An id that some senders write as a number.
#[derive(Debug)]
pub(super) struct IdText(pub(super) String);

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;
        impl Visitor<'_> for Id {
            type Value = IdText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a whole number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<IdText, E> {
                Ok(IdText(text.trim().to_owned()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<IdText, E> {
                Ok(IdText(number.to_string()))
            }
        }
        deserializer.deserialize_any(Id)
    }
}

/// The members of an object whose names are data: sorted, each name once (of two the last counts), null left out.
#[derive(Debug)]
pub(super) struct Pairs<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Pairs<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs: Vec<(String, Option<T>)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                // Stable, so that of equal names the last written is the first of its run from behind.
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
                pairs.reverse();
                pairs.dedup_by(|(a, _), (b, _)| a == b);
                pairs.reverse();
                Ok(Pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Events that read in one go with their envelope: objects only, and no more than a request may hold.
#[derive(Debug, Default)]
pub(super) struct Quick(pub(super) Vec<RawEvent>);

impl<'de> Deserialize<'de> for Quick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Quick;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Quick, A::Error> {
                let mut events = Vec::new();
                while let Some(Object(event)) = seq.next_element()? {
                    // An event in memory is larger than `{}`: a body full of those must not fill the memory.
                    if events.len() == limits::BATCH {
                        return Err(A::Error::custom("too many events"));
                    }
                    events.push(event);
                }
                Ok(Quick(events))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// An event written as an object. serde would also take a list for one, field by field.
struct Object(RawEvent);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object, A::Error> {
                RawEvent::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_members_with_one_name_the_last_counts() {
        let read = |json: &str| serde_json::from_str::<Pairs<String>>(json).expect("readable").0;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(r#"{"b":"1","a":"2","b":"3","c":null}"#), [pair("a", "2"), pair("b", "3")]);
        assert_eq!(read(r#"{"a":"1","a":null}"#), []);
    }

    #[test]
    fn only_a_bounded_list_of_objects_reads_in_one_go() {
        let events = |json: &str| serde_json::from_str::<Quick>(json).map(|Quick(events)| events.len()).ok();
        let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(events(r#"[{"event":"Lead"},{}]"#), Some(2));
        assert_eq!(events(r#"[["Lead"]]"#), None);
        assert_eq!(events("{}"), None);
        assert_eq!(events(&many(limits::BATCH)), Some(limits::BATCH));
        assert_eq!(events(&many(limits::BATCH + 1)), None);
    }
}

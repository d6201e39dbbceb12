//! What a sender's stages and types are called here: `events = { closedwon = "Purchase" }`.
//!
//! Names are compared without regard to case and blanks at the ends, because people copy them from screens. A table in
//! the configuration takes the place of the kind's own one.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use shared::limits;

use super::tree::Node;

/// Our event by the sender's name of a stage or type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Stages(BTreeMap<String, EventName>);

/// The name of an event, as long as one may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventName(pub(super) String);

const NO_NAME: &str =
    "what the field `event` says is no name of an event: a letter, then letters, digits, blanks and `_-.:/`";

impl EventName {
    /// The name that a body itself says, if it does. Names go to platforms and into ids as they are, so what may be a
    /// telephone number, an address or a sentence is none.
    pub(super) fn said(node: &Node<'_>) -> Result<Option<String>, &'static str> {
        let Some(name) = node.text() else { return Ok(None) };
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | ':' | '/');
        let fits = name.len() <= limits::EVENT_NAME && name.chars().all(plain);
        if fits && name.starts_with(char::is_alphabetic) { Ok(Some(name)) } else { Err(NO_NAME) }
    }
}

impl Stages {
    /// A kind's own table.
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let pair = |(stage, event): &(&str, &str)| ((*stage).to_owned(), EventName((*event).to_owned()));
        Self(pairs.iter().map(pair).collect())
    }

    /// The event of the first of these stages that has one.
    pub(super) fn event<'s>(&self, stages: impl IntoIterator<Item = &'s str>) -> Option<&str> {
        stages.into_iter().find_map(|stage| {
            let stage = stage.trim();
            let named = self.0.iter().find(|(known, _)| known.trim().eq_ignore_ascii_case(stage));
            named.map(|(_, EventName(event))| event.as_str())
        })
    }
}

impl<'de> Deserialize<'de> for EventName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?.trim().to_owned();
        let short = (1..=limits::EVENT_NAME).contains(&name.len());
        if short && !name.chars().any(char::is_control) {
            Ok(Self(name))
        } else {
            Err(D::Error::custom("expected the name of an event, 1 to 50 bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_found_as_people_write_it() {
        let stages: Stages = toml::from_str("'Closed Won' = ' Purchase '\nlead = 'Lead'").expect("a table");
        assert_eq!(stages.event([" closed won"]), Some("Purchase"));
        assert_eq!(stages.event(["lost", "LEAD", "Closed Won"]), Some("Lead"));
        assert_eq!(stages.event(["lost"]), None);
    }

    #[test]
    fn a_name_that_a_body_says_looks_like_one() {
        let said = |value: &str| {
            let body = format!(r#"{{"event":{value}}}"#);
            EventName::said(Node::read(body.as_bytes()).expect("JSON").get("event"))
        };
        for name in ["Purchase", "Anfrage für Küchen", "lead:step_2/a-b.c"] {
            assert_eq!(said(&format!("\"{name}\"")), Ok(Some(name.to_owned())));
        }
        for none in ["null", "\" \"", "{}"] {
            assert_eq!(said(none), Ok(None), "{none}");
        }
        let long = format!("\"{}\"", "x".repeat(limits::EVENT_NAME + 1));
        for wrong in ["\"jane@example.com\"", "\"+12025550123\"", "\"202-555-0123\"", "7", "\"a, b\"", &long]
        {
            assert_eq!(said(wrong), Err(NO_NAME), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_name_an_event_is_refused_where_it_stands() {
        let long = format!("a = 'Lead'\nb = '{}'", "x".repeat(51));
        for text in ["a = 'Lead'\nb = ' '", &long, "a = 'Lead'\nb = \"a\\u0007\""] {
            let error = toml::from_str::<Stages>(text).expect_err("no name");
            assert!(error.message().contains("name of an event"), "{error}");
            assert!(error.span().is_some_and(|span| span.start == 15), "{error}");
        }
    }
}

//! What a sender's stages and types are called here: `events = { closedwon = "Purchase" }`.
//!
//! Names are compared without regard to case and blanks at the ends, because people copy them from screens. A table in
//! the configuration takes the place of the kind's own one.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use shared::limits;

/// Our event by the sender's name of a stage or type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Stages(BTreeMap<String, EventName>);

/// The name of an event, as long as one may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventName(pub(super) String);

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
    fn what_cannot_name_an_event_is_refused_where_it_stands() {
        let long = format!("a = 'Lead'\nb = '{}'", "x".repeat(51));
        for text in ["a = 'Lead'\nb = ' '", &long, "a = 'Lead'\nb = \"a\\u0007\""] {
            let error = toml::from_str::<Stages>(text).expect_err("no name");
            assert!(error.message().contains("name of an event"), "{error}");
            assert!(error.span().is_some_and(|span| span.start == 15), "{error}");
        }
    }
}

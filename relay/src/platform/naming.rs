//! Names of events: what a platform calls an event, and which events it cannot be told of.
//!
//! Owns the one rule all ad platforms share: a standard event goes under the platform's own name, a custom one under
//! its own, the operator's name before both, and a refund never under a name that would count as revenue. Leaves
//! the list of names to the platform.

use std::collections::BTreeMap;

use shared::event::STANDARD_EVENTS;

use super::{Outgoing, SettingError, Skip, SkipReason};

/// How one platform without refunds names events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming {
    /// The platform, as people call it.
    pub(super) platform: &'static str,
    /// Its name for one of our standard events.
    pub(super) standard: fn(&str) -> Option<&'static str>,
    /// Names it knows and none of our standard events has.
    pub(super) others: &'static [&'static str],
    /// Longest name, in characters.
    pub(super) longest: usize,
}

impl Naming {
    /// Refuses names for a destination that the platform could not take.
    pub(super) fn check(&self, names: &BTreeMap<String, String>) -> Result<(), SettingError> {
        let Self { platform, longest, .. } = self;
        for (ours, theirs) in names {
            if theirs.trim().is_empty() || theirs.chars().count() > *longest {
                let expected = format!("expected a name of 1 to {longest} characters for {ours}");
                return Err(SettingError::invalid("events", expected));
            }
            if ours == "Refund" && self.knows(theirs) {
                let expected = format!(
                    "expected a name of your own for Refund: {platform} would add a refund to its revenue"
                );
                return Err(SettingError::invalid("events", expected));
            }
        }
        Ok(())
    }

    /// The event's name at the platform.
    pub(super) fn of<'a>(&self, outgoing: &Outgoing<'a>) -> Result<&'a str, Skip> {
        let Self { platform, longest, .. } = self;
        let ours = outgoing.event.event.as_str();
        let theirs = match (ours, outgoing.renamed) {
            ("Refund", None) => {
                let detail = format!(
                    "{platform} has no refunds; give Refund a name in `events` to send it as a custom event"
                );
                return Err(Skip::new(SkipReason::RefundNotSupported, detail));
            }
            ("Refund", Some(name)) if self.knows(name) => {
                let detail = format!("a refund sent as {name} would add to {platform}'s revenue");
                return Err(Skip::new(SkipReason::RefundNotSupported, detail));
            }
            (_, Some(name)) => name,
            (name, None) if STANDARD_EVENTS.contains(&name) => match (self.standard)(name) {
                Some(name) => name,
                None => {
                    let detail = format!("{platform} has no {ours}; give it a name in `events` to send it");
                    return Err(Skip::new(SkipReason::NotMapped, detail));
                }
            },
            (custom, None) => custom,
        };
        if theirs.is_empty() || theirs.chars().count() > *longest {
            let detail =
                format!("{platform} takes names of 1 to {longest} characters; give it one in `events`");
            return Err(Skip::new(SkipReason::NotMapped, detail));
        }
        Ok(theirs)
    }

    /// Whether the platform itself has an event of this name.
    fn knows(&self, name: &str) -> bool {
        self.others.contains(&name) || STANDARD_EVENTS.iter().any(|ours| (self.standard)(ours) == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard(name: &str) -> Option<&'static str> {
        match name {
            "PageView" => Some("Pageview"),
            "Purchase" => Some("Purchase"),
            _ => None,
        }
    }

    const NAMING: Naming = Naming { platform: "Example", standard, others: &["PlaceAnOrder"], longest: 12 };

    #[test]
    fn an_event_has_one_name_or_a_reason() {
        let check = |ours: &str, renamed: Option<&str>, expected: Result<&str, SkipReason>| {
            let json = format!(r#"{{"event":"{ours}","event_id":"1","time":0,"source":"web"}}"#);
            let event: shared::Event = serde_json::from_str(&json).expect("an event");
            let name = NAMING.of(&Outgoing { event: &event, site: "s", renamed, order_renamed: None });
            assert_eq!(name.map_err(|skip| skip.reason), expected, "{ours} as {renamed:?}");
        };
        check("PageView", None, Ok("Pageview"));
        check("PageView", Some("Visit"), Ok("Visit"));
        check("Lead", None, Err(SkipReason::NotMapped));
        check("Lead", Some("Signup"), Ok("Signup"));
        check("my_event", None, Ok("my_event"));
        check("a name of 13 c", None, Err(SkipReason::NotMapped));
        check("", None, Err(SkipReason::NotMapped));
        check("Refund", None, Err(SkipReason::RefundNotSupported));
        check("Refund", Some("Returned"), Ok("Returned"));
        check("Refund", Some("Purchase"), Err(SkipReason::RefundNotSupported));
        check("Refund", Some("PlaceAnOrder"), Err(SkipReason::RefundNotSupported));
    }

    #[test]
    fn names_of_the_operator_are_checked() {
        let check = |ours: &str, theirs: &str, right: bool| {
            let names = BTreeMap::from([(ours.to_owned(), theirs.to_owned())]);
            assert_eq!(NAMING.check(&names).is_ok(), right, "{ours} = {theirs}");
        };
        check("Refund", "Purchase", false);
        check("Refund", "PlaceAnOrder", false);
        check("Refund", "Refund", true);
        check("Lead", "Purchase", true);
        check("Lead", " ", false);
        check("Lead", &"x".repeat(12), true);
        check("Lead", &"x".repeat(13), false);
    }
}

//! Names of events of ours in a configuration: where they stand, and when one is hardly the one that is meant.

use shared::event::STANDARD_EVENTS;

use super::advice::Advice;
use super::notes::Notes;

/// Whether the keys of a table of this name are events of ours: a platform's conversions by our event.
pub(super) fn are_keys(name: &str) -> bool {
    ["conversion_actions", "conversions"].contains(&name)
}

/// Whether the text, or every text in the list or table, of this name is an event of ours.
pub(super) fn are_values(name: &str) -> bool {
    ["event", "events", "event_filter", "renewal_event", "abandoned_event"].contains(&name)
}

/// Says when a name misses a standard event only by the case of its letters.
pub(super) fn advise(notes: &Notes<'_>, key: &str, at: usize, name: &str) {
    let standard = STANDARD_EVENTS.into_iter().find(|standard| standard.eq_ignore_ascii_case(name));
    if let Some(standard) = standard.filter(|standard| *standard != name) {
        notes.advise(key, at, Advice::NotQuiteStandard { standard });
    }
}

//! Sends a destination events as a test, where its platform has a way to take them as such, and tells what was said.
//!
//! Where nothing is counted, that is one of each standard event that goes there, and of a few that the settings name beside them: each
//! may have an action of its own in the account. A refund is left out, which needs an order that was sent. Where a platform counts test
//! events all the same, or does not say, only page views are sent: they cost least. Goes the way of every event, token and all, but past
//! the store: nothing of it is kept.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shared::UnixMs;
use shared::event::STANDARD_EVENTS;

use super::{Finding, State, finding, sample};
use crate::config::{Destination, EventSwitch};
use crate::distribute::HttpClient;
use crate::distribute::access::Access;
use crate::distribute::courier::Courier;
use crate::distribute::pace::Pace;
use crate::distribute::plan::trial;
use crate::distribute::stop::Stop;
use crate::pipeline;
use crate::platform::{Built, Outcome, Trial};
use crate::store::memory::MemoryStore;

/// Sends them, if there is a way.
pub(super) async fn send(destination: &Destination, client: &HttpClient, now: fn() -> UnixMs) -> Finding {
    let area = format!("{}: test event", destination.name);
    let tests = match way(destination, now()) {
        Way::Send(tests) => tests,
        Way::Not(said) => return finding(State::Untried, area, said),
    };
    let courier = courier(destination, client, now);
    let (mut taken, mut said, mut shown) = (Vec::new(), Vec::new(), None);
    let mut remarks = BTreeSet::new();
    for Test { name, built, place } in tests {
        let mut troubles = Vec::new();
        for planned in built.requests {
            let Some(carried) = courier.carry(planned, &Stop::never()).await else { continue };
            let (call, response) = (carried.planned.call, carried.response.as_ref());
            remarks.extend(response.and_then(|response| destination.platform.remark(call, response)));
            troubles.extend(carried.outcomes.into_iter().filter_map(trouble));
        }
        shown = shown.or(place);
        match troubles.pop() {
            None => taken.push(name),
            Some(Trouble { said: words, of_event }) => {
                said.push(format!("{name} {words}"));
                // What is not the event's fault is no other's either.
                if !of_event {
                    break;
                }
            }
        }
    }
    let state = if said.is_empty() { State::Good } else { State::Bad };
    said.extend(good_news(&taken.iter().map(String::as_str).collect::<Vec<_>>(), shown));
    said.extend(remarks);
    finding(state, area, said.join("; "))
}

/// What is said of events that were taken, if any were.
fn good_news(taken: &[&str], shown: Option<&str>) -> Option<String> {
    let (names, were) = match taken {
        [] => return None,
        [one] => (format!("a {one}"), "was"),
        [first @ .., last] => (format!("{} and {last}", first.join(", ")), "were"),
    };
    Some(match shown {
        None => format!("{names} {were} checked and would be taken; nothing was counted"),
        Some(place) => {
            format!("{names} {were} taken: look for it under {place}; expect it to count like any other")
        }
    })
}

/// What to do.
enum Way {
    Send(Vec<Test>),
    Not(String),
}

/// One event to send.
struct Test {
    name: String,
    built: Built,
    /// Where it is shown; nowhere when it is only checked.
    place: Option<&'static str>,
}

fn way(destination: &Destination, now: UnixMs) -> Way {
    let mut why = "no event is configured to go there".to_owned();
    let mut tests = Vec::new();
    for name in names(destination) {
        let Some(event) = sample(&name, now) else { continue };
        let (built, place) = match trial(destination, &event, now) {
            Err(_) => continue,
            Ok(Trial::None) => {
                return Way::Not("this platform has no test mode: a test event would count".to_owned());
            }
            Ok(Trial::NeedsCode { place }) => {
                return Way::Not(format!("put the code of {place} into `test_event_code` to send one"));
            }
            Ok(Trial::Checked(built)) => (built, None),
            Ok(Trial::Shown { built, place }) if name == HARMLESS => (built, Some(place)),
            // Page views come first of all events.
            Ok(Trial::Shown { .. }) if tests.is_empty() => {
                return Way::Not(format!("test events may count here, and no {HARMLESS} goes there"));
            }
            Ok(Trial::Shown { .. }) => break,
        };
        if built.requests.is_empty() {
            why = built.skips.into_iter().next().map_or(why, |(_, skip)| skip.detail);
        } else {
            tests.push(Test { name, built, place });
        }
    }
    if tests.is_empty() { Way::Not(why) } else { Way::Send(tests) }
}

/// The events to try: the standard ones, and some that the settings name beside them.
fn names(destination: &Destination) -> Vec<String> {
    let standard = STANDARD_EVENTS.into_iter().filter(|name| *name != NOT_ALONE);
    let renamed: Vec<(&str, &str)> = destination.events.iter().filter_map(renamed).collect();
    let theirs: BTreeSet<&str> = renamed.iter().map(|(_, theirs)| *theirs).collect();
    let mapped = destination.platform.mapped();
    // What another event goes by there is tried with that one.
    let mapped = mapped.into_iter().filter(|name| !theirs.contains(name));
    let own: BTreeSet<&str> = renamed.iter().map(|(ours, _)| *ours).chain(mapped).collect();
    let own = own.into_iter().filter(|name| !STANDARD_EVENTS.contains(name));
    standard.map(str::to_owned).chain(own.take(MOST_OWN).map(str::to_owned)).collect()
}

/// An event's own name and the operator's.
fn renamed<'a>((ours, switch): (&'a String, &'a EventSwitch)) -> Option<(&'a str, &'a str)> {
    match switch {
        EventSwitch::Off => None,
        EventSwitch::Renamed(theirs) => Some((ours.as_str(), theirs.as_str())),
    }
}

fn courier(destination: &Destination, client: &HttpClient, now: fn() -> UnixMs) -> Courier {
    // Where tokens are replaced with each use there is no trial, so nothing has to be kept.
    let store = Arc::new(MemoryStore::new(pipeline::decide));
    Courier {
        destination: Arc::new(destination.clone()),
        client: client.clone(),
        access: Arc::new(Access::new(&destination.name, store, client.clone(), now)),
        pace: Arc::new(Pace::new(Duration::ZERO)),
        complaints: Arc::default(),
        now,
    }
}

/// What is wrong.
struct Trouble {
    said: String,
    /// Whether it may be with this kind of event alone.
    of_event: bool,
}

/// What is wrong, if something is.
fn trouble(outcome: Outcome) -> Option<Trouble> {
    let (said, of_event) = match outcome {
        Outcome::Delivered => return None,
        Outcome::Retry { reason, .. } => (format!("not now: {reason}"), false),
        Outcome::Unauthorized { reason } => (format!("refused: {reason}"), false),
        Outcome::Later { reason, .. } => (format!("not now: {reason}"), true),
        Outcome::Split { reason } | Outcome::Rejected { reason } | Outcome::Misconfigured { reason } => {
            (format!("refused: {reason}"), true)
        }
    };
    Some(Trouble { said, of_event })
}

/// What makes no sense without an event before it.
const NOT_ALONE: &str = "Refund";

/// So many events that are not standard are tried: what is wrong with more is told by the relay's log.
const MOST_OWN: usize = 5;

/// The one event that is sent where it counts.
const HARMLESS: &str = "PageView";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{config, platform};

    /// The events that a Google Ads account with these settings is tried with.
    fn tried(more: &str) -> Vec<String> {
        let text = format!(
            "[[site]]\nkey = \"shop\"\n[[destination]]\nname = \"d\"\nsite = \"shop\"\nplatform = \"google-ads\"\n\
             operating_account = \"1234567890\"\n\
             oauth = {{ client_id = \"c\", client_secret = \"s\", refresh_token = \"r\" }}\n{more}"
        );
        let (file, directory, assets) = ("a.toml", Path::new(""), Path::new(""));
        let document = config::Document { file, text: &text, directory, assets, readable_by_others: false };
        let loaded = config::parse(&document, platform::ALL, &|_: &str| None).expect("right settings");
        match way(&loaded.config.destinations[0], UnixMs(1_795_183_509_123)) {
            Way::Send(tests) => tests.into_iter().map(|test| test.name).collect(),
            Way::Not(why) => panic!("{why}"),
        }
    }

    #[test]
    fn events_that_the_settings_name_are_tried_beside_the_standard_ones() {
        let own = "conversion_actions = { Purchase = \"7\", Qualified = \"8\", \"Won \\\"big\\\"\" = \"9\" }";
        assert_eq!(tried(own), ["Purchase", "Qualified", "Won \"big\""]);
        let renamed = "conversion_actions = { Purchase = \"7\", deal = \"8\" }\n\
            events = { Won = \"deal\", Lost = false, Lead = \"deal\" }";
        assert_eq!(tried(renamed), ["Purchase", "Lead", "Won"]);
        let many: Vec<String> = (1..=9).map(|number| format!("e{number} = \"{number}\"")).collect();
        let many = format!("conversion_actions = {{ {} }}", many.join(", "));
        assert_eq!(tried(&many), ["e1", "e2", "e3", "e4", "e5"]);
    }

    #[test]
    fn what_was_taken_is_named() {
        assert_eq!(good_news(&[], None), None);
        let check = |taken: &[&str], shown, expected: &str| {
            let said = good_news(taken, shown).unwrap_or_default();
            assert!(said.starts_with(expected), "{said}");
        };
        check(&["Purchase"], None, "a Purchase was checked and would be taken; nothing was counted");
        check(&["A", "B"], None, "A and B were checked");
        check(&["A", "B", "C"], None, "A, B and C were checked");
        check(&[HARMLESS], Some("Test events"), "a PageView was taken: look for it under Test events");
    }
}

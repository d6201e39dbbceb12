//! Sends a destination events as a test, where its platform has a way to take them as such, and tells what was said.
//!
//! Where nothing is counted, that is one of each standard event that goes there: each may have an action of its own in the account. A
//! refund is left out, which needs an order that was sent. Where a platform counts test events all the same, or does not say, only page
//! views are sent: they cost least. Goes the way of every event, token and all, but past the store: nothing of it is kept.

use std::sync::Arc;
use std::time::Duration;

use shared::UnixMs;
use shared::event::STANDARD_EVENTS;

use super::{Finding, State, finding, sample};
use crate::config::Destination;
use crate::distribute::HttpClient;
use crate::distribute::access::Access;
use crate::distribute::courier::Courier;
use crate::distribute::pace::Pace;
use crate::distribute::plan::trial;
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
    for Test { name, built, place } in tests {
        let mut troubles = Vec::new();
        for planned in built.requests {
            troubles.extend(courier.carry(planned).await.outcomes.into_iter().filter_map(trouble));
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
    said.extend(good_news(&taken, shown));
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
    name: &'static str,
    built: Built,
    /// Where it is shown; nowhere when it is only checked.
    place: Option<&'static str>,
}

fn way(destination: &Destination, now: UnixMs) -> Way {
    let mut why = "no event is configured to go there".to_owned();
    let mut tests = Vec::new();
    for name in STANDARD_EVENTS.into_iter().filter(|name| *name != NOT_ALONE) {
        let Some(event) = sample(name, now) else { continue };
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

/// The one event that is sent where it counts.
const HARMLESS: &str = "PageView";

#[cfg(test)]
mod tests {
    use super::*;

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

//! Sends a destination one event as a test, where its platform has a way to take it as such, and tells what was said.
//!
//! Where a platform counts test events all the same, or does not say, only page views are sent: they cost least. Goes the way of every
//! event, token and all, but past the store: nothing of it is kept.

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
use crate::platform::{Built, Outcome, Planned, Trial};
use crate::store::memory::MemoryStore;

/// Sends it, if there is a way.
pub(super) async fn send(destination: &Destination, client: &HttpClient, now: fn() -> UnixMs) -> Finding {
    let area = format!("{}: test event", destination.name);
    let (name, built, shown) = match way(destination, now()) {
        Way::Send { name, built, shown } => (name, built, shown),
        Way::Not(said) => return finding(State::Untried, area, said),
    };
    let taken = match shown {
        None => format!("a {name} was checked and would be taken; nothing was counted"),
        Some(place) => {
            format!("a {name} was taken: look for it under {place}; expect it to count like any other")
        }
    };
    let (mut state, mut said) = (State::Good, taken);
    for planned in built.requests {
        for outcome in carry(destination, client, planned, now).await {
            if let Some(trouble) = trouble(outcome) {
                (state, said) = (State::Bad, trouble);
            }
        }
    }
    finding(state, area, said)
}

/// What to do.
enum Way {
    Send { name: &'static str, built: Built, shown: Option<&'static str> },
    Not(String),
}

fn way(destination: &Destination, now: UnixMs) -> Way {
    let mut why = "no event is configured to go there".to_owned();
    for name in STANDARD_EVENTS {
        let Some(event) = sample(name, now) else { continue };
        let (built, shown) = match trial(destination, &event, now) {
            Err(_) => continue,
            Ok(Trial::None) => {
                return Way::Not("this platform has no test mode: a test event would count".to_owned());
            }
            Ok(Trial::NeedsCode { place }) => {
                return Way::Not(format!("put the code of {place} into `test_event_code` to send one"));
            }
            Ok(Trial::Checked(built)) => (built, None),
            Ok(Trial::Shown { .. }) if name != HARMLESS => {
                return Way::Not(format!("test events may count here, and no {HARMLESS} goes there"));
            }
            Ok(Trial::Shown { built, place }) => (built, Some(place)),
        };
        if !built.requests.is_empty() {
            return Way::Send { name, built, shown };
        }
        why = built.skips.into_iter().next().map_or(why, |(_, skip)| skip.detail);
    }
    Way::Not(why)
}

async fn carry(
    destination: &Destination,
    client: &HttpClient,
    planned: Planned,
    now: fn() -> UnixMs,
) -> Vec<Outcome> {
    // Where tokens are replaced with each use there is no trial, so nothing has to be kept.
    let store = Arc::new(MemoryStore::new(pipeline::decide));
    let courier = Courier {
        destination: Arc::new(destination.clone()),
        client: client.clone(),
        access: Arc::new(Access::new(&destination.name, store, client.clone(), now)),
        pace: Arc::new(Pace::new(Duration::ZERO)),
        complaints: Arc::default(),
        now,
    };
    courier.carry(planned).await.outcomes
}

/// What is wrong, if something is.
fn trouble(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Retry { reason, .. } | Outcome::Later { reason, .. } => Some(format!("not now: {reason}")),
        Outcome::Split { reason }
        | Outcome::Rejected { reason }
        | Outcome::Misconfigured { reason }
        | Outcome::Unauthorized { reason } => Some(format!("refused: {reason}")),
    }
}

/// The one event that is sent where it counts.
const HARMLESS: &str = "PageView";

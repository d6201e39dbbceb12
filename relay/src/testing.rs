//! Help for unit tests: an event written as people write it.

use shared::{Event, UnixMs};

use crate::collect::read::{Defaults, event as read};

/// Reads the public event JSON; the test fails when it does not read.
pub(crate) fn event(json: &str) -> Event {
    let defaults = Defaults { now: UnixMs(1_500_000), source: None, country: None, random: [1; 10] };
    read(json, defaults).expect("an event that reads").event
}

//! Help for unit tests: an event written as people write it, and what the log said.

use shared::{Event, UnixMs};

use crate::collect::read::{Defaults, event as read};

/// Reads the public event JSON; the test fails when it does not read.
pub(crate) fn event(json: &str) -> Event {
    let defaults = Defaults { now: UnixMs(1_500_000), source: None, country: None, random: [1; 10] };
    read(json, defaults).expect("an event that reads").event
}

/// What the log of `serve` says of something at its usual level.
pub(crate) fn said(of: impl FnOnce()) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let writer = file.reopen().expect("the same file");
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false);
    tracing::subscriber::with_default(lines.with_writer(writer).finish(), of);
    std::fs::read_to_string(file.path()).expect("lines")
}

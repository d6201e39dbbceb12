//! The events that wait: JSON objects, a line each, oldest first, bounded.
//!
//! JSON has no line ends of its own, so the text in memory, in storage and between the two is the same. Leaves the
//! envelope and the network to the page, and deciding when to `tag`.

use crate::text::cut;

/// Most events that wait; the oldest are dropped.
const MOST_EVENTS: usize = 100;
/// Most bytes of events in one body. Browsers refuse more than 65,536 bytes for all requests that may outlive
/// their page (Fetch standard, "HTTP-network-or-cache fetch", read 2026-11-23).
pub const MOST_BYTES: usize = 60_000;

/// Drops the oldest lines of a text that has too many.
pub fn bound(lines: &mut String) {
    let count = lines.bytes().filter(|byte| *byte == b'\n').count();
    for _ in MOST_EVENTS..count {
        lines.drain(..cut(lines, b'\n').0.len() + 1);
    }
}

/// Takes the next lines that fit one body; one line larger than that goes alone. Empty when nothing waits.
pub fn next(lines: &mut String) -> String {
    let mut end = 0;
    while end < lines.len() {
        let line = cut(&lines[end..], b'\n').0.len() + 1;
        if end > 0 && end + line > MOST_BYTES {
            break;
        }
        end += line;
    }
    let end = end.min(lines.len());
    let rest = lines.split_off(end);
    std::mem::replace(lines, rest)
}

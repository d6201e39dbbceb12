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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_by_the_body_and_none_is_lost() {
        let line = format!("{{{}}}\n", "x".repeat(25_000));
        let mut lines = line.repeat(5);
        let sizes: Vec<usize> =
            std::iter::from_fn(|| Some(next(&mut lines).len()).filter(|size| *size > 0)).collect();
        assert_eq!(sizes, [2 * line.len(), 2 * line.len(), line.len()]);
    }

    #[test]
    fn one_large_line_goes_alone() {
        let large = format!("{}\n", "x".repeat(MOST_BYTES + 1));
        let mut lines = format!("a\n{large}b\n");
        assert_eq!(
            (next(&mut lines).len(), next(&mut lines), next(&mut lines)),
            (2, large, "b\n".to_owned())
        );
        assert_eq!(next(&mut lines), "");
    }

    #[test]
    fn the_oldest_lines_are_dropped() {
        let mut lines: String = (0..MOST_EVENTS + 3).map(|number| format!("{number}\n")).collect();
        bound(&mut lines);
        assert!(lines.starts_with("3\n4\n") && lines.ends_with("102\n"));
    }

    proptest::proptest! {
        #[test]
        fn a_text_without_a_last_line_end_is_taken_too(mut lines in "(?s).{0,50}") {
            bound(&mut lines);
            proptest::prop_assert_eq!(next(&mut lines.clone()), lines);
        }
    }
}

//! What a message about a part's settings quotes of them. A part has no secrets, so what is wrong may be quoted.

use serde::Deserializer;

use crate::config::written;

/// A text for which `fits` holds.
pub(super) fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
    fits: fn(&str) -> bool,
    expected: &'static str,
) -> Result<String, D::Error> {
    written::text(deserializer, |text| {
        if fits(text) { Ok(text.to_owned()) } else { Err(format!("expected {expected}{}", found(text))) }
    })
}

/// The end of a sentence about a text, where the text fits into one.
pub(super) fn found(text: &str) -> String {
    if text.len() > LONGEST_QUOTED || text.contains(char::is_control) {
        return String::new();
    }
    format!(", found `{text}`")
}

/// Longest text that a message quotes.
const LONGEST_QUOTED: usize = 80;

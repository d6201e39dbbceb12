//! Raw text made ready for the rules: composed (NFC), trimmed, and once more in lower case.
//!
//! The rules of all other files work on [`Raw`], so they need no Unicode tables of their own. In the relay
//! [`Raw::new`] prepares the text; in the browser the tag lets JavaScript compose and lower-case it, which
//! saves the tables' bytes, and asks [`super::Text`].

use std::borrow::Cow;

/// A raw value in the two cases the rules need.
#[derive(Debug)]
pub struct Raw<'a> {
    /// Composed (NFC), no blanks at the ends, case kept.
    pub exact: Cow<'a, str>,
    /// The same in lower case, by the rules of Unicode and no locale.
    pub lower: Cow<'a, str>,
}

impl<'a> Raw<'a> {
    /// Prepares `text` with Rust's own tables.
    #[cfg(feature = "unicode")]
    pub fn new(text: &str) -> Self {
        use unicode_normalization::{UnicodeNormalization, is_nfc};
        let text = text.trim();
        let exact = if is_nfc(text) { text.to_owned() } else { text.nfc().collect() };
        let lower = exact.to_lowercase();
        Self { exact: Cow::Owned(exact), lower: Cow::Owned(lower) }
    }

    /// Takes text that is composed, trimmed and lower-cased already.
    pub fn prepared(exact: &'a str, lower: &'a str) -> Self {
        Self { exact: Cow::Borrowed(exact.trim()), lower: Cow::Borrowed(lower.trim()) }
    }
}

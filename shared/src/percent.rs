//! Percent-decoding, once, for queries and cookies, and finding a mark in them.
//!
//! Leaves parsing of whole addresses to those who need it.

use std::borrow::Cow;

/// Undoes percent-encoding once; with `plus`, a `+` is a blank as in a query. A `%` that starts no code stays.
/// `None` when the result is not UTF-8.
pub(crate) fn decode(text: &str, plus: bool) -> Option<Cow<'_, str>> {
    let encoded = text.contains('%') || plus && text.contains('+');
    if encoded {
        String::from_utf8(bytes(text.as_bytes(), plus)).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// The same for bytes, whatever comes out.
pub(crate) fn bytes(encoded: &[u8], plus: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(byte) = encoded.get(at) {
        let code = if *byte == b'%' { pair(encoded.get(at + 1), encoded.get(at + 2)) } else { None };
        at += if code.is_some() { 3 } else { 1 };
        decoded.push(code.unwrap_or(if plus && *byte == b'+' { b' ' } else { *byte }));
    }
    decoded
}

/// Where `mark` first stands in `text`.
pub(crate) fn find(text: &str, mark: &str) -> Option<usize> {
    text.as_bytes().windows(mark.len().max(1)).position(|window| window == mark.as_bytes())
}

fn pair(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    Some(nibble(*high?)? << 4 | nibble(*low?)?)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found() {
        assert_eq!(find("a%24b%24", "%24"), Some(1));
        assert_eq!(find("aab", "ab"), Some(1));
        assert_eq!(find("a", "ab"), None);
        assert_eq!(find("", ""), None);
    }

    #[test]
    fn decoding_happens_once() {
        let check = |text, plus, expected: Option<&str>| {
            assert_eq!(decode(text, plus).as_deref(), expected, "{text}")
        };
        check("plain", true, Some("plain"));
        check("a%20b+c", true, Some("a b c"));
        check("a%20b+c", false, Some("a b+c"));
        check("%2525", true, Some("%25"));
        check("%C3%a9", false, Some("é"));
        check("100%", false, Some("100%"));
        check("%4", false, Some("%4"));
        check("%zz%", false, Some("%zz%"));
        check("%ff", false, None);
    }
}

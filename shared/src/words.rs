//! Lists of words as one text, a blank between two: the smallest table there is, and searched by one function.
//!
//! The tag ships these lists. An array of texts costs it eight bytes a word more, and a search of its own.

/// Whether two texts are the same, with or without regard to case (of ASCII letters).
#[inline(never)]
pub fn same(one: &[u8], other: &[u8], any_case: bool) -> bool {
    if one.len() != other.len() {
        return false;
    }
    for (one, other) in one.iter().zip(other) {
        // The case of an ASCII letter is one bit.
        let case = if any_case && one.is_ascii_alphabetic() { 0x20 } else { 0 };
        if (one ^ other) & !case != 0 {
            return false;
        }
    }
    true
}

/// What stands before and after the first `byte`, which is ASCII; nothing without any.
#[inline(never)]
pub fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|b| *b == byte)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// Walks the words of a list.
#[derive(Debug)]
pub struct Words(&'static [u8]);

impl Words {
    /// Those of `list`.
    pub const fn of(list: &'static str) -> Self {
        Self(list.as_bytes())
    }
}

impl Iterator for Words {
    type Item = &'static [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'static [u8]> {
        let (word, rest) = split(self.0, b' ').unwrap_or((self.0, b""));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// The place of `word` in `list`, with or without regard to case (of ASCII letters), and how it stands there.
#[inline(never)]
pub(crate) fn find(list: &'static str, word: &[u8], any_case: bool) -> Option<(usize, &'static [u8])> {
    for (place, entry) in Words::of(list).enumerate() {
        if same(entry, word, any_case) {
            return Some((place, entry));
        }
    }
    None
}

/// Whether `word` is in `list`.
pub(crate) fn listed(list: &'static str, word: &[u8]) -> bool {
    find(list, word, false).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole() {
        let check = |word: &str, any_case, expected: Option<(usize, &[u8])>| {
            assert_eq!(find("ab b Abc", word.as_bytes(), any_case), expected, "{word}");
        };
        check("ab", false, Some((0, b"ab")));
        check("b", false, Some((1, b"b")));
        check("abc", false, None);
        check("abc", true, Some((2, b"Abc")));
        check("a", false, None);
        check("", false, None);
        check("ab b", false, None);
        for (one, other, any_case, expected) in [
            ("aB", "Ab", true, true),
            ("aB", "Ab", false, false),
            ("a@", "a`", true, false),
            ("a", "ab", true, false),
        ] {
            assert_eq!(same(one.as_bytes(), other.as_bytes(), any_case), expected, "{one} {other}");
        }
        assert!(listed("ab b", b"b") && !listed("ab b", b"a"));
    }
}

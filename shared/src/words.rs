//! Lists of words as one text, a blank between two: the smallest table there is, and searched by one function.
//!
//! The tag ships these lists. An array of texts costs it eight bytes a word more, and a search of its own.

/// Walks the words of a list.
pub(crate) struct Words(pub(crate) &'static str);

impl Iterator for Words {
    type Item = &'static [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'static [u8]> {
        let list = self.0;
        if list.is_empty() {
            return None;
        }
        let end = list.bytes().position(|b| b == b' ').unwrap_or(list.len());
        self.0 = list.get(end + 1..).unwrap_or_default();
        list.as_bytes().get(..end)
    }
}

/// The place of `word` in `list`, with or without regard to case (of ASCII letters), and how it stands there.
#[inline(never)]
pub(crate) fn find(list: &'static str, word: &[u8], any_case: bool) -> Option<(usize, &'static [u8])> {
    for (place, entry) in Words(list).enumerate() {
        if entry == word || any_case && entry.eq_ignore_ascii_case(word) {
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
        assert!(listed("ab b", b"b") && !listed("ab b", b"a"));
    }
}

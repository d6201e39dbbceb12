//! Lists of words as one text, a blank between two: the smallest table there is, and searched by one function.
//!
//! The tag ships these lists. An array of texts costs it eight bytes a word more, and a search of its own.

/// The place of `word` in `list`, with or without regard to case (of ASCII letters).
#[inline(never)]
pub(crate) fn position(list: &str, word: &str, any_case: bool) -> Option<usize> {
    let mut rest = list.as_bytes();
    let mut place = 0;
    loop {
        let end = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
        let (entry, after) = rest.split_at_checked(end)?;
        if entry == word.as_bytes() || any_case && entry.eq_ignore_ascii_case(word.as_bytes()) {
            return Some(place);
        }
        rest = after.get(1..)?;
        place += 1;
    }
}

/// The word at `place`; empty when the list is shorter.
pub(crate) fn at(list: &str, place: usize) -> &str {
    list.split(' ').nth(place).unwrap_or_default()
}

/// Whether `word` is in `list`.
pub(crate) fn listed(list: &str, word: &str) -> bool {
    position(list, word, false).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole() {
        let check =
            |word, any_case, expected| assert_eq!(position("ab b Abc", word, any_case), expected, "{word}");
        check("ab", false, Some(0));
        check("b", false, Some(1));
        check("abc", false, None);
        check("abc", true, Some(2));
        check("a", false, None);
        check("", false, None);
        check("ab b", false, None);
        assert_eq!((at("ab b", 1), at("ab b", 2)), ("b", ""));
        assert!(listed("ab b", "b") && !listed("ab b", "a"));
    }
}

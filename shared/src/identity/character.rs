//! Classes of characters the rules speak of, and the one walk through a text that all of them share.
//!
//! The standard library's `is_whitespace`, `is_alphabetic` and `is_numeric` bring tables of several kilobytes into the
//! browser tag. The rules need less: which characters are blanks, digits, signs or unseen. Everything that is none of
//! these counts as a letter, so no script is lost. For the tag's sake, too, a set of classes is a number and not a
//! closure: the walk is compiled once, not once for every rule.

use crate::words::listed;

/// Blanks, as Unicode's `White_Space` has them.
pub(super) const BLANK: u16 = 1;
/// Decimal digits of any script.
pub(super) const DIGIT: u16 = 2;
/// ASCII punctuation.
pub(super) const PUNCTUATION: u16 = 4;
/// Neither a letter, a digit nor a blank: ASCII punctuation and control characters, and whole blocks beyond ASCII:
/// Latin-1 signs, punctuation, currency, arrows, dingbats, CJK punctuation, variation selectors and emoji. Accents
/// that stand alone (U+0300 and on) belong to their letter.
pub(super) const SYMBOL: u16 = 8;
/// Full-width forms of ASCII punctuation: letters to the rules that do not fold, signs to those that do.
pub(super) const WIDE: u16 = 16;
/// Shows nothing on paper and yet is no blank: control characters, direction marks, zero-width joints.
pub(super) const INVISIBLE: u16 = 32;
/// What stands around addresses in a mail's header: `<`, `,` …
pub(super) const HEADER: u16 = 64;
/// The full stop.
pub(super) const DOT: u16 = 128;
/// Not a class: asks [`keep`] to fold what it keeps.
pub(super) const FOLD: u16 = 256;
/// Not a class: asks [`keep`] to fold, and to write whatever is no ASCII then as its class: `a` for a letter, a blank,
/// [`SIGN`] for the rest. What numbers are read from needs no more, and can go by bytes.
pub(super) const ASCII: u16 = 512;
/// Stands for a sign beyond ASCII; see [`ASCII`].
const SIGN: char = '\x01';

/// ASCII punctuation, which is a symbol as well.
const PLAIN: u16 = PUNCTUATION | SYMBOL;
const UNSEEN: u16 = SYMBOL | INVISIBLE;

/// Where in the Basic Multilingual Plane another class begins: code point and classes. Digits of other scripts are not
/// in it; see [`DIGIT_ZEROS`].
const BORDERS: &[(u16, u8)] = &[
    (0x00, UNSEEN as u8),
    (0x09, (BLANK | INVISIBLE) as u8),
    (0x0E, UNSEEN as u8),
    (0x20, BLANK as u8),
    (0x21, PLAIN as u8),
    (0x22, (PLAIN | HEADER) as u8),
    (0x23, PLAIN as u8),
    (0x28, (PLAIN | HEADER) as u8),
    (0x2A, PLAIN as u8),
    (0x2C, (PLAIN | HEADER) as u8),
    (0x2D, PLAIN as u8),
    (0x2E, (PLAIN | DOT) as u8),
    (0x2F, PLAIN as u8),
    (0x30, DIGIT as u8),
    (0x3A, (PLAIN | HEADER) as u8),
    (0x3D, PLAIN as u8),
    (0x3E, (PLAIN | HEADER) as u8),
    (0x3F, PLAIN as u8),
    (0x41, 0),
    (0x5B, (PLAIN | HEADER) as u8),
    (0x5E, PLAIN as u8),
    (0x61, 0),
    (0x7B, PLAIN as u8),
    (0x7F, UNSEEN as u8),
    (0x85, (BLANK | INVISIBLE) as u8),
    (0x86, UNSEEN as u8),
    (0xA0, BLANK as u8),
    (0xA1, SYMBOL as u8),
    (0xAA, 0),
    (0xAB, SYMBOL as u8),
    (0xB5, 0),
    (0xB6, SYMBOL as u8),
    (0xBA, 0),
    (0xBB, SYMBOL as u8),
    (0xC0, 0),
    (0xD7, SYMBOL as u8),
    (0xD8, 0),
    (0xF7, SYMBOL as u8),
    (0xF8, 0),
    (0x1680, BLANK as u8),
    (0x1681, 0),
    (0x2000, BLANK as u8),
    (0x200B, UNSEEN as u8),
    (0x2010, SYMBOL as u8),
    (0x2028, BLANK as u8),
    (0x202A, UNSEEN as u8),
    (0x202F, BLANK as u8),
    (0x2030, SYMBOL as u8),
    (0x205F, BLANK as u8),
    (0x2060, UNSEEN as u8),
    (0x2065, SYMBOL as u8),
    (0x2C00, 0),
    (0x3000, BLANK as u8),
    (0x3001, SYMBOL as u8),
    (0x3040, 0),
    (0x30FB, SYMBOL as u8),
    (0x30FC, 0),
    (0xE000, SYMBOL as u8),
    (0xF900, 0),
    (0xFE00, SYMBOL as u8),
    (0xFE70, 0),
    (0xFEFF, UNSEEN as u8),
    (0xFF00, 0),
    (0xFF01, WIDE as u8),
    (0xFF10, DIGIT as u8),
    (0xFF1A, WIDE as u8),
    (0xFF21, 0),
    (0xFF3B, WIDE as u8),
    (0xFF41, 0),
    (0xFF5B, WIDE as u8),
    (0xFF5F, SYMBOL as u8),
    (0xFF66, 0),
    (0xFFE0, SYMBOL as u8),
];

/// Folds a decimal digit of any script to ASCII, and full-width Latin to its ordinary shape.
fn fold(c: char) -> char {
    let code = c as u32;
    if code < 0x80 {
        return c;
    }
    if (0xFF01..=0xFF5E).contains(&code) {
        // Full-width forms stand at a fixed distance from ASCII.
        return char::from((code - 0xFEE0) as u8);
    }
    for zero in DIGIT_ZEROS {
        let digit = code.wrapping_sub(u32::from(*zero));
        if digit < 10 {
            return char::from(b'0' + digit as u8);
        }
    }
    c
}

/// The classes of `c`, whose folded shape is `folded`.
fn classes(c: char, folded: char) -> u16 {
    if folded.is_ascii_digit() {
        return DIGIT;
    }
    let code = c as u32;
    if code > 0xFFFF {
        return if matches!(code, 0x1_F000..=0x1_FFFF | 0xE_0000..) { SYMBOL } else { 0 };
    }
    let mut classes = 0;
    for (start, bits) in BORDERS {
        if u32::from(*start) > code {
            break;
        }
        classes = u16::from(*bits);
    }
    classes
}

/// Hands every character to `each`, folded and as it is, with the classes of the latter.
fn walk(text: &str, each: &mut dyn FnMut(char, char, u16)) {
    for c in text.chars() {
        let folded = fold(c);
        each(folded, c, classes(c, folded));
    }
}

/// `text` without the characters of the classes `drop` and without blanks at its ends; empty when nothing is left.
/// `drop` may ask for [`FOLD`] or [`ASCII`].
#[inline(never)]
pub(super) fn keep(text: &str, drop: u16) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut end = 0;
    walk(text, &mut |folded, c, classes| {
        let blank = classes & BLANK != 0;
        if classes & drop != 0 || blank && kept.is_empty() {
            return;
        }
        kept.push(if drop & ASCII != 0 && !(folded.is_ascii() && !blank) {
            match classes {
                0 => 'a',
                _ if blank => ' ',
                _ => SIGN,
            }
        } else if drop & (FOLD | ASCII) != 0 {
            folded
        } else {
            c
        });
        if !blank {
            end = kept.len();
        }
    });
    kept.truncate(end);
    kept
}

/// Whether a character of one of the `unwanted` classes stands in `text`, which has no blanks at its ends.
pub(super) fn has(text: &str, unwanted: u16) -> bool {
    keep(text, unwanted).len() != text.len()
}

/// `text` without blanks and ASCII punctuation.
pub(super) fn squash(text: &str) -> String {
    keep(text, BLANK | PUNCTUATION)
}

/// `text` without the words of `list`, each with the one blank after it, and without blanks at its ends.
pub(super) fn without_words(text: &str, list: &str) -> String {
    let mut kept = String::new();
    let mut word = 0;
    walk(text, &mut |_, c, classes| {
        let blank = classes & BLANK != 0;
        if blank && kept.get(word..).is_some_and(|last| listed(list, last)) {
            kept.truncate(word);
            return;
        }
        kept.push(c);
        if blank {
            word = kept.len();
        }
    });
    if kept.get(word..).is_some_and(|last| listed(list, last)) {
        kept.truncate(word);
    }
    keep(&kept, 0)
}

/// The zero of every run of ten decimal digits in the Basic Multilingual Plane (Unicode category Nd).
const DIGIT_ZEROS: &[u16] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(c: char) -> u16 {
        classes(c, fold(c))
    }

    #[test]
    fn digits_of_every_script_fold_to_ascii() {
        let check = |text: &str, expected| assert_eq!(keep(text, FOLD), expected);
        check("٠١٢٣٤٥٦٧٨٩", "0123456789");
        check("۰۹ ०९ ๐๙", "09 09 09");
        check("＋４９（０）", "+49(0)");
        check("plain é 漢 ½", "plain é 漢 ½");
    }

    #[test]
    fn letters_of_every_script_are_letters_and_signs_are_not() {
        for letter in "aZéßøñłжأក漢ひ정ªº\u{301}\u{20000}".chars() {
            assert_eq!(of(letter), 0, "{letter:?}");
        }
        for sign in "'.-_#@«»×÷’“”–…€→★・。\u{200d}\u{fe0f}😀".chars() {
            assert_eq!(of(sign) & (SYMBOL | BLANK | DIGIT), SYMBOL, "{sign:?}");
        }
        for digit in "0９٣".chars() {
            assert_eq!(of(digit), DIGIT, "{digit:?}");
        }
        assert_eq!(of('！'), WIDE);
    }

    #[test]
    fn the_table_agrees_with_the_standard_librarys() {
        assert!(BORDERS.is_sorted_by_key(|(start, _)| *start));
        for c in '\0'..=char::MAX {
            let classes = of(c);
            assert_eq!(classes & BLANK != 0, c.is_whitespace(), "{c:?}");
            assert_eq!(classes & PUNCTUATION != 0, c.is_ascii_punctuation(), "{c:?}");
            assert!(classes & INVISIBLE != 0 || !c.is_control(), "{c:?}");
            assert!(!c.is_ascii_alphanumeric() || classes & (SYMBOL | BLANK | INVISIBLE) == 0, "{c:?}");
        }
    }

    #[test]
    fn invisible_characters_are_neither_blank_nor_shown() {
        for c in ['\0', '\u{7f}', '\u{200b}', '\u{202a}', '\u{feff}'] {
            assert_eq!(of(c) & (INVISIBLE | BLANK), INVISIBLE, "{c:?}");
        }
        assert!(of('a') & INVISIBLE == 0 && of(' ') & INVISIBLE == 0);
    }

    #[test]
    fn what_is_kept_has_no_blanks_at_its_ends() {
        assert_eq!(keep("\u{3000} a - b .", PUNCTUATION), "a  b");
        assert_eq!(keep("é１ \u{a0}€", ASCII), "a1  \x01");
        assert_eq!(without_words("dr. mr.  dr.x\u{3000}mr.", "mr. dr."), "dr.x");
    }
}

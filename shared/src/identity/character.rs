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
/// Neither a letter, a digit nor a blank: ASCII punctuation and control characters, and whole blocks beyond ASCII:
/// Latin-1 signs, punctuation, currency, arrows, dingbats, CJK punctuation, variation selectors and emoji. Accents
/// that stand alone (U+0300 and on) belong to their letter.
pub(super) const SYMBOL: u16 = 4;
/// Full-width forms of ASCII punctuation: letters to the rules that do not fold, signs to those that do.
pub(super) const WIDE: u16 = 8;
/// Shows nothing on paper and yet is no blank: control characters, direction marks, zero-width joints.
pub(super) const INVISIBLE: u16 = 16;
/// What stands around addresses in a mail's header: `<`, `,` …
pub(super) const HEADER: u16 = 32;
/// The full stop.
pub(super) const DOT: u16 = 64;
/// Not a class: asks [`Room::keep`] to fold what it keeps.
pub(super) const FOLD: u16 = 128;
/// Not a class: asks [`Room::keep`] to fold, and to write whatever is no ASCII then as its class: `a` for a letter, a blank,
/// [`SIGN`] for the rest. What numbers are read from needs no more, and can go by bytes.
pub(super) const ASCII: u16 = 256;
/// Not a class: asks [`Room::keep`] to fold, and to write ASCII letters in upper case.
pub(super) const UPPER: u16 = 512;
/// Stands for a sign beyond ASCII; see [`ASCII`].
const SIGN: u8 = 1;

const UNSEEN: u16 = SYMBOL | INVISIBLE;

/// Where in the Basic Multilingual Plane another class begins: code point and classes. Digits of other scripts are not
/// in it; see [`DIGIT_ZEROS`].
const BORDERS: &[(u16, u8)] = &[
    (0x00, UNSEEN as u8),
    (0x09, (BLANK | INVISIBLE) as u8),
    (0x0E, UNSEEN as u8),
    (0x20, BLANK as u8),
    (0x21, SYMBOL as u8),
    (0x22, (SYMBOL | HEADER) as u8),
    (0x23, SYMBOL as u8),
    (0x28, (SYMBOL | HEADER) as u8),
    (0x2A, SYMBOL as u8),
    (0x2C, (SYMBOL | HEADER) as u8),
    (0x2D, SYMBOL as u8),
    (0x2E, (SYMBOL | DOT) as u8),
    (0x2F, SYMBOL as u8),
    (0x30, DIGIT as u8),
    (0x3A, (SYMBOL | HEADER) as u8),
    (0x3D, SYMBOL as u8),
    (0x3E, (SYMBOL | HEADER) as u8),
    (0x3F, SYMBOL as u8),
    (0x41, 0),
    (0x5B, (SYMBOL | HEADER) as u8),
    (0x5E, SYMBOL as u8),
    (0x61, 0),
    (0x7B, SYMBOL as u8),
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
fn fold(code: u32) -> u32 {
    if code < 0x80 {
        return code;
    }
    if (0xFF01..=0xFF5E).contains(&code) {
        // Full-width forms stand at a fixed distance from ASCII.
        return code - 0xFEE0;
    }
    for zero in DIGIT_ZEROS {
        let digit = code.wrapping_sub(u32::from(*zero));
        if digit < 10 {
            return u32::from(b'0') + digit;
        }
    }
    code
}

/// The classes of the character `code`, whose folded shape is `folded`.
fn classes(code: u32, folded: u32) -> u16 {
    if folded.wrapping_sub(u32::from(b'0')) < 10 {
        return DIGIT;
    }
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

/// A character of a text.
pub(super) struct Character<'a> {
    /// As it stands there.
    pub(super) bytes: &'a [u8],
    /// Its code point, folded.
    pub(super) folded: u32,
    /// What it is.
    pub(super) classes: u16,
}

/// Takes the first character off a text, which is UTF-8.
#[inline(never)]
pub(super) fn next<'a>(text: &mut &'a [u8]) -> Option<Character<'a>> {
    let first = u32::from(*text.first()?);
    // Of a longer character the lead byte tells the length, and the others hold six bits each.
    let (length, mut code) = match first {
        0..0x80 => (1, first),
        0x80..0xE0 => (2, first & 0x1F),
        0xE0..0xF0 => (3, first & 0x0F),
        _ => (4, first & 0x07),
    };
    let (bytes, rest) = text.split_at_checked(length)?;
    for byte in bytes.iter().skip(1) {
        code = code << 6 | u32::from(byte & 0x3F);
    }
    *text = rest;
    let folded = fold(code);
    Some(Character { bytes, folded, classes: classes(code, folded) })
}

/// Memory for the texts that a rule makes on its way to a normal form: each takes the front of it.
///
/// A rule that finds too little makes nothing of its text; [`Room::for_text`] says how much is enough.
#[derive(Debug)]
pub struct Room<'a>(&'a mut [u8]);

impl<'a> Room<'a> {
    /// All of `memory`.
    pub fn new(memory: &'a mut [u8]) -> Self {
        Self(memory)
    }

    /// How many bytes every rule finds enough for a text (with its country) of so many bytes.
    pub const fn for_text(bytes: usize) -> usize {
        bytes * 8 + 64
    }

    /// Takes the front of the memory, as much as was written.
    fn take(&mut self, length: usize) -> &'a [u8] {
        let memory = core::mem::take(&mut self.0);
        match memory.split_at_mut_checked(length) {
            Some((taken, rest)) => {
                self.0 = rest;
                taken
            }
            None => &[],
        }
    }

    /// `text` without the characters of the classes `drop` and without blanks at its ends; empty when nothing is left.
    /// `drop` may ask for [`FOLD`], [`UPPER`] or [`ASCII`].
    #[inline(never)]
    pub(super) fn keep(&mut self, text: &[u8], drop: u16) -> &'a [u8] {
        let (mut rest, mut length, mut end) = (text, 0, 0);
        while let Some(character) = next(&mut rest) {
            let Character { mut bytes, folded, classes } = character;
            let blank = classes & BLANK != 0;
            if classes & drop != 0 || blank && length == 0 {
                continue;
            }
            let mut ascii = folded as u8;
            if drop & ASCII != 0 && (blank || folded > 0x7F) {
                ascii = match classes {
                    0 => b'a',
                    _ if blank => b' ',
                    _ => SIGN,
                };
            }
            if drop & UPPER != 0 {
                ascii.make_ascii_uppercase();
            }
            let ascii = [ascii];
            if drop & ASCII != 0 || drop & (FOLD | UPPER) != 0 && folded < 0x80 {
                bytes = &ascii;
            }
            length = put(self.0, length, bytes);
            if !blank {
                end = length;
            }
        }
        self.take(end)
    }

    /// `text` without blanks, punctuation and other symbols.
    pub(super) fn squash(&mut self, text: &[u8]) -> &'a [u8] {
        self.keep(text, BLANK | SYMBOL)
    }

    /// Three texts as one.
    #[inline(never)]
    pub(super) fn join(&mut self, first: &[u8], second: &[u8], third: &[u8]) -> &'a [u8] {
        let length = put(self.0, 0, first);
        let length = put(self.0, length, second);
        let length = put(self.0, length, third);
        self.take(length)
    }

    /// `text` without the words of `list`, each with the one blank after it, and without blanks at its ends.
    pub(super) fn without_words(&mut self, text: &[u8], list: &'static str) -> &'a [u8] {
        let (mut rest, mut length, mut word) = (text, 0, 0);
        loop {
            let character = next(&mut rest);
            let blank = character.as_ref().is_none_or(|character| character.classes & BLANK != 0);
            let last = self.0.get(word..length).unwrap_or_default();
            if blank && listed(list, last) {
                length = word;
            } else if let Some(character) = &character {
                length = put(self.0, length, character.bytes);
            }
            if character.is_none() {
                break;
            }
            if blank {
                word = length;
            }
        }
        let kept = self.take(length);
        self.keep(kept, 0)
    }
}

/// Writes `bytes` at `at` and answers where they end; further than any memory goes when there is no room.
#[inline(never)]
fn put(to: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    match to.get_mut(at..).and_then(|to| to.get_mut(..bytes.len())) {
        Some(to) => {
            to.copy_from_slice(bytes);
            at + bytes.len()
        }
        None => usize::MAX,
    }
}

/// Whether a character of one of the classes `unwanted` stands in `text`.
#[inline(never)]
pub(super) fn has(mut text: &[u8], unwanted: u16) -> bool {
    while let Some(character) = next(&mut text) {
        if character.classes & unwanted != 0 {
            return true;
        }
    }
    false
}

/// `text` without blanks at its end.
pub(super) fn trim_end(text: &[u8]) -> &[u8] {
    let (mut rest, mut length) = (text, 0);
    while let Some(character) = next(&mut rest) {
        if character.classes & BLANK == 0 {
            length = text.len() - rest.len();
        }
    }
    text.get(..length).unwrap_or_default()
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
        classes(c as u32, fold(c as u32))
    }

    /// What a rule of [`Room`] makes of a text.
    fn made(text: &str, rule: impl for<'a> FnOnce(&mut Room<'a>, &[u8]) -> &'a [u8]) -> String {
        let mut memory = vec![0; Room::for_text(text.len())];
        let made = rule(&mut Room::new(&mut memory), text.as_bytes());
        String::from_utf8(made.to_vec()).expect("UTF-8")
    }

    #[test]
    fn digits_of_every_script_fold_to_ascii() {
        let check =
            |text: &str, expected| assert_eq!(made(text, |room, text| room.keep(text, FOLD)), expected);
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
            assert!(classes & SYMBOL != 0 || !c.is_ascii_punctuation(), "{c:?}");
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
        assert_eq!(made("\u{3000} a - b .", |room, text| room.keep(text, SYMBOL)), "a  b");
        assert_eq!(made("é１ \u{a0}€", |room, text| room.keep(text, ASCII)), "a1  \x01");
        assert_eq!(
            made("dr. mr.  dr.x\u{3000}mr.", |room, text| room.without_words(text, "mr. dr.")),
            "dr.x"
        );
        assert_eq!(made("aé１-", |room, text| room.keep(text, UPPER)), "Aé1-");
        assert_eq!(made("a", |room, text| room.join(text, b"b", text)), "aba");
    }

    #[test]
    fn a_character_is_read_as_the_standard_library_reads_it() {
        for c in '\0'..=char::MAX {
            let text = format!("{c}x");
            let mut rest = text.as_bytes();
            let read = next(&mut rest).expect("a character");
            assert_eq!((read.bytes, rest), (c.to_string().as_bytes(), &b"x"[..]));
            assert_eq!((read.folded, read.classes), (fold(c as u32), of(c)));
        }
    }

    #[test]
    fn too_little_room_makes_nothing() {
        let mut memory = [0; 3];
        let mut room = Room::new(&mut memory);
        assert_eq!(room.keep(b"ab", 0), b"ab");
        assert_eq!(room.join(b"a", b"b", b""), b"");
        assert_eq!(room.keep(b"a", 0), b"");
    }
}

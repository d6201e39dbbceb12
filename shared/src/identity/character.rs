//! Classes of characters the rules speak of, without Unicode tables.
//!
//! The standard library's `is_alphabetic` and `is_numeric` bring tables of several kilobytes into the browser tag.
//! The rules need less: which characters are digits, which are marks rather than letters. Everything that is
//! neither a blank, a digit nor a known block of symbols counts as a letter, so no script is lost.

/// Folds a decimal digit of any script to ASCII, and full-width Latin to its ordinary shape.
pub(super) fn fold(c: char) -> char {
    let code = c as u32;
    if code < 0x80 {
        return c;
    }
    if (0xFF01..=0xFF5E).contains(&code) {
        // Full-width forms stand at a fixed distance from ASCII.
        return char::from(((code - 0xFEE0) & 0x7F) as u8);
    }
    for zero in DIGIT_ZEROS {
        if let Some(digit) = code.checked_sub(u32::from(*zero))
            && digit < 10
        {
            return char::from(b'0' + (digit & 0x0F) as u8);
        }
    }
    c
}

/// Whether `c`, already folded, is neither a letter, a digit nor a blank.
///
/// Beyond ASCII these are whole blocks: Latin-1 signs, punctuation, currency, arrows, dingbats, CJK punctuation,
/// variation selectors and emoji. Accents that stand alone (U+0300 and on) belong to their letter.
pub(super) fn is_symbol(c: char) -> bool {
    match c as u32 {
        0..=0x7F => !c.is_ascii_alphanumeric() && !c.is_whitespace(),
        0xAA | 0xB5 | 0xBA => false,
        0x80..=0xBF | 0xD7 | 0xF7 | 0x2000..=0x2BFF | 0x3000..=0x303F => !c.is_whitespace(),
        0x30FB | 0xE000..=0xF8FF | 0xFE00..=0xFE6F | 0xFEFF | 0xFF5F..=0xFF65 | 0xFFE0..=0xFFFF => true,
        0x1_F000..=0x1_FFFF | 0xE_0000.. => true,
        _ => false,
    }
}

/// Whether `c` is a letter: no digit, blank or symbol.
pub(super) fn is_letter(c: char) -> bool {
    !c.is_ascii_digit() && !c.is_whitespace() && !is_symbol(c)
}

/// Whether `c` shows nothing on paper and yet is no blank: control characters, direction marks, zero-width joints.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c as u32, 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2064 | 0xFEFF)
}

/// `text` without blanks, punctuation and other symbols; `None` when nothing is left.
pub(super) fn squash(text: &str) -> Option<String> {
    keep(text, |c| !c.is_whitespace() && !is_symbol(c))
}

/// `text` without blanks; `None` when nothing is left.
pub(super) fn without_blanks(text: &str) -> Option<String> {
    keep(text, |c| !c.is_whitespace())
}

/// The characters of `text` that `wanted` accepts, trimmed; `None` when nothing is left.
pub(super) fn keep(text: &str, wanted: impl Fn(char) -> bool) -> Option<String> {
    let kept: String = text.chars().filter(|c| wanted(*c)).collect();
    let trimmed = kept.trim();
    if trimmed.is_empty() {
        return None;
    }
    Some(if trimmed.len() == kept.len() { kept } else { trimmed.to_owned() })
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

    #[test]
    fn digits_of_every_script_fold_to_ascii() {
        let check = |text: &str, expected| assert_eq!(text.chars().map(fold).collect::<String>(), expected);
        check("٠١٢٣٤٥٦٧٨٩", "0123456789");
        check("۰۹ ०९ ๐๙", "09 09 09");
        check("＋４９（０）", "+49(0)");
        check("plain é 漢 ½", "plain é 漢 ½");
    }

    #[test]
    fn letters_of_every_script_are_letters_and_signs_are_not() {
        for letter in "aZéßøñłжأक漢ひ정ªº\u{301}".chars() {
            assert!(is_letter(letter), "{letter:?}");
        }
        for sign in "'.-_#@«»×÷’“”–…€→★・。\u{200d}\u{fe0f}😀".chars() {
            assert!(is_symbol(sign) && !is_letter(sign), "{sign:?}");
        }
        for blank in " \t\n\u{a0}\u{2003}\u{3000}".chars() {
            assert!(!is_symbol(blank) && !is_letter(blank), "{blank:?}");
        }
    }

    #[test]
    fn invisible_characters_are_neither_blank_nor_shown() {
        for c in ['\0', '\u{7f}', '\u{200b}', '\u{202a}', '\u{feff}'] {
            assert!(is_invisible(c), "{c:?}");
        }
        assert!(!is_invisible('a') && !is_invisible(' '));
    }
}

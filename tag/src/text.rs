//! Text, byte by byte: cutting and putting together.
//!
//! Exists for the sake of size: one small function each instead of the standard library's general ones, which are
//! compiled anew for every pattern. Owns no rule of the tag.

/// The parts of `text` before and after the first `byte`, which is ASCII; all of it and nothing when there is none.
#[inline(never)]
pub(crate) fn cut(text: &str, byte: u8) -> (&str, &str) {
    match text.bytes().position(|b| b == byte) {
        Some(index) => (text.get(..index).unwrap_or_default(), text.get(index + 1..).unwrap_or_default()),
        None => (text, ""),
    }
}

/// Walks the lines of a text.
#[derive(Clone)]
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    #[inline(never)]
    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = cut(self.0, b'\n');
        self.0 = rest;
        Some(line)
    }
}

/// Appends several texts. A single function on purpose: it is called everywhere.
#[inline(never)]
pub(crate) fn put(json: &mut String, parts: &[&str]) {
    for part in parts {
        json.push_str(part);
    }
}

/// Reads a whole number of decimal digits; 0 for anything else.
pub(crate) fn number(digits: &str) -> f64 {
    let mut number = 0.0;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return 0.0;
        }
        number = number * 10.0 + f64::from(byte - b'0');
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_digits_and_nothing_else() {
        let check = |text, expected| assert_eq!(number(text), expected, "{text}");
        check("1795183509123", 1_795_183_509_123.0);
        check("", 0.0);
        check("-1", 0.0);
        check("1.5", 0.0);
    }

    proptest::proptest! {
        #[test]
        fn cutting_keeps_every_byte_but_one(text in "[a-c\n]{0,20}") {
            let (before, after) = cut(&text, b'\n');
            let together = if before.len() < text.len() { format!("{before}\n{after}") } else { before.to_owned() };
            proptest::prop_assert_eq!(together, text);
        }
    }
}

//! Text, byte by byte: cutting and writing JSON.
//!
//! Exists for the sake of size: one small function each instead of the standard library's general ones, which are
//! compiled anew for every pattern. Owns no rule of the tag.

/// The parts of `text` before and after the first `byte`, which is ASCII; all of it and nothing when there is none.
pub(crate) fn cut(text: &str, byte: u8) -> (&str, &str) {
    match text.bytes().position(|b| b == byte) {
        Some(index) => (&text[..index], &text[index + 1..]),
        None => (text, ""),
    }
}

/// Walks the lines of a text.
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

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

/// Appends the name of an object's member, and a comma where one is due.
#[inline(never)]
pub(crate) fn name(json: &mut String, name: &str) {
    let first = matches!(json.as_bytes().last(), None | Some(b'{' | b'['));
    put(json, &[if first { "\"" } else { ",\"" }, name, "\":"]);
}

/// Appends a member that is text.
#[inline(never)]
pub(crate) fn member(json: &mut String, key: &str, value: &str) {
    name(json, key);
    json.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                json.push('\\');
                json.push(c);
            }
            // No rule of ours keeps control characters, and JSON forbids them bare.
            '\0'..='\x1f' => json.push(' '),
            _ => json.push(c),
        }
    }
    json.push('"');
}

/// Reads a whole number of decimal digits; 0 for anything else, and it saturates.
pub(crate) fn number(digits: &str) -> u64 {
    let mut number = 0u64;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return 0;
        }
        number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_digits_and_nothing_else() {
        let check = |text, expected| assert_eq!(number(text), expected, "{text}");
        check("1795183509123", 1_795_183_509_123);
        check("", 0);
        check("-1", 0);
        check("1.5", 0);
        check("99999999999999999999999", u64::MAX);
    }

    proptest::proptest! {
        #[test]
        fn members_are_json_and_keep_their_text(key in "[a-z_]{1,9}", value in "(?s).{0,40}") {
            let mut json = String::from("{");
            member(&mut json, "first", "");
            member(&mut json, &key, &value);
            json.push('}');
            let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let kept = value.replace(|c: char| c < ' ', " ");
            proptest::prop_assert_eq!(read[&key].as_str(), Some(kept.as_str()));
        }

        #[test]
        fn cutting_keeps_every_byte_but_one(text in "[a-c\n]{0,20}") {
            let (before, after) = cut(&text, b'\n');
            let together = if before.len() < text.len() { format!("{before}\n{after}") } else { before.to_owned() };
            proptest::prop_assert_eq!(together, text);
        }
    }
}

//! Percent-escapes, as addresses and our own cookie use them.
//!
//! Owns both directions over UTF-8. Leaves what a value means to its reader.

/// Unescapes `%XX`, and `+` as a blank when `plus` (queries write blanks so). A broken escape stays as it stands;
/// bytes that are no UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (byte, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => byte,
            },
            (b'+', _) if plus => b' ',
            _ => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Escapes every byte but letters, digits and `-._`.
pub(crate) fn encode(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            for nibble in [byte >> 4, byte & 0x0f] {
                escaped.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
    escaped
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_every_kind() {
        let check = |text: &str, plus, expected: &str| assert_eq!(decode(text, plus), expected, "{text}");
        check("a%20b+c", true, "a b c");
        check("a+b", false, "a+b");
        check("caf%C3%A9", true, "café");
        check("100%", true, "100%");
        check("%4", true, "%4");
        check("%zz%41", true, "%zzA");
        check("%FF", true, "\u{FFFD}");
    }

    proptest::proptest! {
        #[test]
        fn decoding_undoes_encoding(text in ".{0,40}") {
            let escaped = encode(&text);
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"%-._".contains(&b);
            proptest::prop_assert!(escaped.bytes().all(plain));
            proptest::prop_assert_eq!(decode(&escaped, true), text);
        }

        #[test]
        fn the_decoder_never_panics(text in "[%+a-fA-F0-9é]{0,40}", plus: bool) {
            let _ = decode(&text, plus);
        }
    }
}

//! Whole numbers as text, in any base up to 36.
//!
//! Exists because the standard library's formatting would cost more bytes in the browser than all numbers of the
//! tag together. Owns nothing else.

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Writes `number` in base `base`, which is between 2 and 36.
pub(crate) fn write(mut number: u64, base: u64) -> String {
    let mut reversed = Vec::new();
    loop {
        reversed.push(DIGITS[(number % base) as usize]);
        number /= base;
        if number == 0 {
            break;
        }
    }
    reversed.iter().rev().map(|digit| char::from(*digit)).collect()
}

/// Reads base 36 in lower case. `None` for anything else, or for more than a time needs.
pub(crate) fn read36(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 11 {
        return None;
    }
    text.bytes().try_fold(0, |number: u64, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'z' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number * 36 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_like_the_standard_library_does() {
        let check = |number: u64| assert_eq!(write(number, 10), number.to_string());
        check(0);
        check(9);
        check(10);
        check(1_795_183_509_123);
        check(u64::MAX);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "A", "-1", "1 ", "zzzzzzzzzzzz", "é"] {
            assert_eq!(read36(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn base_36_reads_what_it_wrote(number in 0..36u64.pow(11)) {
            proptest::prop_assert_eq!(read36(&write(number, 36)), Some(number));
        }
    }
}

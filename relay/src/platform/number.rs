//! Numbers as platforms want them in JSON and in addresses: 59.9 as `59.9`, two pieces as `2`, and nothing a float
//! made up.

use std::fmt;

use serde::{Serialize, Serializer};

/// A finite number that is written the way a person would.
///
/// Sums made in a browser carry noise (`0.1 + 0.2` is 0.30000000000000004), so more than six decimals are
/// rounded away; no currency has more than four (ISO 4217, CLF). A whole number is written without a decimal
/// point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(f64);

impl Number {
    /// `None` for NaN and the infinities, which JSON cannot write, and for what is larger than [`LARGEST`].
    pub(super) fn new(value: f64) -> Option<Self> {
        if !value.is_finite() || value.abs() > LARGEST {
            return None;
        }
        // Through decimal text, because scaling by a power of ten brings noise of its own.
        Some(Self(format!("{value:.6}").parse().unwrap_or(value)))
    }
}

/// A number written as text, as amounts are read: digits, a dot and a minus sign. Any other text ("1.234,50", "12,5",
/// "1e3") could mean several numbers or none.
pub(super) fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 {
            // Exact: LARGEST is below 2^53, up to where every whole number is a float.
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Decimal digits with a dot, without an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding nought turns the negative nought into the plain one.
        write!(f, "{}", self.0 + 0.0)
    }
}

/// A thousand million million: more than anybody paid in any currency, so what is larger is a mistake, and JSON would
/// write much larger ones with an exponent, which not every reader of amounts understands.
const LARGEST: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_a_person_would() {
        let check = |value: f64, expected: &str| {
            let number = Number::new(value).expect("finite");
            assert_eq!(serde_json::to_string(&number).expect("writable"), expected);
        };
        check(59.9, "59.9");
        check(2.0, "2");
        check(0.1 + 0.2, "0.3");
        check(29.95 * 3.0, "89.85");
        check(-0.0, "0");
        check(-5.5, "-5.5");
        check(1234.5678, "1234.5678");
        check(1e15, "1000000000000000");
        check(-1e15, "-1000000000000000");
    }

    #[test]
    fn as_text_a_number_has_no_exponent() {
        let check = |value: f64, expected: &str| {
            assert_eq!(Number::new(value).expect("finite").to_string(), expected);
        };
        check(49.90, "49.9");
        check(2.0, "2");
        check(0.1 + 0.2, "0.3");
        check(-0.0, "0");
        check(0.000_001, "0.000001");
        check(1e15, "1000000000000000");
    }

    #[test]
    fn a_text_is_a_number_only_where_it_can_mean_but_one() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(plain(text), expected, "{text}");
        check("12.5", Some(12.5));
        check(" 12 ", Some(12.0));
        check("-0.5", Some(-0.5));
        for text in [
            "", " ", ".", "-", "12,5", "1,234", "1.234,50", "1.2.3", "1-2", "12 EUR", "1e3", "+5", "NaN",
            "inf",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_cannot_be_written_or_counted_is_no_number() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.1e15, 1e16, -1e16, 1e21, 1e300] {
            assert_eq!(Number::new(value), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn cents_survive(cents in -1_000_000_000_000i64..1_000_000_000_000) {
            let value = cents as f64 / 100.0;
            let written = serde_json::to_string(&Number::new(value)).expect("writable");
            proptest::prop_assert_eq!(written.parse::<f64>().expect("a number"), value);
        }
    }
}

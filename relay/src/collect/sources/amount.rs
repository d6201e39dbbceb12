//! Amounts and times as networks write them.
//!
//! Nothing is guessed: what is no amount or no instant is none, and a time without its zone counts only where the
//! network says which zone it means.

use shared::time::SECOND_MS;
use shared::{UnixMs, money};

/// Reads `12.5`, `1,234.50`, `1234,50`, `$12`, `12.50 USD`. `None` for what is no amount.
pub(super) fn amount(text: &str) -> Option<f64> {
    let is_sign =
        |letter: char| letter.is_alphabetic() || letter.is_whitespace() || CURRENCY_SIGNS.contains(&letter);
    let inner = text.trim_matches(is_sign);
    let inner = inner.strip_prefix('+').unwrap_or(inner);
    let (minus, digits) = match inner.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start_matches(is_sign)),
        None => (false, inner),
    };
    // What stands around the number is a currency at most.
    let around: usize = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
    if around > LONGEST_CURRENCY || !plain || digits.len() > LONGEST_AMOUNT {
        return None;
    }
    money::parse_amount(digits).map(|amount| if minus { -amount } else { amount })
}

/// Reads Unix seconds, Unix milliseconds or RFC 3339. A time that names no zone is in UTC if the network says so.
pub(super) fn instant(text: &str, is_utc: bool) -> Option<UnixMs> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            10 => Some(UnixMs(number.saturating_mul(SECOND_MS))),
            13 => Some(UnixMs(number)),
            _ => None,
        };
    }
    let zoneless = || UnixMs::parse_rfc3339(&format!("{text}Z")).filter(|_| is_utc);
    UnixMs::parse_rfc3339(text).or_else(|| UnixMs::parse_rfc3339(&plus_before_zone(text)?)).or_else(zoneless)
}

/// `…T12:00:00 01:00` is what becomes of `+01:00` in a query.
fn plus_before_zone(text: &str) -> Option<String> {
    let (time, zone) = text.rsplit_once(' ')?;
    (time.len() >= "2026-11-23T12:00:00".len()).then(|| format!("{time}+{zone}"))
}

const CURRENCY_SIGNS: [char; 6] = ['$', '€', '£', '¥', '₹', '\u{a0}'];
/// `USD`, `R$`, `CHF`.
const LONGEST_CURRENCY: usize = 3;
/// More digits are an id in the wrong place.
const LONGEST_AMOUNT: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_every_spelling() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(amount(text), expected, "{text}");
        check("12.5", Some(12.5));
        check("0", Some(0.0));
        check("0.00", Some(0.0));
        check("1,234.50", Some(1234.5));
        check("1.234,50", Some(1234.5));
        check("1234,50", Some(1234.5));
        check("$1,234.50", Some(1234.5));
        check("12.50 USD", Some(12.5));
        check("USD12.50", Some(12.5));
        check("€ 12", Some(12.0));
        check("+12", Some(12.0));
        check("-12.50", Some(-12.5));
        check("-$12.50", Some(-12.5));
        for none in ["", "free", "1e5", "12 or 13", "1-2", "12 dollars", "0x10", "9".repeat(19).as_str(), "."]
        {
            check(none, None);
        }
    }

    #[test]
    fn times_of_every_spelling() {
        let noon = Some(UnixMs(1_795_435_200_000));
        let check =
            |text: &str, is_utc: bool, expected| assert_eq!(instant(text, is_utc), expected, "{text}");
        check("1795435200", false, noon);
        check("1795435200000", false, noon);
        check("2026-11-23T12:00:00Z", false, noon);
        check("2026-11-23T13:00:00+01:00", false, noon);
        check("2026-11-23T13:00:00 01:00", false, noon);
        check("2026-11-23 12:00:00", true, noon);
        check("2026-11-23 12:00:00", false, None);
        check("2026-11-23", true, None);
        check("179543520", false, None);
        check("99999999999999999999", false, None);
        check("yesterday", true, None);
    }
}

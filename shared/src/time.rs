//! Time as the vocabulary uses it: Unix milliseconds, always floored when a platform wants seconds.
//!
//! Reads RFC 3339 and the number forms of the wire, writes RFC 3339. Leaves the clock to the caller: "now" is
//! an argument everywhere. Rounding up would put an event into the future, which platforms refuse, so
//! conversion to seconds always rounds down.

use core::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored as Unix does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

/// One second, in milliseconds.
pub const SECOND_MS: i64 = 1_000;
/// One minute, in milliseconds.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// One hour, in milliseconds.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// One day, in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// 9999-12-31T23:59:59.999Z, the last instant RFC 3339 can write.
const LATEST_MS: i64 = 253_402_300_799_999;

impl UnixMs {
    /// Ten digits are Unix seconds: as milliseconds they would be days of January 1970, and nobody means those.
    #[must_use]
    pub fn from_seconds_where_small(self) -> Self {
        const SECONDS: std::ops::RangeInclusive<i64> = 1_000_000_000..=9_999_999_999;
        if SECONDS.contains(&self.0) { Self(self.0 * SECOND_MS) } else { self }
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND_MS)
    }

    /// The instant `ms` milliseconds later (earlier when negative), saturating.
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-20T14:05:09Z`, with `.250` when there are milliseconds.
    pub fn rfc3339(self) -> String {
        let Civil { year, month, day } = civil_from_days(self.0.div_euclid(DAY_MS));
        let ms = self.0.rem_euclid(DAY_MS);
        let (h, m, s, milli) = (ms / HOUR_MS, ms / MINUTE_MS % 60, ms / SECOND_MS % 60, ms % SECOND_MS);
        let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
        format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{fraction}Z")
    }

    /// Reads RFC 3339 (`2026-11-20T15:05:09.250+01:00`, a space for the `T` allowed). `None` when it is not.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't' | b' ') {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<u32> {
            let digits = text.get(from..to)?;
            if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
        };
        let punctuated = bytes[4] == b'-' && bytes[7] == b'-' && bytes[13] == b':' && bytes[16] == b':';
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if !punctuated || !valid_date(year, month, day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let (milli, rest) = fraction(text.get(19..)?)?;
        let offset_minutes = offset(rest)?;
        let days = days_from_civil(year.into(), month.into(), day.into());
        let [hour, minute, second] = [hour, minute, second].map(i64::from);
        let ms = days * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + milli;
        Some(Self(ms - offset_minutes * MINUTE_MS))
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Reads `.250` and leaves what follows it; more than three digits are cut, not rounded.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.bytes().position(|b| !b.is_ascii_digit())?;
    if end == 0 {
        return None;
    }
    let milli = digits[..end].bytes().chain([b'0'; 3]).take(3).fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    Some((milli, &digits[end..]))
}

/// Minutes east of UTC in `Z` or `+01:00`.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |part: &str| -> Option<i64> {
        if part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if hours > 23 || minutes > 59 { None } else { Some(sign * (hours * 60 + minutes)) }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, four digits in everything we write.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, 1 to 31.
    pub day: i64,
}

/// Whether this is a real day of the Gregorian calendar in the years 0 to 9999.
pub const fn valid_date(year: u32, month: u32, day: u32) -> bool {
    // A century is a leap year only by 400, and of those that 25 divides these are the ones that 16 does.
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(25) || year.is_multiple_of(16));
    let last = match month {
        2 => 28 + leap as u32,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= last
}

/// Days from 1970-01-01, by counting from the first of March so that the leap day comes last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The day that lies `days` after 1970-01-01; the inverse of the above.
const fn civil_from_days(days: i64) -> Civil {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    Civil { year, month, day: day_of_year - (153 * shifted_month + 2) / 5 + 1 }
}

impl<'de> Deserialize<'de> for UnixMs {
    /// Takes Unix milliseconds (a number) or an RFC 3339 string, between 1970 and 9999.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Time;
        impl Visitor<'_> for Time {
            type Value = UnixMs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("Unix milliseconds or an RFC 3339 time")
            }
            fn visit_i64<E: Error>(self, ms: i64) -> Result<UnixMs, E> {
                if (0..=LATEST_MS).contains(&ms) {
                    Ok(UnixMs(ms))
                } else {
                    Err(E::custom("time is out of range: expected Unix milliseconds"))
                }
            }
            fn visit_u64<E: Error>(self, ms: u64) -> Result<UnixMs, E> {
                self.visit_i64(i64::try_from(ms).unwrap_or(-1))
            }
            fn visit_f64<E: Error>(self, ms: f64) -> Result<UnixMs, E> {
                // A page's clock may report fractions (`performance.timeOrigin`); floored like all time here.
                self.visit_i64(if ms.is_finite() { ms.floor() as i64 } else { -1 })
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<UnixMs, E> {
                UnixMs::parse_rfc3339(text).ok_or_else(|| E::custom("not an RFC 3339 time"))
            }
        }
        deserializer.deserialize_any(Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_both_ways() {
        let check = |text: &str, ms: i64, written: &str| {
            assert_eq!(UnixMs::parse_rfc3339(text), Some(UnixMs(ms)), "{text}");
            assert_eq!(UnixMs(ms).rfc3339(), written);
        };
        check("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z");
        check("2026-11-20T15:05:09.250+01:00", 1_795_183_509_250, "2026-11-20T14:05:09.250Z");
        check("2026-11-20 14:05:09Z", 1_795_183_509_000, "2026-11-20T14:05:09Z");
        check("2024-02-29T23:59:59.999999Z", 1_709_251_199_999, "2024-02-29T23:59:59.999Z");
        check("1969-12-31T23:30:00-01:00", 1_800_000, "1970-01-01T00:30:00Z");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "2026-11-20",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-11-20T14:05:09",
            "2026-11-20T14:05:09.Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T14:05:09+1:00",
            "２026-11-20T14:05:09Z",
            "2026-11-20T14:05:09+01:00:00",
        ] {
            assert_eq!(UnixMs::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_are_floored() {
        assert_eq!(UnixMs(1_795_183_509_999).seconds(), 1_795_183_509);
        assert_eq!(UnixMs(-1).seconds(), -1);
    }

    proptest::proptest! {
        #[test]
        fn writing_and_reading_agree(ms in 0..LATEST_MS) {
            proptest::prop_assert_eq!(UnixMs::parse_rfc3339(&UnixMs(ms).rfc3339()), Some(UnixMs(ms)));
        }

        #[test]
        fn the_parser_never_panics(text in ".{0,40}") {
            let _ = UnixMs::parse_rfc3339(&text);
        }
    }
}

//! How a sender writes amounts and times, where it does not write them as JSON's own numbers and RFC 3339.
//!
//! What is not there is `None`; what is there and cannot be read is an error with a reason, because a conversion with a
//! wrong amount or at a wrong time is worse than one that is missing and says so.

use serde::Deserialize;
use shared::UnixMs;
use shared::time::SECOND_MS;

use super::tree::Node;

/// The way one value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Manner {
    /// How many decimals a whole number hides: 2 reads 5990 as 59.90.
    pub(super) minor_units: u8,
    /// What stands before the decimals in a text.
    pub(super) decimal_mark: DecimalMark,
    /// How times are written.
    pub(super) format: TimeFormat,
}

/// What stands before the decimals in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum DecimalMark {
    /// `1,234.50`
    #[default]
    #[serde(rename = ".")]
    Dot,
    /// `1.234,50`
    #[serde(rename = ",")]
    Comma,
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeFormat {
    /// RFC 3339, or a number of Unix seconds (up to ten digits) or milliseconds (more).
    #[default]
    Auto,
    /// Unix milliseconds.
    Ms,
    /// Unix seconds.
    S,
    /// RFC 3339; the zone may lack its colon, as Salesforce writes it.
    Rfc3339,
    /// A date, or date and time, of UTC without saying so.
    Utc,
}

pub(super) const NO_AMOUNT: &str = "the value is no amount; see `minor_units` and `decimal_mark`";
pub(super) const NO_TIME: &str = "the time cannot be read; see `format`";

impl Manner {
    /// The amount, in major units.
    pub(super) fn amount(self, node: &Node<'_>) -> Result<Option<f64>, &'static str> {
        if node.is_blank() {
            return Ok(None);
        }
        let number = match self.decimal_mark {
            DecimalMark::Dot => node.amount(),
            DecimalMark::Comma => node.number().or_else(|| node.text().as_deref().and_then(continental)),
        };
        let amount = number.map(|number| number / 10_f64.powi(i32::from(self.minor_units)));
        amount.map(Some).ok_or(NO_AMOUNT)
    }

    /// The instant.
    pub(super) fn time(self, node: &Node<'_>) -> Result<Option<UnixMs>, &'static str> {
        if node.is_blank() {
            return Ok(None);
        }
        // A fraction of a second, as some write it, is no whole number.
        let number = || node.whole().or_else(|| node.amount().map(|number| number.floor() as i64));
        let text = || node.text();
        let seconds = |number: i64| UnixMs(number.saturating_mul(SECOND_MS));
        let found = match self.format {
            TimeFormat::Ms => number().map(UnixMs),
            TimeFormat::S => number().map(seconds),
            TimeFormat::Rfc3339 => text().as_deref().and_then(zoned),
            TimeFormat::Utc => text().as_deref().and_then(in_utc),
            TimeFormat::Auto => match number() {
                Some(number) if number < MOST_SECONDS => Some(seconds(number)),
                Some(number) => Some(UnixMs(number)),
                None => text().as_deref().and_then(zoned),
            },
        };
        found.filter(|time| time.0 > 0).map(Some).ok_or(NO_TIME)
    }
}

/// Eleven digits: as seconds a time in the year 5138, as milliseconds one of 1973.
const MOST_SECONDS: i64 = 100_000_000_000;

/// An amount such as `1.234,50`.
fn continental(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once(',').unwrap_or((text, "0"));
    let whole: String = whole.chars().filter(|c| !matches!(c, '.' | ' ' | '\u{a0}' | '\'')).collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(whole.strip_prefix('-').unwrap_or(&whole)) && digits(decimals);
    format!("{whole}.{decimals}").parse().ok().filter(|_| fits)
}

/// An instant in RFC 3339, or with a zone such as `+0000`.
fn zoned(text: &str) -> Option<UnixMs> {
    UnixMs::parse_rfc3339(text).or_else(|| {
        let at = text.len().checked_sub(5).filter(|at| *at > 18)?;
        let (instant, zone) = (text.get(..at)?, text.get(at..)?);
        UnixMs::parse_rfc3339(&format!("{instant}{}:{}", zone.get(..3)?, zone.get(3..)?))
    })
}

/// An instant of UTC that does not say so; a date is its first moment.
fn in_utc(text: &str) -> Option<UnixMs> {
    let midnight = if text.len() == 10 { "T00:00:00" } else { "" };
    UnixMs::parse_rfc3339(&format!("{text}{midnight}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<T>(json: &str, read: impl Fn(&Node<'_>) -> T) -> T {
        let body = format!("[{json}]");
        read(Node::read(body.as_bytes()).expect("a list").items().first().unwrap_or(&Node::Nothing))
    }

    #[test]
    fn amounts_are_read_as_they_are_written() {
        let check = |minor_units, decimal_mark, json: &str, expected: Result<Option<f64>, &'static str>| {
            let manner = Manner { minor_units, decimal_mark, ..Manner::default() };
            assert_eq!(node(json, |node| manner.amount(node)), expected, "{json}");
        };
        let (dot, comma) = (DecimalMark::Dot, DecimalMark::Comma);
        check(0, dot, "59.9", Ok(Some(59.9)));
        check(0, dot, "\"59.90\"", Ok(Some(59.9)));
        check(2, dot, "5990", Ok(Some(59.9)));
        check(3, dot, "\"5990\"", Ok(Some(5.99)));
        check(0, dot, "\"\"", Ok(None));
        check(0, dot, "null", Ok(None));
        check(0, dot, "\"1,234.50\"", Err(NO_AMOUNT));
        check(0, dot, "\"12 EUR\"", Err(NO_AMOUNT));
        check(0, dot, "{}", Err(NO_AMOUNT));
        check(0, comma, "\"1.234,50\"", Ok(Some(1234.5)));
        check(0, comma, "\"-59,9\"", Ok(Some(-59.9)));
        check(0, comma, "\"59\"", Ok(Some(59.0)));
        check(0, comma, "59.9", Ok(Some(59.9)));
        check(0, comma, "\"1,2,3\"", Err(NO_AMOUNT));
        check(0, comma, "\",\"", Err(NO_AMOUNT));
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let noon = Ok(Some(UnixMs(1_795_435_200_000)));
        let check = |format, json: &str, expected: Result<Option<UnixMs>, &'static str>| {
            let manner = Manner { format, ..Manner::default() };
            assert_eq!(node(json, |node| manner.time(node)), expected, "{json}");
        };
        for json in [
            "1795435200",
            "1795435200000",
            "1795435200.5",
            "\"1795435200\"",
            "\"2026-11-23T12:00:00Z\"",
            "\"2026-11-23T13:00:00.000+0100\"",
        ] {
            check(TimeFormat::Auto, json, noon);
        }
        check(TimeFormat::Ms, "1795435200000", noon);
        check(TimeFormat::S, "\"1795435200\"", noon);
        check(TimeFormat::Rfc3339, "\"2026-11-23T12:00:00+0000\"", noon);
        check(TimeFormat::Rfc3339, "1795435200", Err(NO_TIME));
        check(TimeFormat::Utc, "\"2026-11-23 12:00:00\"", noon);
        check(TimeFormat::Utc, "\"2026-11-23\"", Ok(Some(UnixMs(1_795_392_000_000))));
        check(TimeFormat::Auto, "\"2026-11-23 12:00:00\"", Err(NO_TIME));
        check(TimeFormat::Auto, "\"yesterday ünd\"", Err(NO_TIME));
        check(TimeFormat::Auto, "0", Err(NO_TIME));
        check(TimeFormat::Auto, "\" \"", Ok(None));
    }
}

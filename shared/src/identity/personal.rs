//! Gender, date of birth and the site's own id.

use super::Form;
use super::character::{ASCII, BLANK, keep, squash};
use crate::time::valid_date;
use crate::words::listed;

/// `f` or `m`; in Pinterest's form also `n`. A word that is not recognised is refused, not guessed by its letter.
pub(super) fn gender(form: Form, lower: &str) -> String {
    let word = squash(lower);
    let letter = if listed(FEMALE, &word) {
        "f"
    } else if listed(MALE, &word) {
        "m"
    } else if form == Form::Pinterest && listed(NEITHER, &word) {
        "n"
    } else {
        ""
    };
    letter.to_owned()
}

/// `YYYYMMDD`, a real day of the years 1800 to 2100.
///
/// Reads ISO (`1997-02-16`, also with `/` or `.`), eight digits, and the day written last-year-first: with slashes
/// or dashes the month comes first, as Meta's parameter builder reads it, unless that is no month; with dots the
/// day comes first, as everyone who writes dots means it.
pub(super) fn birth_date(lower: &str) -> String {
    let Some((separator, [first, second, third])) = parts(&keep(lower, ASCII)) else { return String::new() };
    let date = if separator == 0 {
        // Eight digits are one part.
        (first.digits == 8).then(|| number(first.value)).flatten()
    } else if first.digits == 4 {
        date(first, second, third)
    } else if separator == b'.' {
        date(third, second, first)
    } else {
        date(third, first, second).or_else(|| date(third, second, first))
    };
    date.unwrap_or_default()
}

/// A run of digits between separators.
#[derive(Clone, Copy, Default)]
struct Part {
    value: u32,
    digits: u32,
}

/// The one separator of a date, 0 without any, and the up to three numbers it parts, with blanks around them.
fn parts(text: &str) -> Option<(u8, [Part; 3])> {
    let mut parts = [Part::default(); 3];
    let (mut separator, mut place, mut closed) = (0, 0, false);
    for byte in text.bytes() {
        let part = parts.get_mut(place)?;
        if byte.is_ascii_digit() {
            if closed || part.digits == 8 {
                return None;
            }
            *part = Part { value: part.value * 10 + u32::from(byte - b'0'), digits: part.digits + 1 };
        } else if byte == b' ' {
            closed = part.digits > 0;
        } else if byte == separator || separator == 0 && matches!(byte, b'-' | b'/' | b'.') {
            separator = byte;
            place += 1;
            closed = false;
        } else {
            return None;
        }
    }
    matches!((separator, place), (0, _) | (_, 2)).then_some((separator, parts))
}

fn date(year: Part, month: Part, day: Part) -> Option<String> {
    let short = |part: Part| matches!(part.digits, 1 | 2);
    let written = year.digits == 4 && short(month) && short(day);
    written.then(|| number((year.value * 100 + month.value) * 100 + day.value)).flatten()
}

/// The eight digits of a date, if it is a day.
fn number(mut date: u32) -> Option<String> {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    if !(1800..=2100).contains(&year) || !valid_date(year.into(), month.into(), day.into()) {
        return None;
    }
    let mut digits = String::new();
    let mut unit = 10_000_000;
    while unit > 0 {
        digits.push(char::from(b'0' + (date / unit) as u8));
        date %= unit;
        unit /= 10;
    }
    Some(digits)
}

/// The site's own id: without blanks and in lower case, or exactly as it is where the platform keeps the case.
pub(super) fn external_id(form: Form, exact: &str, lower: &str) -> String {
    if form == Form::Exact { exact.to_owned() } else { keep(lower, BLANK) }
}

/// Words for a woman, without blanks and punctuation: English, German, French, Spanish, Italian, Portuguese, Dutch.
const FEMALE: &str = "f female woman girl w frau weiblich femme féminin feminin mujer femenino donna femmina mulher feminino vrouw";
/// Words for a man, in the same languages.
const MALE: &str =
    "m male man boy mann herr männlich maennlich homme masculin hombre masculino uomo maschio homem";
/// Words for neither.
const NEITHER: &str = "n nonbinary enby x other diverse divers nonbinaire nobinario nichtbinär";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Raw;

    #[test]
    fn gender_is_recognised_and_never_guessed() {
        let check = |raw: &str, plain: Option<&str>, pinterest: Option<&str>| {
            let lower = Raw::new(raw).lower;
            assert_eq!(gender(Form::Plain, &lower), plain.unwrap_or_default(), "{raw:?}");
            assert_eq!(gender(Form::Pinterest, &lower), pinterest.unwrap_or_default(), "{raw:?}");
        };
        check("Female", Some("f"), Some("f"));
        check(" M. ", Some("m"), Some("m"));
        check("Männlich", Some("m"), Some("m"));
        check("non-binary", None, Some("n"));
        check("fish", None, None);
        check("", None, None);
    }

    #[test]
    fn dates_of_birth() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(birth_date(&Raw::new(raw).lower), expected, "{raw:?}");
        };
        check("1997-02-16", "19970216");
        check("19970216", "19970216");
        check("1997/2/6", "19970206");
        check("2/16/1997", "19970216");
        check("16/02/1997", "19970216");
        check("03/04/1997", "19970304");
        check("03.04.1997", "19970403");
        check("١٩٩٧-٠٢-١٦", "19970216");
        for no_date in
            ["", "-", "1997-02-30", "16-02-97", "1799-01-01", "2101-01-01", "1997-02", "1-2-3-1997"]
        {
            check(no_date, "");
        }
        check("97-2-16", "");
        check("1997-002-16", "");
        check("1997-02-16T00:00:00Z", "");
        check("1997é216", "");
    }

    #[test]
    fn external_ids_keep_their_case_where_asked() {
        let check = |raw: &str, plain: &str, kept: &str| {
            let raw = Raw::new(raw);
            assert_eq!(external_id(Form::Plain, &raw.exact, &raw.lower), plain);
            assert_eq!(external_id(Form::Exact, &raw.exact, &raw.lower), kept);
        };
        check(" User 42 ", "user42", "User 42");
        check("  ", "", "");
    }
}

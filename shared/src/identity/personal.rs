//! Gender, date of birth and the site's own id.

use super::Form;
use super::character::{ASCII, Room};
use crate::time::valid_date;
use crate::words::listed;

/// `f` or `m`; in Pinterest's form also `n`. A word that is not recognised is refused, not guessed by its letter.
pub(super) fn gender<'a>(form: Form, lower: &[u8], room: &mut Room<'a>) -> &'a [u8] {
    let word = room.squash(lower);
    if listed(FEMALE, word) {
        b"f"
    } else if listed(MALE, word) {
        b"m"
    } else if form == Form::Pinterest && listed(NEITHER, word) {
        b"n"
    } else {
        b""
    }
}

/// `YYYYMMDD`, a real day of the years 1800 to 2100.
///
/// Reads ISO (`1997-02-16`, also with `/` or `.`), eight digits, and the day written last-year-first: with slashes
/// or dashes the month comes first, as Meta's parameter builder reads it, unless that is no month; with dots the
/// day comes first, as everyone who writes dots means it.
pub(super) fn birth_date<'a>(lower: &[u8], room: &mut Room<'a>) -> Option<&'a [u8]> {
    let (separator, [first, second, third]) = parts(room.keep(lower, ASCII))?;
    let date = match (separator, first.digits) {
        // Eight digits are one part.
        (0, 8) => number(first.value),
        (0, _) => None,
        (_, 4) => date(first, second, third),
        (b'.', _) => date(third, second, first),
        _ => date(third, first, second).or_else(|| date(third, second, first)),
    };
    Some(room.join(&date?, b"", b""))
}

/// A run of digits between separators.
#[derive(Clone, Copy, Default)]
struct Part {
    value: u32,
    digits: u32,
}

/// The one separator of a date, 0 without any, and the up to three numbers it parts, with blanks around them.
fn parts(text: &[u8]) -> Option<(u8, [Part; 3])> {
    let mut parts = [Part::default(); 3];
    let (mut separator, mut place, mut closed) = (0, 0, false);
    for byte in text {
        let part = parts.get_mut(place)?;
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            if closed || part.digits == 8 {
                return None;
            }
            *part = Part { value: part.value * 10 + u32::from(digit), digits: part.digits + 1 };
        } else if *byte == b' ' {
            closed = part.digits > 0;
        } else if *byte == separator || separator == 0 && matches!(byte, b'-' | b'/' | b'.') {
            separator = *byte;
            place += 1;
            closed = false;
        } else {
            return None;
        }
    }
    matches!((separator, place), (0, _) | (_, 2)).then_some((separator, parts))
}

#[inline(never)]
fn date(year: Part, month: Part, day: Part) -> Option<[u8; 8]> {
    let short = |part: Part| matches!(part.digits, 1 | 2);
    let written = year.digits == 4 && short(month) && short(day);
    if written { number((year.value * 100 + month.value) * 100 + day.value) } else { None }
}

/// The eight digits of a date, if it is a day.
#[inline(never)]
fn number(mut date: u32) -> Option<[u8; 8]> {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    if !(1800..=2100).contains(&year) || !valid_date(year.into(), month.into(), day.into()) {
        return None;
    }
    let mut digits = [b'0'; 8];
    for digit in digits.iter_mut().rev() {
        *digit += (date % 10) as u8;
        date /= 10;
    }
    Some(digits)
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
    use crate::identity::{Field, Raw, normalise};

    #[test]
    fn gender_is_recognised_and_never_guessed() {
        let check = |raw: &str, plain: Option<&str>, pinterest: Option<&str>| {
            let of = |form| normalise(Field::Gender, form, &Raw::new(raw), None);
            assert_eq!(of(Form::Plain).as_deref(), plain, "{raw:?}");
            assert_eq!(of(Form::Pinterest).as_deref(), pinterest, "{raw:?}");
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
            assert_eq!(
                normalise(Field::BirthDate, Form::Plain, &Raw::new(raw), None).unwrap_or_default(),
                expected,
                "{raw:?}"
            );
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
            let of = |form| normalise(Field::ExternalId, form, &raw, None).unwrap_or_default();
            assert_eq!((of(Form::Plain).as_str(), of(Form::Exact).as_str()), (plain, kept));
        };
        check(" User 42 ", "user42", "User 42");
        check("  ", "", "");
    }
}

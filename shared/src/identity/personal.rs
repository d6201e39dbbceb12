//! Gender, date of birth and the site's own id.

use super::Form;
use super::character::{ASCII, Room};
use crate::time::valid_date;
use crate::words::listed;

/// `f` or `m`; in Pinterest's form also `n`. A word that is not recognised is refused, not guessed by its letter.
pub(super) fn gender<'a>(form: Form, lower: &[u8], room: &mut Room<'a>) -> &'a [u8] {
    let word = room.squash(lower);
    if listed(FEMALE, word) || listed(SHE, word) {
        b"f"
    } else if listed(MALE, word) || listed(HE, word) {
        b"m"
    } else if form == Form::Pinterest && listed(NEITHER, word) {
        b"n"
    } else {
        b""
    }
}

/// `YYYYMMDD`, a real day since 1800.
///
/// Read as Meta's parameter builder reads it (github.com/facebook/capi-param-builder, `DOBUtils`, read 2026-11-27):
/// eight digits alone, or the first three groups of digits, whatever stands between and around them. A year in
/// front is followed by month and day; a year at the end has the month first, unless that is no month. Only before
/// a dot the day comes first, as everyone who writes dots means it.
pub(super) fn birth_date<'a>(lower: &[u8], room: &mut Room<'a>) -> Option<&'a [u8]> {
    let mut groups = [Group::default(); 3];
    let (mut place, mut after_first) = (0, 0);
    for byte in room.keep(lower, ASCII) {
        let Some(group) = groups.get_mut(place) else { break };
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            group.value = group.value.wrapping_mul(10).wrapping_add(digit.into());
            group.digits += 1;
        } else if group.digits > 0 {
            if place == 0 {
                after_first = *byte;
            }
            place += 1;
        }
    }
    let [first, second, third] = groups;
    let mut date = first.value;
    if first.digits != 8 || second.digits != 0 {
        let (year, one, other) = if first.digits == 4 {
            (first, second, third)
        } else if after_first == b'.' {
            (third, second, first)
        } else {
            (third, first, second)
        };
        if year.digits != 4 || !one.is_short() || !other.is_short() {
            return None;
        }
        let of = |month: Group, day: Group| (year.value * 100 + month.value) * 100 + day.value;
        // Month first, unless that is no month.
        date = of(one, other);
        if !is_day(date) {
            date = of(other, one);
        }
    }
    if !is_day(date) {
        return None;
    }
    let mut digits = [0; 8];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (date % 10) as u8;
        date /= 10;
    }
    Some(room.join(&digits, b"", b""))
}

/// A run of digits.
#[derive(Clone, Copy, Default)]
struct Group {
    value: u32,
    digits: usize,
}

impl Group {
    fn is_short(self) -> bool {
        matches!(self.digits, 1 | 2)
    }
}

/// Whether a date, year, month and day in eight digits, is a day on which somebody may be born.
#[inline(never)]
fn is_day(date: u32) -> bool {
    let year = date / 10_000;
    (1800..=LATEST_BIRTH).contains(&year) && valid_date(year, date / 100 % 100, date % 100)
}

/// Last year of birth that is taken. Meta takes next year at most; these rules have no clock, and who buys was
/// born long before this constant grows old.
const LATEST_BIRTH: u32 = 2027;

/// Words for a woman, without blanks and punctuation: English, German, French, Spanish, Italian, Portuguese, Dutch.
const FEMALE: &str = "f female woman girl w frau weiblich femme féminin feminin mujer femenino donna femmina mulher feminino vrouw";
/// Words for a man, in the same languages.
const MALE: &str =
    "m male man boy mann herr männlich maennlich homme masculin hombre masculino uomo maschio homem";
/// Titles, pronouns and relations that Meta's parameter builder takes for a woman besides those words (`GenderUtils`,
/// read 2026-11-27). They are seldom typed, so the tag does without.
#[cfg(feature = "places")]
const SHE: &str = "lady miss ms mrs madam maam daughter mother mom mama mommy aunt niece sister wife girlfriend \
    bride widow queen princess duchess countess empress goddess maiden lass gal chick dame belle she her hers herself";
#[cfg(not(feature = "places"))]
const SHE: &str = "";
/// The same for a man.
#[cfg(feature = "places")]
const HE: &str = "gentleman guy sir mister mr son father dad daddy papa uncle nephew brother husband boyfriend groom \
    widower king prince duke count emperor god lord lad fellow chap bloke dude he him his himself";
#[cfg(not(feature = "places"))]
const HE: &str = "";
/// Words for neither.
const NEITHER: &str = "n nonbinary enby x other diverse divers nonbinaire nobinario nichtbinär";

#[cfg(test)]
mod tests {
    use crate::identity::{Field, Form, Raw, normalise};

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
        check("Mrs.", Some("f"), Some("f"));
        check("He", Some("m"), Some("m"));
        check("females", None, None);
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
        check("1997-16-02", "19970216");
        check("02.16.1997", "19970216");
        check("1997-02-16T00:00:00Z", "19970216");
        check("born 2/16/1997 (mm/dd/yyyy)", "19970216");
        check("16–2–1997", "19970216");
        check("1997年2月16日", "19970216");
        for no_date in ["", "-", "1997-02-30", "16-02-97", "97-2-16", "1799-01-01", "1997-02", "1-2-3-1997"] {
            check(no_date, "");
        }
        check("2027-01-01", "20270101");
        check("2028-01-01", "");
        check("1997-002-16", "");
        check("1997é216", "");
        check("199702161", "");
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

//! Gender, date of birth and the site's own id.

use super::character::{fold, squash, without_blanks};
use super::{Form, Raw};
use crate::time::valid_date;

/// `f` or `m`; in Pinterest's form also `n`. A word that is not recognised is refused, not guessed by its letter.
pub(super) fn gender(form: Form, raw: &Raw<'_>) -> Option<String> {
    let word = squash(&raw.lower)?;
    let listed = |list: &str| list.split(' ').any(|entry| entry == word);
    if listed(FEMALE) || listed(SHE) {
        Some("f".to_owned())
    } else if listed(MALE) || listed(HE) {
        Some("m".to_owned())
    } else if form == Form::Pinterest && listed(NEITHER) {
        Some("n".to_owned())
    } else {
        None
    }
}

/// `YYYYMMDD`, a real day since 1800.
///
/// Read as Meta's parameter builder reads it (github.com/facebook/capi-param-builder, `DOBUtils`, read 2026-11-27):
/// eight digits alone, or the first three groups of digits, whatever stands between and around them. A year in
/// front is followed by month and day; a year at the end has the month first, unless that is no month. Only before
/// a dot the day comes first, as everyone who writes dots means it.
pub(super) fn birth_date(raw: &Raw<'_>) -> Option<String> {
    let text: String = raw.lower.chars().map(fold).collect();
    let is_digit = |c: char| c.is_ascii_digit();
    let mut groups = text.split(|c| !is_digit(c)).filter(|group| !group.is_empty());
    let first = groups.next()?;
    let Some(second) = groups.next() else {
        let whole = first.len() == 8;
        return if whole { date(first.get(..4)?, first.get(4..6)?, first.get(6..)?) } else { None };
    };
    let third = groups.next()?;
    let after_first = text.trim_start_matches(|c| !is_digit(c)).trim_start_matches(is_digit);
    if first.len() == 4 {
        date(first, second, third).or_else(|| date(first, third, second))
    } else if after_first.starts_with('.') {
        date(third, second, first).or_else(|| date(third, first, second))
    } else {
        date(third, first, second).or_else(|| date(third, second, first))
    }
}

fn date(year: &str, month: &str, day: &str) -> Option<String> {
    let number = |part: &str, longest: usize| -> Option<i64> {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        if digits && part.len() <= longest { part.parse().ok() } else { None }
    };
    if year.len() != 4 {
        return None;
    }
    let years = number(year, 4)?;
    let known =
        (1800..=LATEST_BIRTH).contains(&years) && valid_date(years, number(month, 2)?, number(day, 2)?);
    let padding = |part: &str| if part.len() == 1 { "0" } else { "" };
    known.then(|| [year, padding(month), month, padding(day), day].concat())
}

/// Last year of birth that is taken. Meta takes next year at most; these rules have no clock, and who buys was
/// born long before this constant grows old.
const LATEST_BIRTH: i64 = 2027;

/// The site's own id: without blanks and in lower case, or exactly as it is where the platform keeps the case.
pub(super) fn external_id(form: Form, raw: &Raw<'_>) -> Option<String> {
    match form {
        Form::Exact => (!raw.exact.is_empty()).then(|| raw.exact.clone().into_owned()),
        Form::Plain
        | Form::Compact
        | Form::Google
        | Form::Microsoft
        | Form::Reddit
        | Form::E164
        | Form::Digits
        | Form::Tiktok
        | Form::Ga4
        | Form::Pinterest => without_blanks(&raw.lower),
    }
}

/// Words for a woman, without blanks and punctuation: English, German, French, Spanish, Italian, Portuguese, Dutch.
const FEMALE: &str = "f female woman girl w frau weiblich femme féminin feminin mujer femenino donna femmina mulher feminino vrouw";
/// Words for a man, in the same languages.
const MALE: &str =
    "m male man boy mann herr männlich maennlich homme masculin hombre masculino uomo maschio homem";
/// Titles, pronouns and relations that Meta's parameter builder takes for a woman besides those words (`GenderUtils`,
/// read 2026-11-27). They are seldom typed, so the tag does without.
#[cfg(feature = "names")]
const SHE: &str = "lady miss ms mrs madam maam daughter mother mom mama mommy aunt niece sister wife girlfriend \
    bride widow queen princess duchess countess empress goddess maiden lass gal chick dame belle she her hers herself";
#[cfg(not(feature = "names"))]
const SHE: &str = "";
/// The same for a man.
#[cfg(feature = "names")]
const HE: &str = "gentleman guy sir mister mr son father dad daddy papa uncle nephew brother husband boyfriend groom \
    widower king prince duke count emperor god lord lad fellow chap bloke dude he him his himself";
#[cfg(not(feature = "names"))]
const HE: &str = "";
/// Words for neither.
const NEITHER: &str = "n nonbinary enby x other diverse divers nonbinaire nobinario nichtbinär";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gender_is_recognised_and_never_guessed() {
        let check = |raw: &str, plain: Option<&str>, pinterest: Option<&str>| {
            let raw = Raw::new(raw);
            assert_eq!(gender(Form::Plain, &raw).as_deref(), plain, "{raw:?}");
            assert_eq!(gender(Form::Pinterest, &raw).as_deref(), pinterest, "{raw:?}");
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
            assert_eq!(birth_date(&Raw::new(raw)).unwrap_or_default(), expected, "{raw:?}");
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
        let raw = Raw::new(" User 42 ");
        assert_eq!(external_id(Form::Plain, &raw).as_deref(), Some("user42"));
        assert_eq!(external_id(Form::Exact, &raw).as_deref(), Some("User 42"));
        assert_eq!(external_id(Form::Plain, &Raw::new("  ")), None);
        assert_eq!(external_id(Form::Exact, &Raw::new("  ")), None);
    }
}

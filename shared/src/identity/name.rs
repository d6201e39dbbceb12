//! Names: given and family.
//!
//! The plain form serves Meta and those who follow it; Google strips titles and suffixes but keeps punctuation;
//! GA4 strips digits and symbols and keeps the space between two names. Letters of every script stay.

use super::character::{DIGIT, Room, SYMBOL, trim_end};
use super::{Field, Form};
use crate::words::Words;

/// A given or family name in `form`.
pub(super) fn normalise<'a>(field: Field, form: Form, lower: &'a [u8], room: &mut Room<'a>) -> &'a [u8] {
    match form {
        // The titles go wherever they stand as a word, with one blank after them.
        // googleads/data-manager-java, `UserDataFormatter` (read 2026-11-23).
        Form::Google if field == Field::FirstName => room.without_words(lower, "mr. mrs. ms. dr."),
        Form::Google => without_suffixes(lower, room),
        Form::Ga4 => room.keep(lower, DIGIT | SYMBOL),
        Form::Plain
        | Form::Compact
        | Form::Microsoft
        | Form::Reddit
        | Form::E164
        | Form::Digits
        | Form::Tiktok
        | Form::Pinterest
        | Form::Exact => room.squash(lower),
    }
}

/// Google's family name: suffixes after a comma or a blank go, from the end, as long as there are any.
/// The same source.
fn without_suffixes<'a>(lower: &'a [u8], room: &mut Room<'a>) -> &'a [u8] {
    let mut name = lower;
    while let Some(shorter) = Words::of(SUFFIXES).find_map(|suffix| without_suffix(name, suffix)) {
        name = shorter;
    }
    room.keep(name, 0)
}

/// `name` without `suffix` and the comma or blanks before it.
fn without_suffix<'a>(name: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let rest = name.strip_suffix(suffix)?;
    let bare = trim_end(rest);
    let before = bare.strip_suffix(b",").unwrap_or(bare);
    (before.len() < rest.len()).then(|| trim_end(before))
}

const SUFFIXES: &str = "jr. sr. 2nd 3rd ii iii iv v vi cpa dc dds vm jd md phd";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Raw;

    fn check(field: Field, raw: &str, plain: &str, google: &str, ga4: &str) {
        for (form, expected) in [(Form::Plain, plain), (Form::Google, google), (Form::Ga4, ga4)] {
            let normal = crate::identity::normalise(field, form, &Raw::new(raw), None);
            assert_eq!(normal.unwrap_or_default(), expected, "{raw:?} as {form:?}");
        }
    }

    #[test]
    fn given_names() {
        check(Field::FirstName, "Mary Ann", "maryann", "mary ann", "mary ann");
        check(Field::FirstName, "Anne-Marie 2", "annemarie2", "anne-marie 2", "annemarie");
        check(Field::FirstName, " Mrs. Alex ", "mrsalex", "alex", "mrs alex");
        check(Field::FirstName, "Amr. Dr. Alex Dr.", "amrdralexdr", "amr. alex", "amr dr alex dr");
        check(Field::FirstName, "정", "정", "정", "정");
        check(Field::FirstName, "Mr.", "mr", "", "mr");
        check(Field::FirstName, "-", "", "-", "");
    }

    #[test]
    fn family_names() {
        check(Field::LastName, "O'Connor-Smith", "oconnorsmith", "o'connor-smith", "oconnorsmith");
        check(Field::LastName, "O’Connor", "oconnor", "o’connor", "oconnor");
        check(Field::LastName, " Quinn, Jr. DDS ", "quinnjrdds", "quinn", "quinn jr dds");
        check(Field::LastName, "Müller III", "mülleriii", "müller", "müller iii");
        check(Field::LastName, "Olaviv", "olaviv", "olaviv", "olaviv");
        check(Field::LastName, "De La V", "delav", "de la", "de la v");
        check(Field::LastName, ",Jr.,DDS", "jrdds", "", "jrdds");
        check(Field::LastName, "", "", "", "");
    }
}

//! Names: given and family.
//!
//! The plain form serves Meta and those who follow it; Google strips titles and suffixes but keeps punctuation;
//! GA4 strips digits and symbols and keeps the space between two names. Letters of every script stay.

use super::character::{fold, is_symbol, keep, squash};
use super::{Form, Raw};

/// A given name in `form`.
pub(super) fn first(form: Form, raw: &Raw<'_>) -> Option<String> {
    normalise(form, raw, without_titles)
}

/// A family name in `form`.
pub(super) fn last(form: Form, raw: &Raw<'_>) -> Option<String> {
    normalise(form, raw, without_suffixes)
}

fn normalise(form: Form, raw: &Raw<'_>, google: fn(&str) -> Option<String>) -> Option<String> {
    match form {
        Form::Google => google(&raw.lower),
        Form::Ga4 => keep(&raw.lower, |c| !fold(c).is_ascii_digit() && !is_symbol(c)),
        Form::Plain
        | Form::Compact
        | Form::Microsoft
        | Form::Reddit
        | Form::E164
        | Form::Digits
        | Form::Tiktok
        | Form::Pinterest
        | Form::Exact => squash(&raw.lower),
    }
}

/// Google's given name: the titles `mr. mrs. ms. dr.` go wherever they stand as a word, with one blank after them.
/// googleads/data-manager-java, `UserDataFormatter` (read 2026-11-23).
fn without_titles(lower: &str) -> Option<String> {
    let is_title = |word: &&str| !matches!(word.trim_end(), "mr." | "mrs." | "ms." | "dr.");
    let name: String = lower.split_inclusive(char::is_whitespace).filter(is_title).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Google's family name: suffixes after a comma or a blank go, from the end, as long as there are any.
/// The same source.
fn without_suffixes(lower: &str) -> Option<String> {
    let mut name = lower.trim();
    while let Some(shorter) = SUFFIXES.into_iter().find_map(|suffix| without_suffix(name, suffix)) {
        name = shorter;
    }
    (!name.is_empty()).then(|| name.to_owned())
}

/// `name` without `suffix` and the comma or blanks before it.
fn without_suffix<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(suffix)?;
    let bare = rest.trim_end();
    let before = bare.strip_suffix(',').unwrap_or(bare);
    (before.len() < rest.len()).then(|| before.trim_end())
}

const SUFFIXES: [&str; 16] =
    ["jr.", "sr.", "2nd", "3rd", "ii", "iii", "iv", "v", "vi", "cpa", "dc", "dds", "vm", "jd", "md", "phd"];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(Form, &Raw<'_>) -> Option<String>, raw: &str, plain: &str, google: &str, ga4: &str) {
        for (form, expected) in [(Form::Plain, plain), (Form::Google, google), (Form::Ga4, ga4)] {
            assert_eq!(rule(form, &Raw::new(raw)).unwrap_or_default(), expected, "{raw:?} as {form:?}");
        }
    }

    #[test]
    fn given_names() {
        check(first, "Mary Ann", "maryann", "mary ann", "mary ann");
        check(first, "Anne-Marie 2", "annemarie2", "anne-marie 2", "annemarie");
        check(first, " Mrs. Alex ", "mrsalex", "alex", "mrs alex");
        check(first, "Amr. Dr. Alex Dr.", "amrdralexdr", "amr. alex", "amr dr alex dr");
        check(first, "정", "정", "정", "정");
        check(first, "Mr.", "mr", "", "mr");
        check(first, "-", "", "-", "");
    }

    #[test]
    fn family_names() {
        check(last, "O'Connor-Smith", "oconnorsmith", "o'connor-smith", "oconnorsmith");
        check(last, "O’Connor", "oconnor", "o’connor", "oconnor");
        check(last, " Quinn, Jr. DDS ", "quinnjrdds", "quinn", "quinn jr dds");
        check(last, "Müller III", "mülleriii", "müller", "müller iii");
        check(last, "Olaviv", "olaviv", "olaviv", "olaviv");
        check(last, "De La V", "delav", "de la", "de la v");
        check(last, ",Jr.,DDS", "jrdds", "", "jrdds");
        check(last, "", "", "", "");
    }
}

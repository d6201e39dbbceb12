//! Names: given and family.
//!
//! The plain form serves Meta and those who follow it; Google strips titles and suffixes but keeps punctuation;
//! GA4 strips digits and symbols and keeps the space between two names. Letters of every script stay.

use super::Form;
use super::character::{DIGIT, SYMBOL, keep, squash, without_words};

/// A given name in `form`.
pub(super) fn first(form: Form, lower: &str) -> String {
    // The titles go wherever they stand as a word, with one blank after them.
    // googleads/data-manager-java, `UserDataFormatter` (read 2026-11-23).
    if form == Form::Google { without_words(lower, "mr. mrs. ms. dr.") } else { other(form, lower) }
}

/// A family name in `form`.
pub(super) fn last(form: Form, lower: &str) -> String {
    if form == Form::Google { without_suffixes(lower) } else { other(form, lower) }
}

fn other(form: Form, lower: &str) -> String {
    if form == Form::Ga4 { keep(lower, DIGIT | SYMBOL) } else { squash(lower) }
}

/// Google's family name: suffixes after a comma or a blank go, from the end, as long as there are any.
/// The same source.
fn without_suffixes(lower: &str) -> String {
    let mut name = keep(lower, 0);
    while let Some(shorter) = SUFFIXES.split(' ').find_map(|suffix| without_suffix(&name, suffix)) {
        name = shorter;
    }
    name
}

/// `name` without `suffix` and the comma or blanks before it.
fn without_suffix(name: &str, suffix: &str) -> Option<String> {
    let rest = name.strip_suffix(suffix)?;
    let mut before = keep(rest, 0);
    if before.ends_with(',') {
        before.pop();
    }
    (before.len() < rest.len()).then(|| keep(&before, 0))
}

const SUFFIXES: &str = "jr. sr. 2nd 3rd ii iii iv v vi cpa dc dds vm jd md phd";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Raw;

    fn check(rule: fn(Form, &str) -> String, raw: &str, plain: &str, google: &str, ga4: &str) {
        for (form, expected) in [(Form::Plain, plain), (Form::Google, google), (Form::Ga4, ga4)] {
            assert_eq!(rule(form, &Raw::new(raw).lower), expected, "{raw:?} as {form:?}");
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
        check(last, " Quinn, Jr. DDS ", "quinnjrdds", "quinn", "quinn jr dds");
        check(last, "Müller III", "mülleriii", "müller", "müller iii");
        check(last, "Olaviv", "olaviv", "olaviv", "olaviv");
        check(last, "De La V", "delav", "de la", "de la v");
        check(last, ",Jr.,DDS", "jrdds", "", "jrdds");
        check(last, "", "", "", "");
    }
}

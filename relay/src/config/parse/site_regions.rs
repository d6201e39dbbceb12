//! `[site.tag] consent_regions`: where a site's visitors are asked, for `consent = "regional"`.
//!
//! Owns what a region may be: a country by its code, or the EEA. The parts of a country are none, for nobody tells the page in
//! which of them a visitor is. Leaves to the part `region` of the tag what becomes of the list.

use shared::identity::{Field, Form, Raw, normalise};

use super::super::Asking;
use super::super::advice::Advice;
use super::super::error::Fault;
use super::super::quote::has_room_for_secrets;
use super::super::reader::{Section, Text};
use crate::platform;

const KEY: &str = "consent_regions";
const EXPECTED: &str = "a country's two capital letters such as `BR` (ISO 3166-1), or `EEA`";
const WHOLE_EXPECTED: &str =
    "a whole country, since neither `country_header` nor a time zone tells the parts of one apart";
const SOME_EXPECTED: &str = "at least one region; to ask nowhere, write `consent = \"granted\"`";
const BESIDE_EXPECTED: &str = "`consent = \"regional\"` beside it, without which nobody goes by this list";

/// Reads the list, each region once; empty where the site names none. `asking` is what `consent` means, and `said` whether it is
/// there at all, maybe with a mistake that is told already.
pub(super) fn regions(section: &mut Section<'_, '_>, asking: Option<Asking>, said: bool) -> Vec<String> {
    let (notes, key) = (section.notes, section.key(KEY));
    let (at, problems) = (section.place(KEY).unwrap_or(section.span.start), notes.problems());
    let Some(texts) = section.texts(KEY, EXPECTED) else { return Vec::new() };
    let refuse = |expected: &str| {
        notes.fault(&key, at, Fault::Invalid { expected: expected.to_owned(), found: None });
    };
    if texts.is_empty() && notes.problems() == problems {
        refuse(SOME_EXPECTED);
    }
    if !asking.map_or(said, |asking| asking == Asking::Regional) {
        refuse(BESIDE_EXPECTED);
    }
    let mut found = Vec::new();
    for text in texts {
        match region(&text.value) {
            Ok(region) if found.contains(&region) => {}
            Ok(region) => found.push(region),
            Err(wrong) => notes.fault(&text.key, text.at, wrong.told(&text)),
        }
    }
    // By the time zone Europe can be told from the rest, and nothing else.
    let beyond = |region: &String| region != "EEA" && !platform::must_ask(region);
    if !section.has("country_header") && found.iter().any(beyond) {
        notes.advise(&key, at, Advice::NoCountry);
    }
    found
}

/// What is no region, and what was probably meant.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    expected: &'static str,
    near: Option<String>,
}

impl Wrong {
    fn told(self, text: &Text) -> Fault {
        let hidden = has_room_for_secrets(&text.written);
        let found = if hidden { "another text".to_owned() } else { format!("`{}`", text.written) };
        // What the environment says is not repeated, in no form.
        let near = self.near.filter(|_| !text.referred);
        Fault::NoneOf { expected: self.expected.to_owned(), found, near }
    }
}

fn region(text: &str) -> Result<String, Wrong> {
    let meant = match text.to_ascii_uppercase().as_str() {
        "EEA" | "EU" => Some("EEA".to_owned()),
        _ => country(text),
    };
    let of_a_part = text.split_once('-').filter(|(whole, _)| whole.len() == 2);
    match (of_a_part.and_then(|(whole, _)| country(whole)), meant) {
        (Some(whole), _) => Err(Wrong { expected: WHOLE_EXPECTED, near: Some(whole) }),
        (None, Some(meant)) if meant == text => Ok(meant),
        (None, near) => Err(Wrong { expected: EXPECTED, near }),
    }
}

/// The code of the country that a text means.
fn country(text: &str) -> Option<String> {
    normalise(Field::Country, Form::Plain, &Raw::new(text), None).map(|code| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_country_by_its_code_or_the_eea() {
        for right in ["EEA", "GB", "CH", "BR", "US", "XK"] {
            assert_eq!(region(right), Ok(right.to_owned()));
        }
        let wrong = |text: &str, near: Option<&str>| {
            let near = near.map(str::to_owned);
            assert_eq!(region(text), Err(Wrong { expected: EXPECTED, near }), "{text}");
        };
        wrong("eea", Some("EEA"));
        wrong("EU", Some("EEA"));
        wrong("UK", Some("GB"));
        wrong("br", Some("BR"));
        wrong("BRA", Some("BR"));
        wrong("Guinea-Bissau", Some("GW"));
        wrong(" BR", Some("BR"));
        wrong("XX", None);
        wrong("Q1-A", None);
        wrong("", None);
    }

    #[test]
    fn a_part_of_a_country_is_no_region() {
        for (part, whole) in [("US-CA", "US"), ("ca-qc", "CA"), ("AU-S", "AU"), ("GB-", "GB")] {
            let near = Some(whole.to_owned());
            assert_eq!(region(part), Err(Wrong { expected: WHOLE_EXPECTED, near }), "{part}");
        }
    }
}

//! A person's data, hashed on the spot, in the JSON of [`shared::UserData`].
//!
//! Writes what `UserData` would serialise, without its maps, whose code would weigh more than all of the rules. A test
//! holds the two together. Owns nothing of normalising or hashing: that is `shared::identity`.

use std::borrow::Cow;

use shared::identity::{Clear, Field, Form, Raw, Sha256Hex, normalise};
use shared::limits;

use crate::text::put;

/// One value of a field. `exact` is composed (NFC) and trimmed, `lower` the same in lower case; `country` is the ISO
/// 3166-1 alpha-2 code by which phone numbers and the like read, or empty.
///
/// The answer is two lines: what of the value may stand in clear, and its hashes as a JSON object of the base form and
/// the forms that differ from it. Either is empty when there is none.
pub fn value(field: Field, exact: &str, lower: &str, country: &str) -> String {
    let raw = Raw { exact: Cow::Borrowed(exact), lower: Cow::Borrowed(lower) };
    let mut json = String::new();
    if exact.len() > limits::IDENTITY {
        return json;
    }
    let given = Sha256Hex::parse(exact);
    let mut base = None;
    let mut usable = false;
    for form in field.forms() {
        let digest = match given {
            Some(digest) => Some(digest),
            None => normalise(field, *form, &raw, Some(country)).map(|normal| Sha256Hex::of(&normal)),
        };
        usable |= digest.is_some();
        let first = json.is_empty();
        if first {
            base = digest;
        } else if digest == base {
            continue;
        }
        put(&mut json, &[if first { "{\"" } else { ",\"" }, form_name(*form), "\":"]);
        match digest {
            Some(digest) => put(&mut json, &["\"", &digest.to_hex(), "\""]),
            None => put(&mut json, &["null"]),
        }
    }
    let mut answer = Clear::of(field, &raw).unwrap_or_default();
    put(&mut answer, &["\n"]);
    if usable {
        put(&mut answer, &[&json, "}"]);
    }
    answer
}

/// The name of a form on the wire, as `serde` derives it.
const fn form_name(form: Form) -> &'static str {
    match form {
        Form::Plain => "plain",
        Form::Compact => "compact",
        Form::Google => "google",
        Form::Microsoft => "microsoft",
        Form::Reddit => "reddit",
        Form::E164 => "e164",
        Form::Digits => "digits",
        Form::Tiktok => "tiktok",
        Form::Ga4 => "ga4",
        Form::Pinterest => "pinterest",
        Form::Exact => "exact",
    }
}

#[cfg(test)]
mod tests {
    use shared::UserData;

    use super::*;

    /// What the browser makes of a text before it asks.
    fn asked(field: Field, text: &str, country: &str) -> (String, String) {
        let raw = Raw::new(text);
        let answer = value(field, &raw.exact, &raw.lower, country);
        let (clear, json) = answer.split_once('\n').expect("two lines");
        (clear.to_owned(), json.to_owned())
    }

    /// Holds an answer against what `UserData` writes.
    fn check(field: Field, text: &str, country: &str) {
        let raw = Raw::new(text);
        let mut user = UserData::default();
        let usable = user.add_raw(field, &raw, Some(country));
        let expected = serde_json::to_value(&user).expect("writable");
        let (clear, json) = asked(field, text, country);
        assert_eq!(Clear::of(field, &raw).unwrap_or_default(), clear, "{text:?}");
        assert_eq!(!json.is_empty(), usable, "{text:?}");
        if usable {
            let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(value, expected[field.name()][0], "{text:?}");
        }
    }

    #[test]
    fn answers_are_what_user_data_would_write() {
        check(Field::Email, "Ada.L+x@Gmail.com", "");
        check(Field::Email, "nobody", "");
        check(Field::Phone, "020 7946 0123", "GB");
        check(Field::Phone, "020 7946 0123", "");
        check(Field::FirstName, "Dr. Ada", "");
        check(Field::LastName, "O'Neill", "");
        check(Field::Gender, "non-binary", "");
        check(Field::BirthDate, "1990-04-23", "");
        check(Field::Street, "1 Main St.", "");
        check(Field::City, "São Paulo", "");
        check(Field::Region, "California", "US");
        check(Field::PostalCode, "SW1A 1AA", "GB");
        check(Field::Country, "deu", "");
        check(Field::ExternalId, " User-7", "");
        check(Field::Email, &"AB".repeat(32), "");
        check(Field::City, &"ab".repeat(32), "");
    }

    #[test]
    fn a_form_that_is_missing_is_written_as_null() {
        let (_, json) = asked(Field::Email, "a b@example.com", "");
        assert!(json.starts_with("{\"plain\":null,\"compact\":\""), "{json}");
        assert_eq!(asked(Field::City, "São Paulo", "").0, "são paulo");
    }

    #[test]
    fn a_value_longer_than_any_person_has_is_none() {
        let long = "x".repeat(limits::IDENTITY + 1);
        assert_eq!(value(Field::City, &long, &long, ""), "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_as_user_data_would(text in "(?s)[^\n]{0,40}", country in "[A-Za-z]{0,2}", place in 0..12usize) {
            check(Field::ALL[place], &text, &country);
        }
    }
}

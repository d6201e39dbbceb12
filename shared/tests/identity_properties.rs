//! Properties of the identity rules that hold for any text a form, a shop or an attacker may send.

use proptest::prelude::*;
use shared::identity::{Clear, Field, Form, Given, PLATFORMS, Raw, for_platform, normalise};
use shared::{Hashes, UserData};

/// Text of any kind, and text near enough to the real thing to get past the first check.
fn raw_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ +(0-9)x#.-]{0,24}",
        "[ A-Za-z.+_@-]{0,12}@[ a-z.]{0,12}",
        "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}",
        "(Mr\\. |Dr\\. |)[A-Za-zéü' -]{0,12}(, Jr\\.| III| MD|)",
        prop::sample::select(vec!["usa", "California", "SW1A 1AA", "94035-1234", "Female", "UK"])
            .prop_map(str::to_owned),
    ]
}

fn country() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), "[A-Za-z]{2}".prop_map(Some), any::<String>().prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_hashing_agrees_with_normalising(text in raw_text(), country in country()) {
        let raw = Raw::new(&text);
        for field in Field::ALL {
            let hashes = Hashes::of(field, &raw, country.as_deref());
            for form in field.forms() {
                let normal = normalise(field, *form, &raw, country.as_deref());
                prop_assert_eq!(
                    hashes.as_ref().and_then(|hashes| hashes.get(field, *form)),
                    normal.as_deref().map(shared::Sha256Hex::of)
                );
                prop_assert!(normal.is_none_or(|normal| !normal.is_empty()));
            }
            for platform in PLATFORMS {
                let given = for_platform(platform, field, &raw, country.as_deref());
                prop_assert!(given != Given::Clear(String::new()));
            }
        }
    }

    #[test]
    fn normalising_twice_equals_once(text in raw_text(), country in country()) {
        let country = country.as_deref();
        for field in Field::ALL {
            for form in field.forms() {
                // The national forms of a phone number are no input without their country any more.
                if matches!(form, Form::Digits | Form::Tiktok) {
                    continue;
                }
                let Some(once) = normalise(field, *form, &Raw::new(&text), country) else { continue };
                // Composed already: a mark whose blank was removed may stand where composing anew would move it.
                let lower = once.to_lowercase();
                let twice = normalise(field, *form, &Raw::prepared(&once, &lower), country);
                prop_assert_eq!(twice.as_deref(), Some(once.as_str()), "{} as {:?}", field.name(), form);
            }
        }
    }

    #[test]
    fn phone_forms_are_digits_within_e164(text in raw_text(), country in country()) {
        let form = |form| normalise(Field::Phone, form, &Raw::new(&text), country.as_deref());
        let (e164, digits) = (form(Form::E164), form(Form::Digits));
        prop_assert_eq!(e164.as_deref().map(|number| number.trim_start_matches('+')), digits.as_deref());
        if let (Some(e164), Some(digits)) = (e164, digits) {
            prop_assert!(e164.starts_with('+') && (8..=15).contains(&digits.len()));
            prop_assert!(digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0'));
        }
    }

    #[test]
    fn forms_have_the_shape_they_promise(text in raw_text()) {
        let raw = Raw::new(&text);
        let form = |field, form| normalise(field, form, &raw, None);
        if let Some(date) = form(Field::BirthDate, Form::Plain) {
            prop_assert!(date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()));
        }
        if let Some(country) = form(Field::Country, Form::Plain) {
            prop_assert!(country.len() == 2 && country.bytes().all(|b| b.is_ascii_lowercase()));
        }
        if let Some(gender) = form(Field::Gender, Form::Pinterest) {
            prop_assert!(matches!(gender.as_str(), "f" | "m" | "n"));
        }
        for email in [Form::Plain, Form::Compact, Form::Google, Form::Microsoft, Form::Reddit] {
            if let Some(address) = form(Field::Email, email) {
                prop_assert_eq!(address.matches('@').count(), 1);
                prop_assert!(!address.contains(char::is_whitespace));
            }
        }
    }

    #[test]
    fn only_places_are_ever_clear(text in raw_text()) {
        let raw = Raw::new(&text);
        for field in Field::ALL {
            let place = matches!(field, Field::City | Field::Region | Field::PostalCode | Field::Country);
            prop_assert!(place || Clear::of(field, &raw).is_none());
        }
    }

    #[test]
    fn user_data_survives_the_wire(texts in prop::collection::vec(raw_text(), 0..12)) {
        let mut user = UserData::default();
        for (text, field) in texts.iter().zip(Field::ALL) {
            user.add_raw(field, &Raw::new(text), Some("US"));
            user.clear.add_raw(field, &Raw::new(text));
        }
        let wire = serde_json::to_string(&user).expect("user data serialises");
        let back: UserData = serde_json::from_str(&wire).expect("and reads back");
        prop_assert_eq!(back, user);
    }
}

#[test]
fn a_raw_value_on_the_wire_is_refused() {
    for raw in ["\"jane@example.com\"", "{\"plain\":\"jane@example.com\"}", "42"] {
        let wire = format!("{{\"email\":[{raw}]}}");
        assert!(serde_json::from_str::<UserData>(&wire).is_err(), "{wire}");
    }
}

//! A person's data, hashed on the spot, in the JSON of [`shared::UserData`].
//!
//! Writes what `UserData` would serialise, without its maps, whose code would weigh more than all of the rules. A test
//! holds the two together. Owns nothing of normalising or hashing: that is `shared::identity`.

use shared::identity::{Field, Room, Text, hex_of, is_given};
use shared::limits;
use shared::words::Words;

use crate::text::Answer;

/// One value of a field: the text composed (NFC) and trimmed, the same in lower case, and the ISO 3166-1 alpha-2 code
/// by which phone numbers and the like read, or nothing.
///
/// The answer is its hashes as a JSON object of the base form and the forms that differ from it; empty when there is none.
pub fn value<'a>(field: Field, text: Text<'a>, mut room: Room<'a>, answer: &mut Answer<'_>) {
    if text.exact.len() > limits::IDENTITY {
        return;
    }
    let given = if is_given(text.exact) { text.lower.get(..64) } else { None };
    let mut base: Option<&[u8]> = None;
    // The forms that are nothing count only when another is something.
    let mut usable = false;
    for form in field.forms() {
        let normal = given.unwrap_or_else(|| text.normal(field, *form, &mut room));
        // Equal texts have equal digests.
        if base == Some(normal) {
            continue;
        }
        answer.put(if base.is_none() { b"{\"" } else { b",\"" });
        answer.put(Words::of(FORMS).nth(*form as usize).unwrap_or_default());
        if normal.is_empty() {
            answer.put(b"\":null");
        } else {
            usable = true;
            answer.put(b"\":\"");
            let digits = hex_of(normal);
            answer.put(given.unwrap_or(&digits));
            answer.put(b"\"");
        }
        base = base.or(Some(normal));
    }
    answer.put(b"}");
    if !usable {
        answer.cut(0);
    }
}

/// The names of the forms on the wire, in their order, as `serde` derives them.
const FORMS: &str = "plain compact google microsoft reddit e164 digits tiktok ga4 pinterest exact";

#[cfg(test)]
mod tests {
    use shared::UserData;
    use shared::identity::Raw;

    use super::*;

    /// What the browser makes of a text before it asks.
    fn asked(field: Field, text: &str, country: &str) -> String {
        let raw = Raw::new(text);
        let mut room = vec![0; 6 * Room::for_text(1_024)];
        let mut memory = [0; 4_096];
        let mut answer = Answer::new(&mut memory);
        let text =
            Text { exact: raw.exact.as_bytes(), lower: raw.lower.as_bytes(), country: country.as_bytes() };
        value(field, text, Room::new(&mut room), &mut answer);
        String::from_utf8(answer.text().to_vec()).expect("UTF-8")
    }

    /// Holds an answer against what `UserData` writes.
    fn check(field: Field, text: &str, country: &str) {
        let raw = Raw::new(text);
        let mut user = UserData::default();
        let usable = user.add_raw(field, &raw, Some(country));
        let expected = serde_json::to_value(&user).expect("writable");
        let json = asked(field, text, country);
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
        check(Field::ExternalId, " User-7", "");
        check(Field::Email, &"AB".repeat(32), "");
        check(Field::Street, &"ab".repeat(32), "");
        check(Field::Email, &format!("{}.AQIAAQEA", "AB".repeat(32)), "");
        check(Field::ExternalId, &format!("{}.AQIAAQEA1", "AB".repeat(32)), "");
    }

    #[test]
    fn forms_are_named_as_serde_names_them() {
        for field in Field::ALL {
            for form in field.forms() {
                let name = Words::of(FORMS).nth(*form as usize).expect("a name");
                let written = serde_json::to_string(form).expect("writable");
                assert_eq!(written.trim_matches('"').as_bytes(), name);
            }
        }
    }

    #[test]
    fn a_form_that_is_missing_is_written_as_null() {
        let json = asked(Field::Email, "a b@example.com", "");
        assert!(json.starts_with("{\"plain\":null,\"compact\":\""), "{json}");
    }

    #[test]
    fn a_value_longer_than_any_person_has_is_none() {
        let long = "x".repeat(limits::IDENTITY + 1);
        assert_eq!(asked(Field::Street, &long, ""), "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_as_user_data_would(text in "(?s)[^\n]{0,40}", country in "[A-Za-z]{0,2}", place in 0..12usize) {
            check(Field::ALL[place], &text, &country);
        }
    }
}

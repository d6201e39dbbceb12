//! `[[site]]`, what becomes of its events: how long reports of a conversion are waited for, and which identities prove nothing.

use std::collections::BTreeMap;

use shared::UserData;
use shared::identity::{Field, Raw};
use shared::time::{MINUTE_MS, SECOND_MS};

use super::super::error::Fault;
use super::super::event_name;
use super::super::reader::{Section, Text, join, text};
use crate::attribute;

/// Longest merge window: what is held is not with the platforms, and they want conversions within minutes.
const LONGEST_MS: i64 = 10 * MINUTE_MS;
const WINDOW_EXPECTED: &str = "a time from `1s` to `10m`, such as `30s`";
const IDENTITY_EXPECTED: &str =
    "an e-mail address, a telephone number with `+`, or a domain with `@` before it such as `@shop.example`";

/// Mailboxes that a business answers together: those of RFC 2142 (1997, sections 3 to 5), and those shops have besides.
const ROLES: [&str; 22] = [
    "info",
    "marketing",
    "sales",
    "support",
    "noc",
    "abuse",
    "security",
    "postmaster",
    "hostmaster",
    "webmaster",
    "www",
    "office",
    "contact",
    "hello",
    "shop",
    "store",
    "orders",
    "service",
    "admin",
    "mail",
    "noreply",
    "no-reply",
];

/// `merge_window = { Purchase = "30s" }`, in milliseconds.
pub(super) fn merge_window(section: &mut Section<'_, '_>) -> BTreeMap<String, i64> {
    let Some(table) = section.section("merge_window") else { return BTreeMap::new() };
    let path = table.path.clone();
    let (windows, _) = table.into_rest();
    let mut read = BTreeMap::new();
    for (name, window) in &windows {
        let key = join(&path, name.get_ref());
        if name.get_ref() == "Refund" {
            // What it may take back is judged when it comes.
            let expected = "the name of a conversion; refunds are never held back".to_owned();
            section.notes.fault(&key, name.span().start, Fault::Invalid { expected, found: None });
            continue;
        }
        event_name::advise(section.notes, &key, name.span().start, name.get_ref());
        let written = text(section.notes, key, window, WINDOW_EXPECTED);
        let window = written.and_then(|text| text.parsed(section.notes, WINDOW_EXPECTED, duration_ms));
        if let Some(window) = window {
            read.insert(name.get_ref().clone().into_owned(), window);
        }
    }
    read
}

/// A whole number of seconds or minutes.
fn duration_ms(text: &str) -> Option<i64> {
    let (digits, unit) = match text.strip_suffix('s') {
        Some(digits) => (digits, SECOND_MS),
        None => (text.strip_suffix('m')?, MINUTE_MS),
    };
    let number: i64 = digits.parse().ok()?;
    let ms = number.checked_mul(unit)?;
    (SECOND_MS..=LONGEST_MS).contains(&ms).then_some(ms)
}

/// `shared_identities = ["@shop.example", "+12025550123"]`, as identity keys.
pub(super) fn shared_identities(section: &mut Section<'_, '_>, country: Option<&str>) -> Vec<String> {
    let notes = section.notes;
    let texts = section.texts("shared_identities", IDENTITY_EXPECTED).unwrap_or_default();
    let mut keys: Vec<String> = Vec::new();
    for written in texts {
        let Text { value, key, at, .. } = &written;
        let found = identities(value, country);
        if found.is_empty() {
            // What was written is somebody's address and is not repeated.
            notes.fault(key, *at, Fault::Invalid { expected: IDENTITY_EXPECTED.to_owned(), found: None });
        }
        keys.extend(found);
    }
    keys
}

/// The keys one entry stands for; none if it is no identity.
fn identities(entry: &str, country: Option<&str>) -> Vec<String> {
    let entry = entry.trim();
    // A person apart for each, because a person has few addresses.
    let keys = |field, text: &str| {
        let mut user = UserData::default();
        let usable = user.add_raw(field, &Raw::new(text), country);
        if usable { attribute::person_keys(&user) } else { Vec::new() }
    };
    match entry.strip_prefix('@') {
        Some(domain) => {
            ROLES.iter().flat_map(|role| keys(Field::Email, &format!("{role}@{domain}"))).collect()
        }
        None if entry.contains('@') => keys(Field::Email, entry),
        None => keys(Field::Phone, entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_some_seconds_or_minutes() {
        let check = |text: &str, expected| assert_eq!(duration_ms(text), expected, "{text}");
        check("30s", Some(30_000));
        check("2m", Some(120_000));
        check("10m", Some(LONGEST_MS));
        for wrong in ["0s", "11m", "-5s", "30", "s", "1.5s", "30 s", "1h", "99999999999999999999s"] {
            check(wrong, None);
        }
    }

    #[test]
    fn an_entry_stands_for_an_address_a_number_or_the_mailboxes_of_a_domain() {
        let check = |entry: &str, keys: usize| assert_eq!(identities(entry, None).len(), keys, "{entry}");
        check("info@shop.example", 1);
        check(" Info@Shop.Example ", 1);
        check("+12025550123", 1);
        check("@shop.example", ROLES.len());
        check("hello", 0);
        assert!(identities("@shop.example", None).contains(&identities("info@shop.example", None)[0]));
    }
}

//! A person's data, hashed on the spot, in the JSON of [`shared::UserData`].
//!
//! Writes what `UserData` would serialise, without its maps, whose code would weigh more than all of the rules. A test
//! holds the two together. Owns nothing of normalising or hashing: that is `shared::identity`.

use shared::identity::{Clear, Field, Form, Raw, Sha256Hex, normalise};
use shared::limits;

use crate::page::Page;
use crate::text::{Lines, member, name};

/// The user data of `person` as a JSON object; empty when there is nothing usable in it. `country` is the ISO 3166-1
/// alpha-2 code assumed for phone numbers and the like when the person names none.
pub fn hashed<P: Page>(page: &P, person: &P::Value, country: &str) -> String {
    let mut country = Some(country.to_owned()).filter(|code| !code.is_empty());
    let mut json = String::from("{");
    let mut clear = String::from("{");
    // Last to first, because the country decides how phone number, region and postal code read.
    for field in Field::ALL.into_iter().rev() {
        let texts = page.person(person, field.name());
        let mut lines = Lines(&texts);
        let mut values = String::new();
        while let (Some(exact), Some(lower)) = (lines.next(), lines.next()) {
            let raw = Raw::prepared(exact, lower);
            if raw.exact.len() > limits::IDENTITY {
                continue;
            }
            if values.is_empty()
                && let Some(text) = Clear::of(field, &raw)
            {
                member(&mut clear, field.name(), &text);
            }
            if field == Field::Country {
                country = normalise(field, field.base(), &raw, None).or(country);
            }
            hashes(&mut values, field, &raw, country.as_deref());
        }
        if !values.is_empty() {
            name(&mut json, field.name());
            crate::text::put(&mut json, &["[", &values, "]"]);
        }
    }
    if clear.len() > 1 {
        name(&mut json, "clear");
        crate::text::put(&mut json, &[&clear, "}"]);
    }
    if json.len() > 1 {
        json.push('}');
        json
    } else {
        String::new()
    }
}

/// Appends one value: its base form, and the forms that differ from it. Nothing for a value without any form.
fn hashes(values: &mut String, field: Field, raw: &Raw<'_>, country: Option<&str>) {
    let given = Sha256Hex::given(&raw.exact);
    let mut value = String::from("{");
    let mut base = None;
    let mut usable = false;
    for (index, form) in field.forms().iter().enumerate() {
        let digest = match given {
            Some(digest) => Some(digest),
            None => normalise(field, *form, raw, country).map(|normal| Sha256Hex::of(&normal)),
        };
        usable |= digest.is_some();
        if index > 0 && digest == base {
            continue;
        }
        if index == 0 {
            base = digest;
        }
        match digest {
            Some(digest) => member(&mut value, form_name(*form), &digest.to_hex()),
            None => {
                name(&mut value, form_name(*form));
                value.push_str("null");
            }
        }
    }
    if usable {
        crate::text::put(values, &[if values.is_empty() { "" } else { "," }, &value, "}"]);
    }
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

//! What a page handed over, looked at from outside: which names, which types, where personal data stands.
//!
//! Owns reading values of the page, any of which may be a trap. Keeps no value: only what the advice needs to know.

use js_sys::{Array, Object, Reflect};
use shared::identity::Field;
use shared::{Event, scrub};
use wasm_bindgen::{JsCast, JsValue};

use crate::seen::Given;

/// Most names looked at in one object.
const MOST_NAMES: u32 = 100;

/// An event as it leaves the page; an error names the field, and never quotes its value.
pub(crate) fn event(event: JsValue) -> Result<Event, String> {
    let reader = serde_wasm_bindgen::Deserializer::from(event);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let problem = error.inner().to_string();
        // JavaScript writes the kind of an error before its text.
        let problem = without_values(problem.strip_prefix("Error: ").unwrap_or(&problem));
        format!("{}: {problem}", error.path())
    })
}

/// serde quotes what it does not like, between quotation marks or backticks.
fn without_values(message: &str) -> String {
    let Some(start) = message.find(['"', '`']) else { return message.to_owned() };
    let expected = message.rsplit_once("expected ").map_or("", |(_, expected)| expected);
    format!("{}…, expected {expected}", &message[..start])
}

/// What is worth knowing of the properties and the person of a call.
pub(crate) fn given(properties: &JsValue, person: &JsValue) -> Given {
    let mut given = Given::default();
    for (name, value) in members(properties) {
        if let Some(field) = Field::named(&name) {
            given.fields.push(field);
        } else if holds_email(&value) {
            given.addresses_in.push(name);
        } else if matches!(name.as_str(), "value" | "tax" | "shipping") && value.is_string() {
            given.amounts_as_text.push(name);
        } else if name != "items" && value.is_object() && !Array::is_array(&value) {
            given.objects.push(name);
        }
    }
    given.fields.extend(members(person).into_iter().filter_map(|(name, _)| Field::named(&name)));
    given
}

/// Names and values of an object; what throws is left out.
fn members(object: &JsValue) -> Vec<(String, JsValue)> {
    let Some(object) = object.dyn_ref::<Object>() else { return Vec::new() };
    let names = Reflect::own_keys(object).unwrap_or_default();
    let names = (0..names.length().min(MOST_NAMES)).filter_map(|at| names.get(at).as_string());
    names.filter_map(|name| Some((name.clone(), Reflect::get(object, &JsValue::from(name)).ok()?))).collect()
}

fn holds_email(value: &JsValue) -> bool {
    let text = |value: &JsValue| value.as_string().is_some_and(|text| scrub::looks_like_email(&text));
    match value.dyn_ref::<Array>() {
        Some(list) => (0..list.length().min(MOST_NAMES)).any(|at| text(&list.get(at))),
        None => text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_quote_what_it_is_about() {
        let check = |message: &str, expected: &str| assert_eq!(without_values(message), expected);
        check(
            "not a number: expected major units such as 59.9",
            "not a number: expected major units such as 59.9",
        );
        check(
            r#"invalid type: string "jane@example.com", expected an object"#,
            "invalid type: string …, expected an object",
        );
        check("invalid type: integer `4917`, expected text", "invalid type: integer …, expected text");
    }
}

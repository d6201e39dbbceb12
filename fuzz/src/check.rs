//! What holds for every event that was let in, wherever it came from, and for every text that is shown.

use serde_json::Value;
use shared::{Event, click_id, event_id, limits, scrub};

use crate::secrets::MARKER;
use crate::stage::FROM_OUTSIDE;

/// The event is within its limits, holds no e-mail address, and reads back as it was written.
pub(crate) fn event(event: &Event) {
    let json = serde_json::to_string(event).expect("every event is written");
    let read: Event = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(&read, event, "reads back as it was: {json}");
    bounded(event);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    for (group, member) in value.as_object().into_iter().flatten() {
        match group.as_str() {
            "user" => person(member),
            // What a browser says of itself is no visitor's address; crawlers name their keeper there.
            "context" => no_address(&member["language"], "context"),
            group => no_address(member, group),
        }
    }
}

/// A text that may be printed or answered holds no secret and no e-mail address.
pub(crate) fn shown(text: &str) {
    keeps_secrets(text);
    assert!(!scrub::looks_like_email(text), "an e-mail address: {text}");
}

/// Whether bytes from outside name one of the configuration's secrets. libFuzzer learns them by comparing; that an answer
/// repeats what its own sender wrote tells nothing.
pub(crate) fn names_a_secret(bytes: &[u8]) -> bool {
    let holds = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
    holds(FROM_OUTSIDE) || holds(MARKER)
}

/// A text holds none of the configuration's secrets.
pub(crate) fn keeps_secrets(text: &str) {
    assert!(!text.contains(FROM_OUTSIDE) && !text.contains(MARKER), "a secret: {text}");
}

/// A text that goes into one line of a log or a table.
pub(crate) fn line(text: &str) {
    shown(text);
    assert!(!text.chars().any(char::is_control), "more than one line: {text:?}");
}

fn bounded(event: &Event) {
    let Event { event: name, event_id, visitor_id, page, click_ids, cookies, tokens, campaign, .. } = event;
    assert!(!name.is_empty() && name.len() <= limits::EVENT_NAME && plain(name), "{name:?}");
    assert!(event_id::valid(event_id), "{event_id:?}");
    assert!(visitor_id.as_deref().is_none_or(event_id::valid_token), "{visitor_id:?}");
    for (address, most) in
        [(&page.url, limits::URL), (&page.referrer, limits::URL), (&page.title, limits::TEXT)]
    {
        assert!(address.as_ref().is_none_or(|text| text.len() <= most), "a page of any length");
    }
    assert!(click_ids.len() <= limits::CLICK_IDS && cookies.len() <= limits::COOKIES);
    for (param, click) in click_ids {
        let spec = click_id::find(param).expect("of the registry");
        assert!(spec.param == param && click_id::valid(spec, &click.value), "{param}: {:?}", click.value);
    }
    for (name, value) in cookies {
        assert!(click_id::wanted_cookie(name) && name.len() <= limits::COOKIE && plain(value), "{name:?}");
        assert!(value.len() <= limits::COOKIE, "{name:?}");
    }
    assert!(tokens.len() <= limits::TOKENS && tokens.values().all(|token| token.len() <= limits::COOKIE));
    if let Some(campaign) = campaign {
        let shared::Campaign { source, medium, name, term, content, id, seen_at: _ } = campaign;
        let parts = [source, medium, name, term, content, id].into_iter().flatten();
        assert!(parts.map(String::len).all(|length| length <= limits::PROPERTY));
    }
    properties(&event.properties);
}

fn properties(properties: &shared::Properties) {
    let shared::Properties { value, order_id, search_term, coupon, tax, shipping, items, custom, .. } =
        properties;
    assert!([value, tax, shipping].into_iter().flatten().all(|amount| amount.is_finite()));
    assert!(
        order_id.as_ref().is_none_or(|id| !id.is_empty() && id.len() <= limits::ORDER_ID),
        "{order_id:?}"
    );
    let texts = [search_term, coupon].into_iter().flatten();
    assert!(texts.map(String::len).all(|length| length <= limits::PROPERTY));
    assert!(items.len() <= limits::ITEMS && custom.len() <= limits::PROPERTIES);
    for shared::Item { id, name, brand, category, price, quantity } in items {
        let texts = [id, name, brand, category].into_iter().flatten();
        assert!(texts.map(String::len).all(|length| length <= limits::PROPERTY));
        assert!([price, quantity].into_iter().flatten().all(|number| number.is_finite()));
    }
    for (name, value) in custom {
        assert!(name.len() <= limits::PROPERTY_NAME, "{name:?}");
        scalar(value);
    }
}

fn scalar(value: &shared::Scalar) {
    match value {
        shared::Scalar::Bool(_) | shared::Scalar::Integer(_) => {}
        shared::Scalar::Number(number) => assert!(number.is_finite()),
        shared::Scalar::Text(text) => assert!(text.len() <= limits::PROPERTY),
        shared::Scalar::List(list) => {
            assert!(list.len() <= limits::PROPERTY_LIST);
            list.iter().for_each(scalar);
        }
    }
}

/// A person is digests, and in clear what is no name, e-mail address or telephone number.
fn person(user: &Value) {
    for (field, values) in user.as_object().into_iter().flatten() {
        if field == "clear" {
            no_address(values, "user.clear");
            let country = values["country"].as_str();
            assert!(
                country.is_none_or(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())),
                "{country:?}"
            );
            continue;
        }
        let digests = values.as_array().expect("a list").iter().flat_map(|value| match value {
            Value::Object(forms) => forms.values().collect(),
            other => vec![other],
        });
        for digest in digests {
            let hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(digest.is_null() || digest.as_str().is_some_and(hex), "{field}: {digest}");
        }
    }
}

fn no_address(value: &Value, place: &str) {
    let clean = |text: &str| assert!(!scrub::looks_like_email(text), "{place}: {text:?}");
    match value {
        Value::String(text) => clean(text),
        Value::Array(list) => list.iter().for_each(|value| no_address(value, place)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            clean(name);
            no_address(value, place);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

//! One purchase as each platform sees it, side by side: the same facts, each in that platform's own words.
//!
//! Pure: reads what was delivered and makes lines of text. Owns which of a platform's fields stands for which fact.

use serde_json::Value;

use crate::delivered::Delivered;

/// The facts, in the order of the lines.
const FACTS: [&str; 8] =
    ["event", "known again by", "click", "e-mail", "phone", "value", "currency", "first item"];

/// Where a platform keeps the facts that are not its name and id.
struct View {
    platform: &'static str,
    /// Click, e-mail, phone, value, currency, first item. An empty pointer: the platform takes no such thing.
    pointers: [&'static str; 6],
}

const VIEWS: [View; 7] = [
    View {
        platform: "meta",
        pointers: [
            "/user_data/fbc",
            "/user_data/em/0",
            "/user_data/ph/0",
            "/custom_data/value",
            "/custom_data/currency",
            "/custom_data/contents/0/id",
        ],
    },
    View {
        platform: "google-ads",
        pointers: [
            "/adIdentifiers/gclid",
            "/userData/userIdentifiers/0/emailAddress",
            "/userData/userIdentifiers/1/phoneNumber",
            "/conversionValue",
            "/currency",
            "/cartData/items/0/merchantProductId",
        ],
    },
    View {
        platform: "tiktok",
        pointers: [
            "/user/ttclid",
            "/user/email/0",
            "/user/phone/0",
            "/properties/value",
            "/properties/currency",
            "/properties/contents/0/content_id",
        ],
    },
    View {
        platform: "microsoft",
        pointers: [
            "/userData/msclkid",
            "/userData/em",
            "/userData/ph",
            "/customData/value",
            "/customData/currency",
            "/customData/items/0/id",
        ],
    },
    View { platform: "outbrain", pointers: ["/ob_click_id", "", "", "/orderValue", "/currency", ""] },
    View { platform: "taboola", pointers: ["/click-id", "", "", "/revenue", "/currency", ""] },
    View {
        platform: "webhook",
        pointers: [
            "/click_ids/fbclid/value",
            "/user/email/0",
            "/user/phone/0/e164",
            "/properties/value",
            "/properties/currency",
            "/properties/items/0/id",
        ],
    },
];

/// The click an event was given to its platform with.
pub(super) fn click(event: &Delivered) -> Option<String> {
    facts(event)?.into_iter().nth(2).flatten()
}

/// The facts of one event at one platform, in the order of [`FACTS`]; nothing where the platform takes no such thing
/// or got none.
fn facts(event: &Delivered) -> Option<[Option<String>; 8]> {
    let view = VIEWS.iter().find(|view| view.platform == event.platform)?;
    let [click, email, phone, value, currency, item] = view.pointers.map(|pointer| text(event, pointer));
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some([given(&event.name), given(&event.event_id), click, email, phone, value, currency, item])
}

fn text(event: &Delivered, pointer: &str) -> Option<String> {
    match (pointer, event.at(pointer)) {
        // The empty pointer stands for the whole event.
        ("", _) | (_, Value::Null) => None,
        (_, Value::String(text)) => Some(text.clone()),
        (_, other) => Some(other.to_string()),
    }
}

/// A table with a column for each of `events`, in their order.
pub fn table(events: &[Delivered]) -> Vec<String> {
    let columns: Vec<(&str, [Option<String>; 8])> =
        events.iter().filter_map(|event| Some((event.platform, facts(event)?))).collect();
    let heads = columns.iter().map(|(platform, _)| cell(platform)).collect::<String>();
    let mut lines = vec![format!("{:<16}{heads}", "").trim_end().to_owned()];
    for (row, fact) in FACTS.iter().enumerate() {
        let cells = columns.iter().map(|(_, facts)| cell(facts[row].as_deref().unwrap_or("-")));
        lines.push(format!("{fact:<16}{}", cells.collect::<String>()).trim_end().to_owned());
    }
    lines
}

/// A text cut to the column's width; a digest is known by its beginning.
fn cell(text: &str) -> String {
    let short = match text.chars().count() {
        length if length > WIDTH - 2 => text.chars().take(WIDTH - 3).chain(['…']).collect(),
        _ => text.to_owned(),
    };
    format!("{short:<WIDTH$}")
}

/// Characters of a column, with the blanks that keep it from the next.
const WIDTH: usize = 22;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_fact_stands_in_the_same_line() {
        let event = |platform, event| Delivered { platform, name: "P".into(), event_id: "P-1".into(), event };
        let meta = json!({ "user_data": { "fbc": "fb.1.1795183509123.IwAR0-Journey", "em": ["a".repeat(64)] }, "custom_data": { "value": 178 } });
        let outbrain = json!({ "ob_click_id": "v2-1", "orderValue": "178", "currency": "EUR" });
        let lines = table(&[event("meta", meta), event("outbrain", outbrain), event("nobody", json!({}))]);
        assert_eq!(lines[0], "                meta                  outbrain");
        assert_eq!(lines[3], "click           fb.1.1795183509123.…  v2-1");
        assert_eq!(lines[4], "e-mail          aaaaaaaaaaaaaaaaaaa…  -");
        assert_eq!(lines[6], "value           178                   178");
        assert_eq!(lines.len(), 1 + FACTS.len());
    }
}

//! The lead of Meta's own form that a stage of a CRM belongs to.
//!
//! Meta gives every lead an id of 15 or 16 digits, newer ones one more, and wants it back with each stage the lead reaches.
//! An event with an id that is none is refused, and its whole batch with it, so that only what has the shape of one is
//! taken, and only of a CRM's event (page "payload specification" of the conversion leads integration, read 2026-11-28).
//! What other systems call by the same name is shorter, longer or has letters in it: TikTok's leads have 19 digits. Owns
//! where the id comes from; leaves its place to `user_data` and what else the page asks for to `custom_data`.

use shared::Event;
use shared::event::Source;

use crate::platform::goods;

/// The event's own property that holds the id.
pub(super) const PROPERTY: &str = "lead_id";

/// Fewest and most digits of an id.
const DIGITS: std::ops::RangeInclusive<usize> = 15..=17;

/// The id of the lead, never hashed.
pub(super) fn id(event: &Event) -> Option<u64> {
    if event.source != Source::Crm {
        return None;
    }
    let text = goods::text(event.properties.custom.get(PROPERTY)?)?;
    let digits = text.trim();
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if plain && DIGITS.contains(&digits.len()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, lead_id: &str, expected: Option<u64>) {
        let json = format!(
            r#"{{"event":"Qualified","event_id":"1","time":0,"source":"{source}","properties":{{"lead_id":{lead_id}}}}}"#
        );
        let event: Event = serde_json::from_str(&json).expect("an event");
        assert_eq!(id(&event), expected, "{source} {lead_id}");
    }

    #[test]
    fn a_lead_is_named_by_metas_number_as_text_or_as_a_number() {
        check("crm", "\"123456789012345\"", Some(123_456_789_012_345));
        check("crm", "1234567890123456", Some(1_234_567_890_123_456));
        check("crm", "\" 12345678901234567 \"", Some(12_345_678_901_234_567));
    }

    #[test]
    fn what_is_not_metas_is_no_lead() {
        for other in [
            "\"12345678901234\"",
            "\"123456789012345678\"",
            "7123456789012345678",
            "-123456789012345",
            "\"023456789012345\"",
            "\"1234567890123.5\"",
            "\"00Q5e00000AbCdEAV\"",
            "\"\"",
            "true",
            "[1234567890123456]",
        ] {
            check("crm", other, None);
        }
        for source in ["web", "server", "phone", "store", "email", "chat"] {
            check(source, "1234567890123456", None);
        }
    }
}

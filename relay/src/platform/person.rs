//! A person's marks that several platforms take alike, beside the digests of personal data.

use shared::identity::{Field, Hashes, Raw, Sha256Hex, Take, taken_by};
use shared::{Event, Scalar};

use super::digests;

/// External ids, in the form `platform` takes.
///
/// With `visitor_id` an event without one gets the visitor id, treated as the site's own id of a person: one more
/// way to join a visitor's events, useful only where the browser's pixel is given the same value.
pub(super) fn external_ids(platform: &str, event: &Event, visitor_id: bool) -> Vec<Sha256Hex> {
    let mut ids = digests(platform, event, Field::ExternalId);
    if let (true, true, Some(id)) = (visitor_id, ids.is_empty(), &event.visitor_id)
        && let Take::Hashed(form) = taken_by(platform, Field::ExternalId)
    {
        let hashes = Hashes::of(Field::ExternalId, &Raw::new(id), None);
        ids.extend(hashes.and_then(|hashes| hashes.get(Field::ExternalId, form)));
    }
    ids
}

/// Whether the site asks for Limited Data Use for this one event.
pub(super) fn asks_for_limited_use(event: &Event) -> bool {
    match event.properties.custom.get("limited_data_use") {
        Some(Scalar::Bool(asked)) => *asked,
        // Out of a table or a form everything is text. Whoever writes anything but no means the limit.
        Some(Scalar::Text(text)) => {
            !["", "false", "no", "0"].contains(&text.trim().to_ascii_lowercase().as_str())
        }
        Some(Scalar::Integer(number)) => *number != 0,
        Some(Scalar::Number(_) | Scalar::List(_)) => true,
        None => false,
    }
}

/// Whether the customer's address is in the EEA, the United Kingdom or Switzerland, where visitors must be asked; `None`
/// where no address names a country. Nothing is guessed from network addresses or languages.
pub(super) fn is_regulated(event: &Event) -> Option<bool> {
    event.user.clear.country.as_deref().map(must_ask)
}

/// The same of a country by its alpha-2 code.
pub(crate) fn must_ask(country: &str) -> bool {
    REGULATED.contains(&country)
}

/// The European Union with those of its territories that have a code of their own, then Iceland, Liechtenstein,
/// Norway, the United Kingdom and Switzerland.
const REGULATED: [&str; 39] = [
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT",
    "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "AX", "GF", "GP", "MF", "MQ", "RE", "YT",
    "IS", "LI", "NO", "GB", "CH",
];

/// The browser's own name, unmodified.
pub(super) fn user_agent(event: &Event) -> Option<&str> {
    event.context.user_agent.as_deref().filter(|agent| !agent.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_asks_in_the_same_countries() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tag/js/parts/region/asked.js");
        let script = std::fs::read_to_string(script).expect("the part's countries");
        let (_, after) = script.split_once("const EEA =").expect("the list");
        let mut theirs: Vec<&str> = after.split('"').nth(1).expect("a text").split(' ').collect();
        theirs.extend(["GB", "CH"]);
        theirs.sort_unstable();
        let mut ours = REGULATED;
        ours.sort_unstable();
        assert_eq!(theirs, ours);
    }

    #[test]
    fn the_visitor_id_is_an_external_id_only_when_asked_for() {
        let known = "0".repeat(64);
        let check = |platform, user: &str, wanted, expected: Option<Sha256Hex>| {
            let json = format!(
                r#"{{"event":"Lead","event_id":"1","time":0,"source":"web","visitor_id":"V-1","user":{user}}}"#
            );
            let event: Event = serde_json::from_str(&json).expect("an event");
            assert_eq!(external_ids(platform, &event, wanted), Vec::from_iter(expected), "{platform} {user}");
        };
        check("meta", "{}", false, None);
        check("meta", "{}", true, Some(Sha256Hex::of("v-1")));
        check("tiktok", "{}", true, Some(Sha256Hex::of("V-1")));
        check("outbrain", "{}", true, None);
        check("meta", &format!(r#"{{"external_id":["{known}"]}}"#), true, Sha256Hex::parse(&known));
    }
}

//! Deduplicate: one conversion from several sources, tabs or retries counts once.
//!
//! Two keys per event: (event id, name), and (order id, name) where there is an order. The second is written as the
//! first would be if the id had been derived from the order, so both are one kind of key, and the common case, a
//! derived id, needs a single row. Keys begin with the id and so sort by time when it is a UUIDv7.

use shared::{Consent, Event, Source, UnixMs, event_id};

use crate::rules::{Rules, on_top_of, widest};
use crate::store::{Note, StoreError, Transaction};

/// What an event is to the conversions that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has reported it yet.
    New,
    /// It was reported, and this copy changes nothing.
    Known,
    /// It was reported by a copy that some destination could not have for want of consent, and may have now.
    Mended {
        /// What the copies so far were allowed.
        earlier: Consent,
        /// What all copies together say.
        said: Consent,
    },
}

/// Whether the event is known already. Claims its keys either way, so that a third copy finds whichever it shares.
///
/// A copy that is withheld for want of consent claims the keys like any other: a second silent copy must not be sent
/// after a denial. What it said is noted, and a copy that brings the consent goes on to whom the first could not.
pub fn standing(
    tx: &mut dyn Transaction,
    rules: &Rules,
    site: &str,
    now: UnixMs,
    event: &Event,
) -> Result<Standing, StoreError> {
    let keys = keys(event);
    let mut known = false;
    for key in &keys {
        known |= !tx.claim(site, key, now)?;
    }
    if is_pages_refund(event) {
        // What a server has said a page may repeat; never the other way round.
        known |= tx.claimed(site, &key(&event.event_id, &event.event))?;
    }
    if !known {
        note_withheld(tx, rules, site, now, event, &keys)?;
        return Ok(Standing::New);
    }
    let Some(earlier) = withheld(tx, site, &keys)? else { return Ok(Standing::Known) };
    let said = on_top_of(&earlier, &event.consent);
    let mended = rules.mends(&earlier, &said);
    let allowed = if mended { widest(&earlier, &said) } else { earlier };
    note_consent(tx, site, now, event, &keys, &allowed)?;
    Ok(if mended { Standing::Mended { earlier, said } } else { Standing::Known })
}

/// Notes under the keys of a new event what it says about consent, if that keeps it from some destination.
pub fn note_withheld(
    tx: &mut dyn Transaction,
    rules: &Rules,
    site: &str,
    now: UnixMs,
    event: &Event,
    keys: &[String],
) -> Result<(), StoreError> {
    if rules.withholds(&event.consent) {
        note_consent(tx, site, now, event, keys, &event.consent)?;
    }
    Ok(())
}

fn note_consent(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &Event,
    keys: &[String],
    consent: &Consent,
) -> Result<(), StoreError> {
    // A plain structure of ours always serialises.
    let text = serde_json::to_string(consent).unwrap_or_default();
    let note = Note { visitor: event.visitor_id.as_deref(), text: &text };
    keys.iter().try_for_each(|key| tx.put_note(site, &[WITHHELD, key].concat(), note, now))
}

/// What is noted of the consent of an earlier copy.
fn withheld(tx: &mut dyn Transaction, site: &str, keys: &[String]) -> Result<Option<Consent>, StoreError> {
    for key in keys {
        if let Some(text) = tx.note(site, &[WITHHELD, key].concat())? {
            return Ok(Some(serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: "note" })?));
        }
    }
    Ok(None)
}

/// Prefix of the note about a copy that was withheld.
const WITHHELD: &str = "wh:";

/// The dedup keys of an event: one, or two when it has an order id that its event id was not derived from.
///
/// A page's refund has a key apart. Ids of refunds follow from numbers that can be guessed, and who said one first in a page's name
/// would keep the shop's own refund from being one.
pub fn keys(event: &Event) -> Vec<String> {
    let own = key(&event.event_id, &event.event);
    if is_pages_refund(event) {
        return vec![[&own, SEPARATOR, OF_PAGE].concat()];
    }
    let order = event.properties.order_id.as_deref().and_then(|order| event_id::derive(&event.event, order));
    match order {
        Some(derived) if derived != event.event_id && once_per_order(&event.event) => {
            vec![own, key(&derived, &event.event)]
        }
        _ => vec![own],
    }
}

/// The dedup key of an order's event of this name.
pub fn key_of_order(name: &str, order_id: &str) -> Option<String> {
    event_id::derive(name, order_id).map(|id| key(&id, name))
}

fn key(id: &str, name: &str) -> String {
    [id, SEPARATOR, name].concat()
}

/// An order is bought once but may be refunded in parts, each a conversion of its own under its own id.
fn once_per_order(name: &str) -> bool {
    name != REFUND
}

fn is_pages_refund(event: &Event) -> bool {
    event.event == REFUND && event.source == Source::Web
}

/// The event that takes a conversion back.
const REFUND: &str = "Refund";
/// What the keys of pages' refunds end with.
const OF_PAGE: &str = "web";

/// Unit separator: a control character, which neither an id nor a name may hold.
const SEPARATOR: &str = "\u{1f}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    #[test]
    fn keys_of_every_kind_of_event() {
        let check = |json: &str, expected: &[&str]| {
            let keys: Vec<String> =
                keys(&event(json)).iter().map(|key| key.replace(SEPARATOR, "|")).collect();
            assert_eq!(keys, expected, "{json}");
        };
        check(r#"{"event":"Lead","event_id":"a"}"#, &["a|Lead"]);
        check(r#"{"event":"Purchase","properties":{"order_id":"7"}}"#, &["Purchase-7|Purchase"]);
        check(
            r#"{"event":"Purchase","event_id":"a","properties":{"order_id":"7"}}"#,
            &["a|Purchase", "Purchase-7|Purchase"],
        );
        check(r#"{"event":"Refund","event_id":"r1","properties":{"order_id":"7"}}"#, &["r1|Refund"]);
        check(r#"{"event":"Refund","properties":{"order_id":"7"}}"#, &["Refund-7|Refund"]);
        let of_page = r#"{"event":"Refund","source":"web","properties":{"order_id":"7"}}"#;
        check(of_page, &["Refund-7|Refund|web"]);
    }
}

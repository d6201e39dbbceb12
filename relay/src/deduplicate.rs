//! Deduplicate: one conversion from several sources, tabs or retries counts once.
//!
//! Two keys per event: (event id, name), and (order id, name) where there is an order. The second is written as the
//! first would be if the id had been derived from the order, so both are one kind of key, and the common case, a
//! derived id, needs a single row. Keys begin with the id and so sort by time when it is a UUIDv7.

use shared::{Event, UnixMs, event_id};

use crate::store::{StoreError, Transaction};

/// Whether the event is known already. Claims its keys either way, so that a third copy finds whichever it shares.
pub fn is_known(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &Event,
) -> Result<bool, StoreError> {
    let mut known = false;
    for key in keys(event) {
        known |= !tx.claim(site, &key, now)?;
    }
    Ok(known)
}

/// The dedup keys of an event: one, or two when it has an order id that its event id was not derived from.
pub fn keys(event: &Event) -> Vec<String> {
    let own = key(&event.event_id, &event.event);
    let order = event.properties.order_id.as_deref().and_then(|order| event_id::derive(&event.event, order));
    match order {
        Some(derived) if derived != event.event_id && once_per_order(&event.event) => {
            vec![own, key(&derived, &event.event)]
        }
        _ => vec![own],
    }
}

fn key(id: &str, name: &str) -> String {
    [id, SEPARATOR, name].concat()
}

/// An order is bought once but may be refunded in parts, each a conversion of its own under its own id.
fn once_per_order(name: &str) -> bool {
    name != "Refund"
}

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
    }
}

//! Refunds of orders that may never have been reported.
//!
//! A sender does not always know: a shop's refund does not say through which channel its order came, a cancelled order may have
//! been counted by a page alone, and a network also rejects what it never let count. Such a refund says so, and is nothing where
//! there is nothing to take back. Leaves to `orders` what is remembered of orders.

use shared::event::{STANDARD_EVENTS, is_conversion};
use shared::{Event, Properties, Scalar, UnixMs};

use super::{ORDER_EVENT, PAID, REFUND, Word, early, recall};
use crate::deduplicate;
use crate::store::{Draft, Store, StoreError, Transaction, Verdict};

/// The property by which a source says that a refund takes back only an order that was reported. As a text it is a further name
/// under which that may have been; as a truth value it is a network's, whose word is about its own commission.
pub const ONLY_IF_REPORTED: &str = "only_if_reported";

/// What becomes of a refund that takes back only what was reported, where nothing was; of others nothing is said. Money that a shop
/// has paid out is held for the order, which may have been overtaken. The mark is for us alone and is taken off; that the order was
/// reported under the name it says is kept.
pub fn of_nothing(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &mut Draft,
) -> Result<Option<Verdict>, StoreError> {
    let Properties { order_id, custom, .. } = &event.properties;
    let said = custom.get(ONLY_IF_REPORTED).filter(|_| event.event == REFUND);
    let (Some(order_id), Some(said)) = (order_id, said) else { return Ok(None) };
    let nothing = !is_known(tx, site, order_id, said)?;
    let may_be = nothing && matches!(said, Scalar::Text(_)) && early::holds_later(event);
    let is_held = may_be && early::keep(tx, site, now, &early::key(order_id), event)?;
    let own = if nothing { None } else { own_name(tx, site, order_id, said)? };
    event.change(|event| {
        let custom = &mut event.properties.custom;
        if let Some(name) = own {
            custom.entry(ORDER_EVENT.to_owned()).or_insert(Scalar::Text(name));
        }
        custom.remove(ONLY_IF_REPORTED).is_some()
    });
    Ok(nothing.then_some(if is_held { Verdict::Held } else { Verdict::Duplicate }))
}

fn is_known(tx: &mut dyn Transaction, site: &str, order_id: &str, said: &Scalar) -> Result<bool, StoreError> {
    if let Some(order) = recall(tx, site, order_id)?
        && (order.event.is_some() || order.value.is_some())
    {
        // A network says no to its own commission: an order that the shop or its page has told of stands.
        let is_the_shops = matches!(order.word, Some(Word::Page | Word::Shop));
        return Ok(!(is_the_shops && matches!(said, Scalar::Bool(_))));
    }
    // An order without a value, or under a name of the sender's own, is not remembered, but its key is.
    let own = if let Scalar::Text(name) = said { Some(name.as_str()) } else { None };
    for name in PAID.into_iter().chain(own) {
        if let Some(key) = deduplicate::key_of_order(name, order_id)
            && tx.claimed(site, &key)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The sender's own name for an order, if the order was reported under it.
fn own_name(
    tx: &mut dyn Transaction,
    site: &str,
    order_id: &str,
    said: &Scalar,
) -> Result<Option<String>, StoreError> {
    let Scalar::Text(name) = said else { return Ok(None) };
    let own = Some(name).filter(|name| !PAID.contains(&name.as_str()));
    match own.and_then(|name| deduplicate::key_of_order(name, order_id)) {
        Some(key) if tx.claimed(site, &key)? => Ok(Some(name.clone())),
        Some(_) | None => Ok(None),
    }
}

/// Whether the order of a refund was reported though no note says so, as of one without a value or one that nobody pays: under
/// a standard name, or under the one that the refund says.
pub async fn left_its_key(store: &dyn Store, site: &str, refund: &Event) -> Result<bool, StoreError> {
    let Properties { order_id: Some(order_id), custom, .. } = &refund.properties else { return Ok(false) };
    let said = custom.get(ORDER_EVENT);
    let said = if let Some(Scalar::Text(name)) = said { Some(name.as_str()) } else { None };
    let standard = STANDARD_EVENTS.into_iter().filter(|name| is_conversion(name));
    let keys = standard.chain(said).filter_map(|name| deduplicate::key_of_order(name, order_id)).collect();
    store.any_claimed(site, keys).await
}

//! Refunds that overtake their order.
//!
//! A shop repeats for hours what it could not deliver, a payment service for days, and each tells of the next thing at once: so a
//! refund may come first. What it takes back is reckoned up in the note of its order, as far as that can be done without the
//! order, and holds of the order once that is reported. A refund that is nothing without its order goes out after it. Owns both;
//! leaves to `unreported` which refunds those are, and to `pipeline` that they go.

use std::collections::BTreeMap;

use shared::{Context, Event, Page, Properties, Source, UnixMs, UserData};

use super::refund::amount;
use super::{COMMISSION, Order, REFUND, REMAINING, Word, cents};
use crate::store::{Note, StoreError, Transaction};

/// Reckons up what a refund takes back of an order that nobody has reported yet.
pub(super) fn take_back(order: &mut Order, refund: &Event) {
    let Properties { value, currency, custom, .. } = &refund.properties;
    if custom.contains_key(COMMISSION) {
        // What a network takes back of its share is no part of what the buyer paid.
        return;
    }
    let is_of_one_currency = match currency {
        Some(currency) => *order.currency.get_or_insert(*currency) == *currency,
        // All of it, in whatever currency it was paid.
        None => value.is_none(),
    };
    if !is_of_one_currency {
        return;
    }
    let said = custom.get(REMAINING).and_then(amount).or(value.is_none().then_some(0.0));
    let back = value.map_or(0.0, f64::abs);
    if let Some(said) = said {
        let least = order.left.map_or(said, |left| left.min(said));
        order.left = Some(cents(least.max(0.0)));
    } else {
        order.back = cents(order.back + back);
        order.left = order.left.map(|left| cents((left - back).max(0.0)));
    }
}

/// How much of an order that is reported now was paid back before; of one that is known already, how much was so far.
pub(super) fn paid_back(known: &Order, order: &Event, word: Word) -> f64 {
    let Some(whole) = order.properties.value.filter(|_| known.value.is_none()) else { return known.back };
    if known.currency.is_some() && known.currency != order.properties.currency {
        return 0.0;
    }
    let all_back = known.left == Some(0.0);
    match word {
        // The shop's amounts are no part of a network's share, but all of one is all of the other.
        Word::Commission if all_back => whole,
        Word::Commission => 0.0,
        Word::Part | Word::Page | Word::Server | Word::Shop => {
            cents(known.left.map_or(0.0, |left| whole - left).max(known.back))
        }
    }
}

/// Whether a refund holds of its order also when that is reported later: one that says what was paid out and no more. One that
/// says what is left calls an order off, and an order that is reported after that stands.
pub(super) fn holds_later(refund: &Event) -> bool {
    let Properties { value, custom, .. } = &refund.properties;
    refund.source != Source::Web && value.is_some() && !custom.contains_key(REMAINING)
}

/// Keeps a refund for its order, which may be on its way.
pub(super) fn keep(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    order_id: &str,
    refund: &Event,
) -> Result<(), StoreError> {
    let mut kept = recall(tx, site, order_id)?;
    if kept.len() >= MOST_KEPT || kept.iter().any(|one| one.event_id == refund.event_id) {
        return Ok(());
    }
    kept.push(bare(refund));
    // Plain structures of ours always serialise.
    let text = serde_json::to_string(&kept).unwrap_or_default();
    tx.put_note(site, &key(order_id), Note { visitor: refund.visitor_id.as_deref(), text: &text }, now)
}

/// The refunds that were kept for the order of an event, if it may be the order.
pub fn kept_for(tx: &mut dyn Transaction, site: &str, event: &Event) -> Result<Vec<Event>, StoreError> {
    let may_be_paid = event.event != REFUND && shared::event::is_conversion(&event.event);
    match event.properties.order_id.as_deref().filter(|_| may_be_paid) {
        Some(order_id) => recall(tx, site, order_id),
        None => Ok(Vec::new()),
    }
}

fn recall(tx: &mut dyn Transaction, site: &str, order_id: &str) -> Result<Vec<Event>, StoreError> {
    let Some(text) = tx.note(site, &key(order_id))? else { return Ok(Vec::new()) };
    let kept: Result<Vec<Event>, _> = serde_json::from_str(&text);
    Ok(kept
        .inspect_err(|_| tracing::error!("a note of refunds cannot be read and is passed over"))
        .unwrap_or_default())
}

/// A refund without what it would learn from its order anyhow, and without anything of a person.
fn bare(refund: &Event) -> Event {
    Event {
        event: refund.event.clone(),
        event_id: refund.event_id.clone(),
        time: refund.time,
        source: refund.source,
        visitor_id: None,
        page: Page::default(),
        click_ids: BTreeMap::new(),
        cookies: BTreeMap::new(),
        tokens: BTreeMap::new(),
        campaign: None,
        context: Context::default(),
        user: UserData::default(),
        properties: Properties { items: Vec::new(), ..refund.properties.clone() },
        consent: refund.consent,
        attribution: None,
    }
}

/// The key of the note with the refunds of an order that nobody has reported yet.
fn key(order_id: &str) -> String {
    ["early:", order_id].concat()
}

/// Refunds of one order that are kept for it.
const MOST_KEPT: usize = 8;

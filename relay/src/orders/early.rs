//! Refunds that overtake their order.
//!
//! A shop repeats for hours what it could not deliver, a payment service for days, and each tells of the next thing at once: so a
//! refund may come first. What it takes back is reckoned up in the note of its order, as far as that can be done without the
//! order, and holds of the order once that is reported: each currency and a network's share by themselves, because only those of the
//! order's own report are taken. A refund that is nothing without its order goes out after it. Owns both; leaves to `unreported` which
//! refunds those are, to `payments` those that name only a payment, and to `pipeline` that they go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::money::Currency;
use shared::{Context, Event, Page, Properties, Scalar, Source, UnixMs, UserData};

use super::refund::amount;
use super::{COMMISSION, IN_PART, ORDER_VALUE, Order, REFUND, REMAINING, Word, cents, is_nought, payments};
use crate::store::order_note::OVERTOOK;
use crate::store::{Note, StoreError, Transaction};

/// What was taken back, in one currency, of an order that nobody has reported yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// Of what.
    #[serde(rename = "o")]
    of: Of,
    /// The currency; none where no amount is named, so that it holds in every one.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    /// The sum of the amounts that were named.
    #[serde(rename = "b", default, skip_serializing_if = "is_nought")]
    back: f64,
    /// The least that was said to be left.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    left: Option<f64>,
}

/// Of what a refund takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Of {
    /// What the buyer paid.
    #[serde(rename = "o")]
    Order,
    /// A network's share, which it takes back because the order is.
    #[serde(rename = "c")]
    Share,
    /// A part of a network's share, which says nothing of the order.
    #[serde(rename = "i")]
    PartOfShare,
}

impl Of {
    fn refund(refund: &Event) -> Self {
        match refund.properties.custom.get(COMMISSION) {
            None => Self::Order,
            Some(Scalar::Text(text)) if text == IN_PART => Self::PartOfShare,
            Some(_) => Self::Share,
        }
    }
}

/// Reckons up what a refund takes back of an order that nobody has reported yet.
pub(super) fn take_back(order: &mut Order, refund: &Event) {
    let Properties { value, currency, custom, .. } = &refund.properties;
    if value.is_some() && currency.is_none() {
        // An amount of nobody knows what.
        return;
    }
    let of = Of::refund(refund);
    let is_same = |one: &Taken| one.of == of && one.currency == *currency;
    if !order.early.iter().any(is_same) && order.early.len() < MOST_SUMS {
        order.early.push(Taken { of, currency: *currency, back: 0.0, left: None });
    }
    let Some(taken) = order.early.iter_mut().find(|one| is_same(one)) else {
        tracing::warn!(most = MOST_SUMS, "a refund before its order is not reckoned up: too many currencies");
        return;
    };
    let said = custom.get(REMAINING).and_then(amount).or(value.is_none().then_some(0.0));
    let back = value.map_or(0.0, f64::abs);
    if let Some(said) = said {
        let least = taken.left.map_or(said, |left| left.min(said));
        taken.left = Some(cents(least.max(0.0)));
    } else {
        taken.back = cents(taken.back + back);
        taken.left = taken.left.map(|left| cents((left - back).max(0.0)));
    }
}

/// How much of an order that is reported now was paid back before, in its own currency; of one that is known already, how much was
/// so far.
pub(super) fn paid_back(known: &Order, order: &Event, word: Word) -> f64 {
    let Properties { value, currency, .. } = order.properties;
    let Some(whole) = value.filter(|_| known.value.is_none()) else { return known.back };
    let its = known.early.iter().filter(|one| one.currency.is_none() || one.currency == currency);
    let (of_order, of_share): (Vec<&Taken>, Vec<&Taken>) = its.partition(|one| one.of == Of::Order);
    let is_all_back = match word {
        // The shop's amounts are no part of a network's share, but all of one is all of the other.
        Word::Commission => of_order.iter().any(|one| one.left == Some(0.0)),
        Word::Part | Word::Page | Word::Server | Word::Shop => of_share.iter().any(|one| one.of == Of::Share),
    };
    if is_all_back {
        return whole;
    }
    sum(whole, if word == Word::Commission { &of_share } else { &of_order })
}

/// What refunds take back together of so much.
fn sum(whole: f64, early: &[&Taken]) -> f64 {
    let (mut back, mut left) = (0.0_f64, whole);
    for one in early {
        back += one.back;
        left = one.left.map_or(left, |least| least.min(left));
    }
    cents(back.max(whole - left))
}

/// The least that is known to be left of an order that nobody has reported, as its refunds say in the currency of this one.
pub(super) fn least_left(order: &Order, refund: &Event) -> Option<f64> {
    let Properties { value, currency, custom, .. } = &refund.properties;
    let (of, currency) = (Of::refund(refund), Some((*currency)?));
    let is_its = |one: &&Taken| one.of == of && (one.currency.is_none() || one.currency == currency);
    let its: Vec<&Taken> = order.early.iter().filter(is_its).collect();
    let whole = custom.get(ORDER_VALUE).and_then(amount);
    let own = whole.zip(*value).map(|(whole, back)| whole - back.abs());
    let own = custom.get(REMAINING).and_then(amount).or(own);
    let reckoned = whole.map(|whole| whole - sum(whole, &its));
    let least = its.iter().filter_map(|one| one.left).chain(own).chain(reckoned).reduce(f64::min);
    least.map(|left| cents(left.max(0.0)))
}

/// Whether a refund holds of its order also when that is reported later: one that says what was paid out and no more. One that
/// says what is left calls an order off, and an order that is reported after that stands.
pub(super) fn holds_later(refund: &Event) -> bool {
    let Properties { value, custom, .. } = &refund.properties;
    refund.source != Source::Web && value.is_some() && !custom.contains_key(REMAINING)
}

/// Keeps a refund under the key of what it waits for, its order or its payment, which may be on its way. Answers whether it was not
/// kept before.
pub(super) fn keep(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    key: &str,
    refund: &Event,
) -> Result<bool, StoreError> {
    let mut kept = kept_under(tx, site, key)?;
    if kept.iter().any(|one| one.event_id == refund.event_id) {
        return Ok(false);
    }
    if kept.len() >= MOST_KEPT {
        tracing::warn!(most = MOST_KEPT, "a refund is not kept for its order: too many came before that");
        return Ok(false);
    }
    kept.push(bare(refund));
    // Plain structures of ours always serialise.
    let text = serde_json::to_string(&kept).unwrap_or_default();
    tx.put_note(site, key, Note { visitor: refund.visitor_id.as_deref(), text: &text }, now)?;
    Ok(true)
}

/// The refunds that were kept for the order of an event, if it may be the order.
pub fn kept_for(tx: &mut dyn Transaction, site: &str, event: &Event) -> Result<Vec<Event>, StoreError> {
    let may_be_paid = event.event != REFUND && shared::event::is_conversion(&event.event);
    match event.properties.order_id.as_deref().filter(|_| may_be_paid) {
        Some(order_id) => kept_under(tx, site, &key(order_id)),
        None => Ok(Vec::new()),
    }
}

/// The refunds that were kept under a key.
pub(super) fn kept_under(tx: &mut dyn Transaction, site: &str, key: &str) -> Result<Vec<Event>, StoreError> {
    let Some(text) = tx.note(site, key)? else { return Ok(Vec::new()) };
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
        tokens: payments::of(refund).map(|(name, token)| (name.clone(), token.clone())).collect(),
        campaign: None,
        context: Context::default(),
        user: UserData::default(),
        properties: Properties { items: Vec::new(), ..refund.properties.clone() },
        consent: refund.consent,
        attribution: None,
    }
}

/// The key of the note with the refunds of an order that nobody has reported yet.
pub(super) fn key(order_id: &str) -> String {
    [OVERTOOK, order_id].concat()
}

/// Refunds of one order, or of one payment, that are kept for it. Hardly an order is paid back item by item within the hours in
/// which it may be overtaken, and each is a short text.
const MOST_KEPT: usize = 32;
/// Sums that are kept of what was taken back of one order: currencies, and those of a network's share.
const MOST_SUMS: usize = 4;

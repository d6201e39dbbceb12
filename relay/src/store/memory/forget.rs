//! Forgetting, as the specification has it: a person, and what is old.

use std::collections::BTreeSet;

use shared::Event;

use super::{Row, State, pair};
use crate::store::order_note::{ORDER, PAYMENT, of_overtakers, reporter};
use crate::store::{Erased, Person, Retention, Seq};

impl State {
    /// The number stays, so that no other event is ever given it.
    pub(super) fn erase(&mut self, site: &str, person: &Person) -> Erased {
        let mut visitors: BTreeSet<String> = person.visitors.iter().cloned().collect();
        for key in &person.keys {
            let found = self.identities.remove(&pair(site, key));
            let own = found.filter(|known| known.visitors.len() as u64 <= u64::from(person.most_visitors));
            visitors.extend(own.into_iter().flat_map(|known| known.visitors));
        }
        let forgotten = visitors.iter().filter(|id| self.visitors.remove(&pair(site, id)).is_some()).count();
        self.identities.retain(|(of_site, _), known| of_site != site || !visitors.contains(&known.visitor));
        for ((of_site, _), known) in &mut self.identities {
            if of_site == site {
                known.visitors.retain(|id| !visitors.contains(id));
            }
        }
        let fits = |event: &Event| {
            event.visitor_id.as_ref().is_some_and(|id| visitors.contains(id))
                || event_holds(event, &person.digests)
        };
        let theirs = |row: &Row| *row.site == *site && row.event.as_deref().is_some_and(fits);
        let mut blanked: BTreeSet<Seq> =
            self.log.iter().filter(|(_, row)| theirs(row)).map(|(seq, _)| *seq).collect();
        let orders = self.reported_by(site, &blanked);
        let payments = self.payments_of(site, &orders);
        blanked.extend(self.refunds_of(site, &orders, &payments));
        let overtakers: BTreeSet<String> = of_overtakers(orders.iter(), payments.iter()).collect();
        self.notes.retain(|(of_site, key), noted| {
            let theirs = noted.visitor.as_ref().is_some_and(|id| visitors.contains(id));
            let of_order = key.strip_prefix(ORDER).is_some_and(|order| orders.contains(order));
            let of_payment = payments.contains(key) || overtakers.contains(key);
            of_site != site || !theirs && !of_order && !of_payment
        });
        self.held.retain(|(of_site, _), held| {
            let theirs = held.visitor.as_ref().is_some_and(|id| visitors.contains(id));
            of_site != site
                || !theirs && !person.digests.iter().any(|digest| held.body.contains(digest.as_str()))
        });
        let held = &self.held;
        self.held_keys.retain(|(of_site, _), id| held.contains_key(&pair(of_site, id)));
        for seq in &blanked {
            if let Some(row) = self.log.get_mut(seq) {
                row.event = None;
            }
        }
        self.pending.retain(|(_, seq), _| !blanked.contains(seq));
        self.dead.retain(|(_, seq), _| !blanked.contains(seq));
        Erased { visitors: forgotten as u64, events: blanked.len() as u64 }
    }

    /// The orders that some events reported, as far as the orders' notes say so.
    fn reported_by(&self, site: &str, events: &BTreeSet<Seq>) -> BTreeSet<String> {
        let order = |seq: &Seq| {
            let order = self.log.get(seq)?.event.as_ref()?.properties.order_id.clone()?;
            let noted = self.notes.get(&pair(site, &[ORDER, &order].concat()))?;
            (reporter(&noted.text) == Some(*seq)).then_some(order)
        };
        events.iter().filter_map(order).collect()
    }

    /// The keys of the notes that lead from payments to some orders.
    fn payments_of(&self, site: &str, orders: &BTreeSet<String>) -> BTreeSet<String> {
        let is_one = |key: &str, text: &String| key.starts_with(PAYMENT) && orders.contains(text);
        let of_site = self.notes.iter().filter(|((of_site, _), _)| of_site == site);
        let theirs = of_site.filter(|((_, key), noted)| is_one(key, &noted.text));
        theirs.map(|((_, key), _)| key.clone()).collect()
    }

    /// The refunds of some orders, which need not name whose they are, or only one of their payments.
    fn refunds_of(&self, site: &str, orders: &BTreeSet<String>, payments: &BTreeSet<String>) -> Vec<Seq> {
        let pays = |(name, token): (&String, &String)| {
            let key = [PAYMENT, name, "=", token].concat();
            payments.contains(&key)
        };
        let is_one = |event: &Event| {
            event.event == "Refund"
                && match &event.properties.order_id {
                    Some(order) => orders.contains(order),
                    None => event.tokens.iter().any(pays),
                }
        };
        let of_site = self.log.iter().filter(|(_, row)| *row.site == *site);
        of_site.filter(|(_, row)| row.event.as_deref().is_some_and(is_one)).map(|(seq, _)| *seq).collect()
    }

    /// Other destinations go first: what only they were waiting for is free to go.
    pub(super) fn prune(&mut self, retention: Retention, destinations: &[String]) -> u64 {
        self.cursors.retain(|name, _| destinations.contains(name));
        self.starts.retain(|name, _| destinations.contains(name));
        self.given.retain(|(name, _)| destinations.contains(name));
        self.pending.retain(|(name, _), _| destinations.contains(name));
        self.remembered.retain(|(name, _), _| destinations.contains(name));
        self.receipts.retain(|(name, _), _| destinations.contains(name));
        self.dead.retain(|_, letter| letter.at >= retention.dead_before);
        self.dedup.retain(|_, at| *at >= retention.dedup_before);
        self.notes.retain(|_, noted| noted.at >= retention.dedup_before);
        self.visitors.retain(|_, visitor| visitor.seen_at >= retention.visitors_before);
        self.identities.retain(|_, known| known.seen >= retention.visitors_before);
        let cursors = destinations.iter().map(|name| self.cursors.get(name).copied().unwrap_or(0));
        // The slowest destination decides; without any, age alone does.
        let floor = cursors.min().unwrap_or(Seq::MAX);
        let pending: BTreeSet<Seq> = self.pending.keys().map(|(_, seq)| *seq).collect();
        let before = self.log.len();
        self.log
            .retain(|seq, row| row.received >= retention.log_before || *seq > floor || pending.contains(seq));
        (before - self.log.len()) as u64
    }
}

/// Whether an event holds one of the digests.
fn event_holds(event: &Event, digests: &[String]) -> bool {
    let json = serde_json::to_string(event).unwrap_or_default();
    digests.iter().any(|digest| json.contains(digest.as_str()))
}

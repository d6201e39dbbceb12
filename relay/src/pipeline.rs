//! The five steps, joined in one place: what happens to an event between the door and the log.
//!
//! [`Steps`] runs inside the store's transaction: attribute, minimise, deduplicate, append; where a merge window is set,
//! a conversion is held between the last two until the window ends. What the request alone knows (client, clock skew) was added before by [`crate::enrich`], because it needs no store.
//! Owns the order of the steps and nothing of what they do.

use std::collections::HashMap;
use std::sync::Arc;

use shared::{Attribution, Event, Source, UnixMs};

use crate::config::Config;
use crate::deduplicate::Standing;
use crate::merge::Reports;
use crate::orders::{Change, Word};
use crate::rules::Rules;
use crate::store::{Held, Incoming, Pipeline, StoreError, Transaction, Verdict};
use crate::{attribute, deduplicate, enrich, orders};

/// The steps, with the rules of every site.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    rules: HashMap<Arc<str>, Rules>,
    none: Rules,
}

impl Steps {
    /// For the sites of a configuration.
    pub fn new(config: &Config) -> Self {
        let rules = config.sites.iter().map(|site| (site.key.clone(), Rules::of(config, &site.key)));
        Self { rules: rules.collect(), none: Rules::default() }
    }

    fn rules(&self, site: &str) -> &Rules {
        self.rules.get(site).unwrap_or(&self.none)
    }

    /// A refund ends the wait for further reports of its order, which has to be sent, and noted, before it. Not one that a page
    /// tells of: whoever guesses order numbers could end every wait.
    fn order_first(
        &self,
        tx: &mut dyn Transaction,
        rules: &Rules,
        incoming: &Incoming,
    ) -> Result<(), StoreError> {
        let Incoming { site, event, .. } = incoming;
        let Some(order_id) = event.properties.order_id.as_deref() else { return Ok(()) };
        if event.event != "Refund" || event.source == Source::Web {
            return Ok(());
        }
        for key in rules.merged().filter_map(|name| deduplicate::key_of_order(name, order_id)) {
            if let Some(held) = tx.held(site, &key)? {
                tx.let_go(site, &held.id)?;
                self.release(tx, held)?;
            }
        }
        Ok(())
    }
}

impl Pipeline for Steps {
    fn decide(&self, tx: &mut dyn Transaction, mut incoming: Incoming) -> Result<Verdict, StoreError> {
        orders::lead(tx, &incoming.site, incoming.received, &mut incoming.event)?;
        let rules = self.rules(&incoming.site);
        match rules.merge_window_ms(&incoming.event.event) {
            Some(window_ms) => collect(tx, rules, incoming, window_ms),
            None => {
                self.order_first(tx, rules, &incoming)?;
                let incoming = stitched(tx, rules, incoming, &[])?;
                settle(tx, rules, incoming)
            }
        }
    }

    fn release(&self, tx: &mut dyn Transaction, held: Held) -> Result<Verdict, StoreError> {
        let Held { site, received, .. } = held;
        let rules = self.rules(&site);
        let reports = reports(&held.body)?;
        let (keys, joined) = (reports.keys.clone(), reports.clicks_of_servers());
        let (event, word) = reports.merged().ok_or(StoreError::Corrupt { what: "held event" })?;
        // Once more, because all reports together may lead further than each by itself.
        let incoming = stitched(tx, rules, Incoming { site, received, event: event.into() }, &joined)?;
        let Incoming { site, event, .. } = &incoming;
        deduplicate::note_withheld(tx, rules, site, received, event, &keys)?;
        append(tx, rules, incoming, word)
    }
}

/// Finds the event's click, and takes away what the visitor did not agree to: after stitching, because what the visitor
/// said earlier may hold for this event. `joined` are the clicks that it has, as a page's, from other reports than a page's.
fn stitched(
    tx: &mut dyn Transaction,
    rules: &Rules,
    incoming: Incoming,
    joined: &[String],
) -> Result<Incoming, StoreError> {
    let Incoming { site, received, mut event } = incoming;
    attribute::stitch(tx, rules, &site, received, &mut event, joined)?;
    event.change(enrich::minimise);
    Ok(Incoming { site, received, event })
}

/// Appends an event unless it is known.
fn settle(tx: &mut dyn Transaction, rules: &Rules, incoming: Incoming) -> Result<Verdict, StoreError> {
    let Incoming { site, received, mut event } = incoming;
    if orders::overreaches(tx, &site, &event)? {
        return Ok(Verdict::Contradiction);
    }
    if let Some(verdict) = orders::of_nothing(tx, &site, received, &mut event)? {
        return Ok(verdict);
    }
    orders::agree(tx, &site, &mut event)?;
    match deduplicate::standing(tx, rules, &site, received, &event)? {
        Standing::New => {}
        Standing::Known => return repeated(tx, Incoming { site, received, event }),
        Standing::Mended { earlier, said } => {
            event.consent = said;
            // A copy before this one may have denied what this one is silent about.
            event.change(enrich::minimise);
            let record = event.attribution.get_or_insert_with(Box::<Attribution>::default);
            // Who got the copy before this one does not get this one as well.
            record.earlier = Some(earlier);
        }
    }
    let word = Word::of(&event);
    append(tx, rules, Incoming { site, received, event }, word)
}

/// Appends an event, with what is known of its order, and after it the refunds that had overtaken it.
fn append(
    tx: &mut dyn Transaction,
    rules: &Rules,
    incoming: Incoming,
    word: Word,
) -> Result<Verdict, StoreError> {
    let Incoming { site, received, mut event } = incoming;
    let reported = orders::note(tx, &site, received, &mut event, word)?;
    let kept = orders::kept_for(tx, &site, &event)?;
    event.change(orders::unmark);
    let seq = tx.append(Incoming { site: site.clone(), received, event })?;
    if let Some(order) = reported
        && let Some(news) = order.remember(tx, &site, received, seq)?
    {
        tell(tx, site.clone(), received, *news)?;
    }
    for refund in kept {
        let refund = Incoming { site: site.clone(), received, event: refund.into() };
        let refund = stitched(tx, rules, refund, &[])?;
        settle(tx, rules, refund)?;
    }
    Ok(Verdict::Stored(seq))
}

/// Holds the first report of a conversion, and lets the later ones join it. Each is remembered at once: other events of
/// the visitor need not wait.
fn collect(
    tx: &mut dyn Transaction,
    rules: &Rules,
    incoming: Incoming,
    window_ms: i64,
) -> Result<Verdict, StoreError> {
    let mut own: Event = (*incoming.event).clone();
    let incoming = stitched(tx, rules, incoming, &[])?;
    let Incoming { site, received, event } = &incoming;
    // What was lent is left out: all reports together are lent to at the end, their own click ids first.
    own.consent = event.consent;
    enrich::minimise(&mut own);
    let keys = deduplicate::keys(&own);
    let mut known = false;
    let mut held: Option<(Held, Reports)> = None;
    for key in &keys {
        known |= tx.claimed(site, key)?;
        let Some(found) = tx.held(site, key)? else { continue };
        let found_reports = reports(&found.body)?;
        match &mut held {
            None => held = Some((found, found_reports)),
            Some((first, _)) if first.id == found.id => {}
            // Two conversions turn out to be one.
            Some((first, reports)) => {
                tx.let_go(site, &found.id)?;
                reports.join(found_reports);
                first.due = first.due.min(found.due);
                first.received = first.received.min(found.received);
            }
        }
    }
    if known && held.is_none() {
        return settle(tx, rules, incoming);
    }
    let first = held.is_none();
    let (mut held, mut reports) = held.unwrap_or_else(|| {
        let (id, due) = (keys[0].clone(), received.plus(window_ms));
        let held =
            Held { site: site.clone(), id, received: *received, due, visitor: None, body: String::new() };
        (held, Reports::default())
    });
    for key in &keys {
        tx.claim(site, key, *received)?;
    }
    reports.add(own, keys);
    held.visitor = held.visitor.or_else(|| event.visitor_id.clone());
    // Plain structures of ours always serialise.
    held.body = serde_json::to_string(&reports).unwrap_or_default();
    tx.hold(&held, &reports.keys)?;
    Ok(if first { Verdict::Held } else { Verdict::Duplicate })
}

fn reports(body: &str) -> Result<Reports, StoreError> {
    serde_json::from_str(body).map_err(|_| StoreError::Corrupt { what: "held event" })
}

/// A further report of a known conversion: nothing, unless it says that the order was worth less, or paid after all.
fn repeated(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    let Incoming { site, received, event } = incoming;
    match orders::compare(tx, &site, received, &event)? {
        Change::None => Ok(Verdict::Duplicate),
        Change::Contradiction => Ok(Verdict::Contradiction),
        Change::Lowered(refund) | Change::PaidAfterAll(refund) => tell(tx, site, received, *refund),
    }
}

/// Appends the refund by which an order's news is told.
fn tell(
    tx: &mut dyn Transaction,
    site: Arc<str>,
    received: UnixMs,
    refund: Event,
) -> Result<Verdict, StoreError> {
    for key in deduplicate::keys(&refund) {
        tx.claim(&site, &key, received)?;
    }
    Ok(Verdict::Stored(tx.append(Incoming { site, received, event: refund.into() })?))
}

/// Takes one event through the steps at a site without rules: for tests and tools.
pub fn decide(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    Steps::default().decide(tx, incoming)
}

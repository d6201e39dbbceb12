//! The five steps, joined in one place: what happens to an event between the door and the log.
//!
//! [`Steps`] runs inside the store's transaction: attribute, minimise, deduplicate, append. What the
//! request alone knows (client, clock skew) was added before by [`crate::enrich`], because it needs no store.
//! Owns the order of the steps and nothing of what they do.

use std::collections::HashMap;
use std::sync::Arc;

use shared::{Attribution, Event};

use crate::config::Config;
use crate::deduplicate::Standing;
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
}

impl Pipeline for Steps {
    fn decide(&self, tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
        let rules = self.rules(&incoming.site);
        let Incoming { site, received, mut event } = incoming;
        attribute::stitch(tx, rules, &site, received, &mut event)?;
        // After stitching, because what the visitor said earlier may hold for this event.
        event.change(enrich::minimise);
        match deduplicate::standing(tx, rules, &site, received, &event)? {
            Standing::New => {
                let word = Word::of(&event);
                orders::note(tx, &site, received, &mut event, word)?;
            }
            Standing::Known => return repeated(tx, Incoming { site, received, event }),
            Standing::Mended { earlier, said } => {
                event.consent = said;
                note_earlier(&mut event, earlier);
            }
        }
        Ok(Verdict::Stored(tx.append(Incoming { site, received, event })?))
    }

    fn release(&self, _: &mut dyn Transaction, _: Held) -> Result<Verdict, StoreError> {
        Err(StoreError::Corrupt { what: "held event" })
    }
}

/// A further report of a known conversion: nothing, unless it says that the order was worth less.
fn repeated(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    let Incoming { site, received, event } = incoming;
    match orders::compare(tx, &site, received, &event)? {
        Change::None => Ok(Verdict::Duplicate),
        Change::Contradiction => Ok(Verdict::Contradiction),
        Change::Lowered(refund) => {
            for key in deduplicate::keys(&refund) {
                tx.claim(&site, &key, received)?;
            }
            Ok(Verdict::Stored(tx.append(Incoming { site, received, event: (*refund).into() })?))
        }
    }
}

/// Writes down what the copy before this one was allowed, so that who got that one does not get this one as well.
fn note_earlier(event: &mut Event, earlier: shared::Consent) {
    let record = event.attribution.get_or_insert_with(Box::<Attribution>::default);
    record.earlier = Some(earlier);
}

/// Takes one event through the steps at a site without rules: for tests and tools.
pub fn decide(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    Steps::default().decide(tx, incoming)
}

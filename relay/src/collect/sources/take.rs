//! The way from a request to events, which `serve` and `source-test` both go. Pure.
//!
//! Authenticate, read, check each event as `read` checks those of our own API, complete it as a server's event, and
//! leave out what is older than the memory of ids: it could be a repeat that nobody would notice.

use shared::{Event, UnixMs, time};

use super::reading::{Denied, Found, Unreadable};
use super::{Answer, Inbound, Settled};
use crate::collect::read::{self, Defaults, Understood};
use crate::config;
use crate::enrich;

/// What a request became.
#[derive(Debug, Default)]
pub struct Taken {
    /// Events ready to be stored.
    pub events: Vec<Event>,
    /// Why there are none, or not all one might expect.
    pub ignored: Option<&'static str>,
    /// Why events failed the checks, one reason for each.
    pub refused: Vec<String>,
    /// What was left out of the events that passed.
    pub warnings: Vec<String>,
    /// The answer this request asks for, when it is not the usual one.
    pub answer: Option<Answer>,
}

/// Why there is nothing to take.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Not believed.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Not understood.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl NotTaken {
    /// For the source's answer.
    pub fn settled(&self) -> Settled<'_> {
        match self {
            Self::Denied(why) => Settled::Denied(why),
            Self::Unreadable(why) => Settled::Unreadable(why),
        }
    }
}

impl Taken {
    /// How the request ends once its events, if any, are stored.
    pub fn settled(&self) -> Settled<'static> {
        if !self.events.is_empty() {
            Settled::Stored
        } else if self.refused.is_empty() {
            Settled::Ignored
        } else {
            Settled::Refused
        }
    }
}

/// Whether a request must prove where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It must.
    Needed,
    /// It is shown, not stored, and its signature may be missing.
    Waived,
}

/// What the request means at this source. `country` is the site's, for national phone numbers.
pub fn take(
    source: &config::Source,
    country: Option<&str>,
    request: &Inbound<'_>,
    proof: Proof,
) -> Result<Taken, NotTaken> {
    if proof == Proof::Needed {
        source.source.authenticate(request)?;
    }
    let reading = source.source.read(request)?;
    let mut taken = Taken { ignored: reading.ignored, answer: reading.answer, ..Taken::default() };
    let remembered = request.now.plus(-i64::from(source.dedup_days) * time::DAY_MS);
    for found in reading.events {
        add(found, country, request.now, remembered, &mut taken);
    }
    Ok(taken)
}

fn add(found: Found, country: Option<&str>, now: UnixMs, remembered: UnixMs, taken: &mut Taken) {
    let Found { draft, since } = found;
    let minted =
        draft.event_id.is_none() && draft.properties.as_ref().is_none_or(|own| own.order_id.is_none());
    if minted {
        taken.refused.push(NO_ID.to_owned());
        return;
    }
    // Every id follows from the facts, so there is no use for randomness.
    let defaults = Defaults { now, source: None, country, random: [0; 10] };
    match read::draft(draft, defaults) {
        Ok(Understood { event, .. }) if since.unwrap_or(event.time) < remembered => {
            taken.ignored = Some(TOO_OLD)
        }
        Ok(Understood { mut event, warnings }) => {
            enrich::from_server(&mut event, now);
            taken.events.push(event);
            taken.warnings.extend(warnings);
        }
        Err(error) => taken.refused.push(error.to_string()),
    }
}

const NO_ID: &str = "no id or order id, so a repeat would count again";
const TOO_OLD: &str = "older than store.dedup_days, so it could be a repeat";

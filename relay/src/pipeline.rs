//! The five steps, joined in one place: what happens to an event between the door and the log.
//!
//! [`decide`] runs inside the store's transaction: attribute, minimise, deduplicate, append. What the
//! request alone knows (client, clock skew) was added before by [`crate::enrich`], because it needs no store.
//! Owns the order of the steps and nothing of what they do.

use crate::store::{Incoming, StoreError, Transaction, Verdict};
use crate::{attribute, deduplicate, enrich};

/// Takes one event through attribute → enrich → deduplicate and, when it is new, into the log.
pub fn decide(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    let Incoming { site, received, mut event } = incoming;
    attribute::stitch(tx, &site, received, &mut event)?;
    // After stitching, because what the visitor said earlier may hold for this event.
    event.change(enrich::minimise);
    if deduplicate::is_known(tx, &site, received, &event)? {
        return Ok(Verdict::Duplicate);
    }
    Ok(Verdict::Stored(tx.append(Incoming { site, received, event })?))
}

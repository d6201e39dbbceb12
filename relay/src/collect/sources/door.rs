//! `POST /v1/webhook/{name}` and `GET|POST /v1/postback/{name}`: the routes of the sources.
//!
//! Owns finding the source, storing what it found, counting, and saying in the log what an operator should know. The
//! sender is answered once events are durable and never waits for a platform.

use http::request::Parts;
use http::{Method, StatusCode};
use tracing::{debug, info, warn};

use super::take::{Proof, Taken, take};
use super::{Answer, Door, Inbound, Settled, Unreadable};
use crate::collect::batch::Batch;
use crate::collect::http::{Caller, Relay};
use crate::collect::reply::{self, Refusal, Reply};
use crate::config::{Site, Source};

/// The source a request is for, before its body is read.
pub fn find<'a>(relay: &'a Relay, door: Door, name: &str, method: &Method) -> Result<&'a Source, Refusal> {
    let source = relay.source(name).filter(|source| source.door == door).ok_or(Refusal::UnknownSource)?;
    if door.takes(method) { Ok(source) } else { Err(Refusal::WrongMethod { allowed: door.methods() }) }
}

/// Takes a request of a source.
pub async fn receive(relay: &Relay, source: &Source, caller: &Caller, head: &Parts, body: &[u8]) -> Reply {
    // Networks ask with HEAD whether an address is there; that is no conversion.
    if head.method == Method::HEAD {
        return reply::text(StatusCode::OK, "");
    }
    let target = head.uri.path_and_query().map_or(head.uri.path(), |target| target.as_str());
    let (method, headers) = (&head.method, &head.headers);
    let request = Inbound {
        source: &source.name,
        client: Some(caller.ip),
        method,
        origin: relay.origin(),
        target,
        headers,
        body,
        now: caller.now,
    };
    answer(relay, source, caller, &request).await.reply()
}

/// Answers a request that is too large to be read: in the sender's own way, because some switch a webhook off after failures,
/// and sending it again mends nothing.
pub fn too_large(relay: &Relay, source: &Source, most: usize) -> Reply {
    let why = Unreadable::TooLarge { most };
    warn!(source = source.name, %why, "request not read");
    settle(relay, source, &Settled::Unreadable(&why)).reply()
}

async fn answer(relay: &Relay, source: &Source, caller: &Caller, request: &Inbound<'_>) -> Answer {
    let site = relay.site(&source.site);
    let country = site.and_then(|site| site.country.as_deref());
    let taken = match take(source, country, request, Proof::Needed) {
        Ok(taken) => taken,
        Err(why) => {
            match why.settled() {
                Settled::Denied(why) => relay.turned_away().sender(&source.name, why),
                _ => warn!(source = source.name, %why, "request not understood"),
            }
            return settle(relay, source, &why.settled());
        }
    };
    tell(&source.name, &taken);
    match (site, taken.events.is_empty()) {
        (Some(site), false) => store(relay, source, site, taken, caller).await,
        (Some(_) | None, _) => {
            let usual = settle(relay, source, &taken.settled());
            taken.answer.unwrap_or(usual)
        }
    }
}

/// Says in the log what of a request did not become what its sender may have meant. Reasons quote nothing that was sent.
fn tell(source: &str, taken: &Taken) {
    for why in &taken.refused {
        warn!(source, why, "event not usable");
    }
    let (ignored, notes) = (taken.ignored, &taken.notes);
    if taken.is_odd {
        ignored.iter().for_each(|why| info!(source, why, "ignored"));
        notes.iter().for_each(|note| info!(source, note, "event taken, but not whole"));
    } else {
        // Stages nobody has set an event for, and conversions that lead back to no click, come by the thousand.
        ignored.iter().for_each(|why| debug!(source, why, "ignored"));
        notes.iter().for_each(|note| debug!(source, note, "event taken, but not whole"));
    }
}

async fn store(relay: &Relay, source: &Source, site: &Site, taken: Taken, caller: &Caller) -> Answer {
    let limit = relay.source_limit().take(source.name.clone(), taken.events.len(), caller.now);
    if let Err(seconds) = limit {
        return settle(relay, source, &Settled::TooOften { seconds });
    }
    let batch = Batch { events: taken.events, ..Batch::default() };
    let settled = match relay.store(site, batch, caller).await {
        Ok(_) => Settled::Stored,
        Err(Refusal::CannotStore { seconds }) => Settled::CannotStore { seconds },
        Err(_) => Settled::CannotStore { seconds: RETRY_SECONDS },
    };
    let usual = settle(relay, source, &settled);
    match settled {
        Settled::Stored => taken.answer.unwrap_or(usual),
        Settled::Ignored
        | Settled::Denied(_)
        | Settled::Unreadable(_)
        | Settled::Refused
        | Settled::TooOften { .. }
        | Settled::CannotStore { .. } => usual,
    }
}

/// Counts how a request ended, and asks the source what to say.
fn settle(relay: &Relay, source: &Source, settled: &Settled<'_>) -> Answer {
    relay.settled(&source.name, settled.tag());
    source.source.answer(settled)
}

/// When to come back after a failure nobody has a figure for.
const RETRY_SECONDS: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn said(taken: &Taken) -> String {
        testing::said(|| tell("crm", taken))
    }

    #[test]
    fn what_may_be_a_mistake_is_said_and_daily_business_is_not() {
        let ignored = |is_odd| Taken { ignored: Some("too old"), is_odd, ..Taken::default() };
        let noted = |is_odd| Taken { notes: vec!["no amount".to_owned()], is_odd, ..Taken::default() };
        for (taken, why) in [(ignored(true), "too old"), (noted(true), "no amount")] {
            let line = said(&taken);
            assert!(line.contains(" INFO ") && line.contains("crm") && line.contains(why), "{line}");
        }
        assert_eq!(said(&ignored(false)) + &said(&noted(false)), "");
    }
}

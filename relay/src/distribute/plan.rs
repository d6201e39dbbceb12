//! What a destination gets of some events: consent and switches first, then the platform's own requests. Pure.
//!
//! Consent is checked here and nowhere else, before any platform is asked. `preview` calls the same function as the
//! worker, so what it shows is what would be sent.

use shared::{Event, UnixMs};

use crate::config::{Destination, EventSwitch};
use crate::platform::{Built, Outgoing, Planned, Skip, SkipReason};

/// Requests for `events`, and why the others are left out. Places refer to `events`; each occurs exactly once.
pub fn plan(destination: &Destination, events: &[&Event], now: UnixMs) -> Built {
    let mut skips = Vec::new();
    let mut outgoing = Vec::new();
    let mut places = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match admit(destination, event) {
            Err(skip) => skips.push((place, skip)),
            Ok(renamed) => {
                outgoing.push(Outgoing { event, site: &destination.site, renamed });
                places.push(place);
            }
        }
    }
    if outgoing.is_empty() {
        return Built { requests: Vec::new(), skips };
    }
    let built = destination.platform.build(&outgoing, now);
    skips.extend(built.skips.into_iter().map(|(place, skip)| (places[place], skip)));
    let requests = built.requests.into_iter().map(|planned| {
        let events = planned.events.iter().map(|place| places[*place]).collect();
        Planned { events, ..planned }
    });
    Built { requests: requests.collect(), skips }
}

/// The name an event has at this destination, if the operator gave it one; or why it does not go there.
fn admit<'a>(destination: &'a Destination, event: &Event) -> Result<Option<&'a str>, Skip> {
    if !event.consent.allows(&destination.consent, destination.consent_required) {
        let needed: Vec<&str> = destination.consent.iter().map(|purpose| purpose.name()).collect();
        let detail = format!("the visitor has not granted {}", needed.join(" and "));
        return Err(Skip::new(SkipReason::NoConsent, detail));
    }
    // A copy that brought the consent goes only to whom the copy before it could not.
    let earlier = event.attribution.as_ref().and_then(|record| record.earlier);
    if earlier.is_some_and(|earlier| earlier.allows(&destination.consent, destination.consent_required)) {
        let detail = "a copy of this conversion was sent before consent was given to other destinations";
        return Err(Skip::new(SkipReason::AlreadySent, detail));
    }
    match destination.events.get(&event.event) {
        None => Ok(None),
        Some(EventSwitch::Renamed(name)) => Ok(Some(name)),
        Some(EventSwitch::Off) => {
            let detail = format!("events.{} = false for this destination", event.event);
            Err(Skip::new(SkipReason::SwitchedOff, detail))
        }
    }
}

//! What a destination gets of some events: consent and switches first, then the look-back window, then the platform's own
//! requests. Pure.
//!
//! Consent is checked here and nowhere else, before any platform is asked. `preview` calls the same function as the
//! worker, so what it shows is what would be sent.

use std::borrow::Cow;

use shared::{Event, UnixMs};

use super::look_back::{LeftOut, within};
use crate::config::{Destination, EventSwitch};
use crate::platform::{Outgoing, Planned, Skip, SkipReason, Trial};

/// What a destination is sent of some events. Places refer to the events that were asked about; each occurs exactly once,
/// in a request or in a skip.
#[derive(Debug, Default)]
pub struct Plan {
    /// Requests, each with the places of its events.
    pub requests: Vec<Planned>,
    /// Events that will not be sent, by place.
    pub skips: Vec<(usize, Skip)>,
    /// Click ids that were too old for this destination, by place.
    pub left_out: Vec<(usize, LeftOut)>,
}

/// Requests for `events`, and why the others are left out.
pub fn plan(destination: &Destination, events: &[&Event], now: UnixMs) -> Plan {
    let mut plan = Plan::default();
    let mut admitted: Vec<(usize, Cow<'_, Event>, Option<&str>)> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match admit(destination, event) {
            Err(skip) => plan.skips.push((place, skip)),
            Ok(renamed) => {
                let (event, left_out) = within(destination.platform_name, destination.look_back_days, event);
                plan.left_out.extend(left_out.into_iter().map(|left| (place, left)));
                admitted.push((place, event, renamed));
            }
        }
    }
    if admitted.is_empty() {
        return plan;
    }
    let site = &*destination.site;
    let outgoing: Vec<Outgoing<'_>> =
        admitted.iter().map(|(_, event, renamed)| Outgoing { event, site, renamed: *renamed }).collect();
    let built = destination.platform.build(&outgoing, now);
    let place_of = |index: usize| admitted[index].0;
    plan.skips.extend(built.skips.into_iter().map(|(index, skip)| {
        let place = place_of(index);
        (place, with_reason(skip, plan.left_out.iter().filter(|(other, _)| *other == place)))
    }));
    plan.requests.extend(built.requests.into_iter().map(|planned| {
        let events = planned.events.iter().map(|index| place_of(*index)).collect();
        Planned { events, ..planned }
    }));
    plan
}

/// How `event` would try this destination out, under the name it has there.
///
/// # Errors
/// Why such an event does not go there.
pub fn trial(destination: &Destination, event: &Event, now: UnixMs) -> Result<Trial, Skip> {
    let renamed = admit(destination, event)?;
    Ok(destination.platform.trial(&Outgoing { event, site: &destination.site, renamed }, now))
}

/// A skip for want of a click says when there was one and it was too old.
fn with_reason<'a>(mut skip: Skip, left_out: impl Iterator<Item = &'a (usize, LeftOut)>) -> Skip {
    if matches!(skip.reason, SkipReason::NoClickId | SkipReason::NoIdentifier) {
        for (_, left) in left_out {
            skip.detail = format!("{}; {left}", skip.detail);
        }
    }
    skip
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
        let detail = "a copy of this conversion went there before, without the consent that others needed";
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

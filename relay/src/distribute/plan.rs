//! What a destination gets of some events: consent and switches first, then the look-back window, then the platform's own
//! requests. Pure.
//!
//! Consent is checked here and nowhere else, before any platform is asked. `preview` calls the same function as the
//! worker, so what it shows is what would be sent.

use std::borrow::Cow;

use shared::{Event, UnixMs};

use super::look_back::{LeftOut, within};
use crate::config::{Destination, EventSwitch};
use crate::platform::{Outgoing, Planned, Skip, SkipReason, Trial, refund};

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
    let mut admitted: Vec<(usize, Cow<'_, Event>, Names<'_>)> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match admit(destination, event) {
            Err(skip) => plan.skips.push((place, skip)),
            Ok(names) => {
                let (event, left_out) = within(destination.platform_name, destination.look_back_days, event);
                plan.left_out.extend(left_out.into_iter().map(|left| (place, left)));
                admitted.push((place, event, names));
            }
        }
    }
    if admitted.is_empty() {
        return plan;
    }
    let site = &*destination.site;
    let outgoing: Vec<Outgoing<'_>> =
        admitted.iter().map(|(_, event, names)| names.outgoing(event, site)).collect();
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
    let names = admit(destination, event)?;
    Ok(destination.platform.trial(&names.outgoing(event, &destination.site), now))
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

/// The operator's own names for an event, and for the order it takes back.
#[derive(Clone, Copy, Debug, Default)]
struct Names<'a> {
    event: Option<&'a str>,
    order: Option<&'a str>,
}

impl<'a> Names<'a> {
    fn outgoing(self, event: &'a Event, site: &'a str) -> Outgoing<'a> {
        Outgoing { event, site, renamed: self.event, order_renamed: self.order }
    }
}

/// The names an event has at this destination, as far as the operator gave some; or why it does not go there.
fn admit<'a>(destination: &'a Destination, event: &Event) -> Result<Names<'a>, Skip> {
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
    let renamed = |name: &str| match destination.events.get(name) {
        None => Ok(None),
        Some(EventSwitch::Renamed(name)) => Ok(Some(name.as_str())),
        Some(EventSwitch::Off) => Err(format!("events.{name} = false for this destination")),
    };
    let off = |detail: String| Skip::new(SkipReason::SwitchedOff, detail);
    let own = renamed(&event.event).map_err(off)?;
    let order = match refund::order_event(event) {
        // Under a name of its own a refund takes nothing back.
        Some(order) if own.is_none() => {
            renamed(order).map_err(|detail| off(format!("its order was not sent: {detail}")))?
        }
        Some(_) | None => None,
    };
    Ok(Names { event: own, order })
}

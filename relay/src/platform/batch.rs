//! Batches: written events put together into requests that respect a platform's limits on number and size.
//!
//! Owns the grouping only. What an event looks like, and what stands around the events, is the platform's
//! own.

use serde_json::value::RawValue;

use super::{Built, Call, Outgoing, Planned, Quality, Request, Skip, SkipReason};

/// An event as the platform will read it.
#[derive(Debug)]
pub(super) struct Written {
    /// Its place in the input of `build`.
    pub(super) place: usize,
    /// Its text.
    pub(super) json: Box<RawValue>,
    /// How well it can be matched.
    pub(super) quality: Quality,
}

/// How much one request may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    /// Most events.
    pub(super) events: usize,
    /// Most bytes of all events together, commas included; what stands around them must be allowed for.
    pub(super) bytes: usize,
}

impl Capacity {
    /// Whether an event can be sent at all.
    pub(super) fn fits(self, event: &RawValue) -> bool {
        event.get().len() < self.bytes
    }
}

/// As few requests as `capacity` allows, and why the events not in them were left out: what `write` says, or that
/// one fits no request. `request` puts its envelope around the written events.
pub(super) fn build(
    call: Call,
    capacity: Capacity,
    events: &[Outgoing<'_>],
    write: impl Fn(&Outgoing<'_>) -> Result<(Box<RawValue>, Quality), Skip>,
    request: impl Fn(&[Box<RawValue>]) -> Request,
) -> Built {
    let (mut written, mut skips) = (Vec::with_capacity(events.len()), Vec::new());
    for (place, outgoing) in events.iter().enumerate() {
        match write(outgoing) {
            Ok((json, quality)) if capacity.fits(&json) => written.push(Written { place, json, quality }),
            Ok(_) => skips.push((place, Skip::new(SkipReason::TooLarge, "larger than 1 MB as JSON"))),
            Err(skip) => skips.push((place, skip)),
        }
    }
    let plan = |group: Vec<Written>| {
        let events = group.iter().map(|written| written.place).collect();
        let (data, quality): (Vec<_>, Vec<_>) =
            group.into_iter().map(|written| (written.json, written.quality)).unzip();
        Planned { call, request: request(&data), events, quality }
    };
    Built { requests: group(written, capacity).into_iter().map(plan).collect(), skips }
}

/// `events` in order, cut into as few groups as `capacity` allows. Every event must fit for itself
/// ([`Capacity::fits`]); one that does not gets a group of its own.
pub(super) fn group(events: Vec<Written>, capacity: Capacity) -> Vec<Vec<Written>> {
    let mut groups: Vec<Vec<Written>> = Vec::new();
    let mut bytes = 0;
    for event in events {
        let more = event.json.get().len() + 1;
        match groups.last_mut() {
            Some(group) if group.len() < capacity.events && bytes + more <= capacity.bytes => {
                bytes += more;
                group.push(event);
            }
            _ => {
                bytes = more;
                groups.push(vec![event]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize], capacity: Capacity, expected: &[&[usize]]) {
        let event = |(place, length): (usize, &usize)| {
            // A JSON text of `length` bytes: a string with its two quotes.
            let text = format!("\"{}\"", "x".repeat(length - 2));
            let json = RawValue::from_string(text).expect("a JSON string");
            Written { place, json, quality: Quality::of(&[], |_| false) }
        };
        let groups = group(lengths.iter().enumerate().map(event).collect(), capacity);
        let places: Vec<Vec<usize>> =
            groups.iter().map(|group| group.iter().map(|written| written.place).collect()).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn number_and_size_both_close_a_group() {
        let capacity = Capacity { events: 3, bytes: 30 };
        check(&[], capacity, &[]);
        check(&[2, 2, 2, 2], capacity, &[&[0, 1, 2], &[3]]);
        check(&[9, 19, 9], capacity, &[&[0, 1], &[2]]);
        check(&[29, 2, 29], capacity, &[&[0], &[1], &[2]]);
        check(&[2, 50, 2], capacity, &[&[0], &[1], &[2]]);
    }
}

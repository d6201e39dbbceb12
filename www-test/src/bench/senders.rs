//! Who sends during a measurement: page views alone, conversions that every platform takes, or the visitors of a shop.
//!
//! Event and visitor ids are UUIDv7, as tag and relay mint them; digests and orders are what a shop's are: the former
//! without any order, the latter counted up.

use serde_json::{Value, json};
use shared::{UnixMs, event_id};

use super::chance::Chance;
use super::event::{from_server, from_tag, page_view, purchase};
use super::template::{Mark, Template};
use crate::sandbox::clock;

/// What one connection sends.
pub(super) struct Sender {
    template: Template,
    chance: Chance,
    visitors: Visitors,
    /// Events in a request.
    pub(super) events: usize,
}

impl Sender {
    /// From the tag: page views that differ by their ids only, so many a request.
    pub(super) fn page_views(events: usize, chance: Chance) -> Self {
        Self::from_tag(page_view, events, chance)
    }

    /// From the tag: purchases with a click of each platform, so many a request.
    pub(super) fn conversions(events: usize, chance: Chance) -> Self {
        Self::from_tag(conversion, events, chance)
    }

    /// From a server: a hundred events a request, of ten visitors each.
    pub(super) fn shop(visitors: Visitors, chance: Chance) -> Self {
        let events: Vec<Value> = (0..VISITS).flat_map(|_| visit(clock::now())).collect();
        Self { template: Template::new(from_server(&events)), chance, visitors, events: events.len() }
    }

    fn from_tag(event: fn(&str, UnixMs) -> Value, events: usize, chance: Chance) -> Self {
        let now = clock::now();
        let all = vec![event(Mark::Event.text(), now); events];
        let visitors = Visitors::default();
        Self { template: Template::new(from_tag(&all, now)), chance, visitors, events }
    }

    /// The next request.
    pub(super) fn next(&mut self) -> &[u8] {
        let Self { template, chance, visitors, .. } = self;
        let now = clock::now();
        let (mut place, mut visitor) = (0, 0);
        template.fill(|mark| match mark {
            Mark::Event => {
                if place % VISIT_EVENTS == 0 {
                    visitor = visitors.next(chance);
                }
                place += 1;
                event_id::uuid_v7(now.0, chance.ten_bytes())
            }
            Mark::Visitor => visitors.id(visitor),
            Mark::Email => digest(visitor),
            Mark::Phone => digest(!visitor),
            Mark::Order => format!("{:012}", visitors.made),
        })
    }
}

/// A purchase that each of the six platforms takes: it has a click of each, which no real one has.
fn conversion(id: &str, now: UnixMs) -> Value {
    let mut event = purchase(id, None, now);
    let seen = |value: &str| json!({ "value": value, "seen_at": now.0 - 60_000 });
    event["click_ids"] = json!({
        "fbclid": seen("ExampleClickId_aem_Zz9"), "gclid": seen("Cj0KCQiA-Example_wcB"),
        "ttclid": seen("E.C.P.Example_Zz9"), "msclkid": seen("0f3c1b2a4d5e6f708192a3b4c5d6e7f8"),
        "ob_click_id": seen("v2-Example_Zz9"), "tblci": seen("GiBExample_Zz9"),
    });
    event
}

/// A landing from an ad, eight pages, and a purchase with e-mail, telephone and order.
fn visit(now: UnixMs) -> impl Iterator<Item = Value> {
    (0..VISIT_EVENTS).map(move |place| {
        let is_last = place + 1 == VISIT_EVENTS;
        let mut event = match is_last {
            true => purchase(Mark::Event.text(), Some(Mark::Order.text()), now),
            false => page_view(Mark::Event.text(), now),
        };
        event["visitor_id"] = json!(Mark::Visitor.text());
        event["user"] = match is_last {
            true => json!({ "email": [Mark::Email.text()], "phone": [Mark::Phone.text()] }),
            false => json!({}),
        };
        if place > 0 {
            event["click_ids"] = json!({});
            event["campaign"] = json!({});
        }
        event
    })
}

/// Visits in a request.
const VISITS: usize = 10;
/// Events of a visit.
const VISIT_EVENTS: usize = 10;

/// Who comes to a shop: of ten visits seven are first ones, the others are made by anybody who was there before.
#[derive(Clone, Debug, Default)]
pub(super) struct Visitors {
    /// When the first of them came.
    began: UnixMs,
    /// The number of this connection among all.
    lane: u64,
    lanes: u64,
    /// Visits so far on this connection.
    made: u64,
}

impl Visitors {
    /// The visitors of each of some connections.
    pub(super) fn of_all(lanes: u64, began: UnixMs) -> Vec<Self> {
        (0..lanes).map(|lane| Self { began, lane, lanes, made: lane }).collect()
    }

    /// The number of the visitor who comes next. A visit's number is that of its order, and its visitor's if it is the first.
    fn next(&mut self, chance: &mut Chance) -> u64 {
        self.made += self.lanes;
        let visits = self.made / self.lanes.max(1);
        match visits % 10 {
            0 | 3 | 6 => self.lane + self.lanes * chance.below(visits),
            _ => self.made,
        }
    }

    /// Their id, of the moment of their first visit.
    fn id(&self, visitor: u64) -> String {
        let mut own = Chance::new(visitor);
        event_id::uuid_v7(self.began.0 + i64::try_from(visitor).unwrap_or(0), own.ten_bytes())
    }
}

/// The digest of something only this person has.
fn digest(person: u64) -> String {
    let mut own = Chance::new(person);
    (0..4).map(|_| format!("{:016x}", own.number())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Every value of a field in some requests.
    fn values(sender: &mut Sender, requests: usize, field: &str) -> Vec<String> {
        let mut found = Vec::new();
        for _ in 0..requests {
            let text = String::from_utf8(sender.next().to_vec()).expect("text");
            let start = format!("\"{field}\":");
            let rests = text.split(start.as_str()).skip(1);
            found.extend(rests.map(|rest| rest.split([',', '}']).next().expect("a value").to_owned()));
        }
        found
    }

    #[test]
    fn no_event_comes_twice() {
        for mut sender in [Sender::page_views(10, Chance::new(1)), Sender::conversions(10, Chance::new(1))] {
            let ids = values(&mut sender, 5, "event_id");
            assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (50, 50));
        }
    }

    #[test]
    fn most_visitors_of_a_shop_are_new_and_some_come_again() {
        let mut all = HashSet::new();
        let mut orders = HashSet::new();
        for visitors in Visitors::of_all(2, UnixMs(1_795_183_509_123)) {
            let mut sender = Sender::shop(visitors, Chance::new(1));
            let ids: HashSet<_> = values(&mut sender, 10, "visitor_id").into_iter().collect();
            assert!((70..=75).contains(&ids.len()), "{}", ids.len());
            assert!(all.is_disjoint(&ids), "connections have visitors of their own");
            all.extend(ids);
            orders.extend(values(&mut sender, 10, "order_id"));
        }
        assert_eq!(orders.len(), 200, "every visit has an order of its own");
    }

    #[test]
    fn a_conversion_has_a_click_of_every_platform() {
        let mut sender = Sender::conversions(1, Chance::new(1));
        let text = String::from_utf8(sender.next().to_vec()).expect("text");
        for click in ["fbclid", "gclid", "ttclid", "msclkid", "ob_click_id", "tblci"] {
            assert!(text.contains(&format!("\"{click}\"")), "{click}");
        }
    }
}

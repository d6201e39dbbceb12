//! A rule: which bodies, or which items of one, are which event, and what of them becomes which field.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use shared::{Item, Scalar, limits};

use super::super::fields::Target;
use super::super::reading::{Found, Reading};
use super::super::stages::{EventName, Stages};
use super::super::tree::Node;
use super::condition::Condition;
use super::one_or_more::OneOrMore;
use super::path::{Path, Place};
use super::pick::Pick;
use crate::config::written::table;

/// What a rule, or all rules, say of the fields of an event.
pub(super) type Map = BTreeMap<Target, Pick>;

/// One rule, checked.
#[derive(Debug)]
pub(super) struct Rule {
    each: Option<Path>,
    when: Vec<Condition>,
    event: Name,
    id: Vec<Pick>,
    map: Map,
    items: Option<Items>,
    properties: BTreeMap<String, Pick>,
    tokens: BTreeMap<String, Pick>,
}

/// What the event is called.
#[derive(Debug)]
enum Name {
    Always(EventName),
    ByStage(Pick, Stages),
}

/// Where the lines of an order are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    each: Path,
    id: Option<Pick>,
    name: Option<Pick>,
    brand: Option<Pick>,
    category: Option<Pick>,
    price: Option<Pick>,
    quantity: Option<Pick>,
}

const TOO_MANY: &str = "more than 500 items; only the first 500 were taken";
const NO_ID: &str = "`id` is not there, so a repeat would count again";
const UNMAPPED: &str = "no event is set for this stage; see `events`";
pub(super) const UNMATCHED: &str = "no rule applies";

impl Rule {
    /// Adds what the rule finds in a body. `shared` holds for all rules; the rule's own fields go before.
    pub(super) fn apply(&self, body: &Node<'_>, shared: &Map, reading: &mut Reading) {
        let top = Place { top: body, here: body };
        let Some(each) = &self.each else { return self.at(top, shared, reading) };
        let items = each.all(top);
        if items.len() > limits::BATCH {
            reading.refused.push(TOO_MANY);
        }
        for here in items.into_iter().take(limits::BATCH) {
            self.at(Place { top: body, here }, shared, reading);
        }
    }

    fn at(&self, place: Place<'_>, shared: &Map, reading: &mut Reading) {
        if !self.when.iter().all(|condition| condition.holds(place)) {
            return;
        }
        let name = match &self.event {
            Name::Always(EventName(name)) => name.as_str(),
            Name::ByStage(stage, stages) => {
                let Some(stage) = stage.text(place) else { return };
                match stages.event([stage.as_str()]) {
                    Some(name) => name,
                    None => {
                        reading.ignored = Some(UNMAPPED);
                        return;
                    }
                }
            }
        };
        match self.found(name, place, shared) {
            Ok(found) => reading.events.push(found),
            Err(why) => reading.refused.push(why),
        }
    }

    fn found(&self, name: &str, place: Place<'_>, shared: &Map) -> Result<Found, &'static str> {
        let mut found = Found::of_order(name, None);
        if !self.id.is_empty() {
            let parts: Option<Vec<String>> = self.id.iter().map(|part| part.text(place)).collect();
            found.draft.event_id = Some(parts.ok_or(NO_ID)?.join("-"));
        }
        let draft = &mut found.draft;
        let own = self.map.iter();
        for (target, pick) in own.chain(shared.iter().filter(|(target, _)| !self.map.contains_key(target))) {
            pick.with(place, |node| target.put(node, pick.manner, draft))?;
        }
        if let Some(items) = &self.items {
            draft.properties.items = items.read(place)?;
        }
        for (name, pick) in &self.tokens {
            draft.tokens.extend(pick.text(place).map(|token| (name.clone(), token)));
        }
        for (name, pick) in &self.properties {
            draft.properties.custom.extend(pick.with(place, scalar).map(|value| (name.clone(), value)));
        }
        Ok(found)
    }
}

impl Items {
    fn read(&self, place: Place<'_>) -> Result<Vec<Item>, &'static str> {
        let lines = self.each.all(place).into_iter().take(limits::ITEMS);
        lines.map(|here| self.line(Place { top: place.top, here })).collect()
    }

    fn line(&self, place: Place<'_>) -> Result<Item, &'static str> {
        let text = |pick: &Option<Pick>| pick.as_ref().and_then(|pick| pick.text(place));
        let amount = |pick: &Option<Pick>| match pick {
            Some(pick) => pick.with(place, |node| pick.manner.amount(node)),
            None => Ok(None),
        };
        Ok(Item {
            id: text(&self.id),
            name: text(&self.name),
            brand: text(&self.brand),
            category: text(&self.category),
            price: amount(&self.price)?,
            quantity: amount(&self.quantity)?,
        })
    }
}

/// A value as a property of the site's own.
fn scalar(node: &Node<'_>) -> Option<Scalar> {
    let whole = || node.whole().map(Scalar::Integer);
    let number = || node.number().map(Scalar::Number);
    let flag = || node.flag().map(Scalar::Bool);
    let list = || {
        let values: Vec<Scalar> =
            node.items().iter().filter_map(|item| item.text().map(Scalar::Text)).collect();
        (!values.is_empty()).then_some(Scalar::List(values))
    };
    whole().or_else(number).or_else(flag).or_else(|| node.text().map(Scalar::Text)).or_else(list)
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    each: Option<Path>,
    #[serde(default = "Vec::new")]
    when: Vec<Condition>,
    event: Option<EventName>,
    stage: Option<Pick>,
    events: Option<Stages>,
    id: Option<OneOrMore<Pick>>,
    #[serde(default)]
    map: Map,
    items: Option<Items>,
    #[serde(default = "BTreeMap::new")]
    properties: BTreeMap<String, Pick>,
    #[serde(default = "BTreeMap::new")]
    tokens: BTreeMap<String, Pick>,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table(deserializer, Self::check)
    }
}

impl Rule {
    fn check(written: Written) -> Result<Self, &'static str> {
        let Written { each, when, event, stage, events, id, map, items, properties, tokens } = written;
        let event = match (event, stage, events) {
            (Some(name), None, None) => Name::Always(name),
            (None, Some(stage), Some(events)) => Name::ByStage(stage, events),
            (_, _, _) => {
                return Err("a rule needs either `event`, a name, or `stage`, a path, with `events`");
            }
        };
        let id = id.map_or(Vec::new(), |OneOrMore(id)| id);
        if id.is_empty() && !map.contains_key(&Target::OrderId) {
            return Err(
                "a rule needs `id`, or `order_id` in its `map`, so that a repeat does not count again",
            );
        }
        Ok(Self { each, when, event, id, map, items, properties, tokens })
    }
}

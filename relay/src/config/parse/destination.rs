//! `[[destination]]`: where events go. Reads the keys all destinations share; the platform reads its own.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use shared::Purpose;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::super::advice::Advice;
use super::super::error::Fault;
use super::super::event_name;
use super::super::notes::Notes;
use super::super::origin::base_url;
use super::super::reader::{Node, Section, join, text};
use super::super::settings::Own;
use super::super::{Delivery, Destination, EventSwitch};
use super::server::TIMEOUT_MS;
use super::site::Sites;
use super::{Placed, misspelt, name, site_of, taken, unknown};
use crate::distribute::look_back;
use crate::platform::{Key, Kind, Settings};

/// The destinations, and what else has to be known of them.
#[derive(Default)]
pub(super) struct Destinations {
    pub(super) all: Vec<Destination>,
    /// How many tables there are, right or wrong.
    pub(super) tables: usize,
    /// The first secret written out in the file.
    pub(super) literal_secret: Option<Placed>,
}

/// The keys all destinations share.
struct Shared {
    name: Option<String>,
    site: Option<String>,
    kind: Option<Kind>,
    consent: Vec<Purpose>,
    look_back_days: u16,
    timeout_ms: u64,
    events: BTreeMap<String, EventSwitch>,
    endpoint: Option<Url>,
}

/// What the settings of other tables mean for a destination.
#[derive(Clone, Copy)]
struct Ends {
    /// How long all platforms are waited for.
    timeout_ms: u64,
    /// How long a visitor is remembered.
    visitor_days: u32,
}

/// Reads every `[[destination]]`.
pub(super) fn destinations(
    root: &mut Section<'_, '_>,
    sites: &Sites,
    kinds: &[Kind],
    directory: &Path,
    delivery: Delivery,
    visitor_days: u32,
) -> Destinations {
    let tables = root.sections("destination", "name");
    let mut destinations = Destinations { tables: tables.len(), ..Destinations::default() };
    let mut names = HashMap::new();
    for table in tables {
        let literal = &mut destinations.literal_secret;
        let ends = Ends { timeout_ms: delivery.request_timeout_ms, visitor_days };
        let made = destination(table, sites, kinds, directory, ends, &mut names, literal);
        destinations.all.extend(made);
    }
    destinations
}

fn destination(
    mut section: Section<'_, '_>,
    sites: &Sites,
    kinds: &[Kind],
    directory: &Path,
    ends: Ends,
    names: &mut HashMap<String, usize>,
    literal: &mut Option<Placed>,
) -> Option<Destination> {
    let shared = Shared {
        name: destination_name(&mut section, names),
        site: site_of(&mut section, sites),
        kind: kind(&mut section, kinds),
        consent: consent(&mut section),
        look_back_days: look_back_days(&mut section, ends.visitor_days),
        timeout_ms: section.whole("timeout_ms", TIMEOUT_MS, ends.timeout_ms),
        events: events(&mut section),
        endpoint: section.parsed("endpoint", ENDPOINT_EXPECTED, base_url),
    };
    let (notes, path, span) = (section.notes, section.path.clone(), section.span.clone());
    let (rest, known) = section.into_rest();
    // Without a platform nobody can say which of the other keys are right.
    let Some(kind) = shared.kind else {
        misspelt("platform", &rest, &path, notes);
        return None;
    };
    advise_on_trials(&rest, kind.keys, &path, notes);
    let mut own = Own::new(notes, path, span, known);
    own.take_over(rest, kind.keys, directory);
    if literal.is_none() {
        *literal = own.literal_secret.take().map(|(key, at)| Placed { key, at });
    }
    let names = renamed(&shared.events);
    let platform = own.configure(kind.keys, |own| {
        (kind.configure)(Settings { own, endpoint: shared.endpoint.clone(), names: names.clone() })
    })?;
    let site = shared.site?;
    let consent_required = sites.all.iter().any(|known| *known.key == *site && known.consent_required);
    Some(Destination {
        name: shared.name?,
        site: Arc::from(site),
        consent_required,
        platform_name: kind.name,
        platform: Arc::from(platform),
        consent: shared.consent,
        look_back_days: match shared.look_back_days {
            0 => look_back::default_days(kind.name),
            days => Some(days),
        },
        timeout_ms: shared.timeout_ms,
        events: shared.events,
        endpoint: shared.endpoint,
    })
}

const ENDPOINT_EXPECTED: &str = "an address without a path such as `http://127.0.0.1:9100`";
const SWITCH_EXPECTED: &str = "the event's name at the platform, or false to switch it off";
const PURPOSES: [Purpose; 3] = [Purpose::AdStorage, Purpose::AdUserData, Purpose::AdPersonalization];

fn destination_name(section: &mut Section<'_, '_>, names: &mut HashMap<String, usize>) -> Option<String> {
    let notes = section.notes;
    let text = section.required("name", "a name of its own for this destination")?;
    let name = name(&text, notes)?;
    if let Some(first) = names.get(&name) {
        taken("destination", &text, *first, notes);
        return None;
    }
    names.insert(name.clone(), text.at);
    Some(name)
}

fn kind(section: &mut Section<'_, '_>, kinds: &[Kind]) -> Option<Kind> {
    let known = || kinds.iter().map(|kind| kind.name);
    let expected = format!("a platform: {}", known().collect::<Vec<_>>().join(", "));
    let text = section.required("platform", &expected)?;
    let kind = kinds.iter().find(|kind| kind.name == text.value);
    if kind.is_none() {
        section.notes.fault(&text.key, text.at, unknown("platform", &text, known()));
    }
    kind.copied()
}

fn consent(section: &mut Section<'_, '_>) -> Vec<Purpose> {
    let notes = section.notes;
    let Some(texts) = section.texts("consent", "a purpose such as `ad_storage`") else {
        return vec![Purpose::AdStorage, Purpose::AdUserData];
    };
    let mut purposes = Vec::new();
    for text in texts {
        match PURPOSES.into_iter().find(|purpose| purpose.name() == text.value) {
            Some(purpose) if purposes.contains(&purpose) => {}
            Some(purpose) => purposes.push(purpose),
            None => {
                let known = PURPOSES.iter().map(|purpose| purpose.name());
                notes.fault(&text.key, text.at, unknown("purpose", &text, known));
            }
        }
    }
    purposes
}

/// How old a click may be, in days; 0 where nothing is said.
fn look_back_days(section: &mut Section<'_, '_>, visitor_days: u32) -> u16 {
    let at = section.place("look_back_days");
    let days = section.whole("look_back_days", 1..=look_back::MOST_DAYS, 0);
    if let Some(at) = at.filter(|_| u32::from(days) > visitor_days) {
        let advice = Advice::ForgottenBefore { visitor_days };
        section.notes.advise(&section.key("look_back_days"), at, advice);
    }
    days
}

fn events(section: &mut Section<'_, '_>) -> BTreeMap<String, EventSwitch> {
    let Some(table) = section.section("events") else { return BTreeMap::new() };
    let path = table.path.clone();
    let (rules, _) = table.into_rest();
    let mut events = BTreeMap::new();
    for (name, rule) in &rules {
        let key = join(&path, name.get_ref());
        event_name::advise(section.notes, &key, name.span().start, name.get_ref());
        if let Some(switch) = switch(&key, rule, section) {
            events.insert(name.get_ref().clone().into_owned(), switch);
        }
    }
    events
}

fn switch(key: &str, rule: &Node<'_>, section: &Section<'_, '_>) -> Option<EventSwitch> {
    match rule.get_ref() {
        DeValue::Boolean(false) => Some(EventSwitch::Off),
        DeValue::Boolean(true) => {
            let fault =
                Fault::Invalid { expected: SWITCH_EXPECTED.to_owned(), found: Some("true".to_owned()) };
            section.notes.fault(key, rule.span().start, fault);
            None
        }
        _ => {
            let name = text(section.notes, key.to_owned(), rule, SWITCH_EXPECTED)?;
            let filled = |name: &str| (!name.trim().is_empty()).then(|| name.to_owned());
            name.parsed(section.notes, SWITCH_EXPECTED, filled).map(EventSwitch::Renamed)
        }
    }
}

/// Reminds of keys that are for trying a destination out.
fn advise_on_trials(rest: &DeTable<'_>, keys: &[Key], path: &str, notes: &Notes<'_>) {
    for (name, value) in rest {
        let Some(key) = keys.iter().find(|key| *key.name == **name.get_ref()) else { continue };
        let path = join(path, name.get_ref());
        if let Some(effect) = key.trial {
            advise_on_trial(&path, value, effect, notes);
        }
        if let Some((inner, effect)) = key.inner_trial
            && let Some(value) = value.get_ref().get(inner)
        {
            advise_on_trial(&join(&path, inner), value, effect, notes);
        }
    }
}

/// Reminds of one such key, unless it is switched off.
fn advise_on_trial(path: &str, value: &Node<'_>, effect: &'static str, notes: &Notes<'_>) {
    if !matches!(value.get_ref(), DeValue::Boolean(false)) {
        notes.advise(path, value.span().start, Advice::TriedOut { effect });
    }
}

/// The events that have another name at the platform.
fn renamed(events: &BTreeMap<String, EventSwitch>) -> BTreeMap<String, String> {
    let name = |(event, switch): (&String, &EventSwitch)| match switch {
        EventSwitch::Off => None,
        EventSwitch::Renamed(name) => Some((event.clone(), name.clone())),
    };
    events.iter().filter_map(name).collect()
}

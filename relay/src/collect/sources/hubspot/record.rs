//! From a record, or a change to one, to an event.
//!
//! **Ids.** A deal or contact counts once for each of our events: `Purchase-hubspot-deal-<id>`. A deal that is won, lost and won
//! again is one Purchase. Where a property is mapped to `order_id`, the id follows from that instead. The account (portal) is
//! part of neither ids nor tokens: an app's webhooks name it and a workflow need not, and both report the same deal.
//!
//! **The person.** An app's webhook tells of an object's number and of one property. What the same delivery tells of the same object
//! (its e-mail address, our visitor id, the amount of a deal) is taken along; there is nothing else to find the person by.

use std::collections::BTreeMap;

use shared::UnixMs;
use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;

use super::super::carried;
use super::super::manner::Manner;
use super::super::reading::{Found, Reading};
use super::super::stages::EventName;
use super::super::tree::Node;
use super::Hubspot;

pub(super) const UNMAPPED: &str = "no event is set for this stage or type; see `events`";
const NO_ID: &str = "no objectId, so a repeat would count again";

/// What one delivery of an app tells of each object, by its kind and number: the properties that have changed.
pub(super) type Told<'r, 'a> = BTreeMap<(String, String), Vec<Changed<'r, 'a>>>;

/// A property that has changed.
pub(super) struct Changed<'r, 'a> {
    name: String,
    value: &'r Node<'a>,
    /// When, as HubSpot says.
    at: Option<i64>,
}

/// What the events of one delivery tell of their objects. They come in any order; of a property that has changed more than once the
/// latest value counts, of one moment the one that is told last.
pub(super) fn told<'r, 'a>(changes: &'r [Node<'a>]) -> Told<'r, 'a> {
    let mut told = Told::new();
    for change in changes {
        let (object, what) = subject(change);
        let (id, property) = (change.get("objectId").text(), change.get("propertyName").text());
        let (Some(id), Some(property)) = (id, property) else { continue };
        let properties = told.entry((object, id)).or_default();
        if what != CHANGED {
            continue;
        }
        let (name, value, at) = (property, change.get("propertyValue"), change.get("occurredAt").whole());
        let has_room = properties.len() < MOST_PROPERTIES;
        match properties.iter_mut().find(|known| known.name == name) {
            Some(known) if at < known.at => {}
            Some(known) => *known = Changed { name, value, at },
            None if has_room => properties.push(Changed { name, value, at }),
            None => {}
        }
    }
    told
}

/// The kind of object an event of an app is about, and what happened to it.
fn subject(change: &Node<'_>) -> (String, String) {
    let kind = change.get("subscriptionType").text().unwrap_or_default();
    let (object, what) = kind.split_once('.').unwrap_or((&kind, ""));
    let object = match object {
        "object" => object_of(change.get("objectTypeId")).unwrap_or_else(|| "object".to_owned()),
        named => named.to_owned(),
    };
    (object, what.to_owned())
}

/// One event of an app's webhook: it names an object, a property and its new value.
pub(super) fn change(
    hubspot: &Hubspot,
    change: &Node<'_>,
    told: &Told<'_, '_>,
) -> Result<Option<Found>, &'static str> {
    let (object, what) = subject(change);
    let property = change.get("propertyName").text().unwrap_or_default();
    let stage = Some(property).filter(|property| what == CHANGED && hubspot.stages.contains(property));
    let stage = stage.and_then(|_| change.get("propertyValue").text());
    // A change by itself means something only where somebody names it: so what a contact is given later is heard.
    let by_itself = [CREATED, CHANGED].contains(&what.as_str()).then(|| format!("{object}.{what}"));
    let stages = [stage, by_itself];
    let Some(name) = hubspot.events.event(stages.iter().flatten().map(String::as_str)) else {
        return Ok(None);
    };
    let id = change.get("objectId").text().ok_or(NO_ID)?;
    let time = change.get("occurredAt").whole().map(UnixMs);
    let mut found = found(name, &object, &id, time);
    let properties = told.get(&(object, id)).map(Vec::as_slice).unwrap_or_default();
    along(hubspot, properties, &mut found)?;
    Ok(Some(found))
}

/// Takes along what else was told of the object. Its id stays as it is: what comes in one delivery may come in two another time.
fn along(hubspot: &Hubspot, properties: &[Changed<'_, '_>], found: &mut Found) -> Result<(), &'static str> {
    let draft = &mut found.draft;
    for Changed { name, value, .. } in properties {
        match name.as_str() {
            "amount" => draft.properties.value = Manner::default().amount(value)?,
            "deal_currency_code" => {
                draft.properties.currency = value.text().and_then(|code| Currency::parse(&code));
            }
            _ => {}
        }
        for (field, _) in PERSON.iter().filter(|(_, known)| known == name) {
            draft.user.take(*field, value.personal());
        }
        for (param, _) in CLICKS.iter().filter(|(_, known)| known == name) {
            hubspot.fields.put(param, value, draft)?;
        }
        hubspot.fields.put(name, value, draft)?;
    }
    let properties = &mut draft.properties;
    properties.currency = properties.currency.or(hubspot.currency).filter(|_| properties.value.is_some());
    Ok(())
}

/// A workflow's request: the record itself, its properties beside each other or under `properties`.
pub(super) fn workflow(hubspot: &Hubspot, body: &Node<'_>) -> Reading {
    let inner = body.get("properties");
    let record = Record { properties: if inner.is_nothing() { body } else { inner }, body };
    let refused = |why| Reading { refused: vec![why], ..Reading::default() };
    // A static field of a customised request, by which a workflow says itself what it reports.
    let said = match EventName::said(record.get("event")) {
        Ok(said) => said,
        Err(why) => return refused(why),
    };
    let object = record.object();
    let stages: Vec<String> = hubspot.stages.iter().filter_map(|stage| record.get(stage).text()).collect();
    let created = format!("{object}.creation");
    let by_stage = || {
        let staged = hubspot.events.event(stages.iter().map(String::as_str));
        // Of a deal in a stage that is not asked for nobody wants to hear that it was created.
        staged.or_else(|| hubspot.events.event(stages.is_empty().then_some(created.as_str())))
    };
    let Some(name) = said.or_else(|| by_stage().map(str::to_owned)) else {
        return Reading::ignored(UNMAPPED);
    };
    let Some(id) = record.id() else { return refused(NO_ID) };
    let mut found = found(&name, &object, &id, None);
    match record.fill(hubspot, &mut found) {
        Ok(()) => Reading::one(found.finished()),
        Err(why) => refused(why),
    }
}

fn found(name: &str, object: &str, id: &str, time: Option<UnixMs>) -> Found {
    let mut found = Found::about(name, &format!("hubspot-{object}-{id}"), time);
    found.draft.source = Some(Source::Crm);
    found.draft.tokens.insert(format!("hubspot_{object}"), id.to_owned());
    found
}

/// What a workflow sent.
struct Record<'r, 'a> {
    body: &'r Node<'a>,
    properties: &'r Node<'a>,
}

impl<'r, 'a> Record<'r, 'a> {
    /// A property: its value, or the object that some kinds of workflow wrap it in.
    fn get(&self, name: &str) -> &'r Node<'a> {
        let node = self.properties.get(name);
        match node {
            Node::Table(_) => node.get("value"),
            Node::Nothing => self.body.get(name),
            Node::Leaf(_) | Node::List(_) => node,
        }
    }

    fn first(&self, names: &[&str]) -> &'r Node<'a> {
        let mut there = names.iter().map(|name| self.get(name)).filter(|node| !node.is_blank());
        there.next().unwrap_or(&Node::Nothing)
    }

    fn object(&self) -> String {
        let named = object_of(self.first(&["objectTypeId", "objectType"]));
        let is_contact = || self.first(&["dealstage", "dealname", "amount"]).is_nothing();
        let guess = || if is_contact() { "contact" } else { "deal" };
        named.unwrap_or_else(|| guess().to_owned())
    }

    fn id(&self) -> Option<String> {
        self.first(&["hs_object_id", "objectId", "dealId", "vid", "id"]).text()
    }

    fn fill(&self, hubspot: &Hubspot, found: &mut Found) -> Result<(), &'static str> {
        let draft = &mut found.draft;
        draft.properties.value = Manner::default().amount(self.get("amount"))?;
        let own = self.get("deal_currency_code").text().and_then(|code| Currency::parse(&code));
        draft.properties.currency = own.or(hubspot.currency);
        for (field, name) in PERSON {
            draft.user.take(field, self.get(name).personal());
        }
        for (param, name) in CLICKS {
            hubspot.fields.put(param, self.get(name), draft)?;
        }
        for (name, _) in self.properties.pairs() {
            hubspot.fields.put(name, self.get(name), draft)?;
        }
        if let Some(url) = self.get(FIRST_PAGE).text() {
            let at = Manner::default().time(self.get(FIRST_SEEN)).ok().flatten();
            carried::landing(&url, at, draft);
        }
        let contact = self.first(&["associated_contact_id", "contactId", "vid"]).text();
        if let Some(contact) = contact {
            draft.tokens.entry("hubspot_contact".to_owned()).or_insert(contact);
        }
        Ok(())
    }
}

/// The kinds of objects by their names and by the numbers HubSpot gives them. One without a name here (`2-1234567`, an account's
/// own kind) goes by its number, so that no record of it is taken for one of another kind.
fn object_of(node: &Node<'_>) -> Option<String> {
    let kind = node.text()?.to_ascii_lowercase();
    let named = match kind.as_str() {
        "0-1" | "contact" => "contact",
        "0-2" | "company" => "company",
        "0-3" | "deal" => "deal",
        "0-5" | "ticket" => "ticket",
        _ => return Some(kind).filter(|kind| is_number_of_kind(kind)),
    };
    Some(named.to_owned())
}

/// Whether it is a number such as `2-1234567`.
fn is_number_of_kind(text: &str) -> bool {
    let digits = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-').is_some_and(|(group, number)| digits(group) && digits(number))
}

/// HubSpot's own names of what it knows of a contact.
const PERSON: [(Field, &str); 11] = [
    (Field::Email, "email"),
    (Field::Phone, "phone"),
    (Field::Phone, "mobilephone"),
    (Field::FirstName, "firstname"),
    (Field::LastName, "lastname"),
    (Field::Street, "address"),
    (Field::City, "city"),
    (Field::Region, "state"),
    (Field::PostalCode, "zip"),
    (Field::Country, "country"),
    (Field::BirthDate, "date_of_birth"),
];

/// The first page a contact was seen on, as HubSpot's tracking of visits keeps it, and when that was (knowledge.hubspot.com, "HubSpot's
/// default contact properties", read 2026-11-28).
const FIRST_PAGE: &str = "hs_analytics_first_url";
const FIRST_SEEN: &str = "hs_analytics_first_timestamp";

/// What happened to an object of which a property has changed.
const CHANGED: &str = "propertyChange";
/// What happened to a new object.
const CREATED: &str = "creation";
/// Most properties of one object that are taken out of one delivery, which holds at most 100 events.
const MOST_PROPERTIES: usize = 100;

/// Click ids that HubSpot's own tracking of ads keeps.
const CLICKS: [(&str, &str); 2] = [("gclid", "hs_google_click_id"), ("fbclid", "hs_facebook_click_id")];

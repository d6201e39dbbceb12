//! From a change to a record to events.
//!
//! **Ids.** A deal counts once for each of our events: `Purchase-pipedrive-<company>-deal-<id>`. A deal that is won, reopened
//! and won again is one Purchase. Where a field is mapped to `order_id`, the id follows from that instead.

use shared::UnixMs;
use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;

use super::super::manner::{Manner, TimeFormat};
use super::super::reading::{Found, Reading};
use super::super::tree::Node;
use super::Pipedrive;

const UNMAPPED: &str = "no event is set for this change; see `events`";
const NO_ID: &str = "no id of the record, so a repeat would count again";

/// What a delivery says, whichever version it is of.
struct Change<'r, 'a> {
    meta: &'r Node<'a>,
    data: &'r Node<'a>,
    previous: &'r Node<'a>,
    entity: String,
    created: bool,
}

/// Reads one delivery.
pub(super) fn read(pipedrive: &Pipedrive, body: &Node<'_>) -> Reading {
    let meta = body.get("meta");
    let action = meta.get("action").text().unwrap_or_default();
    let change = Change {
        meta,
        data: body.first(&["data", "current"]),
        previous: body.get("previous"),
        entity: meta.first(&["entity", "object"]).text().unwrap_or_default(),
        created: matches!(action.as_str(), "create" | "added"),
    };
    if !change.created && !matches!(action.as_str(), "change" | "updated") {
        return Reading::ignored("nothing comes from a record that is deleted or merged");
    }
    let mut reading = Reading::default();
    for stage in change.stages() {
        let Some(name) = pipedrive.events.event([stage.as_str()]) else { continue };
        match change.found(pipedrive, name, stage == "won") {
            Ok(found) => reading.events.push(found),
            Err(why) => reading.refused.push(why),
        }
    }
    // Two stages may be one event of ours.
    reading.events.dedup_by(|a, b| a.draft.event_id == b.draft.event_id);
    if reading.events.is_empty() && reading.refused.is_empty() {
        reading.ignored = Some(UNMAPPED);
    }
    reading
}

impl Change<'_, '_> {
    /// The stages the record has just come to, the most telling first.
    fn stages(&self) -> Vec<String> {
        let mut stages = Vec::new();
        if self.entity == "deal" {
            stages.extend(["status", "stage_id"].into_iter().filter_map(|field| self.new_value(field)));
        }
        // A change by itself means something only where somebody names it: so what a person is given later is heard.
        let action = if self.created { "create" } else { "change" };
        stages.push(format!("{}.{action}", self.entity));
        stages
    }

    /// The value of a field that has just come about.
    fn new_value(&self, field: &str) -> Option<String> {
        let now = self.data.get(field).text()?;
        // What the former record does not say has not changed.
        let before = self.previous.get(field).text();
        let is_new = if self.created { true } else { before.is_some_and(|before| before != now) };
        is_new.then_some(now)
    }

    fn found(&self, pipedrive: &Pipedrive, name: &str, is_won: bool) -> Result<Found, &'static str> {
        let (data, meta) = (self.data, self.meta);
        let id = data.get("id").text().or_else(|| meta.first(&["entity_id", "id"]).text()).ok_or(NO_ID)?;
        let company = meta.get("company_id").text().unwrap_or_else(|| "0".to_owned());
        let subject = format!("pipedrive-{company}-{}-{id}", self.entity);
        let mut found = Found::about(name, &subject, self.time(is_won));
        let draft = &mut found.draft;
        draft.source = Some(Source::Crm);
        self.worth(&mut draft.properties)?;
        let person = if self.entity == "person" { Some(id.clone()) } else { self.person() };
        for (kind, id) in [("person", person), ("deal", (self.entity == "deal").then_some(id))] {
            draft.tokens.extend(id.map(|id| (format!("pipedrive_{kind}"), format!("{company}-{id}"))));
        }
        self.who(draft);
        // v1 has own fields beside the others, v2 apart and wrapped.
        pipedrive.fields.put_all(data, draft)?;
        for (name, node) in data.get("custom_fields").pairs() {
            let value = if let Node::Table(_) = node { node.get("value") } else { node };
            pipedrive.fields.put(name, value, draft)?;
        }
        Ok(found.finished())
    }

    /// When it happened: a win says so itself, in v1 without its zone, which is UTC.
    fn time(&self, is_won: bool) -> Option<UnixMs> {
        let won = Some(self.data.get("won_time")).filter(|_| is_won);
        let either = |node: &Node<'_>| {
            let utc = Manner { format: TimeFormat::Utc, ..Manner::default() };
            Manner::default().time(node).or_else(|_| utc.time(node)).ok().flatten()
        };
        won.and_then(either).or_else(|| either(self.meta.get("timestamp")))
    }

    /// A deal has its amount beside its currency, a lead both in one.
    fn worth(&self, properties: &mut shared::Properties) -> Result<(), &'static str> {
        let value = self.data.get("value");
        let apart = value.get("amount").is_nothing();
        let (amount, currency) = if apart {
            (value, self.data.get("currency"))
        } else {
            (value.get("amount"), value.get("currency"))
        };
        properties.value = Manner::default().amount(amount)?;
        properties.currency = currency.text().and_then(|code| Currency::parse(&code));
        Ok(())
    }

    /// The person of a deal or lead: a number, or in v1 of some objects a table around it.
    fn person(&self) -> Option<String> {
        let person = self.data.get("person_id");
        person.text().or_else(|| person.get("value").text())
    }

    fn who(&self, draft: &mut super::super::Draft) {
        if self.entity != "person" {
            return;
        }
        let user = &mut draft.user;
        for (field, names) in [(Field::Email, ["emails", "email"]), (Field::Phone, ["phones", "phone"])] {
            for entry in self.data.first(&names).items() {
                user.take(field, entry.get("value").personal());
            }
        }
        user.take(Field::FirstName, self.data.get("first_name").personal());
        user.take(Field::LastName, self.data.get("last_name").personal());
    }
}

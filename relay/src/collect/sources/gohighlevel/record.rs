//! From a delivery to an event: which of its stages or types is asked for, who it is about, what it is worth.
//!
//! **Ids.** An opportunity, contact or booking counts once for each of our events: `Purchase-gohighlevel-<location>-<id>`. An
//! opportunity that is won, lost and won again is one Purchase. Where a field is mapped to `order_id`, the id follows from that.

use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;

use super::super::manner::Manner;
use super::super::reading::{Found, Reading};
use super::super::stages::EventName;
use super::super::tree::Node;
use super::super::{Draft, carried};
use super::GoHighLevel;

const UNMAPPED: &str = "no event is set for this stage or type; see `events`";
const NO_ID: &str = "no id of the record, so a repeat would count again";

/// A delivery of an app: one record, its type beside it.
pub(super) fn app(own: &GoHighLevel, kind: &str, body: &Node<'_>) -> Reading {
    let is_money = kind.starts_with("Invoice") || kind.starts_with("Order");
    if is_money && body.get("liveMode").flag() == Some(false) && !own.test_orders {
        return Reading::ignored("an invoice or order of test mode");
    }
    if kind.starts_with("Order") && body.get("status").text().as_deref() != Some("completed") {
        return Reading::ignored("the order is not completed");
    }
    let record = match kind.starts_with("Appointment") {
        true => body.get("appointment"),
        false => body,
    };
    let mut stages = vec![kind.to_owned()];
    let of = |name: &str| body.get(name).text();
    match kind {
        "OpportunityStatusUpdate" => stages.extend(of("status")),
        "OpportunityStageUpdate" => stages.extend(of("pipelineStageId")),
        "OpportunityCreate" => stages.extend(of("status").into_iter().chain(of("pipelineStageId"))),
        _ => {}
    }
    let contact = record.first(&["contactId"]).text().or_else(|| body.at(&["contactDetails", "id"]).text());
    let contact = if kind.starts_with("Contact") { record.get("id").text() } else { contact };
    // When the record was made it says itself; when it was changed, the delivery.
    let added = record.get("dateAdded");
    let is_added = kind.ends_with("Create") && !added.is_blank();
    let time = if is_added { added } else { body.get("timestamp") };
    let parts = Parts { id: record.first(&["id", "_id"]).text(), contact, time };
    read(own, stages, &parts, |draft| {
        for person in [body, body.get("contactDetails"), body.get("contactSnapshot")] {
            who(person, draft);
        }
        for field in record.get("customFields").items() {
            let name = field.get("id").text().unwrap_or_default();
            own.fields.put(&name, field.first(&["value", "fieldValue"]), draft)?;
        }
        attribution(body.get("attributionSource"), draft);
        worth(own, body, &["amountPaid", "amount", "monetaryValue"], draft)
    })
}

/// A request of a workflow: the contact flat, what it is about beside it, own fields by their labels.
pub(super) fn workflow(own: &GoHighLevel, body: &Node<'_>) -> Reading {
    let custom = body.get("customData");
    let contact = body.get("contact_id").text();
    let booking = body.at(&["calendar", "appointmentId"]).text();
    let opportunity =
        body.get("id").text().filter(|_| !body.first(&["pipeline_id", "opportunity_name"]).is_blank());
    let (kind, id) = match (&opportunity, &booking) {
        (Some(_), _) => ("OpportunityCreate", opportunity.clone()),
        (None, Some(_)) => ("AppointmentCreate", booking.clone()),
        (None, None) => ("ContactCreate", contact.clone()),
    };
    // The name has been misspelt by HighLevel for years.
    let stage =
        ["status", "pipeline_stage", "pipleline_stage"].into_iter().filter_map(|name| body.get(name).text());
    let mut stages: Vec<String> = stage.filter(|_| opportunity.is_some()).collect();
    stages.push(kind.to_owned());
    let parts = Parts { id, contact, time: &Node::Nothing };
    let said = EventName::said(custom.get("event"));
    let told = |draft: &mut Draft| {
        who(body, draft);
        // What is taken first stays: the visit that led here goes before the first one of all.
        attribution(body.at(&["contact", "lastAttributionSource"]), draft);
        attribution(body.at(&["contact", "attributionSource"]), draft);
        worth(own, body, &["lead_value", "monetary_value"], draft)?;
        own.fields.put_all(body, draft)?;
        own.fields.put_all(custom, draft)
    };
    match said {
        Ok(Some(name)) => one(own, &name, &parts, told),
        Ok(None) => read(own, stages, &parts, told),
        Err(why) => Reading { refused: vec![why], ..Reading::default() },
    }
}

/// What an event hangs on.
struct Parts<'r, 'a> {
    id: Option<String>,
    contact: Option<String>,
    time: &'r Node<'a>,
}

/// The first event that is set for one of the stages.
fn read(
    own: &GoHighLevel,
    stages: Vec<String>,
    parts: &Parts<'_, '_>,
    fill: impl FnOnce(&mut Draft) -> Result<(), &'static str>,
) -> Reading {
    match own.events.event(stages.iter().map(String::as_str)) {
        Some(name) => one(own, name, parts, fill),
        None => Reading::ignored(UNMAPPED),
    }
}

fn one(
    own: &GoHighLevel,
    name: &str,
    parts: &Parts<'_, '_>,
    fill: impl FnOnce(&mut Draft) -> Result<(), &'static str>,
) -> Reading {
    let refused = |why| Reading { refused: vec![why], ..Reading::default() };
    let Some(id) = &parts.id else { return refused(NO_ID) };
    let time = Manner::default().time(parts.time).ok().flatten();
    let mut found = Found::about(name, &format!("gohighlevel-{}-{id}", own.location), time);
    found.draft.source = Some(Source::Crm);
    if let Some(contact) = &parts.contact {
        found.draft.tokens.insert("gohighlevel_contact".to_owned(), contact.clone());
    }
    match fill(&mut found.draft) {
        Ok(()) => Reading::one(found.finished()),
        Err(why) => refused(why),
    }
}

fn worth(
    own: &GoHighLevel,
    body: &Node<'_>,
    amounts: &[&str],
    draft: &mut Draft,
) -> Result<(), &'static str> {
    draft.properties.value = Manner::default().amount(body.first(amounts))?;
    let currency = body.get("currency").text().and_then(|code| Currency::parse(&code));
    draft.properties.currency = currency.or(own.currency);
    Ok(())
}

/// The person, by the names apps and workflows have for it.
fn who(person: &Node<'_>, draft: &mut Draft) {
    for (field, name) in PERSON {
        draft.user.take(field, person.get(name).personal());
    }
    if person.first(&["lastName", "last_name"]).is_blank() {
        draft.user.take_name(person.get("full_name").personal());
    }
}

const PERSON: [(Field, &str); 15] = [
    (Field::Email, "email"),
    (Field::Phone, "phone"),
    (Field::Phone, "phoneNo"),
    (Field::FirstName, "firstName"),
    (Field::FirstName, "first_name"),
    (Field::LastName, "lastName"),
    (Field::LastName, "last_name"),
    (Field::Street, "address1"),
    (Field::City, "city"),
    (Field::Region, "state"),
    (Field::PostalCode, "postalCode"),
    (Field::PostalCode, "postal_code"),
    (Field::Country, "country"),
    (Field::BirthDate, "dateOfBirth"),
    (Field::BirthDate, "date_of_birth"),
];

/// How the contact came, as HighLevel's own forms noted it.
fn attribution(source: &Node<'_>, draft: &mut Draft) {
    if let Some(url) = source.get("url").text() {
        carried::landing(&url, None, draft);
    }
    for (name, node) in source.pairs() {
        let Some(text) = node.text() else { continue };
        match name.strip_prefix("utm") {
            Some(utm) => carried::campaign_field(&utm.to_ascii_lowercase(), &text, draft),
            None => carried::field(name, &text, draft),
        }
    }
}

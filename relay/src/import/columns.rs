//! A table's headings as fields of the event.
//!
//! A heading is a path of the public event JSON (`user.email`, `properties.value`, `click_ids.gclid`) or one of the
//! names people use for them. A heading nobody knows stops the import before it begins: a misspelt column would
//! otherwise be lost without a word.

use serde_json::{Map, Value};
use shared::click_id;
use shared::identity::Field;

/// Where a column's cells go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A member of the event.
    Top(&'static str),
    /// A member of a member.
    Within(&'static str, String),
    /// Nowhere.
    Ignored,
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Columns(Vec<Place>);

/// Headings that are not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// Some that nobody knows.
    #[error(
        "unknown columns: {}; name them as in the event, such as `properties.NAME`, or leave them out with --ignore NAME",
        .0.join(", ")
    )]
    Unknown(Vec<String>),
    /// Two for one field.
    #[error("two columns for `{0}`; leave one out with --ignore")]
    Twice(String),
    /// No time.
    #[error("no column `time`: a past conversion needs the time it happened")]
    NoTime,
}

impl Columns {
    /// Reads the headings, but for those that are to be ignored.
    pub(super) fn read<'a>(
        headings: impl Iterator<Item = &'a str>,
        ignored: &[String],
    ) -> Result<Self, ColumnsError> {
        let (mut places, mut unknown) = (Vec::new(), Vec::new());
        for heading in headings {
            let ignore = ignored.iter().any(|name| name == heading.trim());
            match if ignore { Some(Place::Ignored) } else { place(heading) } {
                Some(place) if place != Place::Ignored && places.contains(&place) => {
                    return Err(ColumnsError::Twice(heading.trim().to_owned()));
                }
                Some(place) => places.push(place),
                None => unknown.push(heading.trim().to_owned()),
            }
        }
        if !unknown.is_empty() {
            return Err(ColumnsError::Unknown(unknown));
        }
        if !places.contains(&Place::Top("time")) {
            return Err(ColumnsError::NoTime);
        }
        Ok(Self(places))
    }

    /// How many headings there are.
    pub(super) fn headings(&self) -> usize {
        self.0.len()
    }

    /// How many cells a row has. Empty ones beyond the last heading, which spreadsheets leave behind, do not count.
    pub(super) fn cells<'a>(&self, cells: impl Iterator<Item = &'a str>) -> usize {
        let counts = |(place, cell): &(usize, &str)| *place < self.headings() || !cell.trim().is_empty();
        cells.enumerate().filter(counts).map(|(place, _)| place + 1).max().unwrap_or(0)
    }

    /// A row, as long as the headings, as the event's JSON. Empty cells are left out.
    pub(super) fn event<'a>(&self, cells: impl Iterator<Item = &'a str>) -> Value {
        let mut event = Map::new();
        for (place, cell) in self.0.iter().zip(cells) {
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            match place {
                Place::Ignored => {}
                Place::Top(name) => drop(event.insert((*name).to_owned(), value(name, cell))),
                Place::Within(group, name) => {
                    let within = event.entry(*group).or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(within) = within {
                        within.insert(name.clone(), value(name, cell));
                    }
                }
            }
        }
        Value::Object(event)
    }
}

/// A cell's value. Amounts stay text, which the event's reader takes for numbers; a time may be a number of
/// milliseconds; items are a list in JSON.
fn value(name: &str, cell: &str) -> Value {
    match name {
        "time" => cell.parse::<i64>().map_or_else(|_| cell.into(), Value::from),
        "items" => serde_json::from_str(cell).unwrap_or_else(|_| cell.into()),
        _ => cell.into(),
    }
}

/// Groups of an event that a path may begin with.
const GROUPS: [&str; 9] =
    ["user", "properties", "click_ids", "cookies", "context", "page", "campaign", "consent", "tokens"];
/// Members of an event that are no group.
const TOP: [&str; 5] = ["event", "event_id", "time", "source", "visitor_id"];
/// Names people use, and what they mean.
const ALIASES: &[(&str, &str)] = &[
    ("event_name", "event"),
    ("conversion_name", "event"),
    ("event_time", "time"),
    ("conversion_time", "time"),
    ("timestamp", "time"),
    ("at_vid", "visitor_id"),
    ("transaction_id", "properties.order_id"),
    ("conversion_value", "properties.value"),
    ("revenue", "properties.value"),
    ("amount", "properties.value"),
    ("conversion_currency", "properties.currency"),
    ("e-mail", "user.email"),
    ("e_mail", "user.email"),
    ("email_address", "user.email"),
    ("phone_number", "user.phone"),
    ("mobile", "user.phone"),
    ("firstname", "user.first_name"),
    ("lastname", "user.last_name"),
    ("zip", "user.postal_code"),
    ("zip_code", "user.postal_code"),
    ("postcode", "user.postal_code"),
    ("state", "user.region"),
    ("ip", "context.ip"),
    ("ip_address", "context.ip"),
    ("user_agent", "context.user_agent"),
    ("url", "page.url"),
    ("google_click_id", "click_ids.gclid"),
];
/// Properties that need no path.
const PROPERTIES: [&str; 8] =
    ["value", "currency", "order_id", "search_term", "coupon", "tax", "shipping", "items"];

fn place(heading: &str) -> Option<Place> {
    let heading = heading.trim().trim_start_matches('\u{feff}');
    let name = heading.to_ascii_lowercase().replace(' ', "_");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, path)| *path);
    if let Some((group, member)) = alias.unwrap_or(&name).split_once('.') {
        let group = GROUPS.into_iter().find(|known| *known == group)?;
        // The name of a property is the site's own and keeps its case.
        let own =
            if alias.is_some() { member } else { heading.split_once('.').map_or(member, |(_, own)| own) };
        return Some(Place::Within(group, own.to_owned()));
    }
    let name = alias.unwrap_or(&name);
    if let Some(top) = TOP.into_iter().find(|top| *top == name) {
        return Some(Place::Top(top));
    }
    let within = |group| Some(Place::Within(group, name.to_owned()));
    if PROPERTIES.contains(&name) {
        within("properties")
    } else if Field::named(name).is_some() {
        within("user")
    } else if click_id::REGISTRY.iter().any(|spec| spec.param == name) {
        within("click_ids")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_becomes_the_events_json() {
        let check = |headings: &str, row: &str, expected: Value| {
            let columns = Columns::read(headings.split(','), &["note".to_owned()]).expect("understood");
            assert_eq!(columns.event(row.split(',')), expected, "{headings}");
        };
        check(
            "\u{feff}Event Name,Timestamp,Email,Value,Currency,GCLID,note,properties.Plan",
            "Purchase,2026-11-20T10:00:00Z, jo@example.com ,59.90,EUR,Cj0K,whatever,Gold",
            json!({ "event": "Purchase", "time": "2026-11-20T10:00:00Z", "user": { "email": "jo@example.com" },
                    "properties": { "value": "59.90", "currency": "EUR", "Plan": "Gold" },
                    "click_ids": { "gclid": "Cj0K" } }),
        );
        check(
            "time,event,order_id,phone",
            "1795183509123,Lead,,",
            json!({ "time": 1_795_183_509_123_i64, "event": "Lead" }),
        );
    }

    #[test]
    fn headings_nobody_knows_stop_the_import() {
        let check = |headings: &str, expected: ColumnsError| {
            assert_eq!(Columns::read(headings.split(','), &[]).expect_err("refused"), expected, "{headings}");
        };
        check("time,event,emial,x.y", ColumnsError::Unknown(vec!["emial".to_owned(), "x.y".to_owned()]));
        check("time,event,email,E-Mail", ColumnsError::Twice("E-Mail".to_owned()));
        check("event,email", ColumnsError::NoTime);
    }
}

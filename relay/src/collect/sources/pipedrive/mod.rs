//! Pipedrive: deals that are won, lost or move on, and new people, deals and leads.
//!
//! pipedrive.readme.io, "Guide for Webhooks v2", "Webhooks v2 migration guide" and "Webhooks for apps" (read 2026-11-23).
//! There is no signature; a name and password of HTTP Basic, chosen when the webhook is made, say who sends. A first try that
//! fails counts towards a ban of the address (ten of them, half an hour), so what trying again does not mend is answered 200.
//! Both versions of the payload are read: v1 has `current` and the whole former record, v2 `data` and what changed.

mod change;

use serde::Deserialize;

use super::fields::Fields;
use super::reading::{Denied, Reading, Unreadable};
use super::stages::Stages;
use super::tree::Node;
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, login, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Pipedrive in the registry.
pub const KIND: Kind = Kind { name: "pipedrive", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 4] = [
    Key::required("user", "HTTP Auth username of the webhook"),
    Key::required("password", "HTTP Auth password of the webhook; secret"),
    Key::optional(
        "events",
        "our event by status (`won`, `lost`, `open`), by number of a stage (`\"7\"`), or by `person.create`, `person.change`, \
         `deal.create`, `lead.create`; default `{ won = \"Purchase\", \"person.create\" = \"Lead\" }`",
    ),
    Key::optional(
        "fields",
        "what your own fields are, by the 40 characters of their API key: `{ 5f3c… = \"visitor_id\" }`",
    ),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pipedrive {
    user: String,
    password: Secret,
    #[serde(default = "events")]
    events: Stages,
    #[serde(default)]
    fields: Fields,
}

fn events() -> Stages {
    Stages::of(&[("won", "Purchase"), ("person.create", "Lead")])
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Pipedrive = own.read()?;
    if own.user.contains(':') {
        return Err(SettingError::invalid("user", "expected a name without a colon"));
    }
    settings::said("user", &own.user, "expected the name typed into the webhook")?;
    settings::filled("password", &own.password)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

impl Source for Pipedrive {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        login::basic(request, &self.user, &self.password, "password")
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let body = Node::read(request.body)?;
        if body.get("meta").is_nothing() {
            return Err(Unreadable::Missing { field: "meta" });
        }
        Ok(change::read(self, &body))
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

#[cfg(test)]
mod tests;

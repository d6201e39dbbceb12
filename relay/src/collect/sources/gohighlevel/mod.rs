//! GoHighLevel (HighLevel): contacts, opportunities, appointments, invoices and orders, from an app's webhooks and from
//! the webhook actions of workflows.
//!
//! GoHighLevel/highlevel-api-docs, "webhook events", and the marketplace's "Webhook integration guide" (read 2026-11-23). An
//! app's delivery is signed with HighLevel's one Ed25519 key, which proves HighLevel but no account: so the location is held
//! against the settings. The RSA signature before it was switched off on 2026-07-01 and is not read. A workflow signs nothing;
//! there a token in a header says who sends.
//!
//! Only 429 is tried again, six times within some 70 minutes; any 5xx is final. So a store that cannot write answers 429.

mod record;

use http::StatusCode;
use serde::Deserialize;
use shared::money::Currency;
use shared::time::HOUR_MS;

use super::fields::Fields;
use super::manner::Manner;
use super::reading::{Denied, Reading, Unreadable};
use super::signature::{ed25519_key, fresh, is_ed25519_of};
use super::stages::Stages;
use super::tree::Node;
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, login, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// GoHighLevel in the registry.
pub const KIND: Kind = Kind { name: "gohighlevel", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 7] = [
    Key::required("location", "id of the location (sub-account) whose events count"),
    Key::optional(
        "token",
        "token that workflows send as `Authorization: Bearer …`; none: only signed requests count; secret",
    ),
    Key::optional(
        "public_key",
        "HighLevel's key, in base64, should it be replaced; default: the key of 2026",
    ),
    Key::optional(
        "events",
        "our event by status of an opportunity (`won`), by id or name of a stage, or by type (`ContactCreate`, \
         `OpportunityCreate`, `AppointmentCreate`, `InvoicePaid`, `OrderStatusUpdate`); default `{ won = \"Purchase\", \
         ContactCreate = \"Lead\", AppointmentCreate = \"Schedule\" }`",
    ),
    Key::optional(
        "fields",
        "what your own fields are, by id (apps) or label (workflows): `{ \"Ad click\" = \"gclid\" }`",
    ),
    Key::optional("currency", "currency of opportunities, which have none; no default"),
    Key::optional("test_orders", "true: invoices and orders of test mode count; default false"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoHighLevel {
    location: String,
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default = "highlevel")]
    public_key: String,
    #[serde(default = "events")]
    events: Stages,
    #[serde(default)]
    fields: Fields,
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    test_orders: bool,
}

/// Ready to judge.
#[derive(Debug)]
struct Ready {
    own: GoHighLevel,
    key: [u8; 32],
}

fn highlevel() -> String {
    "MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=".to_owned()
}

fn events() -> Stages {
    Stages::of(&[("won", "Purchase"), ("ContactCreate", "Lead"), ("AppointmentCreate", "Schedule")])
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: GoHighLevel = own.read()?;
    settings::said("location", &own.location, "expected the id of a location")?;
    if let Some(token) = &own.token {
        settings::filled("token", token)?;
    }
    let key = ed25519_key(&own.public_key).ok_or_else(|| {
        SettingError::invalid("public_key", "expected an Ed25519 key in base64, such as `MCowBQYDK2VwAyEA…`")
    })?;
    Ok(Box::new(Ready { own, key }))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const SIGNATURE: &str = "X-GHL-Signature";
/// How old a signed delivery may be, in seconds: a last repeat comes some 70 minutes after the first try.
const TOLERANCE_SECONDS: u64 = 2 * (HOUR_MS / 1000).unsigned_abs();

impl Source for Ready {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        let Some(sent) = request.header(SIGNATURE) else {
            let token = self.own.token.as_ref().ok_or(Denied::Unsigned { header: SIGNATURE })?;
            return login::bearer(request, token, "token");
        };
        if !is_ed25519_of(sent, &self.key, request.body) {
            return Err(Denied::WrongSignature { key: "public_key" });
        }
        // What is signed is HighLevel's, so it may be looked into; of whom and of when it is, is still open.
        let stranger = Denied::Stranger { key: "location" };
        let body = Node::read(request.body).map_err(|_| stranger.clone())?;
        if body.get("locationId").text().is_none_or(|location| location != self.own.location) {
            return Err(stranger);
        }
        match body.get("timestamp") {
            Node::Nothing => Ok(()),
            sent => fresh(Manner::default().time(sent).ok().flatten(), request.now, TOLERANCE_SECONDS),
        }
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let body = Node::read(request.body)?;
        // A contact may have a type of its own, so the type alone does not make a workflow an app.
        match body.get("type").text() {
            Some(kind) if !body.get("locationId").is_nothing() => Ok(record::app(&self.own, &kind, &body)),
            Some(_) | None => Ok(record::workflow(&self.own, &body)),
        }
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        match settled {
            Settled::CannotStore { seconds } => Answer::later(StatusCode::TOO_MANY_REQUESTS, *seconds),
            Settled::Stored
            | Settled::Ignored
            | Settled::Denied(_)
            | Settled::Unreadable(_)
            | Settled::Refused
            | Settled::TooOften { .. } => Answer::forgiving(settled),
        }
    }
}

#[cfg(test)]
mod tests;

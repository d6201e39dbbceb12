//! HubSpot: stages of deals and contacts, from workflows ("Send a webhook") and from an app's webhooks.
//!
//! developers.hubspot.com, "Validating requests" (v3) and "Webhooks API"; knowledge.hubspot.com, "Use webhooks in
//! workflows" (read 2026-11-23). Both are signed with the app's client secret over method, address, body and time. An
//! app's deliveries are lists of up to 100 events that name an object and a property, and hold neither person nor amount but where
//! these properties are among them; a workflow sends the record itself. Deliveries that fail are repeated for a day (apps) or three
//! (workflows).

mod record;

use std::collections::BTreeSet;

use serde::Deserialize;
use shared::UnixMs;

use super::fields::Fields;
use super::reading::{Denied, Reading, Unreadable};
use super::signature::{self, hmac_sha256, is_base64_of, is_hex_of};
use super::stages::Stages;
use super::tree::Node;
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use shared::money::Currency;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// HubSpot in the registry.
pub const KIND: Kind = Kind { name: "hubspot", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 6] = [
    Key::required("secret", "client secret of the app that signs the requests; secret"),
    Key::optional(
        "signature",
        "`v3` (default), or `v2`, which has no time in it: replays are caught by ids only",
    ),
    Key::optional(
        "events",
        "our event by stage (`closedwon`), by `contact.creation`, `deal.creation` or `contact.propertyChange`; \
         default `{ closedwon = \"Purchase\", \"contact.creation\" = \"Lead\" }`",
    ),
    Key::optional(
        "stages",
        "properties whose values are stages; default `[\"dealstage\", \"lifecyclestage\"]`",
    ),
    Key::optional("fields", "what your own properties are: `{ order_number = \"order_id\" }`"),
    Key::optional("currency", "currency of amounts where the deal has none of its own; no default"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hubspot {
    secret: Secret,
    #[serde(default)]
    signature: Version,
    #[serde(default = "events")]
    events: Stages,
    #[serde(default = "stages")]
    stages: Vec<String>,
    #[serde(default)]
    fields: Fields,
    #[serde(default)]
    currency: Option<Currency>,
}

/// Which of HubSpot's signatures counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Version {
    /// With the time of sending.
    #[default]
    V3,
    /// Without.
    V2,
}

fn events() -> Stages {
    Stages::of(&[("closedwon", "Purchase"), ("contact.creation", "Lead")])
}

fn stages() -> Vec<String> {
    vec!["dealstage".to_owned(), "lifecyclestage".to_owned()]
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Hubspot = own.read()?;
    settings::filled("secret", &own.secret)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const V3: &str = "X-HubSpot-Signature-v3";
const V2: &str = "X-HubSpot-Signature";
const TIME: &str = "X-HubSpot-Request-Timestamp";
/// How old a signature may be, in seconds.
const TOLERANCE_SECONDS: u64 = 300;

impl Source for Hubspot {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        let uri = format!("{}{}", request.origin, request.target);
        let (method, wrong) = (request.method.as_str().as_bytes(), Denied::WrongSignature { key: "secret" });
        match self.signature {
            Version::V3 => {
                let sent = request.header(V3).ok_or(Denied::Unsigned { header: V3 })?;
                let time = request.header(TIME).ok_or(Denied::Unsigned { header: TIME })?;
                let uri = decoded(&uri);
                let parts = [method, uri.as_bytes(), request.body, time.as_bytes()];
                if !is_base64_of(sent, &hmac_sha256(&self.secret, &parts)) {
                    return Err(wrong);
                }
                signature::fresh(time.parse().ok().map(UnixMs), request.now, TOLERANCE_SECONDS)
            }
            Version::V2 => {
                let sent = request.header(V2).ok_or(Denied::Unsigned { header: V2 })?;
                let expected = signature::sha256(&self.secret, &[method, uri.as_bytes(), request.body]);
                if is_hex_of(sent, &expected) { Ok(()) } else { Err(wrong) }
            }
        }
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let body = Node::read(request.body)?;
        let changes = match &body {
            Node::List(changes) => changes.as_slice(),
            Node::Nothing | Node::Leaf(_) | Node::Table(_) => return Ok(record::workflow(self, &body)),
        };
        let mut reading = Reading::default();
        let (told, mut ids) = (record::told(changes), BTreeSet::new());
        for change in changes {
            match record::change(self, change, &told) {
                // Several changes may be one event of ours.
                Ok(Some(found)) if !ids.insert(found.draft.event_id.clone()) => {}
                Ok(Some(found)) => reading.events.push(found),
                Ok(None) => reading.ignored = Some(record::UNMAPPED),
                Err(why) => reading.refused.push(why),
            }
        }
        Ok(reading)
    }

    /// An app's deliveries are repeated after any failure, so what trying again does not mend is answered 200.
    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

/// The address as HubSpot signs it: these escapes, and only these, are taken back.
fn decoded(uri: &str) -> String {
    let mut text = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let code = after.get(..2).unwrap_or_default();
        let plain = ESCAPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code));
        match plain {
            Some((_, plain)) => text.push(*plain),
            None => text.push('%'),
        }
        rest = if plain.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    text.push_str(rest);
    text
}

const ESCAPES: [(&str, char); 12] = [
    ("3A", ':'),
    ("2F", '/'),
    ("3F", '?'),
    ("40", '@'),
    ("21", '!'),
    ("24", '$'),
    ("27", '\''),
    ("28", '('),
    ("29", ')'),
    ("2A", '*'),
    ("2C", ','),
    ("3B", ';'),
];

#[cfg(test)]
mod tests;

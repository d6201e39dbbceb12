//! ClickBank: sales, rebills and refunds from its Instant Notification Service, of versions 6 to 8.
//!
//! The knowledge base, "Instant Notification Service" (read 2026-11-23). A notification is encrypted with a key made of the
//! account's secret key, and that is all that proves where it comes from: there is no signature and no time. Repeats are
//! caught by receipts. ClickBank repeats what is not answered 2xx and warns the account's owner.

mod cipher;
mod notification;

use http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::allowed::AllowedIps;
use super::json::{self, Maybe, Text};
use super::reading::{Denied, Reading, Unreadable};
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use notification::Notification;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// ClickBank in the registry.
pub const KIND: Kind = Kind { name: "clickbank", door: Door::Postback, keys: &KEYS, configure };

const KEYS: [Key; 6] = [
    Key::required("secret", "the secret key of the account's Advanced Tools; secret"),
    Key::optional("value", "`account` (default): what your account earns; `order`: what the buyer paid"),
    Key::optional("renewal_event", "the event a rebill is; default `Subscribe`"),
    Key::optional(
        "abandoned_event",
        "the event an abandoned order is, such as `InitiateCheckout`; default: none",
    ),
    Key::optional("test_orders", "true: test sales count; default false"),
    Key::optional("allowed_ips", "addresses and networks the sender sends from; default: any"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClickBank {
    secret: Secret,
    #[serde(default)]
    value: ValueOf,
    #[serde(default = "settings::subscribe")]
    renewal_event: String,
    #[serde(default)]
    abandoned_event: Option<String>,
    #[serde(default)]
    test_orders: bool,
    #[serde(default)]
    allowed_ips: AllowedIps,
}

/// Which amount is the event's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueOf {
    /// The account's part.
    #[default]
    Account,
    /// The whole.
    Order,
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let mut own: ClickBank = own.read()?;
    settings::filled("secret", &own.secret)?;
    own.secret = Secret::new(own.secret.expose().trim());
    settings::event_name("renewal_event", &own.renewal_event)?;
    if let Some(name) = &own.abandoned_event {
        settings::event_name("abandoned_event", name)?;
    }
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

/// What travels.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    notification: Maybe<Text>,
    iv: Maybe<Text>,
}

const EXPECTED: &str = "an encrypted notification, which proves who sent it; choose version 6 or later of the Instant Notification Service";

impl ClickBank {
    /// The notification's text, if the secret opens it. Something else than JSON comes out of a wrong key.
    fn opened(&self, envelope: &Envelope) -> Option<Zeroizing<Vec<u8>>> {
        let (text, iv) = (envelope.notification.text()?, envelope.iv.text()?);
        let opened = cipher::open(&self.secret, text, iv)?;
        let inner: Notification = json::object(&opened).ok()?;
        (inner.receipt.is_some() && inner.transaction_type.is_some()).then_some(opened)
    }
}

impl Source for ClickBank {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        self.allowed_ips.check(request)?;
        let envelope: Envelope =
            json::object(request.body).map_err(|_| Denied::Plain { expected: EXPECTED })?;
        if envelope.notification.is_none() || envelope.iv.is_none() {
            return Err(Denied::Plain { expected: EXPECTED });
        }
        self.opened(&envelope).map(|_| ()).ok_or(Denied::WrongSignature { key: "secret" })
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let envelope: Envelope = json::object(request.body)?;
        if envelope.notification.is_none() {
            // Opened by hand, for a test without the secret.
            return notification::read(self, request.body);
        }
        let opened = self.opened(&envelope).ok_or(Unreadable::Body { expected: EXPECTED })?;
        notification::read(self, &opened)
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        match settled {
            // Not for a wrong password, but for a body that means nothing.
            Settled::Denied(why) => Answer::new(StatusCode::BAD_REQUEST, why.to_string()),
            Settled::Stored
            | Settled::Ignored
            | Settled::Unreadable(_)
            | Settled::Refused
            | Settled::TooOften { .. }
            | Settled::CannotStore { .. } => Answer::forgiving(settled),
        }
    }
}

#[cfg(test)]
mod tests;

//! Digistore24: a vendor's sales, rebills, refunds and chargebacks from its Instant Payment Notification (IPN).
//!
//! dev.digistore24.com, "Quick Integration Guide", and the receiver it offers for download (read 2026-11-23). A notification
//! is a form, signed with a passphrase; it holds no time that names its zone, so events happen when they arrive, and a repeat
//! is caught by its ids. Anything but 200 and the body `OK` is repeated. There is one notification for each item of an
//! order. Affiliates, who have no passphrase, use `kind = "postback"`.

mod notification;
mod signature;

use serde::Deserialize;

use super::allowed::AllowedIps;
use super::reading::{Denied, Reading, Unreadable};
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use notification::Notification;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Digistore24 in the registry.
pub const KIND: Kind = Kind { name: "digistore24", door: Door::Postback, keys: &KEYS, configure };

const KEYS: [Key; 6] = [
    Key::required("secret", "the passphrase typed into the IPN connection; secret"),
    Key::optional("value", "`gross` (default) or `net`: the order's amount with or without tax"),
    Key::optional(
        "order_id",
        "`item` (default): order and product; `order`: the order's number, as your pages report it",
    ),
    Key::optional("renewal_event", "the event a later payment is; default `Subscribe`"),
    Key::optional("test_orders", "true: test payments count; default false"),
    Key::optional("allowed_ips", "addresses and networks the sender sends from; default: any"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digistore24 {
    secret: Secret,
    #[serde(default)]
    value: ValueOf,
    #[serde(default)]
    order_id: OrderId,
    #[serde(default = "settings::subscribe")]
    renewal_event: String,
    #[serde(default)]
    test_orders: bool,
    #[serde(default)]
    allowed_ips: AllowedIps,
}

/// Which amount is the event's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueOf {
    /// With tax.
    #[default]
    Gross,
    /// Without.
    Net,
}

/// What an order is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrderId {
    /// Each item by itself, as it is notified.
    #[default]
    Item,
    /// The order: the first item's notification counts, and it is one with a page's copy.
    Order,
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Digistore24 = own.read()?;
    settings::filled("secret", &own.secret)?;
    settings::event_name("renewal_event", &own.renewal_event)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

impl Source for Digistore24 {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        self.allowed_ips.check(request)?;
        signature::check(&self.secret, request)
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        notification::read(self, &Notification::of(request))
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

#[cfg(test)]
mod tests;

//! WooCommerce: orders with their refunds, and accounts, from a shop's webhooks.
//!
//! The class `WC_Webhook` of woocommerce/woocommerce and woocommerce.com/document/webhooks (read 2026-11-23). A delivery is signed
//! over its raw body; there is no time in the signature and the delivery id is new at every attempt, so a repeat is
//! caught by the ids of the events. A failed delivery is not repeated, and after more than five failures in a row the
//! webhook is disabled, so whatever trying again does not mend is answered 200.
//!
//! `order.updated` comes at every change of an order and always holds all of it, so each delivery reports the purchase and
//! all refunds anew, under the ids they had before.

mod order;
mod payload;

use serde::Deserialize;

use super::reading::{Denied, Reading, Unreadable};
use super::signature::{hmac_sha256, is_base64_of};
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, json, settings};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use payload::Order;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// WooCommerce in the registry.
pub const KIND: Kind = Kind { name: "woocommerce", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 6] = [
    // Where none is typed, WooCommerce draws 50 characters with `wp_generate_password( 50, true, true )`, and the blank is one of
    // those (`WC_Admin_Webhooks::save` of woocommerce/woocommerce and WordPress' `pluggable.php`, read 2026-11-28).
    Key::required("secret", "the secret of the webhook as it was typed; secret").with_blanks(),
    Key::optional("statuses", "order states that are a purchase; default `[\"processing\", \"completed\"]`"),
    Key::optional("order_id", "`id` (default) or `number`: what your pages report as `order_id`"),
    Key::optional(
        "item_id",
        "`variation_id` (default; the product's where there is none), `product_id` or `sku`",
    ),
    Key::optional("renewal_event", "the event a subscription's renewal order is; default `Subscribe`"),
    Key::optional("registrations", "true: a new customer is a CompleteRegistration; default false"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WooCommerce {
    secret: Secret,
    #[serde(default = "paid")]
    statuses: Vec<String>,
    #[serde(default)]
    order_id: OrderId,
    #[serde(default)]
    item_id: ItemId,
    #[serde(default = "settings::subscribe")]
    renewal_event: String,
    #[serde(default)]
    registrations: bool,
}

/// Which of an order's two names is its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrderId {
    /// WordPress' own.
    #[default]
    Id,
    /// The one customers see; plugins make it differ.
    Number,
}

/// What an item is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ItemId {
    /// One size or colour of a product.
    #[default]
    VariationId,
    /// The product.
    ProductId,
    /// The stock-keeping unit.
    Sku,
}

fn paid() -> Vec<String> {
    ["processing", "completed"].map(str::to_owned).to_vec()
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let mut own: WooCommerce = own.read()?;
    // WordPress' own tables and many a plugin's page write a state as `wc-completed`; the webhook does without.
    for status in &mut own.statuses {
        *status = status.trim().trim_start_matches("wc-").to_owned();
    }
    settings::filled("secret", &own.secret)?;
    settings::event_name("renewal_event", &own.renewal_event)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const SIGNATURE: &str = "X-WC-Webhook-Signature";
const TOPIC: &str = "X-WC-Webhook-Topic";

/// Saving a webhook sends a form of one number, unsigned, and wants exactly 200 for it.
fn is_ping(body: &[u8]) -> bool {
    let number = body.strip_prefix(b"webhook_id=").unwrap_or_default();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

impl Source for WooCommerce {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        if is_ping(request.body) {
            return Ok(());
        }
        let sent = request.header(SIGNATURE).ok_or(Denied::Unsigned { header: SIGNATURE })?;
        let expected = hmac_sha256(&self.secret, &[request.body]);
        if is_base64_of(sent, &expected) { Ok(()) } else { Err(Denied::WrongSignature { key: "secret" }) }
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        if is_ping(request.body) {
            return Ok(Reading::ignored("the ping of a new webhook"));
        }
        match request.header(TOPIC).ok_or(Unreadable::Missing { field: TOPIC })? {
            "order.created" | "order.updated" | "order.restored" => self.order(request.body),
            "customer.created" if self.registrations => {
                Ok(Reading::one(order::registration(json::object(request.body)?)?))
            }
            "customer.created" => Ok(Reading::ignored("`registrations` is off")),
            _ => Ok(Reading::ignored("no event comes from this topic")),
        }
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

// ── Topics ─────────────────────────────────────────────────────────────────────────────────────────────────

impl WooCommerce {
    fn order(&self, body: &[u8]) -> Result<Reading, Unreadable> {
        let order: Order = json::object(body)?;
        let status = order.status.text().unwrap_or_default();
        let counts = |status: &str| self.statuses.iter().any(|known| known == status);
        // What was given back in whole was bought before, if it had come as far as to count.
        let got_there = order.date_paid_gmt.is_some() && counts("processing")
            || order.date_completed_gmt.is_some() && counts("completed");
        let bought = counts(status) || status == "refunded" && got_there;
        // It counted on its way here: cash on delivery that was never paid, or a plugin's state such as `shipped`.
        let past = status == "refunded" || counts("processing") && !BEFORE_PURCHASE.contains(&status);
        let id = order::id(self, &order)?;
        let mut refunds = if bought || past { order::refunds(&id, &order) } else { Vec::new() };
        for refund in &mut refunds {
            // Platforms that found the order by its buyer find it again by nothing else. Personal data is never copied, so it
            // is read once more.
            refund.draft.user = order::buyer(&mut json::object(body)?);
        }
        // Money that was paid and is given back is a refund of its own; of what was never paid nobody tells but the state.
        let called_off = status == CALLED_OFF && !bought && order.date_paid_gmt.is_none();
        let mut reading = match (bought, called_off) {
            (true, _) => Reading::one(order::purchase(self, &id, order)),
            (false, true) => Reading::one(order::cancellation(self, &id, order)),
            (false, false) if refunds.is_empty() => {
                return Ok(Reading::ignored("the order is in none of `statuses`"));
            }
            (false, false) => Reading::default(),
        };
        reading.events.extend(refunds);
        Ok(reading)
    }
}

/// The state of an order that will not be carried out.
const CALLED_OFF: &str = "cancelled";

/// States in which an order waits to be paid.
const BEFORE_PURCHASE: [&str; 4] = ["checkout-draft", "pending", "on-hold", "failed"];

#[cfg(test)]
mod tests;

//! Shopify: orders, refunds, checkouts and accounts from a shop's webhooks.
//!
//! shopify.dev, "Deliver webhooks through HTTPS", "Ignore duplicate webhooks" and the Admin REST resources (API version
//! 2026-10, read 2026-11-23). A delivery is signed over its raw body; there is no time in the signature, so a replay is caught by
//! the ids of the events. A delivery that is not answered 2xx within 5 s is repeated 8 times over 4 hours; after 8 failures
//! the subscription is deleted, so whatever trying again does not mend is answered 200.
//!
//! The topic stands in a header, which is not signed: what it claims is held against the body.

mod order;
mod payload;
mod person;
mod refund;

use serde::Deserialize;
use shared::Scalar;

use super::reading::{Denied, Reading, Unreadable};
use super::signature::{hmac_sha256, is_base64_of};
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, json, settings};
use crate::orders::ONLY_IF_REPORTED;
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use payload::{Account, Customer, Order, Refund};

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Shopify in the registry.
pub const KIND: Kind = Kind { name: "shopify", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 10] = [
    Key::required("shop", "the shop's name that ends in `.myshopify.com`, not your own domain"),
    Key::required(
        "secret",
        "signing secret of Settings → Notifications → Webhooks, or an app's client secret; secret",
    ),
    Key::optional(
        "previous_secret",
        "an app's former client secret while Shopify still signs with it; secret",
    ),
    Key::optional("purchase", "what counts as the purchase: `orders/paid` (default) or `orders/create`"),
    Key::optional("money", "`shop` (default): the shop's currency; `presentment`: the one the customer saw"),
    Key::optional(
        "item_id",
        "`variant_id` (default), `product_id` or `sku`: what the product catalogue goes by",
    ),
    Key::optional(
        "channels",
        "values of `source_name` whose orders count; default `[\"web\"]`; `pos` are store sales",
    ),
    Key::optional(
        "renewal_event",
        "the event a subscription's renewal order (`source_name` `subscription_contract…`) is; default `Subscribe`",
    ),
    Key::optional(
        "registrations",
        "true: a new customer is a CompleteRegistration, guests too; default false",
    ),
    Key::optional("test_orders", "true: test orders count; default false"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shopify {
    shop: String,
    secret: Secret,
    #[serde(default)]
    previous_secret: Option<Secret>,
    #[serde(default)]
    purchase: PurchaseAt,
    #[serde(default)]
    money: MoneyOf,
    #[serde(default)]
    item_id: ItemId,
    #[serde(default = "online_store")]
    channels: Vec<String>,
    #[serde(default = "settings::subscribe")]
    renewal_event: String,
    #[serde(default)]
    registrations: bool,
    #[serde(default)]
    test_orders: bool,
}

/// The topic that counts as the purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum PurchaseAt {
    /// Once it is paid.
    #[default]
    #[serde(rename = "orders/paid")]
    Paid,
    /// Once it is placed, paid or not.
    #[serde(rename = "orders/create")]
    Created,
}

/// Whose currency amounts are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MoneyOf {
    /// The shop's.
    #[default]
    Shop,
    /// The customer's.
    Presentment,
}

/// What an item is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ItemId {
    /// One size or colour of a product.
    #[default]
    VariantId,
    /// The product.
    ProductId,
    /// The stock-keeping unit the merchant chose.
    Sku,
}

fn online_store() -> Vec<String> {
    vec!["web".to_owned()]
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Shopify = own.read()?;
    let host =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    // Shopify names a shop by nothing else in its requests, so under another name each of them would be refused.
    let name = own.shop.to_ascii_lowercase();
    let name = name.strip_suffix(".myshopify.com").unwrap_or_default();
    if name.is_empty() || name.contains('.') || !host(name) {
        let expected = "expected the name that ends in `.myshopify.com`, such as `mug-shop.myshopify.com`, not your own domain";
        return Err(SettingError::invalid("shop", expected));
    }
    settings::filled("secret", &own.secret)?;
    if let Some(previous) = &own.previous_secret {
        settings::filled("previous_secret", previous)?;
    }
    settings::event_name("renewal_event", &own.renewal_event)?;
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const HMAC: &str = "hmac-sha256";
const SHOP: &str = "shop-domain";
const TOPIC: &str = "topic";
const TEST: &str = "test";

/// A header by its name without the prefix: webhooks use `X-Shopify-`, the newer events `Shopify-`.
fn header<'a>(request: &Inbound<'a>, name: &str) -> Option<&'a str> {
    let named = |prefix: &str| request.header(&format!("{prefix}{name}"));
    named("x-shopify-").or_else(|| named("shopify-"))
}

impl Source for Shopify {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        let sent = header(request, HMAC).ok_or(Denied::Unsigned { header: "X-Shopify-Hmac-Sha256" })?;
        let fits = |secret: &Secret| is_base64_of(sent, &hmac_sha256(secret, &[request.body]));
        if !fits(&self.secret) && !self.previous_secret.as_ref().is_some_and(fits) {
            return Err(Denied::WrongSignature { key: "secret" });
        }
        // An app signs for all its shops with one secret.
        let shop = header(request, SHOP).unwrap_or_default();
        if shop.eq_ignore_ascii_case(&self.shop) { Ok(()) } else { Err(Denied::Stranger { key: "shop" }) }
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let topic = header(request, TOPIC).ok_or(Unreadable::Missing { field: "X-Shopify-Topic" })?;
        if header(request, TEST) == Some("true") && !self.test_orders {
            return Ok(Reading::ignored("a test notification"));
        }
        match topic {
            "orders/create" | "orders/paid" => self.order(topic, json::object(request.body)?),
            "orders/cancelled" => self.cancellation(json::object(request.body)?),
            "refunds/create" => order::refund(self, &json::object::<Refund>(request.body)?),
            "checkouts/create" => self.checkout(json::object(request.body)?),
            "customers/create" if self.registrations => {
                let (account, customer): (Account, Customer) =
                    (json::object(request.body)?, json::object(request.body)?);
                Ok(Reading::one(order::registration(&account, customer)?))
            }
            "customers/create" => Ok(Reading::ignored("`registrations` is off")),
            _ => Ok(Reading::ignored("no event comes from this topic")),
        }
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

// ── Topics ─────────────────────────────────────────────────────────────────────────────────────────────────

impl Shopify {
    fn order(&self, topic: &str, order: Order) -> Result<Reading, Unreadable> {
        let counts = match self.purchase {
            PurchaseAt::Paid => topic == "orders/paid",
            PurchaseAt::Created => topic == "orders/create",
        };
        if !counts {
            return Ok(Reading::ignored("purchases are counted by the other topic; see `purchase`"));
        }
        let unpaid = order.financial_status.text().is_some_and(|status| UNPAID.contains(&status));
        if self.purchase == PurchaseAt::Paid && unpaid {
            return Ok(Reading::ignored("the order is not paid"));
        }
        match self.passed_over(&order) {
            Some(why) => Ok(Reading::ignored(why)),
            None => {
                let name: &str = if is_renewal(&order) { &self.renewal_event } else { "Purchase" };
                Ok(Reading::one(order::purchase(self, name, order)?))
            }
        }
    }

    fn checkout(&self, checkout: Order) -> Result<Reading, Unreadable> {
        // Not every checkout says where it began.
        match checkout.source_name.text().and(self.passed_over(&checkout)) {
            Some(why) => Ok(Reading::ignored(why)),
            None => Ok(Reading::one(order::checkout(self, checkout)?)),
        }
    }

    /// A cancelled order takes a purchase back only if it was counted before it was paid and never was: money that was
    /// paid and is given back comes as a refund of its own. Where orders count once they are paid, only a page may have counted
    /// this one: a pixel reports every order that is placed.
    fn cancellation(&self, order: Order) -> Result<Reading, Unreadable> {
        let unpaid = order.financial_status.text().is_some_and(|status| UNPAID.contains(&status));
        if !unpaid {
            return Ok(Reading::ignored("money given back is reported by refunds/create"));
        }
        match self.passed_over(&order) {
            Some(why) => Ok(Reading::ignored(why)),
            None => {
                let mut found = order::purchase(self, "Refund", order)?;
                if self.purchase == PurchaseAt::Paid {
                    found.draft.properties.custom.extend([self.only_if_reported()]);
                }
                Ok(Reading::one(found))
            }
        }
    }

    /// Why an order or checkout is none of ours.
    fn passed_over(&self, order: &Order) -> Option<&'static str> {
        if *order.test == Some(true) && !self.test_orders {
            return Some(TEST_ORDER);
        }
        let channel = order.source_name.text().unwrap_or_default();
        let ours = is_renewal(order) || self.channels.iter().any(|known| known == channel);
        (!ours).then_some("the order came through another channel; see `channels`")
    }

    /// For a refund of an order that may have been left out.
    fn only_if_reported(&self) -> (String, Scalar) {
        (ONLY_IF_REPORTED.to_owned(), Scalar::Text(self.renewal_event.clone()))
    }
}

/// Whether a subscription brought the order by itself. Its first order is bought like any other, in the channel `web`.
fn is_renewal(order: &Order) -> bool {
    order.source_name.text().is_some_and(|channel| channel.starts_with(RENEWAL))
}

/// What `source_name` begins with where an app renews a subscription: `subscription_contract`, since October 2025 also
/// `subscription_contract_checkout_one` (community.shopify.dev, "Order/paid webhook SourceName property changed for
/// subscription", read 2026-11-28).
const RENEWAL: &str = "subscription_contract";
/// What a sale at the till has for its `source_name`; it becomes a sale in a store.
const POINT_OF_SALE: &str = "pos";
const TEST_ORDER: &str = "a test order";
/// States in which nothing was paid.
const UNPAID: [&str; 4] = ["pending", "authorized", "voided", "expired"];

#[cfg(test)]
mod tests;

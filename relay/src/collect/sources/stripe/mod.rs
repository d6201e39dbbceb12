//! Stripe: purchases, trials, renewals and refunds from the events of one webhook endpoint.
//!
//! docs.stripe.com, "Receive events in your webhook endpoint" and "Verify webhook signatures manually" (read 2026-11-23).
//! A delivery is signed over its time and raw body, afresh at every attempt, so an old one is a replay. Live events are
//! repeated for three days; an endpoint that keeps failing is disabled.

mod event;
mod minor_units;
mod payload;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::UnixMs;
use shared::money::Currency;
use shared::time::SECOND_MS;

use super::reading::{Denied, Reading, Unreadable};
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source, json, settings, signature};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use payload::{Data, Envelope};

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Stripe in the registry.
pub const KIND: Kind = Kind { name: "stripe", door: Door::Webhook, keys: &KEYS, configure };

const KEYS: [Key; 8] = [
    Key::required("secret", "signing secret of the endpoint, `whsec_…` as it is shown; secret")
        .beginning("whsec_"),
    Key::optional(
        "purchase",
        "`checkout.session.completed` (default) or, without Checkout, `payment_intent.succeeded` or \
         `invoice.paid`",
    ),
    Key::optional(
        "refunds",
        "`charge.refunded` (default) or `refund.created`: which of the two reports a refund",
    ),
    Key::optional(
        "renewal_event",
        "the event a paid later period of a subscription is, except where `purchase` is \
         `payment_intent.succeeded`; default `Subscribe`",
    ),
    Key::optional(
        "order_id_metadata",
        "the metadata entry with your own order number; default: the id of session, payment or invoice",
    ),
    Key::optional(
        "money",
        "`shop` (default): the currency of settlement; `presentment`: the one the customer saw",
    ),
    Key::optional("minor_units", "decimals by currency where Stripe's table is in doubt, `{ UGX = 2 }`"),
    Key::optional("test_orders", "true: events of test mode count; default false"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stripe {
    secret: Secret,
    #[serde(default)]
    purchase: PurchaseAt,
    #[serde(default)]
    refunds: RefundAt,
    #[serde(default = "settings::subscribe")]
    renewal_event: String,
    #[serde(default)]
    order_id_metadata: Option<String>,
    #[serde(default)]
    money: MoneyOf,
    #[serde(default)]
    minor_units: BTreeMap<String, u8>,
    #[serde(default)]
    test_orders: bool,
}

/// The type of event that is the purchase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum PurchaseAt {
    /// A session of Checkout or of a payment link.
    #[default]
    #[serde(rename = "checkout.session.completed")]
    Session,
    /// Every payment there is.
    #[serde(rename = "payment_intent.succeeded")]
    Payment,
    /// Every invoice, with a subscription or without one.
    #[serde(rename = "invoice.paid")]
    Invoice,
}

/// The type of event that is a refund.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum RefundAt {
    /// Seen from the charge.
    #[default]
    #[serde(rename = "charge.refunded")]
    Charge,
    /// The refund itself.
    #[serde(rename = "refund.created")]
    Refund,
}

/// Whose currency amounts are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MoneyOf {
    /// The one the merchant is paid in.
    #[default]
    Shop,
    /// The customer's.
    Presentment,
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Stripe = own.read()?;
    settings::filled("secret", &own.secret)?;
    settings::event_name("renewal_event", &own.renewal_event)?;
    let known = |(code, decimals): (&String, &u8)| {
        *decimals <= 3 && Currency::parse(code).is_some_and(|currency| currency.as_str() == code)
    };
    if !own.minor_units.iter().all(known) {
        return Err(SettingError::invalid(
            "minor_units",
            "expected currencies such as `UGX` with 0 to 3 decimals",
        ));
    }
    Ok(Box::new(own))
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

const SIGNATURE: &str = "Stripe-Signature";
/// How old a signature may be, in seconds: what Stripe's own libraries allow.
const TOLERANCE_SECONDS: u64 = 300;

impl Source for Stripe {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        // `v0` is no signature for anyone to rely on.
        signature::timed(request, SIGNATURE, &self.secret, TOLERANCE_SECONDS)
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        let envelope: Envelope<'_> = json::object(request.body)?;
        if envelope.object.text() == Some("v2.core.event") {
            return Err(THIN);
        }
        if *envelope.livemode == Some(false) && !self.test_orders {
            return Ok(Reading::ignored("an event of test mode"));
        }
        let kind = envelope.r#type.text().ok_or(Unreadable::Missing { field: "type" })?;
        let time = envelope.created.map(|seconds| UnixMs(seconds.saturating_mul(SECOND_MS)));
        self.route(kind, envelope.data.unwrap_or_default(), time)
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        match settled {
            Settled::Denied(why) => Answer::new(StatusCode::BAD_REQUEST, why.to_string()),
            // A mistake in the endpoint's set-up is better seen in the dashboard than overlooked.
            Settled::Unreadable(why @ Unreadable::Unsupported { .. }) => {
                Answer::new(StatusCode::BAD_REQUEST, why.to_string())
            }
            Settled::Stored
            | Settled::Ignored
            | Settled::Unreadable(_)
            | Settled::Refused
            | Settled::TooOften { .. }
            | Settled::CannotStore { .. } => Answer::forgiving(settled),
        }
    }
}

const THIN: Unreadable = Unreadable::Unsupported {
    advice: "this is a thin event, which holds no data; choose the payload style `snapshot` for the endpoint",
};

// ── Types of events ────────────────────────────────────────────────────────────────────────────────────────

impl Stripe {
    fn route(&self, kind: &str, data: Data<'_>, time: Option<UnixMs>) -> Result<Reading, Unreadable> {
        let elsewhere =
            || Ok(Reading::ignored("this is counted by another type of event; see `purchase` and `refunds`"));
        match (kind, self.purchase, self.refunds) {
            (
                "checkout.session.completed" | "checkout.session.async_payment_succeeded",
                PurchaseAt::Session,
                _,
            ) => event::session(self, object(&data)?, time),
            ("invoice.paid", PurchaseAt::Session | PurchaseAt::Invoice, _) => {
                event::invoice(self, object(&data)?, time)
            }
            ("payment_intent.succeeded", PurchaseAt::Payment, _) => {
                event::payment(self, object(&data)?, time)
            }
            ("charge.refunded", _, RefundAt::Charge) => {
                event::refunded_charge(self, object(&data)?, &data.previous_attributes, time)
            }
            ("refund.created" | "refund.updated", _, RefundAt::Refund) => {
                event::refund(self, &object(&data)?, time)
            }
            // Neither of the two others comes with money that a bank takes back.
            ("charge.dispute.closed", _, _) => event::dispute(self, &object(&data)?, time),
            (
                "checkout.session.completed"
                | "checkout.session.async_payment_succeeded"
                | "invoice.paid"
                | "payment_intent.succeeded"
                | "charge.refunded"
                | "refund.created"
                | "refund.updated",
                _,
                _,
            ) => elsewhere(),
            (_, _, _) => Ok(Reading::ignored("no event comes from this type")),
        }
    }
}

/// The object the event is about.
fn object<T: DeserializeOwned>(data: &Data<'_>) -> Result<T, Unreadable> {
    let raw = data.object.ok_or(Unreadable::Missing { field: "data.object" })?;
    json::object(raw.get().as_bytes())
}

#[cfg(test)]
mod tests;

//! The fields of Stripe's events that are read. Everything else passes by.
//!
//! The shape follows the version the endpoint is pinned to, so everything is optional, and what moved is looked for in both
//! places. docs.stripe.com/api, objects Checkout Session, Invoice, Charge, Refund and PaymentIntent (read 2026-11-23), Dispute (read 2026-11-28).
//! Since 2025-03-31 neither a charge names its invoice nor an invoice its payment (docs.stripe.com/changelog/basil, "Adds
//! support for multiple (partial) payments on invoices", read 2026-11-28).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::json::{List, Maybe, Text};
use crate::collect::raw_user::Personal;

/// What wraps every object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope<'a> {
    pub(super) object: Maybe<Text>,
    pub(super) r#type: Maybe<Text>,
    pub(super) created: Maybe<i64>,
    pub(super) livemode: Maybe<bool>,
    #[serde(borrow)]
    pub(super) data: Option<Data<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data<'a> {
    #[serde(borrow)]
    pub(super) object: Option<&'a RawValue>,
    pub(super) previous_attributes: Maybe<Previous>,
}

/// What a changed object was before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Previous {
    pub(super) amount_refunded: Maybe<i64>,
}

pub(super) type Metadata = Maybe<BTreeMap<String, Maybe<Text>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Session {
    pub(super) id: Maybe<Text>,
    pub(super) mode: Maybe<Text>,
    pub(super) payment_status: Maybe<Text>,
    /// None for a subscription, whose payment belongs to its first invoice.
    pub(super) payment_intent: Maybe<Text>,
    pub(super) invoice: Maybe<Text>,
    pub(super) subscription: Maybe<Text>,
    pub(super) customer: Maybe<Text>,
    pub(super) client_reference_id: Maybe<Text>,
    pub(super) metadata: Metadata,
    pub(super) amount_total: Maybe<i64>,
    pub(super) currency: Maybe<Text>,
    pub(super) total_details: Maybe<Totals>,
    pub(super) presentment_details: Maybe<Presentment>,
    pub(super) customer_details: Maybe<Person>,
    pub(super) customer_email: Maybe<Personal>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Totals {
    pub(super) amount_shipping: Maybe<i64>,
    pub(super) amount_tax: Maybe<i64>,
}

/// What the customer saw, where that was another currency.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Presentment {
    pub(super) presentment_amount: Maybe<i64>,
    pub(super) presentment_currency: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Person {
    pub(super) email: Maybe<Personal>,
    pub(super) phone: Maybe<Personal>,
    pub(super) name: Maybe<Personal>,
    pub(super) address: Maybe<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    pub(super) line1: Maybe<Personal>,
    pub(super) city: Maybe<Personal>,
    pub(super) state: Maybe<Personal>,
    pub(super) postal_code: Maybe<Personal>,
    pub(super) country: Maybe<Personal>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Invoice {
    pub(super) id: Maybe<Text>,
    pub(super) amount_paid: Maybe<i64>,
    pub(super) currency: Maybe<Text>,
    pub(super) billing_reason: Maybe<Text>,
    pub(super) customer: Maybe<Text>,
    pub(super) customer_email: Maybe<Personal>,
    pub(super) customer_name: Maybe<Personal>,
    pub(super) customer_phone: Maybe<Personal>,
    pub(super) customer_address: Maybe<Address>,
    pub(super) metadata: Metadata,
    /// Where versions before 2025-03-31 keep the payment.
    pub(super) payment_intent: Maybe<Text>,
    /// Where later versions keep the payments, when they send them along.
    pub(super) payments: Maybe<Payments>,
    /// Where recent versions keep the subscription.
    pub(super) parent: Maybe<Parent>,
    /// Where older versions keep it.
    pub(super) subscription: Maybe<Text>,
    pub(super) subscription_details: Maybe<Subscription>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parent {
    pub(super) subscription_details: Maybe<Subscription>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subscription {
    pub(super) subscription: Maybe<Text>,
    pub(super) metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Payments {
    pub(super) data: List<InvoicePayment>,
}

/// One attempt to pay an invoice or a part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InvoicePayment {
    pub(super) status: Maybe<Text>,
    pub(super) payment: Maybe<PaidBy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PaidBy {
    pub(super) payment_intent: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Charge {
    pub(super) id: Maybe<Text>,
    pub(super) amount: Maybe<i64>,
    pub(super) amount_refunded: Maybe<i64>,
    pub(super) created: Maybe<i64>,
    pub(super) currency: Maybe<Text>,
    pub(super) payment_intent: Maybe<Text>,
    /// Named by versions before 2025-03-31 only.
    pub(super) invoice: Maybe<Text>,
    pub(super) customer: Maybe<Text>,
    pub(super) billing_details: Maybe<Person>,
    pub(super) receipt_email: Maybe<Personal>,
    pub(super) metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refund {
    pub(super) id: Maybe<Text>,
    pub(super) status: Maybe<Text>,
    pub(super) amount: Maybe<i64>,
    pub(super) currency: Maybe<Text>,
    pub(super) payment_intent: Maybe<Text>,
    pub(super) metadata: Metadata,
}

/// A payment that the buyer's bank takes back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dispute {
    pub(super) id: Maybe<Text>,
    pub(super) status: Maybe<Text>,
    pub(super) amount: Maybe<i64>,
    pub(super) currency: Maybe<Text>,
    pub(super) payment_intent: Maybe<Text>,
    pub(super) metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PaymentIntent {
    pub(super) id: Maybe<Text>,
    pub(super) amount_received: Maybe<i64>,
    pub(super) currency: Maybe<Text>,
    pub(super) customer: Maybe<Text>,
    pub(super) receipt_email: Maybe<Personal>,
    pub(super) shipping: Maybe<Person>,
    pub(super) metadata: Metadata,
}

//! The fields of Shopify's webhook payloads that are read. Everything else passes by.
//!
//! shopify.dev, Admin REST resources Order, Refund, Checkout and Customer of API version 2026-10 (read 2026-11-23). Amounts are
//! text, ids are wider than 32 bits, times carry an offset.

use serde::Deserialize;

use super::super::json::{Amount, List, Maybe, Text};
use crate::collect::raw_user::Personal;

/// An order, and with fewer fields a checkout.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Order {
    pub(super) id: Maybe<Text>,
    pub(super) token: Maybe<Text>,
    pub(super) cart_token: Maybe<Text>,
    pub(super) checkout_token: Maybe<Text>,
    pub(super) test: Maybe<bool>,
    pub(super) financial_status: Maybe<Text>,
    pub(super) source_name: Maybe<Text>,
    pub(super) created_at: Maybe<Text>,
    pub(super) processed_at: Maybe<Text>,
    pub(super) cancelled_at: Maybe<Text>,
    pub(super) currency: Maybe<Text>,
    pub(super) presentment_currency: Maybe<Text>,
    pub(super) total_price: Maybe<Amount>,
    pub(super) total_price_set: Maybe<MoneySet>,
    pub(super) total_tax: Maybe<Amount>,
    pub(super) total_tax_set: Maybe<MoneySet>,
    pub(super) total_shipping_price_set: Maybe<MoneySet>,
    pub(super) discount_codes: List<DiscountCode>,
    pub(super) line_items: List<LineItem>,
    pub(super) landing_site: Maybe<Text>,
    pub(super) referring_site: Maybe<Text>,
    pub(super) note_attributes: List<Attribute>,
    pub(super) browser_ip: Maybe<Text>,
    pub(super) client_details: Maybe<ClientDetails>,
    pub(super) email: Maybe<Personal>,
    pub(super) contact_email: Maybe<Personal>,
    pub(super) phone: Maybe<Personal>,
    pub(super) customer: Maybe<Customer>,
    pub(super) billing_address: Maybe<Address>,
    pub(super) shipping_address: Maybe<Address>,
}

/// An amount in the shop's currency and in the one the customer saw.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MoneySet {
    pub(super) shop_money: Maybe<Money>,
    pub(super) presentment_money: Maybe<Money>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Money {
    pub(super) amount: Maybe<Amount>,
    pub(super) currency_code: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DiscountCode {
    pub(super) code: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LineItem {
    pub(super) variant_id: Maybe<Text>,
    pub(super) product_id: Maybe<Text>,
    pub(super) sku: Maybe<Text>,
    pub(super) title: Maybe<Text>,
    pub(super) vendor: Maybe<Text>,
    pub(super) quantity: Maybe<Amount>,
    pub(super) price: Maybe<Amount>,
    pub(super) price_set: Maybe<MoneySet>,
}

/// A cart attribute as the order keeps it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attribute {
    pub(super) name: Maybe<Text>,
    pub(super) value: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClientDetails {
    pub(super) browser_ip: Maybe<Text>,
    pub(super) user_agent: Maybe<Text>,
    pub(super) accept_language: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Customer {
    pub(super) id: Maybe<Personal>,
    pub(super) email: Maybe<Personal>,
    pub(super) phone: Maybe<Personal>,
    pub(super) first_name: Maybe<Personal>,
    pub(super) last_name: Maybe<Personal>,
    pub(super) default_address: Maybe<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    pub(super) first_name: Maybe<Personal>,
    pub(super) last_name: Maybe<Personal>,
    pub(super) address1: Maybe<Personal>,
    pub(super) city: Maybe<Personal>,
    pub(super) province_code: Maybe<Personal>,
    pub(super) zip: Maybe<Personal>,
    pub(super) country_code: Maybe<Personal>,
    pub(super) phone: Maybe<Personal>,
}

/// A refund; it names its order and nobody.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refund {
    pub(super) id: Maybe<Text>,
    pub(super) order_id: Maybe<Text>,
    pub(super) created_at: Maybe<Text>,
    pub(super) processed_at: Maybe<Text>,
    pub(super) transactions: List<Transaction>,
    pub(super) refund_line_items: List<RefundLine>,
    pub(super) order_adjustments: List<Adjustment>,
}

/// What is given back for an item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RefundLine {
    pub(super) subtotal_set: Maybe<MoneySet>,
    pub(super) total_tax_set: Maybe<MoneySet>,
}

/// What is given back besides, with a minus: shipping, say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Adjustment {
    pub(super) amount_set: Maybe<MoneySet>,
    pub(super) tax_amount_set: Maybe<MoneySet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Transaction {
    pub(super) kind: Maybe<Text>,
    pub(super) status: Maybe<Text>,
    pub(super) amount: Maybe<Amount>,
    pub(super) currency: Maybe<Text>,
    pub(super) test: Maybe<bool>,
}

/// A new customer's account: the customer's own fields, and when it was made.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Account {
    pub(super) id: Maybe<Text>,
    pub(super) created_at: Maybe<Text>,
}

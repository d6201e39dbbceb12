//! The fields of WooCommerce's webhook payloads that are read: those of its REST resources. Everything else passes by.
//!
//! Totals are text, ids numbers, and times that end in `_gmt` are UTC without saying so. Values of `meta_data` are whatever a
//! plugin put there.

use serde::Deserialize;

use super::super::json::{Amount, List, Maybe, Text};
use crate::collect::raw_user::Personal;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Order {
    pub(super) id: Maybe<Text>,
    pub(super) number: Maybe<Text>,
    pub(super) status: Maybe<Text>,
    pub(super) created_via: Maybe<Text>,
    pub(super) date_created_gmt: Maybe<Text>,
    pub(super) date_paid_gmt: Maybe<Text>,
    pub(super) date_completed_gmt: Maybe<Text>,
    pub(super) payment_method: Maybe<Text>,
    pub(super) date_modified_gmt: Maybe<Text>,
    pub(super) currency: Maybe<Text>,
    pub(super) total: Maybe<Amount>,
    pub(super) total_tax: Maybe<Amount>,
    pub(super) shipping_total: Maybe<Amount>,
    pub(super) coupon_lines: List<Coupon>,
    pub(super) line_items: List<LineItem>,
    pub(super) refunds: List<Refund>,
    pub(super) billing: Maybe<Address>,
    pub(super) customer_id: Maybe<Personal>,
    pub(super) customer_ip_address: Maybe<Text>,
    pub(super) customer_user_agent: Maybe<Text>,
    pub(super) meta_data: List<Meta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Coupon {
    pub(super) code: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LineItem {
    pub(super) product_id: Maybe<Text>,
    pub(super) variation_id: Maybe<Text>,
    pub(super) sku: Maybe<Text>,
    pub(super) name: Maybe<Text>,
    pub(super) quantity: Maybe<Amount>,
    pub(super) price: Maybe<Amount>,
}

/// A refund as its order lists it; the total is negative.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refund {
    pub(super) id: Maybe<Text>,
    pub(super) total: Maybe<Amount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub(super) key: Maybe<Text>,
    pub(super) value: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    pub(super) first_name: Maybe<Personal>,
    pub(super) last_name: Maybe<Personal>,
    pub(super) email: Maybe<Personal>,
    pub(super) phone: Maybe<Personal>,
    pub(super) address_1: Maybe<Personal>,
    pub(super) city: Maybe<Personal>,
    pub(super) state: Maybe<Personal>,
    pub(super) postcode: Maybe<Personal>,
    pub(super) country: Maybe<Personal>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Customer {
    pub(super) id: Maybe<Text>,
    pub(super) date_created_gmt: Maybe<Text>,
    pub(super) email: Maybe<Personal>,
    pub(super) first_name: Maybe<Personal>,
    pub(super) last_name: Maybe<Personal>,
    pub(super) billing: Maybe<Address>,
}

//! From an order or customer of WooCommerce to events.

use std::borrow::Cow;

use shared::event::{Context, Page, Source};
use shared::identity::Field;
use shared::money::Currency;
use shared::{Item, Properties, Scalar, UnixMs};

use super::super::carried::{self, of_order};
use super::super::json::{Maybe, Text};
use super::super::reading::{Found, Unreadable};
use super::payload::{Address, Customer, LineItem, Order};
use super::{ItemId, OrderId, WooCommerce};
use crate::collect::draft::Draft;
use crate::collect::raw_user::{Personal, RawUser};
use crate::orders::{OF_SHOP, ONLY_IF_REPORTED, calling_off};

/// The purchase an order is.
pub(super) fn purchase(shop: &WooCommerce, order_id: &str, mut order: Order) -> Found {
    let renewal = order.created_via.text() == Some("subscription");
    let name = if renewal { &shop.renewal_event } else { "Purchase" };
    let time = utc(&order.date_paid_gmt).or_else(|| utc(&order.date_created_gmt));
    let mut found = Found::of_order(name, time);
    // It counted before it was paid, which may be so long ago that nobody remembers.
    let counted_unpaid = order.payment_method.text() == Some("cod")
        || shop.statuses.iter().any(|status| super::BEFORE_PURCHASE.contains(&status.as_str()));
    if counted_unpaid {
        found.since = utc(&order.date_created_gmt);
    }
    found.draft.properties = Properties {
        value: order.total.amount(),
        currency: order.currency.text().and_then(Currency::parse),
        order_id: Some(order_id.to_owned()),
        tax: order.total_tax.amount(),
        shipping: order.shipping_total.amount(),
        coupon: order.coupon_lines.iter().find_map(|coupon| coupon.code.owned()),
        items: order.line_items.iter().map(|line| item(shop, line)).collect(),
        ..Properties::default()
    };
    if order.line_items.is_empty() {
        found.draft.properties.custom.insert(OF_SHOP.to_owned(), Scalar::Bool(true));
    }
    journey(&mut order, &mut found.draft);
    found
}

/// The refunds an order lists. They carry no time of their own, and the order lists all there ever were: each may have been
/// reported at any time since the order was paid, or placed where nobody wrote down that it was (cash on delivery).
pub(super) fn refunds(order_id: &str, order: &Order) -> Vec<Found> {
    let paid = utc(&order.date_paid_gmt).or_else(|| utc(&order.date_created_gmt));
    let Some(paid) = paid else { return Vec::new() };
    let given_back =
        || order.refunds.iter().filter_map(|one| Some((one.id.text()?, one.total.amount()?.abs())));
    let numbered = |id: &str| id.parse::<u64>().ok();
    // Refunds are numbered in the order in which they were made; what is left after one is reckoned from those up to it.
    let left = |id: &str| {
        let until = numbered(id)?;
        let so_far = given_back().filter(|(other, _)| numbered(other).is_some_and(|other| other <= until));
        Some(order.total.amount()? - so_far.map(|(_, total)| total).sum::<f64>())
    };
    let refund = |id: &str, total: f64| {
        let mut found = Found::about("Refund", &format!("{order_id}-{id}"), utc(&order.date_modified_gmt));
        found.since = Some(paid);
        found.draft.source = Some(Source::Server);
        found.draft.properties = Properties {
            value: Some(total),
            currency: order.currency.text().and_then(Currency::parse),
            order_id: Some(order_id.to_owned()),
            custom: of_order(Some(paid), order.total.amount(), left(id)),
            ..Properties::default()
        };
        found
    };
    given_back().filter(|(_, total)| *total != 0.0).map(|(id, total)| refund(id, total)).collect()
}

/// An order that was called off before anybody paid: cash on delivery that was refused, a transfer that never came. It takes back
/// what counted of it, here or on a page, if anything did. A purchase that says it was paid later than that undoes it.
pub(super) fn cancellation(shop: &WooCommerce, order_id: &str, mut order: Order) -> Found {
    let mut found = Found::about("Refund", &calling_off(order_id), utc(&order.date_modified_gmt));
    let placed = utc(&order.date_created_gmt);
    found.since = placed;
    found.draft.source = Some(Source::Server);
    let total = order.total.amount();
    let given_back: f64 = order.refunds.iter().filter_map(|one| Some(one.total.amount()?.abs())).sum();
    let cents = |amount: f64| (amount * 1000.0).round() / 1000.0;
    found.draft.properties = Properties {
        value: total.map(|total| cents((total - given_back).max(0.0))),
        currency: order.currency.text().and_then(Currency::parse),
        order_id: Some(order_id.to_owned()),
        custom: of_order(placed, total, Some(0.0)),
        ..Properties::default()
    };
    let mark = (ONLY_IF_REPORTED.to_owned(), Scalar::Text(shop.renewal_event.clone()));
    found.draft.properties.custom.extend([mark]);
    found.draft.user = buyer(&mut order);
    found
}

/// A new customer's account.
pub(super) fn registration(customer: Customer) -> Result<Found, Unreadable> {
    let id = customer.id.owned().ok_or(Unreadable::Missing { field: "id" })?;
    let mut found = Found::about("CompleteRegistration", &id, utc(&customer.date_created_gmt));
    found.draft.source = Some(Source::Server);
    let mut user = RawUser::default();
    user.take(Field::Email, customer.email.0);
    user.take(Field::FirstName, Personal::filled(customer.first_name.0));
    user.take(Field::LastName, Personal::filled(customer.last_name.0));
    user.take(Field::ExternalId, Some(Personal::new(id)));
    billed_to(customer.billing.0.unwrap_or_default(), &mut user);
    found.draft.user = user;
    Ok(found)
}

/// The order's id as the shop's pages report it.
pub(super) fn id(shop: &WooCommerce, order: &Order) -> Result<String, Unreadable> {
    match shop.order_id {
        OrderId::Id => order.id.owned().ok_or(Unreadable::Missing { field: "id" }),
        OrderId::Number => order.number.owned().ok_or(Unreadable::Missing { field: "number" }),
    }
}

/// Who, by which way and from which browser.
fn journey(order: &mut Order, draft: &mut Draft) {
    // The order names no page, so it is no web event of its own; with the visitor's page it is delivered as one.
    draft.source = Some(Source::Server);
    let metas = || order.meta_data.iter().filter_map(|meta| Some((meta.key.text()?, meta.value.text()?)));
    metas().for_each(|(name, value)| carried::field(name, value, draft));
    let attribution = || metas().filter_map(|(name, value)| Some((name.strip_prefix(ATTRIBUTION)?, value)));
    let named = |wanted: &str| attribution().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let landed_at = named("session_start_time").and_then(in_utc);
    // Of a direct visit, a search or a link WooCommerce makes UTM parameters up (`(direct)`, `referral`): no campaign brought them.
    let is_campaign = named("source_type").is_none_or(|kind| kind == "utm");
    let utm = attribution()
        .filter(|_| is_campaign)
        .filter_map(|(name, value)| Some((Cow::from(name.strip_prefix("utm_")?), Cow::from(value))));
    carried::campaign(utm, landed_at, draft);
    if let Some(landing) = named("session_entry") {
        carried::landing(landing, landed_at, draft);
    }
    let referrer = named("referrer").map(str::to_owned);
    draft.page = Page { referrer, ..Page::default() };
    let user_agent = order.customer_user_agent.owned().or_else(|| named("user_agent").map(str::to_owned));
    draft.context = Context { ip: order.customer_ip_address.owned(), user_agent, language: None };
    draft.user = buyer(order);
}

/// Who ordered.
pub(super) fn buyer(order: &mut Order) -> RawUser {
    let mut user = RawUser::default();
    // A guest has no id.
    user.take(Field::ExternalId, order.customer_id.0.take().filter(|id| !id.is("0")));
    billed_to(order.billing.0.take().unwrap_or_default(), &mut user);
    user
}

fn billed_to(address: Address, user: &mut RawUser) {
    user.take(Field::Email, address.email.0);
    user.take(Field::Phone, address.phone.0);
    user.take(Field::FirstName, address.first_name.0);
    user.take(Field::LastName, address.last_name.0);
    user.take(Field::Street, address.address_1.0);
    user.take(Field::City, address.city.0);
    user.take(Field::Region, address.state.0);
    user.take(Field::PostalCode, address.postcode.0);
    user.take(Field::Country, address.country.0);
}

fn item(shop: &WooCommerce, line: &LineItem) -> Item {
    let variation = line.variation_id.owned().filter(|id| id != "0");
    let id = match shop.item_id {
        ItemId::VariationId => variation.or_else(|| line.product_id.owned()),
        ItemId::ProductId => line.product_id.owned(),
        ItemId::Sku => line.sku.owned(),
    };
    Item {
        id,
        name: line.name.owned(),
        price: line.price.amount(),
        quantity: line.quantity.amount(),
        ..Item::default()
    }
}

/// A time in UTC that does not say so.
fn utc(text: &Maybe<Text>) -> Option<UnixMs> {
    in_utc(text.text()?)
}

/// The same in a plain text. So WooCommerce's own script writes when a session began (`order-attribution.js`: `session_start_time`
/// is sourcebuster's `current_add.fd` with `timezone_offset: '0'`; read 2026-11-28).
fn in_utc(text: &str) -> Option<UnixMs> {
    UnixMs::parse_rfc3339(&format!("{text}Z"))
}

/// What the names of WooCommerce's own order attribution (8.5 and later) begin with.
const ATTRIBUTION: &str = "_wc_order_attribution_";

//! What is in a notification and what it comes to.
//!
//! Fields as the knowledge base lists them for versions 6 to 8 (read 2026-11-23). A receipt is the order id; a rebill has
//! one of its own, the first one and a suffix such as `-B001`. Our click token comes in the tracking codes (`tid`), as the
//! external click id (`extclid`), or in the variables a vendor passed through.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;
use shared::{Item, Properties, Scalar};

use super::super::json::{self, Amount, List, Maybe, Text};
use super::super::reading::{Found, Reading, Unreadable};
use super::super::{Draft, carried};
use super::{ClickBank, ValueOf};
use crate::collect::raw_user::{Personal, RawUser};
use crate::orders::COMMISSION;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Notification {
    pub(super) receipt: Maybe<Text>,
    pub(super) transaction_type: Maybe<Text>,
    transaction_time: Maybe<Text>,
    total_account_amount: Maybe<Amount>,
    total_order_amount: Maybe<Amount>,
    total_tax_amount: Maybe<Amount>,
    total_shipping_amount: Maybe<Amount>,
    currency: Maybe<Text>,
    tracking_codes: List<Text>,
    vendor_variables: Maybe<BTreeMap<String, Maybe<Text>>>,
    line_items: List<Line>,
    customer: Maybe<Customer>,
    upsell: Maybe<Upsell>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line {
    item_no: Maybe<Text>,
    product_title: Maybe<Text>,
    quantity: Maybe<Amount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Upsell {
    upsell_original_receipt: Maybe<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Customer {
    billing: Maybe<Person>,
    shipping: Maybe<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Person {
    first_name: Maybe<Personal>,
    last_name: Maybe<Personal>,
    email: Maybe<Personal>,
    phone_number: Maybe<Personal>,
    address: Maybe<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Address {
    address1: Maybe<Personal>,
    city: Maybe<Personal>,
    state: Maybe<Personal>,
    postal_code: Maybe<Personal>,
    country: Maybe<Personal>,
}

/// What the notification means.
pub(super) fn read(own: &ClickBank, body: &[u8]) -> Result<Reading, Unreadable> {
    let notification: Notification = json::object(body)?;
    let kind =
        notification.transaction_type.text().ok_or(Unreadable::Missing { field: "transactionType" })?;
    let receipt = notification.receipt.owned().ok_or(Unreadable::Missing { field: "receipt" })?;
    let kind = match kind.strip_prefix("TEST_") {
        Some(_) if !own.test_orders => return Ok(Reading::ignored("a test sale")),
        Some(kind) => kind,
        None => kind,
    };
    let time = notification.transaction_time.time();
    let found = match kind {
        "SALE" => Found::of_order("Purchase", time),
        "BILL" => Found::of_order(own.renewal_event.clone(), time),
        // A refund and a chargeback of one receipt are two things.
        "RFND" | "CGBK" | "INSF" => Found::about("Refund", &format!("{receipt}-{kind}"), time),
        "ABANDONED_ORDER" => match &own.abandoned_event {
            Some(name) => Found::of_order(name.clone(), time),
            None => return Ok(Reading::ignored("an abandoned order; see `abandoned_event`")),
        },
        "TEST" => return Ok(Reading::ignored("a test of the connection")),
        _ => return Ok(Reading::ignored("no event comes from this type of transaction")),
    };
    let mut found = whole(own, found, receipt, notification);
    if let Some(token) = external_click(body)? {
        carried::click_token(&token, &mut found.draft);
    }
    Ok(Reading::one(found))
}

fn whole(own: &ClickBank, mut found: Found, receipt: String, notification: Notification) -> Found {
    let draft = &mut found.draft;
    draft.source = Some(Source::Server);
    tie(&receipt, &notification, draft);
    carry(&notification, draft);
    let value = match own.value {
        ValueOf::Account => notification.total_account_amount.amount(),
        ValueOf::Order => notification.total_order_amount.amount(),
    };
    // Tax and shipping are parts of the whole, not of what the account earns.
    let part = |amount: &Maybe<Amount>| amount.amount().filter(|_| own.value == ValueOf::Order).map(f64::abs);
    draft.properties = Properties {
        // What goes back comes with a minus.
        value: value.map(f64::abs),
        currency: notification.currency.text().and_then(Currency::parse),
        order_id: Some(receipt),
        tax: part(&notification.total_tax_amount),
        shipping: part(&notification.total_shipping_amount),
        items: notification.line_items.iter().map(item).collect(),
        ..Properties::default()
    };
    if own.value == ValueOf::Account && value.is_some() {
        // What the account earns says nothing of what the order was worth.
        draft.properties.custom.insert(COMMISSION.to_owned(), Scalar::Bool(true));
    }
    let customer = notification.customer.0.unwrap_or_default();
    draft.user = person(customer.billing.0.unwrap_or_default(), customer.shipping.0.unwrap_or_default());
    found
}

/// Ties a rebill to the sale it repeats, and an upsell to the sale it followed.
fn tie(receipt: &str, notification: &Notification, draft: &mut Draft) {
    let first = receipt.split_once("-B").map_or(receipt, |(first, _)| first);
    let upsell = notification.upsell.as_ref().and_then(|upsell| upsell.upsell_original_receipt.text());
    draft.tokens.insert("clickbank_receipt".to_owned(), upsell.unwrap_or(first).to_owned());
}

fn carry(notification: &Notification, draft: &mut Draft) {
    let variables = || notification.vendor_variables.iter().flatten();
    let variables = || variables().filter_map(|(name, value)| Some((name.as_str(), value.text()?)));
    let codes = notification.tracking_codes.iter().map(|code| code.0.as_str());
    if let Some(token) = codes.chain(variables().map(|(_, value)| value)).find_map(carried::token) {
        carried::click_token(&token, draft);
    }
    variables().for_each(|(name, value)| carried::field(name, value, draft));
}

/// Our click token where a link carried it as `extclid`. Under which name version 8 gives it back could not be confirmed, so
/// every field at the top that speaks of a click is looked into.
fn external_click(body: &[u8]) -> Result<Option<String>, Unreadable> {
    let fields: BTreeMap<String, Maybe<Text>> = json::object(body)?;
    let of_click = |name: &str| ["clid", "clickid", "click_id"].iter().any(|part| name.contains(part));
    let mut fields = fields.iter().filter(|(name, _)| of_click(&name.to_ascii_lowercase()));
    Ok(fields.find_map(|(_, value)| carried::token(value.text()?)))
}

fn item(line: &Line) -> Item {
    Item {
        id: line.item_no.owned(),
        name: line.product_title.owned(),
        quantity: line.quantity.amount(),
        ..Item::default()
    }
}

/// The one who pays; who gets the parcel only where nothing is known of the other.
fn person(billing: Person, shipping: Person) -> RawUser {
    let mut user = RawUser::default();
    for person in [billing, shipping] {
        if !user.is_empty() {
            break;
        }
        user.take(Field::FirstName, person.first_name.0);
        user.take(Field::LastName, person.last_name.0);
        user.take(Field::Email, person.email.0);
        user.take(Field::Phone, person.phone_number.0);
        let address = person.address.0.unwrap_or_default();
        user.take(Field::Street, address.address1.0);
        user.take(Field::City, address.city.0);
        user.take(Field::Region, address.state.0);
        user.take(Field::PostalCode, address.postal_code.0);
        user.take(Field::Country, address.country.0);
    }
    user
}

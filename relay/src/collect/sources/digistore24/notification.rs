//! What is in an IPN and what it comes to.
//!
//! Fields as the open receivers in the field read them (GoSuccess-GmbH/digistore24-ipn, read 2026-11-23). A payment's
//! number in its sequence tells a first payment from a later one; a single payment has 0 or 1.

use std::collections::BTreeMap;

use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;
use shared::{Item, Properties, Scalar};
use zeroize::Zeroizing;

use super::super::amount::amount;
use super::super::reading::{Found, Reading, Unreadable};
use super::super::{Draft, Inbound, carried};
use super::{Digistore24, OrderId, ValueOf};
use crate::collect::raw_user::Personal;
use crate::orders::PART;

/// The fields of a notification. Holds raw personal data, so it does not print.
pub(super) struct Notification(BTreeMap<String, Zeroizing<String>>);

impl Notification {
    /// The fields of a form.
    pub(super) fn of(request: &Inbound<'_>) -> Self {
        let fields = request.form().take(MOST_FIELDS);
        Self(fields.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect())
    }

    /// A field that says something.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn need(&self, field: &'static str) -> Result<&str, Unreadable> {
        self.get(field).ok_or(Unreadable::Missing { field })
    }

    fn amount(&self, name: &str) -> Option<f64> {
        amount(self.get(name)?)
    }
}

/// What the notification means.
pub(super) fn read(own: &Digistore24, notification: &Notification) -> Result<Reading, Unreadable> {
    let event = notification.need("event")?;
    if event == "connection_test" {
        return Ok(Reading::ignored("a test of the connection"));
    }
    if notification.get("api_mode") == Some("test") && !own.test_orders {
        return Ok(Reading::ignored("a test payment"));
    }
    match event {
        "on_payment" => payment(own, notification),
        "on_refund" | "on_chargeback" => refund(own, notification, event),
        _ => Ok(Reading::ignored("no event comes from this one")),
    }
}

fn payment(own: &Digistore24, notification: &Notification) -> Result<Reading, Unreadable> {
    let name = if sequence(notification) > 1 { own.renewal_event.as_str() } else { "Purchase" };
    let order = order(own, notification)?;
    Ok(Reading::one(whole(own, Found::of_order(name, None), order, notification)))
}

fn refund(own: &Digistore24, notification: &Notification, event: &str) -> Result<Reading, Unreadable> {
    let transaction = notification.need("transaction_id")?;
    let product = notification.get("product_id").unwrap_or_default();
    let kind = event.trim_start_matches("on_");
    let found = Found::about("Refund", &format!("{transaction}-{product}-{kind}"), None);
    let order = order(own, notification)?;
    Ok(Reading::one(whole(own, found, order, notification)))
}

fn sequence(notification: &Notification) -> u32 {
    notification.get("pay_sequence_no").and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What the payment is known by: the order, the item where there may be several, and the payment where there are later
/// ones.
fn order(own: &Digistore24, notification: &Notification) -> Result<String, Unreadable> {
    let mut id = notification.need("order_id")?.to_owned();
    if own.order_id == OrderId::Item {
        id = format!("{id}-{}", notification.need("product_id")?);
    }
    Ok(match sequence(notification) {
        0 | 1 => id,
        later => format!("{id}-{later}"),
    })
}

fn whole(own: &Digistore24, mut found: Found, order: String, notification: &Notification) -> Found {
    let draft = &mut found.draft;
    draft.source = Some(Source::Server);
    let (gross, net) = (notification.amount("amount_brutto"), notification.amount("amount_netto"));
    let value = match own.value {
        ValueOf::Gross => gross,
        ValueOf::Net => net,
    };
    let item = Item {
        id: notification.get("product_id").map(str::to_owned),
        name: notification.get("product_name").map(str::to_owned),
        quantity: notification.amount("quantity"),
        ..Item::default()
    };
    draft.properties = Properties {
        // What goes back may come with a minus.
        value: value.map(f64::abs),
        currency: notification.get("currency").and_then(Currency::parse),
        order_id: Some(order),
        items: if item == Item::default() { Vec::new() } else { vec![item] },
        ..Properties::default()
    };
    if own.order_id == OrderId::Order {
        // The other items come in notifications of their own.
        draft.properties.custom.insert(PART.to_owned(), Scalar::Bool(true));
    }
    if let Some(order) = notification.get("order_id") {
        draft.tokens.insert("digistore24_order".to_owned(), order.to_owned());
    }
    let sub_ids = SUB_IDS.iter().filter_map(|name| notification.get(name));
    if let Some(token) = sub_ids.into_iter().find_map(carried::token) {
        carried::click_token(&token, draft);
    }
    person(notification, draft);
    found
}

fn person(notification: &Notification, draft: &mut Draft) {
    for (field, names) in [
        (Field::Email, ["email", "address_email"].as_slice()),
        (Field::Phone, &["address_phone_no"]),
        (Field::FirstName, &["address_first_name"]),
        (Field::LastName, &["address_last_name"]),
        (Field::Street, &["address_street"]),
        (Field::City, &["address_city"]),
        (Field::Region, &["address_state"]),
        (Field::PostalCode, &["address_zipcode"]),
        (Field::Country, &["address_country", "country"]),
    ] {
        let value = names.iter().find_map(|name| notification.get(name));
        draft.user.take(field, value.map(Personal::new));
    }
}

/// Where a click token may come along: in the link's parameters, its campaign key, or what an order form passed through.
const SUB_IDS: [&str; 10] =
    ["cid", "click_id", "sid1", "sid2", "sid3", "sid4", "sid5", "campaignkey", "trackingkey", "custom"];
/// Most fields of a form that are looked at; Digistore24 sends about 200.
const MOST_FIELDS: usize = 2000;

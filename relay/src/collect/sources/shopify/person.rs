//! Who an order is by, from the four places where Shopify may say so.

use shared::identity::Field;

use super::payload::{Address, Customer, Order};
use crate::collect::raw_user::{Personal, RawUser};

/// The person behind an order or checkout. The customer's own name stands before the one on the bill, the bill's address
/// before the parcel's.
pub(super) fn of_order(order: &mut Order) -> RawUser {
    let mut user = RawUser::default();
    let mut customer = order.customer.0.take().unwrap_or_default();
    let mut billing = order.billing_address.0.take().unwrap_or_default();
    let mut shipping = order.shipping_address.0.take().unwrap_or_default();
    for email in [&mut order.email, &mut order.contact_email, &mut customer.email] {
        user.take(Field::Email, email.0.take());
    }
    for phone in [&mut order.phone, &mut customer.phone, &mut billing.phone, &mut shipping.phone] {
        user.take(Field::Phone, phone.0.take());
    }
    let first = [&mut customer.first_name, &mut billing.first_name, &mut shipping.first_name];
    user.take(Field::FirstName, first.into_iter().find_map(|name| Personal::filled(name.0.take())));
    let last = [&mut customer.last_name, &mut billing.last_name, &mut shipping.last_name];
    user.take(Field::LastName, last.into_iter().find_map(|name| Personal::filled(name.0.take())));
    user.take(Field::ExternalId, customer.id.0);
    // Parts of two addresses describe nobody.
    let address = if billing.country_code.is_some() { billing } else { shipping };
    at(address, &mut user);
    user
}

/// The person behind a new account.
pub(super) fn of_account(customer: Customer) -> RawUser {
    let mut user = RawUser::default();
    user.take(Field::Email, customer.email.0);
    user.take(Field::Phone, customer.phone.0);
    user.take(Field::FirstName, customer.first_name.0);
    user.take(Field::LastName, customer.last_name.0);
    user.take(Field::ExternalId, customer.id.0);
    at(customer.default_address.0.unwrap_or_default(), &mut user);
    user
}

fn at(address: Address, user: &mut RawUser) {
    user.take(Field::Street, address.address1.0);
    user.take(Field::City, address.city.0);
    user.take(Field::Region, address.province_code.0);
    user.take(Field::PostalCode, address.zip.0);
    user.take(Field::Country, address.country_code.0);
}

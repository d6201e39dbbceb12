//! From an object of Stripe to an event.

use shared::event::Source;
use shared::identity::Field;
use shared::money::Currency;
use shared::{Properties, UnixMs, vendor_cookie};

use super::super::carried::{self, of_order};
use super::super::json::{Maybe, Text};
use super::super::reading::{Found, Reading, Unreadable};
use super::minor_units::major;
use super::payload::{
    Charge, Dispute, Invoice, Metadata, PaymentIntent, Person, Previous, Refund, Session, Subscription,
};
use super::{MoneyOf, PurchaseAt, Stripe};
use crate::collect::raw_user::RawUser;

const NO_ID: Unreadable = Unreadable::Missing { field: "data.object.id" };

/// A Checkout session that came to its end, at once or after a slow payment.
pub(super) fn session(
    stripe: &Stripe,
    session: Session,
    time: Option<UnixMs>,
) -> Result<Reading, Unreadable> {
    let id = session.id.owned().ok_or(NO_ID)?;
    let paid = match (session.payment_status.text(), session.mode.text()) {
        // Nothing to pay for the first period, as it is called where the invoice says so.
        (Some("paid"), Some("subscription")) if *session.amount_total == Some(0) => false,
        (Some("paid"), _) => true,
        (Some("no_payment_required"), Some("subscription")) => false,
        (Some("unpaid"), _) => {
            return Ok(Reading::ignored("not paid yet; the payment is reported when it succeeds"));
        }
        (_, _) => return Ok(Reading::ignored("the session took no payment")),
    };
    let mut found = Found::of_order(if paid { "Purchase" } else { "StartTrial" }, time);
    let seen = session.presentment_details.as_ref().filter(|_| stripe.money == MoneyOf::Presentment);
    let (amount, currency) = match seen {
        Some(seen) => (&seen.presentment_amount, &seen.presentment_currency),
        None => (&session.amount_total, &session.currency),
    };
    // Tax and shipping are known in the currency of settlement only.
    let totals = session.total_details.as_ref().filter(|_| seen.is_none());
    let mut properties = stripe.worth(amount, currency);
    let part = |amount: Option<i64>| Some(major(amount?, properties.currency?, &stripe.minor_units));
    let tax = part(totals.and_then(|totals| *totals.amount_tax));
    let shipping = part(totals.and_then(|totals| *totals.amount_shipping));
    properties.tax = tax;
    properties.shipping = shipping;
    properties.order_id = Some(stripe.order_of(&session.metadata).unwrap_or(id));
    found.draft.properties = properties;

    let reference = session.client_reference_id.text();
    // A shop may use this field for something of its own; our visitor ids are UUIDs.
    if let Some(reference) = reference.filter(|text| vendor_cookie::is_uuid(text)) {
        carried::visitor(reference, &mut found.draft);
    }
    carry(&session.metadata, &mut found);
    tie("customer", &session.customer, &mut found);
    tie("subscription", &session.subscription, &mut found);
    tie("payment_intent", &session.payment_intent, &mut found);
    tie("invoice", &session.invoice, &mut found);
    let mut user = person(session.customer_details.0.unwrap_or_default());
    user.take(Field::Email, session.customer_email.0);
    Ok(Reading::one(of(found, user)))
}

/// An invoice that was paid: by the settings the later periods of subscriptions only, or all there are.
pub(super) fn invoice(
    stripe: &Stripe,
    invoice: Invoice,
    time: Option<UnixMs>,
) -> Result<Reading, Unreadable> {
    let name = match paid_invoice(stripe, &invoice) {
        Ok(name) => name,
        Err(why) => return Ok(Reading::ignored(why)),
    };
    let id = invoice.id.owned().ok_or(NO_ID)?;
    let mut found = Found::of_order(name, time);
    let order_id = stripe.order_of_invoice(&invoice).unwrap_or(id);
    let worth = stripe.worth(&invoice.amount_paid, &invoice.currency);
    found.draft.properties = Properties { order_id: Some(order_id), ..worth };
    carry(&invoice.metadata, &mut found);
    for details in subscriptions(&invoice) {
        carry(&details.metadata, &mut found);
        tie("subscription", &details.subscription, &mut found);
    }
    tie("subscription", &invoice.subscription, &mut found);
    tie("customer", &invoice.customer, &mut found);
    tie("invoice", &invoice.id, &mut found);
    tie("payment_intent", paid_by(&invoice), &mut found);
    let user = person(Person {
        email: invoice.customer_email,
        phone: invoice.customer_phone,
        name: invoice.customer_name,
        address: invoice.customer_address,
    });
    Ok(Reading::one(of(found, user)))
}

/// The name of the event that a paid invoice is, or why it is none.
fn paid_invoice(stripe: &Stripe, invoice: &Invoice) -> Result<String, &'static str> {
    let all_count = stripe.purchase == PurchaseAt::Invoice;
    let paid = invoice.amount_paid.is_some_and(|amount| amount > 0);
    match (Billed::by(invoice), all_count, paid) {
        (Billed::First, false, _) => Err("the first invoice; its Checkout session is the purchase"),
        (Billed::Apart, false, _) => Err("no invoice of a subscription"),
        (Billed::First | Billed::Apart, true, true) => Ok("Purchase".to_owned()),
        (Billed::Later, _, true) => Ok(stripe.renewal_event.clone()),
        // A subscription that begins with nothing to pay is a trial, as it is when a session says so.
        (Billed::First, true, false) => Ok("StartTrial".to_owned()),
        (Billed::Later, _, false) | (Billed::Apart, true, false) => Err("nothing was paid"),
    }
}

/// What an invoice is for.
enum Billed {
    /// The first period of a subscription.
    First,
    /// A later period, or a change of the subscription within one.
    Later,
    /// Anything that no subscription asks for: written by hand, agreed upon in a quote.
    Apart,
}

impl Billed {
    /// docs.stripe.com/api/invoices/object, `billing_reason` (read 2026-11-28).
    fn by(invoice: &Invoice) -> Self {
        match invoice.billing_reason.text() {
            Some("subscription_create") => Self::First,
            Some(reason) if reason.starts_with("subscription") => Self::Later,
            Some(_) | None => Self::Apart,
        }
    }
}

/// What an invoice says of its subscription, as recent versions have it and as older ones do.
fn subscriptions(invoice: &Invoice) -> impl Iterator<Item = &Subscription> {
    let recent = invoice.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
    [recent, invoice.subscription_details.as_ref()].into_iter().flatten()
}

/// The payment of an invoice. Where there were several it is the first, because an event has one token of a kind; one that
/// is open or was cancelled has paid nothing.
fn paid_by(invoice: &Invoice) -> &Maybe<Text> {
    let payments = invoice.payments.iter().flat_map(|payments| payments.data.iter());
    let paid = payments.filter(|payment| payment.status.text() == Some("paid"));
    let mut intents = paid.filter_map(|payment| Some(&payment.payment.as_ref()?.payment_intent));
    intents.find(|intent| intent.is_some()).unwrap_or(&invoice.payment_intent)
}

/// A charge of which more was given back than before. The amount on it is the sum of all that ever was.
pub(super) fn refunded_charge(
    stripe: &Stripe,
    charge: Charge,
    before: &Maybe<Previous>,
    time: Option<UnixMs>,
) -> Result<Reading, Unreadable> {
    let id = charge.id.text().ok_or(NO_ID)?;
    let sum = charge.amount_refunded.ok_or(Unreadable::Missing { field: "data.object.amount_refunded" })?;
    let before = before.as_ref().and_then(|before| *before.amount_refunded);
    let before = before.ok_or(Unreadable::Missing { field: "data.previous_attributes.amount_refunded" })?;
    let given = sum.saturating_sub(before);
    if given <= 0 {
        return Ok(Reading::ignored("no money was given back"));
    }
    let mut found = Found::about("Refund", &format!("{id}-{sum}"), time);
    let order_id = stripe.order_of(&charge.metadata);
    found.draft.properties = Properties { order_id, ..stripe.worth(&Maybe(Some(given)), &charge.currency) };
    // The charge says what it was and what of it is left; the purchase was told with its own time, which the relay knows.
    let left = charge.amount.map(|amount| Maybe(Some(amount.saturating_sub(sum))));
    found.draft.properties.custom = of_order(
        charge.created.map(|seconds| UnixMs(seconds.saturating_mul(1000))),
        stripe.worth(&charge.amount, &charge.currency).value,
        left.and_then(|left| stripe.worth(&left, &charge.currency).value),
    );
    carry(&charge.metadata, &mut found);
    tie("payment_intent", &charge.payment_intent, &mut found);
    tie("invoice", &charge.invoice, &mut found);
    tie("customer", &charge.customer, &mut found);
    let mut user = person(charge.billing_details.0.unwrap_or_default());
    user.take(Field::Email, charge.receipt_email.0);
    Ok(Reading::one(of(found, user)))
}

/// A refund by itself.
pub(super) fn refund(stripe: &Stripe, refund: &Refund, time: Option<UnixMs>) -> Result<Reading, Unreadable> {
    if refund.status.text() != Some("succeeded") {
        return Ok(Reading::ignored("the refund has not succeeded"));
    }
    let id = refund.id.text().ok_or(NO_ID)?;
    let mut found = Found::about("Refund", id, time);
    let order_id = stripe.order_of(&refund.metadata);
    found.draft.properties = Properties { order_id, ..stripe.worth(&refund.amount, &refund.currency) };
    carry(&refund.metadata, &mut found);
    tie("payment_intent", &refund.payment_intent, &mut found);
    Ok(Reading::one(of(found, RawUser::default())))
}

/// A dispute that came to its end. Until then the money is only held back, and one that is won brings it back.
pub(super) fn dispute(
    stripe: &Stripe,
    dispute: &Dispute,
    time: Option<UnixMs>,
) -> Result<Reading, Unreadable> {
    if dispute.status.text() != Some("lost") {
        return Ok(Reading::ignored("the dispute is not lost"));
    }
    let id = dispute.id.text().ok_or(NO_ID)?;
    let mut found = Found::about("Refund", id, time);
    let order_id = stripe.order_of(&dispute.metadata);
    found.draft.properties = Properties { order_id, ..stripe.worth(&dispute.amount, &dispute.currency) };
    carry(&dispute.metadata, &mut found);
    tie("payment_intent", &dispute.payment_intent, &mut found);
    Ok(Reading::one(of(found, RawUser::default())))
}

/// A payment without Checkout.
pub(super) fn payment(
    stripe: &Stripe,
    payment: PaymentIntent,
    time: Option<UnixMs>,
) -> Result<Reading, Unreadable> {
    let id = payment.id.owned().ok_or(NO_ID)?;
    let mut found = Found::of_order("Purchase", time);
    let order_id = stripe.order_of(&payment.metadata).unwrap_or_else(|| id.clone());
    let worth = stripe.worth(&payment.amount_received, &payment.currency);
    found.draft.properties = Properties { order_id: Some(order_id), ..worth };
    carry(&payment.metadata, &mut found);
    tie("payment_intent", &Maybe(Some(Text(id))), &mut found);
    tie("customer", &payment.customer, &mut found);
    let mut user = RawUser::default();
    user.take(Field::Email, payment.receipt_email.0);
    // The parcel may go to somebody else, but the telephone is the one the buyer gave.
    user.take(Field::Phone, payment.shipping.0.and_then(|shipping| shipping.phone.0));
    Ok(Reading::one(of(found, user)))
}

impl Stripe {
    /// A whole amount of a currency as value. Without a currency the decimals are unknown, and so is the value.
    fn worth(&self, amount: &Maybe<i64>, currency: &Maybe<Text>) -> Properties {
        let currency = currency.text().and_then(Currency::parse);
        let value = amount.zip(currency).map(|(amount, currency)| major(amount, currency, &self.minor_units));
        Properties { value, currency, ..Properties::default() }
    }

    /// The shop's own order number, where the settings say under which name it travels.
    fn order_of(&self, metadata: &Metadata) -> Option<String> {
        metadata.as_ref()?.get(self.order_id_metadata.as_deref()?)?.owned()
    }

    /// The same of an invoice. A subscription repeats its metadata on every invoice, so its number is that of the first; and
    /// a later period is an order of its own.
    fn order_of_invoice(&self, invoice: &Invoice) -> Option<String> {
        let own = || self.order_of(&invoice.metadata);
        match Billed::by(invoice) {
            Billed::First => {
                own().or_else(|| subscriptions(invoice).find_map(|details| self.order_of(&details.metadata)))
            }
            Billed::Apart => own(),
            Billed::Later => None,
        }
    }
}

/// No object of Stripe names a page or a browser.
fn of(mut found: Found, user: RawUser) -> Found {
    found.draft.source = Some(Source::Server);
    found.draft.user = user;
    found
}

/// What the metadata carried along for us.
fn carry(metadata: &Metadata, found: &mut Found) {
    for (name, value) in metadata.iter().flatten() {
        if let Some(value) = value.text() {
            carried::field(name, value, &mut found.draft);
        }
    }
}

/// Ties the event to others of the same customer, subscription, invoice or payment.
fn tie(kind: &str, id: &Maybe<Text>, found: &mut Found) {
    if let Some(id) = id.owned() {
        found.draft.tokens.insert(format!("stripe_{kind}"), id);
    }
}

fn person(person: Person) -> RawUser {
    let mut user = RawUser::default();
    user.take(Field::Email, person.email.0);
    user.take(Field::Phone, person.phone.0);
    user.take_name(person.name.0);
    let address = person.address.0.unwrap_or_default();
    user.take(Field::Street, address.line1.0);
    user.take(Field::City, address.city.0);
    user.take(Field::Region, address.state.0);
    user.take(Field::PostalCode, address.postal_code.0);
    user.take(Field::Country, address.country.0);
    user
}

//! From an order, checkout, refund or account of Shopify to an event.

use shared::event::{Context, Page, Source};
use shared::money::Currency;
use shared::{Item, Properties, Scalar};

use super::super::carried::{self, of_order};
use super::super::json::{Amount, Maybe};
use super::super::reading::{Found, Reading, Unreadable};
use super::payload::{Account, Customer, LineItem, MoneySet, Order, Refund};
use super::{ItemId, MoneyOf, POINT_OF_SALE, Shopify, person, refund};
use crate::orders::{OF_SHOP, calling_off};

/// A purchase, whatever it is called, or the reversal of one, with everything the order knows.
pub(super) fn purchase(shop: &Shopify, name: &str, mut order: Order) -> Result<Found, Unreadable> {
    let id = order.id.owned().ok_or(Unreadable::Missing { field: "id" })?;
    let time = order.processed_at.time().or_else(|| order.created_at.time());
    let mut found = match name {
        // Refunds of one order in parts have ids of their own; so has its cancellation.
        "Refund" => Found::about(name, &calling_off(&id), order.cancelled_at.time().or(time)),
        _ => Found::of_order(name, time),
    };
    let presentment = shop.money == MoneyOf::Presentment && presented(&order.total_price_set).is_some();
    let price = |amount: &Maybe<Amount>, set: &Maybe<MoneySet>| {
        if presentment { presented(set) } else { amount.amount() }
    };
    let currency = if presentment { &order.presentment_currency } else { &order.currency };
    let shipping = order.total_shipping_price_set.as_ref();
    let shipping =
        shipping.and_then(|set| if presentment { &set.presentment_money } else { &set.shop_money }.as_ref());
    found.draft.properties = Properties {
        value: price(&order.total_price, &order.total_price_set),
        currency: currency.text().and_then(Currency::parse),
        order_id: Some(id),
        tax: price(&order.total_tax, &order.total_tax_set),
        shipping: shipping.and_then(|money| money.amount.amount()),
        coupon: order.discount_codes.iter().find_map(|discount| discount.code.owned()),
        items: order
            .line_items
            .iter()
            .map(|line| item(shop, line, price(&line.price, &line.price_set)))
            .collect(),
        ..Properties::default()
    };
    if name == "Refund" {
        // All of it is taken back.
        found.draft.properties.custom = of_order(time, found.draft.properties.value, Some(0.0));
    } else if order.line_items.is_empty() {
        found.draft.properties.custom.insert(OF_SHOP.to_owned(), Scalar::Bool(true));
    }
    journey(&mut order, &mut found);
    Ok(found)
}

/// The beginning of a checkout.
pub(super) fn checkout(shop: &Shopify, mut checkout: Order) -> Result<Found, Unreadable> {
    let token = checkout.token.owned().ok_or(Unreadable::Missing { field: "token" })?;
    let mut found = Found::about("InitiateCheckout", &token, checkout.created_at.time());
    let (own, seen) = (checkout.currency.text(), checkout.presentment_currency.text());
    // A checkout does not say which of the two its amounts are in; where both are one there is no doubt.
    let currency = own.filter(|own| seen.is_none_or(|seen| seen == *own)).and_then(Currency::parse);
    let known = |amount: Option<f64>| amount.filter(|_| currency.is_some());
    found.draft.properties = Properties {
        value: known(checkout.total_price.amount()),
        currency,
        items: checkout.line_items.iter().map(|line| item(shop, line, known(line.price.amount()))).collect(),
        ..Properties::default()
    };
    checkout.checkout_token = Maybe(checkout.token.0.take());
    journey(&mut checkout, &mut found);
    Ok(found)
}

/// Money given back: the sum of what was really paid out.
pub(super) fn refund(shop: &Shopify, refund: &Refund) -> Result<Reading, Unreadable> {
    let id = refund.id.text().ok_or(Unreadable::Missing { field: "id" })?;
    let order = refund.order_id.owned().ok_or(Unreadable::Missing { field: "order_id" })?;
    let is = |text: Option<&str>, word: &str| text == Some(word);
    let paid: Vec<_> = refund.transactions.iter().filter(|one| is(one.kind.text(), "refund")).collect();
    let paid: Vec<_> = paid.into_iter().filter(|one| is(one.status.text(), "success")).collect();
    if !shop.test_orders && paid.iter().any(|one| *one.test == Some(true)) {
        return Ok(Reading::ignored(super::TEST_ORDER));
    }
    let mut currencies = paid.iter().map(|one| one.currency.text().and_then(Currency::parse));
    let currency = currencies.next().flatten();
    if !currencies.all(|other| other == currency) {
        return Err(Unreadable::Unsupported { advice: "a refund in several currencies has no value" });
    }
    let value = refund::rounded(paid.iter().filter_map(|one| one.amount.amount()).sum());
    if value <= 0.0 {
        return Ok(Reading::ignored("no money was given back"));
    }
    let in_shop =
        (shop.money == MoneyOf::Shop).then(|| refund::in_shop_money(refund, value, currency)).flatten();
    let (value, currency) = in_shop.map_or((value, currency), |(value, currency)| (value, Some(currency)));
    let time = refund.processed_at.time().or_else(|| refund.created_at.time());
    let mut found = Found::about("Refund", &format!("{order}-{id}"), time);
    found.draft.source = Some(Source::Server);
    found.draft.properties =
        Properties { value: Some(value), currency, order_id: Some(order), ..Properties::default() };
    // A refund does not say through which channel its order came.
    found.draft.properties.custom.extend([shop.only_if_reported()]);
    Ok(Reading::one(found))
}

/// A new customer's account.
pub(super) fn registration(account: &Account, customer: Customer) -> Result<Found, Unreadable> {
    let id = account.id.text().ok_or(Unreadable::Missing { field: "id" })?;
    let mut found = Found::about("CompleteRegistration", id, account.created_at.time());
    found.draft.source = Some(Source::Server);
    found.draft.user = person::of_account(customer);
    Ok(found)
}

/// Who, by which way and from which browser.
fn journey(order: &mut Order, found: &mut Found) {
    let draft = &mut found.draft;
    let in_shop = order.source_name.text() == Some(POINT_OF_SALE);
    // The order names no page, so it is no web event of its own; with the visitor's page it is delivered as one.
    draft.source = Some(if in_shop { Source::Store } else { Source::Server });
    for attribute in order.note_attributes.iter() {
        if let (Some(name), Some(value)) = (attribute.name.text(), attribute.value.text()) {
            carried::field(name, value, draft);
        }
    }
    if let Some(landing) = order.landing_site.text() {
        // No order says when that was: the customer's journey, which does, is in no webhook.
        carried::landing(landing, None, draft);
    }
    for (name, token) in [("cart_token", &order.cart_token), ("checkout_token", &order.checkout_token)] {
        // The cart's token may carry a key behind a question mark, which the page does not always see.
        let token = token.text().and_then(|token| token.split('?').next());
        if let Some(token) = token {
            draft.tokens.insert(name.to_owned(), token.to_owned());
        }
    }
    draft.page = Page { referrer: order.referring_site.owned(), ..Page::default() };
    if !in_shop {
        draft.context = client(order);
    }
    draft.user = person::of_order(order);
}

fn client(order: &Order) -> Context {
    let details = order.client_details.as_ref();
    let language = details.and_then(|details| details.accept_language.text());
    let first = language.and_then(|line| line.split([',', ';']).next()).map(|first| first.trim().to_owned());
    Context {
        ip: details.and_then(|details| details.browser_ip.owned()).or_else(|| order.browser_ip.owned()),
        user_agent: details.and_then(|details| details.user_agent.owned()),
        language: first.filter(|first| !first.is_empty()),
    }
}

fn item(shop: &Shopify, line: &LineItem, price: Option<f64>) -> Item {
    let id = match shop.item_id {
        ItemId::VariantId => &line.variant_id,
        ItemId::ProductId => &line.product_id,
        ItemId::Sku => &line.sku,
    };
    Item {
        id: id.owned(),
        name: line.title.owned(),
        brand: line.vendor.owned(),
        price,
        quantity: line.quantity.amount(),
        ..Item::default()
    }
}

/// The amount the customer saw.
fn presented(set: &Maybe<MoneySet>) -> Option<f64> {
    set.as_ref()?.presentment_money.as_ref()?.amount.amount()
}

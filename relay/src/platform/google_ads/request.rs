//! One event as `events:ingest` takes it, and what makes an event unfit to be sent.
//!
//! Field names are those of the API's `Event` (reference of `events:ingest`, read 2026-11-23). Which ad it was is
//! written in `click`, who in `identity`, what in `cart`. `eventSource` is called optional there and demanded by the
//! service (github.com/googleapis/google-cloud-php/issues/9201), so it always goes along.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::event::Source;
use shared::money::Currency;
use shared::time::{DAY_MS, MINUTE_MS};
use shared::{Event, UnixMs};

use super::cart::{CartData, CustomVariable, UserProperties, custom_variables};
use super::click::AdIdentifiers;
use super::identity::{UserData, quality};
use super::refund::Refund;
use super::region::{Consent, Region};
use super::settings::{Account, ActionType, Traits};
use super::{ADJUST, GoogleAds, INGEST, MAX_CLICK_AGE_MS, MAX_USER_AGE_MS, Sorted, adjustments};
use crate::platform::address::client_address;
use crate::platform::batch::Written;
use crate::platform::number::Number;
use crate::platform::person;
use crate::platform::{Outgoing, Skip, SkipReason, refund};

/// The request's body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    destinations: [Destination<'a>; 1],
    encoding: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    validate_only: bool,
    events: &'a [Box<RawValue>],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Destination<'a> {
    operating_account: ProductAccount<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_account: Option<ProductAccount<'a>>,
    product_destination_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProductAccount<'a> {
    account_type: &'static str,
    account_id: &'a str,
}

impl<'a> Envelope<'a> {
    /// Events of one conversion action.
    pub(super) fn new(
        account: &'a Account,
        action: &'a str,
        events: &'a [Box<RawValue>],
        validate_only: bool,
    ) -> Self {
        let product = |id| ProductAccount { account_type: "GOOGLE_ADS", account_id: id };
        let destination = Destination {
            operating_account: product(&account.operating),
            login_account: account.login.as_deref().map(product),
            product_destination_id: action,
        };
        Self { destinations: [destination], encoding: "HEX", validate_only, events }
    }
}

/// One element of `events`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversion<'a> {
    transaction_id: Cow<'a, str>,
    event_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_timestamp: Option<String>,
    event_source: EventSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion_value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "AdIdentifiers::is_empty")]
    ad_identifiers: AdIdentifiers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<UserData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Consent>,
    #[serde(skip_serializing_if = "Device::is_empty")]
    event_device_info: Device<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cart_data: Option<CartData<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    custom_variables: Vec<CustomVariable<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_properties: Option<UserProperties>,
}

/// The visitor's browser, never the relay.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<IpAddr>,
}

impl<'a> Device<'a> {
    fn of(event: &'a Event, region: Region) -> Self {
        let address = event.context.ip.as_deref().filter(|_| region.allows_address());
        Self { user_agent: person::user_agent(event), ip_address: address.and_then(client_address) }
    }

    fn is_empty(&self) -> bool {
        self.user_agent.is_none() && self.ip_address.is_none()
    }
}

/// Where a conversion came about, in Google's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EventSource {
    Web,
    InStore,
    Phone,
    Message,
    Other,
}

impl EventSource {
    /// A server's event with a page belongs to the site. A change to an order, and what joins a tag's conversion, are
    /// of the web whoever reports them.
    fn of(event: &Event, joins_web: bool) -> Self {
        // A change keeps the source its order had.
        let source =
            if event.event == "Refund" { crate::platform::refund::order_source(event) } else { event.source };
        match source {
            Source::Web => Self::Web,
            Source::Server if event.page.url.is_some() => Self::Web,
            Source::Server | Source::Crm | Source::Email if joins_web => Self::Web,
            Source::Server | Source::Crm | Source::Email => Self::Other,
            Source::Phone => Self::Phone,
            Source::Store => Self::InStore,
            Source::Chat => Self::Message,
        }
    }
}

/// What a conversion says about the order behind it.
struct Order<'a> {
    transaction_id: Cow<'a, str>,
    time: UnixMs,
    updated: Option<UnixMs>,
    value: Option<f64>,
}

/// Writes one event, or says why it must not be sent.
pub(super) fn write(
    google: &GoogleAds,
    outgoing: &Outgoing<'_>,
    place: usize,
    now: UnixMs,
) -> Result<Sorted, Skip> {
    let (event, traits) = (outgoing.event, &google.traits);
    let action = action(outgoing, traits)?;
    let sorted = |call, written| Sorted { call, action: action.to_owned(), written };
    let region = Region::of(event, traits.unknown_country);
    let order = if event.event == "Refund" {
        let refund = Refund::of(event, now)?;
        if let Some(adjustments) = &google.adjustments {
            // A conversion taken back is named by its id alone: no amount, and nothing of a person.
            if !refund::is_all_back(refund.remaining) {
                check_currency(event)?;
            }
            let id = transaction_id(refund.order_id, traits);
            let (json, quality) = adjustments::write(adjustments, action, &id, event, &refund, now);
            return Ok(sorted(ADJUST, Written { place, json, quality }));
        }
        check_currency(event)?;
        Order::of_refund(&refund, event, traits)?
    } else {
        Order::of(event, traits, now)?
    };
    let consent = Consent::of(event, region)?;
    let conversion = conversion(event, order, traits, region, consent, now)?;
    let quality = quality(
        &conversion.ad_identifiers,
        conversion.user_data.as_ref(),
        conversion.event_device_info.user_agent.is_some(),
        conversion.event_device_info.ip_address.is_some(),
    );
    let json = to_raw_value(&conversion).expect("text keys and finite numbers always write as JSON");
    Ok(sorted(INGEST, Written { place, json, quality }))
}

fn conversion<'a>(
    event: &'a Event,
    order: Order<'a>,
    traits: &'a Traits,
    region: Region,
    consent: Option<Consent>,
    now: UnixMs,
) -> Result<Conversion<'a>, Skip> {
    let is_refund = order.updated.is_some();
    let event_source = EventSource::of(event, is_refund || traits.action_type == ActionType::Webpage);
    check_source(event_source, traits.action_type)?;
    let ad_identifiers = AdIdentifiers::of(event, now);
    let user_data = UserData::of(event);
    check_identifiers(&ad_identifiers, user_data.as_ref())?;
    check_age(order.time, ad_identifiers.is_empty(), now)?;
    let cart = !is_refund && !ad_identifiers.is_braid();
    let properties = &event.properties;
    let value = order.value.filter(|value| *value >= 0.0).and_then(Number::new);
    let cart_data = if cart { CartData::of(properties, traits.merchant.as_ref()) } else { None };
    Ok(Conversion {
        transaction_id: order.transaction_id,
        event_timestamp: order.time.rfc3339(),
        last_updated_timestamp: order.updated.map(UnixMs::rfc3339),
        event_source,
        // Both or neither: an amount without a currency is none.
        conversion_value: value.filter(|_| properties.currency.is_some()),
        currency: properties.currency.filter(|_| value.is_some()),
        ad_identifiers,
        user_data,
        consent,
        event_device_info: Device::of(event, region),
        cart_data,
        custom_variables: custom_variables(event, traits),
        user_properties: UserProperties::of(properties),
    })
}

impl<'a> Order<'a> {
    fn of(event: &'a Event, traits: &Traits, now: UnixMs) -> Result<Self, Skip> {
        let value = event.properties.value.filter(|value| value.is_finite());
        if event.event == "Purchase" && value.is_some_and(|value| value < 0.0) {
            let detail = "a Purchase with a negative value is a refund; report it as Refund";
            return Err(Skip::new(SkipReason::RefundNotSupported, detail));
        }
        let id = event.properties.order_id.as_deref().unwrap_or(&event.event_id);
        // An event from the future is a wrong clock, and EVENT_TIME_INVALID.
        let time = event.time.min(now).max(UnixMs(0));
        Ok(Self { transaction_id: transaction_id(id, traits), time, updated: None, value })
    }

    /// The order once more, with what is left of its value.
    fn of_refund(refund: &Refund<'a>, event: &Event, traits: &Traits) -> Result<Self, Skip> {
        let Some(time) = refund.order_time else {
            let detail = "the Data Manager API lowers a conversion by its own time; give `order_time`, or set \
                `adjustments` to take it back by the Google Ads API";
            return Err(Skip::new(SkipReason::RefundNotSupported, detail));
        };
        Ok(Self {
            transaction_id: transaction_id(refund.order_id, traits),
            time,
            updated: Some(event.time.max(time)),
            value: Some(refund.remaining),
        })
    }
}

/// The category Google suggests when the action is made: its word for the kind of conversion. Events themselves have
/// no names there (enum ConversionActionCategory of the Google Ads API, read 2026-11-23).
pub(super) fn standard(name: &str) -> Option<&'static str> {
    match name {
        "PageView" | "ViewContent" => Some("PAGE_VIEW"),
        "AddToCart" => Some("ADD_TO_CART"),
        "InitiateCheckout" => Some("BEGIN_CHECKOUT"),
        "Purchase" => Some("PURCHASE"),
        "Lead" | "SubmitApplication" => Some("SUBMIT_LEAD_FORM"),
        "CompleteRegistration" | "StartTrial" => Some("SIGNUP"),
        "Subscribe" => Some("SUBSCRIBE_PAID"),
        "Contact" => Some("CONTACT"),
        "Schedule" => Some("BOOK_APPOINTMENT"),
        "Search" | "AddToWishlist" | "AddPaymentInfo" => Some("DEFAULT"),
        _ => None,
    }
}

/// The conversion action an event goes to. A refund goes where its order went.
fn action<'a>(outgoing: &Outgoing<'a>, traits: &'a Traits) -> Result<&'a str, Skip> {
    let ours = outgoing.event.event.as_str();
    let (event, renamed) = match ours {
        "Refund" => {
            let order = refund::order_event(outgoing.event).unwrap_or("Purchase");
            (order, outgoing.renamed.or(outgoing.order_renamed))
        }
        ours => (ours, outgoing.renamed),
    };
    traits.action(event, renamed).ok_or_else(|| {
        let detail = format!("no conversion action for {event}; give it one in `conversion_actions`");
        Skip::new(SkipReason::NotMapped, detail)
    })
}

/// The id by which Google knows a conversion: of the order, or of the event.
fn transaction_id<'a>(id: &'a str, traits: &Traits) -> Cow<'a, str> {
    if id.len() < 2 || id.bytes().all(|b| b.is_ascii_digit()) {
        Cow::Owned(format!("{}{id}", traits.id_prefix))
    } else {
        Cow::Borrowed(id)
    }
}

fn check_currency(event: &Event) -> Result<(), Skip> {
    match event.properties.currency {
        Some(_) => Ok(()),
        None => Err(Skip::new(SkipReason::MissingCurrency, "what is left of an order needs its `currency`")),
    }
}

/// What joins a tag's conversion happened on the site.
fn check_source(source: EventSource, action_type: ActionType) -> Result<(), Skip> {
    if action_type == ActionType::UploadClicks || source == EventSource::Web {
        return Ok(());
    }
    let detail = "an action of type WEBPAGE takes what happened on the site; send it to one of UPLOAD_CLICKS";
    Err(Skip::new(SkipReason::NotMapped, detail))
}

fn check_identifiers(ids: &AdIdentifiers<'_>, user_data: Option<&UserData>) -> Result<(), Skip> {
    if !ids.is_empty() || user_data.is_some() {
        return Ok(());
    }
    let detail = "neither a Google click id of the last 90 days nor an e-mail, a phone or a whole address";
    Err(Skip::new(SkipReason::NoIdentifier, detail))
}

fn check_age(time: UnixMs, user_only: bool, now: UnixMs) -> Result<(), Skip> {
    let max_age_ms = if user_only { MAX_USER_AGE_MS } else { MAX_CLICK_AGE_MS };
    if now.since(time) <= max_age_ms {
        return Ok(());
    }
    let days = (max_age_ms + MINUTE_MS) / DAY_MS;
    let by = if user_only { "by user data alone" } else { "with a click" };
    let detail = format!("happened at {time}; Google takes conversions of the last {days} days {by}");
    Err(Skip::new(SkipReason::TooOld, detail))
}

#[cfg(test)]
mod tests;

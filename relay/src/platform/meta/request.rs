//! Meta's server event: name, time, channel and place, and what makes an event unfit to be sent.
//!
//! Field names are Meta's own (pages "main body" and "server event parameters", read 2026-11-23). Who it was
//! is written in `user_data`, what it was about in `custom_data`.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::event::Source;
use shared::time::{DAY_MS, MINUTE_MS};
use shared::{Event, Signal, UnixMs};

use super::custom_data::CustomData;
use super::user_data::UserData;
use super::{LimitedDataUse, MAX_AGE_MS, MAX_STORE_AGE_MS, Meta};
use crate::platform::naming::Naming;
use crate::platform::number::Number;
use crate::platform::page::web_address;
use crate::platform::{Outgoing, Quality, Skip, SkipReason, person};

/// 50 characters are known of the pixel, unverified for the server, so kept.
pub(super) const NAMING: Naming = Naming { platform: "Meta", standard, others: &[], longest: 50 };

/// The names Meta knows. They are our standard names, less the three that Meta does not have.
const STANDARD: [&str; 18] = [
    "PageView",
    "ViewContent",
    "Search",
    "AddToCart",
    "AddToWishlist",
    "InitiateCheckout",
    "AddPaymentInfo",
    "Purchase",
    "Lead",
    "CompleteRegistration",
    "Subscribe",
    "StartTrial",
    "Contact",
    "Schedule",
    "FindLocation",
    "CustomizeProduct",
    "Donate",
    "SubmitApplication",
];

/// The request's body, without the token.
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    pub(super) data: &'a [Box<RawValue>],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test_event_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partner_agent: Option<&'a str>,
}

/// One element of `data`.
#[derive(Serialize)]
struct ServerEvent<'a> {
    event_name: &'a str,
    event_time: i64,
    event_id: &'a str,
    action_source: ActionSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_out: Option<bool>,
    #[serde(flatten)]
    data_processing: Option<DataProcessing>,
    user_data: UserData<'a>,
    #[serde(skip_serializing_if = "CustomData::is_empty")]
    custom_data: CustomData<'a>,
}

/// Limited Data Use. The state always goes along: it is mandatory where no client address is sent.
#[derive(Serialize)]
struct DataProcessing {
    #[serde(rename = "data_processing_options")]
    options: [&'static str; 1],
    #[serde(rename = "data_processing_options_country")]
    country: u16,
    #[serde(rename = "data_processing_options_state")]
    state: u16,
}

impl From<LimitedDataUse> for DataProcessing {
    fn from(place: LimitedDataUse) -> Self {
        Self { options: ["LDU"], country: place.country, state: place.state }
    }
}

/// Where a conversion came about, in Meta's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ActionSource {
    Website,
    SystemGenerated,
    PhoneCall,
    PhysicalStore,
    Email,
    Chat,
}

impl ActionSource {
    /// A server's event with a page belongs to the site; without one, nobody was there to see a page.
    fn of(event: &Event) -> Self {
        match event.source {
            Source::Web => Self::Website,
            Source::Server if web_address(event.page.url.as_deref()).is_some() => Self::Website,
            Source::Server | Source::Crm => Self::SystemGenerated,
            Source::Phone => Self::PhoneCall,
            Source::Store => Self::PhysicalStore,
            Source::Email => Self::Email,
            Source::Chat => Self::Chat,
        }
    }

    /// Oldest event Meta takes.
    const fn max_age_ms(self) -> i64 {
        match self {
            Self::PhysicalStore => MAX_STORE_AGE_MS,
            Self::Website | Self::SystemGenerated | Self::PhoneCall | Self::Email | Self::Chat => MAX_AGE_MS,
        }
    }
}

/// Writes one event and says how well it can be matched, or says why it must not be sent.
pub(super) fn write(
    meta: &Meta,
    outgoing: &Outgoing<'_>,
    now: UnixMs,
) -> Result<(Box<RawValue>, Quality), Skip> {
    let event = outgoing.event;
    let event_name = NAMING.of(outgoing)?;
    let action_source = ActionSource::of(event);
    check_age(event, action_source, now)?;
    let user_data = UserData::of(event, now, meta.visitor_id_as_external_id);
    user_data.check()?;
    let quality = user_data.quality();
    check_money(event, event_name)?;
    let (event_source_url, referrer_url) = addresses(event, action_source)?;
    let written = ServerEvent {
        event_name,
        // An event from the future is a wrong clock: Meta's pages are silent on it, connectors refuse it.
        event_time: event.time.min(now).seconds(),
        event_id: &event.event_id,
        action_source,
        event_source_url,
        referrer_url,
        // "Attribution only, not for delivery optimisation": what a visitor without personalisation asked
        // for.
        opt_out: (event.consent.ad_personalization == Some(Signal::Denied)).then_some(true),
        data_processing: limited_data_use(meta, event).map(DataProcessing::from),
        user_data,
        custom_data: CustomData::of(event, event_name),
    };
    let json = to_raw_value(&written).expect("text keys and finite numbers always write as JSON");
    Ok((json, quality))
}

/// The destination's own limit, else one the site asks for with this one event, of which Meta finds the place.
fn limited_data_use(meta: &Meta, event: &Event) -> Option<LimitedDataUse> {
    let asked = || person::asks_for_limited_use(event).then_some(LimitedDataUse { country: 0, state: 0 });
    meta.limited_data_use.or_else(asked)
}

/// Meta's name for a standard event.
pub(super) fn standard(name: &str) -> Option<&'static str> {
    STANDARD.into_iter().find(|known| *known == name)
}

fn check_age(event: &Event, action_source: ActionSource, now: UnixMs) -> Result<(), Skip> {
    let max_age_ms = action_source.max_age_ms();
    if now.since(event.time) <= max_age_ms {
        return Ok(());
    }
    let days = (max_age_ms + MINUTE_MS) / DAY_MS;
    let detail = format!("happened at {}; Meta takes events of the last {days} days", event.time);
    Err(Skip::new(SkipReason::TooOld, detail))
}

/// A purchase must have value and currency (subcode 2804009); elsewhere an unusable amount is left out.
fn check_money(event: &Event, event_name: &str) -> Result<(), Skip> {
    if event_name != "Purchase" {
        return Ok(());
    }
    match event.properties.value.filter(|value| Number::new(*value).is_some()) {
        None => Err(Skip::new(SkipReason::MissingValue, "Meta takes no Purchase without `value`")),
        Some(value) if value < 0.0 => {
            let detail = "a Purchase with a negative value is a refund, which Meta does not have";
            Err(Skip::new(SkipReason::RefundNotSupported, detail))
        }
        Some(_) if event.properties.currency.is_none() => {
            Err(Skip::new(SkipReason::MissingCurrency, "Meta takes no Purchase without `currency`"))
        }
        Some(_) => Ok(()),
    }
}

/// Page and referrer. The page belongs to events of the site only, and must be there for them.
fn addresses(event: &Event, action_source: ActionSource) -> Result<(Option<&str>, Option<&str>), Skip> {
    if action_source != ActionSource::Website {
        return Ok((None, None));
    }
    match web_address(event.page.url.as_deref()) {
        Some(page) => Ok((Some(page), web_address(event.page.referrer.as_deref()))),
        None => {
            let detail = "a web event needs `page.url`, the full http(s) address of its page";
            Err(Skip::new(SkipReason::MissingUrl, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn every_standard_name_has_its_place() {
        for ours in shared::event::STANDARD_EVENTS {
            let event = event(&format!(r#"{{"event":"{ours}","event_id":"1","time":0,"source":"web"}}"#));
            let outgoing = Outgoing { event: &event, site: "s", renamed: None, order_renamed: None };
            let expected = match ours {
                "Refund" => Err(SkipReason::RefundNotSupported),
                "OutboundClick" | "FormSubmit" => Err(SkipReason::NotMapped),
                ours => Ok(ours),
            };
            assert_eq!(NAMING.of(&outgoing).map_err(|skip| skip.reason), expected);
            let renamed = Outgoing { renamed: Some("Own"), ..outgoing };
            assert_eq!(NAMING.of(&renamed).map_err(|skip| skip.reason), Ok("Own"), "{ours}");
        }
    }

    #[test]
    fn the_channel_is_metas_word_for_the_source() {
        let check = |source: &str, page: &str, expected| {
            let json = format!(
                r#"{{"event":"Lead","event_id":"1","time":0,"source":"{source}","page":{{"url":"{page}"}}}}"#
            );
            assert_eq!(ActionSource::of(&event(&json)), expected, "{source} {page}");
        };
        let page = "https://shop.example/";
        check("web", page, ActionSource::Website);
        check("web", "", ActionSource::Website);
        check("server", page, ActionSource::Website);
        check("server", "", ActionSource::SystemGenerated);
        check("server", "not an address", ActionSource::SystemGenerated);
        check("crm", page, ActionSource::SystemGenerated);
        check("phone", page, ActionSource::PhoneCall);
        check("store", page, ActionSource::PhysicalStore);
        check("email", page, ActionSource::Email);
        check("chat", page, ActionSource::Chat);
    }
}

//! Offline conversions: what a CRM, the telephone or a shop reports, uploaded to goals by name.
//!
//! Owns the settings of `offline`, which calls of the Bing Ads API have in common, and the conversion (page
//! "offlineconversion" of the campaign management service, read 2026-11-23). Taking conversions back is
//! `adjustment`'s, the access token `sign_in`'s.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use shared::event::Source;
use shared::money::Currency;
use shared::{Event, Sha256Hex, Signal, UnixMs};
use url::Url;

use super::custom_data::{Revenue, number, text};
use super::sign_in::SignIn;
use super::user_data::{SIGNALS, em, msclkid, ph};
use super::{MAX_OFFLINE_AGE_MS, OFFLINE, ONLINE_ADJUSTMENTS, check_age, check_version};
use crate::platform::number::Number;
use crate::platform::settings::check_token;
use crate::platform::{Call, Header, Quality, SettingError, Settings, Skip, SkipReason, Text};
use crate::secret::Secret;

/// Version of the Bing Ads API, in use since 2019 and the newest on 2026-11-23.
const API_VERSION: &str = "v13";
/// Sources whose events come about outside the site.
const SOURCES: [Source; 5] = [Source::Crm, Source::Phone, Source::Store, Source::Email, Source::Chat];

/// The keys of `offline` as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    client_id: String,
    #[serde(default)]
    client_secret: Option<Secret>,
    refresh_token: Secret,
    developer_token: Secret,
    customer_id: String,
    account_id: String,
    /// Our event → the goal there.
    conversions: BTreeMap<String, String>,
    #[serde(default)]
    sources: Option<Vec<Source>>,
    /// Whether hashed e-mail and phone go along; a goal that does not take them refuses the conversion.
    #[serde(default = "yes")]
    enhanced: bool,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    sandbox: bool,
}

const fn yes() -> bool {
    true
}

/// One account, ready for uploads.
#[derive(Debug)]
pub(super) struct Offline {
    base: Url,
    developer_token: Secret,
    customer_id: String,
    account_id: String,
    conversions: BTreeMap<String, String>,
    sources: Vec<Source>,
    enhanced: bool,
    pub(super) sign_in: SignIn,
}

impl Offline {
    /// Reads the settings of `offline`.
    pub(super) fn configure(own: Own, settings: &Settings) -> Result<Self, SettingError> {
        check_token("offline.developer_token", &own.developer_token)?;
        check_id("offline.customer_id", &own.customer_id)?;
        check_id("offline.account_id", &own.account_id)?;
        let version = own.api_version.as_deref().unwrap_or(API_VERSION);
        check_version("offline.api_version", version, "expected a version such as v13")?;
        if own.conversions.is_empty() || own.conversions.values().any(|goal| goal.trim().is_empty()) {
            let expected = "expected an event and the exact name of its goal, as in { Lead = \"CRM lead\" }";
            return Err(SettingError::invalid("offline.conversions", expected));
        }
        let sandbox = if own.sandbox { ".sandbox" } else { "" };
        let base =
            format!("https://campaign.api{sandbox}.bingads.microsoft.com/CampaignManagement/{version}/");
        let base = Url::parse(&base).expect("a version makes a valid path");
        Ok(Self {
            base: settings.address(base),
            developer_token: own.developer_token,
            customer_id: own.customer_id,
            account_id: own.account_id,
            conversions: own.conversions,
            sources: own.sources.unwrap_or_else(|| SOURCES.to_vec()),
            enhanced: own.enhanced,
            sign_in: SignIn::configure(
                settings,
                own.tenant.as_deref(),
                own.client_id,
                own.client_secret,
                own.refresh_token,
            )?,
        })
    }

    /// The goal an event is uploaded to, if it is one that came about elsewhere and has a goal.
    pub(super) fn goal(&self, event: &Event) -> Option<&str> {
        self.takes(event.source).then(|| self.goal_named(&event.event)).flatten()
    }

    /// Whether what came about there is uploaded.
    pub(super) fn takes(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    /// The goal of the events of a name.
    pub(super) fn goal_named(&self, event: &str) -> Option<&str> {
        self.conversions.get(event).map(String::as_str)
    }

    /// Address, headers and body of a call.
    pub(super) fn call(&self, call: Call, rows: &[Box<RawValue>]) -> (Url, Vec<Header>, Text) {
        let name = match call {
            OFFLINE => "OfflineConversions",
            ONLINE_ADJUSTMENTS => "OnlineConversionAdjustments",
            _ => "OfflineConversionAdjustments",
        };
        let url = self.base.join(&format!("{name}/Apply")).expect("a path below the base is an address");
        let headers = vec![
            Header::json(),
            Header::bearer_to_fetch(),
            Header::new("developertoken", Text::default().secret(&self.developer_token)),
            Header::new("customerid", self.customer_id.as_str()),
            Header::new("customeraccountid", self.account_id.as_str()),
        ];
        (url, headers, Text::json(&BTreeMap::from([(name, rows)])))
    }
}

fn check_id(key: &'static str, id: &str) -> Result<(), SettingError> {
    if !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(SettingError::invalid(key, "expected digits only: the id, not the account number with its letters"))
}

/// Who a conversion belongs to: the click, and hashed where the goal takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Match<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft_click_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashed_email_address: Option<Sha256Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashed_phone_number: Option<Sha256Hex>,
}

impl<'a> Match<'a> {
    /// Whoever an event is about, or why it cannot be uploaded. These calls have no word for consent, so a denial keeps
    /// the event here.
    pub(super) fn of(offline: &Offline, event: &'a Event) -> Result<Self, Skip> {
        check_consent(event)?;
        let hashed = |digest: Option<Sha256Hex>| digest.filter(|_| offline.enhanced);
        let found = Self {
            microsoft_click_id: msclkid(event),
            hashed_email_address: hashed(em(event)),
            hashed_phone_number: hashed(ph(event)),
        };
        if found.microsoft_click_id.is_none()
            && found.hashed_email_address.is_none()
            && found.hashed_phone_number.is_none()
        {
            let detail = "an offline conversion needs a Microsoft click id, an e-mail or a phone";
            return Err(Skip::new(SkipReason::NoIdentifier, detail));
        }
        Ok(found)
    }

    /// How well Microsoft can find the click.
    pub(super) fn quality(&self) -> Quality {
        Quality::of(&SIGNALS, |name| match name {
            "msclkid" => self.microsoft_click_id.is_some(),
            "em" => self.hashed_email_address.is_some(),
            "ph" => self.hashed_phone_number.is_some(),
            _ => false,
        })
    }
}

/// Refuses what the visitor refused.
pub(super) fn check_consent(event: &Event) -> Result<(), Skip> {
    let consent = &event.consent;
    if [consent.ad_storage, consent.ad_user_data].contains(&Some(Signal::Denied)) {
        let detail = "the visitor denied storage or user data, and an upload cannot say so";
        return Err(Skip::new(SkipReason::NoConsent, detail));
    }
    Ok(())
}

/// One element of `OfflineConversions`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Conversion<'a> {
    conversion_name: &'a str,
    conversion_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion_value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion_currency_code: Option<Currency>,
    #[serde(flatten)]
    matched: Match<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_attribution_credit: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_attribution_model: Option<&'a str>,
}

/// Writes one conversion for a goal, or says why it is not sent.
pub(super) fn write(
    offline: &Offline,
    goal: &str,
    event: &Event,
    now: UnixMs,
) -> Result<(Box<RawValue>, Quality), Skip> {
    check_age(event, MAX_OFFLINE_AGE_MS, now)?;
    if event.properties.value.is_some_and(|value| value < 0.0) {
        let detail = "a conversion with a negative value is a refund; send it as Refund";
        return Err(Skip::new(SkipReason::RefundNotSupported, detail));
    }
    let matched = Match::of(offline, event)?;
    let quality = matched.quality();
    let revenue = Revenue::of(event);
    let credit = number(&event.properties, ["ExternalAttributionCredit", "external_attribution_credit"]);
    let model = text(&event.properties, ["ExternalAttributionModel", "external_attribution_model"]);
    let conversion = Conversion {
        conversion_name: goal,
        conversion_time: utc(event.time.min(now)),
        conversion_value: revenue.map(|revenue| revenue.value()),
        conversion_currency_code: revenue.map(|revenue| revenue.currency()),
        matched,
        // For goals attributed elsewhere, which want both.
        external_attribution_credit: credit.filter(|_| model.is_some()),
        external_attribution_model: model.filter(|_| credit.is_some()),
    };
    let json = to_raw_value(&conversion).expect("text keys and finite numbers always write as JSON");
    Ok((json, quality))
}

/// `2026-11-20T14:05:09Z`. The second is all Microsoft tells conversions apart by.
pub(super) fn utc(time: UnixMs) -> String {
    UnixMs(time.seconds().saturating_mul(1_000)).rfc3339()
}

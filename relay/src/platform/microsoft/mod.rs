//! Microsoft Advertising: the UET Conversions API, and beside it offline conversions and adjustments by REST.
//!
//! Two routes in one destination. Events of the site go to the tag's own address with the tag's own token (`event`,
//! `user_data`, `custom_data`). Where `offline` is set, conversions that came about elsewhere go to the goals named
//! there (`offline`), and refunds take back what was counted (`adjustment`); those calls need an access token that is
//! fetched (`sign_in`). The answers of the two routes are read by `response` and `fault`. Owns limits, versions,
//! settings and the choice of the route.
//!
//! Facts are from learn.microsoft.com/advertising (guides/uet-conversion-api-integration, guides/migrate-to-rest,
//! guides/authentication-oauth, campaign-management-service), read 2026-11-23, unless said otherwise. SOAP, which
//! ends on 2027-01-31, is not spoken.

mod adjustment;
mod custom_data;
mod event;
mod fault;
mod offline;
mod response;
mod sign_in;
mod user_data;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use shared::{Event, UnixMs};
use url::Url;

use self::event::UnknownConsent;
use self::offline::Offline;
use super::batch::{self, Capacity, Written};
use super::settings::check_token;
use super::{
    Body, Built, Call, Credentials, Header, Key, Kind, Limits, Outcome, Outgoing, Planned, Platform, Quality,
    Request, Response, Restates, SettingError, Settings, Skip, SkipReason, Text,
};
use crate::secret::Secret;

// ── Limits and API version ─────────────────────────────────────────────────────────────────────────────────

/// The only version of the Conversions API there is.
const API_VERSION: &str = "v1";
/// Every call takes 1,000 events; a page view with revenue is two of them.
const BATCH_EVENTS: usize = 500;
/// Microsoft documents no limit on the body. Of our megabyte, this much is kept for what stands around the events.
const BATCH_BYTES: usize = 1_000_000 - ENVELOPE_BYTES;
const ENVELOPE_BYTES: usize = 4_096;
/// How long the Conversions API remembers an event's id is not documented; a day is the shortest that is plausible.
/// Offline conversions are recognised by goal, click and time for good, but only those with a click. What surely never
/// arrived is not bound by this, but by the age of events.
const RETRY_FOR_MS: i64 = 23 * HOUR_MS;
/// Oldest event the Conversions API takes, less a minute for the way there.
const MAX_AGE_MS: i64 = 7 * DAY_MS - MINUTE_MS;
/// Oldest conversion that can be uploaded or adjusted.
const MAX_OFFLINE_AGE_MS: i64 = 90 * DAY_MS - MINUTE_MS;
/// Requests at once: no limit is documented, five are what others use without being throttled.
const CONCURRENCY: usize = 5;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Microsoft in the registry.
pub const KIND: Kind = Kind {
    name: "microsoft",
    keys: &KEYS,
    standard: event::standard,
    signals: &user_data::SIGNALS,
    configure,
};

const KEYS: [Key; 5] = [
    Key::required("tag_id", "id of the UET tag, digits only"),
    Key::required("access_token", "the tag's own Conversions API token; secret"),
    Key::optional("api_version", "version of the Conversions API, \"v1\" (the default)"),
    Key::optional(
        "unknown_consent",
        "what is said of visitors who were not asked: \"regional\" (the default: denied where the customer's address is in the \
         EEA, the UK or Switzerland, else unsaid), \"unsaid\" (Microsoft takes it for granted), \"denied\" or \"granted\"",
    ),
    Key::optional(
        "offline",
        "offline conversions and refunds: { client_id, client_secret, refresh_token, developer_token, customer_id, \
         account_id, conversions = { Lead = \"goal\", Refund = \"goal\" } }",
    )
    .with_trial("sandbox", "uploads to Microsoft's sandbox, which attributes nothing"),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    tag_id: String,
    access_token: Secret,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    unknown_consent: UnknownConsent,
    #[serde(default)]
    offline: Option<offline::Own>,
}

/// One UET tag, ready to work.
#[derive(Debug)]
struct Microsoft {
    address: Url,
    access_token: Secret,
    unknown_consent: UnknownConsent,
    offline: Option<Offline>,
    /// Whether refunds go as adjustments: the operator's own name for them makes custom events of them.
    adjusts: bool,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    if own.tag_id.is_empty() || !own.tag_id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SettingError::invalid(
            "tag_id",
            "expected digits only, as the list of UET tags shows the id",
        ));
    }
    check_token("access_token", &own.access_token)?;
    let version = own.api_version.as_deref().unwrap_or(API_VERSION);
    check_version("api_version", version, "expected a version such as v1")?;
    event::NAMING.check(&settings.names)?;
    let address = format!("https://capi.uet.microsoft.com/{version}/{}/events", own.tag_id);
    let address = Url::parse(&address).expect("a version and digits make a valid path");
    Ok(Box::new(Microsoft {
        address: settings.address(address),
        access_token: own.access_token,
        unknown_consent: own.unknown_consent,
        adjusts: own.offline.is_some() && !settings.names.contains_key("Refund"),
        offline: own.offline.map(|own| Offline::configure(own, &settings)).transpose()?,
    }))
}

/// Refuses what is no version: `v` and digits.
fn check_version(key: &'static str, text: &str, expected: &str) -> Result<(), SettingError> {
    let digits = text.strip_prefix('v').unwrap_or_default();
    let right = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if right { Ok(()) } else { Err(SettingError::invalid(key, expected)) }
}

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

/// Events of the site, one row each.
const EVENTS: Call = "events";
/// Page views that carry revenue: two rows each, the second of which has nothing but the revenue.
const PAGE_REVENUE: Call = "page_revenue";
/// Conversions that came about elsewhere.
const OFFLINE: Call = "offline";
/// Refunds of conversions the site reported.
const ONLINE_ADJUSTMENTS: Call = "online_adjustments";
/// Refunds of uploaded conversions.
const OFFLINE_ADJUSTMENTS: Call = "offline_adjustments";
const CALLS: [Call; 5] = [EVENTS, PAGE_REVENUE, OFFLINE, ONLINE_ADJUSTMENTS, OFFLINE_ADJUSTMENTS];

/// An event on its way: its call, its text and how well it can be matched.
type Row = (Call, Box<RawValue>, Quality);
/// What the events of a request have in common: a call, and a goal where the call names one. A call may be refused whole for a goal,
/// and whose it was is not said.
type Route<'a> = (Call, Option<&'a str>);

impl Platform for Microsoft {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        let mut built = Built::default();
        let mut written: Vec<(Route<'_>, Written)> = Vec::with_capacity(events.len());
        let capacity = Capacity { events: BATCH_EVENTS, bytes: BATCH_BYTES };
        for (place, outgoing) in events.iter().enumerate() {
            match self.write(outgoing, now) {
                Ok((goal, (call, json, quality))) if capacity.fits(&json) => {
                    written.push(((call, goal), Written { place, json, quality }));
                }
                Ok(_) => {
                    built.skips.push((place, Skip::new(SkipReason::TooLarge, "larger than 1 MB as JSON")))
                }
                Err(skip) => built.skips.push((place, skip)),
            }
        }
        for call in CALLS {
            while let Some(route) = written.iter().map(|(route, _)| *route).find(|(of, _)| *of == call) {
                let (mine, rest): (Vec<_>, Vec<_>) = written.into_iter().partition(|(of, _)| *of == route);
                written = rest;
                let groups = batch::group(mine.into_iter().map(|(_, event)| event).collect(), capacity);
                built.requests.extend(groups.into_iter().map(|group| self.request(call, group)));
            }
        }
        built
    }

    fn read(&self, call: Call, response: &Response, events: usize, _now: UnixMs) -> Vec<Outcome> {
        match call {
            EVENTS => response::read(response, events, 1),
            PAGE_REVENUE => response::read(response, events, 2),
            _ => fault::read(response, events),
        }
    }

    fn remark(&self, call: Call, response: &Response) -> Option<String> {
        match call {
            EVENTS | PAGE_REVENUE => response::dropped(response),
            _ => None,
        }
    }

    /// Offline conversions and adjustments go to another host, with a login of their own.
    fn apart(&self, call: Call) -> bool {
        matches!(call, OFFLINE | ONLINE_ADJUSTMENTS | OFFLINE_ADJUSTMENTS)
    }

    /// The tag has a token of its own, which says nothing of the account that uploads.
    fn has_second_login(&self) -> bool {
        self.offline.is_some()
    }

    fn limits(&self) -> Limits {
        Limits { batch: BATCH_EVENTS, concurrency: CONCURRENCY, pace_ms: 0, retry_for_ms: RETRY_FOR_MS }
    }

    fn credentials(&self) -> Option<&dyn Credentials> {
        self.offline.as_ref().map(|offline| &offline.sign_in as &dyn Credentials)
    }

    /// An adjustment of a conversion that Microsoft does not know is lost, and makes none of it.
    fn restates(&self) -> Option<Restates> {
        let after_ms = adjustment::SHOWS_AFTER_MS;
        self.adjusts.then_some(Restates { alone: false, takes_away: true, after_ms })
    }
}

impl Microsoft {
    /// Writes one event for the call and the goal it belongs to, or says why it is not sent.
    fn write(&self, outgoing: &Outgoing<'_>, now: UnixMs) -> Result<(Option<&str>, Row), Skip> {
        let event = outgoing.event;
        if let Some(offline) = &self.offline {
            // The operator's own name for refunds makes a custom event of them.
            if event.event == "Refund" && outgoing.renamed.is_none() {
                return adjustment::write(offline, event, now).map(|(goal, row)| (Some(goal), row));
            }
            if let Some(goal) = offline.goal(event) {
                let (json, quality) = offline::write(offline, goal, event, now)?;
                return Ok((Some(goal), (OFFLINE, json, quality)));
            }
        }
        Ok((None, event::write(self.unknown_consent, outgoing, now)?))
    }

    fn request(&self, call: Call, group: Vec<Written>) -> Planned {
        let events = group.iter().map(|written| written.place).collect();
        let (rows, quality): (Vec<_>, Vec<_>) =
            group.into_iter().map(|written| (written.json, written.quality)).unzip();
        let (url, headers, body) = match (call, &self.offline) {
            (OFFLINE | ONLINE_ADJUSTMENTS | OFFLINE_ADJUSTMENTS, Some(offline)) => offline.call(call, &rows),
            (call, _) => {
                let headers = vec![Header::json(), Header::bearer(&self.access_token)];
                (self.address.clone(), headers, envelope(call, &rows))
            }
        };
        let request = Request { method: "POST", url, headers, body: Body::Json(body), public_only: false };
        Planned { call, request, events, quality }
    }
}

/// The body of a call of the Conversions API.
#[derive(Serialize)]
struct Envelope {
    #[serde(rename = "dataProvider")]
    provider: &'static str,
    /// Without it one invalid event refuses its whole batch.
    #[serde(rename = "continueOnValidationError")]
    lenient: bool,
    data: Box<RawValue>,
}

/// Who sends.
const PROVIDER: &str = "AnyTrack";

fn envelope(call: Call, rows: &[Box<RawValue>]) -> Text {
    // A page view with revenue is written as a list of its two rows, whose brackets go here.
    let bare = |row: &RawValue| {
        let text = row.get();
        if call == PAGE_REVENUE { text.trim_matches(['[', ']']).to_owned() } else { text.to_owned() }
    };
    let rows: Vec<String> = rows.iter().map(|row| bare(row)).collect();
    let data = RawValue::from_string(format!("[{}]", rows.join(",")));
    let data = data.expect("rows of JSON with commas between them are a JSON list");
    Text::json(&Envelope { provider: PROVIDER, lenient: true, data })
}

/// Refuses what is older than the call takes.
fn check_age(event: &Event, max_age_ms: i64, now: UnixMs) -> Result<(), Skip> {
    if now.since(event.time) <= max_age_ms {
        return Ok(());
    }
    let days = (max_age_ms + MINUTE_MS) / DAY_MS;
    let detail = format!("happened at {}; Microsoft takes events of the last {days} days", event.time);
    Err(Skip::new(SkipReason::TooOld, detail))
}

#[cfg(test)]
mod tests;

//! Google Ads: the Data Manager API, `POST /v1/events:ingest`, and beside it the Google Ads API's conversion
//! adjustments.
//!
//! Owns limits, versions and the grouping of events into requests; the rooms are `settings` (the destination's
//! keys), `request` (the event), `identity` (who), `click` (which ad), `cart` (what), `region` (what the law of the
//! visitor's country asks), `refund` (what is left of an order), `adjustments` (the second call), `credentials`
//! (OAuth 2.0), `response` and `diagnostics` (the answer at once, and the one half an hour later). Facts are from
//! Google's pages under developers.google.com/data-manager/api and developers.google.com/google-ads/api, read
//! 2026-11-23, unless said otherwise.
//!
//! Google Ads has no event names: every event goes to one conversion action, and one request holds the events of one
//! action only, because the later answer counts reasons per request and never names an event.
//!
//! What is ours to decide where Google is silent: bodies of 1 MB at most; a body names its encoding whether or not it
//! holds a hash; a transaction id of digits alone gets a prefix (live ingestion was seen to refuse those,
//! github.com/superdesigndev/treg/pull/151).

mod adjustments;
mod cart;
mod click;
mod credentials;
mod diagnostics;
mod identity;
mod refund;
mod region;
mod request;
mod response;
mod settings;

use std::collections::BTreeMap;

use shared::UnixMs;
use shared::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use url::Url;

use self::credentials::GoogleCredentials;
use self::diagnostics::Diagnostics;
use self::refund::Refund;
use self::settings::{Account, ActionType, Adjustments, KEYS, Own, Traits};
use super::batch::{self, Capacity, Written};
use super::{
    Body, Built, Call, Credentials, Header, Inquiries, Kind, Limits, Outcome, Outgoing, Planned, Platform,
    Request, Response, Restates, SettingError, Settings, Skip, SkipReason, Text, Trial,
};

// ── Limits and API version ─────────────────────────────────────────────────────────────────────────────────

/// Most events of one request (page "limits"). One comment of the API's own definition says 10,000.
const BATCH_EVENTS: usize = 2_000;
/// Google publishes no limit on the body. Of our megabyte, this much is kept for what stands around the events.
const BATCH_BYTES: usize = 1_000_000 - ENVELOPE_BYTES;
const ENVELOPE_BYTES: usize = 4_096;
/// 300 requests a minute and project, so one each 200 ms. The project's other destinations share them; a request
/// too many is answered with 429 and waits.
const PACE_MS: u64 = 200;
/// A transaction id counts once for ever, so no window ends the retries. Google asks for delays under seven days.
const RETRY_FOR_MS: i64 = 7 * DAY_MS;
/// Oldest conversion with a click (the longest click-through window), less a minute for the way there.
const MAX_CLICK_AGE_MS: i64 = 90 * DAY_MS - MINUTE_MS;
/// Oldest conversion that is matched by user data alone. That engaged views end after 14 days cannot be seen here:
/// whether an ad was viewed is known to Google only.
const MAX_USER_AGE_MS: i64 = 63 * DAY_MS - MINUTE_MS;
/// A conversion may be restated from a day after it until 54 days after it (error codes TOO_RECENT_CONVERSION and
/// CONVERSION_EXPIRED of the Google Ads API; the Data Manager API names no figures, so they hold there, too).
const RESTATE_FROM_MS: i64 = 24 * HOUR_MS;
const RESTATE_UNTIL_MS: i64 = 54 * DAY_MS - MINUTE_MS;
/// Version of the Google Ads API for adjustments: released October 2026, projected to end about November 2027.
const ADS_API_VERSION: &str = "v26";

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Google Ads in the registry.
pub const KIND: Kind = Kind {
    name: "google-ads",
    keys: &KEYS,
    standard: request::standard,
    signals: &identity::SIGNALS,
    configure,
};

/// One account, ready to work.
#[derive(Debug)]
struct GoogleAds {
    address: Url,
    account: Account,
    traits: Traits,
    adjustments: Option<Adjustments>,
    credentials: GoogleCredentials,
    diagnostics: Diagnostics,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    let parts = own.check(&settings)?;
    let address = |text: &str| settings.address(Url::parse(text).expect("a constant address"));
    let adjusts = parts.adjustments.is_some();
    let credentials = GoogleCredentials::new(parts.login, adjusts, address(credentials::TOKEN_ADDRESS));
    let diagnostics = Diagnostics {
        address: address(STATUS_ADDRESS),
        quota_project: parts.account.quota_project.clone(),
        first_ms: parts.status_after_ms,
    };
    Ok(Box::new(GoogleAds {
        address: address(INGEST_ADDRESS),
        account: parts.account,
        traits: parts.traits,
        adjustments: parts.adjustments,
        credentials,
        diagnostics,
    }))
}

const INGEST_ADDRESS: &str = "https://datamanager.googleapis.com/v1/events:ingest";
const STATUS_ADDRESS: &str = "https://datamanager.googleapis.com/v1/requestStatus:retrieve";

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

/// The Data Manager API's call.
const INGEST: Call = "events:ingest";
/// The same, of an event that is to be checked and not counted.
const CHECK: Call = "events:ingest (checked)";
/// The Google Ads API's call.
const ADJUST: Call = "uploadConversionAdjustments";

/// An event, written, and where it goes.
struct Sorted {
    call: Call,
    /// Id of the conversion action.
    action: String,
    written: Written,
}

impl Platform for GoogleAds {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        self.requests(events, now, self.account.validate_only)
    }

    fn read(&self, call: Call, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome> {
        match call {
            ADJUST => adjustments::read(response, events),
            CHECK => response::read(response, events, true, now),
            _ => response::read(response, events, self.account.validate_only, now),
        }
    }

    fn remark(&self, call: Call, response: &Response) -> Option<String> {
        if call == ADJUST { None } else { response::remark(response) }
    }

    fn mapped(&self) -> Vec<&str> {
        self.traits.actions.keys().map(String::as_str).collect()
    }

    fn trial(&self, event: &Outgoing<'_>, now: UnixMs) -> Trial {
        let mut built = self.requests(&[*event], now, true);
        built
            .requests
            .iter_mut()
            .filter(|planned| planned.call == INGEST)
            .for_each(|planned| planned.call = CHECK);
        Trial::Checked(built)
    }

    /// Adjustments go to another interface, with rights of their own.
    fn apart(&self, call: Call) -> bool {
        call == ADJUST
    }

    fn limits(&self) -> Limits {
        Limits { batch: BATCH_EVENTS, concurrency: 4, pace_ms: PACE_MS, retry_for_ms: RETRY_FOR_MS }
    }

    fn credentials(&self) -> Option<&dyn Credentials> {
        Some(&self.credentials)
    }

    /// A tag's conversion is there whether or not the relay sent its order.
    fn restates(&self) -> Option<Restates> {
        Some(Restates {
            alone: self.traits.action_type == ActionType::UploadClicks,
            takes_away: self.adjustments.is_some(),
            after_ms: RESTATE_FROM_MS,
        })
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        // A request that was only validated has no later answer.
        (!self.account.validate_only).then_some(&self.diagnostics as &dyn Inquiries)
    }
}

impl GoogleAds {
    fn requests(&self, events: &[Outgoing<'_>], now: UnixMs, validate_only: bool) -> Built {
        let mut built = Built::default();
        let mut sorted: Vec<Sorted> = Vec::with_capacity(events.len());
        let capacity = Capacity { events: BATCH_EVENTS, bytes: BATCH_BYTES };
        let superseded = superseded(events, now);
        for (place, outgoing) in events.iter().enumerate() {
            if superseded.contains(&place) {
                let detail = "a later refund says what is left of the same order";
                built.skips.push((place, Skip::new(SkipReason::Superseded, detail)));
                continue;
            }
            match request::write(self, outgoing, place, now) {
                Ok(one) if capacity.fits(&one.written.json) => sorted.push(one),
                Ok(_) => {
                    built.skips.push((place, Skip::new(SkipReason::TooLarge, "larger than 1 MB as JSON")))
                }
                Err(skip) => built.skips.push((place, skip)),
            }
        }
        // Stable, so the events of one action keep their order.
        sorted.sort_by(|a, b| (a.call, &a.action).cmp(&(b.call, &b.action)));
        while let Some(first) = sorted.first() {
            let same = |one: &Sorted| one.call == first.call && one.action == first.action;
            let end = sorted.iter().position(|one| !same(one)).unwrap_or(sorted.len());
            let (call, action) = (first.call, first.action.clone());
            let written = sorted.drain(..end).map(|one| one.written).collect();
            let groups = batch::group(written, capacity);
            built
                .requests
                .extend(groups.into_iter().map(|group| self.request(call, &action, group, validate_only)));
        }
        built
    }

    fn request(&self, call: Call, action: &str, group: Vec<Written>, validate_only: bool) -> Planned {
        let events = group.iter().map(|written| written.place).collect();
        let (json, quality): (Vec<_>, Vec<_>) =
            group.into_iter().map(|written| (written.json, written.quality)).unzip();
        let (url, mut headers, body) = match &self.adjustments {
            Some(adjustments) if call == ADJUST => {
                let body = adjustments::Envelope::new(&json, validate_only);
                (adjustments.address.clone(), adjustments.headers(&self.account), Text::json(&body))
            }
            Some(_) | None => {
                let body = request::Envelope::new(&self.account, action, &json, validate_only);
                (self.address.clone(), quota(self.account.quota_project.as_deref()), Text::json(&body))
            }
        };
        headers.splice(0..0, [Header::json(), Header::bearer_to_fetch()]);
        let request = Request { method: "POST", url, headers, body: Body::Json(body), public_only: false };
        Planned { call, request, events, quality }
    }
}

/// The refunds that a later one of the same order outdates: each says all that is left, and of several at once nobody could tell
/// which Google takes last.
fn superseded(events: &[Outgoing<'_>], now: UnixMs) -> Vec<usize> {
    let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
    let refunds = events.iter().enumerate().filter(|(_, outgoing)| outgoing.event.event == "Refund");
    let readable =
        refunds.filter_map(|(place, outgoing)| Some((place, Refund::of(outgoing.event, now).ok()?)));
    readable.filter_map(|(place, refund)| newest.insert(refund.order_id, place)).collect()
}

/// The header that names the project whose quota is used, where it is not that of the credentials.
fn quota(project: Option<&str>) -> Vec<Header> {
    project.map(|project| Header::new("x-goog-user-project", project)).into_iter().collect()
}

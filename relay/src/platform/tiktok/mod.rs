//! TikTok: the Events API 2.0, `POST /open_api/{version}/event/track/`.
//!
//! Owns limits, API version and settings here; the rooms are `request` (the event), `user` (who), `click` (`ttclid`
//! and `ttp`), `properties` (what), and `response` (the answer). Facts are from TikTok's pages under
//! business-api.tiktok.com/portal/docs (parameters, setup-guide-for-web, event-deduplication, responses-and-errors,
//! rate-limits, versioning; all v1.3), read 2026-11-23 in a public transcription of September 2026, unless said
//! otherwise. "Events API 2.0" lives on API version v1.3; `/pixel/track/` is the older 1.0 with another body.
//!
//! TikTok answers "OK" to fields it does not know, so nothing but its own names is ever written. What is ours to
//! decide where it is silent: batches of 200 events and 1 MB; events of the web older than a week are not sent (it
//! matches up to 28 days by one connector's account, so the age can be set); events from the future are dated now;
//! refunds are not sent unless the operator gives them a name of their own.

mod click;
mod properties;
mod request;
mod response;
mod user;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::UnixMs;
use shared::time::{DAY_MS, HOUR_MS};
use url::Url;

use super::batch::{self, Capacity};
use super::trial::TEST_EVENTS;
use super::{
    Body, Built, Call, Header, Key, Kind, Limits, Outcome, Outgoing, Platform, Request, Response,
    SettingError, Settings, Text, Trial, settings,
};
use crate::secret::Secret;

// ── Limits and API version ─────────────────────────────────────────────────────────────────────────────────

/// Since 2022-08-15, without a date for its end. After it calls fail; the one precedent, v1.2, had a year's notice.
const API_VERSION: &str = "v1.3";
/// TikTok takes 1,000 events but refuses a batch whole for one bad event; smaller batches are halved in fewer steps.
const BATCH_EVENTS: usize = 200;
/// TikTok documents no limit on the body. Of our megabyte, this much is kept for what stands around the events.
const BATCH_BYTES: usize = 1_000_000 - ENVELOPE_BYTES;
const ENVELOPE_BYTES: usize = 4_096;
/// TikTok drops a second event of the same name and id for 48 hours; a retry after that would count twice.
const RETRY_FOR_MS: i64 = 47 * HOUR_MS;
/// Oldest event of the web in days: what several connectors hold to.
const MAX_AGE_WEB_DAYS: u8 = 7;
/// The longest click attribution window, after which an event can no longer be matched. Events of shops and CRMs
/// are learnt of late and taken that long (docs.amperity.com/operator/events_tiktok_ads.html, read 2026-11-23).
const MOST_AGE_DAYS: u8 = 28;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// TikTok in the registry.
pub const KIND: Kind =
    Kind { name: "tiktok", keys: &KEYS, standard: request::standard, signals: &user::SIGNALS, configure };

const KEYS: [Key; 9] = [
    Key::required("pixel_code", "code of the pixel, or id of the event set, as Events Manager shows it"),
    Key::required("access_token", "token created in the settings of the pixel or event set; secret"),
    Key::optional("api_version", "API version such as \"v1.3\" (the default)"),
    Key::optional(
        "event_source",
        "\"web\" (the default): events of pages; \"offline\": shop, phone, e-mail, chat and server events without \
         a page; \"crm\": stages of a CRM. The latter two go to an event set of their own",
    ),
    Key::trial("test_event_code", "shows events under Test events; take it out in production"),
    Key::optional("limited_data_use", "true: every event asks for Limited Data Use; default false"),
    Key::optional("partner_name", "name of the integrating product, up to 50 characters; default none"),
    Key::optional("max_age_days", "oldest event sent, 1 to 28 days; default 7 for \"web\", else 28"),
    Key::optional(
        "visitor_id_as_external_id",
        "true: events without an external id carry the hashed visitor id; default false",
    ),
];

/// Longest name of an integration; TikTok documents none.
const PARTNER_CHARS: usize = 50;
/// Longest code of a pixel or event set; pixels have 20 characters, event sets 19 digits.
const CODE_CHARS: usize = 64;

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    pixel_code: String,
    access_token: Secret,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    event_source: EventSource,
    #[serde(default)]
    test_event_code: Option<String>,
    #[serde(default)]
    limited_data_use: bool,
    #[serde(default)]
    partner_name: Option<String>,
    #[serde(default)]
    max_age_days: Option<u8>,
    #[serde(default)]
    visitor_id_as_external_id: bool,
}

/// To which kind of data source a destination sends. Its word stands in every request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EventSource {
    /// A pixel.
    #[default]
    Web,
    /// An offline event set.
    Offline,
    /// A CRM event set.
    Crm,
}

/// One pixel or event set, ready to work.
#[derive(Debug)]
struct TikTok {
    address: Url,
    access_token: Secret,
    event_source: EventSource,
    event_source_id: String,
    test_event_code: Option<String>,
    limited_data_use: bool,
    partner_name: Option<String>,
    max_age_ms: i64,
    visitor_id_as_external_id: bool,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    if !valid_code(&own.pixel_code) {
        let expected = "expected letters and digits, as Events Manager shows the code";
        return Err(SettingError::invalid("pixel_code", expected));
    }
    settings::check_token("access_token", &own.access_token)?;
    let version = own.api_version.as_deref().unwrap_or(API_VERSION);
    settings::check_version("api_version", version, "expected an API version such as v1.3")?;
    settings::check_text("test_event_code", &own.test_event_code, "expected a code such as TEST12345")?;
    settings::check_text("partner_name", &own.partner_name, "expected a name")?;
    if own.partner_name.as_ref().is_some_and(|name| name.chars().count() > PARTNER_CHARS) {
        return Err(SettingError::invalid("partner_name", "expected up to 50 characters"));
    }
    let days = own.max_age_days.unwrap_or(match own.event_source {
        EventSource::Web => MAX_AGE_WEB_DAYS,
        EventSource::Offline | EventSource::Crm => MOST_AGE_DAYS,
    });
    if !(1..=MOST_AGE_DAYS).contains(&days) {
        return Err(SettingError::invalid("max_age_days", "expected 1 to 28"));
    }
    request::NAMING.check(&settings.names)?;
    let address = format!("https://business-api.tiktok.com/open_api/{version}/event/track/");
    let address = Url::parse(&address).expect("a version makes a valid path");
    Ok(Box::new(TikTok {
        address: settings.address(address),
        access_token: own.access_token,
        event_source: own.event_source,
        event_source_id: own.pixel_code,
        test_event_code: own.test_event_code,
        limited_data_use: own.limited_data_use,
        partner_name: own.partner_name,
        max_age_ms: i64::from(days) * DAY_MS,
        visitor_id_as_external_id: own.visitor_id_as_external_id,
    }))
}

fn valid_code(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=CODE_CHARS).contains(&text.len()) && text.bytes().all(plain)
}

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

impl Platform for TikTok {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        let capacity = Capacity { events: BATCH_EVENTS, bytes: BATCH_BYTES };
        let write = |outgoing: &Outgoing<'_>| request::write(self, outgoing, now);
        batch::build(CALL, capacity, events, write, |data| self.request(data))
    }

    fn read(&self, _call: Call, response: &Response, events: usize, _now: UnixMs) -> Vec<Outcome> {
        response::read(response, events)
    }

    fn remark(&self, _call: Call, response: &Response) -> Option<String> {
        response::remark(response)
    }

    fn trial(&self, event: &Outgoing<'_>, now: UnixMs) -> Trial {
        match self.test_event_code {
            None => Trial::NeedsCode { place: TEST_EVENTS },
            Some(_) => Trial::Shown { built: self.build(&[*event], now), place: TEST_EVENTS },
        }
    }

    fn limits(&self) -> Limits {
        // 1,000 requests a second are allowed; latency, not TikTok, sets the pace.
        Limits { batch: BATCH_EVENTS, concurrency: 4, pace_ms: 0, retry_for_ms: RETRY_FOR_MS }
    }
}

/// TikTok's one call.
const CALL: Call = "event/track";

impl TikTok {
    fn request(&self, data: &[Box<RawValue>]) -> Request {
        let body = Text::json(&request::Envelope {
            event_source: self.event_source,
            event_source_id: &self.event_source_id,
            partner_name: self.partner_name.as_deref(),
            test_event_code: self.test_event_code.as_deref(),
            data,
        });
        let token = Header::new("access-token", Text::default().secret(&self.access_token));
        let (url, headers) = (self.address.clone(), vec![Header::json(), token]);
        Request { method: "POST", url, headers, body: Body::Json(body), public_only: false }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;

    const NEEDED: &str = "pixel_code = \"C0EXAMPLE0PIXEL0CODE\"\naccess_token = \"t\"\n";

    fn configured(more: &str) -> Result<Box<dyn Platform>, SettingError> {
        configure(settings(format!("{NEEDED}{more}").leak()))
    }

    #[test]
    fn settings_that_are_right_are_taken() {
        for more in [
            "",
            "api_version = \"v1.4\"",
            "event_source = \"web\"",
            "event_source = \"offline\"",
            "event_source = \"crm\"",
            "test_event_code = \"TEST1\"",
            "limited_data_use = true",
            "partner_name = \"Shop Connector 1.0\"",
            "max_age_days = 1",
            "max_age_days = 28",
            "visitor_id_as_external_id = true",
        ] {
            assert!(configured(more).is_ok(), "{more}: {:?}", configured(more).err());
        }
    }

    #[test]
    fn settings_that_are_wrong_name_their_key() {
        let check = |more: &str, words: &str| {
            let error = configured(more).expect_err(more).to_string();
            assert!(error.contains(words), "{more}: {error}");
        };
        check("api_version = \"2.0\"", "`api_version`: expected an API version such as v1.3");
        check("api_version = \"v1.3/x\"", "`api_version`");
        check("event_source = \"app\"", "expected one of `web`, `offline`, `crm`");
        check("test_event_code = \" \"", "`test_event_code`: expected a code such as TEST12345");
        check("limited_data_use = \"yes\"", "expected a boolean");
        check("partner_name = \"\"", "`partner_name`: expected a name");
        check(&format!("partner_name = \"{}\"", "x".repeat(51)), "`partner_name`: expected up to 50");
        check("max_age_days = 0", "`max_age_days`: expected 1 to 28");
        check("max_age_days = 29", "`max_age_days`: expected 1 to 28");
        check("max_age_days = \"7\"", "expected u8");
        check("visitor_id_as_external_id = 1", "expected a boolean");
    }

    #[test]
    fn required_values_are_checked() {
        let check = |text: &'static str, words: &str| {
            let error = configure(settings(text)).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        };
        check("pixel_code = \"\"\naccess_token = \"t\"", "`pixel_code`: expected letters and digits");
        check("pixel_code = \"C0/EXAMPLE\"\naccess_token = \"t\"", "`pixel_code`");
        check("pixel_code = \"C0EXAMPLE\"\naccess_token = \"\"", "`access_token`: expected a token");
        check("pixel_code = \"C0EXAMPLE\"\naccess_token = \"a b\"", "`access_token`");
        check("pixel_code = \"C0EXAMPLE\"", "missing field `access_token`");
        check("access_token = \"t\"", "missing field `pixel_code`");
    }

    #[test]
    fn the_settings_do_not_print_the_token() {
        let text = "pixel_code = \"C0EXAMPLE\"\naccess_token = \"tok-secret\"";
        assert!(!format!("{:?}", configure(settings(text)).expect("valid")).contains("tok-secret"));
    }
}

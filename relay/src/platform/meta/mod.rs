//! Meta (Facebook, Instagram): the Conversions API, `POST /{version}/{pixel}/events`.
//!
//! Owns limits, API version and settings here; the rooms are `request` (the event), `user_data` (who),
//! `click` (`fbc` and `fbp`), `lead` (the lead of Meta's own form), `custom_data` (what), `proof` (of the app's
//! secret), and `response` (the answer). Facts are from Meta's pages under
//! developers.facebook.com/documentation/ads-commerce/conversions-api, read 2026-11-23, unless said otherwise.
//!
//! What is ours to decide where Meta is silent: batches of 200 events and 1 MB; events from the future are
//! dated now; refunds are not sent unless the operator gives them a name of their own; the visitor id is no
//! external id unless asked for, because it helps only where the browser pixel sends the same.

mod click;
mod custom_data;
mod lead;
mod proof;
mod request;
mod response;
mod user_data;

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::UnixMs;
use shared::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use url::Url;

use super::batch::{self, Capacity};
use super::trial::TEST_EVENTS;
use super::{
    Body, Built, Call, Header, Key, Kind, Limits, Outcome, Outgoing, Platform, Request, Response,
    SettingError, Settings, Text, Trial, settings,
};
use crate::secret::Secret;

// ── Limits and API version ─────────────────────────────────────────────────────────────────────────────────

/// Released 2026-02-18, usable until 2028-07-29 (Graph API changelog). Meta serves calls to an expired
/// version with the oldest usable one instead of failing them, so the end date is worth watching.
const API_VERSION: &str = "v25.0";
/// Meta takes 1,000 events but refuses a batch whole for one bad event; smaller batches are halved in fewer
/// steps.
const BATCH_EVENTS: usize = 200;
/// Meta documents no limit on the body. Of our megabyte, this much is kept for what stands around the events.
const BATCH_BYTES: usize = 1_000_000 - ENVELOPE_BYTES;
const ENVELOPE_BYTES: usize = 4_096;
/// Meta drops a second event of the same name and id for 48 hours; a retry after that would count twice.
const RETRY_FOR_MS: i64 = 47 * HOUR_MS;
/// Oldest event Meta takes, less a minute for the way there: one event too old refuses its whole batch.
const MAX_AGE_MS: i64 = 7 * DAY_MS - MINUTE_MS;
/// The same for events of a physical shop.
const MAX_STORE_AGE_MS: i64 = 62 * DAY_MS - MINUTE_MS;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Meta in the registry.
pub const KIND: Kind =
    Kind { name: "meta", keys: &KEYS, standard: request::standard, signals: &user_data::SIGNALS, configure };

const KEYS: [Key; 9] = [
    Key::required("pixel_id", "id of the pixel or dataset, digits only"),
    Key::required("access_token", "token of a system user with access to the pixel; secret"),
    Key::optional(
        "app_secret",
        "secret of the app the token was made for: every call then carries `appsecret_proof`, which an app may demand; \
         default none; secret",
    ),
    Key::optional("api_version", "Graph API version such as \"v25.0\" (the default)"),
    Key::trial("test_event_code", "shows events under Test events; Meta counts them all the same"),
    Key::optional(
        "limited_data_use",
        "true: Limited Data Use, Meta finds the state; or { country = 1, state = 1000 }; default false",
    ),
    Key::optional("token_in", "where the token travels: \"body\" (the default) or \"header\""),
    Key::optional("partner_agent", "name of the integrating product, under 23 characters; default none"),
    Key::optional(
        "visitor_id_as_external_id",
        "true: events without an external id carry the hashed visitor id; default false",
    ),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    pixel_id: String,
    access_token: Secret,
    #[serde(default)]
    app_secret: Option<Secret>,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    test_event_code: Option<String>,
    #[serde(default)]
    limited_data_use: LimitedDataUseKey,
    #[serde(default)]
    token_in: TokenPlace,
    #[serde(default)]
    partner_agent: Option<String>,
    #[serde(default)]
    visitor_id_as_external_id: bool,
}

/// Where the access token travels. Only body and query are documented and addresses end up in logs, so the
/// body is the default; the header was seen to work with v26.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenPlace {
    #[default]
    Body,
    Header,
}

/// `limited_data_use` in its two shapes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "expected true, false or { country = 1, state = 1000 }")]
enum LimitedDataUseKey {
    Flag(bool),
    Place(LimitedDataUse),
}

impl Default for LimitedDataUseKey {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// For whom Meta limits the use of data; 0 lets Meta find the place by the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitedDataUse {
    country: u16,
    state: u16,
}

/// One pixel, ready to work.
#[derive(Debug)]
struct Meta {
    address: Url,
    access_token: Secret,
    /// The proof of the app's secret, where one is given.
    proof: Option<Secret>,
    token_in: TokenPlace,
    test_event_code: Option<String>,
    partner_agent: Option<String>,
    limited_data_use: Option<LimitedDataUse>,
    visitor_id_as_external_id: bool,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    if own.pixel_id.is_empty() || !own.pixel_id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SettingError::invalid(
            "pixel_id",
            "expected digits only, as Events Manager shows the id",
        ));
    }
    settings::check_token("access_token", &own.access_token)?;
    if let Some(app_secret) = &own.app_secret {
        settings::check_token("app_secret", app_secret)?;
    }
    let version = own.api_version.as_deref().unwrap_or(API_VERSION);
    settings::check_version("api_version", version, "expected a Graph API version such as v25.0")?;
    if let Some(agent) = own.partner_agent.as_deref().filter(|agent| !valid_agent(agent)) {
        let expected = format!("expected under 23 characters with at least two letters, not {agent:?}");
        return Err(SettingError::invalid("partner_agent", expected));
    }
    settings::check_text("test_event_code", &own.test_event_code, "expected a code such as TEST12345")?;
    request::NAMING.check(&settings.names)?;
    let address = format!("https://graph.facebook.com/{version}/{}/events", own.pixel_id);
    let address = Url::parse(&address).expect("a version and digits make a valid path");
    Ok(Box::new(Meta {
        address: settings.address(address),
        proof: own.app_secret.map(|app_secret| proof::proof(&app_secret, &own.access_token)),
        access_token: own.access_token,
        token_in: own.token_in,
        test_event_code: own.test_event_code,
        partner_agent: own.partner_agent,
        limited_data_use: limited_data_use(own.limited_data_use)?,
        visitor_id_as_external_id: own.visitor_id_as_external_id,
    }))
}

fn valid_agent(text: &str) -> bool {
    text.chars().count() < 23 && text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

/// The states of the page on data processing options: 1000 (California) to 1013 (Rhode Island).
fn limited_data_use(key: LimitedDataUseKey) -> Result<Option<LimitedDataUse>, SettingError> {
    match key {
        LimitedDataUseKey::Flag(false) => Ok(None),
        LimitedDataUseKey::Flag(true) => Ok(Some(LimitedDataUse { country: 0, state: 0 })),
        LimitedDataUseKey::Place(place) => match (place.country, place.state) {
            (0, 0) | (1, 0 | 1000..=1013) => Ok(Some(place)),
            _ => Err(SettingError::invalid(
                "limited_data_use",
                "expected country 1 (USA) with a state from 1000 to 1013 or 0, or country 0 with state 0",
            )),
        },
    }
}

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

impl Platform for Meta {
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
        Limits { batch: BATCH_EVENTS, concurrency: 4, pace_ms: 0, retry_for_ms: RETRY_FOR_MS }
    }
}

/// Meta's one call.
const CALL: Call = "events";

impl Meta {
    fn request(&self, data: &[Box<RawValue>]) -> Request {
        let body = Text::json(&request::Envelope {
            data,
            test_event_code: self.test_event_code.as_deref(),
            partner_agent: self.partner_agent.as_deref(),
        });
        let mut headers = vec![Header::json()];
        let body = match self.token_in {
            TokenPlace::Body => body.with_secret_member("access_token", &self.access_token),
            TokenPlace::Header => {
                headers.push(Header::bearer(&self.access_token));
                body
            }
        };
        let body = match &self.proof {
            Some(proof) => body.with_secret_member(proof::NAME, proof),
            None => body,
        };
        let url = self.address.clone();
        Request { method: "POST", url, headers, body: Body::Json(body), public_only: false }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;

    const NEEDED: &str = "pixel_id = \"1\"\naccess_token = \"t\"\n";

    fn configured(more: &str) -> Result<Box<dyn Platform>, SettingError> {
        configure(settings(format!("{NEEDED}{more}").leak()))
    }

    #[test]
    fn settings_that_are_right_are_taken() {
        for more in [
            "",
            "app_secret = \"0123456789abcdef0123456789abcdef\"",
            "api_version = \"v26.0\"",
            "limited_data_use = false",
            "limited_data_use = true",
            "limited_data_use = { country = 1, state = 1013 }",
            "token_in = \"header\"",
            "partner_agent = \"shop-1.0\"",
            "test_event_code = \"TEST1\"",
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
        check("app_secret = \"\"", "`app_secret`: expected a token without blanks");
        check("app_secret = \"a b\"", "`app_secret`");
        check("api_version = \"25\"", "`api_version`: expected a Graph API version such as v25.0");
        check("api_version = \"v25.0/x\"", "`api_version`");
        check("api_version = \"v25.\"", "`api_version`");
        check("limited_data_use = \"yes\"", "expected true, false or { country = 1, state = 1000 }");
        check("limited_data_use = { country = 1 }", "expected true, false or { country = 1, state = 1000 }");
        check("limited_data_use = { country = 1, state = 999 }", "`limited_data_use`: expected country 1");
        check("limited_data_use = { country = 0, state = 1000 }", "`limited_data_use`");
        check("token_in = \"query\"", "unknown variant `query`, expected `body` or `header`");
        check("partner_agent = \"a-very-long-agent-name-1.0\"", "`partner_agent`");
        check("partner_agent = \"1-2\"", "`partner_agent`");
        check("test_event_code = \" \"", "`test_event_code`");
        check("visitor_id_as_external_id = 1", "expected a boolean");
    }

    #[test]
    fn required_values_are_checked() {
        let check = |text: &'static str, words: &str| {
            let error = configure(settings(text)).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        };
        check("pixel_id = \"\"\naccess_token = \"t\"", "`pixel_id`: expected digits only");
        check("pixel_id = \"12/3\"\naccess_token = \"t\"", "`pixel_id`");
        check("pixel_id = \"1\"\naccess_token = \"\"", "`access_token`: expected a token");
        check("pixel_id = \"1\"\naccess_token = \"a b\"", "`access_token`");
        check("pixel_id = \"1\"", "missing field `access_token`");
    }

    #[test]
    fn the_settings_do_not_print_the_token() {
        let text = "pixel_id = \"1\"\naccess_token = \"EAAB-secret\"\napp_secret = \"0123456789abcdef\"";
        let meta = configure(settings(text)).expect("valid");
        let proof = proof::proof(&Secret::new("0123456789abcdef"), &Secret::new("EAAB-secret"));
        for secret in ["EAAB-secret", "0123456789abcdef", proof.expose()] {
            assert!(!format!("{meta:?}").contains(secret));
        }
    }

    #[test]
    fn with_an_app_secret_every_request_carries_the_proof_and_shows_none() {
        let json = r#"{"event":"PageView","event_id":"1","time":0,"source":"web",
            "page":{"url":"https://shop.example/"},"context":{"ip":"203.0.113.9"}}"#;
        let event: shared::Event = serde_json::from_str(json).expect("an event");
        let outgoing = Outgoing { event: &event, site: "s", renamed: None, order_renamed: None };
        let check = |more: &str, expected: Option<&str>| {
            let meta = configured(&format!("test_event_code = \"TEST1\"\n{more}")).expect("valid");
            let Trial::Shown { built: trial, .. } = meta.trial(&outgoing, UnixMs(0)) else {
                panic!("{more}")
            };
            for built in [meta.build(&[outgoing], UnixMs(0)), trial] {
                let body = &built.requests[0].request.body;
                let sent: serde_json::Value = serde_json::from_str(&body.expose()).expect("JSON");
                assert_eq!(sent["appsecret_proof"].as_str(), expected, "{more}");
                assert_eq!(sent["data"][0]["event_id"], "1", "{more}");
                assert!(expected.is_none_or(|proof| !body.masked().contains(proof)), "{more}");
            }
        };
        let secret = "app_secret = \"0123456789abcdef0123456789abcdef\"";
        // Of the token "t", by another implementation, as in `proof`.
        let proof = "8d213d3f8877287d19931f3dca4a6858c22d420a2e6c73f10234fd6e8e60cc80";
        check("", None);
        check(secret, Some(proof));
        check(&format!("{secret}\ntoken_in = \"header\""), Some(proof));
    }
}

//! Outbrain (Amplify): server-to-server conversions, `GET /unifiedPixel`, one conversion a request.
//!
//! Facts are from outbrain.com/help/advertisers/server2server-integrations, and where that page is silent from the two
//! public implementations that agree, stape-io/outbrain-tag and managed-components/outbrain (all read 2026-11-23).
//! The click id is the only credential and the only identity: no user data is taken, so none is sent.
//!
//! What is ours to decide where Outbrain is silent: names go out as they were typed, blanks as `%20`, for the public
//! implementations disagree on replacing them; the time is UTC, for no zone is named; `dicbo`, which Outbrain appends
//! by itself, stands in for the click id only where the macro's value is missing.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::UnixMs;
use shared::time::{MINUTE_MS, SECOND_MS};
use url::Url;

use super::postback::{self, Conversion, Conversions, Network};
use super::query::Query;
use super::{
    Built, Call, Key, Kind, Limits, Outcome, Outgoing, Planned, Platform, Quality, Response, SettingError,
    Settings, Signal, Skip,
};

// ── Limits and version ─────────────────────────────────────────────────────────────────────────────────────

/// Unversioned.
const ADDRESS: &str = "https://tr.outbrain.com/unifiedPixel";
/// Requests in flight at once. No rate is published.
const CONCURRENCY: usize = 8;
/// Events handed to one `build`; each becomes a request of its own. What became of them is written down once all are answered, so
/// after a crash so many go twice, and Outbrain would count them twice.
const BATCH: usize = CONCURRENCY;
/// Outbrain documents no deduplication, so every repeat of a request that may have been taken may count again.
/// Together with [`postback::PATIENCE`] this makes five attempts at most that may have been.
const RETRY_FOR_MS: i64 = 20 * MINUTE_MS;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Outbrain in the registry.
pub const KIND: Kind = Kind { name: "outbrain", keys: &KEYS, standard, signals: &SIGNALS, configure };

const KEYS: [Key; 1] = [Key::required(
    "conversions",
    "our event and the name of its event-based conversion, letter by letter: { Purchase = \"Purchase\" }",
)];

/// The names are the advertiser's own; Outbrain has none.
fn standard(_name: &str) -> Option<&'static str> {
    None
}

/// What a conversion is matched by. Outbrain's page knows the macro's value only; that `dicbo` serves as well is what
/// the public implementations show.
const SIGNALS: [Signal; 2] = [Signal::documented("ob_click_id", 100), Signal::ours("dicbo", 60)];

const NETWORK: Network = Network {
    name: "Outbrain",
    // The parameter the macro {{ob_click_id}} stands in is the advertiser's choice; these two are in use.
    clicks: &["ob_click_id", "OutbrainClickId", DICBO],
    takes: |_| true,
    after_silence: |_| postback::PATIENCE,
};

/// The parameter Outbrain appends by itself.
const DICBO: &str = "dicbo";

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    conversions: BTreeMap<String, String>,
}

/// One account, ready to work.
#[derive(Debug)]
struct Outbrain {
    address: Url,
    conversions: Conversions,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    let conversions = Conversions::read(&NETWORK, own.conversions, &settings.names)?;
    let address = Url::parse(ADDRESS).expect("the address is a valid one");
    Ok(Box::new(Outbrain { address: settings.address(address), conversions }))
}

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

impl Platform for Outbrain {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        postback::each_alone(events, |outgoing| self.planned(outgoing, now))
    }

    fn read(&self, _call: Call, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome> {
        postback::read(&NETWORK, response, events, now)
    }

    fn limits(&self) -> Limits {
        Limits { batch: BATCH, concurrency: CONCURRENCY, pace_ms: 0, retry_for_ms: RETRY_FOR_MS }
    }
}

/// Outbrain's one call.
const CALL: Call = "unifiedPixel";

impl Outbrain {
    fn planned(&self, outgoing: &Outgoing<'_>, now: UnixMs) -> Result<Planned, Skip> {
        let conversion = self.conversions.of(&NETWORK, outgoing)?;
        let time = outgoing.event.time.min(now);
        let request = postback::get(query(&conversion, time).of(&self.address))?;
        Ok(Planned { call: CALL, request, events: Vec::new(), quality: vec![quality(&conversion)] })
    }
}

fn query(conversion: &Conversion<'_>, time: UnixMs) -> Query {
    Query::default()
        .with("ob_click_id", conversion.click_id)
        .with("name", conversion.name)
        .with_some("orderValue", conversion.worth.map(|worth| worth.amount))
        .with_some("currency", conversion.worth.as_ref().map(|worth| worth.currency.as_str()))
        .with_some("orderId", conversion.order_id)
        .with_some("timestamp", timestamp(time))
}

/// `2026-11-22 14:05:09`, UTC: one of the two notations of Outbrain's page, which both lack a zone. A time before 1970
/// is a wrong clock, and Outbrain then takes the time of receipt.
fn timestamp(time: UnixMs) -> Option<String> {
    if time.0 < 0 {
        return None;
    }
    let second = UnixMs(time.0 - time.0 % SECOND_MS);
    let text = second.rfc3339().replace('T', " ");
    text.strip_suffix('Z').filter(|plain| plain.len() == "2026-11-22 14:05:09".len()).map(str::to_owned)
}

fn quality(conversion: &Conversion<'_>) -> Quality {
    let sent = if conversion.param == DICBO { DICBO } else { "ob_click_id" };
    Quality::of(&SIGNALS, |name| name == sent)
}

// ── Tests ──────────────────────────────────────────────────────────────────────────────────────────────────

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;
    use crate::platform::SkipReason;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);

    fn built(more: &str) -> Built {
        let outbrain = configure(settings("conversions = { Purchase = \"Purchase\" }")).expect("valid");
        let json = format!(r#"{{"event":"Purchase","event_id":"1","source":"web",{more}}}"#);
        let event = serde_json::from_str(&json).expect("an event");
        outbrain.build(&[Outgoing { event: &event, site: "s", renamed: None, order_renamed: None }], NOW)
    }

    /// The example of the help page, with made-up values.
    #[test]
    fn the_address_is_that_of_the_page_byte_for_byte() {
        let built = built(
            r#""time":"2026-11-22T14:05:09.999Z","click_ids":{"ob_click_id":"v2-7f3c0a91be"},
               "properties":{"value":49.90,"currency":"EUR","order_id":"A-10042"}"#,
        );
        assert_eq!(
            built.requests[0].request.url.as_str(),
            "https://tr.outbrain.com/unifiedPixel?ob_click_id=v2-7f3c0a91be&name=Purchase&orderValue=49.9\
             &currency=EUR&orderId=A-10042&timestamp=2026-11-22%2014%3A05%3A09"
        );
    }

    #[test]
    fn the_time_is_utc_without_a_zone_and_never_in_the_future() {
        let check = |time: i64, expected: Option<&str>| {
            assert_eq!(timestamp(UnixMs(time)).as_deref(), expected, "{time}");
        };
        check(1_795_356_309_000, Some("2026-11-22 14:05:09"));
        check(1_795_356_309_999, Some("2026-11-22 14:05:09"));
        check(0, Some("1970-01-01 00:00:00"));
        check(-1, None);
        check(i64::MIN, None);
        check(i64::MAX, None);
        let built = built(r#""time":9795356309000,"click_ids":{"dicbo":"x"}"#);
        let url = built.requests[0].request.url.as_str();
        assert!(url.ends_with("&timestamp=2026-11-23%2012%3A00%3A00"), "{url}");
    }

    #[test]
    fn the_score_tells_the_macro_from_the_stand_in() {
        let check = |clicks: &str, score: f64| {
            let built = built(&format!(r#""time":0,"click_ids":{{{clicks}}}"#));
            assert_eq!(built.requests[0].quality[0].score(), score, "{clicks}");
        };
        check(r#""ob_click_id":"x""#, 10.0);
        check(r#""OutbrainClickId":"x","dicbo":"y""#, 10.0);
        check(r#""dicbo":"y""#, 6.0);
    }

    #[test]
    fn an_event_without_a_click_is_not_sent() {
        let built = built(r#""time":0,"click_ids":{"tblci":"GiA0"}"#);
        assert!(built.requests.is_empty());
        assert_eq!(built.skips[0].1.reason, SkipReason::NoClickId);
    }

    #[test]
    fn an_endpoint_keeps_the_path() {
        let mut settings = settings("conversions = { Purchase = \"Purchase\" }");
        settings.endpoint = Url::parse("http://127.0.0.1:9100").ok();
        let outbrain = configure(settings).expect("valid");
        let json = r#"{"event":"Purchase","event_id":"1","time":0,"source":"web","click_ids":{"dicbo":"x"}}"#;
        let event = serde_json::from_str(json).expect("an event");
        let built =
            outbrain.build(&[Outgoing { event: &event, site: "s", renamed: None, order_renamed: None }], NOW);
        let expected = "http://127.0.0.1:9100/unifiedPixel?ob_click_id=x&name=Purchase\
            &timestamp=1970-01-01%2000%3A00%3A00";
        assert_eq!(built.requests[0].request.url.as_str(), expected);
    }
}

//! Taboola (Realize): server-to-server conversions, one in a `GET` or, with an account id, many in a `POST`.
//!
//! Facts are from developers.taboola.com/pixel/docs (the-postback-url, bulk-submit-s2s-conversions,
//! postback-url-error-codes, conversion-dedup, heuristic-deduplication, read 2026-11-23). Neither call takes
//! credentials or user data; the click id says it all.
//!
//! The single call is checked by Taboola (400), and two orders of one click are told apart by their order ids; but it
//! carries no time, so an event counts when it arrives. The bulk call carries the time and is for events that arrive
//! late; Taboola checks nothing in it and a bad action vanishes behind a 204, so everything is checked here.
//!
//! What is ours to decide where Taboola is silent: requests of 200 actions, for one that is not answered is repeated
//! whole; an amount in a currency that Taboola does not list is left out, for it would be misread.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use shared::UnixMs;
use shared::money::Currency;
use shared::time::{MINUTE_MS, SECOND_MS};
use url::Url;

use super::batch::{self, Capacity};
use super::number::Number;
use super::postback::{self, Conversion, Conversions, Network};
use super::query::Query;
use super::{
    Body, Built, Call, Header, Key, Kind, Limits, Outcome, Outgoing, Planned, Platform, Quality, Request,
    Response, SettingError, Settings, Signal, Skip, Text,
};

// ── Limits and version ─────────────────────────────────────────────────────────────────────────────────────

/// Base of both calls; `/log/3/` in their paths is the version.
const BASE: &str = "https://trc.taboola.com";
/// Taboola takes 1,000 actions.
const BATCH_ACTIONS: usize = 200;
/// No limit on the body is documented. Of our megabyte, this much is kept for what stands around the actions.
const BATCH_BYTES: usize = 1_000_000 - ENVELOPE_BYTES;
const ENVELOPE_BYTES: usize = 64;
/// Requests in flight at once. No rate is published.
const CONCURRENCY: usize = 8;
/// Single events handed to one `build`; each becomes a request of its own. What became of them is written down once all are
/// answered, so after a crash so many go twice, and in another minute Taboola would count them twice.
const BATCH_SINGLE: usize = CONCURRENCY;
/// Taboola drops a repeat of the same click and name within a minute of the clock; one in a later minute may count
/// again. The first repeats fall into that minute ([`after_silence`]), and the number of later ones is kept small.
const RETRY_FOR_MS: i64 = 20 * MINUTE_MS;
/// Left of a minute, enough for one more call to be answered or given up in it.
const ENOUGH_MS: i64 = 20 * SECOND_MS;

/// Wait before repeating a request that was not answered: none to speak of while the minute lasts in which a repeat is known
/// for one, else a long one, so that a network that takes and never answers is asked in a few minutes only.
fn after_silence(now: UnixMs) -> Duration {
    let left = MINUTE_MS - now.0.rem_euclid(MINUTE_MS);
    if left >= ENOUGH_MS { Duration::from_secs(1) } else { postback::PATIENCE }
}

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Taboola in the registry.
pub const KIND: Kind = Kind { name: "taboola", keys: &KEYS, standard, signals: &SIGNALS, configure };

const KEYS: [Key; 2] = [
    Key::required(
        "conversions",
        "our event and the Event Name of its conversion, letter by letter: { Purchase = \"make_purchase\" }",
    ),
    Key::optional(
        "account_id",
        "numeric id of the account or its network: events go by the bulk call, with their time; default none",
    ),
];

/// The names are the advertiser's own. Realize proposes some, but an event of a proposed name that was never created
/// counts nowhere.
fn standard(_name: &str) -> Option<&'static str> {
    None
}

/// What a conversion is matched by: the click and nothing else.
const SIGNALS: [Signal; 1] = [Signal::documented("click-id", 100)];

const NETWORK: Network = Network {
    name: "Taboola",
    // Auto-tagging uses the first; the second is where the macro {click_id} is put by hand.
    clicks: &["tblci", "click_id"],
    takes,
    after_silence,
};

/// Currencies of the page on the postback address.
const CURRENCIES: [&str; 19] = [
    "AUD", "BRL", "CAD", "CNY", "EUR", "GBP", "HKD", "ILS", "INR", "JPY", "KRW", "MXN", "NZD", "RUB", "SGD",
    "THB", "TRY", "USD", "ZAR",
];

fn takes(currency: Currency) -> bool {
    CURRENCIES.contains(&currency.as_str())
}

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    conversions: BTreeMap<String, String>,
    #[serde(default)]
    account_id: Option<String>,
}

/// One account, ready to work.
#[derive(Debug)]
struct Taboola {
    address: Url,
    bulk: bool,
    conversions: Conversions,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    let conversions = Conversions::read(&NETWORK, own.conversions, &settings.names)?;
    let path = match &own.account_id {
        None => "actions-handler/log/3/s2s-action".to_owned(),
        Some(id) if is_account(id) => format!("{id}/log/3/bulk-s2s-action"),
        Some(_) => {
            let expected = "expected digits only, as Realize shows the account's numeric id";
            return Err(SettingError::invalid("account_id", expected));
        }
    };
    let address = Url::parse(&format!("{BASE}/{path}")).expect("letters and digits make a valid path");
    let bulk = own.account_id.is_some();
    Ok(Box::new(Taboola { address: settings.address(address), bulk, conversions }))
}

/// Taboola's documentation calls it a long: up to 19 digits.
fn is_account(id: &str) -> bool {
    (1..=19).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

impl Platform for Taboola {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        if self.bulk {
            self.build_bulk(events, now)
        } else {
            postback::each_alone(events, |outgoing| self.single(outgoing))
        }
    }

    fn read(&self, _call: Call, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome> {
        postback::read(&NETWORK, response, events, now)
    }

    fn limits(&self) -> Limits {
        let batch = if self.bulk { BATCH_ACTIONS } else { BATCH_SINGLE };
        Limits { batch, concurrency: CONCURRENCY, pace_ms: 0, retry_for_ms: RETRY_FOR_MS }
    }
}

/// The two calls.
const SINGLE: Call = "s2s-action";
const BULK: Call = "bulk-s2s-action";

/// One element of `actions`.
#[derive(Serialize)]
struct Action<'a> {
    #[serde(rename = "click-id")]
    click_id: &'a str,
    /// Unix milliseconds.
    timestamp: i64,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orderid: Option<&'a str>,
}

/// The body of the bulk call.
#[derive(Serialize)]
struct Envelope<'a> {
    actions: &'a [Box<RawValue>],
}

impl Taboola {
    fn single(&self, outgoing: &Outgoing<'_>) -> Result<Planned, Skip> {
        let conversion = self.conversions.of(&NETWORK, outgoing)?;
        let request = postback::get(query(&conversion).of(&self.address))?;
        Ok(Planned { call: SINGLE, request, events: Vec::new(), quality: vec![quality()] })
    }

    fn build_bulk(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        let capacity = Capacity { events: BATCH_ACTIONS, bytes: BATCH_BYTES };
        batch::build(
            BULK,
            capacity,
            events,
            |outgoing| self.action(outgoing, now),
            |actions| self.bulk(actions),
        )
    }

    fn action(&self, outgoing: &Outgoing<'_>, now: UnixMs) -> Result<(Box<RawValue>, Quality), Skip> {
        let conversion = self.conversions.of(&NETWORK, outgoing)?;
        let action = Action {
            click_id: conversion.click_id,
            // An event from the future is a wrong clock, and so is one from before 1970.
            timestamp: outgoing.event.time.min(now).0.max(0),
            name: conversion.name,
            revenue: conversion.worth.map(|worth| worth.amount),
            currency: conversion.worth.map(|worth| worth.currency),
            quantity: conversion.quantity,
            orderid: conversion.order_id,
        };
        let json = to_raw_value(&action).expect("text keys and finite numbers always write as JSON");
        Ok((json, quality()))
    }

    fn bulk(&self, actions: &[Box<RawValue>]) -> Request {
        let body = Body::Json(Text::json(&Envelope { actions }));
        let url = self.address.clone();
        Request { method: "POST", url, headers: vec![Header::json()], body, public_only: false }
    }
}

fn query(conversion: &Conversion<'_>) -> Query {
    Query::default()
        .with("click-id", conversion.click_id)
        .with("name", conversion.name)
        .with_some("revenue", conversion.worth.map(|worth| worth.amount))
        .with_some("currency", conversion.worth.as_ref().map(|worth| worth.currency.as_str()))
        .with_some("orderid", conversion.order_id)
        .with_some("quantity", conversion.quantity)
}

fn quality() -> Quality {
    Quality::of(&SIGNALS, |_| true)
}

// ── Tests ──────────────────────────────────────────────────────────────────────────────────────────────────

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;
    use crate::platform::SkipReason;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);

    fn configured(more: &str) -> Result<Box<dyn Platform>, SettingError> {
        configure(settings(format!("conversions = {{ Purchase = \"make_purchase\" }}\n{more}").leak()))
    }

    fn built(settings: &str, event: &str) -> Built {
        let event = format!(r#"{{"event":"Purchase","event_id":"1","source":"web",{event}}}"#);
        let event = serde_json::from_str(&event).expect("an event");
        let taboola = configured(settings).expect("valid");
        taboola.build(&[Outgoing { event: &event, site: "s", renamed: None, order_renamed: None }], NOW)
    }

    const SALE: &str = r#""time":1795356309000,"click_ids":{"tblci":"GiA0exampleClickId1234"},
        "properties":{"value":49.9,"currency":"EUR","order_id":"A-10042","items":[{"quantity":2}]}"#;

    #[test]
    fn the_single_address_is_that_of_the_page_byte_for_byte() {
        let built = built("", SALE);
        assert_eq!(
            built.requests[0].request.url.as_str(),
            "https://trc.taboola.com/actions-handler/log/3/s2s-action?click-id=GiA0exampleClickId1234\
             &name=make_purchase&revenue=49.9&currency=EUR&orderid=A-10042&quantity=2"
        );
    }

    #[test]
    fn the_bulk_body_is_that_of_the_page_byte_for_byte() {
        let built = built("account_id = \"1234567\"", SALE);
        let request = &built.requests[0].request;
        assert_eq!(
            (request.method, request.url.as_str()),
            ("POST", "https://trc.taboola.com/1234567/log/3/bulk-s2s-action")
        );
        assert_eq!(
            request.body.expose(),
            r#"{"actions":[{"click-id":"GiA0exampleClickId1234","timestamp":1795356309000,"name":"make_purchase","revenue":49.9,"currency":"EUR","quantity":2,"orderid":"A-10042"}]}"#
        );
    }

    #[test]
    fn no_more_single_calls_are_unrecorded_than_are_under_way_at_once() {
        let limits = configured("").expect("valid").limits();
        assert_eq!(limits.batch, limits.concurrency);
        assert_eq!(configured("account_id = \"1234567\"").expect("valid").limits().batch, BATCH_ACTIONS);
    }

    #[test]
    fn silence_is_repeated_soon_only_while_its_minute_lasts() {
        let taboola = configured("").expect("valid");
        let check = |second: i64, seconds: u64| {
            let now = NOW.plus(second * SECOND_MS);
            let silence = Response::NoAnswer("timed out".into());
            let Outcome::Retry { at_least, .. } = &taboola.read(SINGLE, &silence, 1, now)[0] else {
                panic!("{second}")
            };
            assert_eq!(at_least.as_secs(), seconds, "{second}");
        };
        for second in [0, 10, 40, 60, 100] {
            check(second, 1);
        }
        for second in [41, 59, 101, -1] {
            check(second, 300);
        }
    }

    #[test]
    fn an_amount_in_a_foreign_currency_is_left_out() {
        let check = |currency: &str, taken: bool| {
            let event = format!(
                r#""time":0,"click_ids":{{"tblci":"x"}},"properties":{{"value":5,"currency":"{currency}"}}"#
            );
            let built = built("", &event);
            let url = built.requests[0].request.url.as_str();
            assert_eq!(url.contains("revenue=5"), taken, "{url}");
            assert_eq!(url.contains("currency="), taken, "{url}");
        };
        for currency in CURRENCIES {
            check(currency, true);
        }
        for currency in ["CHF", "PLN", "SEK", "XXX"] {
            check(currency, false);
        }
    }

    #[test]
    fn settings_that_are_wrong_name_their_key() {
        let check = |more: &str, words: Option<&str>| {
            let error = configured(more).err().map(|error| error.to_string());
            match (&error, words) {
                (None, None) => {}
                (Some(error), Some(words)) if error.contains(words) => {}
                _ => panic!("{more}: {error:?}"),
            }
        };
        check("account_id = \"1234567\"", None);
        check("account_id = \"my-account\"", Some("`account_id`: expected digits only"));
        check("account_id = \"\"", Some("`account_id`"));
        check("account_id = \"12/34\"", Some("`account_id`"));
        check("account_id = \"12345678901234567890\"", Some("`account_id`"));
        check("account_id = 1234567", Some("invalid type: integer `1234567`, expected a string"));
        check("access_token = \"t\"", Some("unknown field `access_token`"));
    }

    #[test]
    fn the_clicks_time_is_no_part_of_the_click() {
        let check = |clicks: &str, expected: Result<&str, SkipReason>| {
            let built = built("", &format!(r#""time":0,"click_ids":{{{clicks}}}"#));
            let found = match built.requests.first() {
                Some(planned) => Ok(planned.request.url.query().unwrap_or_default().to_owned()),
                None => Err(built.skips[0].1.reason),
            };
            let expected = expected.map(|id| format!("click-id={id}&name=make_purchase"));
            assert_eq!(found, expected, "{clicks}");
        };
        check(r#""tblci":"GiC-aB_9","click_id":"GiOther""#, Ok("GiC-aB_9"));
        check(r#""click_id":"GiOther""#, Ok("GiOther"));
        check(r#""click_id":"somebody-elses""#, Err(SkipReason::NoClickId));
        check(r#""tblci":"{click_id}""#, Err(SkipReason::NoClickId));
        check(r#""dicbo":"x""#, Err(SkipReason::NoClickId));
    }
}

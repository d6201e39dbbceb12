//! The outgoing webhook: every event as signed JSON to an address of the operator's own.
//!
//! Signed by the Standard Webhooks scheme (github.com/standard-webhooks/standard-webhooks, spec, read
//! 2026-11-23), for which receivers find ready libraries: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`, the last a keyed hash over `id.timestamp.body`. The id is the same at every attempt,
//! so a receiver drops repeats by it.
//!
//! One event a request: an answer then speaks of one event only. Addresses in private networks are refused
//! here when they are written as such, and by the HTTP client when a name resolves to one
//! (`Request::public_only`).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use shared::attribution::{Told, told};
use shared::event::STANDARD_EVENTS;
use shared::time::HOUR_MS;
use shared::{Event, Sha256Hex, UnixMs};
use url::Url;
use zeroize::Zeroizing;

use super::address::names_private_host;
use super::answer::{arrived, by_status, each};
use super::{
    Body, Built, Call, Header, Key, Kind, Limits, Outcome, Outgoing, Planned, Platform, Request, Response,
    SettingError, Settings, Skip, SkipReason, Text,
};
use crate::secret::{MASK, Secret};

// ── Limits and version ─────────────────────────────────────────────────────────────────────────────────────

/// Version of the signature scheme, which stands before every signature.
const SIGNATURE_VERSION: &str = "v1";
/// Three days, as the scheme's own schedule of retries: long enough for a weekend's outage.
const RETRY_FOR_MS: i64 = 72 * HOUR_MS;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// The webhook in the registry.
pub const KIND: Kind = Kind { name: "webhook", keys: &KEYS, standard, signals: &[], configure };

const KEYS: [Key; 4] = [
    Key::required("url", "https address that takes the events"),
    Key::required("secret", "signing key: `whsec_` and base64, or any text, 24 bytes or more; secret"),
    Key::optional("event_filter", "names of the events to send; default all"),
    Key::optional("allow_private", "true: http and addresses in private networks are allowed; default false"),
];

/// A receiver of our own gets our own names.
fn standard(name: &str) -> Option<&'static str> {
    STANDARD_EVENTS.into_iter().find(|known| *known == name)
}

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    url: String,
    secret: Secret,
    #[serde(default)]
    event_filter: Option<Vec<String>>,
    #[serde(default)]
    allow_private: bool,
}

/// One receiver, ready to work.
#[derive(Debug)]
struct Webhook {
    url: Url,
    key: SigningKey,
    event_filter: Option<Vec<String>>,
    public_only: bool,
}

fn configure(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Own = settings.read()?;
    let url = receiver(&own.url, own.allow_private)?;
    if own.event_filter.as_ref().is_some_and(|names| names.iter().all(|name| name.trim().is_empty())) {
        let expected = "expected at least one event name; leave the key out to send all events";
        return Err(SettingError::invalid("event_filter", expected));
    }
    Ok(Box::new(Webhook {
        url: settings.address(url),
        key: SigningKey::read(&own.secret)?,
        event_filter: own.event_filter,
        // An `endpoint` is the operator's explicit word on where to send, private or not.
        public_only: !own.allow_private && settings.endpoint.is_none(),
    }))
}

/// The receiver's address, if it is one we may send to.
fn receiver(text: &str, allow_private: bool) -> Result<Url, SettingError> {
    let wrong = |expected: &str| SettingError::invalid("url", expected);
    let mut url =
        Url::parse(text).map_err(|error| wrong(&format!("expected a full https address: {error}")))?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        _ => return Err(wrong("expected an https address; http needs `allow_private = true`")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("expected an address without user and password: requests are signed instead"));
    }
    if !allow_private && names_private_host(&url) {
        return Err(wrong("expected a public address; a private one needs `allow_private = true`"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// The key of the signature. Does not print and is wiped when dropped.
struct SigningKey(Zeroizing<Vec<u8>>);

impl SigningKey {
    /// Takes `whsec_` and base64 as the bytes it stands for, any other text as its own bytes.
    fn read(secret: &Secret) -> Result<Self, SettingError> {
        let empty = || SettingError::invalid("secret", "expected a signing key of 24 bytes or more");
        if secret.is_blank() {
            return Err(empty());
        }
        let bytes = match secret.expose().strip_prefix("whsec_") {
            Some(encoded) => BASE64
                .decode(encoded)
                .map_err(|_| SettingError::invalid("secret", "expected base64 after `whsec_`"))?,
            None => secret.expose().as_bytes().to_vec(),
        };
        // The scheme asks for 24 to 64 bytes of the keys it makes; a receiver that is there already may have less.
        if bytes.is_empty() {
            return Err(empty());
        }
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("{SIGNATURE_VERSION},{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Standard alphabet, written with padding, read with or without: both are in use for signing keys.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

// ── Request ────────────────────────────────────────────────────────────────────────────────────────────────

/// What the receiver gets.
#[derive(Serialize)]
struct Payload<'a> {
    /// The same as `webhook-id`.
    id: &'a str,
    /// Always `event`; other kinds of message may follow.
    r#type: &'static str,
    /// When the event happened, RFC 3339. The same at every attempt.
    created_at: String,
    /// Site key.
    site: &'a str,
    /// The event in its public shape, `user` hashed, under the name the destination gives it.
    event: Cow<'a, Event>,
    /// How its click was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<Told<'a>>,
}

impl Platform for Webhook {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        let mut built = Built::default();
        for (place, outgoing) in events.iter().enumerate() {
            if self.takes(&outgoing.event.event) {
                let request = self.request(outgoing, now);
                built.requests.push(Planned {
                    call: CALL,
                    request,
                    events: vec![place],
                    quality: Vec::new(),
                });
            } else {
                let detail = format!("{} is not in `event_filter`", outgoing.event.event);
                built.skips.push((place, Skip::new(SkipReason::SwitchedOff, detail)));
            }
        }
        built
    }

    fn read(&self, _call: Call, response: &Response, events: usize, _now: UnixMs) -> Vec<Outcome> {
        each(events, &read(response))
    }

    fn limits(&self) -> Limits {
        Limits { batch: 64, concurrency: 8, pace_ms: 0, retry_for_ms: RETRY_FOR_MS }
    }
}

/// The webhook's one call.
const CALL: Call = "webhook";

impl Webhook {
    fn takes(&self, name: &str) -> bool {
        self.event_filter.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }

    fn request(&self, outgoing: &Outgoing<'_>, now: UnixMs) -> Request {
        let id = message_id(outgoing);
        let mut event = Cow::Borrowed(outgoing.event);
        if let Some(name) = outgoing.renamed {
            event.to_mut().event = name.to_owned();
        }
        // Our own shorthand is told in words instead.
        if event.attribution.is_some() {
            event.to_mut().attribution = None;
        }
        let (created_at, attribution) = (event.time.rfc3339(), told(outgoing.event, None));
        let site = outgoing.site;
        let body = Text::json(&Payload { id: &id, r#type: "event", created_at, site, event, attribution });
        let timestamp = now.seconds();
        let signature = self.key.sign(&id, timestamp, &body.expose());
        let headers = vec![
            Header::json(),
            Header::new("webhook-id", id),
            Header::new("webhook-timestamp", timestamp.to_string()),
            Header::new("webhook-signature", signature),
        ];
        let url = self.url.clone();
        Request { method: "POST", url, headers, body: Body::Json(body), public_only: self.public_only }
    }
}

/// An id that is the same at every attempt and differs where site, name or event id differ.
///
/// A digest, because event ids may hold letters a header cannot and dots, which the scheme uses as
/// separators.
fn message_id(outgoing: &Outgoing<'_>) -> String {
    let event = outgoing.event;
    let key = format!("{}\0{}\0{}", outgoing.site, event.event, event.event_id);
    let digest = Sha256Hex::of(&key).to_hex();
    format!("msg_{}", &digest[..32])
}

// ── Response ───────────────────────────────────────────────────────────────────────────────────────────────

/// Any 2xx is a receipt; what other statuses mean is the same everywhere, but for one. 410 is the scheme's way to say
/// "stop", which holds the destination until the operator acts. 409 speaks of the state in which the receiver finds what
/// the event is about (RFC 9110, section 15.5.10), such as a row that is locked: that passes, and no other event need wait
/// for it. The body is not read: it may repeat what we sent.
fn read(response: &Response) -> Outcome {
    let answer = match arrived(response) {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    let reason = format!("the receiver answered with status {}", answer.status);
    match answer.status {
        200..=299 => Outcome::Delivered,
        409 => Outcome::Later { after: answer.retry_after.unwrap_or_default().max(CONFLICT_REST), reason },
        _ => by_status(answer, 1, reason),
    }
}

/// Shortest wait before an event is sent again that met a conflict.
const CONFLICT_REST: Duration = Duration::from_secs(300);

// ── Tests ──────────────────────────────────────────────────────────────────────────────────────────────────

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;

    const KEY: &str = "secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";

    fn configured(text: &str) -> Result<Box<dyn Platform>, SettingError> {
        configure(settings(format!("{KEY}{text}").leak()))
    }

    fn event(name: &str, id: &str) -> Event {
        let event = serde_json::json!({ "event": name, "event_id": id, "time": 0, "source": "web" });
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn the_signature_is_that_of_the_scheme() {
        // The example of the Standard Webhooks libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = SigningKey::read(&secret).expect("a key");
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_key_is_base64_after_its_prefix_and_text_otherwise() {
        let check = |text: &str, expected: Option<&[u8]>| {
            let key = SigningKey::read(&Secret::new(text)).ok();
            assert_eq!(key.as_ref().map(|key| key.0.as_slice()), expected, "{text}");
        };
        check("a text of 16 byte", Some(b"a text of 16 byte"));
        check("whsec_YSB0ZXh0IG9mIDE2IGJ5dGU=", Some(b"a text of 16 byte"));
        check("whsec_YSB0ZXh0IG9mIDE2IGJ5dGU", Some(b"a text of 16 byte"));
        check("short", Some(b"short"));
        check("whsec_", None);
        check("whsec_not base64 at all, is it", None);
        check("", None);
        check(" \r\n", None);
        let debug = format!("{:?}", SigningKey::read(&Secret::new("a text of 16 byte")));
        assert_eq!(debug, "Ok(********)");
    }

    #[test]
    fn only_public_https_addresses_are_taken() {
        let check = |url: &str, words: Option<&str>| {
            let error = configured(&format!("url = \"{url}\"")).err().map(|error| error.to_string());
            match (&error, words) {
                (None, None) => {}
                (Some(error), Some(words)) if error.contains(words) => {}
                _ => panic!("{url}: {error:?}"),
            }
        };
        check("https://hooks.example/in?key=1#part", None);
        check("https://203.0.113.7:8443/in", None);
        check("http://hooks.example/in", Some("`url`: expected an https address"));
        check("ftp://hooks.example/in", Some("expected an https address"));
        check("hooks.example/in", Some("expected a full https address"));
        check("https://user:word@hooks.example/in", Some("without user and password"));
        for host in
            ["localhost", "127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "2130706433"]
        {
            check(&format!("https://{host}/in"), Some("expected a public address"));
        }
    }

    #[test]
    fn private_addresses_are_allowed_on_request_only() {
        let check = |more: &str, endpoint: Option<&str>, url: &str, public_only: bool| {
            let mut settings = settings(format!("{KEY}{more}").leak());
            settings.endpoint = endpoint.and_then(|text| Url::parse(text).ok());
            let webhook = configure(settings).expect(more);
            let event = event("Lead", "1");
            let built = webhook.build(
                &[Outgoing { event: &event, site: "s", renamed: None, order_renamed: None }],
                UnixMs(0),
            );
            let request = &built.requests[0].request;
            assert_eq!((request.url.as_str(), request.public_only), (url, public_only));
        };
        check("url = \"https://hooks.example/in\"", None, "https://hooks.example/in", true);
        check("url = \"http://10.0.0.7/in\"\nallow_private = true", None, "http://10.0.0.7/in", false);
        let endpoint = Some("http://127.0.0.1:9100");
        check("url = \"https://hooks.example/in?a=1\"", endpoint, "http://127.0.0.1:9100/in?a=1", false);
    }

    #[test]
    fn the_filter_lets_through_what_it_names() {
        let webhook =
            configured("url = \"https://hooks.example/\"\nevent_filter = [\"Lead\"]").expect("valid");
        let events = [event("Lead", "1"), event("PageView", "2")];
        let outgoing = events.each_ref().map(|event| Outgoing {
            event,
            site: "s",
            renamed: Some("Signup"),
            order_renamed: None,
        });
        let built = webhook.build(&outgoing, UnixMs(0));
        assert_eq!(built.requests.len(), 1);
        assert!(built.requests[0].request.body.masked().contains(r#""event":"Signup""#));
        assert_eq!(built.skips[0].1.reason, SkipReason::SwitchedOff);
        let error =
            configured("url = \"https://hooks.example/\"\nevent_filter = []").expect_err("sends nothing");
        assert!(error.to_string().contains("`event_filter`"), "{error}");
    }

    #[test]
    fn the_id_tells_events_apart_and_repeats_together() {
        let id = |site, name, id| {
            message_id(&Outgoing { event: &event(name, id), site, renamed: None, order_renamed: None })
        };
        let first = id("s", "Purchase", "Purchase-#A.1/Ü");
        assert_eq!(first, id("s", "Purchase", "Purchase-#A.1/Ü"));
        assert!(first.is_ascii() && !first.contains('.') && first.len() == 36, "{first}");
        for other in [id("t", "Purchase", "1"), id("s", "Lead", "1"), id("s", "Purchase", "2")] {
            assert_ne!(id("s", "Purchase", "1"), other);
        }
    }

    #[test]
    fn answers_are_read_by_their_status() {
        let check = |status, expected| {
            let response =
                Response::Answer { status, retry_after: None, headers: Vec::new(), body: Vec::new() };
            assert_eq!(read(&response).tag(), expected, "{status}");
        };
        for status in [200, 201, 202, 204] {
            check(status, "delivered");
        }
        for status in [301, 302, 307, 308, 401, 403, 404, 410] {
            check(status, "unauthorized");
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            check(status, "retry");
        }
        check(409, "later");
        for status in [400, 413, 415, 422] {
            check(status, "rejected");
        }
    }

    #[test]
    fn a_conflict_is_given_time_to_pass() {
        let check = |asked: Option<u64>, seconds| {
            let retry_after = asked.map(Duration::from_secs);
            let response =
                Response::Answer { status: 409, retry_after, headers: Vec::new(), body: Vec::new() };
            let reason = "the receiver answered with status 409".to_owned();
            let after = Duration::from_secs(seconds);
            assert_eq!(read(&response), Outcome::Later { after, reason });
        };
        check(None, 300);
        check(Some(1), 300);
        check(Some(900), 900);
    }
}

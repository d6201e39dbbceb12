//! The receiver of the outgoing webhook: any address `POST /webhook/{name}`, by the Standard Webhooks scheme.
//!
//! github.com/standard-webhooks/standard-webhooks, specification (read 2026-11-23): `webhook-id`,
//! `webhook-timestamp` (Unix seconds, at most five minutes off), `webhook-signature` (space-separated `v1,` + base64
//! of HMAC-SHA256 over `id.timestamp.body`). A receiver drops repeats of a `webhook-id`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::UnixMs;
use shared::time::DAY_MS;

use super::exchange::{Answer, Arrived, Reply, Taken};
use super::player::{Complaint, Player};

/// Name in the relay's configuration.
pub const NAME: &str = "webhook";
/// How far a timestamp may be off, in seconds; the scheme's reference libraries allow five minutes.
const TOLERANCE_S: i64 = 300;
/// How long ids are remembered. The receiver is ours, so it is longer than any sender retries.
const WINDOW_MS: i64 = 7 * DAY_MS;

/// A receiver that checks signatures, when it has a secret.
#[derive(Debug)]
pub struct Webhook {
    key: Option<Vec<u8>>,
}

impl Webhook {
    /// A receiver with a secret: `whsec_` and base64 stands for bytes, any other text for itself. Without a secret
    /// the signature must be there but is not verified.
    pub fn new(secret: Option<&str>) -> Self {
        Self { key: secret.map(key) }
    }

    /// Checks the three headers. Answers what is wrong.
    fn verify(&self, request: &Arrived, now: UnixMs) -> Result<(), &'static str> {
        let id = request.header("webhook-id").filter(|id| !id.is_empty()).ok_or("webhook-id: missing")?;
        if id.contains('.') {
            return Err("webhook-id: must not contain a dot, the separator of the signed text");
        }
        let timestamp = request.header("webhook-timestamp").ok_or("webhook-timestamp: missing")?;
        let seconds: i64 = timestamp.parse().map_err(|_| "webhook-timestamp: not whole Unix seconds")?;
        if (now.seconds() - seconds).abs() > TOLERANCE_S {
            return Err("webhook-timestamp: more than five minutes off");
        }
        let signatures = request.header("webhook-signature").ok_or("webhook-signature: missing")?;
        let Some(key) = &self.key else { return Ok(()) };
        let matching = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let mut digests = matching.filter_map(|one| STANDARD.decode(one).ok());
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(&request.body);
        let right = digests.any(|digest| mac.clone().verify_slice(&digest).is_ok());
        if right { Ok(()) } else { Err("webhook-signature: does not match") }
    }
}

/// The bytes a secret stands for. One that is not base64 after all is taken as text: the signature then never
/// matches, which is what a receiver with a mistyped secret sees.
fn key(secret: &str) -> Vec<u8> {
    let encoded = secret.strip_prefix("whsec_");
    encoded.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_else(|| secret.as_bytes().to_vec())
}

/// The event of a message, by our payload: `{"id","type":"event","created_at","site","event":{…}}`.
fn event(body: &Value, id: &str) -> Result<Taken, &'static str> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if body["id"] != id {
        return Err("id: must equal webhook-id");
    }
    if body["type"] != "event" {
        return Err("type: must be `event`");
    }
    let created = body["created_at"].as_str().ok_or("created_at: missing")?;
    UnixMs::parse_rfc3339(created).ok_or("created_at: not RFC 3339")?;
    text(&body["site"]).ok_or("site: missing")?;
    let name = text(&body["event"]["event"]).ok_or("event.event: missing")?;
    let event_id = text(&body["event"]["event_id"]).ok_or("event.event_id: missing")?;
    Ok(Taken { key: id.to_owned(), name, id: event_id })
}

fn refused(status: u16, reason: &str) -> Answer {
    Answer::Refused { reply: Reply::json(status, &json!({ "error": reason })), reason: reason.to_owned() }
}

impl Player for Webhook {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        request.path.strip_prefix("/webhook/").is_some_and(|name| !name.is_empty() && !name.contains('/'))
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        if request.method != "POST" {
            return refused(405, "method: must be POST");
        }
        if let Err(reason) = self.verify(request, now) {
            return refused(401, reason);
        }
        if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
            return refused(415, "content-type: must be application/json");
        }
        let Some(body) = request.json() else { return refused(400, "body: not JSON") };
        match event(&body, request.header("webhook-id").unwrap_or_default()) {
            Ok(event) => Answer::Took { reply: Reply::empty(204), events: vec![event] },
            Err(reason) => refused(400, reason),
        }
    }

    fn complain(&self, complaint: Complaint, _request: &Arrived) -> Reply {
        let say = |status, error: &str| Reply::json(status, &json!({ "error": error }));
        match complaint {
            Complaint::TooManyRequests { retry_after_s } => {
                say(429, "too many requests").with("retry-after", retry_after_s.to_string())
            }
            Complaint::Throttled => say(429, "slower, please"),
            Complaint::ServerError { status } => say(status, "out of order"),
            Complaint::Transient => say(503, "restarting").with("retry-after", "1"),
            Complaint::TokenExpired => say(401, "this receiver has moved to another secret"),
            Complaint::Poisoned { code: _ } => say(422, "this receiver does not take such an event"),
        }
    }

    fn dedup_window_ms(&self) -> i64 {
        WINDOW_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scheme's own published example (specification, "Signature scheme").
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: UnixMs = UnixMs(1_614_265_330_000);

    fn signed(id: &str, timestamp: &str, body: &str, secret: &str) -> Arrived {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)).expect("any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let pairs = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", &signature),
        ];
        Arrived {
            method: "POST".to_owned(),
            path: "/webhook/shop".to_owned(),
            headers: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_owned().into(),
            ..Arrived::default()
        }
    }

    fn payload(id: &str) -> String {
        json!({ "id": id, "type": "event", "created_at": "2021-02-25T15:02:10Z", "site": "shop",
                "event": { "event": "Lead", "event_id": "e-1" } })
        .to_string()
    }

    #[test]
    fn the_published_example_verifies() {
        let mut request =
            signed("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#, SECRET);
        let published = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(request.header("webhook-signature"), Some(published));
        assert_eq!(Webhook::new(Some(SECRET)).verify(&request, NOW), Ok(()));
        request.headers[3].1 = format!("v1,AAAA v2,x {published}");
        assert_eq!(Webhook::new(Some(SECRET)).verify(&request, NOW), Ok(()));
    }

    #[test]
    fn a_signed_event_is_taken_under_its_message_id() {
        let answer =
            Webhook::new(Some(SECRET)).answer(&signed("msg_1", "1614265330", &payload("msg_1"), SECRET), NOW);
        let taken = Taken { key: "msg_1".to_owned(), name: "Lead".to_owned(), id: "e-1".to_owned() };
        assert_eq!(answer, Answer::Took { reply: Reply::empty(204), events: vec![taken] });
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = || signed("msg_1", "1614265330", &payload("msg_1"), SECRET);
        let check = |request: Arrived, expected: (u16, &str)| match Webhook::new(Some(SECRET))
            .answer(&request, NOW)
        {
            Answer::Refused { reply, reason } => assert_eq!((reply.status, reason.as_str()), expected),
            Answer::Took { .. } => panic!("taken instead of {expected:?}"),
        };
        check(Arrived { method: "PUT".to_owned(), ..good() }, (405, "method: must be POST"));
        check(Arrived { headers: good().headers[..1].to_vec(), ..good() }, (401, "webhook-id: missing"));
        check(
            Arrived { headers: good().headers[..3].to_vec(), ..good() },
            (401, "webhook-signature: missing"),
        );
        check(
            Arrived { headers: good().headers[1..].to_vec(), ..good() },
            (415, "content-type: must be application/json"),
        );
        check(Arrived { body: "{}".into(), ..good() }, (401, "webhook-signature: does not match"));
        check(
            signed("msg_1", "1614265330", &payload("msg_1"), "another secret"),
            (401, "webhook-signature: does not match"),
        );
        check(
            signed("msg_1", "1614265029", &payload("msg_1"), SECRET),
            (401, "webhook-timestamp: more than five minutes off"),
        );
        check(
            signed("msg_1", "now", &payload("msg_1"), SECRET),
            (401, "webhook-timestamp: not whole Unix seconds"),
        );
        check(
            signed("msg.1", "1614265330", &payload("msg.1"), SECRET),
            (401, "webhook-id: must not contain a dot, the separator of the signed text"),
        );
        check(signed("msg_1", "1614265330", "[", SECRET), (400, "body: not JSON"));
        check(signed("msg_1", "1614265330", &payload("msg_2"), SECRET), (400, "id: must equal webhook-id"));
        check(
            signed("msg_1", "1614265330", &payload("msg_1").replace("e-1", ""), SECRET),
            (400, "event.event_id: missing"),
        );
    }
}

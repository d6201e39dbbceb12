//! How a sender of any kind shows who it is: a token in a header or the address, a name and password, or a signature.

use serde::Deserialize;
use shared::UnixMs;

use super::super::signature::{self, from_base64, is_base64_of, is_hex_of, keyed};
use super::super::{Denied, Inbound, login};
use crate::platform::settings::SettingError;
use crate::secret::Secret;

/// The way in, checked.
#[derive(Debug)]
pub(super) enum Auth {
    /// `Authorization: Bearer <token>`.
    Bearer(Secret),
    /// A header with the token as its value.
    Header { name: String, token: Secret },
    /// A parameter of the address.
    Query { name: String, token: Secret },
    /// `Authorization: Basic …`.
    Basic { user: String, password: Secret },
    /// HMAC-SHA256.
    Hmac(Hmac),
    /// The Standard Webhooks specification.
    StandardWebhooks { key: Secret },
}

/// A signature as its sender makes it.
#[derive(Debug)]
pub(super) struct Hmac {
    secret: Secret,
    header: String,
    prefix: String,
    encoding: Encoding,
    signed: Vec<Part>,
    timestamp_header: Option<String>,
    tolerance_s: u64,
}

/// What is signed, piece by piece.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Body,
    Timestamp,
}

/// How the signature's bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    #[default]
    Hex,
    Base64,
}

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    r#type: Type,
    name: Option<String>,
    token: Option<Secret>,
    user: Option<String>,
    password: Option<Secret>,
    secret: Option<Secret>,
    header: Option<String>,
    prefix: Option<String>,
    encoding: Option<Encoding>,
    signed: Option<String>,
    timestamp_header: Option<String>,
    tolerance_s: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Bearer,
    Header,
    Query,
    Basic,
    Hmac,
    StandardWebhooks,
}

impl Written {
    /// The way in, or what is missing for it.
    pub(super) fn check(self) -> Result<Auth, SettingError> {
        let allowed: &[&str] = match self.r#type {
            Type::Bearer => &["token"],
            Type::Header | Type::Query => &["name", "token"],
            Type::Basic => &["user", "password"],
            Type::Hmac => {
                &["secret", "header", "prefix", "encoding", "signed", "timestamp_header", "tolerance_s"]
            }
            Type::StandardWebhooks => &["secret"],
        };
        if let Some(key) = self.keys().into_iter().find(|key| !allowed.contains(key)) {
            let allowed = allowed.join("`, `");
            return Err(invalid(key, format!("not used by this `type`, which takes `{allowed}`")));
        }
        let token = || filled("token", self.token.clone());
        match self.r#type {
            Type::Bearer => Ok(Auth::Bearer(token()?)),
            Type::Header => Ok(Auth::Header { name: header("name", self.name.clone())?, token: token()? }),
            Type::Query => {
                let name = self.name.clone().unwrap_or_else(|| "token".to_owned());
                Ok(Auth::Query { name, token: token()? })
            }
            Type::Basic => {
                let user = self.user.filter(|user| !user.trim().is_empty() && !user.contains(':'));
                let user = user.ok_or_else(|| invalid("user", "expected a name without a colon"))?;
                Ok(Auth::Basic { user, password: filled("password", self.password)? })
            }
            Type::Hmac => self.hmac().map(Auth::Hmac),
            Type::StandardWebhooks => {
                let secret = filled("secret", self.secret)?;
                let key =
                    secret.expose().trim().strip_prefix("whsec_").filter(|key| from_base64(key).is_some());
                let key = key.ok_or_else(|| invalid("secret", "expected `whsec_` and base64"))?;
                Ok(Auth::StandardWebhooks { key: Secret::new(key) })
            }
        }
    }

    /// The keys that are there.
    fn keys(&self) -> Vec<&'static str> {
        let there = [
            ("name", self.name.is_some()),
            ("token", self.token.is_some()),
            ("user", self.user.is_some()),
            ("password", self.password.is_some()),
            ("secret", self.secret.is_some()),
            ("header", self.header.is_some()),
            ("prefix", self.prefix.is_some()),
            ("encoding", self.encoding.is_some()),
            ("signed", self.signed.is_some()),
            ("timestamp_header", self.timestamp_header.is_some()),
            ("tolerance_s", self.tolerance_s.is_some()),
        ];
        there.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect()
    }

    fn hmac(self) -> Result<Hmac, SettingError> {
        let signed = parts(self.signed.as_deref().unwrap_or("{body}"));
        if !signed.contains(&Part::Body) {
            return Err(invalid(
                "signed",
                "expected a text with `{body}` in it, such as `{timestamp}.{body}`",
            ));
        }
        let timed = signed.contains(&Part::Timestamp);
        let timestamp_header = match self.timestamp_header {
            Some(name) => Some(header("timestamp_header", Some(name))?),
            None => None,
        };
        // A time that is not signed is anybody's to choose.
        if timed != timestamp_header.is_some() {
            let expected = "expected together with `{timestamp}` in `signed`";
            return Err(invalid("timestamp_header", expected));
        }
        Ok(Hmac {
            secret: filled("secret", self.secret)?,
            header: header("header", self.header)?,
            prefix: self.prefix.unwrap_or_default(),
            encoding: self.encoding.unwrap_or_default(),
            signed,
            timestamp_header,
            tolerance_s: self.tolerance_s.unwrap_or(TOLERANCE_SECONDS),
        })
    }
}

/// How old a signature may be, in seconds, if nothing else is said.
const TOLERANCE_SECONDS: u64 = 300;

fn invalid(key: &str, expected: impl Into<String>) -> SettingError {
    let key = match key {
        "name" => "auth.name",
        "token" => "auth.token",
        "user" => "auth.user",
        "password" => "auth.password",
        "secret" => "auth.secret",
        "header" => "auth.header",
        "prefix" => "auth.prefix",
        "encoding" => "auth.encoding",
        "signed" => "auth.signed",
        "timestamp_header" => "auth.timestamp_header",
        "tolerance_s" => "auth.tolerance_s",
        _ => "auth",
    };
    SettingError::invalid(key, expected)
}

fn filled(key: &'static str, secret: Option<Secret>) -> Result<Secret, SettingError> {
    secret
        .filter(|secret| !secret.is_blank())
        .ok_or_else(|| invalid(key, "expected the secret, which is not empty"))
}

fn header(key: &'static str, name: Option<String>) -> Result<String, SettingError> {
    let known = name.filter(|name| http::HeaderName::try_from(name.as_str()).is_ok());
    known.ok_or_else(|| invalid(key, "expected the name of a header, such as `X-Signature`"))
}

/// Takes a template apart.
fn parts(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let marks = [("{body}", Part::Body), ("{timestamp}", Part::Timestamp)];
        let next = marks.into_iter().filter_map(|(mark, part)| Some((rest.find(mark)?, mark, part)));
        let Some((at, mark, part)) = next.min_by_key(|(at, _, _)| *at) else {
            parts.push(Part::Text(rest.to_owned()));
            break;
        };
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(part);
        rest = after.get(mark.len()..).unwrap_or_default();
    }
    parts
}

impl Auth {
    /// Whether the request comes from who it should.
    pub(super) fn check(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        match self {
            Self::Bearer(token) => login::bearer(request, token, "auth"),
            Self::Basic { user, password } => login::basic(request, user, password, "auth"),
            Self::Query { name, token } => login::parameter(request, name, token, "auth"),
            Self::Header { name, token } => {
                let right = request.header(name).is_some_and(|sent| token.matches(sent));
                if right { Ok(()) } else { Err(Denied::WrongHeader { header: "token", key: "auth" }) }
            }
            Self::Hmac(hmac) => hmac.check(request),
            Self::StandardWebhooks { key } => standard(request, key),
        }
    }
}

const WRONG: Denied = Denied::WrongSignature { key: "auth" };

impl Hmac {
    fn check(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        let unsigned = Denied::Unsigned { header: "signature" };
        let sent = request.header(&self.header).ok_or(unsigned)?;
        let time = self.timestamp_header.as_deref().map(|name| request.header(name).unwrap_or_default());
        let parts: Vec<&[u8]> = self
            .signed
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Body => request.body,
                Part::Timestamp => time.unwrap_or_default().as_bytes(),
            })
            .collect();
        let expected = signature::hmac_sha256(&self.secret, &parts);
        let right = sent.strip_prefix(self.prefix.as_str()).is_some_and(|sent| match self.encoding {
            Encoding::Hex => is_hex_of(sent, &expected),
            Encoding::Base64 => is_base64_of(sent, &expected),
        });
        if !right {
            return Err(WRONG);
        }
        match time {
            None => Ok(()),
            Some(time) => signature::fresh(instant(time), request.now, self.tolerance_s),
        }
    }
}

/// A time in Unix seconds, or in milliseconds when it has more than eleven digits.
fn instant(text: &str) -> Option<UnixMs> {
    let millis = text.len() > 11;
    if millis { text.parse().ok().map(UnixMs) } else { signature::seconds(text) }
}

/// standardwebhooks.com, "Specification" (read 2026-11-23): id, time in seconds and body, parted by dots; several signatures
/// may stand beside each other while a key is replaced.
fn standard(request: &Inbound<'_>, key: &Secret) -> Result<(), Denied> {
    let header = |name: &'static str| request.header(name).ok_or(Denied::Unsigned { header: name });
    let (id, time, sent) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let key = from_base64(key.expose()).unwrap_or_default();
    let expected = keyed(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", request.body]);
    let mut versions = sent.split_ascii_whitespace().filter_map(|one| one.strip_prefix("v1,"));
    if !versions.any(|sent| is_base64_of(sent, &expected)) {
        return Err(WRONG);
    }
    signature::fresh(signature::seconds(time), request.now, TOLERANCE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{headers, webhook};
    use super::*;

    fn auth(text: &str) -> Auth {
        let written: Written = toml::from_str(text).expect("well-formed");
        written.check().expect("right settings")
    }

    #[track_caller]
    fn check(
        settings: &str,
        sent: &[(&'static str, &str)],
        body: &str,
        now: i64,
        expected: Result<(), Denied>,
    ) {
        let headers = headers(sent);
        let request = Inbound { now: UnixMs(now * 1000), ..webhook(&headers, body) };
        assert_eq!(auth(settings).check(&request), expected, "{settings} {sent:?}");
    }

    const NO_HEADER: Denied = Denied::WrongHeader { header: "Authorization", key: "auth" };

    #[test]
    fn tokens_and_passwords() {
        let bearer = "type = 'bearer'\ntoken = 't0ken'";
        check(bearer, &[("authorization", "Bearer t0ken")], "", 0, Ok(()));
        check(bearer, &[("authorization", "Bearer other")], "", 0, Err(NO_HEADER));
        check(bearer, &[], "", 0, Err(NO_HEADER));
        let own = "type = 'header'\nname = 'X-Relay-Token'\ntoken = 't0ken'";
        check(own, &[("x-relay-token", "t0ken")], "", 0, Ok(()));
        check(
            own,
            &[("x-relay-token", "")],
            "",
            0,
            Err(Denied::WrongHeader { header: "token", key: "auth" }),
        );
        let basic = "type = 'basic'\nuser = 'jane'\npassword = 'pa:ss'";
        check(basic, &[("authorization", "Basic amFuZTpwYTpzcw==")], "", 0, Ok(()));
        check(basic, &[("authorization", "Basic amFuZTpwYXNz")], "", 0, Err(NO_HEADER));
        let query = "type = 'query'\ntoken = 't0ken'";
        check(query, &[], "", 0, Err(Denied::WrongToken { key: "auth" }));
    }

    /// Computed apart from this code: `printf %s 'body' | openssl dgst -sha256 -hmac k`, and with `-binary | base64`.
    #[test]
    fn signatures_of_the_body() {
        let hex = "c6d811ef3aeb02437cd423f1abe13209041864630bdc4e2c04def5c7b0031a23";
        let base64 = "xtgR7zrrAkN81CPxq+EyCQQYZGML3E4sBN71x7ADGiM=";
        let plain = "type = 'hmac'\nsecret = 'k'\nheader = 'X-Signature'";
        check(plain, &[("x-signature", hex)], "body", 0, Ok(()));
        check(plain, &[("x-signature", &hex.to_uppercase())], "body", 0, Ok(()));
        check(plain, &[("x-signature", hex)], "Body", 0, Err(WRONG));
        check(plain, &[("x-signature", base64)], "body", 0, Err(WRONG));
        check(plain, &[], "body", 0, Err(Denied::Unsigned { header: "signature" }));
        let coded = format!("{plain}\nprefix = 'sha256='\nencoding = 'base64'");
        check(&coded, &[("x-signature", &format!("sha256={base64}"))], "body", 0, Ok(()));
        check(&coded, &[("x-signature", base64)], "body", 0, Err(WRONG));
    }

    /// `printf %s '1795420800:body' | openssl dgst -sha256 -hmac k`, the same with the time in milliseconds.
    #[test]
    fn signatures_with_a_time_grow_old() {
        let at = 1_795_420_800;
        let timed = "type = 'hmac'\nsecret = 'k'\nheader = 'X-Signature'\nsigned = '{timestamp}:{body}'\ntimestamp_header = 'X-Time'";
        let sent = [
            ("x-signature", "c1e30b098e824649ab59ac1a1e2a69a5174651a368d2f98f88d95b54b07ddd2f"),
            ("x-time", "1795420800"),
        ];
        check(timed, &sent, "body", at, Ok(()));
        check(timed, &sent, "body", at + 300, Ok(()));
        check(timed, &sent, "body", at + 301, Err(Denied::Stale { seconds: 301 }));
        check(timed, &sent, "body", at - 301, Err(Denied::Stale { seconds: 301 }));
        check(
            &format!("{timed}\ntolerance_s = 10"),
            &sent,
            "body",
            at + 11,
            Err(Denied::Stale { seconds: 11 }),
        );
        check(timed, &[sent[0], ("x-time", "1795420801")], "body", at, Err(WRONG));
        check(timed, &sent[..1], "body", at, Err(WRONG));
        let millis = [
            ("x-signature", "cc543d7bfc8bb9f35adf95d8bc85c430672ffda12d6004d8266883b2c4d19349"),
            ("x-time", "1795420800000"),
        ];
        check(timed, &millis, "body", at + 300, Ok(()));
        check(timed, &millis, "body", at + 301, Err(Denied::Stale { seconds: 301 }));
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn standard_webhooks_are_those_of_the_specification() {
        let settings = "type = 'standard_webhooks'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'";
        let id = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
        let (at, time) = (1_614_265_330, ("webhook-timestamp", "1614265330"));
        let signed = ("webhook-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let body = r#"{"test": 2432232314}"#;
        check(settings, &[id, time, signed], body, at, Ok(()));
        check(settings, &[id, time, signed], "{}", at, Err(WRONG));
        check(settings, &[id, time, ("webhook-signature", "v1a,g0hM9SsE")], body, at, Err(WRONG));
        check(settings, &[id, time, signed], body, at + 301, Err(Denied::Stale { seconds: 301 }));
        check(settings, &[time, signed], body, at, Err(Denied::Unsigned { header: "webhook-id" }));
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        for (text, words) in [
            ("type = 'bearer'", "`auth.token`"),
            ("type = 'bearer'\ntoken = ' '", "`auth.token`"),
            ("type = 'bearer'\ntoken = 't'\nuser = 'u'", "`auth.user`: not used"),
            ("type = 'header'\ntoken = 't'", "`auth.name`"),
            ("type = 'header'\nname = 'a b'\ntoken = 't'", "`auth.name`"),
            ("type = 'basic'\nuser = 'a:b'\npassword = 'p'", "`auth.user`"),
            ("type = 'hmac'\nsecret = 's'\nheader = 'X'\nsigned = '{timestamp}'", "`auth.signed`"),
            (
                "type = 'hmac'\nsecret = 's'\nheader = 'X'\nsigned = '{timestamp}.{body}'",
                "`auth.timestamp_header`",
            ),
            ("type = 'hmac'\nsecret = 's'\nheader = 'X'\ntimestamp_header = 'T'", "`auth.timestamp_header`"),
            ("type = 'standard_webhooks'\nsecret = 'abc'", "`auth.secret`"),
        ] {
            let written: Written = toml::from_str(text).expect("well-formed");
            let error = written.check().expect_err(text).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_template_is_taken_apart() {
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(parts("{body}"), [Part::Body]);
        assert_eq!(
            parts("v0:{timestamp}:{body}!"),
            [text("v0:"), Part::Timestamp, text(":"), Part::Body, text("!")]
        );
        assert_eq!(parts("{x}"), [text("{x}")]);
    }
}

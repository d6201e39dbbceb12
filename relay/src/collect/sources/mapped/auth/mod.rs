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

    /// What the sender's address must carry, if it must.
    pub(super) fn in_address(&self) -> Option<String> {
        match self {
            Self::Query { name, token } => Some(login::in_address(name, token)),
            Self::Bearer(_)
            | Self::Header { .. }
            | Self::Basic { .. }
            | Self::Hmac(_)
            | Self::StandardWebhooks { .. } => None,
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
mod tests;

//! The token endpoint and the tokens it grants. A token says itself when it ends and what it is good for, so that
//! nothing needs remembering.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::UnixMs;

use super::super::exchange::{Arrived, Reply};
use super::Error;

pub(super) const DATA_MANAGER: &str = "https://www.googleapis.com/auth/datamanager";
pub(super) const ADS: &str = "https://www.googleapis.com/auth/adwords";
const BEARER_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const LIFE_S: i64 = 3_599;
/// How far a service account's clock may be off.
const SKEW_S: i64 = 300;
/// An RSA signature of 2048 bits.
const SIGNATURE_BYTES: usize = 256;

/// A client Google knows, with the consent of one user.
#[derive(Clone, Debug)]
pub struct Client {
    /// Client id.
    pub id: String,
    /// Client secret.
    pub secret: String,
    /// Refresh token.
    pub refresh_token: String,
}

/// Grants and checks tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    client: Option<Client>,
}

/// An error of the token endpoint (RFC 6749, section 5.2).
#[derive(Debug, thiserror::Error)]
#[expect(clippy::enum_variant_names, reason = "the names of RFC 6749")]
pub(super) enum Refusal {
    /// The request makes no sense.
    #[error("invalid_request: {0}")]
    InvalidRequest(&'static str),
    /// Client id or secret are wrong.
    #[error("invalid_client: unknown client or wrong secret")]
    InvalidClient,
    /// Refresh token or assertion are not good, or not any more.
    #[error("invalid_grant: {0}")]
    InvalidGrant(&'static str),
}

impl Refusal {
    pub(super) fn reply(&self) -> Reply {
        let (status, error, description) = match self {
            Self::InvalidRequest(why) => (400, "invalid_request", *why),
            Self::InvalidClient => (401, "invalid_client", "The OAuth client was not found."),
            Self::InvalidGrant(_) => (400, "invalid_grant", "Bad Request"),
        };
        Reply::json(status, &json!({ "error": error, "error_description": description }))
    }
}

impl Tokens {
    pub(super) fn new(client: Option<Client>) -> Self {
        Self { client }
    }

    /// Answers the token endpoint.
    pub(super) fn grant(&self, request: &Arrived, now: UnixMs) -> Result<Reply, Refusal> {
        let kind = request.header("content-type").unwrap_or_default();
        if request.method != "POST" || !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Refusal::InvalidRequest("a form, sent by POST"));
        }
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
        let scope = match field("grant_type") {
            "refresh_token" => {
                self.check_client(field("client_id"), field("client_secret"), field("refresh_token"))?;
                format!("{DATA_MANAGER} {ADS}")
            }
            BEARER_GRANT => assertion_scope(field("assertion"), now)?,
            _ => return Err(Refusal::InvalidRequest("grant_type")),
        };
        let ends = now.seconds() + LIFE_S;
        let token = format!("ya29.{}", URL_SAFE_NO_PAD.encode(format!("{ends} {scope}")));
        Ok(Reply::json(
            200,
            &json!({ "access_token": token, "expires_in": LIFE_S, "scope": scope, "token_type": "Bearer" }),
        ))
    }

    fn check_client(&self, id: &str, secret: &str, refresh_token: &str) -> Result<(), Refusal> {
        if [id, secret, refresh_token].iter().any(|text| text.is_empty()) {
            return Err(Refusal::InvalidRequest("client_id, client_secret and refresh_token are required"));
        }
        match &self.client {
            Some(client) if client.id != id || client.secret != secret => Err(Refusal::InvalidClient),
            Some(client) if client.refresh_token != refresh_token => {
                Err(Refusal::InvalidGrant("unknown refresh token"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the request carries a token that is good for `scope`.
    pub(super) fn check(&self, request: &Arrived, scope: &str, now: UnixMs) -> Result<(), Error> {
        let said = request.bearer().and_then(|token| {
            let decoded = URL_SAFE_NO_PAD.decode(token.strip_prefix("ya29.")?).ok()?;
            String::from_utf8(decoded).ok()
        });
        let Some((ends, scopes)) = said.as_deref().and_then(|said| said.split_once(' ')) else {
            return Err(Error::unauthenticated("no access token of ours"));
        };
        if ends.parse().is_ok_and(|ends: i64| now.seconds() >= ends) {
            return Err(Error::unauthenticated("the access token has expired"));
        }
        if scopes.split(' ').any(|granted| granted == scope) { Ok(()) } else { Err(Error::no_scope()) }
    }
}

/// The scopes a service account's assertion asks for (RFC 7523). The signature's bytes are not verified here: the
/// relay's own tests hold them to OpenSSL.
fn assertion_scope(assertion: &str, now: UnixMs) -> Result<String, Refusal> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(Refusal::InvalidGrant("an assertion has three parts"));
    };
    let decode =
        |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::InvalidGrant("not base64url"));
    let read = |part: &str| -> Result<Value, Refusal> {
        serde_json::from_slice(&decode(part)?).map_err(|_| Refusal::InvalidGrant("not JSON"))
    };
    let (header, claims) = (read(header)?, read(claims)?);
    if header["alg"] != "RS256" || header["typ"] != "JWT" || decode(signature)?.len() != SIGNATURE_BYTES {
        return Err(Refusal::InvalidGrant("must be signed by RS256"));
    }
    let issued = claims["iat"].as_i64().unwrap_or_default();
    let ends = claims["exp"].as_i64().unwrap_or_default();
    let in_time = (now.seconds() - issued).abs() <= SKEW_S && ends > issued && ends - issued <= 3_600;
    let account = claims["iss"].as_str().is_some_and(|iss| iss.contains('@'));
    if claims["aud"] != AUDIENCE || !account || !in_time {
        return Err(Refusal::InvalidGrant("wrong audience, issuer or times"));
    }
    let scope = claims["scope"].as_str().unwrap_or_default();
    let known = !scope.is_empty() && scope.split(' ').all(|one| one == DATA_MANAGER || one == ADS);
    known.then(|| scope.to_owned()).ok_or(Refusal::InvalidGrant("unknown scope"))
}

//! OAuth 2.0: an access token for a user (refresh token) or for a service account (signed assertion).
//!
//! One token serves both of Google's interfaces; its scopes are asked for here. Facts: "Using OAuth 2.0 for web
//! server applications" and "… for server to server applications" (developers.google.com/identity/protocols/oauth2,
//! read 2026-11-23). Google does not replace refresh tokens. Signing with RSA (PKCS #1 v1.5) gives the same bytes
//! each time, so this stays a function of its inputs. Keeping the token is the work of `distribute::access`.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use shared::UnixMs;
use shared::time::{MINUTE_MS, SECOND_MS};
use url::Url;

use crate::platform::answer::{Answer, arrived, by_status, quote, throttled, transient};
use crate::platform::{Body, Credentials, Grant, Header, Outcome, Request, Response, Text};
use crate::secret::Secret;

/// Where tokens are granted, and whom an assertion is addressed to.
pub(super) const TOKEN_ADDRESS: &str = "https://oauth2.googleapis.com/token";
const DATA_MANAGER: &str = "https://www.googleapis.com/auth/datamanager";
const ADS: &str = "https://www.googleapis.com/auth/adwords";

/// Who asks.
#[derive(Debug)]
pub(super) enum Login {
    /// A person who agreed once; what the token may do was settled then.
    User { client_id: String, client_secret: Secret, refresh_token: Secret },
    /// A service account.
    ServiceAccount(ServiceAccount),
}

/// A service account with its key. Prints without it.
#[derive(Clone)]
pub(super) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: Arc<RsaKeyPair>,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

/// What is wrong with a key file. Quotes nothing of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum KeyProblem {
    /// Not the JSON of a service account.
    #[error(
        "expected the JSON key file of a service account, with client_email and private_key, as the Cloud console \
         downloads it"
    )]
    NotAKeyFile,
    /// The private key does not read.
    #[error(
        "expected `private_key` to be an RSA key in PEM (PKCS #8) of 2048 to 4096 bits, as Google made it"
    )]
    NotAKey,
}

/// The part of a key file that is used.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: Secret,
    #[serde(default)]
    private_key_id: Option<String>,
}

impl ServiceAccount {
    /// Reads a key file's text.
    pub(super) fn read(json: &Secret) -> Result<Self, KeyProblem> {
        let file: KeyFile = serde_json::from_str(json.expose()).map_err(|_| KeyProblem::NotAKeyFile)?;
        if file.kind != "service_account" || !file.client_email.contains('@') {
            return Err(KeyProblem::NotAKeyFile);
        }
        let pem = file.private_key.expose().as_bytes();
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyProblem::NotAKey)?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| KeyProblem::NotAKey)?;
        Ok(Self { email: file.client_email, key_id: file.private_key_id, key: Arc::new(key) })
    }

    /// A signed assertion (RFC 7523), good for an hour, the longest Google takes.
    fn assertion(&self, scope: &str, now: UnixMs) -> Secret {
        let header = Claimed::Header { alg: "RS256", typ: "JWT", kid: self.key_id.as_deref() };
        let claims = Claimed::Claims {
            iss: &self.email,
            scope,
            aud: TOKEN_ADDRESS,
            iat: now.seconds(),
            exp: now.seconds() + ASSERTION_SECONDS,
        };
        let signed = format!("{}.{}", header.encoded(), claims.encoded());
        let mut signature = vec![0; self.key.public().modulus_len()];
        let signing =
            self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        signing.expect("the buffer has the length of the modulus, the only thing signing asks for");
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The two parts of an assertion that are signed.
#[derive(Serialize)]
#[serde(untagged)]
enum Claimed<'a> {
    Header {
        alg: &'a str,
        typ: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    },
    Claims {
        iss: &'a str,
        scope: &'a str,
        aud: &'a str,
        iat: i64,
        exp: i64,
    },
}

impl Claimed<'_> {
    fn encoded(&self) -> String {
        let json = serde_json::to_vec(self).expect("texts and numbers always write as JSON");
        URL_SAFE_NO_PAD.encode(json)
    }
}

/// How this destination gets its access token.
#[derive(Debug)]
pub(super) struct GoogleCredentials {
    login: Login,
    scope: String,
    address: Url,
}

impl GoogleCredentials {
    /// Tokens for the Data Manager API and, where adjustments are made, for the Google Ads API.
    pub(super) fn new(login: Login, adjusts: bool, address: Url) -> Self {
        let scope = if adjusts { format!("{DATA_MANAGER} {ADS}") } else { DATA_MANAGER.to_owned() };
        Self { login, scope, address }
    }

    fn form(&self, now: UnixMs) -> Text {
        match &self.login {
            Login::User { client_id, client_secret, refresh_token } => {
                let head =
                    format!("grant_type=refresh_token&client_id={}&client_secret=", encoded(client_id));
                Text::from(head)
                    .secret(&Secret::new(encoded(client_secret.expose())))
                    .plain("&refresh_token=")
                    .secret(&Secret::new(encoded(refresh_token.expose())))
            }
            Login::ServiceAccount(account) => {
                let grant = encoded("urn:ietf:params:oauth:grant-type:jwt-bearer");
                Text::from(format!("grant_type={grant}&assertion="))
                    .secret(&account.assertion(&self.scope, now))
            }
        }
    }

    /// What to do about a refusal.
    fn advice(&self, error: &str) -> &'static str {
        match (&self.login, error) {
            (Login::User { .. }, "invalid_grant") => {
                "the refresh token has ended or was taken back: consent again and put the new one into \
                 `oauth.refresh_token` (while the consent screen is in testing, tokens end after 7 days)"
            }
            (Login::User { .. }, "invalid_client") => "check `oauth.client_id` and `oauth.client_secret`",
            (Login::User { .. }, _) => "check `oauth` and the project's consent screen",
            (Login::ServiceAccount(_), "invalid_grant") => {
                "check this machine's clock, and that the key in `service_account` was not deleted"
            }
            (Login::ServiceAccount(_), _) => "check `service_account` and its project",
        }
    }
}

impl Credentials for GoogleCredentials {
    fn request(&self, _kept: Option<&Secret>, now: UnixMs) -> Request {
        Request {
            method: "POST",
            url: self.address.clone(),
            headers: vec![Header::new("content-type", "application/x-www-form-urlencoded")],
            body: Body::Form(self.form(now)),
            public_only: false,
        }
    }

    fn read(&self, response: &Response, now: UnixMs) -> Result<Grant, Outcome> {
        let answer = arrived(response)?;
        let reply: Option<Reply> = serde_json::from_slice(answer.body).ok();
        match reply {
            Some(Reply { error: Some(error), error_description, .. }) => {
                Err(self.refused(answer, &error, error_description.as_deref().unwrap_or_default()))
            }
            Some(Reply { access_token: Some(access), expires_in: Some(seconds), error: None, .. })
                if answer.status == 200 && !access.is_blank() && seconds > 0 =>
            {
                Ok(Grant { access, until: until(now, seconds), refresh: None })
            }
            Some(_) | None if (200..300).contains(&answer.status) => Err(transient(
                answer.retry_after,
                "Google's token endpoint answered without a token".to_owned(),
            )),
            Some(_) | None => {
                let reason = format!("Google's token endpoint: status {}", answer.status);
                Err(one(by_status(answer, 1, reason)))
            }
        }
    }
}

impl GoogleCredentials {
    /// An OAuth error (RFC 6749, section 5.2). All but the passing ones need the operator.
    fn refused(&self, answer: Answer<'_>, error: &str, description: &str) -> Outcome {
        let reason = format!("Google refused a token: {} {}", quote(error), quote(description));
        match (answer.status, error) {
            (429, _) | (_, "rate_limit_exceeded" | "slow_down") => throttled(answer.retry_after, reason),
            (500.., _) | (_, "temporarily_unavailable" | "server_error" | "internal_failure") => {
                transient(answer.retry_after, reason)
            }
            _ => Outcome::Unauthorized { reason: format!("{}; {}", reason.trim_end(), self.advice(error)) },
        }
    }
}

/// A token request speaks of no event: what would reject one needs the operator.
fn one(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Rejected { reason } | Outcome::Split { reason } => Outcome::Unauthorized { reason },
        kept @ (Outcome::Delivered
        | Outcome::Retry { .. }
        | Outcome::Later { .. }
        | Outcome::Misconfigured { .. }
        | Outcome::Unauthorized { .. }) => kept,
    }
}

/// The token endpoint's answer, of either kind.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

/// Five minutes before its end a token is renewed; one that lives shorter, at half its life.
fn until(now: UnixMs, seconds: i64) -> UnixMs {
    let life = seconds.saturating_mul(SECOND_MS);
    now.plus(life - MARGIN_MS.min(life / 2))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Longest life of an assertion.
const ASSERTION_SECONDS: i64 = 3_600;
const MARGIN_MS: i64 = 5 * MINUTE_MS;

#[cfg(test)]
mod tests;

//! Signing in: an access token for the Bing Ads API by a refresh token that changes with every use.
//!
//! The grant is that of the Microsoft identity platform (page "authentication-oauth-get-tokens", read 2026-11-23). A
//! person must have consented once; there is no way in without one. Every answer may bring a new refresh token, which
//! must be kept, for the old one may die; unused ones die after some 90 days. Keeping is `distribute`'s work.

use serde::Deserialize;
use shared::time::{DAY_MS, MINUTE_MS, SECOND_MS};
use shared::{Sha256Hex, UnixMs};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::fault;
use crate::platform::answer::{Answer, arrived, by_status, quote, transient};
use crate::platform::settings::check_token;
use crate::platform::{
    Body, Credentials, Grant, Header, Outcome, Request, Response, SettingError, Settings, Text,
};
use crate::secret::Secret;

/// What is asked for: the advertising account, and refresh tokens.
const SCOPE: &str = "https://ads.microsoft.com/msads.manage offline_access";
/// Accounts of any organisation and personal ones.
const TENANT: &str = "common";
/// A token is not used any more this long before its end; one that lives shorter, from half its life on.
const MARGIN_MS: i64 = 5 * MINUTE_MS;
/// How long a token is taken to live that does not say it, in seconds. One that dies sooner is refused, and then another is
/// fetched.
const UNSAID_S: i64 = 600;
/// A refresh token that was not used for so long is used for its own sake: two months before it would die.
const RENEW_UNUSED_MS: i64 = 30 * DAY_MS;

/// How one account signs in.
#[derive(Debug)]
pub(super) struct SignIn {
    address: Url,
    client_id: String,
    client_secret: Option<Secret>,
    refresh_token: Secret,
}

/// What the token endpoint says, either way.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    error: Option<String>,
    /// Numbers of Microsoft's own, which its documentation explains.
    #[serde(default)]
    error_codes: Option<Vec<i64>>,
}

impl SignIn {
    /// Checks the settings. A native client, which has no secret, must not send one.
    pub(super) fn configure(
        settings: &Settings,
        tenant: Option<&str>,
        client_id: String,
        client_secret: Option<Secret>,
        refresh_token: Secret,
    ) -> Result<Self, SettingError> {
        let tenant = tenant.unwrap_or(TENANT);
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        };
        if !word(tenant) {
            let expected = "expected a tenant's id or domain, or no such key";
            return Err(SettingError::invalid("offline.tenant", expected));
        }
        if !word(&client_id) {
            let expected = "expected the application (client) id of the registration in Microsoft Entra";
            return Err(SettingError::invalid("offline.client_id", expected));
        }
        if client_secret.as_ref().is_some_and(Secret::is_blank) {
            let expected =
                "expected the client secret's value; a native client has none and leaves the key out";
            return Err(SettingError::invalid("offline.client_secret", expected));
        }
        check_token("offline.refresh_token", &refresh_token)?;
        let address = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        let address = Url::parse(&address).expect("letters, digits, dots and dashes make a valid path");
        Ok(Self { address: settings.address(address), client_id, client_secret, refresh_token })
    }
}

impl Credentials for SignIn {
    /// A refresh token belongs to the client it was given to, and a new one in the settings replaces what was kept.
    fn origin(&self) -> Option<Sha256Hex> {
        let Self { client_id, refresh_token, .. } = self;
        Some(Sha256Hex::of(&format!("{client_id}\0{}", refresh_token.expose())))
    }

    fn request(&self, kept: Option<&Secret>, _now: UnixMs) -> Request {
        let refresh = kept.unwrap_or(&self.refresh_token);
        let mut form = Text::from(format!(
            "grant_type=refresh_token&client_id={}&scope={}&refresh_token=",
            encoded(&self.client_id),
            encoded(SCOPE)
        ))
        .secret(&Secret::new(encoded(refresh.expose())));
        if let Some(secret) = &self.client_secret {
            form = form.plain("&client_secret=").secret(&Secret::new(encoded(secret.expose())));
        }
        let headers = vec![Header::new("content-type", "application/x-www-form-urlencoded")];
        let url = self.address.clone();
        Request { method: "POST", url, headers, body: Body::Form(form), public_only: false }
    }

    fn refuses_token(&self, response: &Response) -> bool {
        fault::refuses_token(response)
    }

    fn renew_unused_ms(&self) -> Option<i64> {
        Some(RENEW_UNUSED_MS)
    }

    fn read(&self, response: &Response, now: UnixMs) -> Result<Grant, Outcome> {
        let answer = arrived(response)?;
        let success = (200..300).contains(&answer.status);
        let reply: Option<Reply> = serde_json::from_slice(answer.body).ok();
        match reply {
            Some(Reply { access_token: Some(access), refresh_token, expires_in, .. })
                if success && !access.is_blank() =>
            {
                let life_ms = expires_in.unwrap_or(UNSAID_S).clamp(0, LONGEST_S) * SECOND_MS;
                Ok(Grant {
                    access,
                    until: now.plus(life_ms - MARGIN_MS.min(life_ms / 2)),
                    refresh: refresh_token.filter(|token| !token.is_blank()),
                })
            }
            Some(Reply { error: Some(error), error_codes, .. }) => Err(refused(&error, error_codes, answer)),
            Some(_) | None => {
                let reason = format!("no access token: answer with status {} without one", answer.status);
                // After a 2xx the old refresh token may be spent and the new one lost; only asking again tells.
                Err(if success {
                    transient(answer.retry_after, reason)
                } else {
                    without_words(answer, reason)
                })
            }
        }
    }
}

/// What a refusal by name asks for (RFC 6749, section 5.2, and Microsoft's own `temporarily_unavailable`).
fn refused(error: &str, codes: Option<Vec<i64>>, answer: Answer<'_>) -> Outcome {
    let codes: Vec<String> = codes.into_iter().flatten().map(|code| format!(", AADSTS{code}")).collect();
    let reason = format!("no access token: {}{}", quote(error), codes.concat());
    let advice = match error {
        "temporarily_unavailable" | "server_error" => return transient(answer.retry_after, reason),
        _ if answer.status == 429 || answer.status >= 500 => return without_words(answer, reason),
        "invalid_grant" | "interaction_required" | "consent_required" => {
            "sign in again and put the new token into `offline.refresh_token`"
        }
        "invalid_client" | "unauthorized_client" => {
            "check `offline.client_id` and whether `offline.client_secret` has expired"
        }
        _ => "check `offline`",
    };
    Outcome::Unauthorized { reason: format!("{reason}; {advice}") }
}

/// What a refusal means by its status alone. No event can be the culprit, so one that looks like it is the settings'.
fn without_words(answer: Answer<'_>, reason: String) -> Outcome {
    match by_status(answer, 1, reason) {
        Outcome::Split { reason } | Outcome::Rejected { reason } => {
            Outcome::Unauthorized { reason: format!("{reason}; check `offline`") }
        }
        outcome @ (Outcome::Delivered
        | Outcome::Retry { .. }
        | Outcome::Later { .. }
        | Outcome::Misconfigured { .. }
        | Outcome::Unauthorized { .. }) => outcome,
    }
}

/// Text as it stands in a form.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Longest life of an access token that is believed, in seconds: a day.
const LONGEST_S: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::settings::tests::settings;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);

    fn sign_in(secret: Option<&str>) -> SignIn {
        let secret = secret.map(Secret::new);
        SignIn::configure(&settings(""), None, "app-1".to_owned(), secret, Secret::new("M.R3_a!b"))
            .expect("right settings")
    }

    fn read(status: u16, body: &str) -> Result<Grant, Outcome> {
        let response = Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() };
        sign_in(None).read(&response, NOW)
    }

    #[test]
    fn the_request_is_a_form_that_shows_no_secret() {
        let request = sign_in(Some("s&=3")).request(None, NOW);
        assert_eq!(request.url.as_str(), "https://login.microsoftonline.com/common/oauth2/v2.0/token");
        let head = "grant_type=refresh_token&client_id=app-1&\
            scope=https%3A%2F%2Fads.microsoft.com%2Fmsads.manage+offline_access&refresh_token=";
        assert_eq!(request.body.expose(), format!("{head}M.R3_a%21b&client_secret=s%26%3D3"));
        assert_eq!(request.body.masked(), format!("{head}********&client_secret=********"));
        assert!(!format!("{request:?}").contains("R3_a"), "{request:?}");
        let native = sign_in(None).request(Some(&Secret::new("kept")), NOW);
        assert_eq!(native.body.expose(), format!("{head}kept"));
    }

    #[test]
    fn a_grant_ends_before_its_time_and_may_bring_a_new_refresh_token() {
        let check = |body: &str, life_ms: i64, refresh: Option<&str>| {
            let grant = read(200, body).expect(body);
            assert_eq!(grant.access.expose(), "a");
            assert_eq!(grant.until.since(NOW), life_ms, "{body}");
            assert_eq!(grant.refresh.as_ref().map(Secret::expose), refresh, "{body}");
        };
        check(
            r#"{"token_type":"Bearer","expires_in":3599,"access_token":"a","refresh_token":"r"}"#,
            3_299_000,
            Some("r"),
        );
        check(r#"{"expires_in":3599,"access_token":"a"}"#, 3_299_000, None);
        check(r#"{"expires_in":600,"access_token":"a"}"#, 300_000, None);
        // One that lives for minutes, or does not say how long, serves more than one request all the same.
        check(r#"{"expires_in":300,"access_token":"a"}"#, 150_000, None);
        check(r#"{"expires_in":60,"access_token":"a","refresh_token":""}"#, 30_000, None);
        check(r#"{"access_token":"a"}"#, 300_000, None);
        check(r#"{"expires_in":-1,"access_token":"a"}"#, 0, None);
        check(r#"{"expires_in":9223372036854775807,"access_token":"a"}"#, 86_100_000, None);
    }

    #[test]
    fn a_refusal_says_what_the_operator_can_do() {
        let check = |status, body: &str, tag: &str, words: &str| {
            let outcome = read(status, body).expect_err(body);
            assert_eq!(outcome.tag(), tag, "{status} {body}");
            let (Outcome::Unauthorized { reason } | Outcome::Retry { reason, .. }) = &outcome else {
                panic!("{outcome:?}")
            };
            assert!(reason.contains(words), "{reason}");
        };
        let grant = r#"{"error":"invalid_grant","error_description":"AADSTS700082: jane@example.com",
            "error_codes":[700082],"correlation_id":"c"}"#;
        check(400, grant, "unauthorized", "invalid_grant, AADSTS700082; sign in again");
        check(401, r#"{"error":"invalid_client"}"#, "unauthorized", "`offline.client_secret` has expired");
        check(400, r#"{"error":"invalid_scope"}"#, "unauthorized", "check `offline`");
        check(400, r#"{"error":"temporarily_unavailable"}"#, "retry", "temporarily_unavailable");
        check(429, r#"{"error":"slow_down"}"#, "retry", "slow_down");
        check(503, r#"{"error":"service"}"#, "retry", "service");
        check(503, "<html>", "retry", "status 503");
        check(400, "<html>", "unauthorized", "check `offline`");
        check(404, "", "unauthorized", "status 404");
        check(200, "{}", "retry", "without one");
        check(200, r#"{"access_token":""}"#, "retry", "without one");
        check(200, "<html>", "retry", "without one");
        let silent = sign_in(None).read(&Response::NoAnswer("timed out".to_owned()), NOW);
        assert_eq!(silent.expect_err("no answer").tag(), "retry");
    }

    #[test]
    fn an_unused_refresh_token_is_used_long_before_it_dies() {
        let unused_ms = sign_in(None).renew_unused_ms().expect("unused ones die");
        assert!((DAY_MS..=45 * DAY_MS).contains(&unused_ms), "half of the ninety days at most: {unused_ms}");
    }

    #[test]
    fn a_right_that_is_missing_asks_for_no_other_access_token() {
        let check = |status, body: &str, expected| {
            let response =
                Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() };
            assert_eq!(sign_in(None).refuses_token(&response), expected, "{status} {body}");
        };
        check(401, "", true);
        check(400, r#"{"Errors":[{"Code":109,"ErrorCode":"AuthenticationTokenExpired"}]}"#, true);
        check(401, r#"{"Errors":[{"Code":106,"ErrorCode":"UserIsNotAuthorized"}]}"#, false);
        check(403, "", false);
    }

    #[test]
    fn a_kept_token_belongs_to_its_settings() {
        let other = SignIn::configure(&settings(""), None, "app-2".to_owned(), None, Secret::new("M.R3_a!b"));
        assert_eq!(sign_in(None).origin(), sign_in(Some("s")).origin());
        assert_ne!(sign_in(None).origin(), other.expect("right settings").origin());
    }
}

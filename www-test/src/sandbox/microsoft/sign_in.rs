//! The token endpoint of the Microsoft identity platform: `POST /{tenant}/oauth2/v2.0/token`.
//!
//! Refresh tokens rotate: `refresh-1` is answered with `access-1` and `refresh-2`. Which of them a relay kept can so
//! be read from what it asks with next, and no memory is needed here.

use std::collections::HashMap;

use serde_json::json;

use super::{ACCESS, Answer, Arrived, Complaint, Reply, refused};

/// What a refresh token of ours begins with.
const REFRESH: &str = "refresh-";
const SCOPE: &str = "https://ads.microsoft.com/msads.manage offline_access";

/// What it says to a request.
pub(super) fn answer(request: &Arrived) -> Answer {
    let kind = request.header("content-type").unwrap_or_default();
    if request.method != "POST" || kind != "application/x-www-form-urlencoded" {
        return refused(error(400, "invalid_request"), "content-type: must be a form");
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let known = ["grant_type", "client_id", "client_secret", "refresh_token", "scope"];
    if let Some(name) = form.keys().find(|name| !known.contains(&name.as_str())) {
        return refused(error(400, "invalid_request"), format!("{name}: no such field"));
    }
    if field("grant_type") != "refresh_token" || field("scope") != SCOPE {
        return refused(error(400, "invalid_request"), "grant_type or scope: not what the account needs");
    }
    if field("client_id").is_empty() || form.get("client_secret").is_some_and(String::is_empty) {
        return refused(error(401, "invalid_client"), "client_id or client_secret: missing");
    }
    let Some(number) = field("refresh_token").strip_prefix(REFRESH).and_then(|n| n.parse::<u32>().ok())
    else {
        return refused(error(400, "invalid_grant"), "refresh_token: not one that was given out");
    };
    let granted = json!({
        "token_type": "Bearer", "scope": SCOPE, "expires_in": 3599,
        "access_token": format!("{ACCESS}{number}"), "refresh_token": format!("{REFRESH}{}", number.saturating_add(1)),
    });
    Answer::Took { reply: Reply::json(200, &granted), events: Vec::new() }
}

/// The words of the token endpoint.
pub(super) fn complain(complaint: Complaint) -> Reply {
    match complaint {
        Complaint::TooManyRequests { retry_after_s } => {
            error(429, "slow_down").with("retry-after", retry_after_s.to_string())
        }
        Complaint::Throttled => error(429, "slow_down"),
        Complaint::ServerError { status } => Reply::empty(status),
        Complaint::Transient => error(400, "temporarily_unavailable"),
        Complaint::TokenExpired | Complaint::Poisoned { .. } => error(400, "invalid_grant"),
    }
}

fn error(status: u16, error: &str) -> Reply {
    let description = "AADSTS70000: the grant is refused";
    Reply::json(
        status,
        &json!({ "error": error, "error_description": description, "error_codes": [70_000], "correlation_id": "c" }),
    )
}

//! The courier: carries one request to its platform, with the access token it needs, and reads the answer.
//!
//! A token may die before its time. A request refused for it gets one more try with a new token; only then is the
//! destination said to be unauthorized. Owns that second try; leaves keeping tokens to [`super::access`].

use std::sync::Arc;

use shared::UnixMs;

use super::access::Access;
use super::complaints::Complaints;
use super::http_client::HttpClient;
use super::pace::Pace;
use crate::config::Destination;
use crate::platform::{Outcome, Planned, Request, Response};
use crate::secret::Secret;
use crate::traces::{Begun, Took};

/// Carries requests of one destination. Cheap to clone.
#[derive(Clone)]
pub struct Courier {
    /// Where to.
    pub destination: Arc<Destination>,
    /// The sender.
    pub client: HttpClient,
    /// The destination's access tokens.
    pub access: Arc<Access>,
    /// The distance between its requests.
    pub pace: Arc<Pace>,
    /// What its operator has been told.
    pub complaints: Arc<Complaints>,
    /// Reads the clock.
    pub now: fn() -> UnixMs,
}

/// A request that was carried.
#[derive(Debug)]
pub struct Carried {
    /// The request.
    pub planned: Planned,
    /// What became of its events, in the request's order.
    pub outcomes: Vec<Outcome>,
    /// The answer, unless the request stayed at home for want of a token.
    pub response: Option<Response>,
    /// When that was.
    pub took: Took,
}

impl Carried {
    /// Whether the events may have reached the platform. 429 and 503 say that the request was not looked at (RFC 6585,
    /// section 4; RFC 9110, section 15.6.4), so they use up none of the platform's dedup window.
    pub fn reached(&self) -> bool {
        match self.response {
            None | Some(Response::NotSent(_) | Response::Answer { status: 429 | 503, .. }) => false,
            Some(Response::Answer { .. } | Response::NoAnswer(_)) => true,
        }
    }
}

impl Courier {
    /// Carries one request there and its answer back.
    pub async fn carry(&self, mut planned: Planned) -> Carried {
        let mut refused: Option<Secret> = None;
        let begun = Begun::at((self.now)());
        loop {
            let token = match self.token(&planned.request, refused.as_ref()).await {
                Ok(token) => token,
                Err(outcome) => {
                    let outcomes = vec![outcome; planned.events.len()];
                    return Carried { planned, outcomes, response: None, took: begun.until_now() };
                }
            };
            if let Some(token) = &token {
                planned.request.authorize(token);
            }
            self.pace.turn().await;
            let response = self.client.send(&planned.request, (self.now)()).await;
            let events = planned.events.len();
            let outcomes = self.destination.platform.read(planned.call, &response, events, (self.now)());
            // Where the answer is a success, single rows are refused for the account's settings, not for the token, and the
            // others were taken.
            let taken = matches!(response, Response::Answer { status: 200..=299, .. });
            let refused_for = |outcome: &Outcome| matches!(outcome, Outcome::Unauthorized { .. });
            let unauthorized = !taken && outcomes.iter().any(refused_for);
            match token {
                Some(token) if unauthorized && refused.is_none() => refused = Some(token),
                Some(_) | None => {
                    let took = begun.until_now();
                    return Carried { planned, outcomes, response: Some(response), took };
                }
            }
        }
    }

    /// Carries a question there and its answer back. A question that cannot be asked for want of a token was not sent.
    pub async fn ask(&self, mut request: Request) -> Response {
        let mut refused: Option<Secret> = None;
        loop {
            let token = match self.token(&request, refused.as_ref()).await {
                Ok(token) => token,
                Err(_) => return Response::NotSent("no access token".to_owned()),
            };
            if let Some(token) = &token {
                request.authorize(token);
            }
            self.pace.turn().await;
            let response = self.client.send(&request, (self.now)()).await;
            let unauthorized = matches!(response, Response::Answer { status: 401, .. });
            match token {
                Some(token) if unauthorized && refused.is_none() => refused = Some(token),
                Some(_) | None => return response,
            }
        }
    }

    /// The token the request needs, if it needs one.
    async fn token(&self, request: &Request, refused: Option<&Secret>) -> Result<Option<Secret>, Outcome> {
        match self.destination.platform.credentials() {
            Some(credentials) if request.needs_token() => {
                self.access.token(credentials, refused).await.map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }
}

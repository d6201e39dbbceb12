//! The courier: carries one request to its platform, with the access token it needs, and reads the answer.
//!
//! A token may die before its time. A request refused for it gets one more try with a new token; only then is the
//! destination said to be unauthorized. One refused for anything else, such as a right that is missing, gets none: it would
//! cost a token each time and change nothing. Owns that second try; leaves keeping tokens to [`super::access`].

use std::sync::Arc;

use shared::UnixMs;
use tracing::error;

use super::access::Access;
use super::complaints::Complaints;
use super::http_client::HttpClient;
use super::pace::Pace;
use super::stop::Stop;
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

    /// What came back, as far as the size of the request may have to do with it. 408 and 504 are the words of a server on the
    /// way for a silence of its own (RFC 9110, sections 15.5.9 and 15.6.5).
    pub fn echo(&self) -> Echo {
        match self.response {
            Some(Response::NoAnswer(_) | Response::Answer { status: 408 | 504, .. }) => Echo::Silence,
            None | Some(Response::NotSent(_) | Response::Answer { status: 429 | 500..=599, .. }) => {
                Echo::Neither
            }
            Some(Response::Answer { .. }) => Echo::Answer,
        }
    }
}

/// What came back of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// Somebody looked at it and said so.
    Answer,
    /// It left, and nothing came back in time.
    Silence,
    /// It did not leave, or was turned away whatever was in it.
    Neither,
}

impl Courier {
    /// Carries one request there and its answer back, or does not, where a stop has come while it waited for its token or its
    /// turn and leaves no time for it any more.
    pub async fn carry(&self, mut planned: Planned, stop: &Stop) -> Option<Carried> {
        let mut refused: Option<Secret> = None;
        let begun = Begun::at((self.now)());
        let is_late = || stop.is_late(self.client.timeout());
        loop {
            let token = match self.token(&planned.request, refused.as_ref()).await {
                Ok(token) => token,
                Err(outcome) => {
                    let outcomes = vec![outcome; planned.events.len()];
                    return Some(Carried { planned, outcomes, response: None, took: begun.until_now() });
                }
            };
            if let Some(token) = &token {
                planned.request.authorize(token);
            }
            self.pace.turn().await;
            if is_late() {
                return None;
            }
            let response = self.client.send(&planned.request, (self.now)()).await;
            let events = planned.events.len();
            let outcomes = self.destination.platform.read(planned.call, &response, events, (self.now)());
            match token {
                Some(token) if self.refuses_token(&response) && refused.is_none() => {
                    if is_late() {
                        return None;
                    }
                    refused = Some(token);
                }
                Some(_) | None => {
                    let took = begun.until_now();
                    return Some(Carried { planned, outcomes, response: Some(response), took });
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
            match token {
                Some(token) if self.refuses_token(&response) && refused.is_none() => refused = Some(token),
                Some(_) | None => return response,
            }
        }
    }

    /// Uses the refresh token where it would else die of not being used, and tells the operator where that fails.
    pub async fn renew(&self) {
        let Some(credentials) = self.destination.platform.credentials() else { return };
        let Err(outcome) = self.access.renew(credentials).await else { return };
        let (Outcome::Unauthorized { reason } | Outcome::Retry { reason, .. }) = outcome else { return };
        let destination = self.destination.name.as_str();
        if self.complaints.is_due("renew", &reason, (self.now)()) {
            error!(destination, reason, "a refresh token that was not used for long could not be renewed");
        }
    }

    /// Whether an answer says that another token may help.
    fn refuses_token(&self, response: &Response) -> bool {
        let credentials = self.destination.platform.credentials();
        credentials.is_some_and(|credentials| credentials.refuses_token(response))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Body;

    fn echo(response: Option<Response>) -> Echo {
        let url = "https://ads.example/".parse().expect("an address");
        let request =
            Request { method: "POST", url, headers: Vec::new(), body: Body::Empty, public_only: false };
        let planned = Planned { call: "take", request, events: vec![0], quality: Vec::new() };
        let took = Begun::at(UnixMs(0)).until_now();
        Carried { planned, outcomes: Vec::new(), response, took }.echo()
    }

    #[test]
    fn silence_is_told_from_being_turned_away_and_from_staying_at_home() {
        let answer = |status| {
            Some(Response::Answer { status, retry_after: None, headers: Vec::new(), body: Vec::new() })
        };
        for status in [200, 302, 400, 401, 413] {
            assert_eq!(echo(answer(status)), Echo::Answer, "{status}");
        }
        for status in [408, 504] {
            assert_eq!(echo(answer(status)), Echo::Silence, "{status}");
        }
        for status in [429, 500, 502, 503] {
            assert_eq!(echo(answer(status)), Echo::Neither, "{status}");
        }
        assert_eq!(echo(Some(Response::NoAnswer("timed out".to_owned()))), Echo::Silence);
        assert_eq!(echo(Some(Response::NotSent("refused".to_owned()))), Echo::Neither);
        assert_eq!(echo(None), Echo::Neither);
    }
}

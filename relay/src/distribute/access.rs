//! Access tokens of one destination: fetched when first needed, used until they end, renewed by one request at a
//! time however many wait.
//!
//! A refresh token that the platform has replaced is kept in the store before the new access token is used, so that
//! a restart does not fall back to one that is dead. Owns keeping and renewing; what the requests look like is the
//! platform's ([`Credentials`]).

use std::sync::Arc;

use shared::UnixMs;
use tokio::sync::Mutex;
use tracing::{error, info};

use super::http_client::HttpClient;
use crate::platform::{Credentials, Grant, Outcome};
use crate::secret::Secret;
use crate::store::Store;

/// The tokens of one destination.
pub struct Access {
    destination: String,
    store: Arc<dyn Store>,
    client: HttpClient,
    now: fn() -> UnixMs,
    /// Held while a token is fetched: whoever comes meanwhile waits and finds it there.
    state: Mutex<State>,
}

/// What is known of the token.
#[derive(Debug, Default)]
enum State {
    /// Nothing yet.
    #[default]
    Unknown,
    /// A token.
    Granted(Grant),
    /// None was to be had; the same is answered for a while to those who waited with the one who asked.
    Failed { at: UnixMs, outcome: Outcome },
}

impl Access {
    /// Nothing fetched yet.
    pub fn new(destination: &str, store: Arc<dyn Store>, client: HttpClient, now: fn() -> UnixMs) -> Self {
        Self { destination: destination.to_owned(), store, client, now, state: Mutex::default() }
    }

    /// A token to use now: the one at hand, unless it has ended or is the one the platform just `refused`.
    ///
    /// # Errors
    /// What its absence means for an event that waits for it.
    pub async fn token(
        &self,
        credentials: &dyn Credentials,
        refused: Option<&Secret>,
    ) -> Result<Secret, Outcome> {
        let mut state = self.state.lock().await;
        let now = (self.now)();
        match &*state {
            State::Granted(grant) if now < grant.until && !refused.is_some_and(|old| same(old, grant)) => {
                return Ok(grant.access.clone());
            }
            State::Failed { at, outcome } if (0..FAILURE_HOLDS_MS).contains(&now.since(*at)) => {
                return Err(outcome.clone());
            }
            State::Unknown | State::Granted(_) | State::Failed { .. } => {}
        }
        match self.fetch(credentials).await {
            Ok(grant) => {
                let token = grant.access.clone();
                *state = State::Granted(grant);
                Ok(token)
            }
            Err(outcome) => {
                *state = State::Failed { at: (self.now)(), outcome: outcome.clone() };
                Err(outcome)
            }
        }
    }

    /// Fetches a token: with the refresh token that was kept, and if that one is refused, with that of the settings,
    /// which the operator may have put there since.
    async fn fetch(&self, credentials: &dyn Credentials) -> Result<Grant, Outcome> {
        let kept = self.kept(credentials).await?;
        let mut answer = self.ask(credentials, kept.as_ref()).await;
        if kept.is_some() && matches!(answer, Err(Outcome::Unauthorized { .. })) {
            info!(destination = %self.destination, "the kept refresh token is refused; trying that of the settings");
            answer = self.ask(credentials, None).await;
        }
        let grant = answer?;
        if let Some(refresh) = &grant.refresh {
            self.keep(credentials, refresh).await;
        }
        Ok(grant)
    }

    async fn ask(&self, credentials: &dyn Credentials, kept: Option<&Secret>) -> Result<Grant, Outcome> {
        let request = credentials.request(kept, (self.now)());
        let response = self.client.send(&request, (self.now)()).await;
        credentials.read(&response, (self.now)())
    }

    /// The refresh token kept under the settings as they are now.
    async fn kept(&self, credentials: &dyn Credentials) -> Result<Option<Secret>, Outcome> {
        let Some(origin) = credentials.origin() else { return Ok(None) };
        match self.store.recall(&self.destination, REFRESH_TOKEN).await {
            Ok(found) => Ok(found.and_then(|line| {
                let (of, token) = line.expose().split_once(' ')?;
                (of == origin.to_hex()).then(|| Secret::new(token))
            })),
            Err(trouble) => Err(Outcome::Retry {
                after: None,
                at_least: FAILURE_HOLDS,
                reason: format!("the refresh token could not be read: {trouble}"),
            }),
        }
    }

    /// Keeps a new refresh token. The platform has granted it already, so a store that fails must not stop delivery:
    /// the token at hand serves its hour, and most platforms go on taking the old refresh token meanwhile.
    async fn keep(&self, credentials: &dyn Credentials, refresh: &Secret) {
        let Some(origin) = credentials.origin() else { return };
        let line = Secret::new(format!("{} {}", origin.to_hex(), refresh.expose()));
        if let Err(trouble) = self.store.remember(&self.destination, REFRESH_TOKEN, line).await {
            error!(destination = %self.destination, error = %trouble, "a new refresh token could not be kept");
        }
    }
}

/// Whether a token is the one at hand.
fn same(token: &Secret, grant: &Grant) -> bool {
    grant.access.matches(token.expose())
}

/// Under which key the store keeps it: the digest of the settings it belongs to, a blank, the token.
const REFRESH_TOKEN: &str = "refresh_token";
/// Long enough that all requests of one round share a failure, short enough that none is held up by it.
const FAILURE_HOLDS: std::time::Duration = std::time::Duration::from_secs(2);
const FAILURE_HOLDS_MS: i64 = 2_000;

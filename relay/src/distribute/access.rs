//! Access tokens of one destination: fetched when first needed, used until they end, renewed by one request at a
//! time however many wait.
//!
//! A refresh token that the platform has replaced is kept in the store before the new access token is used, so that
//! a restart does not fall back to one that is dead. Where unused ones die, the store also knows when it was used last, and
//! one that is not needed for long is used for its own sake. Owns keeping and renewing; what the requests look like is the
//! platform's ([`Credentials`]).

use std::sync::Arc;

use shared::UnixMs;
use shared::time::HOUR_MS;
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

/// What is known of both tokens.
#[derive(Debug, Default)]
struct State {
    token: Token,
    /// When to ask again whether the refresh token was unused for long; `None` for at once.
    look_again: Option<UnixMs>,
}

/// What is known of the access token.
#[derive(Debug, Default)]
enum Token {
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
        match &state.token {
            Token::Granted(grant) if now < grant.until && !refused.is_some_and(|old| same(old, grant)) => {
                return Ok(grant.access.clone());
            }
            Token::Failed { at, outcome } if (0..FAILURE_HOLDS_MS).contains(&now.since(*at)) => {
                return Err(outcome.clone());
            }
            Token::Unknown | Token::Granted(_) | Token::Failed { .. } => {}
        }
        match self.fetch(credentials).await {
            Ok(grant) => {
                let token = grant.access.clone();
                *state = State { token: Token::Granted(grant), look_again: None };
                Ok(token)
            }
            Err(outcome) => {
                state.token = Token::Failed { at: (self.now)(), outcome: outcome.clone() };
                Err(outcome)
            }
        }
    }

    /// Uses the refresh token if it was not used for so long that it might die. Asks nobody while it is too early for that.
    ///
    /// # Errors
    /// Why it could not be used. It is tried again after an hour.
    pub async fn renew(&self, credentials: &dyn Credentials) -> Result<(), Outcome> {
        let Some(unused_ms) = credentials.renew_unused_ms() else { return Ok(()) };
        let mut state = self.state.lock().await;
        let now = (self.now)();
        // A time that is further away was set by a clock that has gone back since.
        if state.look_again.is_some_and(|at| (1..=unused_ms).contains(&at.since(now))) {
            return Ok(());
        }
        state.look_again = Some(now.plus(RENEWAL_REST_MS));
        let due = self.used(credentials, now).await?.plus(unused_ms);
        if now < due {
            state.look_again = Some(due);
            return Ok(());
        }
        state.token = Token::Granted(self.fetch(credentials).await?);
        Ok(())
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
            self.keep(credentials, REFRESH_TOKEN, refresh.expose()).await;
        }
        if credentials.renew_unused_ms().is_some() {
            self.keep(credentials, REFRESH_USED, &(self.now)().0.to_string()).await;
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
        self.recall(credentials, REFRESH_TOKEN).await
    }

    /// When the refresh token was used last. What nobody has noted, or only while the clock was ahead, begins now.
    async fn used(&self, credentials: &dyn Credentials, now: UnixMs) -> Result<UnixMs, Outcome> {
        let noted = self.recall(credentials, REFRESH_USED).await?;
        let noted = noted.and_then(|at| at.expose().parse().ok()).map(UnixMs).filter(|at| *at <= now);
        match noted {
            Some(at) => Ok(at),
            None => {
                self.keep(credentials, REFRESH_USED, &now.0.to_string()).await;
                Ok(now)
            }
        }
    }

    /// What was kept of the refresh token, if it was under the settings as they are now.
    async fn recall(
        &self,
        credentials: &dyn Credentials,
        key: &'static str,
    ) -> Result<Option<Secret>, Outcome> {
        let Some(origin) = credentials.origin() else { return Ok(None) };
        match self.store.recall(&self.destination, key).await {
            Ok(found) => Ok(found.and_then(|line| {
                let (of, kept) = line.expose().split_once(' ')?;
                (of == origin.to_hex()).then(|| Secret::new(kept))
            })),
            Err(trouble) => Err(Outcome::Retry {
                after: None,
                at_least: FAILURE_HOLDS,
                reason: format!("the refresh token could not be read: {trouble}"),
            }),
        }
    }

    /// Keeps a new refresh token, or when it was used. The platform has granted it already, so a store that fails must not
    /// stop delivery: the token at hand serves its hour, and most platforms go on taking the old refresh token meanwhile.
    async fn keep(&self, credentials: &dyn Credentials, key: &'static str, what: &str) {
        let Some(origin) = credentials.origin() else { return };
        let line = Secret::new(format!("{} {what}", origin.to_hex()));
        if let Err(trouble) = self.store.remember(&self.destination, key, line).await {
            error!(destination = %self.destination, error = %trouble, "what is new of the refresh token could not be kept");
        }
    }
}

/// Whether a token is the one at hand.
fn same(token: &Secret, grant: &Grant) -> bool {
    grant.access.matches(token.expose())
}

/// Under which key the store keeps it: the digest of the settings it belongs to, a blank, the token.
const REFRESH_TOKEN: &str = "refresh_token";
/// The same for the time at which it was used last, in milliseconds, where unused ones die.
const REFRESH_USED: &str = "refresh_token_used";
/// After which a renewal that failed is tried again.
const RENEWAL_REST_MS: i64 = HOUR_MS;
/// Long enough that all requests of one round share a failure, short enough that none is held up by it.
const FAILURE_HOLDS: std::time::Duration = std::time::Duration::from_secs(2);
const FAILURE_HOLDS_MS: i64 = 2_000;

//! Credentials that must be fetched: how a platform asks for an access token and reads the answer. Pure.
//!
//! A platform whose calls need such a token puts [`Text::access_token`](super::Text::access_token) where it belongs
//! and answers [`Platform::credentials`](super::Platform::credentials). Keeping the token, renewing it in time and
//! asking only once at a time is the work of `distribute::access`.

use std::fmt::Debug;

use shared::{Sha256Hex, UnixMs};

use super::{Outcome, Request, Response};
use crate::secret::Secret;

/// How one destination gets its access token.
pub trait Credentials: Send + Sync + Debug {
    /// A digest of the settings that the refresh token comes from, where the platform rotates refresh tokens: one that
    /// was kept is used only as long as the settings are the same. `None` where nothing is rotated.
    fn origin(&self) -> Option<Sha256Hex> {
        None
    }

    /// The request for a new access token. `kept` is the refresh token that the last answer brought, where the
    /// platform rotates them; without one, that of the settings is used.
    fn request(&self, kept: Option<&Secret>, now: UnixMs) -> Request;

    /// The token, or what its absence means for the events that wait for it: a retry or `Unauthorized`.
    fn read(&self, response: &Response, now: UnixMs) -> Result<Grant, Outcome>;

    /// Whether an answer of the platform says that the access token is not good any more, so that another one may help. A
    /// right that is missing is missing with every token.
    fn refuses_token(&self, response: &Response) -> bool {
        matches!(response, Response::Answer { status: 401, .. })
    }

    /// How long a refresh token may go unused before it is used for its own sake, in milliseconds, where the platform lets
    /// unused ones die.
    fn renew_unused_ms(&self) -> Option<i64> {
        None
    }
}

/// An access token with its end.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token.
    pub access: Secret,
    /// From when on it is not to be used any more; already less a margin for the way there.
    pub until: UnixMs,
    /// A refresh token that replaces the one used, to be kept before the access token is used.
    pub refresh: Option<Secret>,
}

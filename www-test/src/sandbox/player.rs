//! A player: one platform, played by its dossier. The registry of all players.
//!
//! A player is pure: it reads a request and says what the platform would say. It neither counts nor waits nor
//! misbehaves on the wire; that is the business of `ledger` and `trouble`. A new platform is one file here and one
//! line in [`all`].

use shared::UnixMs;

use super::Settings;
use super::exchange::{Answer, Arrived, Reply};
use super::google_ads::GoogleAds;
use super::meta::Meta;
use super::microsoft::Microsoft;
use super::outbrain::Outbrain;
use super::taboola::Taboola;
use super::tiktok::TikTok;
use super::webhook::Webhook;

/// One platform.
pub trait Player: Send + Sync {
    /// Its name in the relay's configuration.
    fn platform(&self) -> &'static str;

    /// Whether the request is addressed to it.
    fn matches(&self, request: &Arrived) -> bool;

    /// What it says to a request, and which events it takes from it.
    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer;

    /// The words in which it complains.
    fn complain(&self, complaint: Complaint, request: &Arrived) -> Reply;

    /// How long it remembers an event's key.
    fn dedup_window_ms(&self) -> i64;
}

/// Something a platform complains about that is not in the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// HTTP 429 with a delay.
    TooManyRequests {
        /// `Retry-After`, in seconds.
        retry_after_s: u32,
    },
    /// The platform's own way of saying "slower", where it is not HTTP 429.
    Throttled,
    /// A broken server.
    ServerError {
        /// 500 to 599.
        status: u16,
    },
    /// A passing fault the platform itself calls passing.
    Transient,
    /// Credentials that were good once.
    TokenExpired,
    /// An event it will never take.
    Poisoned {
        /// The platform's own code.
        code: u32,
    },
}

/// Every player.
pub fn all(settings: &Settings) -> Vec<Box<dyn Player>> {
    vec![
        // Before Meta, whose addresses its own would pass for.
        Box::new(Microsoft),
        Box::new(Meta::new(settings.meta_tokens.clone())),
        Box::new(GoogleAds::new(settings.google_client.clone())),
        Box::new(TikTok::new(settings.tiktok_tokens.clone())),
        Box::new(Outbrain),
        Box::new(Taboola),
        Box::new(Webhook::new(settings.webhook_secret.as_deref())),
    ]
}

//! Which form of which field each platform takes.
use super::{Field, Form};

/// Every platform name, in the order of the documentation.
pub const PLATFORMS: [&str; 13] = [
    "meta",
    "google-ads",
    "tiktok",
    "microsoft",
    "outbrain",
    "taboola",
    "webhook",
    "ga4",
    "pinterest",
    "snapchat",
    "linkedin",
    "reddit",
    "x",
];

/// What a platform takes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Nothing.
    Nothing,
    /// The digest of this form.
    Hashed(Form),
    /// The value in clear, in that platform's own normal form.
    Clear,
}

/// What `platform` takes of `field`.
pub fn taken_by(_platform: &str, _field: Field) -> Take {
    Take::Nothing
}

//! Formats of Microsoft's own, for the tables of fields.

use shared::UnixMs;

use crate::sandbox::fields::{self, Like};

const fn like(passes: fn(&str) -> bool, rule: &'static str) -> Like {
    Like { passes, rule, code: None }
}

/// One digest, not a list.
pub(super) const DIGEST: Like = like(fields::digest, "must be one hash: 64 lower-case hexadecimal digits");
/// A GUID, with or without dashes, and without the prefix it has in a cookie.
pub(super) const CLICK_ID: Like = like(|text| matches!(text.len(), 32 | 36) && hex32(text), "must be a GUID");
/// A GUID with its dashes.
pub(super) const UUID: Like = like(|text| text.len() == 36 && hex32(text), "must be a UUID");
/// A visitor's id or a pseudonym, without the parts the browser tag appends.
pub(super) const VISITOR: Like =
    like(|text| !text.contains(['|', '%', '@', ' ']), "must be an id and nothing else");
/// Three capital letters, and not those that ISO 4217 keeps for no currency at all.
pub(super) const CURRENCY: Like = like(
    |text| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) && !matches!(text, "XXX" | "XTS"),
    "must be a currency of ISO 4217",
);
/// `2026-11-20T14:05:09Z`.
pub(super) const UTC: Like = like(
    |text| text.len() == 20 && UnixMs::parse_rfc3339(text).is_some(),
    "must be a UTC time to the second",
);

fn hex32(text: &str) -> bool {
    let digits = text.replace('-', "");
    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

//! Formats of Meta's own: digests with its libraries' marker, its two cookies, the name of an integration.
//!
//! Facts: "fbp and fbc parameters" of the Conversions API and facebook/capi-param-builder.

use crate::sandbox::fields::{Like, Shape, digest};

/// One digest or a list of them, with or without Meta's own 8-character marker.
pub(super) const DIGEST: Shape = Shape::Each(Like {
    passes: marked_digest,
    rule: "must be hashed: 64 lower-case hexadecimal digits, one or a list",
    code: None,
});

/// `fb.{n}.{ms}.{click id}`, a fifth part only if it is a marker of Meta's own libraries. A malformed one refuses the
/// batch under a subcode of its own.
pub(super) const CLICK_COOKIE: Shape = Shape::One(Like {
    passes: |text| cookie(text, |click| !click.is_empty()),
    rule: "must be fb.{subdomain index}.{milliseconds}.{click id}",
    code: Some(2_804_001),
});

/// `fb.{n}.{ms}.{digits}`, the same.
pub(super) const BROWSER_COOKIE: Shape = Shape::One(Like {
    passes: |text| cookie(text, digits),
    rule: "must be fb.{subdomain index}.{milliseconds}.{digits}",
    code: None,
});

/// The name of an integration.
pub(super) const PARTNER_AGENT: Shape = Shape::One(Like {
    passes: |text| text.chars().count() < 23 && text.chars().filter(|c| c.is_alphabetic()).count() >= 2,
    rule: "must be under 23 characters with at least two letters",
    code: None,
});

fn marked_digest(text: &str) -> bool {
    let (hash, marker) = text.split_once('.').map_or((text, None), |(hash, marker)| (hash, Some(marker)));
    digest(hash) && marker.is_none_or(|marker| marker.len() == 8 && marker.bytes().all(base64url))
}

/// `fb.1.1795400000123.tail`, with or without a marker as fifth part.
fn cookie(text: &str, tail: fn(&str) -> bool) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let (["fb", index, created, last] | ["fb", index, created, last, _]) = parts[..] else { return false };
    let marked = parts.get(4).is_none_or(|marker| marker_of_a_library(marker));
    // Milliseconds have 13 digits from 2001 to 2286; seconds are a known mistake.
    digits(index) && digits(created) && created.len() == 13 && tail(last) && marked
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// An old two-letter language token, or six bytes in unpadded base64url.
fn marker_of_a_library(marker: &str) -> bool {
    const LANGUAGES: [&str; 6] = ["AQ", "Ag", "Aw", "BA", "BQ", "Bg"];
    LANGUAGES.contains(&marker) || (marker.len() == 8 && marker.bytes().all(base64url))
}

fn base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

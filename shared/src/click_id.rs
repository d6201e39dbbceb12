//! The click-id registry: every parameter an ad network puts on a landing, in one table.
//!
//! Owns the parameters' names, owners, lifetimes and shapes, the cookies a click id may also stand in, and the
//! reading of queries and cookies. Leaves remembering to `visitor` and sending to the platforms. Values are opaque
//! and case-sensitive: decoded once where they arrive encoded, then never lower-cased, trimmed or cut; a value
//! that cannot be genuine (an unexpanded macro, a wrong shape) is dropped whole.

use std::borrow::Cow;

use crate::percent;
use crate::time::UnixMs;
use crate::vendor_cookie;

pub use registry::REGISTRY;

pub mod packed;
mod registry;

/// One click id of the field.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// URL parameter and name on the wire, in the network's spelling.
    pub param: &'static str,
    /// The platform it belongs to (`meta`, `google-ads` … or an affiliate network).
    pub platform: &'static str,
    /// What it stands for.
    pub role: Role,
    /// Whether the parameter's name is matched without regard to case.
    pub any_case: bool,
    /// Cookies it may also come from, with how to find it there; the first that has it wins.
    pub cookies: &'static [(&'static str, CookieForm)],
    /// How long it stays useful, in days.
    pub days: u16,
    /// What a valid value looks like.
    pub shape: Shape,
}

impl Spec {
    /// Whether it stands for a click on somebody's ad: neither a label nor our own token.
    pub fn is_ad_click(&self) -> bool {
        self.role == Role::Click && self.platform != OURS
    }
}

/// The platform of our own click token.
const OURS: &str = "anytrack";

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One click on one ad.
    Click,
    /// A coarse note beside a click, or about a visit without an ad: it earns no credit by itself.
    Label,
}

/// How a click id stands inside a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieForm {
    /// The cookie's whole value.
    Whole,
    /// After the text `_uet` (Microsoft's `_uetmsclkid`).
    AfterUet,
    /// The fourth part of Meta's `_fbc`.
    Fbc,
    /// The last part of `GCL.<Unix seconds>.<id>`.
    Gcl,
    /// The field `k` of `2.1.k<id>$i<Unix seconds>`.
    GclKeyed,
    /// The text member `twclid` of a JSON object (X's `_twclid`).
    TwclidJson,
}

/// What a valid value looks like. Every shape is visible ASCII and no unexpanded macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Opaque text of at most this many bytes.
    Opaque(u16),
    /// 32 hexadecimal digits, or the same as a UUID with dashes.
    Guid,
    /// A UUID with dashes.
    Uuid,
    /// Decimal digits, at most this many.
    Digits(u16),
    /// Begins with this text, at most [`crate::limits::CLICK_ID`] bytes.
    Begins(&'static str),
    /// Letters, digits, `-` and `_`, at most this many bytes.
    Token(u16),
}

/// A click id found in a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The id, byte for byte.
    pub value: Cow<'a, str>,
    /// When the cookie says it was first seen.
    pub seen_at: Option<UnixMs>,
}

/// Google's three click ids. They exclude each other: a newer one replaces the older ones, and of one landing only
/// the first in this order is used (never `gbraid` with `wbraid`, never `gclid` with `wbraid`).
/// Google Ads API, error `GBRAID_WBRAID_BOTH_SET`; Data Manager API, `AdIdentifiers` (read 2026-11-23).
pub const GOOGLE_EXCLUSIVE: [&str; 3] = ["gclid", "gbraid", "wbraid"];

/// Labels that belong to the Google click they came with and are worthless beside another.
pub const GOOGLE_LABELS: [&str; 3] = ["gclsrc", "gad_source", "gad_campaignid"];

/// Cookies of ad platforms worth sending with an event, besides those named in [`REGISTRY`].
///
/// Left out on purpose: `_gcl_au`, which no API takes; `_rdt_em`, personal data another vendor left; `t_gid`,
/// `_pin_unauth`, `ttcsid` and their like, which no API takes either.
pub const AD_COOKIES: &[&str] = &[
    "_fbp",
    "_ttp",
    "_ga",
    "FPID",
    "FPLC",
    "_uetvid",
    "_uetsid",
    "uet_vid",
    "_rdt_uuid",
    "_scid",
    "tfpvi",
    "tfpsi",
    "hubspotutk",
];

/// Prefix of Google Analytics' session cookies, `_ga_<stream>`.
pub const SESSION_COOKIE_PREFIX: &str = "_ga_";

/// The registry's line for a parameter as it stands in an address.
pub fn find(param: &str) -> Option<&'static Spec> {
    REGISTRY
        .iter()
        .find(|spec| spec.param == param || spec.any_case && spec.param.eq_ignore_ascii_case(param))
}

/// Whether `value` can be this click id: length, alphabet, and not an unexpanded macro such as `{click_id}`.
pub fn valid(spec: &Spec, value: &str) -> bool {
    packed::fits(packed::pack(spec), value.as_bytes())
}

/// Whether the cookie `name` is worth sending with an event.
pub fn wanted_cookie(name: &str) -> bool {
    AD_COOKIES.contains(&name)
        || name.len() > SESSION_COOKIE_PREFIX.len() && name.starts_with(SESSION_COOKIE_PREFIX)
        || REGISTRY.iter().any(|spec| spec.cookies.iter().any(|(cookie, _)| *cookie == name))
}

/// The click id that the cookie `name` carries, if it carries a valid one. `value` is as the browser sends it;
/// percent-encoding is undone once.
pub fn from_cookie<'a>(name: &str, value: &'a str) -> Option<(&'static Spec, Found<'a>)> {
    let (spec, form) = REGISTRY.iter().find_map(|spec| {
        let (_, form) = spec.cookies.iter().find(|(cookie, _)| *cookie == name)?;
        Some((spec, *form))
    })?;
    let found = form.read(value)?;
    valid(spec, &found.value).then_some((spec, found))
}

/// Every click id in a query (with or without its `?`), decoded once, `+` read as a blank. When a parameter comes
/// twice the first valid value counts: redirectors append their own after the original.
pub fn from_query(query: &str) -> Vec<(&'static Spec, String)> {
    let mut found: Vec<(&'static Spec, String)> = Vec::new();
    for pair in query.strip_prefix('?').unwrap_or(query).split('&') {
        let Some((name, encoded)) = pair.split_once('=') else { continue };
        let Some(spec) = find(name) else { continue };
        if found.iter().any(|(known, _)| known.param == spec.param) {
            continue;
        }
        if let Some(value) = percent::decode(encoded, true)
            && valid(spec, &value)
        {
            found.push((spec, value.into_owned()));
        }
    }
    found
}

/// An address without the click ids in its query, and in one that a page which routes in its fragment has there.
pub fn stripped(url: &str) -> String {
    let (rest, fragment) = match url.split_once('#') {
        // Taboola repeats its click id there.
        Some((rest, fragment)) => (rest, (!fragment.starts_with("tblci")).then_some(fragment)),
        None => (url, None),
    };
    let fragment = fragment.map(|fragment| format!("#{}", without_clicks(fragment))).unwrap_or_default();
    without_clicks(rest) + &fragment
}

/// A path and its query without the click ids.
fn without_clicks(text: &str) -> String {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let is_plain = |pair: &&str| find(pair.split('=').next().unwrap_or_default()).is_none();
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).filter(is_plain).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

impl CookieForm {
    fn read(self, value: &str) -> Option<Found<'_>> {
        let decoded = |text| Some(Found { value: percent::decode(text, false)?, seen_at: None });
        let dated = |id, seen_at| Some(Found { value: Cow::Borrowed(id), seen_at });
        match self {
            Self::Whole => decoded(value),
            Self::AfterUet => decoded(value.strip_prefix("_uet")?),
            Self::Fbc => {
                let cookie = vendor_cookie::meta(value)?;
                dated(cookie.payload, Some(cookie.created_at))
            }
            Self::Gcl => {
                let (id, seen_at) = vendor_cookie::gcl(value)?;
                dated(id, Some(seen_at))
            }
            Self::GclKeyed => {
                let (id, seen_at) = vendor_cookie::gcl_keyed(value)?;
                dated(id, seen_at)
            }
            Self::TwclidJson => {
                let text = percent::decode(value, false)?;
                let member = "\"twclid\":\"";
                let rest = text.get(percent::find(&text, member)? + member.len()..)?;
                let (id, _) = rest.split_once('"')?;
                Some(Found { value: Cow::Owned(id.to_owned()), seen_at: None })
            }
        }
    }
}

#[cfg(test)]
mod tests;

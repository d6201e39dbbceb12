//! The click-id registry: every parameter an ad network puts on a landing, in one table.

/// One click id of the field.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// URL parameter and name on the wire, in the network's spelling.
    pub param: &'static str,
    /// The platform it belongs to (`meta`, `google-ads` … or an affiliate network).
    pub platform: &'static str,
    /// Whether the parameter's name is matched without regard to case.
    pub any_case: bool,
    /// Cookies it may also come from, with how to find it there.
    pub cookies: &'static [(&'static str, CookieForm)],
    /// How long it stays useful, in days.
    pub days: u16,
    /// What a valid value looks like.
    pub shape: Shape,
}

/// How a click id stands inside a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieForm {
    /// The cookie's whole value.
    Whole,
}

/// What a valid value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Opaque text of at most this many bytes.
    Opaque(u16),
}

/// Every click id, by platform.
pub const REGISTRY: &[Spec] = &[];

/// Cookies of ad platforms worth sending with an event, besides those named in [`REGISTRY`].
pub const AD_COOKIES: &[&str] = &[];

/// The registry's line for a parameter as it stands in an address.
pub fn find(_param: &str) -> Option<&'static Spec> {
    None
}

/// Whether `value` can be this click id: length, alphabet, and not an unexpanded macro such as `{click_id}`.
pub fn valid(_spec: &Spec, _value: &str) -> bool {
    false
}

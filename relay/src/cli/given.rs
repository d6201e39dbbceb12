//! What a platform would be given for a raw value: asks `shared`'s table of forms, rule by rule.

use shared::Sha256Hex;
use shared::identity::{Field, Form, Raw, Take, normalise, taken_by};

/// What a platform is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Nothing: it does not take this field, or the value cannot be one.
    Nothing,
    /// A digest.
    Hashed(Sha256Hex),
    /// The value in clear, in the platform's own form.
    Clear(String),
}

/// What `platform` would be given for `raw`.
pub(super) fn given(platform: &str, field: Field, raw: &str, country: Option<&str>) -> Given {
    let raw = Raw::new(raw);
    match taken_by(platform, field) {
        Take::Nothing => Given::Nothing,
        Take::Hashed(form) => digest(field, form, &raw, country).map_or(Given::Nothing, Given::Hashed),
        Take::Clear => normalise(field, Form::Plain, &raw, country).map_or(Given::Nothing, Given::Clear),
    }
}

/// A digest the sender made is taken as it is.
fn digest(field: Field, form: Form, raw: &Raw<'_>, country: Option<&str>) -> Option<Sha256Hex> {
    let made = || normalise(field, form, raw, country).map(|normal| Sha256Hex::of(&normal));
    Sha256Hex::parse(&raw.exact).or_else(made)
}

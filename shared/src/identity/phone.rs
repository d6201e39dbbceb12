//! Phone.
use super::{Form, Raw};
pub(super) fn normalise(_form: Form, _raw: &Raw<'_>, _country: Option<&str>) -> Option<String> {
    None
}

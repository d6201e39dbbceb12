//! E-mail.
use super::{Form, Raw};
pub(super) fn normalise(_form: Form, _raw: &Raw<'_>) -> Option<String> {
    None
}

//! Gender, birth date, external id.
use super::{Form, Raw};
pub(super) fn gender(_form: Form, _raw: &Raw<'_>) -> Option<String> {
    None
}
pub(super) fn birth_date(_raw: &Raw<'_>) -> Option<String> {
    None
}
pub(super) fn external_id(_form: Form, _raw: &Raw<'_>) -> Option<String> {
    None
}

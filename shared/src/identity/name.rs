//! Names.
use super::{Form, Raw};
pub(super) fn first(_form: Form, _raw: &Raw<'_>) -> Option<String> {
    None
}
pub(super) fn last(_form: Form, _raw: &Raw<'_>) -> Option<String> {
    None
}

//! Places.
use super::Raw;
pub(super) fn street(_raw: &Raw<'_>) -> Option<String> {
    None
}
pub(super) fn city(_raw: &Raw<'_>) -> Option<String> {
    None
}
pub(super) fn region(_raw: &Raw<'_>, _country: Option<&str>) -> Option<String> {
    None
}
pub(super) fn postal_code(_raw: &Raw<'_>, _country: Option<&str>) -> Option<String> {
    None
}
pub(super) fn country(_raw: &Raw<'_>) -> Option<String> {
    None
}

//! The six lamps, read once from `pages/shop/catalogue.json`, the same text the pages' script reads.

use std::sync::LazyLock;

use serde::Deserialize;

/// The catalogue as the browser gets it.
pub(super) const JSON: &str = include_str!("../../pages/shop/catalogue.json");

/// Every lamp, in the order of the landing page.
pub(super) static LAMPS: LazyLock<Vec<Lamp>> = LazyLock::new(|| {
    serde_json::from_str(JSON).expect("the catalogue is part of this build and a test reads it")
});

/// One lamp.
#[derive(Debug, Deserialize)]
pub(super) struct Lamp {
    /// Catalogue id, sent as the item's id.
    pub(super) id: String,
    /// Path and picture name.
    pub(super) slug: String,
    /// Name on the page.
    pub(super) name: String,
    /// Category.
    pub(super) kind: String,
    /// Price in euros.
    pub(super) price: f64,
    /// One line for the card.
    pub(super) line: String,
    /// One paragraph for the product page.
    pub(super) about: String,
    /// Term and value, for the product page.
    pub(super) facts: Vec<(String, String)>,
}

/// The lamp at `/product/{slug}`.
pub(super) fn lamp(slug: &str) -> Option<&'static Lamp> {
    LAMPS.iter().find(|lamp| lamp.slug == slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lamp_has_a_picture_and_its_own_id() {
        let mut ids: Vec<_> = LAMPS.iter().map(|lamp| &lamp.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((LAMPS.len(), ids.len()), (6, 6));
        for lamp in LAMPS.iter() {
            let picture = format!("/art/{}.svg", lamp.slug);
            assert!(super::super::static_file(&picture).is_some(), "{picture} is missing");
        }
    }
}

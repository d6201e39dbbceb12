//! Origins that were turned away, each told to the log once.
//!
//! A page of an origin that is not listed may not read why it is refused, and its owner sees only an error of CORS in the
//! browser's console: the operator has to be told. Bounded, because whoever sends can make up any number of origins.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use http::HeaderValue;
use shared::limits;
use tracing::warn;

/// Those the log knows of.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<HashSet<(Arc<str>, String)>>);

impl Strangers {
    /// Tells the log of a site's refused origin, unless it has been told or too many have. Answers whether it was.
    pub fn met(&self, site: &Arc<str>, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let Ok(mut known) = self.0.lock() else { return false };
        let met = (Arc::clone(site), limits::clip(origin, LONGEST).to_owned());
        if known.len() >= MOST || known.contains(&met) {
            return false;
        }
        warn!(site = %site, origin = ?met.1, "events of a page refused; if the page is yours, add its origin to the site's `origins`");
        known.insert(met)
    }
}

/// Most origins the log is told of: a shop has a few, a forger any number.
const MOST: usize = 50;
/// Longest origin worth telling, in bytes.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_origin_is_told_once_and_not_too_many() {
        let (strangers, shop): (_, Arc<str>) = (Strangers::default(), "shop".into());
        let met = |site: &Arc<str>, origin: &str| {
            strangers.met(site, &HeaderValue::from_str(origin).expect("a header's value"))
        };
        assert!(met(&shop, "https://www.example.com"));
        assert!(!met(&shop, "https://www.example.com"));
        assert!(met(&"other".into(), "https://www.example.com"));
        let told = (0..2 * MOST).filter(|number| met(&shop, &format!("https://{number}.example"))).count();
        assert_eq!(told, MOST - 2);
    }
}

//! Senders that were turned away, each told to the log once.
//!
//! A page of an origin that is not listed may not read why it is refused, and its owner sees only an error of CORS in the
//! browser's console; a shop whose webhook is signed with another secret shows somewhere that deliveries fail. Both are the
//! commonest mistakes of a new installation, so the operator has to be told. Once, and not without end, because anyone can
//! send rubbish of any number of kinds; the metrics count all of it.

use std::collections::HashSet;
use std::mem::discriminant;
use std::sync::{Arc, Mutex};

use http::HeaderValue;
use shared::limits;
use tracing::warn;

use super::sources::Denied;

/// What the log has been told.
#[derive(Debug, Default)]
pub struct TurnedAway(Mutex<HashSet<(Arc<str>, String)>>);

impl TurnedAway {
    /// Tells the log of a page that a site does not list, unless it has been told or too many have.
    pub fn origin(&self, site: &Arc<str>, origin: &HeaderValue) {
        let origin = limits::clip(origin.to_str().unwrap_or("unreadable"), LONGEST);
        if self.is_new(site, origin.to_owned()) {
            warn!(site = %site, ?origin, "events of a page refused; if the page is yours, add its origin to the site's `origins`");
        }
    }

    /// Tells the log of a request that a source did not believe, unless it has been told of one like it.
    pub fn sender(&self, source: &str, why: &Denied) {
        if self.is_new(&Arc::from(source), format!("{:?}", discriminant(why))) {
            warn!(source, %why, "request not believed; further ones are only counted");
        }
    }

    fn is_new(&self, name: &Arc<str>, what: String) -> bool {
        let Ok(mut known) = self.0.lock() else { return false };
        known.len() < MOST && known.insert((Arc::clone(name), what))
    }
}

/// Most that the log is told: a shop has a few origins, a forger any number.
const MOST: usize = 50;
/// Longest origin worth telling, in bytes.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::said;

    #[test]
    fn each_origin_is_told_once_and_not_too_many() {
        let (turned_away, shop): (_, Arc<str>) = (TurnedAway::default(), "shop".into());
        let lines = |site: &Arc<str>, origin: &str| {
            let origin = HeaderValue::from_str(origin).expect("a header's value");
            said(|| turned_away.origin(site, &origin)).lines().count()
        };
        let line = said(|| turned_away.origin(&shop, &HeaderValue::from_static("https://www.example.com")));
        assert!(line.contains(" WARN ") && line.contains("https://www.example.com"), "{line}");
        assert_eq!(lines(&shop, "https://www.example.com"), 0);
        assert_eq!(lines(&"other".into(), "https://www.example.com"), 1);
        let told: usize =
            (0..2 * MOST).map(|number| lines(&shop, &format!("https://{number}.example"))).sum();
        assert_eq!(told, MOST - 2);
    }

    #[test]
    fn a_wrong_secret_is_told_once_for_each_source_and_kind_of_mistake() {
        let turned_away = TurnedAway::default();
        let said = |source: &str, why: Denied| said(|| turned_away.sender(source, &why));
        let line = said("shop", Denied::WrongSignature { key: "secret" });
        assert!(line.contains(" WARN ") && line.contains("`secret`"), "{line}");
        assert_eq!(said("shop", Denied::WrongSignature { key: "secret" }), "");
        assert_ne!(said("shop", Denied::Stale { seconds: 400 }), "");
        assert_eq!(said("shop", Denied::Stale { seconds: 401 }), "");
        assert_ne!(said("crm", Denied::Stale { seconds: 400 }), "");
    }
}

//! What the pipeline must know of a site's configuration to decide about an event.
//!
//! Owns the answer to one question about consent: is some destination left without an event because of it, and does a
//! later copy of the event mend that? Sending itself is decided in `distribute::plan`, event by event. Pure.

use std::collections::{BTreeMap, HashSet};

use shared::{Consent, Purpose, Signal};

use crate::config::Config;

/// The rules of one site. The default is a site without destinations that excludes nothing.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What its destinations need, each combination once.
    needs: Vec<Need>,
    /// Identity keys that prove nothing here.
    excluded: HashSet<String>,
    /// How long further reports of a conversion are waited for, in milliseconds, by its name.
    merge_windows: BTreeMap<String, i64>,
}

/// What some destination of a site needs of a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    purposes: Vec<Purpose>,
    /// Whether silence forbids as well.
    required: bool,
}

impl Need {
    fn allows(&self, consent: &Consent) -> bool {
        consent.allows(&self.purposes, self.required)
    }
}

impl Rules {
    /// The rules of a site.
    pub fn of(config: &Config, site: &str) -> Self {
        let mut needs: Vec<Need> = Vec::new();
        for destination in config.destinations.iter().filter(|destination| *destination.site == *site) {
            let need = Need { purposes: destination.consent.clone(), required: destination.consent_required };
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        let site = config.sites.iter().find(|known| *known.key == *site);
        let excluded = site.map(|site| site.shared_identities.iter().cloned().collect());
        let merge_windows = site.map(|site| site.merge_window.clone());
        Self {
            needs,
            excluded: excluded.unwrap_or_default(),
            merge_windows: merge_windows.unwrap_or_default(),
        }
    }

    /// How long further reports of an event of this name are waited for; `None` where it goes out at once.
    pub fn merge_window_ms(&self, name: &str) -> Option<i64> {
        self.merge_windows.get(name).copied()
    }

    /// The names of the events that wait for further reports.
    pub fn merged(&self) -> impl Iterator<Item = &str> {
        self.merge_windows.keys().map(|name| &**name)
    }

    /// Whether an identity key proves nothing at this site.
    pub fn excludes(&self, key: &str) -> bool {
        self.excluded.contains(key)
    }

    /// Whether some destination may not have an event that says this of consent.
    pub fn withholds(&self, consent: &Consent) -> bool {
        self.needs.iter().any(|need| !need.allows(consent))
    }

    /// Whether some destination that could not have the earlier copy may have one that says this.
    pub fn mends(&self, earlier: &Consent, consent: &Consent) -> bool {
        self.needs.iter().any(|need| !need.allows(earlier) && need.allows(consent))
    }
}

/// What a copy of an event says on top of an earlier one: its own answers, and the earlier ones where it is silent. A
/// denial is thus only lifted by somebody who says so.
pub fn on_top_of(earlier: &Consent, later: &Consent) -> Consent {
    Consent {
        ad_storage: later.ad_storage.or(earlier.ad_storage),
        ad_user_data: later.ad_user_data.or(earlier.ad_user_data),
        ad_personalization: later.ad_personalization.or(earlier.ad_personalization),
    }
}

/// What a visitor's event may be used for, whose answers since are known: a denial holds whichever of the two it is in, and for the
/// rest the newer answers.
pub fn under(newer: &Consent, own: &Consent) -> Consent {
    let both = |newer: Option<Signal>, own: Option<Signal>| match (newer, own) {
        (Some(Signal::Denied), _) | (_, Some(Signal::Denied)) => Some(Signal::Denied),
        (newer, own) => newer.or(own),
    };
    Consent {
        ad_storage: both(newer.ad_storage, own.ad_storage),
        ad_user_data: both(newer.ad_user_data, own.ad_user_data),
        ad_personalization: both(newer.ad_personalization, own.ad_personalization),
    }
}

/// The denials among a visitor's answers.
pub fn denials(consent: &Consent) -> Consent {
    let denial = |signal: Option<Signal>| signal.filter(|signal| *signal == Signal::Denied);
    Consent {
        ad_storage: denial(consent.ad_storage),
        ad_user_data: denial(consent.ad_user_data),
        ad_personalization: denial(consent.ad_personalization),
    }
}

/// The most that either of two copies was allowed: what was granted once has been used.
pub fn widest(one: &Consent, other: &Consent) -> Consent {
    let wider = |one: Option<Signal>, other: Option<Signal>| match (one, other) {
        (Some(Signal::Granted), _) | (_, Some(Signal::Granted)) => Some(Signal::Granted),
        (None, _) | (_, None) => None,
        (Some(Signal::Denied), Some(Signal::Denied)) => Some(Signal::Denied),
    };
    Consent {
        ad_storage: wider(one.ad_storage, other.ad_storage),
        ad_user_data: wider(one.ad_user_data, other.ad_user_data),
        ad_personalization: wider(one.ad_personalization, other.ad_personalization),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Consent as three letters: granted, denied or silent.
    fn consent(letters: &str) -> Consent {
        let mut signals = letters.chars().map(|letter| match letter {
            'g' => Some(Signal::Granted),
            'd' => Some(Signal::Denied),
            _ => None,
        });
        let mut next = || signals.next().flatten();
        Consent { ad_storage: next(), ad_user_data: next(), ad_personalization: next() }
    }

    #[test]
    fn a_later_copy_mends_what_an_earlier_one_lacked() {
        let both = vec![Purpose::AdStorage, Purpose::AdUserData];
        let check = |required, earlier, later, withheld, mended| {
            let needs = vec![Need { purposes: both.clone(), required }];
            let rules = Rules { needs, ..Rules::default() };
            let (earlier, later) = (consent(earlier), consent(later));
            assert_eq!(rules.withholds(&earlier), withheld, "{earlier:?}");
            let said = on_top_of(&earlier, &later);
            assert_eq!(rules.mends(&earlier, &said), mended, "{earlier:?} then {later:?}");
        };
        check(true, "---", "gg-", true, true);
        check(true, "---", "---", true, false);
        check(true, "---", "dd-", true, false);
        check(true, "g--", "-g-", true, true);
        check(true, "gg-", "ggg", false, false);
        check(false, "---", "gg-", false, false);
        check(false, "dd-", "---", true, false);
        check(false, "dd-", "gg-", true, true);
        check(false, "dd-", "g--", true, false);
    }

    #[test]
    fn what_was_granted_once_has_been_used() {
        assert_eq!(widest(&consent("gd-"), &consent("ddd")), consent("gd-"));
        assert_eq!(widest(&consent("-dg"), &consent("g-d")), consent("g-g"));
    }
}

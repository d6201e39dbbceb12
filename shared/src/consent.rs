//! Consent: which purposes a visitor granted, in the vocabulary of Google Consent Mode v2.
//!
//! Owns the three purposes and what "may this be sent" means. Leaves to the relay's `distribute` the one place
//! where it is asked, and to the tag how the choice is learned.

use serde::{Deserialize, Serialize};

/// What a visitor may agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Storing advertising identifiers (click ids, cookies) on the visitor's device.
    AdStorage,
    /// Sending user data to an advertising platform.
    AdUserData,
    /// Using the data for personalised advertising.
    AdPersonalization,
}

impl Purpose {
    /// The name on the wire and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdStorage => "ad_storage",
            Self::AdUserData => "ad_user_data",
            Self::AdPersonalization => "ad_personalization",
        }
    }
}

/// A visitor's answer for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Yes.
    Granted,
    /// No.
    Denied,
}

/// The answers known for an event. A purpose that was never asked is `None`, which is neither yes nor no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Consent {
    /// Answer for [`Purpose::AdStorage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad_storage: Option<Signal>,
    /// Answer for [`Purpose::AdUserData`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad_user_data: Option<Signal>,
    /// Answer for [`Purpose::AdPersonalization`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad_personalization: Option<Signal>,
}

impl Consent {
    /// The answer for `purpose`.
    pub const fn of(&self, purpose: Purpose) -> Option<Signal> {
        match purpose {
            Purpose::AdStorage => self.ad_storage,
            Purpose::AdUserData => self.ad_user_data,
            Purpose::AdPersonalization => self.ad_personalization,
        }
    }

    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.ad_storage.is_none() && self.ad_user_data.is_none() && self.ad_personalization.is_none()
    }

    /// Whether every purpose in `needed` allows sending. A denial always forbids; an unasked purpose forbids
    /// only when `required` (the site has declared that it asks).
    pub fn allows(&self, needed: &[Purpose], required: bool) -> bool {
        needed.iter().all(|purpose| match self.of(*purpose) {
            Some(Signal::Granted) => true,
            Some(Signal::Denied) => false,
            None => !required,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_forbids_and_silence_follows_the_site() {
        let both = [Purpose::AdStorage, Purpose::AdUserData];
        let granted = Consent {
            ad_storage: Some(Signal::Granted),
            ad_user_data: Some(Signal::Granted),
            ad_personalization: Some(Signal::Denied),
        };
        let denied = Consent { ad_user_data: Some(Signal::Denied), ..granted };
        let check =
            |consent: Consent, required, expected| assert_eq!(consent.allows(&both, required), expected);
        check(granted, true, true);
        check(denied, false, false);
        check(Consent::default(), false, true);
        check(Consent::default(), true, false);
    }
}

//! What the visitor's country asks for: consent that must be known, and an address that must not be sent.
//!
//! Google's rule holds for users in the EEA, the United Kingdom and Switzerland (pages "consent" and "send events" of
//! the Data Manager API; EU user consent policy, read 2026-11-23). A country is known when the customer's address
//! names it; nothing is guessed from network addresses or languages. The reading of an unknown country is the
//! careful one: what is unknown is left out, and the operator may say more with `unknown_country`.

use serde::{Deserialize, Serialize};
use shared::{Event, Signal};

use crate::platform::{Skip, SkipReason, person};

/// `unknown_country`: what to take a visitor of unknown country for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnknownCountry {
    /// As somebody in the EEA, the UK or Switzerland.
    Regulated,
    /// As somebody elsewhere.
    Unregulated,
}

/// Where the visitor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// In the EEA, the UK or Switzerland.
    Regulated,
    /// Elsewhere.
    Unregulated,
    /// Nobody says.
    Unknown,
}

impl Region {
    /// Where the visitor of an event is.
    pub(super) fn of(event: &Event, unknown: Option<UnknownCountry>) -> Self {
        match (person::is_regulated(event), unknown) {
            (Some(true), _) => Self::Regulated,
            (Some(false), _) => Self::Unregulated,
            (None, Some(UnknownCountry::Regulated)) => Self::Regulated,
            (None, Some(UnknownCountry::Unregulated)) => Self::Unregulated,
            (None, None) => Self::Unknown,
        }
    }

    /// Whether the visitor's network address may be sent: only where that is surely allowed.
    pub(super) fn allows_address(self) -> bool {
        self == Self::Unregulated
    }
}

/// The visitor's answers in Google's words; one that is unknown is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Consent {
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_user_data: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_personalization: Option<&'static str>,
}

impl Consent {
    /// What is known, if anything is; or why nothing may be sent.
    pub(super) fn of(event: &Event, region: Region) -> Result<Option<Self>, Skip> {
        let consent = &event.consent;
        match (consent.ad_user_data, region) {
            (Some(Signal::Denied), _) => {
                let detail = "the visitor denied ad_user_data, so nothing of theirs may be sent";
                return Err(Skip::new(SkipReason::NoConsent, detail));
            }
            (None, Region::Regulated) => {
                let detail = "Google attributes nothing to visitors in the EEA, the UK and Switzerland whose \
                    ad_user_data is unknown; pass the visitor's choice on";
                return Err(Skip::new(SkipReason::NoConsent, detail));
            }
            (Some(Signal::Granted), _) | (None, Region::Unregulated | Region::Unknown) => {}
        }
        let known = consent.ad_user_data.or(consent.ad_personalization).is_some();
        Ok(known.then_some(Self {
            ad_user_data: consent.ad_user_data.map(word),
            ad_personalization: consent.ad_personalization.map(word),
        }))
    }
}

const fn word(signal: Signal) -> &'static str {
    match signal {
        Signal::Granted => "CONSENT_GRANTED",
        Signal::Denied => "CONSENT_DENIED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(country: Option<&str>, consent: &str) -> Event {
        let json = r#"{"event":"Lead","event_id":"1","time":0,"source":"web"}"#;
        let mut event: Event = serde_json::from_str(json).expect("an event");
        event.user.clear.country = country.map(str::to_owned);
        event.consent = serde_json::from_str(consent).expect("answers");
        event
    }

    #[test]
    fn a_country_is_what_the_address_says_or_what_the_operator_does() {
        let check = |country, unknown, expected| {
            assert_eq!(Region::of(&event(country, "{}"), unknown), expected, "{country:?} {unknown:?}");
        };
        check(Some("DE"), None, Region::Regulated);
        check(Some("GB"), Some(UnknownCountry::Unregulated), Region::Regulated);
        check(Some("CH"), None, Region::Regulated);
        check(Some("RE"), None, Region::Regulated);
        check(Some("US"), Some(UnknownCountry::Regulated), Region::Unregulated);
        check(None, None, Region::Unknown);
        check(None, Some(UnknownCountry::Regulated), Region::Regulated);
        check(None, Some(UnknownCountry::Unregulated), Region::Unregulated);
    }

    #[test]
    fn consent_is_told_and_never_invented() {
        let check = |country, consent: &str, expected: Result<&str, SkipReason>| {
            let event = event(country, consent);
            let told = Consent::of(&event, Region::of(&event, None));
            let told = told.map(|told| serde_json::to_string(&told).expect("writable"));
            assert_eq!(told.as_deref().map_err(|skip| skip.reason), expected, "{country:?} {consent}");
        };
        let granted = r#"{"ad_user_data":"granted"}"#;
        check(Some("DE"), granted, Ok(r#"{"adUserData":"CONSENT_GRANTED"}"#));
        check(None, granted, Ok(r#"{"adUserData":"CONSENT_GRANTED"}"#));
        check(
            Some("US"),
            r#"{"ad_user_data":"granted","ad_personalization":"denied"}"#,
            Ok(r#"{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_DENIED"}"#),
        );
        check(
            Some("US"),
            r#"{"ad_personalization":"granted"}"#,
            Ok(r#"{"adPersonalization":"CONSENT_GRANTED"}"#),
        );
        check(Some("US"), "{}", Ok("null"));
        check(None, "{}", Ok("null"));
        check(Some("DE"), "{}", Err(SkipReason::NoConsent));
        check(Some("DE"), r#"{"ad_personalization":"granted"}"#, Err(SkipReason::NoConsent));
        check(Some("US"), r#"{"ad_user_data":"denied"}"#, Err(SkipReason::NoConsent));
    }

    #[test]
    fn an_address_is_sent_only_where_it_surely_may_be() {
        assert!(Region::Unregulated.allows_address());
        assert!(!Region::Regulated.allows_address() && !Region::Unknown.allows_address());
    }
}

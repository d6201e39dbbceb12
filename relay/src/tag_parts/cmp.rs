//! `[site.tag.cmp]`: consent as the page's consent manager tells it to others.
//!
//! What the interfaces say is read in `tag/js/parts/cmp/`; here is which of them are listened to, and which of their purposes
//! stand for ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use shared::Purpose;

use super::written::found;
use super::{Part, told};
use crate::config::written;
use crate::platform::{Key, SettingError};

/// The part.
pub(super) const PART: Part = Part {
    name: "cmp",
    summary: "takes consent from the page's consent manager",
    keys: &[
        Key::optional("google", "listen to Google's Consent Mode v2 in `dataLayer`; default true"),
        Key::optional("tcf", "listen to IAB TCF v2.2 (`__tcfapi`); default true"),
        Key::optional("gpp", "listen to IAB GPP (`__gpp`), the sections of the United States; default true"),
        Key::optional(
            "tcf_purposes",
            "which TCF purposes must all be consented to, by our purpose; one that is left out keeps its default, of \
             `{ ad_storage = [1], ad_user_data = [1, 7], ad_personalization = [3, 4] }`",
        ),
        Key::optional("tcf_special_features", "the same for special features; default none"),
        Key::optional("tcf_vendor", "the number of a vendor that must be consented to as well; default none"),
        Key::optional(
            "gpp_opt_outs",
            "what an opt-out denies; default `{ SaleOptOut = [\"ad_user_data\", \"ad_personalization\"], SharingOptOut = (the \
             same), TargetedAdvertisingOptOut = [\"ad_personalization\"] }`",
        ),
    ],
    configure: |settings| {
        let mut own: Own = settings.read()?;
        for (key, lists) in [
            ("tcf_purposes", own.tcf_purposes.keys().collect::<Vec<_>>()),
            ("tcf_special_features", own.tcf_special_features.keys().collect()),
            ("gpp_opt_outs", own.gpp_opt_outs.values().flatten().collect()),
        ] {
            if let Some(name) = lists.into_iter().find(|name| !PURPOSES.contains(&name.as_str())) {
                let expected = format!("expected purposes among {}{}", PURPOSES.join(", "), found(name));
                return Err(SettingError::Invalid { key, expected });
            }
        }
        // To an empty list everybody would have consented.
        if let Some((purpose, _)) = own.tcf_purposes.iter().find(|(_, numbers)| numbers.is_empty()) {
            let expected =
                format!("expected one or more numbers for {purpose}; left out, it has its default");
            return Err(SettingError::invalid("tcf_purposes", expected));
        }
        let default = Own::default();
        // No other field of GPP is asked, so one that is misspelt would never be heard.
        if let Some(name) = own.gpp_opt_outs.keys().find(|name| !default.gpp_opt_outs.contains_key(*name)) {
            let known: Vec<&str> = default.gpp_opt_outs.keys().map(String::as_str).collect();
            let expected = format!(
                "expected fields among {}, of which one left out has its default{}",
                known.join(", "),
                found(name)
            );
            return Err(SettingError::invalid("gpp_opt_outs", expected));
        }
        for (purpose, numbers) in default.tcf_purposes {
            own.tcf_purposes.entry(purpose).or_insert(numbers);
        }
        for (field, purposes) in default.gpp_opt_outs {
            own.gpp_opt_outs.entry(field).or_insert(purposes);
        }
        Ok(told(&own))
    },
};

const PURPOSES: [&str; 3] =
    [Purpose::AdStorage.name(), Purpose::AdUserData.name(), Purpose::AdPersonalization.name()];

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    google: bool,
    tcf: bool,
    gpp: bool,
    tcf_purposes: BTreeMap<String, Vec<Numbered<TCF_PURPOSES>>>,
    tcf_special_features: BTreeMap<String, Vec<Numbered<TCF_SPECIAL_FEATURES>>>,
    tcf_vendor: Option<Numbered<TCF_VENDORS>>,
    gpp_opt_outs: BTreeMap<String, Vec<String>>,
}

/// How far TCF counts: nobody could ever have consented to what lies behind. Its purposes and special features are those of
/// version 2.2, a vendor's number has 16 bits (IAB Europe, "TCF Policies", appendix A; IAB Tech Lab, "Transparency and Consent
/// String with Global Vendor List Format", `MaxVendorId`; read 2026-11-28).
const TCF_PURPOSES: u64 = 11;
const TCF_SPECIAL_FEATURES: u64 = 2;
const TCF_VENDORS: u64 = 65_535;

/// A number from 1 to `MOST`.
#[derive(Serialize)]
#[serde(transparent)]
struct Numbered<const MOST: u64>(u16);

impl<'de, const MOST: u64> Deserialize<'de> for Numbered<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        written::number(deserializer, 1..=MOST).map(Self)
    }
}

impl Default for Own {
    fn default() -> Self {
        let purpose =
            |name: &str, numbers: &[u16]| (name.to_owned(), numbers.iter().copied().map(Numbered).collect());
        let opt_out = |name: &str, purposes: &[&str]| {
            (name.to_owned(), purposes.iter().map(|&name| name.to_owned()).collect())
        };
        let [storage, user_data, personalization] = PURPOSES;
        Self {
            google: true,
            tcf: true,
            gpp: true,
            tcf_purposes: BTreeMap::from([
                purpose(storage, &[1]),
                purpose(user_data, &[1, 7]),
                purpose(personalization, &[3, 4]),
            ]),
            tcf_special_features: BTreeMap::new(),
            tcf_vendor: None,
            gpp_opt_outs: BTreeMap::from([
                opt_out("SaleOptOut", &[user_data, personalization]),
                opt_out("SharingOptOut", &[user_data, personalization]),
                opt_out("TargetedAdvertisingOptOut", &[personalization]),
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::settings;
    use super::*;

    #[test]
    fn a_purpose_that_is_left_out_keeps_its_default() {
        let check = |text: &'static str, expected: Value| {
            let told = (PART.configure)(settings(text)).expect(text);
            assert_eq!(told["tcf_purposes"], expected, "{text}");
        };
        check("", json!({ "ad_storage": [1], "ad_user_data": [1, 7], "ad_personalization": [3, 4] }));
        check(
            "tcf_purposes = {}",
            json!({ "ad_storage": [1], "ad_user_data": [1, 7], "ad_personalization": [3, 4] }),
        );
        check(
            "tcf_purposes = { ad_personalization = [3, 4, 5] }",
            json!({ "ad_storage": [1], "ad_user_data": [1, 7], "ad_personalization": [3, 4, 5] }),
        );
        check(
            "tcf_purposes = { ad_storage = [1, 2], ad_user_data = [7], ad_personalization = [4] }",
            json!({ "ad_storage": [1, 2], "ad_user_data": [7], "ad_personalization": [4] }),
        );
    }

    #[test]
    fn what_would_count_as_consent_of_everybody_is_refused() {
        let check = |text: &'static str, expected: &str| {
            let error = (PART.configure)(settings(text)).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check(
            "tcf_purposes = { ad_storage = [] }",
            "`tcf_purposes`: expected one or more numbers for ad_storage",
        );
        check(
            "tcf_purposes = { ad_storage = [1], ad_user_data = [] }",
            "`tcf_purposes`: expected one or more numbers for ad_user_data",
        );
        check(
            "tcf_purposes = { ads = [] }",
            "expected purposes among ad_storage, ad_user_data, ad_personalization, found `ads`",
        );
        check("gpp_opt_outs = { SaleOptout = [] }", "has its default, found `SaleOptout`");
    }

    #[test]
    fn what_nobody_can_consent_to_is_refused() {
        let check = |text: &'static str, most: Option<u32>| {
            let told = (PART.configure)(settings(text)).map_err(|error| error.to_string());
            match most {
                None => assert!(told.is_ok(), "{text}: {told:?}"),
                Some(most) => {
                    let expected = format!("expected a whole number from 1 to {most}, found ");
                    assert!(told.as_ref().is_err_and(|error| error.contains(&expected)), "{text}: {told:?}");
                }
            }
        };
        check("tcf_purposes = { ad_storage = [1, 11] }", None);
        for wrong in ["0", "12", "-1", "999999999999"] {
            check(format!("tcf_purposes = {{ ad_storage = [1, {wrong}] }}").leak(), Some(11));
        }
        check("tcf_special_features = { ad_user_data = [1, 2] }", None);
        check("tcf_special_features = { ad_user_data = [3] }", Some(2));
        check("tcf_vendor = 65535", None);
        check("tcf_vendor = 0", Some(65_535));
        check("tcf_vendor = 65536", Some(65_535));
    }
}

//! `[site.tag.cmp]`: consent as the page's consent manager tells it to others.
//!
//! What the interfaces say is read in `tag/js/parts/cmp/`; here is which of them are listened to, and which of their purposes
//! stand for ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::Purpose;

use super::written::found;
use super::{Part, told};
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
    tcf_purposes: BTreeMap<String, Vec<u8>>,
    tcf_special_features: BTreeMap<String, Vec<u8>>,
    tcf_vendor: Option<u16>,
    gpp_opt_outs: BTreeMap<String, Vec<String>>,
}

impl Default for Own {
    fn default() -> Self {
        let purpose = |name: &str, numbers: &[u8]| (name.to_owned(), numbers.to_vec());
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
}

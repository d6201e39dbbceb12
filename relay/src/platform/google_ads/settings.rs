//! The keys of a Google Ads destination: read, checked, and taken apart into what each room needs.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;
use shared::time::SECOND_MS;
use url::Url;

use super::ADS_API_VERSION;
use super::credentials::{Login, ServiceAccount};
use super::diagnostics::FIRST_MS;
use super::region::UnknownCountry;
use crate::platform::{Header, Key, SettingError, Settings, Text};
use crate::secret::Secret;

pub(super) const KEYS: [Key; 14] = [
    Key::required(
        "operating_account",
        "customer id that owns the conversion actions, ten digits; with cross-account tracking the manager's",
    ),
    Key::required(
        "conversion_actions",
        "event → id of its conversion action, such as { Purchase = \"987654321\" }; others are not sent",
    ),
    Key::optional(
        "oauth",
        "{ client_id, client_secret, refresh_token } of a user with access to the account; secret",
    ),
    Key::file(
        "service_account",
        "JSON key file of a service account with access to the account, in place of `oauth`; secret",
    ),
    Key::optional("login_account", "customer id through which access is had, when not direct: the manager's"),
    Key::optional(
        "action_type",
        "\"UPLOAD_CLICKS\" (the default): the relay is the only source of these conversions; \
         \"WEBPAGE\": it adds to those of a Google tag",
    ),
    Key::check_only("validate_only", "true: Google checks the events and counts none; default false"),
    Key::optional("quota_project", "Cloud project whose quota is used; default that of the credentials"),
    Key::optional(
        "transaction_id_prefix",
        "put before ids of digits alone; default \"ord-\", for WEBPAGE none, as the tag sends them",
    ),
    Key::optional(
        "unknown_country",
        "\"regulated\": treat visitors of unknown country as in the EEA, the UK or Switzerland; \
         \"unregulated\": as elsewhere; default: their address is not sent, their consent left open",
    ),
    Key::optional("merchant", "Merchant Center of the carts: { id, feed_label, feed_language }"),
    Key::optional("custom_variables", "own property → name or id of a conversion custom variable"),
    Key::optional(
        "adjustments",
        "refunds by the Google Ads API: { customer_id, api_version, developer_token }; default by the Data \
         Manager API, which can lower a value but takes no conversion back",
    ),
    Key::optional(
        "status_after_s",
        "seconds until Google is first asked what became of a request; default 1800, its own advice",
    ),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    operating_account: String,
    conversion_actions: BTreeMap<String, String>,
    #[serde(default)]
    oauth: Option<OAuthKey>,
    #[serde(default)]
    service_account: Option<Secret>,
    #[serde(default)]
    login_account: Option<String>,
    #[serde(default)]
    action_type: ActionType,
    #[serde(default)]
    validate_only: bool,
    #[serde(default)]
    quota_project: Option<String>,
    #[serde(default)]
    transaction_id_prefix: Option<String>,
    #[serde(default)]
    unknown_country: Option<UnknownCountry>,
    #[serde(default)]
    merchant: Option<Merchant>,
    #[serde(default)]
    custom_variables: BTreeMap<String, String>,
    #[serde(default)]
    adjustments: Option<AdjustmentsKey>,
    #[serde(default)]
    status_after_s: Option<NonZeroU32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OAuthKey {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdjustmentsKey {
    customer_id: String,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    developer_token: Option<Secret>,
}

/// What kind of conversion action the events go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ActionType {
    /// Import: the relay is the only source.
    #[default]
    #[serde(rename = "UPLOAD_CLICKS")]
    UploadClicks,
    /// Website: a Google tag reports the same conversions, and the transaction id joins the two.
    #[serde(rename = "WEBPAGE")]
    Webpage,
}

/// `merchant`: where the ids of a cart's items are to be looked up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merchant {
    pub(super) id: String,
    #[serde(default)]
    pub(super) feed_label: Option<String>,
    #[serde(default)]
    pub(super) feed_language: Option<String>,
}

/// Whose conversions they are.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) operating: String,
    pub(super) login: Option<String>,
    pub(super) quota_project: Option<String>,
    pub(super) validate_only: bool,
}

/// How events are written.
#[derive(Debug)]
pub(super) struct Traits {
    pub(super) actions: BTreeMap<String, String>,
    pub(super) action_type: ActionType,
    pub(super) id_prefix: String,
    pub(super) unknown_country: Option<UnknownCountry>,
    pub(super) merchant: Option<Merchant>,
    pub(super) custom_variables: BTreeMap<String, String>,
}

/// Where adjustments go.
#[derive(Debug)]
pub(super) struct Adjustments {
    pub(super) address: Url,
    pub(super) customer_id: String,
    developer_token: Option<Secret>,
}

/// The checked settings.
pub(super) struct Parts {
    pub(super) account: Account,
    pub(super) traits: Traits,
    pub(super) adjustments: Option<Adjustments>,
    pub(super) login: Login,
    pub(super) status_after_ms: i64,
}

impl Own {
    /// Everything checked, or the first thing that cannot be.
    pub(super) fn check(self, settings: &Settings) -> Result<Parts, SettingError> {
        let operating = customer_id("operating_account", &self.operating_account)?;
        let login_account =
            self.login_account.as_deref().map(|id| customer_id("login_account", id)).transpose()?;
        check_actions(&self.conversion_actions)?;
        check_names(&settings.names, &self.conversion_actions)?;
        check_variables(&self.custom_variables)?;
        if let Some(merchant) = &self.merchant {
            merchant.check()?;
        }
        let login = login(self.oauth, self.service_account)?;
        let adjustments = self.adjustments.map(|key| key.check(settings)).transpose()?;
        if self.quota_project.as_deref().is_some_and(|project| !is_project(project)) {
            let expected = "expected the id of a Cloud project, such as my-project-123";
            return Err(SettingError::invalid("quota_project", expected));
        }
        let id_prefix = match (self.transaction_id_prefix, self.action_type) {
            (Some(prefix), _) => prefix,
            (None, ActionType::UploadClicks) => ID_PREFIX.to_owned(),
            (None, ActionType::Webpage) => String::new(),
        };
        if id_prefix.len() > 20 || !id_prefix.bytes().all(|b| b.is_ascii_graphic()) {
            let expected = "expected up to 20 letters and signs without blanks";
            return Err(SettingError::invalid("transaction_id_prefix", expected));
        }
        Ok(Parts {
            account: Account {
                operating,
                login: login_account,
                quota_project: self.quota_project,
                validate_only: self.validate_only,
            },
            traits: Traits {
                actions: self.conversion_actions,
                action_type: self.action_type,
                id_prefix,
                unknown_country: self.unknown_country,
                merchant: self.merchant,
                custom_variables: self.custom_variables,
            },
            adjustments,
            login,
            status_after_ms: self
                .status_after_s
                .map_or(FIRST_MS, |seconds| i64::from(seconds.get()) * SECOND_MS),
        })
    }
}

impl Traits {
    /// The conversion action of an event: by the operator's name for it, which is an entry of `conversion_actions`
    /// or an action's id itself, else by its own.
    pub(super) fn action<'a>(&'a self, event: &str, renamed: Option<&'a str>) -> Option<&'a str> {
        let name = renamed.unwrap_or(event);
        let listed = self.actions.get(name).map(String::as_str);
        listed.or_else(|| renamed.filter(|name| is_digits(name)))
    }
}

impl Merchant {
    fn check(&self) -> Result<(), SettingError> {
        if !is_digits(&self.id) {
            return Err(SettingError::invalid(
                "merchant",
                "expected `id` to be a Merchant Center id, digits",
            ));
        }
        let letters = |text: &str, max: usize| {
            (1..=max).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if self.feed_label.as_deref().is_some_and(|label| !letters(label, 20)) {
            let expected = "expected `feed_label` to be a feed's label, such as \"DE\"";
            return Err(SettingError::invalid("merchant", expected));
        }
        if self.feed_language.as_deref().is_some_and(|code| code.len() != 2 || !letters(code, 2)) {
            let expected = "expected `feed_language` to be a language of two letters, such as \"de\"";
            return Err(SettingError::invalid("merchant", expected));
        }
        Ok(())
    }
}

impl AdjustmentsKey {
    fn check(self, settings: &Settings) -> Result<Adjustments, SettingError> {
        let customer_id = customer_id("adjustments", &self.customer_id)?;
        let version = self.api_version.as_deref().unwrap_or(ADS_API_VERSION);
        if !version.strip_prefix('v').is_some_and(|number| number.len() <= 3 && is_digits(number)) {
            let expected = "expected `api_version` to be a version of the Google Ads API, such as \"v26\"";
            return Err(SettingError::invalid("adjustments", expected));
        }
        if self.developer_token.as_ref().is_some_and(|token| !is_token(token)) {
            let expected = "expected `developer_token` to be a token, or no such key: none is needed";
            return Err(SettingError::invalid("adjustments", expected));
        }
        let address = format!(
            "https://googleads.googleapis.com/{version}/customers/{customer_id}:uploadConversionAdjustments"
        );
        let address = Url::parse(&address).expect("a version and digits make a valid path");
        let address = settings.address(address);
        Ok(Adjustments { address, customer_id, developer_token: self.developer_token })
    }
}

impl Adjustments {
    /// The call's own headers. Since 2026-09-09 a developer token may be left out and is ignored (page "developer
    /// token", read 2026-11-23).
    pub(super) fn headers(&self, account: &Account) -> Vec<Header> {
        let login = account.login.as_ref().map(|id| Header::new("login-customer-id", id.as_str()));
        let token = self.developer_token.as_ref();
        let token = token.map(|token| Header::new("developer-token", Text::default().secret(token)));
        login.into_iter().chain(token).collect()
    }
}

fn login(oauth: Option<OAuthKey>, service_account: Option<Secret>) -> Result<Login, SettingError> {
    match (oauth, service_account) {
        (Some(key), None) => {
            let secrets = [&key.client_secret, &key.refresh_token];
            if key.client_id.trim().is_empty() || !secrets.into_iter().all(is_token) {
                let expected = "expected client_id, client_secret and refresh_token without blanks";
                return Err(SettingError::invalid("oauth", expected));
            }
            let OAuthKey { client_id, client_secret, refresh_token } = key;
            Ok(Login::User { client_id, client_secret, refresh_token })
        }
        (None, Some(json)) => match ServiceAccount::read(&json) {
            Ok(account) => Ok(Login::ServiceAccount(account)),
            Err(problem) => Err(SettingError::invalid("service_account", problem.to_string())),
        },
        (Some(_), Some(_)) => {
            Err(SettingError::invalid("oauth", "expected either `oauth` or `service_account`, not both"))
        }
        (None, None) => {
            let expected =
                "expected { client_id, client_secret, refresh_token }, or `service_account` with a key file";
            Err(SettingError::invalid("oauth", expected))
        }
    }
}

/// Ten digits; the dashes of Google's own pages are taken out.
fn customer_id(key: &'static str, text: &str) -> Result<String, SettingError> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 10 && is_digits(&digits) {
        return Ok(digits);
    }
    let expected = "expected a customer id of ten digits, as Google Ads shows it at the top of its page";
    Err(SettingError::invalid(key, expected))
}

fn check_actions(actions: &BTreeMap<String, String>) -> Result<(), SettingError> {
    if actions.is_empty() {
        let expected = "expected at least one event with the id of its conversion action";
        return Err(SettingError::invalid("conversion_actions", expected));
    }
    for (event, id) in actions {
        if event == "Refund" {
            let expected =
                "expected no Refund: it lowers the conversion of its order, by the action of Purchase";
            return Err(SettingError::invalid("conversion_actions", expected));
        }
        if !is_digits(id) {
            let expected =
                format!("expected digits for {event}: the number after `ctId=` in the address of its page");
            return Err(SettingError::invalid("conversion_actions", expected));
        }
    }
    Ok(())
}

fn check_names(
    names: &BTreeMap<String, String>,
    actions: &BTreeMap<String, String>,
) -> Result<(), SettingError> {
    match names.iter().find(|(_, theirs)| !actions.contains_key(*theirs) && !is_digits(theirs)) {
        None => Ok(()),
        Some((ours, _)) => {
            let expected = format!("expected a name of `conversion_actions`, or an action's id, for {ours}");
            Err(SettingError::invalid("events", expected))
        }
    }
}

fn check_variables(variables: &BTreeMap<String, String>) -> Result<(), SettingError> {
    if variables.values().all(|name| !name.trim().is_empty()) {
        return Ok(());
    }
    Err(SettingError::invalid("custom_variables", "expected the variable's name or id, not an empty text"))
}

fn is_digits(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_token(secret: &Secret) -> bool {
    let text = secret.expose();
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Letters, digits and dashes, or the number of a project (page "creating and managing projects").
fn is_project(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
}

/// Before transaction ids of digits alone, where no tag says them otherwise.
const ID_PREFIX: &str = "ord-";

#[cfg(test)]
mod tests;

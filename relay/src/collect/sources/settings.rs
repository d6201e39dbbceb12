//! Settings: what a `[[source]]` table says to its kind. Keys are declared and read as those of platforms are.

use serde::de::DeserializeOwned;
use shared::limits;

use crate::platform::settings::SettingError;
use crate::secret::Secret;

/// The kind's part of a `[[source]]` table: everything but the keys all sources share.
#[derive(Debug)]
pub struct Settings {
    /// The kind's own keys, values still carrying their place in the file.
    pub own: toml::Spanned<toml::de::DeValue<'static>>,
}

impl Settings {
    /// Reads the kind's own keys. `T` must carry `#[serde(deny_unknown_fields)]`.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, SettingError> {
        Ok(T::deserialize(toml::de::ValueDeserializer::from(self.own))?)
    }
}

/// Refuses an empty secret: everybody could sign with it.
pub(super) fn filled(key: &'static str, secret: &Secret) -> Result<(), SettingError> {
    if secret.is_blank() {
        Err(SettingError::invalid(key, "expected the secret, which is not empty"))
    } else {
        Ok(())
    }
}

/// Refuses a text that says nothing.
pub(super) fn said(key: &'static str, text: &str, expected: &str) -> Result<(), SettingError> {
    if text.trim().is_empty() { Err(SettingError::invalid(key, expected)) } else { Ok(()) }
}

/// Refuses what cannot be the name of an event.
pub(super) fn event_name(key: &'static str, name: &str) -> Result<(), SettingError> {
    if name.trim().is_empty() || name.len() > limits::EVENT_NAME {
        Err(SettingError::invalid(key, "expected the name of an event, 1 to 50 bytes"))
    } else {
        Ok(())
    }
}

/// The event that a later payment of a subscription is, unless `renewal_event` names another.
pub(super) fn subscribe() -> String {
    "Subscribe".to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings as `config` hands them over when `text` is the whole file.
    pub(in crate::collect::sources) fn settings(text: &'static str) -> Settings {
        let table = toml::de::DeTable::parse(text).expect("the test's TOML is well-formed");
        let (span, table) = (table.span(), table.into_inner());
        Settings { own: toml::Spanned::new(span, toml::de::DeValue::Table(table)) }
    }

    #[test]
    fn a_name_of_an_event_says_something_and_is_short() {
        let check = |name: &str, fits: bool| {
            assert_eq!(event_name("renewal_event", name).is_ok(), fits, "{name}");
            assert!(event_name("renewal_event", &subscribe()).is_ok());
        };
        check("Renewal", true);
        check(" ", false);
        check(&"x".repeat(limits::EVENT_NAME), true);
        check(&"x".repeat(limits::EVENT_NAME + 1), false);
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(filled("secret", &Secret::new(" ")).is_err());
        assert!(filled("secret", &Secret::new("s")).is_ok());
    }
}

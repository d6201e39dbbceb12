//! Settings: what a `[[destination]]` table says to its platform, and how a platform reads it.
//!
//! A platform declares its own keys twice: as a serde struct with `deny_unknown_fields`, which is what is
//! read, and as a list of [`Key`]s, which is what documentation and `check` show; a test holds the two
//! together. Errors keep their place in the file. Leaves the keys all destinations share to `config`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use url::Url;

use crate::secret::Secret;

/// The platform's part of a `[[destination]]` table: everything but the keys all destinations share.
#[derive(Debug)]
pub struct Settings {
    /// The platform's own keys, values still carrying their place in the file.
    pub own: toml::Spanned<toml::de::DeValue<'static>>,
    /// `endpoint`: replaces scheme and host of every address.
    pub endpoint: Option<Url>,
    /// `events`, the names only: our event → the name there. Switched-off events never reach a platform.
    pub names: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the platform's own keys. `T` must carry `#[serde(deny_unknown_fields)]`.
    ///
    /// The error's span is a byte range of the configuration file: of the key when it is unknown, of the
    /// value when it has the wrong type, of the table when a key is missing.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SettingError> {
        Ok(T::deserialize(toml::de::ValueDeserializer::from(self.own.clone()))?)
    }

    /// `address`, or the same path and query at the operator's `endpoint`.
    pub fn address(&self, address: Url) -> Url {
        let Some(endpoint) = &self.endpoint else { return address };
        let mut moved = endpoint.clone();
        moved.set_path(address.path());
        moved.set_query(address.query());
        moved.set_fragment(None);
        moved
    }
}

/// A setting that cannot be: which key, and what was expected instead.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value that reads but is not valid.
    #[error("`{key}`: {expected}")]
    Invalid {
        /// The key inside the destination's table.
        key: &'static str,
        /// What would have been right.
        expected: String,
    },
    /// A key that is missing, unknown or of the wrong type.
    #[error(transparent)]
    Shape(#[from] toml::de::Error),
}

impl SettingError {
    /// A value that reads but is not valid.
    pub fn invalid(key: &'static str, expected: impl Into<String>) -> Self {
        Self::Invalid { key, expected: expected.into() }
    }
}

/// One key of a platform's settings, for documentation and `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the destination's table.
    pub name: &'static str,
    /// Whether a destination must have it.
    pub required: bool,
    /// What it means, its form and its default, in one line.
    pub meaning: &'static str,
    /// Whether its value is the path of a file, of which the platform is given the text.
    pub file: bool,
    /// Of a key that is there for trying a destination out and hardly meant when it stays: what becomes of events meanwhile.
    pub trial: Option<&'static str>,
    /// The same of one key in the table that this one is: its name, and what becomes of events meanwhile.
    pub inner_trial: Option<(&'static str, &'static str)>,
    /// Of a secret: whether blanks at its ends may be part of it.
    pub blanks: bool,
    /// Of a secret: what a right one begins with; empty where nobody knows.
    pub begins: &'static str,
}

impl Key {
    /// A key every destination of the platform must have.
    pub const fn required(name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            required: true,
            meaning,
            file: false,
            trial: None,
            inner_trial: None,
            blanks: false,
            begins: "",
        }
    }

    /// A key with a default.
    pub const fn optional(name: &'static str, meaning: &'static str) -> Self {
        Self { required: false, ..Self::required(name, meaning) }
    }

    /// A key without a default for trying a destination out. `check` and the start remind of one that was left in.
    pub const fn trial(name: &'static str, meaning: &'static str) -> Self {
        let effect = "sends every event as a test, which the platform may keep out of its reports";
        Self { trial: Some(effect), ..Self::optional(name, meaning) }
    }

    /// A key that, where it is true, lets the platform check events and count none. The same is said of it.
    pub const fn check_only(name: &'static str, meaning: &'static str) -> Self {
        let effect = "lets the platform check every event and count none, so that nothing is reported";
        Self { trial: Some(effect), ..Self::optional(name, meaning) }
    }

    /// A key with a default whose value is the path of a file with a secret in it, relative to the configuration. The
    /// platform is given the file's text; a value that begins with `{` is that text itself.
    pub const fn file(name: &'static str, meaning: &'static str) -> Self {
        Self { file: true, ..Self::optional(name, meaning) }
    }

    /// The same key of a table in which one key is for trying a destination out. The same is said of that.
    #[must_use]
    pub const fn with_trial(self, name: &'static str, effect: &'static str) -> Self {
        Self { inner_trial: Some((name, effect)), ..self }
    }

    /// The same key of a secret whose sender may have made it with a blank at an end. Others are refused with one.
    #[must_use]
    pub const fn with_blanks(self) -> Self {
        Self { blanks: true, ..self }
    }

    /// The same key of a secret that begins with this wherever it is right. `check` warns of others.
    #[must_use]
    pub const fn beginning(self, begins: &'static str) -> Self {
        Self { begins, ..self }
    }
}

/// Refuses a token that cannot travel in a header: an empty one, or one with blanks in it.
pub(super) fn check_token(key: &'static str, token: &Secret) -> Result<(), SettingError> {
    let token = token.expose();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(SettingError::invalid(key, "expected a token without blanks, not an empty text"));
    }
    Ok(())
}

/// Refuses what is no API version: `v`, one or more digits, a dot, one or more digits.
pub(super) fn check_version(key: &'static str, text: &str, expected: &str) -> Result<(), SettingError> {
    let digits = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    match parts {
        Some((major, minor)) if digits(major) && digits(minor) => Ok(()),
        _ => Err(SettingError::invalid(key, expected)),
    }
}

/// Refuses a text that is there and says nothing.
pub(super) fn check_text(
    key: &'static str,
    text: &Option<String>,
    expected: &str,
) -> Result<(), SettingError> {
    if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(SettingError::invalid(key, format!("{expected}, or no such key")));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings as `config` hands them over when `text` is the whole file.
    pub(in crate::platform) fn settings(text: &'static str) -> Settings {
        let table = toml::de::DeTable::parse(text).expect("the test's TOML is well-formed");
        let (span, table) = (table.span(), table.into_inner());
        Settings {
            own: toml::Spanned::new(span, toml::de::DeValue::Table(table)),
            endpoint: None,
            names: BTreeMap::new(),
        }
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        id: String,
        #[serde(default)]
        flag: bool,
    }

    #[test]
    fn errors_point_into_the_file() {
        let check = |text: &'static str, words: &str, place: &str| {
            let error = settings(text).read::<Own>().expect_err("not valid");
            let SettingError::Shape(error) = error else { panic!("{error}") };
            assert!(error.message().contains(words), "{}", error.message());
            assert_eq!(&text[error.span().expect("a place in the file")], place);
        };
        check("id = \"1\"\nflags = true", "unknown field `flags`", "flags");
        check("id = \"1\"\nflag = \"yes\"", "invalid type: string \"yes\", expected a boolean", "\"yes\"");
        check("id = 1", "invalid type: integer `1`, expected a string", "1");
        check("flag = true", "missing field `id`", "");
    }

    #[test]
    fn a_missing_key_points_at_the_head_of_its_table() {
        let text = "[server]\nport = 1\n\n[[destination]]\nflag = true\n";
        let mut root = toml::de::DeTable::parse(text).expect("well-formed").into_inner();
        let list = root.remove("destination").expect("there").into_inner();
        let toml::de::DeValue::Array(list) = list else { panic!("a list of tables") };
        let settings = Settings { own: list.into_iter().next().expect("one table"), ..settings("") };
        let SettingError::Shape(error) = settings.read::<Own>().expect_err("no id") else {
            panic!("a shape")
        };
        assert_eq!(&text[error.span().expect("a place in the file")], "[[destination]]");
    }

    #[test]
    fn what_is_right_is_read() {
        let own: Own = settings("id = \"1\"\nflag = true").read().expect("valid");
        assert!(own.flag && own.id == "1");
    }

    #[test]
    fn an_endpoint_moves_scheme_and_host_and_keeps_the_path() {
        let check = |endpoint: &str, expected: &str| {
            let settings = Settings { endpoint: Url::parse(endpoint).ok(), ..settings("") };
            let real = Url::parse("https://graph.example/v1/events?a=b").expect("an address");
            assert_eq!(settings.address(real).as_str(), expected);
        };
        check("http://127.0.0.1:9100", "http://127.0.0.1:9100/v1/events?a=b");
        check("http://127.0.0.1:9100/ignored/?x#y", "http://127.0.0.1:9100/v1/events?a=b");
        check("", "https://graph.example/v1/events?a=b");
    }
}

//! Where the secrets of a configuration stand, which must be known before one that is shown can be called a fault.
//!
//! A secret is one as the value of a key that is for secrets. The same letters in the name of a key, of a site or in an
//! origin are none: a message may quote them, so texts that have them there are left out. Of what is no TOML, no message
//! quotes anything, so nothing of that is left out.

use toml::de::{DeTable, DeValue};

use crate::stage::FROM_OUTSIDE;

/// How the secrets of the tests' configurations begin.
pub(crate) const MARKER: &str = "secret-of";

/// Whether every secret of a configuration stands where a secret belongs.
pub(crate) fn are_in_place(text: &str) -> bool {
    let (table, mistakes) = DeTable::parse_recoverable(text);
    !mistakes.is_empty() || in_table(table.get_ref(), &[])
}

fn in_table(table: &DeTable<'_>, above: &[&str]) -> bool {
    table.iter().all(|(key, value)| {
        let key: &str = key.get_ref();
        let mut path: Vec<&str> = above.to_vec();
        path.push(key);
        !marked(key) && in_value(value.get_ref(), &path)
    })
}

fn in_value(value: &DeValue<'_>, path: &[&str]) -> bool {
    match value {
        DeValue::String(text) => !marked(text) || is_for_secrets(path),
        DeValue::Array(items) => items.iter().all(|item| in_value(item.get_ref(), path)),
        DeValue::Table(table) => in_table(table, path),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => true,
    }
}

/// Whether a text has the letters by which a secret that is shown is known.
fn marked(text: &str) -> bool {
    text.contains(MARKER) || text.contains(FROM_OUTSIDE)
}

fn is_for_secrets(path: &[&str]) -> bool {
    let [kind, within @ .., key] = path else { return false };
    KINDS.contains(kind) && within.iter().all(|table| TABLES.contains(table)) && KEYS.contains(key)
}

/// Tables of the configuration that hold secrets.
const KINDS: [&str; 3] = ["site", "source", "destination"];
/// Tables in those that hold secrets. Not those whose keys are names of events, which may be called like a secret.
const TABLES: [&str; 4] = ["token", "auth", "oauth", "offline"];
/// Keys for secrets.
const KEYS: [&str; 11] = [
    "access_token",
    "api_key",
    "api_keys",
    "app_secret",
    "client_secret",
    "developer_token",
    "password",
    "previous_secret",
    "refresh_token",
    "secret",
    "token",
];

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::{check, config};

    #[test]
    fn a_secret_that_is_shown_is_still_found() {
        let seeds = config::seeds();
        let texts: Vec<&str> = seeds.iter().filter_map(|seed| std::str::from_utf8(seed).ok()).collect();
        let with_secrets: Vec<&&str> = texts.iter().filter(|text| text.contains(MARKER)).collect();
        assert!(!with_secrets.is_empty(), "nothing to be shown");
        with_secrets.iter().for_each(|text| assert!(are_in_place(text), "left out: {text}"));
        for shown in [MARKER, FROM_OUTSIDE] {
            let message = format!("anytrack.toml:1: site.shop: expected a name, found `{shown}-meta`");
            assert!(catch_unwind(|| check::keeps_secrets(&message)).is_err(), "{message}");
        }
    }

    #[test]
    fn a_secret_is_one_as_the_value_of_its_key_only() {
        for text in [
            "[[site]]\nkey = \"shop\"\napi_keys = [1, \"secret-of-the-shop\"]",
            "[[site]]\n[site.token]\nsecret = \"secret-of-the-site\" # token",
            "destination = [{ oauth = { client_secret = 'secret-of-it' }, access_token = '''\nsecret-of-it''' }]",
            "[[source]]\nauth.\"token\" = \"secret\\u002dof-it\"",
            "# secret-of nobody",
            "\"a token secret-of",
        ] {
            assert!(are_in_place(text), "{text}");
        }
        for text in [
            "[[site]]\n\"a token secret-of\" = 1",
            "[[site]]\n\"a token secret\\u002dof\" = 1",
            "[[site]]\ntoken = { mode = \"secret-of-the-site\" }",
            "[[destination]]\nevents = { token = \"secret-of-it\" }",
            "[[destination]]\nname = \"token\" # secret\nplatform = \"secret-of-it\"",
            "[server]\nsecret = \"secret-of-it\"",
            "secret = \"secret-of-it\"",
            "[[site]]\norigins = [\"a-value-from-the-environment\"]",
        ] {
            assert!(!are_in_place(text), "{text}");
        }
    }
}

//! Parts of the tag that a site may ask for: what `[site.tag.NAME]` may say, and what the part in the browser is told.
//!
//! A part is two files that carry one name: an ES module `tag/js/parts/<name>.js`, which the tag's build packs, and a
//! file here with its settings. Its table in a `[[site]]` switches it on, be it empty. The settings are read as strictly
//! as those of a platform and handed to the part as JSON, every default filled in, so that no default is written twice.
//!
//! Everybody can read what a part is told: a secret has no place in its settings. Leaves the route to `collect`.

mod adopt;
mod auto;
mod cmp;
mod written;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::platform::{Key, SettingError};

/// Every part, in the order in which a page starts them. To add one, add its file and its line.
pub const ALL: &[Part] = &[cmp::PART, adopt::PART, auto::PART];

/// A kind of part.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its name: the table below `[site.tag]`, and the file in the tag's build.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its keys, for documentation and `check`.
    pub keys: &'static [Key],
    /// Reads its table.
    pub configure: fn(Settings) -> Result<Value, SettingError>,
}

/// A part of one site, set up.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Name of the part.
    pub name: &'static str,
    /// What it is told.
    pub settings: Value,
}

/// The table of a part, values still carrying their place in the file.
#[derive(Debug)]
pub struct Settings {
    /// The keys.
    pub own: toml::Spanned<toml::de::DeValue<'static>>,
}

impl Settings {
    /// Reads the keys. `T` must carry `#[serde(deny_unknown_fields)]`.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, SettingError> {
        Ok(T::deserialize(toml::de::ValueDeserializer::from(self.own))?)
    }
}

/// What the part in the browser is told: the settings as JSON.
fn told(settings: &impl Serialize) -> Value {
    // Plain structures with text keys always serialise.
    serde_json::to_value(settings).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings as `config` hands them over when `text` is the whole table.
    pub(super) fn settings(text: &'static str) -> Settings {
        let table = toml::de::DeTable::parse(text).expect("the test's TOML is well-formed");
        let (span, table) = (table.span(), table.into_inner());
        Settings { own: toml::Spanned::new(span, toml::de::DeValue::Table(table)) }
    }

    #[test]
    fn an_empty_table_is_enough_unless_a_key_is_required() {
        for part in ALL {
            let required = part.keys.iter().any(|key| key.required);
            assert_eq!((part.configure)(settings("")).is_err(), required, "{}", part.name);
        }
    }

    #[test]
    fn the_documented_keys_are_those_that_are_read() {
        for part in ALL {
            let unknown =
                (part.configure)(settings("no_such_key = 1")).expect_err("an unknown key").to_string();
            for key in part.keys {
                assert!(
                    unknown.contains(&format!("`{}`", key.name)),
                    "{}: {} in {unknown}",
                    part.name,
                    key.name
                );
            }
            let read = unknown.matches('`').count() / 2 - 1;
            assert_eq!(read, part.keys.len(), "{}: {unknown}", part.name);
        }
    }

    #[test]
    fn every_part_has_its_file_and_every_file_its_part() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tag/js/parts");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the parts' folder")
            .filter_map(|entry| {
                entry.ok()?.file_name().into_string().ok()?.strip_suffix(".js").map(str::to_owned)
            })
            // These two have no table: an address asks for the one, `consent = "regional"` for the other.
            .filter(|name| !matches!(name.as_str(), "debug" | "region"))
            .collect();
        files.sort();
        let mut names: Vec<&str> = ALL.iter().map(|part| part.name).collect();
        names.sort_unstable();
        assert_eq!(files, names);
    }
}

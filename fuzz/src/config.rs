//! The configuration file: any text is either refused with lines that help, or a configuration that stands.

use relay::pipeline::Steps;

use crate::seeds::{files, name, read, recorded, text};
use crate::stage::{destinations, parse};
use crate::{check, secrets};

/// Reads a configuration.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if !secrets::are_in_place(text) {
        return;
    }
    match parse(text) {
        Ok(loaded) => {
            assert!(!loaded.config.sites.is_empty(), "at least one site");
            loaded.warnings.iter().for_each(|warning| check::keeps_secrets(&warning.to_string()));
            let _ = Steps::new(&loaded.config);
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.trim().is_empty(), "says what is wrong");
            error.lines().for_each(|line| assert!(line.starts_with("anytrack.toml"), "{line}"));
            check::keeps_secrets(&error);
        }
    }
}

/// The configurations of the relay's tests: every destination, and every source.
pub fn seeds() -> Vec<Vec<u8>> {
    let sources = files(&recorded("sources")).into_iter().filter(|path| name(path) == "settings.toml");
    let source = |path: std::path::PathBuf| {
        let kind = path.strip_prefix(recorded("sources")).ok()?.components().next()?;
        let kind = kind.as_os_str().to_str()?;
        let settings = text(&path);
        Some(format!(
            "[[site]]\nkey = \"shop\"\n[[source]]\nname = \"s\"\nsite = \"shop\"\nkind = \"{kind}\"\n{settings}"
        ))
    };
    let golden = files(&recorded("golden")).into_iter().filter(|path| name(path) == "settings.toml");
    let mut seeds: Vec<Vec<u8>> = sources.filter_map(source).map(String::into_bytes).collect();
    seeds.push(destinations().into_bytes());
    seeds.extend(golden.map(|path| read(&path)));
    seeds
}

//! The pages about sources: their tables are made from the code, and what they show of a configuration is right.
//!
//! A page `docs/sources/<kind>.md` holds `<!-- generated: settings -->` to `<!-- end -->`; what stands between is written by
//! `UPDATE_GOLDEN=1 cargo test -p relay --test source_docs`. Every block of TOML in it is read as `check` would.

mod expected;

use std::fs;
use std::path::{Path, PathBuf};

use expected::{check, fill, repository, text};
use relay::collect::sources::postback::{Meaning, NETWORKS, Network};
use relay::collect::sources::{ALL, Kind};
use relay::config::{self, Document};
use relay::platform;

#[test]
fn every_page_shows_the_settings_of_the_code() {
    for kind in ALL {
        let there = page(kind);
        let mut filled =
            fill(&there, "settings", &settings(kind)).unwrap_or_else(|| panic!("{}: no marks", kind.name));
        if kind.name == "postback" {
            for (mark, table) in [("parameters", parameters()), ("networks", networks())] {
                filled = fill(&filled, mark, &table).unwrap_or_else(|| panic!("no marks of {mark}"));
            }
        }
        check(&path(kind), Some(&filled));
    }
    for page in fs::read_dir(repository().join("docs/sources")).expect("the folder of the pages") {
        let path = page.expect("readable").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(ALL.iter().any(|kind| kind.name == name), "{name} is no kind of source");
    }
}

#[test]
fn what_a_page_shows_of_a_configuration_is_right() {
    for kind in ALL {
        let page = page(kind);
        let blocks: Vec<&str> =
            page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!blocks.is_empty(), "{}: no example", kind.name);
        for block in blocks {
            let config = read(block).unwrap_or_else(|error| panic!("{}: {error}\n{block}", kind.name));
            let source = &config.sources[0];
            assert_eq!(source.kind_name, kind.name);
            let address = format!("https://t.shop.example{}{}", kind.door.prefix(), source.name);
            assert!(page.contains(&address), "{}: {address} is what to paste", kind.name);
            assert!(page.contains(&format!("source-test {}", source.name)), "{}: how to try it", kind.name);
        }
    }
}

/// The worked examples of the generic source are the very settings that the recorded requests are tried with.
#[test]
fn the_worked_examples_are_tested() {
    let page = fs::read_to_string(repository().join("docs/sources/json.md")).expect("the page");
    for flow in ["zapier", "make", "salesforce"] {
        let settings = repository().join("relay/tests/sources/json").join(flow).join("settings.toml");
        let settings = fs::read_to_string(settings).expect("the settings of the recorded request");
        assert!(page.contains(&format!("kind = \"json\"\n{settings}```")), "{flow}: page and test differ");
    }
}

#[test]
fn the_readme_names_every_kind_and_every_key() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README");
    for kind in ALL {
        let heading = format!("| **`kind = \"{}\"`** |", kind.name);
        let (_, after) = readme.split_once(&heading).unwrap_or_else(|| panic!("README lacks {heading}"));
        let table = after.split("| **`").next().expect("text");
        for key in kind.keys {
            assert!(table.contains(&format!("`{}`", key.name)), "README lacks {} of {}", key.name, kind.name);
        }
        assert!(
            readme.contains(&format!("docs/sources/{}.md", kind.name)),
            "README does not lead to {}",
            kind.name
        );
    }
}

/// A configuration of one site with these lines, every variable being set.
fn read(lines: &str) -> Result<config::Config, config::ConfigError> {
    let text =
        format!("[server]\npublic_url = \"https://t.shop.example\"\n[[site]]\nkey = \"shop\"\n{lines}");
    let document = Document {
        file: "page.md",
        text: &text,
        directory: Path::new(""),
        assets: Path::new(""),
        readable_by_others: false,
    };
    let variable = |_: &str| Some("a-value-from-the-environment".to_owned());
    Ok(config::parse(&document, platform::ALL, &variable)?.config)
}

/// Under which names each thing comes.
fn parameters() -> String {
    let row = |meaning: Meaning| {
        let names: Vec<String> = meaning.names().iter().map(|name| format!("`{name}`")).collect();
        format!("| `{}` | {} |\n", meaning.name(), names.join(" "))
    };
    let rows: String = Meaning::ALL.into_iter().map(row).collect();
    format!("| meaning | comes as, in any case, with or without `_` and `-` |\n|---|---|\n{rows}")
}

/// The presets.
fn networks() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |network: &Network| {
        let placeholders = network.placeholders.iter();
        let placeholders: Vec<String> =
            placeholders.map(|(meaning, text)| format!("{} `{}`", meaning.name(), cell(text))).collect();
        let Network { name, title, sub_id, basis, .. } = network;
        let (title, basis) = (cell(title), cell(basis));
        format!("| `{name}` | {title} | `{sub_id}` | {} | {basis} |\n", placeholders.join(", "))
    };
    let rows: String = NETWORKS.iter().map(row).collect();
    format!("| `network` | | token in | placeholders | basis |\n|---|---|---|---|---|\n{rows}")
}

fn settings(kind: &Kind) -> String {
    let required = |needed| if needed { "required" } else { "" };
    let row = |key: &platform::Key| {
        format!("| `{}` | {} | {} |\n", key.name, required(key.required), key.meaning.replace('|', "\\|"))
    };
    let rows: String = kind.keys.iter().map(row).collect();
    format!("| key | | what |\n|---|---|---|\n{rows}")
}

fn page(kind: &Kind) -> String {
    text(&path(kind))
}

fn path(kind: &Kind) -> PathBuf {
    repository().join("docs/sources").join(format!("{}.md", kind.name))
}

//! Documentation that is made from the code: the tables of each platform's page, and the README's list of keys.
//!
//! A page `docs/platforms/<name>.md` holds pairs of marks, `<!-- generated: settings -->` to `<!-- end -->`; what
//! stands between them is written by `UPDATE_GOLDEN=1 cargo test -p relay --test docs` and held against the code
//! here. The words around the tables are a person's.

mod expected;

use std::fs;

use expected::{check, fill, repository, text};
use relay::platform::quality::Basis;
use relay::platform::{ALL, Kind};
use shared::event::STANDARD_EVENTS;

/// Writes a table of one platform.
type Table = fn(&Kind) -> String;

/// The tables of a page, in the order a reader wants them.
const TABLES: [(&str, Table); 3] =
    [("settings", settings), ("events", events), ("match quality", match_quality)];

#[test]
fn every_page_shows_the_tables_of_the_code() {
    for kind in ALL {
        let path = repository().join("docs/platforms").join(format!("{}.md", kind.name));
        let mut page = text(&path);
        for (name, table) in TABLES {
            page = fill(&page, name, &table(kind)).unwrap_or_else(|| panic!("{}: {name}", path.display()));
        }
        check(&path, Some(&page));
    }
}

#[test]
fn every_page_belongs_to_a_platform() {
    let pages = fs::read_dir(repository().join("docs/platforms")).expect("the folder of the pages");
    for page in pages {
        let path = page.expect("readable").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(ALL.iter().any(|kind| kind.name == name), "{name} is no platform");
    }
}

#[test]
fn the_readme_names_every_platform_and_every_key() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README");
    for kind in ALL {
        let heading = format!("| **`platform = \"{}\"`** |", kind.name);
        let (_, after) = readme.split_once(&heading).unwrap_or_else(|| panic!("README lacks {heading}"));
        let table = after.split("| **`").next().expect("text");
        for key in kind.keys {
            assert!(table.contains(&format!("`{}`", key.name)), "README lacks {} of {}", key.name, kind.name);
        }
        let page = format!("docs/platforms/{}.md", kind.name);
        assert!(readme.contains(&page), "README does not lead to {page}");
    }
}

fn settings(kind: &Kind) -> String {
    let mut table = "| key | | what |\n|---|---|---|\n".to_owned();
    for key in kind.keys {
        let required = if key.required { "required" } else { "" };
        table.push_str(&format!("| `{}` | {required} | {} |\n", key.name, key.meaning.replace('|', "\\|")));
    }
    table
}

fn events(kind: &Kind) -> String {
    if STANDARD_EVENTS.into_iter().all(|name| (kind.standard)(name).is_none()) {
        return "There are no names of its own: each event goes to what you configure for it.".to_owned();
    }
    let mut table = format!("| event | at {} |\n|---|---|\n", kind.name);
    for ours in STANDARD_EVENTS {
        let theirs = (kind.standard)(ours).map_or_else(|| "not sent".to_owned(), |name| format!("`{name}`"));
        table.push_str(&format!("| {ours} | {theirs} |\n"));
    }
    table
}

fn match_quality(kind: &Kind) -> String {
    if kind.signals.is_empty() {
        return "Nobody is matched here, so there is no score.".to_owned();
    }
    let mut table = "| signal | points | rank |\n|---|---|---|\n".to_owned();
    for signal in kind.signals {
        let basis = match signal.basis {
            Basis::Documented => "documented",
            Basis::Ours => "our judgement",
        };
        table.push_str(&format!(
            "| `{}` | {:.1} | {basis} |\n",
            signal.name,
            f64::from(signal.tenths) / 10.0
        ));
    }
    table
}

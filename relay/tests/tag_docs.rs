//! Documentation of the tag's parts that is made from the code: the table of keys on a part's page, and the README's rows.
//!
//! A page `docs/tag/<name>.md` holds the marks `<!-- generated: settings -->` to `<!-- end -->`; what stands between them
//! is written by `UPDATE_GOLDEN=1 cargo test -p relay --test tag_docs`. The tables of what a part does in the browser are
//! held against its code by the node tests of the tag.

use std::fs;
use std::path::{Path, PathBuf};

use relay::tag_parts::{ALL, Part};

/// The parts that have a page of their own.
const PAGES: [&str; 1] = ["adopt"];

#[test]
fn every_page_shows_the_keys_of_the_code() {
    for name in PAGES {
        let part = ALL.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("{name} is no part"));
        let path = root().join("docs/tag").join(format!("{name}.md"));
        let there = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let page = fill(&there, &settings(part)).unwrap_or_else(|| panic!("{}: no marks", path.display()));
        if page != there {
            assert!(update(), "{} is not what the code says; run with UPDATE_GOLDEN=1", path.display());
            fs::write(&path, page).expect("the page is writable");
        }
    }
}

#[test]
fn the_readme_leads_to_every_page_and_names_its_keys() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    for name in PAGES {
        let heading = format!("| **`[site.tag.{name}]`** |");
        let (_, after) = readme.split_once(&heading).unwrap_or_else(|| panic!("README lacks {heading}"));
        let table = after.split("| **`").next().unwrap_or_default();
        let part = ALL.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("{name} is no part"));
        for key in part.keys {
            assert!(table.contains(&format!("`{}`", key.name)), "README lacks {} of {name}", key.name);
        }
        assert!(
            readme.contains(&format!("docs/tag/{name}.md")),
            "README does not lead to the page of {name}"
        );
    }
}

fn settings(part: &Part) -> String {
    let row =
        |key: &relay::platform::Key| format!("| `{}` | {} |\n", key.name, key.meaning.replace('|', "\\|"));
    format!("| key | what |\n|---|---|\n{}", part.keys.iter().map(row).collect::<String>())
}

/// The page with the text between the marks replaced; `None` where the marks are missing.
fn fill(page: &str, table: &str) -> Option<String> {
    let mark = "<!-- generated: settings -->";
    let (before, rest) = page.split_once(mark)?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}{mark}\n\n{}\n\n<!-- end -->{after}", table.trim_end()))
}

#[expect(clippy::disallowed_methods, reason = "the one switch of this test; no server reads it")]
fn update() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

//! Documentation of the tag's parts that is made from the code: the table of keys on a part's page, and the README's rows.
//!
//! A page `docs/tag/<name>.md` holds the marks `<!-- generated: settings -->` to `<!-- end -->`; what stands between them
//! is written by `UPDATE_GOLDEN=1 cargo test -p relay --test tag_docs`. The tables of what a part does in the browser are
//! held against its code by the node tests of the tag.

mod expected;

use std::fs;

use expected::{check, fill, repository, text};
use relay::tag_parts::{ALL, Part};

/// The parts that have a page of their own.
const PAGES: [&str; 1] = ["adopt"];

#[test]
fn every_page_shows_the_keys_of_the_code() {
    for name in PAGES {
        let part = ALL.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("{name} is no part"));
        let path = repository().join("docs/tag").join(format!("{name}.md"));
        let page = fill(&text(&path), "settings", &settings(part));
        check(&path, Some(&page.unwrap_or_else(|| panic!("{}: no marks", path.display()))));
    }
}

#[test]
fn the_readme_leads_to_every_page_and_names_its_keys() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README");
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

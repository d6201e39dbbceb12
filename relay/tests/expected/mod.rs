//! Files that hold what the code makes: golden requests and answers, tables of the documentation.
//!
//! Each is held against the code, and written by it with `UPDATE_GOLDEN=1`; the review reads the difference.

// Every test program takes from here what it needs.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// Holds a file against what it should be; `None` for a file that should not be there.
pub(crate) fn check(path: &Path, expected: Option<&str>) {
    let there = fs::read_to_string(path).ok();
    if there.as_deref() == expected {
        return;
    }
    if !update() {
        let (there, expected) = (there.as_deref().unwrap_or("nothing"), expected.unwrap_or("nothing"));
        panic!(
            "{}; write it with UPDATE_GOLDEN=1\n--- the file says\n{there}\n--- the code makes\n{expected}",
            path.display()
        );
    }
    match expected {
        Some(text) => fs::write(path, text).expect("the file is writable"),
        None => fs::remove_file(path).expect("the file is removable"),
    }
}

/// A page with `table` between the marks `<!-- generated: name -->` and `<!-- end -->`; `None` where it has no such marks.
pub(crate) fn fill(page: &str, name: &str, table: &str) -> Option<String> {
    let mark = format!("<!-- generated: {name} -->");
    let (before, rest) = page.split_once(&mark)?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}{mark}\n\n{}\n\n<!-- end -->{after}", table.trim_end()))
}

/// Folders inside a folder, by name, sorted.
pub(crate) fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let folders = entries.map(|entry| entry.expect("readable")).filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// A file's text.
pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::disallowed_methods, reason = "the one switch of these tests; no server reads it")]
fn update() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

//! The tag's weight: what a first visit loads, against its budget; and beside it, each part that a site may add.

use crate::machine::{self, at, say};
use crate::pack::Manifest;
use crate::{Error, Result};

/// What the tag should weigh at most, in bytes of brotli: snippet, glue and module, everything it does.
const BUDGET: usize = 14_000;
/// What it may weigh at most: the budget, and room for the prebuilt standard library, which takes 0.7 kB more.
const LIMIT: usize = 15_000;
/// Prints the table and fails when the total is over the limit.
pub(crate) fn check() -> Result {
    let path = at("dist/tag/manifest.json");
    let manifest: Manifest = serde_json::from_slice(&machine::read(&path)?)
        .map_err(|error| Error::File { path: path.display().to_string(), source: error.into() })?;
    let mut total = [0; 3];
    say(&row("", ["raw", "gzip", "brotli"].map(str::to_owned)));
    for (label, name) in
        [("snippet", &manifest.snippet), ("glue", &manifest.tag_js_hashed), ("wasm", &manifest.wasm)]
    {
        let Some(file) = manifest.files.iter().find(|file| &file.name == name) else { continue };
        let sizes = [file.raw, file.gzip, file.brotli];
        say(&row(label, sizes.map(|size| size.to_string())));
        for (sum, size) in total.iter_mut().zip(sizes) {
            *sum += size;
        }
    }
    say(&row("total", total.map(|size| size.to_string())));
    for (part, name) in &manifest.parts {
        let Some(file) = manifest.files.iter().find(|file| &file.name == name) else { continue };
        let sizes = [file.raw, file.gzip, file.brotli].map(|size| size.to_string());
        say(&row(&format!("+ {part}"), sizes));
    }
    let bytes = total[2];
    let over = bytes.saturating_sub(BUDGET);
    say(&format!("the budget is {BUDGET} bytes of brotli (over by {over}), the limit {LIMIT}"));
    if bytes > LIMIT { Err(Error::TooLarge { bytes, limit: LIMIT }) } else { Ok(()) }
}

fn row(label: &str, columns: [String; 3]) -> String {
    let [raw, gzip, brotli] = columns;
    format!("{label:<10}{raw:>10}{gzip:>10}{brotli:>10}")
}

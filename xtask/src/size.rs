//! The tag's weight: what every visit loads, against its budget; and each part that a site may add.

use crate::machine::{self, at, say};
use crate::pack::Manifest;
use crate::{Error, Result};

/// What the tag should weigh at most, in bytes of brotli: snippet, glue and module, with all that it does.
const BUDGET: usize = 14_000;
/// What it may weigh at most.
const LIMIT: usize = 15_000;
/// What the fallback may take, which only pages without WebAssembly fetch, in bytes of brotli.
const FALLBACK: usize = 3_000;

/// Prints the table and fails when the total or the fallback is over its limit.
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
    let verdict = if bytes > BUDGET { "over" } else { "under" };
    let distance = bytes.abs_diff(BUDGET);
    say(&format!(
        "the tag takes {bytes} bytes of brotli: {distance} {verdict} the budget of {BUDGET}; the limit is {LIMIT}"
    ));
    if bytes > LIMIT {
        return Err(Error::TooLarge { bytes, limit: LIMIT });
    }
    apart("fallback", &manifest, &manifest.plain, FALLBACK)
}

/// Prints what is fetched apart, and fails when it is over its own limit.
fn apart(label: &str, manifest: &Manifest, name: &str, limit: usize) -> Result {
    let Some(file) = manifest.files.iter().find(|file| file.name == name) else { return Ok(()) };
    say(&row(label, [file.raw, file.gzip, file.brotli].map(|size| size.to_string())));
    let bytes = file.brotli;
    if bytes > limit { Err(Error::TooLarge { bytes, limit }) } else { Ok(()) }
}

fn row(label: &str, columns: [String; 3]) -> String {
    let [raw, gzip, brotli] = columns;
    format!("{label:<10}{raw:>10}{gzip:>10}{brotli:>10}")
}

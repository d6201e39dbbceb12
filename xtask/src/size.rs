//! The tag's weight: what every visit loads, against its budget; and each part that a site may add, against a limit of its own.

use crate::machine::{self, at, say};
use crate::pack::Manifest;
use crate::{Error, Result, setup};

/// What the tag should weigh at most, in bytes of brotli: snippet, glue and module, with all that it does.
const BUDGET: usize = 14_000;
/// What it may weigh at most.
const LIMIT: usize = 15_000;
/// What the fallback may take, which only pages without WebAssembly fetch, in bytes of brotli.
const FALLBACK: usize = 3_000;
/// What each part may take, which only the sites load that ask for it, in bytes of brotli.
const PARTS: [(&str, usize); 5] =
    [("adopt", 5_000), ("auto", 5_000), ("cmp", 2_200), ("debug", 1_500), ("region", 900)];

/// Prints the table and fails when the total, the fallback or a part is over its limit.
pub(crate) fn check() -> Result {
    let path = at("dist/tag/manifest.json");
    let manifest: Manifest = serde_json::from_slice(&machine::read(&path)?)
        .map_err(|error| Error::File { path: path.display().to_string(), source: error.into() })?;
    let mut total = [0; 3];
    say(&limited(&row("", ["raw", "gzip", "brotli"].map(str::to_owned)), "limit"));
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
    say(&limited(&row("total", total.map(|size| size.to_string())), &LIMIT.to_string()));
    let parts = parts(&manifest);
    let bytes = total[2];
    let verdict = if bytes > BUDGET { "over" } else { "under" };
    let distance = bytes.abs_diff(BUDGET);
    say(&format!(
        "the tag takes {bytes} bytes of brotli: {distance} {verdict} the budget of {BUDGET}; the limit is {LIMIT}"
    ));
    within("the tag", bytes, LIMIT)?;
    apart("fallback", &manifest, &manifest.plain, FALLBACK)?;
    if setup::packers()?.is_none() {
        say("the parts are not minified here: their limits are for those that are");
        return Ok(());
    }
    parts
}

/// Prints every part, and tells of the first that is over its own limit.
fn parts(manifest: &Manifest) -> Result {
    let mut verdict = Ok(());
    for (part, name) in &manifest.parts {
        let Some(file) = manifest.files.iter().find(|file| &file.name == name) else { continue };
        let sizes = [file.raw, file.gzip, file.brotli].map(|size| size.to_string());
        let limit = part_limit(part).map(|limit| limit.to_string()).unwrap_or_default();
        say(&limited(&row(&format!("+ {part}"), sizes), &limit));
        verdict = verdict.and(part_fits(part, file.brotli));
    }
    verdict
}

fn part_limit(part: &str) -> Option<usize> {
    PARTS.iter().find(|(name, _)| *name == part).map(|(_, limit)| *limit)
}

/// Whether a part is within its limit. One that has none must be given one first.
fn part_fits(part: &str, bytes: usize) -> Result {
    let limit = part_limit(part).ok_or_else(|| Error::NoLimit { part: part.to_owned() })?;
    within(&format!("the part `{part}`"), bytes, limit)
}

/// Prints what is fetched apart, and fails when it is over its own limit.
fn apart(label: &str, manifest: &Manifest, name: &str, limit: usize) -> Result {
    let Some(file) = manifest.files.iter().find(|file| file.name == name) else { return Ok(()) };
    let sizes = [file.raw, file.gzip, file.brotli].map(|size| size.to_string());
    say(&limited(&row(label, sizes), &limit.to_string()));
    within(&format!("the {label}"), file.brotli, limit)
}

fn within(what: &str, bytes: usize, limit: usize) -> Result {
    if bytes > limit { Err(Error::TooLarge { what: what.to_owned(), bytes, limit }) } else { Ok(()) }
}

fn row(label: &str, columns: [String; 3]) -> String {
    let [raw, gzip, brotli] = columns;
    format!("{label:<10}{raw:>10}{gzip:>10}{brotli:>10}")
}

/// A row of what has a limit, with it.
fn limited(row: &str, limit: &str) -> String {
    format!("{row}{limit:>10}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_may_take_its_own_limit_and_no_byte_more() {
        for (part, limit) in PARTS {
            assert!(part_fits(part, limit).is_ok(), "{part}");
            let said = part_fits(part, limit + 1).unwrap_err().to_string();
            let (bytes, expected) = (limit + 1, format!("the part `{part}` takes"));
            assert_eq!(
                said,
                format!("{expected} {bytes} bytes compressed and may take {limit}: make it smaller")
            );
        }
    }

    #[test]
    fn a_part_that_is_too_large_is_told_whatever_comes_after() {
        let file = |name: &str, brotli: usize| {
            format!(
                r#"{{"name":"{name}","type":"","hashed":true,"sha384":"","raw":1,"gzip":1,"brotli":{brotli}}}"#
            )
        };
        let verdict = |cmp: usize| {
            let files = [file("tag.cmp.js", cmp), file("tag.region.js", 1)].join(",");
            let manifest = format!(
                r#"{{"version":"","files":[{files}],"wasm":"","tag_js_hashed":"","plain":"","snippet":"",
                    "parts":{{"cmp":"tag.cmp.js","region":"tag.region.js"}}}}"#
            );
            parts(&serde_json::from_str(&manifest).expect("a manifest"))
        };
        assert!(verdict(2_200).is_ok());
        assert!(matches!(verdict(2_201), Err(Error::TooLarge { bytes: 2_201, limit: 2_200, .. })));
    }

    #[test]
    fn every_part_has_a_limit_and_every_limit_its_part() {
        let home = at("tag/js/parts");
        let files = machine::files(&home).into_iter().filter(|path| path.parent() == Some(&home));
        let mut names: Vec<String> =
            files.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
        names.sort();
        assert_eq!(names, PARTS.map(|(name, _)| name));
        assert!(matches!(part_fits("other", 0), Err(Error::NoLimit { part }) if part == "other"));
    }
}

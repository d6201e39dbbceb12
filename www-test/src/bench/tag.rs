//! The tag's figures: what a first visit loads, from the description of its build, and how soon the first event leaves
//! ([`crate::speed`]).

use std::io;
use std::path::Path;

use serde_json::Value;

use super::BenchError;
use super::figures::Section;
use super::sheet::Sheet;
use crate::speed;
use crate::stage::Build;

/// Measures both.
pub(super) async fn measure(sheet: &mut Sheet) -> Result<(), BenchError> {
    let build = Build::of_workspace();
    sheet.put(Section::Tag, "size", &[kilobytes(&build.tag_assets).map_err(BenchError::Tag)?]);
    let report = speed::measure(&build).await?;
    let figures = report.figures();
    for (key, samples) in ["beacon", "twin", "more", "long"].into_iter().zip(figures) {
        sheet.put(Section::Tag, key, &samples);
    }
    Ok(())
}

/// What snippet, script and module weigh together, in thousands of bytes of brotli.
fn kilobytes(assets: &Path) -> io::Result<f64> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(assets.join("manifest.json"))?)?;
    weight(&manifest).ok_or_else(|| io::Error::other("manifest.json does not describe a tag"))
}

fn weight(manifest: &Value) -> Option<f64> {
    let files = manifest["files"].as_array()?;
    let bytes = ["snippet", "tag_js_hashed", "wasm"].map(|part| {
        let file = files.iter().find(|file| file["name"] == manifest[part])?;
        file["brotli"].as_f64()
    });
    bytes.into_iter().sum::<Option<f64>>().map(|bytes| bytes / 1e3)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tag_weighs_what_a_first_visit_loads() {
        let file = |name: &str, brotli: u64| json!({ "name": name, "brotli": brotli });
        let mut manifest = json!({ "snippet": "s.js", "tag_js_hashed": "t.js", "wasm": "t.wasm",
            "files": [file("s.js", 500), file("t.js", 4_000), file("t.wasm", 9_300), file("part.js", 70_000)] });
        assert_eq!(weight(&manifest), Some(13.8));
        manifest["wasm"] = json!("other.wasm");
        assert_eq!(weight(&manifest), None);
    }
}

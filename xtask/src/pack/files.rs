//! The finished files: names with hashes, compressed twins, and the manifest by which the relay serves them.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha384};

use crate::machine::{self, at};
use crate::pack::overlay::Overlay;
use crate::pack::script::Scripts;
use crate::{Error, Result};

/// What lies in `dist/tag`, for the relay.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Manifest {
    /// The product's version.
    pub(crate) version: String,
    /// Every file to serve.
    pub(crate) files: Vec<File>,
    /// The file name of the module.
    pub(crate) wasm: String,
    /// The name of the tag that never changes: `tag.js` without the stub, which the snippet has.
    pub(crate) tag_js_hashed: String,
    /// The rules for pages that forbid WebAssembly, fetched only there.
    pub(crate) plain: String,
    /// The snippet's template. It names `__ORIGIN__` (the relay's public address without a slash at its end),
    /// `__SITE__`, `__WASM__` and `__TAG__` (file names), `__WASM_INTEGRITY__` and `__TAG_INTEGRITY__`
    /// (`sha384-…`, or nothing with the unhashed `tag.js`).
    pub(crate) snippet: String,
    /// The parts that a page loads only where its site asks for them: each one's file by its name.
    pub(crate) parts: BTreeMap<String, String>,
}

/// One file; beside it lie the same with `.br` and with `.gz`.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct File {
    /// File name.
    pub(crate) name: String,
    /// MIME type.
    #[serde(rename = "type")]
    pub(crate) mime: String,
    /// Whether the name holds a hash, so that the file may be kept for ever.
    pub(crate) hashed: bool,
    /// SHA-384 in base 64, as `integrity` attributes write it after `sha384-`.
    pub(crate) sha384: String,
    /// Bytes.
    pub(crate) raw: usize,
    /// Bytes of the `.gz` twin.
    pub(crate) gzip: usize,
    /// Bytes of the `.br` twin.
    pub(crate) brotli: usize,
}

/// Writes everything into `dist/tag`.
pub(crate) fn write(scripts: &Scripts, module: &[u8], overlay: &Overlay) -> Result {
    machine::empty(&at("dist/tag"))?;
    let hashed = hashed_name("tag", "js", scripts.tag.as_bytes());
    let javascript = "text/javascript";
    let mut files = vec![
        file("tag.js", javascript, false, [scripts.stub.as_str(), &scripts.tag].concat().as_bytes())?,
        file(&hashed, javascript, true, scripts.tag.as_bytes())?,
        file(&scripts.wasm_name, "application/wasm", true, module)?,
        file(&scripts.plain_name, javascript, true, scripts.plain.as_bytes())?,
        file(&overlay.wasm.0, "application/wasm", true, &overlay.wasm.1)?,
        file(&overlay.glue.0, javascript, true, overlay.glue.1.as_bytes())?,
        file("snippet.js", javascript, false, scripts.snippet.as_bytes())?,
    ];
    let mut parts = BTreeMap::new();
    for (name, script) in &scripts.parts {
        let hashed = hashed_name(&format!("tag.{name}"), "js", script.as_bytes());
        files.push(file(&hashed, javascript, true, script.as_bytes())?);
        parts.insert(name.clone(), hashed);
    }
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files,
        wasm: scripts.wasm_name.clone(),
        tag_js_hashed: hashed,
        plain: scripts.plain_name.clone(),
        snippet: "snippet.js".to_owned(),
        parts,
    };
    let json = serde_json::to_string_pretty(&manifest).expect("a manifest of texts and numbers is JSON");
    machine::write(&at("dist/tag/manifest.json"), json + "\n")?;
    machine::write(&at("dist/tag/anytrack.d.ts"), machine::read(&at("tag/js/anytrack.d.ts"))?)
}

/// A file name with the first 16 digits of the content's SHA-256.
pub(crate) fn hashed_name(stem: &str, extension: &str, bytes: &[u8]) -> String {
    let digest: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{stem}.{digest}.{extension}")
}

fn file(name: &str, mime: &str, hashed: bool, bytes: &[u8]) -> Result<File> {
    let (brotli, gzip) = compressed(name, bytes)?;
    machine::write(&at("dist/tag").join(name), bytes)?;
    machine::write(&at("dist/tag").join(format!("{name}.br")), &brotli)?;
    machine::write(&at("dist/tag").join(format!("{name}.gz")), &gzip)?;
    Ok(File {
        name: name.to_owned(),
        mime: mime.to_owned(),
        hashed,
        sha384: base64(&Sha384::digest(bytes)),
        raw: bytes.len(),
        gzip: gzip.len(),
        brotli: brotli.len(),
    })
}

/// Brotli at its best and gzip at its best, both the same on every machine.
pub(crate) fn compressed(name: &str, bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let fail = |source| Error::File { path: name.to_owned(), source };
    let mut small = Vec::new();
    let settings = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 24,
        size_hint: bytes.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &bytes[..], &mut small, &settings).map_err(fail)?;
    // No file name and no time inside.
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(bytes).map_err(fail)?;
    Ok((small, gzip.finish().map_err(fail)?))
}

/// Base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_examples_of_rfc_4648() {
        let check = |bytes: &str, text| assert_eq!(base64(bytes.as_bytes()), text);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foob", "Zm9vYg==");
        check("fooba", "Zm9vYmE=");
        check("foobar", "Zm9vYmFy");
    }

    #[test]
    fn a_name_follows_its_content() {
        assert_ne!(hashed_name("tag", "js", b"a"), hashed_name("tag", "js", b"b"));
        assert_eq!(hashed_name("tag", "js", b"abc"), "tag.ba7816bf8f01cfea.js");
    }

    #[test]
    fn compressed_files_hold_the_same_bytes() {
        use std::io::Read;
        let bytes = b"the same the same the same".repeat(9);
        let (brotli, gzip) = compressed("x", &bytes).expect("compressible");
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut back).expect("gzip");
        assert_eq!(back, bytes);
        back.clear();
        brotli::BrotliDecompress(&mut &brotli[..], &mut back).expect("brotli");
        assert_eq!(back, bytes);
        assert!(brotli.len() < bytes.len() && gzip.len() < bytes.len());
    }
}

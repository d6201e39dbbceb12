//! The tag's own files, read once at start from the directory that the tag's build writes.
//!
//! Files of earlier builds that still lie in the directory are served as well, by the hash in their name: pages keep a
//! pasted snippet, and what it names, for as long as they like. Serves each in the encoding the browser takes (brotli, gzip, none) with the right type. Files with a hash in
//! their name never change and are cached for a year; `tag.js` keeps its name and is asked for again after an hour.
//! All may be used from any page: CORS and CORP are open, the files hold no secret.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::GetAll;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    HeaderName, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;

use super::reply::Reply;

/// What the tag's build says of its files.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The files to serve.
    pub files: Vec<ManifestFile>,
    /// The parts a site may ask for: each one's file by its name.
    #[serde(default)]
    pub parts: HashMap<String, String>,
}

/// One file of the tag.
#[derive(Clone, Debug, Deserialize)]
pub struct ManifestFile {
    /// Name below the root of the relay's address.
    pub name: String,
    /// MIME type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the name holds a hash of the content.
    pub hashed: bool,
    /// SHA-384 of the content for `integrity`, in base64.
    pub sha384: String,
}

/// The files, ready to send.
#[derive(Debug, Default)]
pub struct Assets {
    files: HashMap<String, Asset>,
    parts: HashMap<String, String>,
}

#[derive(Debug)]
struct Asset {
    kind: HeaderValue,
    cache: HeaderValue,
    etag: HeaderValue,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

/// Why the tag's files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// A file is missing or unreadable.
    #[error("cannot read {path}: {source}; run `cargo xtask build` or set `assets` in [tag]", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not one.
    #[error("{path} is not a tag manifest: {source}; run `cargo xtask build`", path = path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A name or type that cannot be served.
    #[error("the tag manifest names a file that cannot be served: {name}")]
    Name {
        /// Which.
        name: String,
    },
}

impl Assets {
    /// Reads every file the manifest in `directory` names, with its compressed forms where they exist.
    pub fn load(directory: &Path) -> Result<Self, AssetsError> {
        let path = directory.join("manifest.json");
        let text = read(&path)?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|source| AssetsError::Manifest { path, source })?;
        let mut files = HashMap::new();
        for file in &manifest.files {
            let asset = Asset::load(directory, file)?;
            files.insert(format!("/{}", file.name), asset);
        }
        for file in earlier(directory) {
            let asset = Asset::load(directory, &file)?;
            files.entry(format!("/{}", file.name)).or_insert(asset);
        }
        Ok(Self { files, parts: manifest.parts })
    }

    /// The file name of a part of the tag.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts.get(name).map(String::as_str)
    }

    /// The answer for `path`, if it is a file of the tag.
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Reply> {
        let asset = self.files.get(path)?;
        let mut reply = asset.reply(headers);
        let answer = reply.headers_mut();
        answer.insert(CACHE_CONTROL, asset.cache.clone());
        answer.insert(ETAG, asset.etag.clone());
        answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer.insert(CORP, HeaderValue::from_static("cross-origin"));
        answer.insert(NOSNIFF, HeaderValue::from_static("nosniff"));
        Some(reply)
    }
}

/// Hashed files of earlier builds: `tag.<hash>.js`, `tag.<part>.<hash>.js`, `tag.<hash>.wasm` and its `tag.<hash>.wasm.js`.
fn earlier(directory: &Path) -> Vec<ManifestFile> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let file = |name: String| {
        let (stem, ending) = name.strip_prefix("tag.")?.rsplit_once('.')?;
        let stem = stem.strip_suffix(".wasm").unwrap_or(stem);
        let hash = stem.rsplit('.').next().unwrap_or(stem);
        let hashed = hash.len() >= 8 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let kind = match ending {
            "js" if hashed => "text/javascript",
            "wasm" if hashed => "application/wasm",
            _ => return None,
        };
        // The hash in the name stands for the content, and so does for the entity tag.
        Some(ManifestFile { kind: kind.to_owned(), hashed, sha384: hash.to_owned(), name })
    };
    names.filter_map(file).collect()
}

impl Asset {
    fn load(directory: &Path, file: &ManifestFile) -> Result<Self, AssetsError> {
        let name = &file.name;
        let plain_name = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
        let bad_name = || AssetsError::Name { name: name.clone() };
        if !plain_name {
            return Err(bad_name());
        }
        let compressed =
            |ending: &str| std::fs::read(directory.join(format!("{name}{ending}"))).ok().map(Bytes::from);
        let cache = if file.hashed { CACHE_FOREVER } else { CACHE_BRIEFLY };
        Ok(Self {
            kind: HeaderValue::from_str(&file.kind).map_err(|_| bad_name())?,
            cache: HeaderValue::from_static(cache),
            // Weak: the same stands for the file in every encoding.
            etag: HeaderValue::from_str(&format!("W/\"{}\"", file.sha384)).map_err(|_| bad_name())?,
            plain: Bytes::from(read(&directory.join(name))?),
            brotli: compressed(".br"),
            gzip: compressed(".gz"),
        })
    }

    fn reply(&self, headers: &HeaderMap) -> Reply {
        if is_known(headers.get_all(IF_NONE_MATCH), &self.etag) {
            let mut reply = Response::new(Full::default());
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
            return reply;
        }
        let (body, encoding) = match (&self.brotli, &self.gzip) {
            (Some(brotli), _) if accepts(headers, "br") => (brotli.clone(), Some("br")),
            (_, Some(gzip)) if accepts(headers, "gzip") => (gzip.clone(), Some("gzip")),
            _ => (self.plain.clone(), None),
        };
        let mut reply = Response::new(Full::new(body));
        reply.headers_mut().insert(CONTENT_TYPE, self.kind.clone());
        if let Some(encoding) = encoding {
            reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        reply
    }
}

/// Whether the browser says that it has what this entity tag stands for.
pub(super) fn is_known(lines: GetAll<'_, HeaderValue>, etag: &HeaderValue) -> bool {
    lines.iter().any(|tags| {
        let tags = tags.to_str().unwrap_or_default();
        tags.split(',').any(|tag| opaque(tag.trim().as_bytes()) == opaque(etag.as_bytes()))
    })
}

/// An entity tag without its mark of weakness: RFC 9110 13.1.2 compares those.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Whether the browser takes this encoding: named, and not with a weight of zero.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts.any(|part| {
            part.strip_prefix("q=")
                .and_then(|weight| weight.parse::<f32>().ok())
                .is_some_and(|weight| weight <= 0.0)
        });
        named && !refused
    })
}

fn read(path: &Path) -> Result<Vec<u8>, AssetsError> {
    std::fs::read(path).map_err(|source| AssetsError::Read { path: path.to_owned(), source })
}

pub(super) const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
pub(super) const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";
const CACHE_BRIEFLY: &str = "public, max-age=3600, stale-while-revalidate=86400";

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, content: &str| {
            std::fs::write(directory.path().join(name), content).expect("written")
        };
        write(
            "manifest.json",
            r#"{"files":[{"name":"tag.ab12.wasm","type":"application/wasm","hashed":true,"sha384":"AAA"},
                {"name":"tag.js","type":"text/javascript","hashed":false,"sha384":"BBB"}]}"#,
        );
        write("tag.ab12.wasm", "plain");
        write("tag.ab12.wasm.br", "brotli");
        write("tag.ab12.wasm.gz", "gzip");
        write("tag.js", "script");
        directory
    }

    fn ask(path: &str, header: Option<(HeaderName, &'static str)>) -> Option<Reply> {
        let directory = directory();
        let assets = Assets::load(directory.path()).expect("assets");
        let headers =
            header.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        assets.answer(path, &headers)
    }

    #[test]
    fn the_best_encoding_the_browser_takes_is_sent() {
        let check = |accepted: &'static str, expected: Option<&str>| {
            let reply = ask("/tag.ab12.wasm", Some((ACCEPT_ENCODING, accepted))).expect("a file");
            let encoding =
                reply.headers().get(CONTENT_ENCODING).map(|value| value.to_str().expect("text").to_owned());
            assert_eq!(encoding.as_deref(), expected, "{accepted}");
            assert_eq!(reply.headers()[CONTENT_TYPE], "application/wasm");
            assert_eq!(reply.headers()[CORP], "cross-origin");
        };
        check("gzip, deflate, br", Some("br"));
        check("gzip, br;q=0", Some("gzip"));
        check("identity", None);
    }

    #[test]
    fn only_hashed_names_are_cached_for_good() {
        let cache = |path| ask(path, None).expect("a file").headers()[CACHE_CONTROL].clone();
        assert_eq!(cache("/tag.ab12.wasm"), CACHE_FOREVER);
        assert_eq!(cache("/tag.js"), CACHE_BRIEFLY);
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        for known in ["W/\"BBB\"", "\"BBB\"", "\"AAA\", W/\"BBB\""] {
            let reply = ask("/tag.js", Some((IF_NONE_MATCH, known))).expect("a file");
            assert_eq!(reply.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(reply.headers()[ETAG], "W/\"BBB\"", "one for every encoding");
        }
        let reply = ask("/tag.js", Some((IF_NONE_MATCH, "W/\"AAA\""))).expect("a file");
        assert_eq!(reply.status(), StatusCode::OK);
    }

    #[test]
    fn what_an_older_snippet_names_is_still_served() {
        let directory = directory();
        for name in ["tag.0123456789abcdef.js", "tag.cmp.0123456789abcdef.js"] {
            std::fs::write(directory.path().join(name), "older").expect("written");
            let assets = Assets::load(directory.path()).expect("assets");
            let reply = assets.answer(&format!("/{name}"), &HeaderMap::new()).expect("a file");
            assert_eq!(reply.headers()[CACHE_CONTROL], CACHE_FOREVER);
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for path in ["/manifest.json", "/../Cargo.toml", "/tag.ab12.wasm.br", "/"] {
            assert!(ask(path, None).is_none(), "{path}");
        }
    }
}

//! `snippet`: the few lines to paste into a site's pages, and the Content Security Policy they need.
//!
//! The tag's build leaves two files for this beside the tag: `snippet.js`, the inline script with placeholders, and
//! `manifest.json`, which names the hashed WASM file and its integrity. This file fills the one in from the other, and
//! writes what the configuration says of the site where each form of the snippet has a place for it: into the script's
//! attributes, into a script that sets them, or into the call of the npm package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::{Asking, Config, PageViews, Refusing, SiteTag};

/// Where it is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The head of every page.
    Page,
    /// Custom HTML of Google Tag Manager, which drops the attributes of scripts.
    TagManager,
    /// A program that imports the npm package.
    Package,
}

/// What to paste, and what else is to be done.
#[derive(Debug)]
pub(super) struct Snippet {
    /// HTML, or for the package a call.
    pub(super) text: String,
    /// Words about the policy, for people.
    pub(super) policy: String,
}

/// Why there is no snippet.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnippetError {
    /// No site of this key.
    #[error("there is no site `{key}`; known: {}", .known.join(", "))]
    UnknownSite {
        /// What was asked for.
        key: String,
        /// All there are.
        known: Vec<String>,
    },
    /// The tag has not been built, or lies elsewhere.
    #[error("{}: cannot be read ({source}); run `cargo xtask build`, or set `assets` under [tag]", .file.display())]
    NoAssets {
        /// The file that was looked for.
        file: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The manifest is not one.
    #[error("{}: not a manifest of the tag's build ({source}); run `cargo xtask build` again", .file.display())]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The manifest names something that cannot stand in a script.
    #[error("{}: `{key}` is not {expected}; run `cargo xtask build` again", .file.display())]
    Value {
        /// The manifest.
        file: PathBuf,
        /// The key.
        key: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// The template asks for something this program does not know.
    #[error("{}: unknown placeholder {placeholder}; build relay and tag from the same version", .file.display())]
    Placeholder {
        /// The template.
        file: PathBuf,
        /// The placeholder.
        placeholder: String,
    },
}

/// What the tag's build says about itself; other keys are for others.
#[derive(Debug, Deserialize)]
struct Manifest {
    /// Every file, with the hash of its content.
    files: Vec<File>,
    /// Name of the WebAssembly module, such as `tag.0123456789abcdef.wasm`.
    wasm: String,
    /// Name of the script that starts it, such as `tag.0123456789abcdef.js`.
    tag_js_hashed: String,
}

/// A file of the build.
#[derive(Debug, Deserialize)]
struct File {
    name: String,
    /// SHA-384 of the content, in base64.
    sha384: String,
}

impl Manifest {
    /// The hash of a file as browsers check it (Subresource Integrity); empty when the file is not listed.
    fn integrity(&self, name: &str) -> String {
        let file = self.files.iter().find(|file| file.name == name);
        file.map_or_else(String::new, |file| format!("sha384-{}", file.sha384))
    }
}

/// The snippet of one site.
pub(super) fn for_site(config: &Config, key: &str, form: Form) -> Result<Snippet, SnippetError> {
    let known = || config.sites.iter().map(|site| site.key.to_string()).collect();
    let site = config.sites.iter().find(|site| &*site.key == key);
    let site = site.ok_or_else(|| SnippetError::UnknownSite { key: key.to_owned(), known: known() })?;
    let (said, origin) = (said(&site.tag), config.server.public_url.origin().ascii_serialization());
    if form == Form::Package {
        return Ok(Snippet { text: init(&origin, key, &said), policy: policy_of_package(&origin) });
    }
    let (template, manifest) =
        (config.tag.assets.join("snippet.js"), config.tag.assets.join("manifest.json"));
    let (manifest, hashes) = manifest_of(&manifest)?;
    let values = [
        ("__ORIGIN__", origin.as_str()),
        ("__SITE__", key),
        ("__WASM__", &manifest.wasm),
        ("__WASM_INTEGRITY__", &hashes.wasm),
        ("__TAG__", &manifest.tag_js_hashed),
        ("__TAG_INTEGRITY__", &hashes.tag),
    ];
    let script = filled(read(&template)?.trim(), &values)
        .map_err(|placeholder| SnippetError::Placeholder { file: template, placeholder })?;
    let files = [(&*manifest.tag_js_hashed, &*hashes.tag), (&*manifest.wasm, &*hashes.wasm)];
    if form == Form::TagManager {
        let outer = maker(&script, &said);
        let policy = policy(&[&outer, &script], &origin, &files);
        return Ok(Snippet { text: format!("<script>{outer}</script>"), policy });
    }
    let attributes: String = said.iter().map(Said::attribute).collect();
    let text = format!("<script{attributes}>{script}</script>");
    Ok(Snippet { text, policy: policy(&[&script], &origin, &files) })
}

/// One thing that the configuration says of a site's tag, as a script's attribute and as a setting of the package.
struct Said {
    name: &'static str,
    /// `None`: that it is there says all.
    value: Option<String>,
    setting: String,
}

impl Said {
    fn attribute(&self) -> String {
        match &self.value {
            None => format!(" {}", self.name),
            Some(value) => format!(" {}=\"{value}\"", self.name),
        }
    }
}

/// What the script element says of the site; the script hands it on to the tag's.
fn said(tag: &SiteTag) -> Vec<Said> {
    let mut said = Vec::new();
    if !tag.parts.is_empty() || tag.consent == Asking::Regional {
        said.push(Said { name: "data-parts", value: None, setting: "parts: true".to_owned() });
    }
    let mut say = |name, value: &str, setting| {
        said.push(Said { name, value: Some(value.to_owned()), setting });
    };
    if tag.consent != Asking::Granted {
        say("data-consent", "required", "consent: \"required\"".to_owned());
    }
    if tag.signals != [Refusing::Gpc] {
        let name = |signal: &Refusing| match signal {
            Refusing::Gpc => "gpc",
            Refusing::Dnt => "dnt",
        };
        let names = tag.signals.iter().map(name).collect::<Vec<_>>().join(" ");
        say("data-signals", &names, format!("signals: \"{names}\""));
    }
    let views = match tag.page_views {
        PageViews::History => None,
        PageViews::Hash => Some(("hash", "hash")),
        PageViews::Load => Some(("load", "load")),
        PageViews::Off => Some(("false", "off")),
    };
    if let Some((value, setting)) = views {
        say("data-auto-page", value, format!("pageViews: \"{setting}\""));
    }
    said
}

/// The call by which the npm package loads the tag.
fn init(origin: &str, key: &str, said: &[Said]) -> String {
    let settings: String = said.iter().map(|said| format!(", {}", said.setting)).collect();
    format!("init({{ relay: {}, site: {}{settings} }});", json!(origin), json!(key))
}

/// A script that makes the snippet's, with its attributes: whatever becomes of its own, those are there. It keeps to ECMAScript
/// 5, the least that a tag manager takes; the snippet itself is a text to it. In that text no `<` can end the script, and no two
/// braces are taken for a variable of the tag manager.
fn maker(script: &str, said: &[Said]) -> String {
    let attribute = |said: &Said| {
        let value = said.value.as_deref().unwrap_or_default();
        format!("  script.setAttribute({}, {});\n", json!(said.name), json!(value))
    };
    let attributes: String = said.iter().map(attribute).collect();
    let text = json!(script).to_string().replace('<', "\\u003c").replace("{{", "{\\u007b");
    format!(
        "
(function () {{
  var script = document.createElement(\"script\"), own = document.currentScript;
  if (own && own.nonce) script.nonce = own.nonce;
{attributes}  script.text = {text};
  document.head.appendChild(script);
}})();
"
    )
}

fn read(file: &Path) -> Result<String, SnippetError> {
    fs::read_to_string(file).map_err(|source| SnippetError::NoAssets { file: file.to_owned(), source })
}

/// Integrity of the two files that the snippet fetches.
struct Hashes {
    wasm: String,
    tag: String,
}

/// The manifest and its hashes, all values fit to stand between quotes in a script.
fn manifest_of(file: &Path) -> Result<(Manifest, Hashes), SnippetError> {
    let manifest: Manifest = serde_json::from_str(&read(file)?)
        .map_err(|source| SnippetError::Manifest { file: file.to_owned(), source })?;
    let check = |key, value: &str, marks: &[u8], expected| {
        let fits =
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || marks.contains(&b));
        if fits { Ok(()) } else { Err(SnippetError::Value { file: file.to_owned(), key, expected }) }
    };
    let hashes =
        Hashes { wasm: manifest.integrity(&manifest.wasm), tag: manifest.integrity(&manifest.tag_js_hashed) };
    check("wasm", &manifest.wasm, b".-_", "a file name")?;
    check("tag_js_hashed", &manifest.tag_js_hashed, b".-_", "a file name")?;
    check("sha384 of the wasm file", &hashes.wasm, b"-+/=", "an integrity hash")?;
    check("sha384 of the tag_js_hashed file", &hashes.tag, b"-+/=", "an integrity hash")?;
    Ok((manifest, hashes))
}

/// The template with its placeholders filled in, or the first that nobody knows.
fn filled(template: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let script = values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value));
    match placeholder(template, values) {
        Some(unknown) => Err(unknown),
        None => Ok(script),
    }
}

/// The first `__NAME__` of a template that has no value.
fn placeholder(template: &str, values: &[(&str, &str)]) -> Option<String> {
    let words = template.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    let marked = |word: &&str| word.len() > 4 && word.starts_with("__") && word.ends_with("__");
    words.filter(marked).find(|word| values.iter().all(|(name, _)| name != word)).map(str::to_owned)
}

/// What a policy must allow, and what is fetched with which integrity. `scripts` are the inline ones: the snippet's, and before it
/// the one that makes it where there is one.
fn policy(scripts: &[&str], origin: &str, files: &[(&str, &str)]) -> String {
    let hash = |script: &&str| format!("'sha256-{}'", base64(&Sha256::digest(script.as_bytes())));
    let hashes = scripts.iter().map(hash).collect::<Vec<_>>().join(" ");
    let files: String = files.iter().map(|(name, integrity)| format!("\n  {name}  {integrity}")).collect();
    let inline = match scripts {
        [_] => {
            "\
The hash allows the inline script exactly as printed; a changed character needs a new one. With nonces, leave the hash out and"
        }
        _ => {
            "\
The first hash is that of the printed script and fits only as long as the tag manager changes nothing in it; the second is that
of the script it makes. Attributes that you add change the first alone. With nonces, leave the hashes out and"
        }
    };
    let trusted = trusted_types(origin, scripts.len() > 1);
    format!(
        "\
If the pages have a Content-Security-Policy, add to it:
  script-src 'wasm-unsafe-eval' {origin} {hashes};
  connect-src {origin};
{inline}
write the page's nonce on the script, <script nonce=\"…\">: it hands the nonce on to what it loads. Beside 'strict-dynamic'
browsers pass over {origin} in script-src, and need no more than the hash or the nonce.
Parts of the tag and the overlay (?anytrack_debug=1) need nothing else, and no other directive is used. Without
'wasm-unsafe-eval' a fallback runs that hashes less, and no overlay. Without connect-src nothing is sent.
{trusted}
The snippet has the integrity of the files it loads, and browsers check it:{files}"
    )
}

/// The same for the package, which has no inline script.
fn policy_of_package(origin: &str) -> String {
    format!(
        "\
Print it again after a change of [site.tag]: only this call brings the settings into the pages.
If the pages have a Content-Security-Policy, add to it:
  script-src 'wasm-unsafe-eval' {origin};
  connect-src {origin};
With nonces, give the call the page's as `nonce`; beside 'strict-dynamic' browsers pass over {origin} in script-src.
With require-trusted-types-for 'script', the call makes the policy `anytrack`, which passes the tag's address alone: where there is a
trusted-types directive, name it there. Beside a default policy of the page it makes none, and that one's
createScriptURL lets addresses below {origin}/ pass."
    )
}

/// What a page needs that takes nothing but trusted types for scripts (<https://w3c.github.io/trusted-types/dist/spec/>, "Default
/// policy"; tried in Chromium, where `import()` asks for none, 2026-11-28). Which addresses it trusts is the page's own to say, so the
/// snippet makes no policy. `made` says that a script makes the snippet's out of a text.
fn trusted_types(origin: &str, made: bool) -> String {
    let text = if made { ", and its createScript the text of the second script" } else { "" };
    format!(
        "\
With require-trusted-types-for 'script', the page makes a default policy (trustedTypes.createPolicy) before the tag is loaded, whose
createScriptURL lets addresses below {origin}/ pass{text}. Without it no tag is loaded."
    )
}

/// Base64 with padding (RFC 4648, section 4), as a policy wants its hashes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_specification() {
        // RFC 4648, section 10.
        let check = |text: &str, expected| assert_eq!(base64(text.as_bytes()), expected);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foob", "Zm9vYg==");
        check("fooba", "Zm9vYmE=");
        check("foobar", "Zm9vYmFy");
    }

    #[test]
    fn the_policy_holds_the_hash_of_the_script() {
        // The example of Content Security Policy Level 3, section 8.2.1: `alert('Hello, world.');`
        let files = [("tag.1.js", "sha384-abc")];
        let policy = policy(&["alert('Hello, world.');"], "https://t.shop.example", &files);
        for part in ["'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='", "tag.1.js  sha384-abc"] {
            assert!(policy.contains(part), "{policy}");
        }
    }

    #[test]
    fn pages_that_want_trusted_types_are_told_what_they_need() {
        let policy = |scripts: &[&str]| policy(scripts, "https://t.shop.example", &[]);
        let (page, manager) = (policy(&["a()"]), policy(&["b()", "a()"]));
        for text in [&page, &manager, &policy_of_package("https://t.shop.example")] {
            assert!(text.contains("require-trusted-types-for 'script'"), "{text}");
            assert!(
                text.contains("createScriptURL lets addresses below https://t.shop.example/ pass"),
                "{text}"
            );
        }
        assert!(policy_of_package("https://t.shop.example").contains("the policy `anytrack`"));
        // Only that form puts a text into a script.
        assert_eq!((page.contains("createScript "), manager.contains("createScript ")), (false, true));
    }

    #[test]
    fn a_script_that_makes_another_holds_it_as_a_text() {
        let said = [Said { name: "data-parts", value: None, setting: String::new() }];
        let script = r#"f("</script>", {{a: 1}}, {{{}}}, /\p{L}/u)"#;
        let made = maker(script, &said);
        assert!(!made.contains("</") && !made.contains("{{"), "{made}");
        assert!(made.contains("  script.setAttribute(\"data-parts\", \"\");\n"), "{made}");
        let (_, rest) = made.split_once("script.text = ").expect("a text");
        let text = rest.lines().next().and_then(|line| line.strip_suffix(';')).expect("one line");
        assert_eq!(serde_json::from_str::<String>(text).expect("a text of JSON"), script);
    }

    #[test]
    fn placeholders_are_filled_or_named() {
        let values = [("__SITE__", "shop"), ("__WASM__", "tag.1.wasm")];
        let check = |template, expected: Result<&str, &str>| {
            let read = filled(template, &values);
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{template}");
        };
        check("f('__SITE__','/__WASM__')", Ok("f('shop','/tag.1.wasm')"));
        check("f('__SITE__','__ELSE__')", Err("__ELSE__"));
        check("a.__b__; window.__at; ____", Ok("a.__b__; window.__at; ____"));
    }
}

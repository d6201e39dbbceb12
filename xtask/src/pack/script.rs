//! Putting the JavaScript together: the tag, the stub before it, and the template for the snippet, which has the stub.
//!
//! With esbuild the modules are bundled and minified. Without node they are put one after the other, which works
//! because no two of them use a name twice; a test below holds them to that. Owns `module.js`, the
//! file between the loader and wasm-bindgen's glue.

use std::path::Path;

use crate::Result;
use crate::machine::{self, at};
use crate::pack::{Short, files, parts};
use crate::setup::Packers;

/// The modules of each file, in the order in which they need one another.
const TAG: [&str; 10] = [
    "helpers.js",
    "host.js",
    "clean.js",
    "person.js",
    "scrub.js",
    "tag.js",
    "rules.js",
    "tag_bg.js",
    "module.js",
    "entry.js",
];
const STUB: [&str; 2] = ["stub.js", "alone.js"];
const SNIPPET: [&str; 2] = ["stub.js", "snippet.js"];

/// What the loader takes of the module, in the order in which `rules.js` does.
const EXPORTS: [&str; 5] = ["memory", "question", "absorb", "sift", "hash"];

/// What was built.
pub(crate) struct Scripts {
    /// The tag, for pages whose snippet has the stub.
    pub(crate) tag: String,
    /// The stub, which stands before the tag in `tag.js`, for pages without the snippet.
    pub(crate) stub: String,
    /// The snippet's template.
    pub(crate) snippet: String,
    /// The hashed file name of the module.
    pub(crate) wasm_name: String,
    /// The parts, by name.
    pub(crate) parts: Vec<(String, String)>,
}

/// Builds both files from `tag/js` and wasm-bindgen's output in `folder`.
pub(crate) fn build(folder: &Path, short: &Short, packers: Option<&Packers>) -> Result<Scripts> {
    for path in machine::files(&at("tag/js")) {
        if path.parent() == Some(&at("tag/js")) && path.extension().is_some_and(|extension| extension == "js")
        {
            let name = path.file_name().unwrap_or_default();
            machine::write(&folder.join(name), machine::read(&path)?)?;
        }
    }
    let wasm_name = files::hashed_name("tag", "wasm", &short.bytes);
    let entry = folder.join("entry.js");
    machine::write(&entry, machine::read_text(&entry)?.replace("__WASM_FILE__", &wasm_name))?;
    let glue = folder.join("tag_bg.js");
    machine::write(&glue, shorten(&machine::read_text(&glue)?, short))?;
    machine::write(&folder.join("module.js"), connector(short))?;
    Ok(Scripts {
        tag: join(folder, "entry.js", &TAG, packers)?,
        stub: join(folder, "alone.js", &STUB, packers)?,
        snippet: join(folder, "snippet.js", &SNIPPET, packers)?,
        parts: parts::build(folder, packers)?,
        wasm_name,
    })
}

/// wasm-bindgen's glue with the module's short export names.
fn shorten(glue: &str, short: &Short) -> String {
    let mut text = glue.to_owned();
    for (name, shorter) in &short.exports {
        text = replace_word(&text, &format!("wasm.{name}"), &format!("wasm.{shorter}"));
    }
    text
}

/// Replaces `word` where no letter, digit or underscore follows it.
fn replace_word(text: &str, word: &str, with: &str) -> String {
    let mut parts = text.split(word);
    let mut replaced = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let goes_on = part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$');
        replaced.push_str(if goes_on { word } else { with });
        replaced.push_str(part);
    }
    replaced
}

/// `module.js`: the import object, and what the loader takes of the module, under its short names. Nothing but numbers
/// goes through the calls, so wasm-bindgen's own wrappers around them would only pass these on. Its glue is needed
/// where the module imports from it, as it does with the prebuilt standard library: a table for objects, left empty.
fn connector(short: &Short) -> String {
    let named = |name: &str| format!("wasm.{}", short.exports.get(name).map_or(name, String::as_str));
    let exports = EXPORTS.map(named).join(", ");
    if short.imports.is_empty() {
        return format!(
            "export const imports = undefined;\nexport const exportsOf = (wasm) => [{exports}];\n"
        );
    }
    let members: Vec<String> =
        short.imports.iter().map(|(shorter, _, name)| format!("{shorter}: {name}")).collect();
    let names: Vec<&str> = short.imports.iter().map(|(_, _, name)| name.as_str()).collect();
    let start = if short.exports.contains_key("__wbindgen_start") {
        format!("{}();", named("__wbindgen_start"))
    } else {
        String::new()
    };
    format!(
        "import {{ __wbg_set_wasm, {} }} from \"./tag_bg.js\";\n\
         export const imports = {{ a: {{ {} }} }};\n\
         export const exportsOf = (wasm) => {{ __wbg_set_wasm(wasm); {start} return [{exports}]; }};\n",
        names.join(", "),
        members.join(", "),
    )
}

/// One file out of several modules.
fn join(folder: &Path, entry: &str, modules: &[&str], packers: Option<&Packers>) -> Result<String> {
    let Some(packers) = packers else {
        let mut parts = String::new();
        for module in modules {
            parts.push_str(&plain(&machine::read_text(&folder.join(module))?));
        }
        return Ok(format!("(()=>{{{parts}}})();\n"));
    };
    let out = folder.join(entry.replace(".js", ".min.js"));
    bundle(&folder.join(entry), "iife", &out, packers)
}

/// A module and what it imports as one minified file, written to `out`.
pub(crate) fn bundle(entry: &Path, format: &str, out: &Path, packers: &Packers) -> Result<String> {
    let arguments = [
        entry.display().to_string(),
        "--bundle".to_owned(),
        "--minify".to_owned(),
        format!("--format={format}"),
        // Every browser with reference types in WebAssembly has it; others run the lite part or nothing.
        "--target=es2020".to_owned(),
        "--log-level=warning".to_owned(),
        format!("--outfile={}", out.display()),
    ];
    machine::run(&packers.esbuild, arguments).done()?;
    machine::read_text(out)
}

/// A module as a piece of a script: no imports, exports, comment lines or indentation.
pub(crate) fn plain(module: &str) -> String {
    let mut text = String::new();
    let mut comment = false;
    for line in module.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        let skip = comment || line.is_empty() || line.starts_with("//") || line.starts_with("import ");
        comment &= !line.ends_with("*/");
        if !skip {
            // A part's `export default` stands in the file that is imported, and stays.
            let inner = line.strip_prefix("export ").filter(|line| !line.starts_with("default "));
            text.push_str(inner.unwrap_or(line));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names a module has at its top.
    fn top_names(text: &str) -> Vec<String> {
        let declared = text.lines().filter_map(|line| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            ["const ", "let ", "function ", "async function "]
                .into_iter()
                .find_map(|word| line.strip_prefix(word))
        });
        // One name, or several in square brackets.
        let words = |rest: &str| -> Vec<String> {
            let (names, several) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((names, _)) => (names, usize::MAX),
                None => (rest, 1),
            };
            names
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))
                .filter(|word| !word.is_empty())
                .take(several)
                .map(str::to_owned)
                .collect()
        };
        declared.flat_map(words).collect()
    }

    #[test]
    fn no_two_modules_use_a_name_twice() {
        let mut seen = Vec::new();
        for module in TAG.iter().filter(|module| !matches!(**module, "tag_bg.js" | "module.js")) {
            let names = top_names(&machine::read_text(&at("tag/js").join(module)).expect("a module"));
            assert!(!names.is_empty() || *module == "entry.js", "{module}");
            for name in names {
                assert!(!seen.contains(&name), "{module} declares {name} again");
                seen.push(name);
            }
        }
    }

    #[test]
    fn a_word_is_replaced_only_as_a_whole() {
        let text = "wasm.a(); wasm.ab(); x = wasm.a;";
        assert_eq!(replace_word(text, "wasm.a", "wasm.z"), "wasm.z(); wasm.ab(); x = wasm.z;");
    }

    #[test]
    fn a_module_becomes_a_piece_of_a_script() {
        let module = "// Header.\nimport { a } from \"./a.js\";\n\n/** Two\n * lines. */\nexport const b = a;\n  b();\n";
        assert_eq!(plain(module), "const b = a;\nb();\n");
        assert_eq!(plain("export default (tag) => {};\n"), "export default (tag) => {};\n");
    }

    #[test]
    fn the_glue_and_the_connector_take_the_short_names() {
        let exports = [("memory".to_owned(), "a".to_owned()), ("hash".to_owned(), "b".to_owned())].into();
        let mut short = Short { bytes: Vec::new(), imports: Vec::new(), exports };
        assert_eq!(shorten("wasm.hash(x);\n", &short), "wasm.b(x);\n");
        let list = "[wasm.a, wasm.question, wasm.absorb, wasm.sift, wasm.b]";
        let expected =
            format!("export const imports = undefined;\nexport const exportsOf = (wasm) => {list};\n");
        assert_eq!(connector(&short), expected);
        short.imports = vec![("c".to_owned(), "./tag_bg.js".to_owned(), "table".to_owned())];
        short.exports.insert("__wbindgen_start".to_owned(), "d".to_owned());
        let expected = format!(
            "import {{ __wbg_set_wasm, table }} from \"./tag_bg.js\";\n\
             export const imports = {{ a: {{ c: table }} }};\n\
             export const exportsOf = (wasm) => {{ __wbg_set_wasm(wasm); wasm.d(); return {list}; }};\n"
        );
        assert_eq!(connector(&short), expected);
    }
}

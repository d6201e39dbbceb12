//! Putting the JavaScript together: the tag, the stub before it, and the template for the snippet, which has the stub.
//!
//! With esbuild the modules are bundled and minified, and with terser once more. Without node they are put one after the other, which works
//! because no two of them use a name twice; a test below holds them to that. Owns `module.js`, which knows
//! the short names in the module. wasm-bindgen's own glue has nothing to do: only numbers go through the calls.

use std::path::Path;

use crate::Result;
use crate::machine::{self, at};
use crate::pack::{Short, files, parts, registry};
use crate::setup::Packers;

/// The modules of each file, in the order in which they need one another.
const TAG: [&str; 9] = [
    "helpers.js",
    "host.js",
    "clean.js",
    "person.js",
    "scrub.js",
    "tag.js",
    "rules.js",
    "module.js",
    "entry.js",
];
const STUB: [&str; 2] = ["stub.js", "alone.js"];
const SNIPPET: [&str; 2] = ["stub.js", "snippet.js"];
const PLAIN: [&str; 3] = ["helpers.js", "registry.js", "plain.js"];

/// What the loader takes of the module, in the order in which `rules.js` does.
const TAKEN: [&str; 5] = ["memory", "question", "absorb", "sift", "hash"];

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
    /// The rules for pages that forbid WebAssembly, and their hashed file name.
    pub(crate) plain: String,
    pub(crate) plain_name: String,
    /// The parts, by name.
    pub(crate) parts: Vec<(String, String)>,
}

/// Builds them from `tag/js` in `folder`, for this module.
pub(crate) fn build(folder: &Path, module: &Short, packers: Option<&Packers>) -> Result<Scripts> {
    for path in machine::files(&at("tag/js")) {
        if path.parent() == Some(&at("tag/js")) && path.extension().is_some_and(|extension| extension == "js")
        {
            let name = path.file_name().unwrap_or_default();
            machine::write(&folder.join(name), machine::read(&path)?)?;
        }
    }
    machine::write(&folder.join("registry.js"), registry::module())?;
    let plain = match packers {
        Some(packers) => bundle(&folder.join("plain.js"), "esm", &folder.join("plain.min.js"), packers)?,
        None => one_after_another(folder, &PLAIN)?,
    };
    // One hash for the two that stand for each other: the tag has to know only one name.
    let wasm_name = files::hashed_name("tag", "wasm", &[&module.bytes, plain.as_bytes()].concat());
    let entry = folder.join("entry.js");
    let named = machine::read_text(&entry)?.replace("__WASM_FILE__", &wasm_name);
    machine::write(&entry, named)?;
    machine::write(&folder.join("module.js"), connector(module))?;
    Ok(Scripts {
        tag: join(folder, "entry.js", &TAG, packers)?,
        stub: join(folder, "alone.js", &STUB, packers)?,
        snippet: join(folder, "snippet.js", &SNIPPET, packers)?,
        parts: parts::build(folder, packers)?,
        plain_name: format!("{wasm_name}.js"),
        wasm_name,
        plain,
    })
}

/// `module.js`: what the module imports, and what the loader takes of it, under its short names. The prebuilt standard
/// library has it import a function that makes a table for objects. No object goes through a call, so it is never called,
/// and any function serves.
fn connector(module: &Short) -> String {
    let name = |name: &&str| format!("wasm.{}", module.exports.get(*name).map_or(*name, String::as_str));
    let taken = TAKEN.iter().map(name).collect::<Vec<_>>().join(", ");
    let members: Vec<String> = module.imports.iter().map(|name| format!("{name}() {{}}")).collect();
    let imports = if members.is_empty() {
        "undefined".to_owned()
    } else {
        format!("{{ a: {{ {} }} }}", members.join(", "))
    };
    format!("export const imports = {imports};\nexport const functionsOf = (wasm) => [{taken}];\n")
}

/// One script out of several modules.
fn join(folder: &Path, entry: &str, modules: &[&str], packers: Option<&Packers>) -> Result<String> {
    let Some(packers) = packers else {
        return Ok(format!("(()=>{{{}}})();\n", one_after_another(folder, modules)?));
    };
    let out = folder.join(entry.replace(".js", ".min.js"));
    bundle(&folder.join(entry), "iife", &out, packers)
}

fn one_after_another(folder: &Path, modules: &[&str]) -> Result<String> {
    modules.iter().map(|module| Ok(plain(&machine::read_text(&folder.join(module))?))).collect()
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
    let path = out.display().to_string();
    // Once more: 4 % less compressed.
    let mut again = vec![&*path, "--ecma", "2020", "--compress", "passes=3", "--mangle", "--output", &*path];
    if format == "esm" {
        again.push("--module");
    }
    machine::run(&packers.terser, again).done()?;
    machine::read_text(out)
}

/// A module as a piece of a file: no imports, comment lines or indentation, and of exports only the one it is for.
pub(crate) fn plain(module: &str) -> String {
    let mut text = String::new();
    let (mut comment, mut import) = (false, false);
    for line in module.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        import |= line.starts_with("import ");
        let skip = comment || import || line.is_empty() || line.starts_with("//");
        comment &= !line.ends_with("*/");
        import &= !line.ends_with(';');
        if !skip {
            // The `export default` of a file that is imported stays.
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
        let made = |module: &&&str| !matches!(**module, "module.js" | "registry.js");
        for modules in [&TAG[..], &PLAIN] {
            for module in modules.iter().filter(made) {
                let names = top_names(&machine::read_text(&at("tag/js").join(module)).expect("a module"));
                assert!(!names.is_empty() || *module == "entry.js", "{module}");
                for name in names {
                    assert!(!seen.contains(&name), "{module} declares {name} again");
                    seen.push(name);
                }
            }
            seen.clear();
        }
    }

    #[test]
    fn a_module_becomes_a_piece_of_a_script() {
        let module = "// Header.\nimport {\n  a,\n} from \"./a.js\";\n\n/** Two\n * lines. */\nexport const b = a;\n  b();\nexport default b;\n";
        assert_eq!(plain(module), "const b = a;\nb();\nexport default b;\n");
    }

    #[test]
    fn the_connector_takes_the_short_names() {
        let check = |imports: &[&str], expected: &str| {
            let exports = [("memory", "a"), ("sift", "d")];
            let module = Short {
                bytes: Vec::new(),
                imports: imports.iter().map(|name| (*name).to_owned()).collect(),
                exports: exports.map(|(name, short)| (name.to_owned(), short.to_owned())).into(),
            };
            let text = format!(
                "export const imports = {expected};\n\
                 export const functionsOf = (wasm) => [wasm.a, wasm.question, wasm.absorb, wasm.d, wasm.hash];\n"
            );
            assert_eq!(connector(&module), text);
        };
        check(&[], "undefined");
        check(&["a", "b"], "{ a: { a() {}, b() {} } }");
    }
}

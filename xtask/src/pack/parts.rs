//! The parts of the tag that only some sites load: ES modules, each one file.
//!
//! Every file right below `tag/js/parts` is a part, called as the file is; what it imports lies in a folder beside it, or is a
//! file of the tag's. With esbuild it is bundled and minified. Without node the modules are put one after the other, what
//! is imported first, which works because imports stand on one line each and no two modules of a part use a name twice.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::machine::{self, at};
use crate::pack::script;
use crate::setup::Packers;

/// Builds every part and answers each with its name, in the order of the names.
pub(crate) fn build(folder: &Path, packers: Option<&Packers>) -> Result<Vec<(String, String)>> {
    let home = at("tag/js/parts");
    let mut parts = Vec::new();
    for path in machine::files(&home).into_iter().filter(|path| path.parent() == Some(&home)) {
        let Some(name) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { continue };
        let script = match packers {
            Some(packers) => {
                script::bundle(&path, "esm", &folder.join(format!("{name}.part.min.js")), packers)?
            }
            None => joined(&path, &mut Vec::new())?,
        };
        parts.push((name, script));
    }
    Ok(parts)
}

/// A module after those it imports, each once.
fn joined(path: &Path, seen: &mut Vec<PathBuf>) -> Result<String> {
    let mut text = String::new();
    if seen.iter().any(|known| known == path) {
        return Ok(text);
    }
    seen.push(path.to_owned());
    let module = machine::read_text(path)?;
    for relative in module.lines().filter_map(imported) {
        text.push_str(&joined(&beside(path, relative), seen)?);
    }
    text.push_str(&script::plain(&module));
    Ok(text)
}

/// The file an import line names.
fn imported(line: &str) -> Option<&str> {
    line.strip_prefix("import ")?.split_once(" from \"")?.1.strip_suffix("\";")
}

/// The file that `relative` names in the module at `path`.
fn beside(path: &Path, relative: &str) -> PathBuf {
    let mut found = path.parent().unwrap_or(path).to_owned();
    for step in relative.split('/').filter(|step| *step != ".") {
        if step == ".." {
            found.pop();
        } else {
            found.push(step);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_names_a_file() {
        assert_eq!(imported("import { a, b } from \"./cmp/a.js\";"), Some("./cmp/a.js"));
        assert_eq!(imported("import(x)"), None);
        let check = |relative: &str, expected: &str| {
            assert_eq!(beside(Path::new("/js/parts/cmp.js"), relative), Path::new(expected));
        };
        check("./cmp/a.js", "/js/parts/cmp/a.js");
        check("../host.js", "/js/host.js");
    }

    #[test]
    fn what_is_imported_stands_first_and_once() {
        let home = at("tag/js/parts");
        for path in machine::files(&home).into_iter().filter(|path| path.parent() == Some(&home)) {
            let script = joined(&path, &mut Vec::new()).expect("a part");
            assert_eq!(script.matches("export default ").count(), 1, "{}", path.display());
            assert!(!script.contains("import "), "{}", path.display());
        }
    }
}

//! Packing the tag: from Rust and JavaScript to the files the relay serves.
//!
//! Owns the order of the steps and the folder in between (`target/tag-pack`). The steps: `compile` the crate, let wasm-bindgen `bind` it, cut out what cannot run and shorten names (`module`), put the JavaScript together
//! (`script`) and the parts that only some sites load (`parts`), compress and describe (`files`). Leaves finding the programs to `setup`.

mod compile;
mod files;
mod module;
mod overlay;
mod parts;
mod registry;
mod script;

use std::collections::BTreeMap;

pub(crate) use files::Manifest;
pub(crate) use script::bundle;
use wasm_bindgen_cli_support::Bindgen;

use crate::machine::{self, at};
use crate::setup::{Packers, Toolchain};
use crate::{Error, Result};

/// What the wasm-opt program is told: smaller until nothing changes, once more after taking the control flow apart,
/// the functions in an order that compresses, and which features the compiler uses. Below address 1,024 there is only
/// the last of the stack, which grows down to 0, so addresses may be folded into the instructions that use them.
const OPTIMISE: [&str; 19] = [
    "--low-memory-unused",
    "-Oz",
    "--converge",
    "--flatten",
    "--rereloop",
    "-Oz",
    "--converge",
    "--reorder-functions",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-call-indirect-overlong",
];

/// Packs the tag into `dist/tag`.
pub(crate) fn pack(toolchain: Toolchain, packers: Option<&Packers>) -> Result {
    let folder = at("target/tag-pack");
    machine::empty(&folder)?;
    let module = small(toolchain, packers, &folder)?;
    let mut built = script::build(&folder, &module, packers)?;
    let overlay = overlay::build(toolchain, packers, &folder)?;
    for (_, part) in &mut built.parts {
        *part = overlay.named(part);
    }
    files::write(&built, &module.bytes, &overlay)
}

/// The tag's module, as small as it gets.
fn small(toolchain: Toolchain, packers: Option<&Packers>, folder: &std::path::Path) -> Result<Short> {
    let compiled = compile::compile(toolchain, "tag")?;
    bind(&compiled, folder, "tag")?;
    let bound = folder.join("tag_bg.wasm");
    machine::write(&bound, module::without_panics(&machine::read(&bound)?)?)?;
    if let Some(packers) = packers {
        let path = bound.display().to_string();
        let arguments = OPTIMISE.iter().copied().chain([path.as_str(), "-o", path.as_str()]);
        machine::run(&packers.wasm_opt, arguments).done()?;
    }
    module::with_short_names(&machine::read(&bound)?)
}

/// Lets wasm-bindgen write `NAME_bg.wasm`. Names stay in the module for the next step.
fn bind(compiled: &std::path::Path, folder: &std::path::Path, name: &str) -> Result {
    let fail = |error: &dyn std::fmt::Display| Error::Bind { reason: error.to_string() };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).out_name(name).typescript(false).remove_producers_section(true);
    bindgen.bundler(true).map_err(|error| fail(&error))?;
    bindgen.generate(folder).map_err(|error| fail(&error))
}

/// A module with short names, and what they stand for.
pub(crate) struct Short {
    /// The module.
    pub(crate) bytes: Vec<u8>,
    /// The short names of its imports.
    pub(crate) imports: Vec<String>,
    /// Exports: name before, short name.
    pub(crate) exports: BTreeMap<String, String>,
}

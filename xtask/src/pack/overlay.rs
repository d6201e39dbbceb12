//! The debug overlay: its module, and wasm-bindgen's glue to it.
//!
//! Built like the tag, by the same compiler and the same wasm-bindgen, into two files of its own that the part `debug`
//! fetches. Here objects go through the calls, so the glue is wasm-bindgen's whole one and stays as it is.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use crate::machine;
use crate::pack::{OPTIMISE, compile, files, script};
use crate::setup::{Packers, Toolchain};
use crate::{Error, Result};

/// The two files, each with its hashed name.
pub(crate) struct Overlay {
    /// The module.
    pub(crate) wasm: (String, Vec<u8>),
    /// The glue.
    pub(crate) glue: (String, String),
}

impl Overlay {
    /// A part's text with the names of the files in their places.
    pub(crate) fn named(&self, part: &str) -> String {
        part.replace("__OVERLAY_JS__", &self.glue.0).replace("__OVERLAY_WASM__", &self.wasm.0)
    }
}

/// Builds both in `folder`.
pub(crate) fn build(toolchain: Toolchain, packers: Option<&Packers>, folder: &Path) -> Result<Overlay> {
    let compiled = compile::compile(toolchain, "inspect")?;
    let fail = |error: &dyn std::fmt::Display| Error::Bind { reason: error.to_string() };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).out_name("overlay").typescript(false).omit_default_module_path(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.web(true).map_err(|error| fail(&error))?;
    bindgen.generate(folder).map_err(|error| fail(&error))?;
    let (module, glue) = (folder.join("overlay_bg.wasm"), folder.join("overlay.js"));
    let text = match packers {
        Some(packers) => {
            let path = module.display().to_string();
            let arguments = OPTIMISE.iter().copied().chain([path.as_str(), "-o", path.as_str()]);
            machine::run(&packers.wasm_opt, arguments).done()?;
            script::bundle(&glue, "esm", &folder.join("overlay.min.js"), packers)?
        }
        None => machine::read_text(&glue)?,
    };
    let bytes = machine::read(&module)?;
    Ok(Overlay {
        wasm: (files::hashed_name("tag.overlay", "wasm", &bytes), bytes),
        glue: (files::hashed_name("tag.overlay", "js", text.as_bytes()), text),
    })
}

//! Compiling a crate for the browser, with either toolchain: the tag's, and the overlay's.

use std::path::PathBuf;

use crate::Result;
use crate::machine::{self, at};
use crate::setup::Toolchain;

/// SHA-256 without unrolled rounds: 0.6 kB less compressed, and still under 10 µs for an address.
const COMPACT_SHA: &str = "--cfg sha2_backend=\"soft\" --cfg sha2_backend_soft=\"compact\"";

/// No reference types: nothing but numbers goes through the module's calls, so wasm-bindgen's table for objects would
/// stay empty. The prebuilt standard library was compiled with them, and wasm-bindgen does not take half of each.
const NO_OBJECTS: &str = "-Ctarget-feature=-reference-types";

/// "z" by itself inlines next to nothing, and a call takes more bytes than many of the rules' small functions. Measured,
/// compressed: 200 bytes less than with a threshold of 25; above 130 nothing changes.
const INLINE: &str = "-Cllvm-args=-inline-threshold=150";

/// A panic stops the module at once instead of writing a text nobody reads: a fifth less compressed. The standard
/// library is built along, because the prebuilt one writes the text. Inlining before LLVM takes another 2 %.
const ABORT_AT_ONCE: &str =
    "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none -Zmir-opt-level=3";

/// Compiles a crate and answers where the module is.
pub(crate) fn compile(toolchain: Toolchain, package: &str) -> Result<PathBuf> {
    let module = |folder: &str| at(folder).join(format!("wasm32-unknown-unknown/tag/{package}.wasm"));
    let common = ["build", "--package", package, "--profile", "tag", "--target", "wasm32-unknown-unknown"];
    match toolchain {
        Toolchain::Rustup => {
            machine::run("cargo", common).with("RUSTFLAGS", &format!("{COMPACT_SHA} {INLINE}")).done()?;
            Ok(module("target"))
        }
        Toolchain::RustupWithSource => {
            let flags = format!("{COMPACT_SHA} {INLINE} {NO_OBJECTS} {ABORT_AT_ONCE}");
            let arguments =
                common.into_iter().chain(["-Zbuild-std=std,panic_abort", "--target-dir", "target/small"]);
            machine::run("cargo", arguments).with("RUSTFLAGS", &flags).with("RUSTC_BOOTSTRAP", "1").done()?;
            Ok(module("target/small"))
        }
        // Its own target folder: artefacts of two compilers do not mix.
        Toolchain::Debian => {
            let arguments =
                common.into_iter().chain(["-Zbuild-std=std,panic_abort", "--target-dir", "target/debian"]);
            machine::run("/usr/bin/cargo", arguments)
                .with("RUSTFLAGS", &format!("{COMPACT_SHA} {INLINE} {NO_OBJECTS}"))
                .with("RUSTC", "/usr/bin/rustc")
                .with("RUSTC_BOOTSTRAP", "1")
                .with("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19")
                .done()?;
            Ok(module("target/debian"))
        }
    }
}

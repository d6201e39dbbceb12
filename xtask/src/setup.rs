//! What the build needs of a machine: the WebAssembly target, the packing programs, a browser.
//!
//! Owns finding and installing them, and says which way it took and why. Installs nothing that is there already, and
//! system packages only as root; else it prints the command. Leaves using them to the other commands.

use crate::machine::{self, at, say};
use crate::{Advice, Error, Result};

/// The time rustup gets, in seconds: without its network it would hang, not fail.
const RUSTUP_SECONDS: u64 = 180;
/// The time npm and apt get, in seconds.
const PACKAGES_SECONDS: u64 = 600;
/// The time the compiling of Firefox's driver gets, in seconds.
const DRIVER_SECONDS: u64 = 1_200;
const TARGET: &str = "wasm32-unknown-unknown";

/// Which compiler builds the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The pinned one, with rustup's prebuilt target.
    Rustup,
    /// The pinned one, with the standard library's source, which is built along for size.
    RustupWithSource,
    /// Debian's packages, which build the standard library as well.
    Debian,
}

/// The programs that make the tag small.
pub(crate) struct Packers {
    /// Path of binaryen's `wasm-opt`.
    pub(crate) wasm_opt: String,
    /// Path of esbuild, which bundles.
    pub(crate) esbuild: String,
    /// Path of terser, which finds what esbuild leaves.
    pub(crate) terser: String,
    /// Path of the TypeScript compiler, which checks and packs nothing.
    pub(crate) tsc: String,
}

/// Everything.
pub(crate) fn all() -> Result {
    toolchain()?;
    packers()?;
    tracer()?;
    browser()
}

/// Finds or installs a compiler for the browser.
pub(crate) fn toolchain() -> Result<Toolchain> {
    if has_target() {
        return Ok(with_source());
    }
    if machine::has("rustup") {
        say("wasm target: missing, asking rustup");
        let added = machine::run("rustup", ["target", "add", TARGET]).within(RUSTUP_SECONDS).done();
        if added.is_ok() && has_target() {
            return Ok(with_source());
        }
        say("wasm target: rustup could not get it (no network to its server?), trying Debian's packages");
    }
    if has_debian() {
        say("wasm target: Debian's compiler, which builds the standard library with the tag");
        return Ok(Toolchain::Debian);
    }
    if machine::is_root() && machine::has("apt-get") {
        install(&["rustc-web", "cargo-web", "rust-web-src", "lld-19"])?;
        if has_debian() {
            return Ok(Toolchain::Debian);
        }
    }
    Err(Error::Missing(Advice::WasmTarget))
}

/// The pinned toolchain, with the standard library's source if that can be had: it makes the tag smaller, nothing else.
fn with_source() -> Toolchain {
    let has_source = || {
        let root = machine::output("rustc", &["--print", "sysroot"]);
        root.is_some_and(|root| {
            std::path::Path::new(root.trim()).join("lib/rustlib/src/rust/library/std").exists()
        })
    };
    if !has_source() && machine::has("rustup") {
        say("wasm target: asking rustup for the standard library's source");
        let added = machine::run("rustup", ["component", "add", "rust-src"]).within(RUSTUP_SECONDS).done();
        if added.is_err() {
            say("wasm target: rustup could not get it");
        }
    }
    if has_source() {
        say("wasm target: the pinned toolchain builds the standard library along, for size");
        return Toolchain::RustupWithSource;
    }
    say("wasm target: the pinned toolchain with its prebuilt standard library; the tag is less small");
    Toolchain::Rustup
}

/// Finds or installs the packing programs. `None` without node: the tag is then less small, and that is said.
pub(crate) fn packers() -> Result<Option<Packers>> {
    if !(machine::has("node") && machine::has("npm")) && machine::is_root() && machine::has("apt-get") {
        say("packing programs: node is missing, asking apt");
        if install(&["nodejs", "npm"]).is_err() {
            say("packing programs: apt could not get it");
        }
    }
    if !(machine::has("node") && machine::has("npm")) {
        say(
            "packing programs: no node and npm here, so the tag is packed without wasm-opt, esbuild and terser, less small",
        );
        return Ok(None);
    }
    let folder = at("xtask/npm");
    let lock = machine::read(&folder.join("package-lock.json"))?;
    let installed = folder.join("node_modules/.installed");
    if machine::read(&installed).ok() != Some(lock.clone()) {
        say("packing programs: installing binaryen, esbuild and terser as the lock file says");
        let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        if machine::run("npm", arguments).inside(&folder).within(PACKAGES_SECONDS).done().is_err() {
            say("packing programs: npm could not get them, so the tag is packed without them, less small");
            return Ok(None);
        }
        machine::write(&installed, lock)?;
    }
    let program = |name: &str| folder.join("node_modules/.bin").join(name).display().to_string();
    Ok(Some(Packers {
        wasm_opt: program("wasm-opt"),
        esbuild: program("esbuild"),
        terser: program("terser"),
        tsc: program("tsc"),
    }))
}

/// Finds or installs a browser and its driver.
pub(crate) fn browser() -> Result {
    if machine::has("chromium") && machine::has("chromedriver") {
        say("browser: chromium and its driver are here");
        return Ok(());
    }
    if machine::is_root() && machine::has("apt-get") {
        return install(&["chromium", "chromium-driver"]);
    }
    Err(Error::Missing(Advice::Browser))
}

/// Finds or installs the program that records the relay's calls to the system, for the power-cut test.
pub(crate) fn tracer() -> Result {
    if machine::has("strace") {
        return Ok(());
    }
    if machine::is_root() && machine::has("apt-get") {
        return install(&["strace"]);
    }
    Err(Error::Missing(Advice::Tracer))
}

/// Finds or installs the browsers that are not Chromium, and their drivers: Debian's, and Firefox's driver, which Debian does
/// not have, from the crates registry. Only who asks for them gets them: they take more than 400 MB.
pub(crate) fn other_browsers() -> Result {
    let programs = ["firefox-esr", "WebKitWebDriver", "Xvfb"];
    if !programs.into_iter().all(machine::has) {
        if !(machine::is_root() && machine::has("apt-get")) {
            return Err(Error::Missing(Advice::OtherBrowsers));
        }
        install(&["firefox-esr", "webkit2gtk-driver", "xvfb"])?;
    }
    if !machine::has("geckodriver") {
        say("browsers: Firefox's driver is missing, asking the crates registry");
        machine::run("cargo", ["install", "--locked", "geckodriver"]).within(DRIVER_SECONDS).done()?;
    }
    if !machine::has("geckodriver") {
        return Err(Error::Missing(Advice::OtherBrowsers));
    }
    say("browsers: Firefox and WebKit are here, with their drivers");
    Ok(())
}

fn install(packages: &[&str]) -> Result {
    let quiet = |arguments: Vec<&str>| {
        machine::run("apt-get", arguments)
            .with("DEBIAN_FRONTEND", "noninteractive")
            .within(PACKAGES_SECONDS)
            .done()
    };
    quiet(vec!["update", "-q"])?;
    quiet([&["install", "-q", "-y", "--no-install-recommends"], packages].concat())
}

/// Whether the compiler that cargo takes has the prebuilt target.
fn has_target() -> bool {
    let folder = machine::output("rustc", &["--print", "target-libdir", "--target", TARGET]);
    folder.is_some_and(|folder| !machine::files(std::path::Path::new(folder.trim())).is_empty())
}

fn has_debian() -> bool {
    machine::has("wasm-ld-19")
        && machine::output("/usr/bin/rustc", &["--version"]).is_some()
        && machine::output("/usr/bin/cargo", &["--version"]).is_some()
        && at_sources()
}

/// Whether the Debian compiler has the standard library's source beside it.
fn at_sources() -> bool {
    let root = machine::output("/usr/bin/rustc", &["--print", "sysroot"]);
    root.is_some_and(|root| std::path::Path::new(root.trim()).join("lib/rustlib/src/rust/library").exists())
}

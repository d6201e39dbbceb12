//! Everything that must pass, in the order that finds mistakes soonest.

use crate::machine::{self, Run, at, say};
use crate::setup::Toolchain;
use crate::{Result, build, deny, npm, setup, size};

type Step = (&'static str, fn() -> Result);

/// The steps. The tag comes before the tests, because the browser tests load it.
const STEPS: [Step; 9] = [
    ("format", || cargo(&["fmt", "--all", "--check"]).done()),
    ("set-up", setup::all),
    ("dependencies", deny::check),
    ("lints", lints),
    ("documentation", documentation),
    ("tag", build::tag),
    ("tag's size", size::check),
    ("JavaScript", javascript),
    ("tests", tests),
];

/// Runs every step and stops at the first that fails.
pub(crate) fn all() -> Result {
    let (seconds, result) = machine::timed(|| {
        for (number, (name, step)) in STEPS.iter().enumerate() {
            say(&format!("\n== {} of {}: {name}", number + 1, STEPS.len()));
            let (seconds, result) = machine::timed(step);
            result?;
            say(&format!("   {name}: passed in {seconds:.1} s"));
        }
        Ok(())
    });
    say(&format!("\n{} in {seconds:.0} s", if result.is_ok() { "everything passed" } else { "stopped" }));
    result
}

/// The workspace's, and the tag's once more as the browser gets it.
fn lints() -> Result {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).done()?;
    match setup::toolchain()? {
        Toolchain::Rustup | Toolchain::RustupWithSource => {
            let target = "wasm32-unknown-unknown";
            cargo(&["clippy", "--package", "tag", "--target", target, "--", "-D", "warnings"]).done()?;
            cargo(&["clippy", "--package", "inspect", "--target", target, "--", "-D", "warnings"]).done()
        }
        Toolchain::Debian => {
            say("Debian's compiler brings no clippy for the browser: the tag is checked when it is built");
            Ok(())
        }
    }
}

fn documentation() -> Result {
    cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).with("RUSTDOCFLAGS", "-D warnings").done()
}

/// The loader's own tests, where node is; and where npm's programs are, the types and the npm package.
fn javascript() -> Result {
    if !machine::has("node") {
        say("no node here: the loader is tested by the browser tests alone");
        return Ok(());
    }
    let mut files = machine::files(&at("tag/js/tests"));
    match setup::packers()? {
        Some(packers) => {
            machine::run(&packers.tsc, ["--project", "tag/js/types"]).done()?;
            npm::package()?;
            files.extend(machine::files(&at("tag/npm/tests")));
        }
        None => say("no TypeScript compiler here: types and npm package go unchecked"),
    }
    let tests = files.iter().filter(|path| path.to_string_lossy().ends_with(".test.mjs"));
    machine::run("node", ["--test"]).and_all(tests).done()
}

/// The Rust tests. Building them also builds the relay, which the browser and crash tests start: a package's programs
/// come with its integration tests.
fn tests() -> Result {
    cargo(&["test", "--workspace", "--doc", "--quiet"]).done()?;
    if machine::has("cargo-nextest") {
        // The relay those tests start is the one that is built along with them.
        let relay = at("target/debug/anytrack-relay").display().to_string();
        cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]).with("ANYTRACK_RELAY", &relay).done()
    } else {
        cargo(&["test", "--workspace", "--lib", "--bins", "--tests"]).done()
    }
}

/// Incremental compilation costs more than it saves when everything is built once.
fn cargo(arguments: &[&str]) -> Run {
    machine::run("cargo", arguments).with("CARGO_INCREMENTAL", "0")
}

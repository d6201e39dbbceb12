//! The relay as it is handed out: compiled twice, the second time by what the first one counted at work.
//!
//! How often each branch is taken under load tells the compiler which code to keep together and which out of the way
//! (<https://doc.rust-lang.org/rustc/profile-guided-optimization.html>, read 2026-11-27); an event then costs a fifth
//! fewer instructions. Owns the two builds and the load between them. A release build of every day does without:
//! it takes a third of the time.

use crate::machine::{self, at, say};
use crate::{Advice, Error, Result};

/// Where both builds and what was counted lie.
const FOLDER: &str = "target/trained";
/// What the relay is trained on: events as they come in, singly and in crowds, and their way to six platforms.
const LOADS: [&str; 2] = ["ingest", "road"];
/// The time rustup gets, in seconds.
const RUSTUP_SECONDS: u64 = 180;

/// Builds it for a kind of machine that this one can run, and says where it is.
pub(crate) fn relay(target: &str) -> Result<String> {
    let merge = profdata()?;
    let counts = at(&format!("{FOLDER}/counts"));
    machine::empty(&counts)?;
    let (counts, merged) = (counts.display().to_string(), at(&format!("{FOLDER}/merged.profdata")));
    let merged = merged.display().to_string();
    let program = build(target, &format!("-Cprofile-generate={counts}"))?;
    for load in LOADS {
        say(&format!("training on: {load}"));
        let arguments = ["run", "--quiet", "--package", "www-test", "--", "bench", load];
        machine::run("cargo", arguments)
            .and_all(["--seconds", "2", "--rounds", "1"])
            .with("ANYTRACK_RELAY", &at(&program).display().to_string())
            .done()?;
    }
    machine::run(&merge, ["merge", "--output", &merged, &counts]).done()?;
    build(target, &format!("-Cprofile-use={merged}"))
}

fn build(target: &str, flags: &str) -> Result<String> {
    machine::run("cargo", ["build", "--release", "--package", "relay", "--bin", "anytrack-relay"])
        .and_all(["--target", target, "--target-dir", FOLDER])
        .with("CARGO_ENCODED_RUSTFLAGS", flags)
        .done()?;
    Ok(format!("{FOLDER}/{target}/release/anytrack-relay"))
}

/// Finds or installs what adds counts up: it comes with the compiler, whose version of the counts it must read.
fn profdata() -> Result<String> {
    let sysroot = machine::output("rustc", &["--print", "sysroot"]).unwrap_or_default();
    let program = format!("{}/lib/rustlib/{}/bin/llvm-profdata", sysroot.trim(), machine::host()?);
    if !std::path::Path::new(&program).is_file() {
        machine::run("rustup", ["component", "add", "llvm-tools"]).within(RUSTUP_SECONDS).done()?;
    }
    if std::path::Path::new(&program).is_file() { Ok(program) } else { Err(Error::Missing(Advice::Profile)) }
}

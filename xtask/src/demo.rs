//! The demo and the bench: both are `www-test`, given a built tag and relay.

use crate::machine::{self, at};
use crate::{Result, build, setup};

/// Starts the demo; with `check` it drives itself, and ends.
pub(crate) fn demo(check: bool) -> Result {
    if check {
        setup::browser()?;
    }
    build::all(false)?;
    let (tag, relay) = (at("dist/tag"), at("target/debug/anytrack-relay"));
    machine::run("cargo", ["run", "--quiet", "--package", "www-test", "--", "demo", "--tag-assets"])
        .and(&tag)
        .and("--relay")
        .and(&relay)
        .and_if(check, "--check")
        .done()
}

/// Measures the relay, built with optimisation.
pub(crate) fn bench() -> Result {
    build::relay(true)?;
    machine::run("cargo", ["run", "--release", "--quiet", "--package", "www-test", "--", "bench"]).done()
}

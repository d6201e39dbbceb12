//! The demo, the bench and the relay under fire: all are `www-test`, given a built tag and relay.

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

/// The relay under fire, the long form; the tests run a short one.
pub(crate) fn fire() -> Result {
    build::relay(false)?;
    machine::run("cargo", ["run", "--quiet", "--package", "www-test", "--", "fire"]).done()
}

/// What can be measured.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Bench {
    /// Events the relay takes in.
    Relay,
    /// The time to the tag's first beacon.
    Tag,
}

/// Measures one of them, built with optimisation where that matters.
pub(crate) fn bench(what: Bench) -> Result {
    let run = |arguments: &[&str]| machine::run("cargo", arguments).done();
    match what {
        Bench::Relay => {
            build::relay(true)?;
            run(&["run", "--release", "--quiet", "--package", "www-test", "--", "bench"])
        }
        Bench::Tag => {
            setup::browser()?;
            build::all(false)?;
            run(&["run", "--quiet", "--package", "www-test", "--", "tag-speed"])
        }
    }
}

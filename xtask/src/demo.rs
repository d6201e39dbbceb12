//! The demo, the bench and the relay under fire: all are `www-test`, given a built tag and relay.

use crate::machine::{self, at};
use crate::{Result, build, setup, trained};

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

/// `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Measures the relay trained as `cargo xtask dist` does, on this kind of machine: two more builds. Give it first
    #[arg(long)]
    trained: bool,
    /// What to measure (`ingest`, `growth`, …; everything without it) and how; `cargo run -p www-test -- bench --help` lists both
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Parts of the bench that need no browser.
const OF_THE_RELAY: [&str; 7] = ["ingest", "relay", "latency", "road", "memory", "drain", "growth"];

/// Measures, with everything built with optimisation that takes part.
pub(crate) fn bench(Bench { trained, arguments }: &Bench) -> Result {
    let given = |names: &[&str]| arguments.iter().any(|argument| names.contains(&argument.as_str()));
    if !given(&OF_THE_RELAY) {
        setup::browser()?;
        build::tag()?;
    }
    let relay = match trained {
        true => trained::relay(&machine::host()?)?,
        false => {
            build::relay(true)?;
            "target/release/anytrack-relay".to_owned()
        }
    };
    machine::run("cargo", ["run", "--release", "--quiet", "--package", "www-test", "--", "bench"])
        .and_all(arguments)
        .and_if(*trained, "--trained")
        .with("ANYTRACK_RELAY", &at(&relay).display().to_string())
        .done()
}

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

/// Measures, with everything built with optimisation that takes part.
pub(crate) fn bench(Bench { trained, arguments }: &Bench) -> Result {
    let what = arguments.iter().find(|argument| !argument.starts_with('-'));
    if matches!(what.map(String::as_str), None | Some("all" | "tag")) {
        setup::browser()?;
        build::tag()?;
    }
    // The figures of an ordinary release are left as they are.
    let (relay, json): (_, &[&str]) = match trained {
        true => (trained::relay(&machine::host()?)?, &["--json", "target/bench-trained.json"]),
        false => {
            build::relay(true)?;
            ("target/release/anytrack-relay".to_owned(), &[])
        }
    };
    machine::run("cargo", ["run", "--release", "--quiet", "--package", "www-test", "--", "bench"])
        .and_all(json)
        .and_all(arguments)
        .with("ANYTRACK_RELAY", &at(&relay).display().to_string())
        .done()
}

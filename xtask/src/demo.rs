//! The demo, the bench and the relay under fire: all are `www-test`, given a built tag and relay.

use std::path::PathBuf;

use clap::ValueEnum;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// Everything
    All,
    /// Taking events in, against a bare HTTP handler
    #[value(alias = "relay")]
    Ingest,
    /// From sending an event to its receipt
    Latency,
    /// From the door to six platforms
    Road,
    /// Memory idle, at work, and with a backlog of a million events
    Memory,
    /// Working that backlog off, and memory meanwhile
    Drain,
    /// The cost of an event in a growing store
    Growth,
    /// The tag's size, and the time to its first event sent
    Tag,
}

/// `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(default_value = "all")]
    what: What,
    /// Lets the store grow to ten million events: minutes, and some ten gigabytes of disk meanwhile
    #[arg(long)]
    long: bool,
    /// Where the table is written as JSON; what stands there of the same machine stays, unless it is measured now
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
    /// Also writes the table into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Measures, with everything built with optimisation.
pub(crate) fn bench(bench: &Bench) -> Result {
    let Bench { what, long, json, write } = bench;
    match what {
        What::All | What::Tag => {
            setup::browser()?;
            build::all(true)?;
        }
        What::Ingest | What::Latency | What::Road | What::Memory | What::Drain | What::Growth => {
            build::relay(true)?;
        }
    }
    let name = what.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let page: &[&str] = if *write { &["--page", "docs/performance.md"] } else { &[] };
    machine::run("cargo", ["run", "--release", "--quiet", "--package", "www-test", "--", "bench"])
        .and(name)
        .and_if(*long, "--long")
        .and("--json")
        .and(json)
        .and_all(page)
        .done()
}

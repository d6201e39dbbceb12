//! `cargo xtask fuzz`: libFuzzer on the targets of `fuzz/`, one after another.
//!
//! The coverage that libFuzzer needs is a pass of the stable compiler, so neither a nightly one nor `cargo fuzz` is asked
//! for; what these add is the address sanitizer, and all code of ours is safe. What a run learns stays in
//! `target/fuzz/corpus` and is where the next one begins; what broke a target is in `target/fuzz/broken` and belongs,
//! once mended, into `fuzz/corpus`.

use std::path::PathBuf;

use crate::machine::{self, at, say};
use crate::{Advice, Error, Result};

/// Fuzzes every target, or the one that is named, for so many seconds each.
pub(crate) fn run(only: Option<&str>, seconds: u64) -> Result {
    let all = names();
    let chosen: Vec<&String> = all.iter().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        say(&format!("targets: {}", all.join(", ")));
        return Err(Error::Missing(Advice::FuzzTarget));
    }
    let machine = machine::host()?;
    let mut build = machine::run("cargo", ["build", "--package", "fuzz", "--profile", "fuzz"])
        .and_all(["--features", "libfuzzer", "--target-dir", "target/fuzz", "--target", &machine])
        .with("RUSTFLAGS", &COVERAGE.join(" "));
    for name in &chosen {
        build = build.and("--bin").and(name);
    }
    build.done()?;
    let mut broken = None;
    for name in chosen {
        // A target that breaks does not keep the others from being tried.
        if let Err(error) = fuzz(name, &machine, seconds) {
            broken = Some(error);
        }
    }
    broken.map_or(Ok(()), Err)
}

fn fuzz(name: &str, machine: &str, seconds: u64) -> Result {
    let folder = |kind: &str| at(&format!("target/fuzz/{kind}/{name}"));
    let [seeds, learnt, broken] = ["seeds", "corpus", "broken"].map(folder);
    machine::empty(&seeds)?;
    for folder in [&learnt, &broken] {
        machine::keep(folder)?;
    }
    let arguments = ["run", "--quiet", "--package", "fuzz", "--bin", "fuzz", "--", "seeds", name];
    machine::run("cargo", arguments).and(&seeds).done()?;
    say(&format!("\n== {name} for {seconds} s"));
    let program = at(&format!("target/fuzz/{machine}/fuzz/{name}"));
    machine::run(&program.to_string_lossy(), [&learnt, &seeds])
        .and(format!("-max_total_time={seconds}"))
        .and(format!("-artifact_prefix={}/", broken.display()))
        .and_all(["-max_len=32768", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .and_all(["-use_value_profile=1", "-close_fd_mask=1"])
        .within(seconds + 120)
        .done()
}

/// The targets, each a file of `fuzz/fuzz_targets`.
fn names() -> Vec<String> {
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    machine::files(&at("fuzz/fuzz_targets")).into_iter().filter_map(stem).collect()
}

/// Counters at every edge, and what is compared with what, for libFuzzer to read
/// (<https://clang.llvm.org/docs/SanitizerCoverage.html>, read 2026-11-27). One unit of code a crate, because the linker
/// drops the tables of those it thinks unused.
const COVERAGE: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cforce-frame-pointers=yes",
];

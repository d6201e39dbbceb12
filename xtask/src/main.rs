//! `cargo xtask`: everything a person or a CI job does with this repository, as one program.
//!
//! Owns the list of commands. Each command is a module; what touches the machine (processes, clock, environment,
//! the screen) is `machine` alone. Leaves the product to the other crates.

mod build;
mod demo;
mod deny;
mod dist;
mod fuzz;
mod machine;
mod npm;
mod pack;
mod setup;
mod size;
mod test;
mod trained;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Work on AnyTrack. Without any of this, `cargo build` builds everything but the tag.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Finds or installs what the build needs: WebAssembly target, packing programs, browser
    Setup {
        /// Firefox and WebKit too, with their drivers, in which the core journeys run where they are
        #[arg(long)]
        browsers: bool,
    },
    /// Packs the tag into dist/tag and builds the relay
    Build {
        /// With optimisation
        #[arg(long)]
        release: bool,
    },
    /// Puts the tag's npm package together in dist/npm, without publishing it
    Npm,
    /// Prints the size of the tag and of its parts, and fails when one is over its limit
    Size,
    /// Starts a small shop, the relay and platforms in a sandbox, and shows events as they are delivered
    Demo {
        /// Drives the shop in a headless browser instead, prints what each platform received, and ends
        #[arg(long)]
        check: bool,
    },
    /// Packs a static relay, the tag and the files to run them with into dist
    Dist {
        /// Compiles the relay once, without training it on a load: a third of the time, some more of the processor later
        #[arg(long)]
        plain: bool,
    },
    /// Kills the relay a hundred times under load while every destination fails, and reckons what became of the events
    Fire,
    /// Measures relay and tag, prints one table and writes it as JSON
    Bench(demo::Bench),
    /// Tries made-up bytes on every parser of foreign ones, led by coverage
    Fuzz {
        /// The target; without one, all of them, one after another
        target: Option<String>,
        /// How long each
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Runs everything that must pass: format, lints, documentation, size, and all tests
    Test,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup { browsers: false } => setup::all(),
        Command::Setup { browsers: true } => setup::all().and_then(|()| setup::other_browsers()),
        Command::Build { release } => build::all(release),
        Command::Npm => npm::package(),
        Command::Size => size::check(),
        Command::Demo { check } => demo::demo(check),
        Command::Dist { plain } => dist::dist(plain),
        Command::Fire => demo::fire(),
        Command::Bench(bench) => demo::bench(&bench),
        Command::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
        Command::Test => test::all(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            machine::say(&format!("\nerror: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What can go wrong here.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Start {
        /// The command line's first word.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ended with an error, or took too long.
    #[error("`{command}` failed ({how}); its output stands above")]
    Failed {
        /// The whole command line.
        command: String,
        /// Exit status or time limit.
        how: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A step could not be done; the text says what to do.
    #[error("{0}")]
    Missing(Advice),
    /// wasm-bindgen refused the module.
    #[error(
        "cannot bind the WebAssembly module: {reason}; are wasm-bindgen and wasm-bindgen-cli-support of one version in Cargo.lock?"
    )]
    Bind {
        /// What it said.
        reason: String,
    },
    /// The compiled module is not one this program can read.
    #[error("the WebAssembly module ends too early or has an unknown section at byte {at}")]
    Module {
        /// Where.
        at: usize,
    },
    /// The tag, or what is fetched apart from it, has grown over its limit.
    #[error("{what} takes {bytes} bytes compressed and may take {limit}: make it smaller")]
    TooLarge {
        /// Which of them.
        what: String,
        /// What it takes.
        bytes: usize,
        /// What it may take.
        limit: usize,
    },
    /// A part that may grow for ever.
    #[error("the part `{part}` has no limit of its own: give it one in xtask/src/size.rs")]
    NoLimit {
        /// Its name.
        part: String,
    },
}

/// What is missing and what to do about it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Advice {
    /// The npm package needs npm's programs.
    #[error("no node and npm, or no network to npm's registry: install node and npm, then run this again")]
    Node,
    /// Neither rustup nor a fallback gives the target.
    #[error(
        "no WebAssembly target: run `rustup target add wasm32-unknown-unknown`, or on Debian as root `apt-get install rustc-web cargo-web rust-web-src lld-19`"
    )]
    WasmTarget,
    /// No compiler for the C parts of a static program.
    #[error("no musl-gcc for a static program: run `apt-get install musl-tools` as root")]
    Musl,
    /// No such target.
    #[error("no fuzz target of this name: name one of those above, or none for all")]
    FuzzTarget,
    /// The compiler does not say what it is.
    #[error("`rustc -vV` names no host: install Rust with rustup")]
    Compiler,
    /// Nothing that adds up what a program counted.
    #[error(
        "no llvm-profdata beside the compiler: run `rustup component add llvm-tools`, or do without training"
    )]
    Profile,
    /// Nothing that records calls to the system.
    #[error("no strace for the power-cut test: run `apt-get install strace` as root")]
    Tracer,
    /// No browser for tests.
    #[error(
        "no browser for tests: run `apt-get install chromium chromium-driver` as root, or install Chromium and its driver"
    )]
    Browser,
    /// No Firefox or no WebKit.
    #[error(
        "no Firefox or no WebKit: run `apt-get install firefox-esr webkit2gtk-driver xvfb` as root, then `cargo install --locked geckodriver`"
    )]
    OtherBrowsers,
}

type Result<T = ()> = std::result::Result<T, Error>;

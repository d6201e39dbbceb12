//! Fuzz targets: what must be true of every parser of foreign bytes, whatever the bytes.
//!
//! A target is a plain function that panics when something does not hold: that nothing else panics, that limits hold,
//! that what is accepted is written and reads back as the same, that nothing stored holds an e-mail address, that no
//! message repeats a secret. libFuzzer drives them with coverage (`fuzz_targets/`, started by `cargo xtask fuzz`), and
//! an ordinary test replays what is known and a little that is made up (`tests/replay.rs`).
//!
//! Inputs begin as the recorded requests and answers of the relay's own tests ([`seeds`]); what a run finds, or what the
//! tests do not have, is kept in `corpus/<target>/`.

pub mod admin;
pub mod answer;
mod check;
pub mod config;
pub mod delivery;
pub mod import;
pub mod marks;
pub mod request;
mod secrets;
pub mod seeds;
pub mod source;
mod stage;
pub mod tag;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of its file, of its program, and of its folder in `corpus`.
    pub name: &'static str,
    /// Tries some bytes; panics when something does not hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with, besides the corpus.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 9] = [
    Target { name: "admin", run: admin::run, seeds: admin::seeds },
    Target { name: "answer", run: answer::run, seeds: answer::seeds },
    Target { name: "config", run: config::run, seeds: config::seeds },
    Target { name: "delivery", run: delivery::run, seeds: delivery::seeds },
    Target { name: "import", run: import::run, seeds: import::seeds },
    Target { name: "marks", run: marks::run, seeds: marks::seeds },
    Target { name: "request", run: request::run, seeds: request::seeds },
    Target { name: "source", run: source::run, seeds: source::seeds },
    Target { name: "tag", run: tag::run, seeds: tag::seeds },
];

//! What `cargo xtask fuzz` needs besides libFuzzer: the targets by name, their seeds as files, and one input tried alone.

use std::path::Path;
use std::process::ExitCode;

use fuzz::{TARGETS, seeds};

/// `seeds TARGET FOLDER` or `try TARGET FILE`.
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [command, name, path] = words.as_slice() else { return ExitCode::FAILURE };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else { return ExitCode::FAILURE };
    let done = match command.as_str() {
        "seeds" => write(Path::new(path), &seeds::of(target)),
        "try" => std::fs::read(path).map(|bytes| (target.run)(&bytes)),
        _ => return ExitCode::FAILURE,
    };
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each seed as a file.
fn write(folder: &Path, seeds: &[Vec<u8>]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    seeds
        .iter()
        .enumerate()
        .try_for_each(|(place, seed)| std::fs::write(folder.join(format!("{place:04}")), seed))
}

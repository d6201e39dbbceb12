//! Finds the relay's binary, of the same build profile as the program that asks.
//!
//! `ANYTRACK_RELAY` names one; otherwise cargo builds it, which takes no time when it is fresh. A binary merely found
//! lying about could be older than the source under test, so it is used only where there is no cargo.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Why there is no relay to start.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// Neither named nor built nor found.
    #[error("no relay at {looked_at}; build it with `cargo build -p relay`, or name one in ANYTRACK_RELAY")]
    Nowhere {
        /// Where it should be.
        looked_at: PathBuf,
    },
    /// The path of this very program is unknown.
    #[error("cannot tell where this program lies")]
    Lost(#[source] io::Error),
    /// Cargo could not build it.
    #[error("cargo could not build the relay:\n{output}")]
    NotBuilt {
        /// What the compiler said.
        output: String,
    },
}

/// The relay's binary, built if need be.
///
/// # Errors
/// When there is none and none can be built.
pub async fn find() -> Result<PathBuf, BinaryError> {
    if let Some(named) = named() {
        return if named.is_file() { Ok(named) } else { Err(BinaryError::Nowhere { looked_at: named }) };
    }
    let directory = profile_directory(&env::current_exe().map_err(BinaryError::Lost)?);
    build(&directory).await?;
    let binary = directory.join(format!("anytrack-relay{}", env::consts::EXE_SUFFIX));
    if binary.is_file() { Ok(binary) } else { Err(BinaryError::Nowhere { looked_at: binary }) }
}

#[expect(clippy::disallowed_methods, reason = "the one variable by which a tester names another relay")]
fn named() -> Option<PathBuf> {
    env::var_os("ANYTRACK_RELAY").map(PathBuf::from)
}

/// `target/debug` for `target/debug/deps/crash-1f2e…` and for `target/debug/www-test`.
fn profile_directory(program: &Path) -> PathBuf {
    let directory = program.parent().unwrap_or(Path::new("."));
    let in_deps = directory.file_name().is_some_and(|name| name == "deps");
    let directory = if in_deps { directory.parent().unwrap_or(directory) } else { directory };
    directory.to_path_buf()
}

/// Builds into that directory. Without cargo there is nothing to build, and whatever lies there is taken.
async fn build(directory: &Path) -> Result<(), BinaryError> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args(["build", "--quiet", "--package", "relay", "--bin", "anytrack-relay"]);
    if let Some(target) = directory.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(profile) => drop(cargo.args(["--profile", profile])),
    }
    match cargo.output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(BinaryError::NotBuilt { output: String::from_utf8_lossy(&output.stderr).into_owned() })
        }
        Err(_no_cargo) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_and_a_program_share_their_profile() {
        let check = |program: &str, directory: &str| {
            assert_eq!(profile_directory(Path::new(program)), Path::new(directory));
        };
        check("/t/debug/deps/crash-1f2e", "/t/debug");
        check("/t/release/www-test", "/t/release");
    }
}

//! Building: the tag into `dist/tag`, and the relay.
//!
//! Owns knowing whether the tag must be packed again: a hash of everything that goes into it is kept beside the result.

use sha2::{Digest, Sha256};

use crate::machine::{self, at, say};
use crate::{Result, pack, setup};

/// Everything whose change changes the tag.
const INPUTS: [&str; 6] =
    ["tag", "shared/src", "shared/Cargo.toml", "xtask/src", "xtask/npm/package-lock.json", "Cargo.lock"];
const STAMP: &str = "dist/tag/.inputs";

/// The tag and the relay.
pub(crate) fn all(release: bool) -> Result {
    tag()?;
    relay(release)
}

/// The tag, unless nothing has changed.
pub(crate) fn tag() -> Result {
    let toolchain = setup::toolchain()?;
    let packers = setup::packers()?;
    let stamp = stamp(&format!("{toolchain:?} {}", packers.is_some()))?;
    if machine::read(&at(STAMP)).ok().as_deref() == Some(stamp.as_bytes()) {
        say("tag: dist/tag is up to date");
        return Ok(());
    }
    pack::pack(toolchain, packers.as_ref())?;
    machine::write(&at(STAMP), stamp)?;
    say("tag: packed into dist/tag");
    Ok(())
}

/// The relay.
pub(crate) fn relay(release: bool) -> Result {
    let profile = release.then_some("--release");
    machine::run("cargo", ["build", "--package", "relay"].into_iter().chain(profile)).done()
}

/// The relay for another kind of machine; says where it is.
pub(crate) fn relay_for(target: &str) -> Result<String> {
    machine::run("cargo", ["build", "--release", "--package", "relay", "--target", target]).done()?;
    Ok(format!("target/{target}/release/anytrack-relay"))
}

/// A digest of every input and of the way it is packed.
fn stamp(way: &str) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(way);
    for input in INPUTS {
        let path = at(input);
        let files = if path.is_dir() { machine::files(&path) } else { vec![path] };
        for file in files {
            hash.update(file.display().to_string());
            hash.update(machine::read(&file)?);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

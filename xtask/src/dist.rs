//! Something to hand out: one static program and the tag's files, packed.
//!
//! Linked against musl, so that it runs on any Linux with this machine's kind of processor and in an empty container.
//! Owns finding what that needs; leaves building the tag to `build`.

use crate::machine::{self, say};
use crate::{Advice, Error, Result, build, trained};

/// The time rustup gets, in seconds.
const RUSTUP_SECONDS: u64 = 180;

/// Builds everything and packs it into `dist`: the program trained on a load, or as any release is built.
pub(crate) fn dist(plain: bool) -> Result {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    ready(&target)?;
    build::tag()?;
    let program = if plain { build::relay_for(&target)? } else { trained::relay(&target)? };
    machine::run("install", ["-m", "755", program.as_str(), "dist/anytrack-relay"]).done()?;
    // The container's volume takes its owner from this empty folder.
    machine::run("mkdir", ["-p", "dist/data"]).done()?;
    let name = format!("anytrack-{}-{target}", env!("CARGO_PKG_VERSION"));
    let archive = format!("dist/{name}.tar.gz");
    // Owners are named as root, whoever builds, and times are left out: the same sources give the same archive.
    let plain = ["--owner=0", "--group=0", "--mtime=@0", "--sort=name", "--exclude=.inputs"];
    let what = [
        "-C",
        "dist",
        "anytrack-relay",
        "tag",
        "-C",
        "../docs",
        "operate",
        "-C",
        "..",
        "LICENSE",
        "README.md",
    ];
    let arguments = plain.into_iter().chain(["-czf", archive.as_str()]).chain(what);
    machine::run("tar", arguments).done()?;
    say(&format!("{archive}: the program, the tag and the files to run them with"));
    Ok(())
}

/// Finds or installs the target and its linker.
fn ready(target: &str) -> Result {
    let there = machine::output("rustup", &["target", "list", "--installed"]);
    if !there.is_some_and(|list| list.lines().any(|line| line == target)) {
        machine::run("rustup", ["target", "add", target]).within(RUSTUP_SECONDS).done()?;
    }
    if machine::has("musl-gcc") { Ok(()) } else { Err(Error::Missing(Advice::Musl)) }
}

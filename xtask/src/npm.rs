//! The npm package of the tag, put together in `dist/npm`, ready for `npm publish`. Publishes nothing.

use crate::machine::{self, at, say};
use crate::pack;
use crate::setup::{self, Packers};
use crate::{Advice, Error, Result};

/// Puts the package together.
pub(crate) fn package() -> Result {
    let packers = setup::packers()?.ok_or(Error::Missing(Advice::Node))?;
    build(&packers)?;
    say("npm: the package lies in dist/npm");
    Ok(())
}

fn build(packers: &Packers) -> Result {
    let dist = at("dist/npm");
    machine::empty(&dist)?;
    let script = dist.join("index.js");
    pack::bundle(&at("tag/npm/index.js"), "esm", &script, packers)?;
    for (from, to) in [
        ("tag/npm/index.d.ts", "index.d.ts"),
        ("tag/npm/README.md", "README.md"),
        ("tag/js/anytrack.d.ts", "anytrack.d.ts"),
        ("LICENSE", "LICENSE"),
    ] {
        machine::write(&dist.join(to), machine::read(&at(from))?)?;
    }
    // The workspace's version, so that there is one to raise.
    let text = machine::read_text(&at("tag/npm/package.json"))?;
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    machine::write(&dist.join("package.json"), text.replace("\"version\": \"0.0.0\"", &version))
}

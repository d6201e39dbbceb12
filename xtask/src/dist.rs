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
    machine::run("mkdir", ["-p", &format!("dist/{EMPTY}")]).done()?;
    let name = format!("anytrack-{}-{target}", env!("CARGO_PKG_VERSION"));
    let archive = format!("dist/{name}.tar.gz");
    // Owners are named as root, whoever builds, and times are left out: the same sources give the same archive.
    let plain = ["--owner=0", "--group=0", "--mtime=@0", "--sort=name", "--exclude=.inputs"];
    let built = ["-C", "dist"].into_iter().chain(BUILT);
    // Whatever somebody who tried the program here has left in the folder stays here.
    let empty = ["--no-recursion", EMPTY, "--recursion"];
    let written = ["-C", ".."].into_iter().chain(WRITTEN);
    let what = built.chain(empty).chain(written);
    let arguments = plain.into_iter().chain(["-czf", archive.as_str()]).chain(what);
    machine::run("tar", arguments).done()?;
    say(&format!("{archive}: the program, the tag, an example configuration and the pages about them"));
    Ok(())
}

/// What the archive holds of `dist`.
const BUILT: [&str; 2] = ["anytrack-relay", "tag"];
/// The folder in `dist` and in the archive that is empty.
const EMPTY: &str = "data";
/// What the archive holds of the repository, under the same names, so that links lead somewhere.
const WRITTEN: [&str; 7] = [
    "docs",
    "relay/anytrack.example.toml",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
];

/// Finds or installs the target and its linker.
fn ready(target: &str) -> Result {
    let there = machine::output("rustup", &["target", "list", "--installed"]);
    if !there.is_some_and(|list| list.lines().any(|line| line == target)) {
        machine::run("rustup", ["target", "add", target]).within(RUSTUP_SECONDS).done()?;
    }
    if machine::has("musl-gcc") { Ok(()) } else { Err(Error::Missing(Advice::Musl)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{at, read_text};

    fn is_written(path: &str) -> bool {
        let is_in = |rest: &str| rest.is_empty() || rest.starts_with('/');
        WRITTEN.iter().any(|name| path.strip_prefix(name).is_some_and(is_in))
    }

    #[test]
    fn what_the_readme_links_to_is_in_the_archive() {
        let readme = read_text(&at("README.md")).expect("a text");
        let links = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let inside: Vec<&str> = links.filter(|link| !link.is_empty() && !link.contains("://")).collect();
        assert!(inside.len() > 10, "the page was read");
        for link in inside {
            assert!(is_written(link) && at(link).exists(), "{link}");
        }
    }

    #[test]
    fn what_the_container_is_made_of_is_in_the_archive() {
        assert!(is_written("docs/operate/Dockerfile"));
        let recipe = read_text(&at("docs/operate/Dockerfile")).expect("a text");
        let copies = recipe.lines().filter_map(|line| line.strip_prefix("COPY "));
        let mut copied: Vec<&str> =
            copies.filter_map(|rest| rest.split(' ').find(|word| !word.starts_with("--"))).collect();
        copied.sort_unstable();
        assert_eq!(copied, ["anytrack-relay", EMPTY, "tag"]);
        assert!(copied.iter().all(|name| BUILT.contains(name) || *name == EMPTY));
    }

    #[test]
    fn the_example_is_in_the_archive() {
        assert!(is_written("relay/anytrack.example.toml") && at("relay/anytrack.example.toml").exists());
    }
}

//! The container as its Dockerfile has it: a root with nothing else in it that cannot be written, a user who is nobody, one
//! folder for the database. Put together from the Dockerfile's own lines out of Linux's namespaces, so that neither root's
//! rights nor a daemon nor an image is needed; the relay's program is the one that all tests use.
//!
//! `ANYTRACK_RELAY=dist/anytrack-relay` tries the static program of `cargo xtask dist`. Where a machine lets nobody make
//! namespaces, the test says so and ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use shared::event_id;
use tempfile::TempDir;
use www_test::bench::chance::Chance;
use www_test::bench::connection::Connection;
use www_test::bench::event::{from_server, page_view};
use www_test::relay_process::{Bed, Settings, WEBHOOK_SECRET, find};
use www_test::sandbox::{Sandbox, Settings as SandboxSettings, clock};
use www_test::stage::Build;

/// Longest wait for anything.
const SOON: Duration = Duration::from_secs(30);

/// What a Dockerfile that copies a program into nothing says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Recipe {
    /// From a path of the build's folder to a path of the image.
    copies: Vec<(String, String)>,
    user: String,
    volume: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
}

impl Recipe {
    /// Reads `docs/operate/Dockerfile`; an instruction it does not know fails the test.
    fn read() -> Self {
        let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate/Dockerfile"));
        let text = text.expect("the Dockerfile");
        let mut recipe = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (instruction, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            let words = || serde_json::from_str(rest).unwrap_or_else(|error| panic!("{error}: {line}"));
            match instruction {
                "FROM" => assert_eq!(rest, "scratch", "an image with something else in it"),
                "COPY" => {
                    let paths: Vec<&str> = rest.split(' ').filter(|word| !word.starts_with("--")).collect();
                    let [from, to] = paths.as_slice() else { panic!("{line}") };
                    recipe.copies.push(((*from).to_owned(), (*to).to_owned()));
                }
                "USER" => recipe.user = rest.to_owned(),
                "VOLUME" => recipe.volume = rest.to_owned(),
                "EXPOSE" => {}
                "ENTRYPOINT" => recipe.entrypoint = words(),
                "CMD" => recipe.command = words(),
                _ => panic!("{line}"),
            }
        }
        recipe
    }
}

/// A root folder made from the recipe, and the script that runs in it what it is given.
struct Container {
    recipe: Recipe,
    folder: TempDir,
}

impl Container {
    fn build(recipe: Recipe, relay: &Path, tag: &Path) -> Self {
        let folder = TempDir::with_prefix("anytrack-container-").expect("a directory");
        let container = Self { recipe, folder };
        for (from, to) in &container.recipe.copies {
            let to = container.inside(to);
            match from.as_str() {
                "anytrack-relay" => copy(relay, &to),
                "tag" => fs::read_dir(tag).expect("the tag is built").for_each(|file| {
                    let file = file.expect("readable").path();
                    copy(&file, &to.join(file.file_name().expect("a file")));
                }),
                "data" => fs::create_dir(&to).expect("a directory"),
                other => panic!("{other}: not of `cargo xtask dist`"),
            }
        }
        // The program of the tests is not a static one: what it is linked with is there, too.
        libraries(relay)
            .iter()
            .for_each(|library| copy(library, &container.inside(&library.to_string_lossy())));
        let (root, volume) = (container.inside("/"), container.inside(&container.recipe.volume));
        let (user, group) = container.recipe.user.split_once(':').expect("a user and a group");
        // Who makes the namespaces is root in the first of them, and nobody in the second, without any rights over the first.
        let mounts = format!(
            "mount --bind '{0}' '{0}' && mount --bind '{1}' '{1}' && mount -o remount,bind,ro '{0}'",
            root.display(),
            volume.display()
        );
        let nobody = format!("--map-user={user} --map-group={group} --root='{}' --wd=/", root.display());
        let inner = format!("{mounts} && exec setpriv --no-new-privs unshare --user {nobody} \"$@\"");
        script(
            &container.enter(),
            &format!(
                "exec unshare --user --map-root-user --mount sh -c '{}' sh \"$@\"",
                inner.replace('\'', "'\\''")
            ),
        );
        container
    }

    /// A path of the container, seen from outside.
    fn inside(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path.trim_start_matches('/'))
    }

    fn enter(&self) -> PathBuf {
        self.folder.path().join("enter")
    }

    /// Runs a command of the relay in a container with the same files.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(self.enter());
        command.args(&self.recipe.entrypoint).args(arguments).args(["--config", "/config/anytrack.toml"]);
        let output = tokio::task::block_in_place(|| command.output()).expect("the container starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).expect("text"))
    }

    /// Every file outside of the volume.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.inside("/")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("readable") {
                let path = entry.expect("readable").path();
                match path.is_dir() {
                    true if path != self.inside(&self.recipe.volume) => folders.push(path),
                    true => {}
                    false => found.push(path),
                }
            }
        }
        found.sort();
        found
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("below the root")).expect("a directory");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn script(path: &Path, command: &str) {
    fs::write(path, format!("#!/bin/sh\n{command}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
}

/// What a program is linked with; nothing where it is static.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let said = Command::new("ldd").arg(program).output().expect("ldd runs").stdout;
    let said = String::from_utf8(said).expect("text");
    said.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Whether this user may make namespaces here.
#[expect(clippy::print_stderr, reason = "a test that cannot be made here says so")]
fn namespaces() -> bool {
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("no namespaces for this user here: the container is not put together");
    }
    may
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_serves_as_nobody_from_a_root_that_cannot_be_written() {
    if !namespaces() {
        return;
    }
    let secret = Some(WEBHOOK_SECRET.to_owned());
    let sandbox = SandboxSettings { webhook_secret: secret, ..SandboxSettings::default() };
    let sandbox = Sandbox::start_with(&sandbox).await.expect("the sandbox starts");
    let relay = find().await.expect("a relay");
    let container = Container::build(Recipe::read(), &relay, &Build::of_workspace().tag_assets);
    let (program, command) = (container.folder.path().join("serve"), &container.recipe);
    let words = [command.entrypoint.as_slice(), command.command.as_slice()].concat().join(" ");
    script(&program, &format!("exec '{}' {words}", container.enter().display()));
    let settings = Settings { webhook: Some(sandbox.url()), ..Settings::default() };
    let bed = Bed::make_for(program, &settings).expect("a bed");
    configure(&container, &bed);
    let before = container.files();

    let relay = bed.start().await.unwrap_or_else(|error| panic!("{error}"));
    is_locked_in(relay.id().expect("it runs"), &container.recipe.user);
    let mut connection = Connection::open(bed.address()).await.expect("a connection");
    for path in ["/healthz", "/readyz", "/metrics", "/tag.js"] {
        assert_eq!(connection.get(path).await.expect("an answer").status, 200, "{path}");
    }
    let now = clock::now();
    let mut chance = Chance::new(7);
    let events: Vec<Value> =
        (0..3).map(|_| page_view(&event_id::uuid_v7(now.0, chance.ten_bytes()), now)).collect();
    assert_eq!(connection.exchange(&from_server(&events)).await.expect("an answer").status, 202);
    let delivered = |state: &www_test::sandbox::state::State| state.counted("webhook").counted == 3;
    sandbox
        .wait_until("three events", SOON, delivered)
        .await
        .unwrap_or_else(|late| panic!("{late}\n{}", bed.log()));

    // An operator's commands, beside the relay that runs: what they write lies in the volume, too.
    for arguments in
        [&["check"][..], &["doctor"], &["backup", "/data/copy.db"], &["export", "--format", "csv"]]
    {
        let (well, said) = container.run(arguments);
        assert!(well, "{arguments:?}: {said}");
    }
    let (well, said) = container.run(&["backup", "/copy.db"]);
    assert!(!well && said.contains("/copy.db"), "nothing is written outside of the volume: {said}");

    assert!(relay.stop(SOON).await.expect("the relay stops").success());
    assert!(bed.log().contains("\"message\":\"stopped\""), "an orderly stop: {}", bed.log());
    assert_eq!(container.files(), before, "nothing was written outside of the volume");
    assert!(container.inside("/data/anytrack.db").is_file() && container.inside("/data/copy.db").is_file());
}

/// The bed's configuration with the container's paths, where the Dockerfile's command looks for it.
fn configure(container: &Container, bed: &Bed) {
    let text = fs::read_to_string(bed.configuration()).expect("the configuration");
    let database = bed.database().display().to_string();
    assert!(text.contains(&database), "{text}");
    let text = text.replace(&database, "/data/anytrack.db") + "\n[tag]\nassets = \"/tag\"\n";
    let to = container.inside("/config/anytrack.toml");
    fs::create_dir(to.parent().expect("a folder")).expect("a directory");
    fs::write(&to, text).expect("written");
    // It holds secrets, and who runs the relay may read it.
    fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("for its owner");
}

/// The process is nobody, without any right, and sees a root that is read-only but for the volume.
fn is_locked_in(process: u32, user: &str) {
    let of = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).expect("Linux");
    let status = of("status");
    for line in ["CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let (user, group) = user.split_once(':').expect("a user and a group");
    for (file, expected) in [("uid_map", user), ("gid_map", group)] {
        assert_eq!(of(file).split_whitespace().next(), Some(expected), "{file}");
    }
    // Where it is mounted, and how (proc_pid_mountinfo(5), fields 5 and 6).
    let mounts = of("mountinfo");
    let mounts: Vec<(&str, &str)> = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(4);
            Some((fields.next()?, fields.next()?.split(',').next()?))
        })
        .collect();
    assert_eq!(mounts, [("/", "ro"), ("/data", "rw")]);
}

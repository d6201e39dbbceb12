//! The machine: processes, the clock, the environment, files and the screen.
//!
//! The only file of this crate that touches them, so that the rest reads as a plan. Every command is shown before it
//! runs; a program that may hang gets a time limit.
#![expect(clippy::disallowed_methods, reason = "a build program lives by the real clock and environment")]
#![expect(clippy::print_stdout, reason = "the screen is this program's output")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::{Advice, Error, Result};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository's root")
}

/// A path inside the repository.
pub(crate) fn at(path: &str) -> PathBuf {
    root().join(path)
}

/// Prints a line.
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Seconds that `action` took, and its result.
pub(crate) fn timed<T>(action: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = action();
    (start.elapsed().as_secs_f64(), result)
}

/// Whether the program runs with the rights to install packages.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Whether a program is installed.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// This machine in the compiler's words. A build that names it keeps build scripts and macros apart from the rest.
pub(crate) fn host() -> Result<String> {
    let words = output("rustc", &["-vV"]).unwrap_or_default();
    let host = words.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or(Error::Missing(Advice::Compiler))
}

/// The text a program prints, when it succeeds.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).current_dir(root()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command about to run.
pub(crate) struct Run {
    command: Command,
    limit: Option<Duration>,
}

/// Prepares a command in the repository's root.
pub(crate) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Run {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    Run { command, limit: None }
}

impl Run {
    /// With another argument.
    pub(crate) fn and(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With another argument, in one case.
    pub(crate) fn and_if(self, case: bool, argument: &str) -> Self {
        if case { self.and(argument) } else { self }
    }

    /// With more arguments.
    pub(crate) fn and_all<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// In another folder.
    pub(crate) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With a variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// For at most so many seconds.
    pub(crate) fn within(mut self, seconds: u64) -> Self {
        self.limit = Some(Duration::from_secs(seconds));
        self
    }

    /// Shows the command and runs it to its end.
    pub(crate) fn done(mut self) -> Result {
        let command = self.line();
        say(&format!("$ {command}"));
        let program = self.command.get_program().to_string_lossy().into_owned();
        let child =
            self.command.spawn().map_err(|source| Error::Start { program: program.clone(), source })?;
        let number = child.id();
        let (sender, receiver) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            let mut child = child;
            let _ = sender.send(child.wait());
        });
        let outcome = match self.limit {
            Some(limit) => receiver.recv_timeout(limit).ok(),
            None => receiver.recv().ok(),
        };
        let Some(outcome) = outcome else {
            let _ = Command::new("kill").arg(number.to_string()).status();
            return Err(Error::Failed { command, how: "over its time limit".to_owned() });
        };
        let _ = waiter.join();
        let status = outcome.map_err(|source| Error::Start { program, source })?;
        if status.success() { Ok(()) } else { Err(Error::Failed { command, how: status.to_string() }) }
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
        let variables = self.command.get_envs().filter_map(|(name, value)| {
            Some(format!("{}='{}' ", name.to_string_lossy(), value?.to_string_lossy()))
        });
        variables.collect::<String>() + &words.join(" ")
    }
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::File { path: path.display().to_string(), source })
}

/// Reads a file of text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// Writes a file, and its folder when that is missing.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result {
    let fail = |source| Error::File { path: path.display().to_string(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    std::fs::write(path, bytes).map_err(fail)
}

/// Makes a folder, unless it is there.
pub(crate) fn keep(folder: &Path) -> Result {
    std::fs::create_dir_all(folder)
        .map_err(|source| Error::File { path: folder.display().to_string(), source })
}

/// Empties a folder, or makes it.
pub(crate) fn empty(folder: &Path) -> Result {
    let fail = |source| Error::File { path: folder.display().to_string(), source };
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(fail)?;
    }
    std::fs::create_dir_all(folder).map_err(fail)
}

/// Every file below a folder, in a fixed order; none when there is no such folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

//! A directory with a configuration, and runs of the program in it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_anytrack-relay");

/// A directory with the files of one test.
pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn with(config: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory for the test"));
        place.write("anytrack.toml", config);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file lies in a directory"))
            .expect("the directory is made");
        fs::write(path, text).expect("the file is written");
    }

    /// Runs the program here, with `input` on standard input and nothing in the environment but `API_KEY`.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("API_KEY", "key-from-the-environment")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A program that fails early does not read its input; that is not this test's trouble.
        let _ = child.stdin.take().expect("input is piped").write_all(input);
        Ran::from(child.wait_with_output().expect("the program ends"))
    }
}

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) }
    }
}

pub(crate) fn ran(code: i32, output: &str, errors: &str) -> Ran {
    Ran { code: Some(code), output: output.to_owned(), errors: errors.to_owned() }
}

pub(crate) const RIGHT: &str = r#"
[server]
public_url = "https://t.shop.example"

[[site]]
key = "shop"
origins = ["https://shop.example"]
api_keys = ["${API_KEY}"]
"#;

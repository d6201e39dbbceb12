//! Browsers that are not Chromium: Firefox by geckodriver, WebKit by WebKitGTK's driver.
//!
//! The tests' own browser is [`Browser`](super::Browser), which shows more (logs, network, screens). Here is only what a
//! journey through a page needs, by the standard protocol. A browser that is not installed is no failure: whoever asks
//! is told, and the core journeys have run in Chromium all the same. With `ANYTRACK_ALL_BROWSERS=1` it is one.

use std::env;
use std::io;
use std::process::Stdio;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{BrowserError, PATIENCE, wait};
use crate::ports;

/// The variable by which a tester, with `1`, makes a missing browser a failure.
pub const ALL_BROWSERS: &str = "ANYTRACK_ALL_BROWSERS";

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Mozilla Firefox (Debian: `firefox-esr`; `geckodriver` from the crates registry).
    Firefox,
    /// WebKitGTK's MiniBrowser (Debian: `webkit2gtk-driver`, `xvfb`).
    WebKit,
}

/// A browser window. Dropping it kills the browser.
#[derive(Debug)]
pub struct Other {
    client: Client,
    _processes: Vec<Group>,
    _folder: TempDir,
}

/// A process with all it starts, killed when dropped.
#[derive(Debug)]
struct Group {
    process: Child,
    id: Option<Pid>,
}

impl Other {
    /// Starts the browser; `None` where it is not installed.
    ///
    /// # Errors
    /// When it is there and does not come up, and when it is missing although [`ALL_BROWSERS`] wants it.
    pub async fn start(kind: Kind) -> Result<Option<Self>, BrowserError> {
        wanted(kind, Self::start_installed(kind).await?, all_browsers())
    }

    async fn start_installed(kind: Kind) -> Result<Option<Self>, BrowserError> {
        let folder = TempDir::with_prefix("anytrack-other-").map_err(BrowserError::Start)?;
        let port = ports::unclaimed().map_err(BrowserError::Start)?;
        let mut processes = Vec::new();
        let mut driver = match kind {
            Kind::Firefox => Command::new("geckodriver"),
            Kind::WebKit => {
                let Some((screen, display)) = screen().await? else { return Ok(None) };
                processes.push(screen);
                let mut driver = Command::new("WebKitWebDriver");
                driver.env("DISPLAY", display);
                driver
            }
        };
        driver.arg(format!("--port={port}")).env("HOME", folder.path()).env("TMPDIR", folder.path());
        let Some(driver) = Group::start(driver.stdout(Stdio::null()))? else { return Ok(None) };
        processes.push(driver);
        listening(port).await?;
        let connected = ClientBuilder::new(HttpConnector::new())
            .capabilities(kind.capabilities().as_object().cloned().unwrap_or_default())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        let client = connected.map_err(|error| BrowserError::Session(Box::new(error)))?;
        Ok(Some(Self { client, _processes: processes, _folder: folder }))
    }

    /// Ends the session in good order.
    ///
    /// # Errors
    /// When the browser is gone already.
    pub async fn close(self) -> Result<(), BrowserError> {
        Ok(self.client.close().await?)
    }

    /// Opens an address.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn goto(&self, url: &str) -> Result<(), BrowserError> {
        Ok(self.client.goto(url).await?)
    }

    /// Runs statements in the page and returns what they `return`.
    ///
    /// # Errors
    /// When they throw.
    pub async fn eval(&self, script: &str) -> Result<Value, BrowserError> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Waits until an expression is truthy in the page, and returns its value.
    ///
    /// # Errors
    /// [`BrowserError::Timeout`] after [`PATIENCE`].
    pub async fn wait_until(&self, expression: &str) -> Result<Value, BrowserError> {
        wait::until(&self.client, expression).await
    }
}

impl Kind {
    fn capabilities(self) -> Value {
        match self {
            Self::Firefox => json!({
                "browserName": "firefox",
                "moz:firefoxOptions": { "args": ["-headless"], "binary": "/usr/bin/firefox-esr" },
            }),
            Self::WebKit => json!({
                "browserName": "MiniBrowser",
                "webkitgtk:browserOptions": { "binary": MINI_BROWSER, "args": ["--automation"] },
            }),
        }
    }
}

impl Group {
    /// Starts a program; `None` where it is not installed.
    fn start(command: &mut Command) -> Result<Option<Self>, BrowserError> {
        let started =
            command.stdin(Stdio::null()).stderr(Stdio::null()).process_group(0).kill_on_drop(true).spawn();
        match started {
            Ok(process) => {
                let id = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
                Ok(Some(Self { process, id }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BrowserError::Start(error)),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails only when the whole group is gone, which is the aim.
        let _gone = self.id.map(|id| kill_process_group(id, Signal::KILL));
        let _reaped = self.process.try_wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one variable by which a tester wants every browser")]
fn all_browsers() -> bool {
    env::var(ALL_BROWSERS).is_ok_and(|value| value == "1")
}

/// A browser, or that there is none, which may be a failure.
fn wanted<T>(kind: Kind, browser: Option<T>, all: bool) -> Result<Option<T>, BrowserError> {
    if all && browser.is_none() { Err(BrowserError::Missing { kind }) } else { Ok(browser) }
}

/// A screen in memory, which WebKitGTK draws on, and its name.
async fn screen() -> Result<Option<(Group, String)>, BrowserError> {
    let mut command = Command::new("Xvfb");
    // It chooses a number that is free and prints it.
    command
        .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1280x900x24"])
        .stdout(Stdio::piped());
    let Some(mut screen) = Group::start(&mut command)? else { return Ok(None) };
    let output = screen.process.stdout.take().ok_or_else(BrowserError::silent)?;
    let line = BufReader::new(output).lines().next_line().await.map_err(BrowserError::Start)?;
    let number = line.ok_or_else(BrowserError::silent)?;
    Ok(Some((screen, format!(":{}", number.trim()))))
}

/// Waits until the driver takes connections, which is all it says of its readiness.
async fn listening(port: u16) -> Result<(), BrowserError> {
    let knocking = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, knocking).await.map_err(|_| BrowserError::silent())
}

const MINI_BROWSER: &str = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_browser_is_a_failure_only_where_all_are_wanted() {
        assert!(matches!(wanted::<()>(Kind::Firefox, None, false), Ok(None)));
        assert!(matches!(wanted(Kind::Firefox, Some(()), true), Ok(Some(()))));
        let said = wanted::<()>(Kind::WebKit, None, true).unwrap_err().to_string();
        assert_eq!(
            said,
            "WebKit or its driver is not installed, and ANYTRACK_ALL_BROWSERS=1 wants its journeys; run `cargo xtask setup --browsers`"
        );
    }
}

//! chromedriver as a process, and the session it opens.
//!
//! chromedriver and Chromium share a process group of their own, because killing chromedriver alone leaves the
//! browser running. Every file they write lands in a temporary folder.

use std::process::Stdio;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

use super::BrowserError;
use crate::ports;

/// A running chromedriver with its folder. Dropping it kills it and every browser it started.
#[derive(Debug)]
pub(super) struct Driver {
    process: Child,
    group: Pid,
    port: u16,
    folder: TempDir,
}

impl Driver {
    /// Starts chromedriver on a free port. Left to choose, it takes one of 127.0.0.1 and gives up when [::1] has it
    /// in use.
    pub(super) async fn start() -> Result<Self, BrowserError> {
        let folder = TempDir::with_prefix("anytrack-browser-").map_err(BrowserError::Start)?;
        let port = ports::unclaimed().map_err(BrowserError::Start)?;
        let mut process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_CACHE_HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(BrowserError::Start)?;
        let group =
            process.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or_else(BrowserError::silent)?;
        let output = process.stdout.take().ok_or_else(BrowserError::silent)?;
        // From here on the value exists, so a failure below kills what was started.
        let driver = Self { process, group, port, folder };
        announced(output).await?;
        Ok(driver)
    }

    /// Opens a browser window.
    pub(super) async fn session(&self, proxy: Option<&str>) -> Result<Client, BrowserError> {
        let address = format!("http://127.0.0.1:{}", self.port);
        ClientBuilder::new(HttpConnector::new())
            .capabilities(self.capabilities(proxy))
            .connect(&address)
            .await
            .map_err(|error| BrowserError::Session(Box::new(error)))
    }

    /// The group of chromedriver and Chromium.
    pub(super) fn process_group(&self) -> u32 {
        self.group.as_raw_nonzero().get().cast_unsigned()
    }

    fn capabilities(&self, proxy: Option<&str>) -> Map<String, Value> {
        let mut arguments: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", self.folder.path().join("profile").display()));
        match proxy {
            // Without the bypass rule Chromium connects to loopback addresses past the proxy.
            Some(proxy) => arguments.extend([
                format!("--proxy-server=http://{proxy}"),
                "--proxy-bypass-list=<-loopback>".to_owned(),
            ]),
            None => arguments.push("--no-proxy-server".to_owned()),
        }
        let capabilities = json!({
            "browserName": "chrome",
            // Commands return once the document is parsed: a slow relay must not stop the test that watches it.
            "pageLoadStrategy": "eager",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        });
        capabilities.as_object().cloned().unwrap_or_default()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Fails only when the whole group is gone, which is the aim.
        let _gone = kill_process_group(self.group, Signal::KILL);
        let _reaped = self.process.try_wait();
    }
}

/// Reads what chromedriver prints until it says that it listens, then keeps its output flowing.
async fn announced(output: impl AsyncRead + Unpin + Send + 'static) -> Result<(), BrowserError> {
    let mut lines = BufReader::new(output).lines();
    let mut said = String::from("nothing");
    while let Some(line) = lines.next_line().await.map_err(BrowserError::Start)? {
        if line.contains("started successfully") {
            // A full pipe would stop chromedriver.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(());
        }
        said = line;
    }
    Err(BrowserError::NotListening { said })
}

/// A command of chromedriver's own, below the session's address.
#[derive(Debug)]
pub(super) struct Extension {
    /// Path below `/session/ID/`.
    pub(super) path: &'static str,
    /// JSON to post.
    pub(super) body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _address: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// Nothing that calls home, nothing that asks, no crash reports, nothing that moves on its own.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
];

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn chromedriver_is_believed_when_it_says_that_it_listens() {
        let starting = "Starting ChromeDriver 156.0 (a21ce95) on port 21000\n";
        let listens = format!("{starting}ChromeDriver was started successfully on port 21000.\n");
        announced(Cursor::new(listens)).await.unwrap();
        let refuses = format!("{starting}IPv6 port not available. Exiting...\n");
        let error = announced(Cursor::new(refuses)).await.unwrap_err();
        assert!(error.to_string().ends_with("IPv6 port not available. Exiting..."), "{error}");
    }
}

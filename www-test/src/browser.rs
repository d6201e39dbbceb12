//! A real browser, driven: headless Chromium through chromedriver, one fresh profile per [`Browser`].
//!
//! Owns the processes: they form one process group, which is killed when the value is dropped, whatever happened
//! before. Offers the verbs a visitor has (go, click, type) and the questions a test has (what does the page say,
//! what did it complain about, which cookies). Waits for conditions inside the page, never for time to pass.

mod driver;
mod hands;
pub mod other;
mod wait;

use std::io;
use std::path::Path;
use std::time::Duration;

use fantoccini::cookies::Cookie;
use fantoccini::error::{CmdError, NewSessionError};
use fantoccini::{Client, Locator};
use serde::Deserialize;
use serde_json::{Value, json};

use driver::{Driver, Extension};
pub use hands::{ALT, CTRL, Mouse};

/// Longest wait for anything a test expects. Generous, because it only ever runs out in a failing test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A browser window. Dropping it kills the browser.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    // Dropped after the client: the processes and their profile.
    driver: Driver,
}

/// A screen to look at the page with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// 390 × 844 CSS pixels at double density, with touch.
    Phone,
    /// 1280 × 860 CSS pixels.
    Desktop,
}

/// One line of the browser's log.
#[derive(Clone, Debug, Deserialize)]
pub struct LogLine {
    /// `SEVERE`, `WARNING`, `INFO` …
    pub level: String,
    /// `javascript`, `console-api`, `network`, `security` …
    pub source: String,
    /// Text with its place in front.
    pub message: String,
}

/// What can go wrong between a test and its browser.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// chromedriver is not installed or cannot be started.
    #[error("chromedriver cannot be started; install `chromium` and `chromium-driver`")]
    Start(#[source] io::Error),
    /// The driver, or what it needs, ended or never said that it listens.
    #[error("the browser's driver does not listen; the last it said: {said}")]
    NotListening {
        /// Its last line.
        said: String,
    },
    /// Chromium did not come up.
    #[error("no browser session; is `chromium` installed in the version of chromedriver?")]
    Session(#[from] Box<NewSessionError>),
    /// A browser is not installed that the tester wants.
    #[error(
        "{kind:?} or its driver is not installed, and ANYTRACK_ALL_BROWSERS=1 wants its journeys; run `cargo xtask setup --browsers`"
    )]
    Missing {
        /// Which.
        kind: other::Kind,
    },
    /// A command failed in the browser.
    #[error("the browser refused a command")]
    Command(#[from] Box<CmdError>),
    /// A condition did not come true in time.
    #[error("waited {} s in vain for: {what}", PATIENCE.as_secs())]
    Timeout {
        /// The condition, in JavaScript or in words.
        what: String,
    },
    /// A screenshot could not be written.
    #[error("screenshot cannot be written")]
    Screenshot(#[source] io::Error),
    /// The browser answered with something else than its protocol says.
    #[error("the browser's answer cannot be read")]
    Answer(#[from] serde_json::Error),
}

impl BrowserError {
    /// A driver that said nothing we could hear.
    fn silent() -> Self {
        Self::NotListening { said: "nothing".to_owned() }
    }
}

impl From<CmdError> for BrowserError {
    fn from(error: CmdError) -> Self {
        Self::Command(Box::new(error))
    }
}

impl Browser {
    /// Starts a browser. `proxy` is the `host:port` of a recorder; without one it connects directly.
    ///
    /// # Errors
    /// When chromedriver or Chromium cannot be started.
    pub async fn start(proxy: Option<&str>) -> Result<Self, BrowserError> {
        let driver = Driver::start().await?;
        let client = driver.session(proxy).await?;
        Ok(Self { client, driver })
    }

    /// Ends the session in good order, so that the browser removes its files. Dropping does the same by force.
    ///
    /// # Errors
    /// When the browser is gone already.
    pub async fn close(self) -> Result<(), BrowserError> {
        Ok(self.client.close().await?)
    }

    /// Opens an address and returns when its document is parsed (not when every image is there).
    ///
    /// # Errors
    /// When the address cannot be opened.
    pub async fn goto(&self, url: &str) -> Result<(), BrowserError> {
        Ok(self.client.goto(url).await?)
    }

    /// Clicks the element once it is there.
    ///
    /// # Errors
    /// When there is no such element in time, or something lies over it.
    pub async fn click(&self, css: &str) -> Result<(), BrowserError> {
        self.wait_for_element(css).await?;
        // To the middle of the screen first: at its edge, something fixed may lie over it.
        let middle = "scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.eval(&format!("document.querySelector({}).{middle}", json!(css))).await?;
        Ok(self.client.find(Locator::Css(css)).await?.click().await?)
    }

    /// Types into a field as a visitor would, key by key, over whatever stood there.
    ///
    /// # Errors
    /// When there is no such field in time.
    pub async fn fill(&self, css: &str, text: &str) -> Result<(), BrowserError> {
        self.wait_for_element(css).await?;
        let field = self.client.find(Locator::Css(css)).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses the Enter key where the keyboard's focus is.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn press_enter_in_focus(&self) -> Result<(), BrowserError> {
        for kind in ["keyDown", "keyUp"] {
            let params = json!({ "type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 });
            self.devtools("Input.dispatchKeyEvent", params).await?;
        }
        Ok(())
    }

    /// Chooses an option of a `select` by its value.
    ///
    /// # Errors
    /// When there is no such option.
    pub async fn select(&self, css: &str, value: &str) -> Result<(), BrowserError> {
        Ok(self.client.find(Locator::Css(css)).await?.select_by_value(value).await?)
    }

    /// Runs statements in the page and returns what they `return`.
    ///
    /// # Errors
    /// When they throw.
    pub async fn eval(&self, script: &str) -> Result<Value, BrowserError> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// The text an expression gives; empty when it is null.
    ///
    /// # Errors
    /// When it throws.
    pub async fn text(&self, expression: &str) -> Result<String, BrowserError> {
        let value = self.eval(&format!("return String(({expression}) ?? '')")).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until an expression is truthy in the page, over page changes too, and returns its value.
    ///
    /// # Errors
    /// [`BrowserError::Timeout`] after [`PATIENCE`].
    pub async fn wait_until(&self, expression: &str) -> Result<Value, BrowserError> {
        wait::until(&self.client, expression).await
    }

    /// Waits until an element matches.
    ///
    /// # Errors
    /// [`BrowserError::Timeout`] after [`PATIENCE`].
    pub async fn wait_for_element(&self, css: &str) -> Result<(), BrowserError> {
        self.wait_until(&format!("!!document.querySelector({})", json!(css))).await.map(drop)
    }

    /// Waits until the page's path is `path`.
    ///
    /// # Errors
    /// [`BrowserError::Timeout`] after [`PATIENCE`].
    pub async fn wait_for_path(&self, path: &str) -> Result<(), BrowserError> {
        let expression =
            format!("location.pathname === {} && document.readyState !== 'loading'", json!(path));
        self.wait_until(&expression).await.map(drop)
    }

    /// Opens another tab and goes there.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn new_tab(&self) -> Result<(), BrowserError> {
        let tab = self.client.new_window(true).await?;
        Ok(self.client.switch_to_window(tab.handle).await?)
    }

    /// The cookies the current page's address would be sent, those scripts cannot see included.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn cookies(&self) -> Result<Vec<Cookie<'static>>, BrowserError> {
        Ok(self.client.get_all_cookies().await?)
    }

    /// What the browser logged since the last call.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn log(&self) -> Result<Vec<LogLine>, BrowserError> {
        let lines = self.extension("se/log", json!({ "type": "browser" })).await?;
        Ok(serde_json::from_value(lines)?)
    }

    /// Uncaught exceptions and rejections since the last call: what a visitor's console shows in red because of a
    /// script. Requests that failed are the network's fault and are left out.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn exceptions(&self) -> Result<Vec<String>, BrowserError> {
        let lines = self.log().await?.into_iter();
        Ok(lines.filter(LogLine::is_exception).map(|line| line.message).collect())
    }

    /// Cuts the page off the network, or connects it again; the page's `navigator.onLine` and its `online` and
    /// `offline` events follow.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn offline(&self, offline: bool) -> Result<(), BrowserError> {
        self.devtools("Network.enable", json!({})).await?;
        let conditions =
            json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.emulateNetworkConditions", conditions).await.map(drop)
    }

    /// Sets the clock of the visitor's system to a time zone such as `Europe/Berlin`, for pages opened from now on.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn time_zone(&self, zone: &str) -> Result<(), BrowserError> {
        self.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await.map(drop)
    }

    /// Lets every request take so much longer, in milliseconds.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn slow_network(&self, delay_ms: u32) -> Result<(), BrowserError> {
        self.devtools("Network.enable", json!({})).await?;
        let conditions = json!({ "offline": false, "latency": delay_ms, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.emulateNetworkConditions", conditions).await.map(drop)
    }

    /// Makes the page's processor so many times slower.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn slow_processor(&self, times: u32) -> Result<(), BrowserError> {
        self.devtools("Emulation.setCPUThrottlingRate", json!({ "rate": times })).await.map(drop)
    }

    /// Forgets what it has loaded and kept: the next page is a first visit.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn forget(&self) -> Result<(), BrowserError> {
        self.devtools("Network.clearBrowserCache", json!({})).await?;
        self.devtools("Network.clearBrowserCookies", json!({})).await?;
        let origin = self.text("location.origin").await?;
        let everything = json!({ "origin": origin, "storageTypes": "all" });
        if origin == "null" {
            Ok(())
        } else {
            self.devtools("Storage.clearDataForOrigin", everything).await.map(drop)
        }
    }

    /// Looks at the page through another screen.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn screen(&self, screen: Screen) -> Result<(), BrowserError> {
        self.devtools("Emulation.setDeviceMetricsOverride", screen.metrics()).await.map(drop)
    }

    /// Pretends the visitor's system is set to `dark` or `light`.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn colour_scheme(&self, scheme: &str) -> Result<(), BrowserError> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Writes a picture of what is visible as `target/screenshots/NAME.png`.
    ///
    /// # Errors
    /// When it cannot be taken or written.
    pub async fn screenshot(&self, name: &str) -> Result<(), BrowserError> {
        let picture = self.client.screenshot().await?;
        let folder = Path::new(SCREENSHOTS);
        std::fs::create_dir_all(folder).map_err(BrowserError::Screenshot)?;
        std::fs::write(folder.join(format!("{name}.png")), picture).map_err(BrowserError::Screenshot)
    }

    /// Process group of the browser and its driver, for a test that looks whether they are gone.
    pub fn process_group(&self) -> u32 {
        self.driver.process_group()
    }

    async fn devtools(&self, command: &str, params: Value) -> Result<Value, BrowserError> {
        self.extension("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    async fn extension(&self, path: &'static str, body: Value) -> Result<Value, BrowserError> {
        Ok(self.client.issue_cmd(Extension { path, body }).await?)
    }
}

impl LogLine {
    fn is_exception(&self) -> bool {
        self.level == "SEVERE" && self.message.contains("Uncaught")
    }
}

impl Screen {
    /// Name for screenshots.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Desktop => "desktop",
        }
    }

    fn metrics(self) -> Value {
        match self {
            Self::Phone => json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true }),
            Self::Desktop => json!({ "width": 1280, "height": 860, "deviceScaleFactor": 1, "mobile": false }),
        }
    }
}

/// Beside the build's other products, and so never in the repository.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screenshots");

//! Relay, platforms and shop, started together and pointed at each other.
//!
//! The order matters: the shop opens first, because the relay's configuration names its origin; then the platforms,
//! because the configuration names their address; then the relay; then the relay's own snippet is pasted into the
//! shop, as a customer would.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::process::Command;

use super::relay::Relay;
use crate::delivered::{self, Delivered};
use crate::demo::elsewhere::SOURCES;
use crate::demo::expected::GOOGLE_PURCHASE;
use crate::loopback::client;
use crate::relay_process::{
    API_KEY, Bed, META_TOKEN, RelayError, SITE, Settings, WEBHOOK_SECRET, destination,
};
use crate::sandbox::exchange::Recorded;
use crate::sandbox::state::State;
use crate::sandbox::{NotInTime, Sandbox, SandboxError, Settings as PlatformSettings};
use crate::shop::{Shop, Snippet};

/// What is to be tested: the relay's program and the tag's files.
#[derive(Clone, Debug)]
pub struct Build {
    /// The relay's program.
    pub relay: PathBuf,
    /// Directory with the tag's build.
    pub tag_assets: PathBuf,
}

impl Build {
    /// What `cargo xtask build` leaves in this workspace: the relay beside the running program, the tag in `dist/tag`.
    pub fn of_workspace() -> Self {
        let program = std::env::current_exe().unwrap_or_default();
        // Programs lie in `target/PROFILE`, tests one level below in `deps`.
        let beside = |folder: &Path| folder.join("anytrack-relay");
        let relay = program.ancestors().skip(1).map(beside).find(|relay| relay.is_file());
        Self { relay: relay.unwrap_or_else(|| beside(Path::new(TARGET))), tag_assets: PathBuf::from(DIST) }
    }
}

/// Relay and platforms, running. Dropping them stops both and removes their files.
#[derive(Debug)]
pub struct Servers {
    relay: Relay,
    sandbox: Sandbox,
}

/// Why the servers do not run.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// No port, or no temporary folder.
    #[error("cannot start on this machine")]
    Machine(#[from] io::Error),
    /// The platforms do not start.
    #[error("the platform sandbox does not start")]
    Sandbox(#[from] SandboxError),
    /// The relay does not start.
    #[error("the relay does not start")]
    Relay(#[from] RelayError),
    /// A part of the build is missing.
    #[error("{} is missing; run `cargo xtask build`", .path.display())]
    NotBuilt {
        /// Which part.
        path: PathBuf,
    },
    /// The relay would not print a snippet.
    #[error("`anytrack-relay snippet` failed: {said}")]
    Snippet {
        /// What it said instead.
        said: String,
    },
}

impl Servers {
    /// Starts all of them, and the shop.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start(build: &Build) -> Result<(Self, Shop), ServersError> {
        Self::start_with(build, "").await
    }

    /// Starts all of them, and the shop, with further keys of the site and tables below it.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start_with(build: &Build, site: &str) -> Result<(Self, Shop), ServersError> {
        for path in [build.relay.clone(), build.tag_assets.join("manifest.json")] {
            if !path.is_file() {
                return Err(ServersError::NotBuilt { path });
            }
        }
        let shop = Shop::open(Snippet::none()).await?;
        let sandbox = Sandbox::start_with(&platforms()).await?;
        let bed = Bed::make_for(
            build.relay.clone(),
            &Settings { site: site.to_owned(), ..settings(build, &shop, &sandbox) },
        )?;
        let servers = Self { relay: Relay::start(bed).await?, sandbox };
        let (html, _) = servers.printed_snippet().await?;
        shop.paste(Snippet::printed(html, &servers.relay_url()));
        Ok((servers, shop))
    }

    /// The relay's origin.
    pub fn relay_url(&self) -> String {
        format!("http://{}", self.relay.bed().address())
    }

    /// Where the platforms are played.
    pub fn sandbox_url(&self) -> String {
        self.sandbox.url()
    }

    /// Secret of the webhook's signatures, `whsec_` and base64.
    pub fn webhook_secret(&self) -> &'static str {
        WEBHOOK_SECRET
    }

    /// Folder with everything the relay writes: configuration, store, log.
    pub fn folder(&self) -> &Path {
        self.relay.bed().directory()
    }

    /// Stops the relay as an operator would, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(self) -> Result<(), ServersError> {
        Ok(self.relay.stop().await?)
    }

    /// Every request a platform got so far.
    pub fn records(&self) -> Vec<Recorded> {
        self.sandbox.read(|state| state.requests(None).cloned().collect())
    }

    /// Every event one platform took so far.
    pub fn delivered(&self, platform: &str) -> Vec<Delivered> {
        delivered::at(platform, &self.records())
    }

    /// Waits until `find` finds something in what the platforms got.
    ///
    /// # Errors
    /// When it does not within `within`; the error says how things stand.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        find: impl Fn(&[Recorded]) -> Option<T>,
    ) -> Result<T, NotInTime> {
        let found = Cell::new(None);
        let look = |state: &State| {
            let records: Vec<Recorded> = state.requests(None).cloned().collect();
            let now = find(&records);
            let there = now.is_some();
            found.set(now);
            there
        };
        self.sandbox.wait_until(what, within, look).await?;
        Ok(found.into_inner().expect("the wait ends well only when something was found"))
    }

    /// Reports an event as the shop's own server would, and returns the relay's answer.
    ///
    /// # Panics
    /// When the relay does not answer with JSON: only tests call this.
    pub async fn from_server(&self, event: &Value) -> Value {
        let request = Request::post(format!("{}/v1/track", self.relay_url()))
            .header(header::AUTHORIZATION, format!("Bearer {API_KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(event.to_string())))
            .expect("address and headers are plain ASCII");
        let answer = client::send(request).await.expect("the relay answers");
        serde_json::from_slice(answer.body()).expect("the relay answers with JSON")
    }

    /// The snippet as the relay's own command prints it, and what it says of the policy.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn printed_snippet(&self) -> Result<(String, String), ServersError> {
        let printed = Command::new(self.relay.bed().binary())
            .args(["snippet", "--site", SITE, "--config"])
            .arg(self.relay.bed().configuration())
            .stdin(Stdio::null())
            .output()
            .await?;
        if !printed.status.success() {
            return Err(ServersError::Snippet {
                said: String::from_utf8_lossy(&printed.stderr).into_owned(),
            });
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(&printed.stdout), text(&printed.stderr)))
    }
}

/// Platforms that know our credentials and refuse every other.
fn platforms() -> PlatformSettings {
    PlatformSettings {
        meta_tokens: vec![META_TOKEN.to_owned()],
        tiktok_tokens: vec![TIKTOK_TOKEN.to_owned()],
        webhook_secret: Some(WEBHOOK_SECRET.to_owned()),
        ..PlatformSettings::default()
    }
}

/// A relay for this shop and these platforms, as an operator would set it up.
fn settings(build: &Build, shop: &Shop, sandbox: &Sandbox) -> Settings {
    Settings {
        meta: Some(sandbox.url()),
        webhook: Some(sandbox.url()),
        more: accounts(&sandbox.url()) + SOURCES,
        origin: shop.origin(),
        country: Some("GB"),
        tag_assets: Some(build.tag_assets.clone()),
        visitor_id_as_external_id: true,
        ..Settings::default()
    }
}

/// An account at each platform but Meta, played at `sandbox`.
pub(crate) fn accounts(sandbox: &str) -> String {
    let accounts = [
        (
            "google-ads",
            format!(
                "operating_account = \"1234567890\"\nconversion_actions = {{ Purchase = \"{GOOGLE_PURCHASE}\" }}\n\
             oauth = {{ client_id = \"client-for-tests\", client_secret = \"secret-for-tests\", \
             refresh_token = \"refresh-for-tests\" }}"
            ),
        ),
        ("tiktok", format!("pixel_code = \"C0EXAMPLE0PIXEL0CODE\"\naccess_token = \"{TIKTOK_TOKEN}\"")),
        ("microsoft", "tag_id = \"12345678\"\naccess_token = \"token-for-tests\"".to_owned()),
        ("outbrain", "conversions = { Purchase = \"Purchase\", AddToCart = \"AddToCart\" }".to_owned()),
        ("taboola", "conversions = { Purchase = \"make_purchase\", AddToCart = \"add_to_cart\" }".to_owned()),
    ];
    accounts.map(|(name, own)| destination(name, sandbox, &own)).concat()
}

/// Access token of the TikTok destination.
const TIKTOK_TOKEN: &str = "token-for-tests";
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug");
const DIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/tag");

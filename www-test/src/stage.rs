//! The stage of a browser test: platforms, relay, shop, recorder and browser, joined and started together.
//!
//! [`Servers`] is everything but the browser, which is what the demo needs; [`Stage`] adds the visitor's side. Owns
//! the order of starting and the questions that need several of them at once. Every wait is for a condition and
//! ends after [`PATIENCE`]; nothing sleeps.

mod relay;
mod servers;

use serde_json::{Value, json};

pub(crate) use servers::accounts;
pub use servers::{Build, Servers, ServersError};

use crate::browser::{Browser, BrowserError, PATIENCE};
use crate::delivered::{self, Delivered};
use crate::recorder::{Exchange, Gate, Recorder, Secret};
use crate::sandbox::exchange::Recorded;
use crate::shop::Shop;

/// Everything one browser test needs. Dropping it stops all of it.
#[derive(Debug)]
pub struct Stage {
    /// The visitor's browser, whose every request goes through the recorder.
    pub browser: Browser,
    /// The recorder.
    pub recorder: Recorder,
    /// The customer's site.
    pub shop: Shop,
    /// Relay and platforms.
    pub servers: Servers,
}

/// Why there is no stage.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Relay, shop or platforms do not start.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// The browser does not start or obey.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// No port for the shop or the recorder.
    #[error("no free port on 127.0.0.1")]
    Port(#[from] std::io::Error),
}

impl Stage {
    /// Sets the stage with the workspace's own build of relay and tag.
    ///
    /// # Errors
    /// When something does not start; the message says what to install or build.
    pub async fn set() -> Result<Self, StageError> {
        Self::with(&Build::of_workspace()).await
    }

    /// Sets the stage with a given build.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn with(build: &Build) -> Result<Self, StageError> {
        Self::joined(Servers::start(build).await?).await
    }

    async fn joined((servers, shop): (Servers, Shop)) -> Result<Self, StageError> {
        let recorder = Recorder::start().await?;
        let browser = Browser::start(Some(&recorder.authority())).await?;
        Ok(Self { browser, recorder, shop, servers })
    }

    /// Sets the stage with the workspace's own build, and with further keys of the site and tables below it, such as
    /// `[site.tag]`, as the configuration file has them.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn for_site(site: &str) -> Result<Self, StageError> {
        Self::joined(Servers::start_with(&Build::of_workspace(), site).await?).await
    }

    /// Takes everything down in good order. Dropping does the same by force.
    ///
    /// # Errors
    /// When browser or relay do not end as they should.
    pub async fn strike(self) -> Result<(), StageError> {
        self.browser.close().await?;
        Ok(self.servers.stop().await?)
    }

    /// Opens a page of the shop and waits until the tag runs on it.
    ///
    /// # Panics
    /// When it does not within [`PATIENCE`].
    pub async fn visit(&self, path: &str) {
        let open = async {
            self.browser.goto(&self.shop.url(path)).await?;
            self.browser.eval("anytrack.ready(function () { window.__ready = true; })").await?;
            self.browser.wait_until("window.__ready === true").await
        };
        open.await.unwrap_or_else(|error| panic!("the tag does not run on {path}: {error}"));
    }

    /// Answers all three purposes of consent alike.
    ///
    /// # Panics
    /// When the page refuses the call.
    pub async fn consent(&self, answer: &str) {
        let all = json!({ "ad_storage": answer, "ad_user_data": answer, "ad_personalization": answer });
        self.browser.eval(&format!("anytrack.consent({all})")).await.expect("consent() never throws");
    }

    /// Waits for the first event called `name` at `platform`.
    ///
    /// # Panics
    /// When it does not come within [`PATIENCE`].
    pub async fn wait_for(&self, platform: &str, name: &str) -> Delivered {
        let find = |records: &[Recorded]| {
            delivered::at(platform, records).into_iter().find(|event| event.name == name)
        };
        let found = self.servers.wait_for(&format!("{name} at {platform}"), PATIENCE, find).await;
        found.unwrap_or_else(|late| panic!("{late}; events there: {:?}", self.names_at(platform)))
    }

    /// Everything `platform` received once a closing event, tracked now on the current page, has arrived there.
    /// What was not delivered before it was not sent, so what is missing here may be refuted.
    ///
    /// # Panics
    /// When the closing event does not come within [`PATIENCE`].
    pub async fn settled(&self, platform: &str) -> Vec<Delivered> {
        let closing = format!("Settled-{platform}");
        self.browser
            .eval(&format!("anytrack.track({})", json!(closing)))
            .await
            .expect("track() never throws");
        self.wait_for(platform, &closing).await;
        self.servers.delivered(platform)
    }

    /// Opens or closes the way from the browser to the relay.
    pub fn relay_gate(&self, gate: Gate) {
        self.recorder.gate(&self.servers.relay_url(), gate);
    }

    /// Waits until the browser has sent a request with `text` in its address or body.
    ///
    /// # Panics
    /// When it does not within [`PATIENCE`].
    pub async fn seen_by_the_recorder(&self, text: &str) {
        let holds = |exchange: &Exchange| {
            exchange.url.contains(text) || String::from_utf8_lossy(&exchange.body).contains(text)
        };
        let seen = self.recorder.wait_for(|all| all.iter().any(holds).then_some(())).await;
        assert!(seen.is_some(), "the browser never sent {text}");
    }

    /// The first `Set-Cookie` line by which the relay set the visitor cookie.
    ///
    /// # Panics
    /// When there is none within [`PATIENCE`].
    pub async fn visitor_cookie_line(&self) -> String {
        let seen = self.recorder.wait_for(|all| all.iter().find_map(visitor_cookie)).await;
        seen.expect("the relay sets the visitor cookie")
    }

    /// Reports an event as the customer's own server would, and returns the relay's answer.
    ///
    /// # Panics
    /// When the relay does not answer with JSON.
    pub async fn from_server(&self, event: &Value) -> Value {
        self.servers.from_server(event).await
    }

    /// Asserts that the page still does what it is for: a click has its effect.
    ///
    /// # Panics
    /// When it has not.
    pub async fn page_works(&self) {
        let works = async {
            self.browser.click("#button").await?;
            self.browser.wait_until("document.getElementById('answer').textContent === 'clicked'").await
        };
        works.await.unwrap_or_else(|error| panic!("the page is broken: {error}"));
    }

    /// Asserts that no script has thrown: neither into the page nor into its visitor's console.
    ///
    /// # Panics
    /// When one has.
    pub async fn page_is_unharmed(&self) {
        let errors = self.browser.eval("return window.__errors").await.expect("watch.js is on the page");
        assert_eq!(errors, json!([]), "exceptions in the page");
        let logged = self.browser.exceptions().await.expect("the log can be read");
        assert!(logged.is_empty(), "exceptions in the console: {logged:?}");
    }

    /// Asserts that a secret cannot be read in anything the browser sent.
    ///
    /// # Panics
    /// When it can, with the place.
    pub fn nothing_readable(&self, field: &'static str, secret: &str) {
        let found = self.recorder.sightings(&[Secret::new(field, secret)]);
        assert!(found.is_empty(), "{found:?}");
    }

    fn names_at(&self, platform: &str) -> Vec<String> {
        self.servers.delivered(platform).into_iter().map(|event| event.name).collect()
    }
}

fn visitor_cookie(exchange: &Exchange) -> Option<String> {
    let lines = exchange.answer_headers.get_all("set-cookie");
    lines
        .iter()
        .filter_map(|line| line.to_str().ok())
        .find(|line| line.starts_with("_at_vid="))
        .map(str::to_owned)
}

//! The sandbox: one HTTP server that plays the ad platforms by their dossiers, counts what they would count, records
//! every request, and fails on order.
//!
//! Used in-process by tests ([`Sandbox`]) and as a program by the demo ([`run`]). Loopback only. Owns everything on
//! the platforms' side of the wire; knows nothing of the relay.

pub mod clock;
pub mod control;
pub mod exchange;
mod fields;
pub mod google_ads;
pub mod ledger;
pub mod meta;
pub mod microsoft;
pub mod outbrain;
pub mod player;
mod postback;
mod script;
mod server;
pub mod state;
pub mod taboola;
pub mod tiktok;
pub mod trouble;
pub mod webhook;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use exchange::{Arrived, Recorded};
use state::{Play, State, Tally};
use trouble::Order;

/// `www-test sandbox`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Loopback address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Access token Meta accepts; may be repeated. Without one, every token is accepted.
    #[arg(long)]
    meta_token: Vec<String>,
    /// Access token TikTok accepts; may be repeated. Without one, every token is accepted.
    #[arg(long)]
    tiktok_token: Vec<String>,
    /// Secret the webhook's signatures are checked with: `whsec_` and base64, or any text. Without one, a signature
    /// must be there but is not verified.
    #[arg(long)]
    webhook_secret: Option<String>,
    /// How many requests to remember; the oldest go first.
    #[arg(long, default_value_t = KEEP_REQUESTS)]
    keep_requests: usize,
}

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen: an address of this machine alone. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Access tokens Meta accepts; with none, every token.
    pub meta_tokens: Vec<String>,
    /// Access tokens TikTok accepts; with none, every token.
    pub tiktok_tokens: Vec<String>,
    /// The OAuth client Google knows; with none, every client.
    pub google_client: Option<google_ads::Client>,
    /// Secret the webhook's signatures are checked with.
    pub webhook_secret: Option<String>,
    /// How many requests are remembered, oldest forgotten first. Nought for load tests: then only event ids and
    /// counters take memory.
    pub keep_requests: usize,
    /// Whether every event is remembered, so that it counts once. Without it, whatever arrives counts, and memory stays
    /// flat under a load of millions.
    pub keep_events: bool,
}

const KEEP_REQUESTS: usize = 10_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            meta_tokens: Vec::new(),
            tiktok_tokens: Vec::new(),
            google_client: None,
            webhook_secret: None,
            keep_requests: KEEP_REQUESTS,
            keep_events: true,
        }
    }
}

/// Why the sandbox cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port is taken or not ours to take.
    #[error("cannot listen on {address}; choose another with --listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An address other machines could reach: the sandbox believes everybody.
    #[error("{address} is not a loopback address; the sandbox listens on 127.0.0.1 only")]
    NotLoopback {
        /// Where.
        address: SocketAddr,
    },
    /// The end of the program could not be waited for.
    #[error("cannot wait for ctrl-c")]
    Signal(#[source] std::io::Error),
}

/// A condition that did not come about in time, and how things stood.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} in vain for {what}; {stand}")]
pub struct NotInTime {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited: Duration,
    /// The platforms' figures at the end.
    pub stand: String,
}

/// What the server's tasks share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Grows with every change of the state.
    changes: watch::Sender<u64>,
    /// Whether the port is to be open.
    open: watch::Sender<bool>,
    /// Whether it is.
    port_is_open: watch::Sender<bool>,
}

impl Shared {
    fn new(settings: &Settings) -> Self {
        Self {
            state: Mutex::new(State::new(settings)),
            changes: watch::Sender::new(0),
            open: watch::Sender::new(true),
            port_is_open: watch::Sender::new(true),
        }
    }

    /// The state. A test that panicked while holding it leaves it readable for the others.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.lock());
        self.changes.send_modify(|changes| *changes += 1);
        result
    }

    fn receive(&self, request: Arrived) -> Play {
        self.change(|state| state.receive(request, clock::now()))
    }
}

/// A running sandbox. Dropping it closes the port and every connection.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<std::io::Result<std::convert::Infallible>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Sandbox {
    /// Starts a sandbox on a free port, believing every token.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> Result<Self, SandboxError> {
        Self::start_with(&Settings::default()).await
    }

    /// Starts a sandbox. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the address is not a loopback address or cannot be listened on.
    #[expect(clippy::unused_async, reason = "an async signature says that a runtime must be there")]
    pub async fn start_with(settings: &Settings) -> Result<Self, SandboxError> {
        let address = settings.listen;
        if !address.ip().is_loopback() {
            return Err(SandboxError::NotLoopback { address });
        }
        let wrong = |source| SandboxError::Listen { address, source };
        let listener = server::listen(address).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let shared = Arc::new(Shared::new(settings));
        let serving = tokio::spawn(server::serve(listener, shared.clone()));
        Ok(Self { address, shared, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address, `http://127.0.0.1:PORT`, for `endpoint` in the relay's configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Orders trouble.
    pub fn fail(&self, order: Order) {
        self.shared.change(|state| state.order(order));
    }

    /// Lifts every order.
    pub fn recover(&self) {
        self.shared.change(State::recover);
    }

    /// Forgets requests and counts, and lifts every order.
    pub fn reset(&self) {
        self.shared.change(State::reset);
    }

    /// Refuses connections until [`Sandbox::open`]; ends those that live. Answers when the port is shut.
    pub async fn shut(&self) {
        self.turn(false).await;
    }

    /// Takes connections again. Answers when the port is open.
    pub async fn open(&self) {
        self.turn(true).await;
    }

    async fn turn(&self, open: bool) {
        let mut is_open = self.shared.port_is_open.subscribe();
        self.shared.open.send_replace(open);
        // The sender lives as long as `self`.
        let _sender_lives = is_open.wait_for(|is| *is == open).await;
    }

    /// A platform's figures.
    pub fn counted(&self, platform: &str) -> Tally {
        self.read(|state| state.counted(platform))
    }

    /// The remembered requests of a platform, oldest first.
    pub fn requests(&self, platform: &str) -> Vec<Recorded> {
        self.read(|state| state.requests(Some(platform)).cloned().collect())
    }

    /// Looks at the whole state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.shared.read(look)
    }

    /// Waits until the state satisfies `holds`, looking again after every change; no polling, no sleeping.
    ///
    /// # Errors
    /// When that does not happen within `within`; the error says how things stand.
    pub async fn wait_until(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&State) -> bool,
    ) -> Result<(), NotInTime> {
        let mut changes = self.shared.changes.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if self.read(&holds) || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(within, waiting).await.map_err(|_| NotInTime {
            what: what.to_owned(),
            waited: within,
            stand: self.read(|state| format!("{state:?}")),
        })
    }
}

/// Runs the sandbox as a program until ctrl-c: prints its address, then serves.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(args: Args) -> Result<(), SandboxError> {
    let Args { listen, meta_token, tiktok_token, webhook_secret, keep_requests } = args;
    let settings = Settings {
        listen,
        meta_tokens: meta_token,
        tiktok_tokens: tiktok_token,
        google_client: None,
        webhook_secret,
        keep_requests,
        keep_events: true,
    };
    let sandbox = Sandbox::start_with(&settings).await?;
    #[expect(clippy::print_stdout, reason = "the address is this command's output")]
    {
        println!("{}", sandbox.url());
    }
    tokio::signal::ctrl_c().await.map_err(SandboxError::Signal)
}

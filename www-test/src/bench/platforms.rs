//! A relay with an account at each of the six platforms, and these played in this process.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::BenchError;
use crate::relay_process::{Bed, META_TOKEN, RelayProcess, Settings, resident_bytes};
use crate::sandbox::state::State;
use crate::sandbox::{Sandbox, Settings as SandboxSettings};
use crate::stage::accounts;

/// The platforms, as the relay's configuration names them.
pub(super) const PLATFORMS: [&str; 6] = ["meta", "google-ads", "tiktok", "microsoft", "outbrain", "taboola"];

/// The platforms, remembering no event: a load of millions would be theirs to keep.
pub(super) async fn play() -> Result<Sandbox, BenchError> {
    let settings = SandboxSettings {
        meta_tokens: vec![META_TOKEN.to_owned()],
        keep_requests: 0,
        keep_events: false,
        ..SandboxSettings::default()
    };
    Ok(Sandbox::start_with(&settings).await?)
}

/// A bed whose relay delivers to them. It asks one that failed again after a second.
pub(super) async fn bed(sandbox: &Sandbox) -> Result<Bed, BenchError> {
    let settings = Settings {
        meta: Some(sandbox.url()),
        more: accounts(&sandbox.url()),
        backoff_base_ms: 1_000,
        backoff_cap_ms: 1_000,
        request_timeout_ms: 10_000,
        ..Settings::default()
    };
    Ok(Bed::make(&settings).await?)
}

/// Events each platform has counted, of the one that has the fewest.
pub(super) fn fewest(state: &State) -> u64 {
    PLATFORMS.iter().map(|platform| state.counted(platform).counted).min().unwrap_or_default()
}

/// Waits until every platform has so many events, and the relay has noted that.
pub(super) async fn have_all(
    sandbox: &Sandbox,
    relay: &RelayProcess<'_>,
    events: u64,
    within: Duration,
) -> Result<(), BenchError> {
    // Asking the platforms costs the relay nothing.
    let what = format!("{events} events at each platform");
    sandbox.wait_until(&what, within, |state| fewest(state) >= events).await?;
    relay.wait_until_idle(within).await?;
    Ok(())
}

/// The most memory a process holds while this lives. Looks every few milliseconds.
pub(super) struct Peak(JoinHandle<u64>, tokio::sync::watch::Sender<bool>);

impl Peak {
    /// Begins to look.
    pub(super) fn of(relay: &RelayProcess<'_>) -> Self {
        let (stop, mut stopped) = tokio::sync::watch::channel(false);
        let process = relay.id();
        let looking = tokio::spawn(async move {
            let mut most = 0;
            loop {
                most = most.max(process.and_then(resident_bytes).unwrap_or_default());
                if tokio::time::timeout(LOOK_AGAIN, stopped.changed()).await.is_ok() {
                    return most;
                }
            }
        });
        Self(looking, stop)
    }

    /// Ends looking, and gives the most there was, in megabytes.
    pub(super) async fn mb(self) -> f64 {
        self.1.send_replace(true);
        megabytes(self.0.await.unwrap_or_default())
    }
}

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A number of bytes in millions.
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

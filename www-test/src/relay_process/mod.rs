//! The real relay as a child process: built, configured, started, watched, asked and killed.
//!
//! Owns the process and its directory (configuration, database, log). A [`Bed`] outlives the processes started in
//! it, so a relay can be killed and started again on the same port with the same database. Uses only what an
//! operator has: the binary, its configuration file and its routes.

mod binary;
mod metrics;
mod settings;
mod wrapper;

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout_at};

use crate::bench::connection::{Connection, Response};
use crate::ports;

pub use binary::{BinaryError, find};
pub use metrics::Metrics;
pub use settings::{API_KEY, META_TOKEN, SITE, Settings, WEBHOOK_SECRET, destination};
pub use wrapper::wrapped;

/// How long a relay may take until it is ready. Opening a large database in a debug build takes a while.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks at something only the relay knows.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const CONFIGURATION: &str = "anytrack.toml";

/// Something about the relay's process that did not go as it must.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// There is no binary.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// Files, ports or processes of the bed.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended instead of serving.
    #[error("the relay ended ({status}) before it was ready; its log says:\n{log}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// It runs, but does not do what was waited for.
    #[error("the relay was not {what} within {within:?}; its log ends:\n{log}")]
    NotInTime {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// The end of its log.
        log: String,
    },
}

fn doing(doing: &'static str) -> impl Fn(io::Error) -> RelayError {
    move |source| RelayError::Io { doing, source }
}

/// A place for relays: a directory, a port and a configuration. Removed when dropped.
#[derive(Debug)]
pub struct Bed {
    directory: TempDir,
    address: SocketAddr,
    binary: PathBuf,
}

impl Bed {
    /// Finds the binary (building it if need be), takes a free port and writes the configuration.
    ///
    /// # Errors
    /// When there is no binary, no port or no directory.
    pub async fn make(settings: &Settings) -> Result<Self, RelayError> {
        Self::make_for(find().await?, settings)
    }

    /// The same for a given binary.
    ///
    /// # Errors
    /// When there is no port or no directory.
    pub fn make_for(binary: PathBuf, settings: &Settings) -> Result<Self, RelayError> {
        let directory = TempDir::with_prefix("anytrack-").map_err(doing("make a directory"))?;
        let address =
            SocketAddr::from((Ipv4Addr::LOCALHOST, ports::unclaimed().map_err(doing("find a free port"))?));
        let text = settings.to_toml(address, directory.path());
        std::fs::write(directory.path().join(CONFIGURATION), text)
            .map_err(doing("write the configuration"))?;
        Ok(Self { directory, address, binary })
    }

    /// Starts a relay and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time; the error carries the end of its log.
    pub async fn start(&self) -> Result<RelayProcess<'_>, RelayError> {
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.map_err(doing("open the log"))?;
        let twin = log.try_clone().map_err(doing("open the log"))?;
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(self.configuration())
            .env("ANYTRACK_LOG", "info")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(twin)
            .kill_on_drop(true)
            .spawn()
            .map_err(doing("start the relay"))?;
        let mut relay = RelayProcess { child, bed: self };
        relay.ready().await?;
        Ok(relay)
    }

    /// Where relays of this bed listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The relay's binary.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The relay's configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.directory.path().join(CONFIGURATION)
    }

    /// The relay's database.
    pub fn database(&self) -> PathBuf {
        settings::database(self.directory.path())
    }

    /// The directory with everything a relay of this bed wrote.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Everything the relays of this bed have logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("relay.log")
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// A running relay. Killed when dropped.
#[derive(Debug)]
pub struct RelayProcess<'a> {
    child: Child,
    bed: &'a Bed,
}

impl RelayProcess<'_> {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.bed.address
    }

    async fn ready(&mut self) -> Result<(), RelayError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().map_err(doing("ask for the relay's end"))? {
                return Err(RelayError::Ended { status, log: self.bed.log_end() });
            }
            if self.get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.not_in_time("ready", READY_WITHIN));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    fn not_in_time(&self, what: &str, within: Duration) -> RelayError {
        RelayError::NotInTime { what: what.to_owned(), within, log: self.bed.log_end() }
    }

    /// One `GET`, on a connection of its own.
    ///
    /// # Errors
    /// When the relay does not answer.
    pub async fn get(&self, path: &str) -> io::Result<Response> {
        Connection::open(self.bed.address).await?.get(path).await
    }

    /// What `/metrics` says.
    ///
    /// # Errors
    /// When the relay does not answer.
    pub async fn metrics(&self) -> io::Result<Metrics> {
        Ok(Metrics::read(&String::from_utf8_lossy(&self.get("/metrics").await?.body)))
    }

    /// Looks at the metrics until they satisfy `holds`.
    ///
    /// # Errors
    /// When they do not within `within`.
    pub async fn wait_for_metrics(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&Metrics) -> bool,
    ) -> Result<Metrics, RelayError> {
        let deadline = Instant::now() + within;
        loop {
            let look = timeout_at(deadline, self.metrics()).await;
            if let Ok(Ok(metrics)) = look
                && holds(&metrics)
            {
                return Ok(metrics);
            }
            if Instant::now() > deadline {
                return Err(self.not_in_time(what, within));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until no destination has anything left to read or to retry.
    ///
    /// # Errors
    /// When that does not happen within `within`.
    pub async fn wait_until_idle(&self, within: Duration) -> Result<Metrics, RelayError> {
        self.wait_for_metrics("idle", within, Metrics::is_idle).await
    }

    /// The process's number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Memory the process holds, in bytes: `VmRSS` of `/proc/{pid}/status` (Linux; proc_pid_status(5)).
    pub fn resident_bytes(&self) -> Option<u64> {
        resident_bytes(self.child.id()?)
    }

    /// Processor time the process has taken so far.
    pub fn cpu_time(&self) -> Option<Duration> {
        cpu_time(self.child.id()?)
    }

    /// Kills it on the spot (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> Result<(), RelayError> {
        self.child.kill().await.map_err(doing("kill the relay"))
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not stop within `within`.
    pub async fn stop(mut self, within: Duration) -> Result<ExitStatus, RelayError> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|error| doing("stop the relay")(error.into()))?;
        }
        match timeout_at(Instant::now() + within, self.child.wait()).await {
            Ok(status) => status.map_err(doing("wait for the relay")),
            Err(_) => Err(self.not_in_time("stopped", within)),
        }
    }
}

/// Memory a process holds, in bytes; `None` where there is no `/proc`.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Processor time a process has taken, in user and system mode, all threads: fields 14 and 15 of `/proc/{pid}/stat`, in
/// ticks of 10 ms (Linux; proc_pid_stat(5)). `None` where there is no `/proc`.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold blanks; the third follows it.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(ticks()?.saturating_add(ticks()?).saturating_mul(10)))
}

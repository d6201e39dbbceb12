//! The benchmark: what the relay takes in, durably, against the least any HTTP server on the same library must do.
//!
//! Two servers, each a process of its own, get the same load from this process in alternating rounds: a bare hyper
//! handler that reads the body and answers 202 (`www-test bench bare`), and the relay, which parses, checks,
//! attributes, deduplicates and fsyncs before it answers the same. Everything shares the machine's cores, the load
//! generator too, so the ratio is what to look at. Also owns the raw HTTP client and the events tests use.

mod bare;
pub mod chance;
pub mod connection;
pub mod event;
mod load;
mod report;

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::relay_process::{Bed, RelayError, Settings, cpu_time, resident_bytes};
use crate::sandbox::{Sandbox, SandboxError, Settings as SandboxSettings};
use load::Load;
use report::Report;

/// `www-test bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Connections kept open, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// Length of a round in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Rounds for each of the two.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Let the relay deliver to sandboxes of Meta and the webhook meanwhile. Their work costs the same cores.
    #[arg(long)]
    deliver: bool,
}

/// A process of the benchmark's own.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Part {
    /// Serve the bare handler: prints its address, reads bodies, answers 202.
    #[command(hide = true)]
    Bare,
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The relay does not run.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The sandbox does not run.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The bare handler does not run.
    #[error("the bare handler does not run")]
    Bare(#[source] io::Error),
    /// A request was not answered with 202, so the figure would be of something else.
    #[error("{server} answered {status} instead of 202: {body}")]
    Answer {
        /// Which of the two.
        server: &'static str,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// A connection broke.
    #[error("a connection to {server} broke")]
    Broken {
        /// Which of the two.
        server: &'static str,
        /// How.
        #[source]
        source: io::Error,
    },
}

/// Runs the benchmark and prints both figures.
///
/// # Errors
/// When one of the two does not run or answers anything but 202.
pub async fn run(args: Args) -> Result<(), BenchError> {
    if let Some(Part::Bare) = args.part {
        return bare::serve().await.map_err(BenchError::Bare);
    }
    let report = measure(&args).await?;
    #[expect(clippy::print_stdout, reason = "the report is this command's output")]
    {
        println!("{report}");
    }
    Ok(())
}

async fn measure(args: &Args) -> Result<Report, BenchError> {
    let (bare, bare_address) = start_bare().await.map_err(BenchError::Bare)?;
    let sandbox =
        Sandbox::start_with(&SandboxSettings { keep_requests: 0, ..SandboxSettings::default() }).await?;
    let destination = args.deliver.then(|| sandbox.url());
    let settings = Settings { meta: destination.clone(), webhook: destination, ..Settings::default() };
    let bed = Bed::make(&settings).await?;
    let relay = bed.start().await?;
    let mut load = Load::new(usize::from(args.connections), Duration::from_secs(args.seconds));
    let mut report = Report::new(args.connections, args.seconds, args.deliver);
    for _ in 0..args.rounds {
        let cpu_of_bare = || bare.id().and_then(cpu_time);
        report.bare.push(load.round("the bare handler", bare_address, cpu_of_bare).await?);
        report.relay.push(load.round("the relay", relay.address(), || relay.cpu_time()).await?);
    }
    report.bare_bytes = bare.id().and_then(resident_bytes);
    report.relay_bytes = relay.resident_bytes();
    relay.stop(Duration::from_secs(60)).await?;
    Ok(report)
}

/// Starts the bare handler and learns its address from its first line.
async fn start_bare() -> io::Result<(Child, SocketAddr)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["bench", "bare"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).await?;
    let address = line.trim().parse().map_err(|_| io::Error::other("it did not say where it listens"))?;
    Ok((child, address))
}

//! The benchmark: what the relay takes in, how soon it answers, what it costs and holds, and what the tag takes; one table.
//!
//! The relay is the release build as a process of its own; its load and the platforms it delivers to are this process, the
//! bare HTTP handler it is held against is a third. All of them share the machine's cores, so what is compared is
//! measured in one run, by turns. Owns the order of things and where the table goes; [`figures`] owns its rows, and each
//! other file one kind of measurement. Also owns the raw HTTP client and the events tests use.

mod backlog;
mod bare;
pub mod chance;
pub mod connection;
pub mod event;
pub mod figures;
mod growth;
mod ingest;
mod latency;
mod load;
mod machine;
mod pace;
mod page;
mod platforms;
mod road;
mod senders;
mod sheet;
mod tag;
mod template;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::relay_process::RelayError;
use crate::sandbox::{NotInTime, SandboxError, clock};
use crate::speed::SpeedError;
use figures::Section;
use load::End;
use machine::Machine;
use sheet::Sheet;

/// `www-test bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to measure.
    #[arg(default_value = "all")]
    what: What,
    /// Connections kept open, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// Length of a round in seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Rounds, of which the middle one counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Events of the backlog.
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// Events in a request while the backlog is made; one is what the tag sends.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    request_events: u16,
    /// Let the store grow to ten million events: minutes, and some ten gigabytes of disk meanwhile.
    #[arg(long)]
    long: bool,
    /// Where the table is written as JSON; what stands there of the same machine stays, unless it is measured now.
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
    /// Also write the table into docs/performance.md.
    #[arg(long)]
    write: bool,
    /// Say that the relay was trained, as `cargo xtask dist` does.
    #[arg(long)]
    trained: bool,
}

impl Args {
    fn connections(&self) -> usize {
        usize::from(self.connections)
    }

    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn round(&self) -> End {
        End::After(self.length())
    }
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Everything.
    All,
    /// Taking events in, against a bare hyper handler.
    #[value(alias = "relay")]
    Ingest,
    /// From sending an event to its receipt.
    Latency,
    /// From the door to six platforms.
    Road,
    /// Memory idle, at work, and with a backlog.
    Memory,
    /// Memory with a backlog, and working it off.
    Drain,
    /// The cost of an event in a growing store.
    Growth,
    /// The tag's size and the time to its first event sent.
    Tag,
    /// Serve the bare handler: prints its address, reads bodies, answers 202.
    #[value(hide = true)]
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
    /// The platforms did not get what was sent.
    #[error(transparent)]
    NotInTime(#[from] NotInTime),
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
    /// The tag's build is not there.
    #[error("the tag is not built; run `cargo xtask build`")]
    Tag(#[source] io::Error),
    /// The tag cannot be timed.
    #[error(transparent)]
    Speed(#[from] SpeedError),
    /// The disk cannot be looked at, or a table cannot be written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The page has no place for the table.
    #[error("{path} lacks the marks between which the table stands")]
    Marks {
        /// The page.
        path: PathBuf,
    },
}

/// Measures, prints the table, and writes it where it was asked for.
///
/// # Errors
/// When something does not run, answers anything but 202, or cannot be written.
pub async fn run(args: Args) -> Result<(), BenchError> {
    if args.what == What::Bare {
        return bare::serve().await.map_err(BenchError::Bare);
    }
    let machine = Machine::look().map_err(cannot_use(&std::env::temp_dir()))?;
    let earlier = std::fs::read(&args.json).ok();
    let earlier = earlier.and_then(|text| serde_json::from_slice(&text).ok());
    let build = if args.trained { "trained build" } else { "release build" };
    let mut sheet = Sheet::new(machine, build, earlier, clock::now());
    for section in args.what.sections() {
        announce(section.heading());
        sheet.begin(*section);
        args.measure(*section, &mut sheet).await?;
        // After each, so that an hour's work is not lost with the last of it.
        std::fs::write(&args.json, sheet.json()).map_err(cannot_use(&args.json))?;
    }
    if args.write {
        page::write(Path::new(PAGE), &sheet)?;
    }
    #[expect(clippy::print_stdout, reason = "the table is this command's output")]
    {
        println!("{sheet}");
    }
    Ok(())
}

impl Args {
    async fn measure(&self, section: Section, sheet: &mut Sheet) -> Result<(), BenchError> {
        match section {
            Section::Ingest => ingest::measure(self, sheet).await,
            Section::Latency => latency::measure(self, sheet).await,
            Section::Road => road::measure(self, sheet).await,
            Section::Memory => {
                backlog::measure_memory(self, sheet).await?;
                // Where a backlog is worked off, it is measured then.
                if self.what == What::Memory { backlog::measure(self, sheet, false).await } else { Ok(()) }
            }
            Section::Drain => backlog::measure(self, sheet, true).await,
            Section::Growth => growth::measure(self, sheet).await,
            Section::Tag => tag::measure(sheet).await,
        }
    }
}

impl What {
    fn sections(self) -> &'static [Section] {
        match self {
            Self::All => &Section::ALL,
            Self::Ingest => &[Section::Ingest],
            Self::Latency => &[Section::Latency],
            Self::Road => &[Section::Road],
            Self::Memory => &[Section::Memory],
            Self::Drain => &[Section::Drain],
            Self::Growth => &[Section::Growth],
            Self::Tag => &[Section::Tag],
            Self::Bare => &[],
        }
    }
}

/// The page that has the table.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");

fn cannot_use(path: &Path) -> impl Fn(io::Error) -> BenchError {
    move |source| BenchError::File { path: path.to_owned(), source }
}

#[expect(clippy::print_stderr, reason = "who waits for minutes is told what for")]
fn announce(what: &str) {
    eprintln!("measuring: {what}");
}

//! `import`: events out of a file, with a progress bar, into the relay that runs or into the store itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use shared::UnixMs;
use shared::event::Source;

use super::store::{StoreCommandError, as_the_relay_says, not_in_trouble, sites};
use crate::admin::office::{Office, OfficeError};
use crate::admin::order::{Order, Report};
use crate::config::Config;
use crate::import::{Counts, Format, ImportError};

/// What is imported.
#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct Import {
    /// The file: CSV with headings such as time, event, email, value, currency, order_id, gclid; or one JSON event a line
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The site the events belong to [default: the only one]
    #[arg(long, value_name = "KEY")]
    site: Option<String>,
    /// How the file is written [default: by its name: .csv, .jsonl, .ndjson]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Name of events that have none
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Channel of events that name none: web, server, crm, phone, store, email, chat
    #[arg(long, value_name = "CHANNEL", default_value = "crm", value_parser = channel)]
    source: Source,
    /// A column to leave out; may be given more than once
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// Where lines that were refused are reported [default: FILE.report.jsonl]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Begin anew instead of going on where an earlier run stopped
    #[arg(long)]
    restart: bool,
}

fn channel(text: &str) -> Result<Source, serde_json::Error> {
    serde_json::from_value(text.into())
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportCommandError {
    /// The arguments do not fit the configuration, or the store does not open.
    #[error(transparent)]
    Store(#[from] StoreCommandError),
    /// It cannot be told how the file is written.
    #[error("{}: name the format: --format csv or --format jsonl", .0.display())]
    Format(PathBuf),
    /// There is more than one site.
    #[error("name the site: --site {}", .0.join(" or "))]
    WhichSite(Vec<String>),
    /// It stopped.
    #[error(transparent)]
    Import(#[from] ImportError<OfficeError>),
}

/// Imports; what to say at the end, and whether everything was taken.
pub(super) fn run(
    config: &Config,
    import: &Import,
    now: UnixMs,
) -> Result<(String, bool), ImportCommandError> {
    let format = import.format.or_else(|| Format::of(&import.file));
    let format = format.ok_or_else(|| ImportCommandError::Format(import.file.clone()))?;
    let keys = sites(config, import.site.as_deref())?;
    let [key] = keys.as_slice() else { return Err(ImportCommandError::WhichSite(keys)) };
    let country =
        config.sites.iter().find(|site| *site.key == **key).and_then(|site| site.country.as_deref());
    let report = import.report.clone().unwrap_or_else(|| {
        let mut name = import.file.clone().into_os_string();
        name.push(".report.jsonl");
        PathBuf::from(name)
    });
    let plan = crate::import::Import {
        file: &import.file,
        format,
        ignored: &import.ignore,
        site: key,
        country,
        event: import.event.as_deref(),
        source: import.source,
        report: &report,
        restart: import.restart,
        now,
    };
    let counts = stored(config, &plan)?;
    let mut said = vec![told(&counts)];
    if counts.rejected + counts.warnings > 0 {
        said.push(format!("what was refused or ignored, line by line: {}", report.display()));
    }
    Ok((said.join("\n"), counts.rejected == 0))
}

fn told(counts: &Counts) -> String {
    let Counts { accepted, duplicates, rejected, warnings } = counts;
    let count = super::counted64;
    format!(
        "{} accepted, {} known already, {} refused, {}",
        count(*accepted, "event"),
        duplicates,
        count(*rejected, "line"),
        count(*warnings, "warning"),
    )
}

/// Opens the store and runs the import on it.
fn stored(config: &Config, plan: &crate::import::Import<'_>) -> Result<Counts, ImportCommandError> {
    // Before a store is made for nothing.
    let size = size(plan.file).map_err(|source| {
        ImportCommandError::Import(ImportError::File { file: plan.file.to_owned(), source: source.into() })
    })?;
    // Nor is one made under the name of one that the relay has lost.
    if !config.store.path.exists() {
        not_in_trouble(config, plan.now)?;
    }
    let bar = ProgressBar::new(size).with_style(style());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(StoreCommandError::from)?;
    let office = runtime.block_on(Office::open(config)).map_err(StoreCommandError::from);
    let mut office = as_the_relay_says(config, plan.now, office)?;
    let store = |events| {
        let order = Order::Append { site: plan.site.to_owned(), received: plan.now, events };
        match runtime.block_on(office.ask(order))? {
            Report::Stored { accepted, duplicates } => Ok((accepted, duplicates)),
            Report::Erased(_) | Report::Moved(_) | Report::Refused(_) => Err(OfficeError::Garbled),
        }
    };
    let counts = crate::import::run::run(plan, store, |byte| bar.set_position(byte));
    bar.finish_and_clear();
    runtime.block_on(office.close()).map_err(StoreCommandError::from)?;
    Ok(counts?)
}

/// How long a file is that can be read.
fn size(file: &Path) -> io::Result<u64> {
    let found = File::open(file)?.metadata()?;
    if found.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(found.len()) }
}

/// A bar where standard error is a terminal, nothing elsewhere.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

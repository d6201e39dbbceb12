//! What the commands that work on the store have in common: which database, which destination, and a runtime to ask in.

use std::io::ErrorKind;
use std::path::Path;

use shared::UnixMs;

use crate::admin::office::{Office, OfficeError};
use crate::admin::order::{Order, Report};
use crate::config::{Config, Destination};
use crate::doctor;
use crate::store::StoreError;
use crate::store::sqlite::recover::RecoverError;
use crate::store::sqlite::{Look, OpenError};

/// Why a command on the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreCommandError {
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The order was not carried out.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// Nothing was recovered.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// No store yet.
    #[error("there is no store at {}; check `path` under [store] and the directory this runs in", .0.display())]
    NoStore(std::path::PathBuf),
    /// The backup would overwrite a file.
    #[error("{} exists already, and a backup never overwrites a file; choose another name", .0.display())]
    Taken(std::path::PathBuf),
    /// The relay that runs has trouble with its store.
    #[error("{0}")]
    NotReady(String),
    /// No destination of this name.
    #[error("there is no destination `{name}`; known: {}", .known.join(", "))]
    UnknownDestination {
        /// What was asked for.
        name: String,
        /// All there are.
        known: Vec<String>,
    },
    /// No site of this key.
    #[error("there is no site `{name}`; known: {}", .known.join(", "))]
    UnknownSite {
        /// What was asked for.
        name: String,
        /// All there are.
        known: Vec<String>,
    },
    /// The arguments name nothing.
    #[error("{0}")]
    Nothing(&'static str),
    /// A time span in which nothing can be.
    #[error(
        "--from {} is not before --to {}, so nothing can lie between; events are taken from the first on and before the second",
        .from.rfc3339(), .to.rfc3339()
    )]
    EmptySpan {
        /// Its beginning.
        from: UnixMs,
        /// Its end.
        to: UnixMs,
    },
    /// The value of an option cannot be what it should be.
    #[error("{option}: not a usable value; expected {expected}")]
    Unusable {
        /// Its name.
        option: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The runtime does not start, or a stream fails.
    #[error("standard input or output failed: {0}")]
    Stream(#[from] std::io::Error),
}

/// The database of a configuration, which must be there.
pub(super) fn database(config: &Config) -> Result<&Path, StoreCommandError> {
    let path = config.store.path.as_path();
    if path.exists() { Ok(path) } else { Err(StoreCommandError::NoStore(path.to_owned())) }
}

/// The database, open for looking.
pub(super) fn look(config: &Config) -> Result<Look, StoreCommandError> {
    Ok(Look::open(database(config)?)?)
}

/// Writes a checked copy of the store to a file that is not there yet.
pub(super) fn back_up(config: &Config, to: &Path) -> Result<(), StoreCommandError> {
    match look(config)?.back_up(to) {
        Err(OpenError::Inaccessible { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
            Err(StoreCommandError::Taken(to.to_owned()))
        }
        done => Ok(done?),
    }
}

/// An error when there is a store here and it is seen at once that it is damaged. Everything else about it is the relay's
/// business: a configuration is checked on other machines, too.
pub(super) fn not_damaged(config: &Config) -> Result<(), StoreCommandError> {
    match Look::open(&config.store.path).and_then(|look| look.check_if_suspect()) {
        Err(error @ (OpenError::Damaged { .. } | OpenError::HalfRecovered { .. })) => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What a command came to. Where its file is missing or seems damaged, or the relay's socket is missing, what the relay that runs says
/// of it: one that lost its file is helped neither by `recover` nor by a stop.
pub(super) fn as_the_relay_says<T>(
    config: &Config,
    now: UnixMs,
    done: Result<T, StoreCommandError>,
) -> Result<T, StoreCommandError> {
    let is_about_the_file = matches!(
        &done,
        Err(StoreCommandError::NoStore(_)
            | StoreCommandError::Open(OpenError::Damaged { .. })
            | StoreCommandError::Store(StoreError::Damaged { .. })
            | StoreCommandError::Office(
                OfficeError::Open(OpenError::Damaged { .. }) | OfficeError::Unreachable { .. }
            ))
    );
    if is_about_the_file { not_in_trouble(config, now).and(done) } else { done }
}

/// An error where the relay that runs has trouble with its store.
pub(super) fn not_in_trouble(config: &Config, now: UnixMs) -> Result<(), StoreCommandError> {
    doctor::trouble_of(config, now).map_or(Ok(()), |said| Err(StoreCommandError::NotReady(said)))
}

/// The destination of this name.
pub(super) fn destination<'a>(config: &'a Config, name: &str) -> Result<&'a Destination, StoreCommandError> {
    let found = config.destinations.iter().find(|destination| destination.name == name);
    found.ok_or_else(|| StoreCommandError::UnknownDestination {
        name: name.to_owned(),
        known: config.destinations.iter().map(|destination| destination.name.clone()).collect(),
    })
}

/// The sites meant by an option: the one it names, or all of them.
pub(super) fn sites(config: &Config, named: Option<&str>) -> Result<Vec<String>, StoreCommandError> {
    let all: Vec<String> = config.sites.iter().map(|site| site.key.to_string()).collect();
    match named {
        None => Ok(all),
        Some(name) if all.iter().any(|key| key == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(StoreCommandError::UnknownSite { name: name.to_owned(), known: all }),
    }
}

/// An error when a time span is none: nothing would be found, and nobody told why.
pub(super) fn in_order(from: Option<UnixMs>, to: Option<UnixMs>) -> Result<(), StoreCommandError> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err(StoreCommandError::EmptySpan { from, to }),
        _ => Ok(()),
    }
}

/// Has orders carried out one after another, each made when its turn comes, and hands every report on.
pub(super) fn carry_out(
    config: &Config,
    orders: impl Iterator<Item = Result<Order, StoreCommandError>>,
    mut report: impl FnMut(Report),
) -> Result<(), StoreCommandError> {
    database(config)?;
    // The store writes in a thread of its own, which needs a runtime with threads to answer through.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let mut office = Office::open(config).await?;
        for order in orders {
            report(office.ask(order?).await?);
        }
        office.close().await?;
        Ok(())
    })
}

//! The command's end: reaches the relay that holds the store, or opens the store itself.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::order::{Order, Report, perform};
use super::{LONGEST_LINE, socket_of};
use crate::pipeline;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Store, StoreError};

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A relay holds the store and cannot be reached.
    #[error(
        "a relay is using {}, but does not answer at {}: {source}; run this as the relay's user, or stop the relay first",
        database.display(), socket.display()
    )]
    Unreachable {
        /// The database.
        database: PathBuf,
        /// Where the relay should listen.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection to the relay broke.
    #[error("the relay stopped answering: {0}; what it had answered is done, run this again for the rest")]
    Broken(#[from] io::Error),
    /// The relay said something else.
    #[error("the relay answered something unknown; run a command of its own version")]
    Garbled,
    /// The store refused the order.
    #[error("{0}")]
    Refused(String),
}

/// Where orders are carried out.
pub enum Office {
    /// Here: no relay runs.
    Here(Box<SqliteStore>),
    /// In the relay that runs.
    There(BufReader<UnixStream>),
}

impl Office {
    /// Opens the store, or reaches the relay that holds it.
    pub async fn open(database: &Path) -> Result<Self, OfficeError> {
        match SqliteStore::open(database, pipeline::decide) {
            Ok(store) => Ok(Self::Here(Box::new(store))),
            Err(OpenError::InUse { path }) => {
                let socket = socket_of(&path);
                match connect(&socket).await {
                    Ok(stream) => Ok(Self::There(BufReader::new(stream))),
                    Err(source) => Err(OfficeError::Unreachable { database: path, socket, source }),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has an order carried out.
    pub async fn ask(&mut self, order: Order) -> Result<Report, OfficeError> {
        let report = match self {
            Self::Here(store) => perform(store.as_ref(), order).await,
            Self::There(stream) => carried(stream, &order).await?,
        };
        match report {
            Report::Refused(reason) => Err(OfficeError::Refused(reason)),
            Report::Erased(_) | Report::Stored { .. } | Report::Moved(_) => Ok(report),
        }
    }

    /// Closes what was opened.
    pub async fn close(self) -> Result<(), OfficeError> {
        match self {
            Self::Here(store) => Ok(store.close().await?),
            Self::There(_) => Ok(()),
        }
    }
}

/// Reaches a relay. One that has just begun may not have opened its socket yet.
async fn connect(socket: &Path) -> io::Result<UnixStream> {
    for _ in 0..TRIES {
        match UnixStream::connect(socket).await {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
    UnixStream::connect(socket).await
}

/// How often a relay's socket is tried; two seconds in all.
const TRIES: u32 = 20;
/// Rest between two of them.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

async fn carried(stream: &mut BufReader<UnixStream>, order: &Order) -> Result<Report, OfficeError> {
    let mut line = serde_json::to_vec(order).map_err(io::Error::from)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    line.clear();
    if stream.take(LONGEST_LINE).read_until(b'\n', &mut line).await? == 0 {
        return Err(OfficeError::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_slice(&line).map_err(|_| OfficeError::Garbled)
}

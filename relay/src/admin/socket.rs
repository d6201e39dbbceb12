//! The relay's end: takes orders at the socket, one line of JSON each, and answers each with one line.
//!
//! Whoever can open the socket may do what the relay may: it is made for its owner alone, like the database beside it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::order::{Order, Report, perform};
use super::{LONGEST_LINE, socket_of};
use crate::store::Store;

/// The open socket. Removed from the disk when dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Socket {
    /// Opens the socket beside a database that this process holds; what an earlier relay left there is replaced.
    pub fn open(database: &Path) -> io::Result<Self> {
        let path = socket_of(&database.canonicalize()?);
        // Made under another name, so that nobody finds it before it is closed to others.
        let draft = path.with_extension("sock.new");
        let _ = std::fs::remove_file(&draft);
        let listener = UnixListener::bind(&draft)?;
        std::fs::set_permissions(&draft, Permissions::from_mode(0o600))?;
        std::fs::rename(&draft, &path)?;
        Ok(Self { listener, path })
    }

    /// Takes orders until dropped.
    pub async fn serve(self, store: Arc<dyn Store>) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let store = store.clone();
                    tokio::spawn(async move {
                        if let Err(error) = talk(stream, store.as_ref()).await {
                            debug!(%error, "an operator's connection ended");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept an operator's connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// One connection's orders.
async fn talk(stream: UnixStream, store: &dyn Store) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let answer = answer(store, &line).await?;
        stream.write_all(&answer).await?;
    }
}

/// Carries out the order of a line; the line that answers it.
///
/// # Errors
/// When the report cannot be written as JSON.
pub async fn answer(store: &dyn Store, line: &[u8]) -> io::Result<Vec<u8>> {
    let report = match serde_json::from_slice::<Order>(line) {
        Ok(order) => perform(store, order).await,
        // Serde may quote what it did not like, so its words are not passed on.
        Err(_) => {
            Report::Refused("the relay does not know this order; run a command of its own version".to_owned())
        }
    };
    let mut answer = serde_json::to_vec(&report)?;
    answer.push(b'\n');
    Ok(answer)
}

/// Commands at once.
const MOST_CONNECTIONS: usize = 8;
/// Rest after the system refused a connection.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

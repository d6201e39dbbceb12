//! Admin: what an operator's command asks of the store, also while a relay holds it.
//!
//! Only one process writes a database. A command that changes something therefore hands its order to the relay that
//! runs, through a socket beside the database (`anytrack.db.sock`) that only its owner may open; when no relay runs,
//! it opens the store itself. Either way the same function carries the order out.
//!
//! Rooms: `order` (what can be asked, and doing it), `socket` (the relay's end), `office` (the command's end). What only
//! looks (lists, exports, backups) needs none of this: it reads the file, see [`crate::store::sqlite::Look`].

pub mod office;
pub mod order;
pub mod socket;

use std::path::{Path, PathBuf};

/// Where the relay that holds this database listens.
fn socket_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".sock");
    PathBuf::from(name)
}

/// Longest order and longest answer, in bytes: a batch of events with room to spare.
const LONGEST_LINE: u64 = 16 << 20;

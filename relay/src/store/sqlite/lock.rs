//! One relay per file.
//!
//! Two relays on one database would each keep their own idea of the log's end. A lock on a file beside the database
//! (`anytrack.db.lock`) keeps the second one out. The lock belongs to the operating system, so it is gone the moment
//! its holder is, however it ended; the file itself stays. It is not SQLite's own exclusive mode, because that would
//! also keep out an operator who looks into the database with the sqlite3 tool; and it is not on the database itself,
//! because closing any other handle to that file would drop SQLite's locks with it
//! (<https://www.sqlite.org/howtocorrupt.html>, section 2.2, read 2026-11-23). Where the lock's file is missing beside a
//! database, it may have been moved or deleted from under a relay; then SQLite's locks are asked, too, and the operator with the
//! tool has to wait for once.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

use super::OpenError;

/// Held as long as the database is ours.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing the handle gives the lock back.
    _file: File,
}

/// Settles which file a path really is, locks it, and creates what is missing of it.
///
/// Answers the real path: two names for one file (a link, `./`) must lead to one lock.
pub(super) fn acquire(path: &Path) -> Result<(PathBuf, Lock), OpenError> {
    let inaccessible = |source| OpenError::Inaccessible { path: path.to_owned(), source };
    not_half_recovered(path)?;
    let found = place(path).map_err(inaccessible)?;
    let lock = hold(found.clone())?;
    // Not before it is ours: whoever is refused must leave no empty file under the name of one that was moved from under its relay.
    // Only touched, and closed again before SQLite opens it: see the header.
    drop(private(path).map_err(inaccessible)?);
    let settled = path.canonicalize().map_err(inaccessible)?;
    if settled == found {
        return Ok((found, lock));
    }
    // A link whose target was not there yet; the lock belongs beside the target.
    Ok((settled.clone(), hold(settled)?))
}

/// Locks a database that is there, or that is in the middle of being recovered.
pub(super) fn acquire_damaged(path: &Path) -> Result<(PathBuf, Lock), OpenError> {
    let inaccessible = |source| OpenError::Inaccessible { path: path.to_owned(), source };
    let half = real(path).filter(|found| beside(found, RECOVERED).exists());
    let found = half.map_or_else(|| path.canonicalize(), Ok).map_err(inaccessible)?;
    Ok((found.clone(), hold(found)?))
}

/// Refuses a database in the middle of a recovery; it may have no file under its name.
pub(super) fn not_half_recovered(path: &Path) -> Result<(), OpenError> {
    match real(path).filter(|found| beside(found, RECOVERED).exists()) {
        Some(path) => Err(OpenError::HalfRecovered { path }),
        None => Ok(()),
    }
}

/// What a database is called that has been recovered and not yet been given its place.
pub(super) const RECOVERED: &str = ".recovered";

/// A name beside the database.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The real path of a file, be it there or not; `None` where its folder is missing.
fn real(path: &Path) -> Option<PathBuf> {
    if let Ok(found) = path.canonicalize() {
        return Some(found);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}

fn hold(path: PathBuf) -> Result<Lock, OpenError> {
    let inaccessible = |source| OpenError::Inaccessible { path: path.clone(), source };
    let locked = beside(&path, ".lock");
    let is_new = !locked.exists();
    let file = private(&locked).map_err(|source| OpenError::Inaccessible { path: locked.clone(), source })?;
    give_to_owner(&file, &path);
    match file.try_lock() {
        Ok(()) if is_new && is_open_elsewhere(&path) => {
            // Else the next one would find it and ask no further.
            let _ = std::fs::remove_file(&locked);
            Err(OpenError::InUse { path })
        }
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(inaccessible(source)),
    }
}

/// Whether another process has a database open. Asks for the lock that would keep out every reader, and does not take it.
fn is_open_elsewhere(database: &Path) -> bool {
    let Ok(file) = File::open(database) else { return false };
    let of_readers = Flock {
        start: READERS_FIRST,
        length: READERS_BYTES,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    matches!(fcntl_getlk(&file, &of_readers), Ok(Some(_)))
}

/// The bytes that SQLite locks for as long as a database with a write-ahead log is open: `SHARED_FIRST` and `SHARED_SIZE` in its
/// `os.h` (<https://www.sqlite.org/src/file/src/os.h>, read 2026-11-28).
const READERS_FIRST: u64 = 0x4000_0002;
const READERS_BYTES: u64 = 510;

/// Gives the lock to whom the database belongs: made by root, it would keep the relay out of its own store.
fn give_to_owner(file: &File, database: &Path) {
    let Ok((database, lock)) = database.metadata().and_then(|found| Ok((found, file.metadata()?))) else {
        return;
    };
    if (database.uid(), database.gid()) != (lock.uid(), lock.gid()) {
        // Only root may; whoever else runs this owns both, or the relay tells of what it may not do.
        let _ = fchown(file, Some(database.uid()), Some(database.gid()));
    }
}

/// The real path of a database, which may not be there yet; its folder is created where it is missing.
fn place(path: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let found = real(path).ok_or(io::ErrorKind::NotFound)?;
    if found.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(found) }
}

/// Creates a file that is not there yet, for its owner alone.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    owners().create_new(true).open(path)
}

/// Opens a file for writing; when it is new, for its owner alone, since the log holds hashed personal data. SQLite
/// gives its side files (`-wal`, `-shm`) the mode of the database.
fn private(path: &Path) -> io::Result<File> {
    owners().create(true).truncate(false).open(path)
}

/// Reading and writing, by its owner alone when the file is new.
fn owners() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_under_any_name_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/events.db");
        let (found, first) = acquire(&path).unwrap();
        for name in [path.clone(), folder.path().join("new/../new/events.db")] {
            let error = acquire(&name).unwrap_err();
            assert!(matches!(&error, OpenError::InUse { path } if *path == found), "{error}");
        }
        drop(first);
        acquire(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_new_database_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (found, _lock) = acquire(&folder.path().join("events.db")).unwrap();
        assert_eq!(found.metadata().unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn a_path_that_cannot_be_a_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = acquire(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Inaccessible { .. }), "{error}");
        assert!(error.to_string().contains(": is a directory; "), "{error}");
        assert!(!beside(folder.path(), ".lock").exists());
    }

    #[test]
    fn who_is_refused_leaves_no_empty_file_where_the_holders_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let (found, _lock) = acquire(&path).unwrap();
        std::fs::remove_file(&found).unwrap();
        let error = acquire(&path).unwrap_err();
        assert!(matches!(&error, OpenError::InUse { path } if *path == found), "{error}");
        assert!(!found.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_database_that_is_not_there_yet_has_the_lock_of_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link.db"), folder.path().join("target.db"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let (found, _lock) = acquire(&link).unwrap();
        assert_eq!(found, target.canonicalize().unwrap());
        for name in [link, target] {
            let error = acquire(&name).unwrap_err();
            assert!(matches!(&error, OpenError::InUse { path } if *path == found), "{error}");
        }
    }
}

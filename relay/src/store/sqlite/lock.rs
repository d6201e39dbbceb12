//! One relay per file.
//!
//! Two relays on one database would each keep their own idea of the log's end. A lock on a file beside the database
//! (`anytrack.db.lock`) keeps the second one out. The lock belongs to the operating system, so it is gone the moment
//! its holder is, however it ended; the file itself stays. It is not SQLite's own exclusive mode, because that would
//! also keep out an operator who looks into the database with the sqlite3 tool; and it is not on the database itself,
//! because closing any other handle to that file would drop SQLite's locks with it
//! (<https://www.sqlite.org/howtocorrupt.html>, section 2.2, read 2026-11-23).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use super::OpenError;

/// Held as long as the database is ours.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing the handle gives the lock back.
    _file: File,
}

/// Creates what is missing of the path, settles which file it really is, and locks it.
///
/// Answers the real path: two names for one file (a link, `./`) must lead to one lock.
pub(super) fn acquire(path: &Path) -> Result<(PathBuf, Lock), OpenError> {
    let inaccessible = |source| OpenError::Inaccessible { path: path.to_owned(), source };
    not_half_recovered(path)?;
    let path_found = create(path).map_err(inaccessible)?;
    Ok((path_found.clone(), hold(path_found)?))
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
    let file = private(&locked).map_err(|source| OpenError::Inaccessible { path: locked.clone(), source })?;
    give_to_owner(&file, &path);
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(inaccessible(source)),
    }
}

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

/// Creates the folder and the database file where they are missing.
fn create(path: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    // Only touched, and closed again before SQLite opens it: see the header.
    drop(private(path)?);
    path.canonicalize()
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
    }
}

//! On what kind of disk a store lies: some forget it, some do not keep what SQLite relies on.

use std::path::Path;

use super::{Finding, State, finding, folder_of};

/// What is to be said of where a store lies, if anything is. Linux tells what is mounted; elsewhere nobody is asked.
pub(super) fn place(store: &Path) -> Option<Finding> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let place = store.canonicalize().or_else(|_| folder_of(store).canonicalize()).ok()?;
    let said = doubt(kind(&mounts, &place)?)?;
    Some(finding(State::Advice, "place", format!("{}: {said}", store.display())))
}

/// The kind of what is mounted where a path lies, by a table of mounts (`fstab(5)`: place and kind are its second and third field).
fn kind<'m>(mounts: &'m str, path: &Path) -> Option<&'m str> {
    let covers = |line: &'m str| {
        let mut fields = line.split(' ').skip(1);
        let point = plain(fields.next()?);
        let kind = fields.next()?;
        path.starts_with(&point).then_some((point.len(), kind))
    };
    // Of two at one place, the later one lies above.
    mounts.lines().filter_map(covers).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// A field as it was before blanks and backslashes were written as numbers.
fn plain(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

fn doubt(kind: &str) -> Option<&'static str> {
    match kind {
        "tmpfs" | "ramfs" => Some(
            "is in memory, so that a restart of this machine or container takes every event; set `path` in [store] to a disk",
        ),
        // "WAL does not work over a network filesystem" (https://www.sqlite.org/wal.html, read 2026-11-28).
        "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "afs" | "ceph" | "glusterfs" | "lustre"
        | "fuse.ceph" | "fuse.glusterfs" | "fuse.rclone" | "fuse.s3fs" | "fuse.sshfs" => Some(
            "is on a network, whose locks and syncs SQLite cannot rely on, so that events may be lost; set `path` in [store] to a \
             disk of this machine",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "overlay / overlay rw,relatime 0 0\n\
                          proc /proc proc rw 0 0\n\
                          /dev/sda1 /var/lib ext4 rw 0 0\n\
                          nas:/events /var/lib/any\\040track nfs4 rw,vers=4.2 0 0\n\
                          tmpfs /tmp tmpfs rw 0 0\n\
                          /dev/sdb1 /tmp/disk ext4 rw 0 0\n\
                          /dev/sdc1 /srv ext4 rw 0 0\n\
                          host:/share /srv fuse.sshfs rw 0 0\n";

    #[test]
    fn what_lies_in_memory_or_on_a_network_is_said() {
        let check = |path: &str, expected: Option<&str>| {
            let said = kind(MOUNTS, Path::new(path)).and_then(doubt);
            assert_eq!(said.and_then(|said| said.split(',').next()), expected, "{path}");
        };
        check("/tmp/anytrack.db", Some("is in memory"));
        check("/tmp/disk/anytrack.db", None);
        check("/tmpfile/anytrack.db", None);
        check("/var/lib/anytrack/anytrack.db", None);
        check("/var/lib/any track/anytrack.db", Some("is on a network"));
        check("/srv/anytrack.db", Some("is on a network"));
        check("/data/anytrack.db", None);
        assert_eq!(kind("", Path::new("/data")), None);
    }
}

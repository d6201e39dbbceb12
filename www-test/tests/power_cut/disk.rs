//! The disk after a power cut, as the calls before it may have left it.
//!
//! POSIX promises little: what was written before a completed `fsync` or `fdatasync` of the same file is there; of later
//! writes any, in any order, sector by sector. A name is there, or gone, once its folder has been synced after.

use std::path::{Path, PathBuf};

use www_test::bench::chance::Chance;

use crate::trace::{Call, Deed};

/// What a disk writes in one piece.
const SECTOR: usize = 512;

/// What becomes of writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    Kept,
    /// Each is kept or lost by itself.
    Some,
    /// Each sector of each is kept or lost by itself.
    Torn,
    /// The first are kept, the next is torn, the last are lost.
    Begun,
}

impl Fate {
    pub(crate) const ALL: [Self; 5] = [Self::Lost, Self::Kept, Self::Some, Self::Torn, Self::Begun];
}

/// Whether the disk does what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Honesty {
    Honest,
    /// Says that it has synced, and has not.
    Lying,
}

/// The calls on the files of one database.
pub(crate) struct Disk<'a> {
    calls: &'a [Call],
    database: &'a Path,
}

impl<'a> Disk<'a> {
    pub(crate) fn of(calls: &'a [Call], database: &'a Path) -> Self {
        Self { calls, database }
    }

    /// Writes into `folder` what a cut before call number `moment` leaves.
    pub(crate) fn after_cut(
        &self,
        moment: usize,
        fate: Fate,
        honesty: Honesty,
        chance: &mut Chance,
        folder: &Path,
    ) {
        for end in ["", "-wal", "-journal"] {
            let path = PathBuf::from(format!("{}{end}", self.database.display()));
            if let Some(bytes) = self.file(&path, moment, fate, honesty, chance) {
                let name = path.file_name().expect("a name");
                std::fs::write(folder.join(name), bytes).expect("written");
            }
        }
    }

    /// One file's content, if it has a name.
    fn file(
        &self,
        path: &Path,
        moment: usize,
        fate: Fate,
        honesty: Honesty,
        chance: &mut Chance,
    ) -> Option<Vec<u8>> {
        let synced = self.synced(path, moment, honesty);
        let folder_synced = self.synced(path.parent()?, moment, honesty);
        let (mut there, mut content, mut keep) =
            (false, Vec::new(), Keep::of(fate, self.unsynced(path, moment, synced), chance));
        for call in self.calls.iter().take(moment) {
            match &call.deed {
                Deed::Create { path: of } if of == path && !there => {
                    if call.ended < folder_synced || keep.whole() {
                        (there, content) = (true, Vec::new());
                    }
                }
                Deed::Remove { path: of } if of == path => {
                    if call.ended < folder_synced || keep.whole() {
                        (there, content) = (false, Vec::new());
                    }
                }
                Deed::Write { path: of, at, bytes } if of == path => {
                    let sectors = if call.ended < synced { None } else { Some(keep.sectors(bytes.len())) };
                    write(&mut content, usize::try_from(*at).ok()?, bytes, sectors.as_deref());
                }
                Deed::Truncate { path: of, length } if of == path => {
                    if call.ended < synced || keep.whole() {
                        content.resize(usize::try_from(*length).ok()?, 0);
                    }
                }
                Deed::Create { .. } | Deed::Remove { .. } | Deed::Write { .. } | Deed::Truncate { .. } => {}
                Deed::Sync { .. } | Deed::Answer { .. } => {}
            }
        }
        there.then_some(content)
    }

    /// The line before which every write that has ended is safe: the beginning of the last sync that ended before the cut.
    fn synced(&self, path: &Path, moment: usize, honesty: Honesty) -> usize {
        let cut = self.calls.get(moment).map_or(usize::MAX, |call| call.begun);
        let of_file =
            |call: &&Call| matches!(&call.deed, Deed::Sync { path: of } if of == path) && call.ended < cut;
        match honesty {
            Honesty::Honest => self.calls.iter().filter(of_file).map(|call| call.begun).max().unwrap_or(0),
            Honesty::Lying => 0,
        }
    }

    /// How many writes are not safe.
    fn unsynced(&self, path: &Path, moment: usize, synced: usize) -> u64 {
        let unsafe_ones = self.calls.iter().take(moment).filter(|call| match &call.deed {
            Deed::Write { path: of, .. } | Deed::Truncate { path: of, .. } => {
                of == path && call.ended >= synced
            }
            Deed::Create { .. } | Deed::Remove { .. } | Deed::Sync { .. } | Deed::Answer { .. } => false,
        });
        unsafe_ones.count() as u64
    }
}

/// Decides over writes that were not synced, one after another.
struct Keep<'c> {
    fate: Fate,
    /// Writes still kept, where the first are.
    left: u64,
    chance: &'c mut Chance,
}

impl<'c> Keep<'c> {
    fn of(fate: Fate, unsynced: u64, chance: &'c mut Chance) -> Self {
        let left = chance.below(unsynced + 1);
        Self { fate, left, chance }
    }

    /// Whether something that cannot be torn is kept.
    fn whole(&mut self) -> bool {
        match self.fate {
            Fate::Lost => false,
            Fate::Kept => true,
            Fate::Some | Fate::Torn => self.chance.below(2) == 0,
            Fate::Begun => self.left > 0,
        }
    }

    /// Which sectors of a write are kept.
    fn sectors(&mut self, length: usize) -> Vec<bool> {
        let count = length.div_ceil(SECTOR);
        match self.fate {
            Fate::Lost | Fate::Kept | Fate::Some => vec![self.whole(); count],
            Fate::Torn => (0..count).map(|_| self.chance.below(2) == 0).collect(),
            Fate::Begun if self.left > 0 => {
                self.left -= 1;
                let torn = if self.left == 0 { self.chance.below(count as u64 + 1) } else { count as u64 };
                (0..count as u64).map(|sector| sector < torn).collect()
            }
            Fate::Begun => vec![false; count],
        }
    }
}

/// Writes bytes, or some sectors of them, where they belong.
fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8], sectors: Option<&[bool]>) {
    let Some(kept) = sectors else { return put(content, at, bytes) };
    for (nth, sector) in bytes.chunks(SECTOR).enumerate() {
        if kept.get(nth) == Some(&true) {
            put(content, at + nth * SECTOR, sector);
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

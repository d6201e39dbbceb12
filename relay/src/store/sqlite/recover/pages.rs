//! The pages of a damaged database, read without SQLite and without changing a byte.
//!
//! A page is where the write-ahead log has it last, else where the database has it. Owns finding each page and judging the
//! log's frames by their checksums; leaves what a page holds to `rows`. The formats are SQLite's
//! (<https://www.sqlite.org/fileformat2.html>, sections 1.3 and 4, read 2026-11-27).

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What every database of ours begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The size of our pages, where the file no longer says it.
const PAGE_BYTES: usize = 4096;
const WAL_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The write-ahead log's magic number; its last bit tells in which order the bytes of a checksum's words come.
const WAL_MAGIC: u32 = 0x377f_0682;

/// A database file and what its write-ahead log changes of it.
pub(super) struct Pages {
    database: File,
    /// Bytes of a page.
    pub(super) size: usize,
    /// Pages there are, whole or cut off.
    pub(super) count: u32,
    /// Pages that the file's header names and the file does not have.
    pub(super) cut_off: u32,
    /// Pages that are in no use, by the file's header; nought where that is damaged.
    pub(super) free: u32,
    wal: Option<Wal>,
}

/// The committed part of a write-ahead log.
struct Wal {
    file: File,
    /// Where each page begins, its latest version.
    places: HashMap<u32, u64>,
    /// Pages after the last commit.
    count: u32,
    /// Frames among the committed ones that are damaged.
    lost: u64,
}

impl Pages {
    /// Opens a database and its write-ahead log, however damaged.
    pub(super) fn open(path: &Path, wal: &Path) -> io::Result<Self> {
        let database = File::open(path)?;
        let mut header = [0; 100];
        let read = read_some(&database, &mut header, 0)?;
        let told = page_size(&header).filter(|_| read == header.len());
        let size = told.unwrap_or(PAGE_BYTES);
        let wal = match File::open(wal) {
            Ok(file) => Wal::read(file, size)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let pages = database.metadata()?.len().div_ceil(size as u64);
        let own = u32::try_from(pages).unwrap_or(u32::MAX);
        let count = wal.as_ref().map_or(own, |wal| wal.count);
        let mut pages = Self { database, size, count, cut_off: 0, free: 0, wal };
        if told.is_some() {
            let first = pages.read(1);
            pages.cut_off = word(&first, 28).saturating_sub(count);
            pages.free = word(&first, 36);
        }
        Ok(pages)
    }

    /// Whether SQLite leaves this page alone: the one at which it locks the file.
    pub(super) fn is_set_aside(&self, number: u32) -> bool {
        u64::from(number) == (1 << 30) / self.size as u64 + 1
    }

    /// Damaged frames of the write-ahead log that later ones do not make up for.
    pub(super) fn lost_frames(&self) -> u64 {
        self.wal.as_ref().map_or(0, |wal| wal.lost)
    }

    /// Reads a page; what the file no longer has of it, or the disk does not give any more, is nought.
    pub(super) fn read(&self, number: u32) -> Vec<u8> {
        let mut page = vec![0; self.size];
        let place = self.wal.as_ref().and_then(|wal| Some((&wal.file, *wal.places.get(&number)?)));
        let own = (&self.database, u64::from(number.saturating_sub(1)) * self.size as u64);
        let (file, at) = place.unwrap_or(own);
        match read_some(file, &mut page, at) {
            Ok(_) => page,
            Err(_) => vec![0; self.size],
        }
    }
}

impl Wal {
    /// Finds the committed frames; `None` when there are none.
    fn read(file: File, size: usize) -> io::Result<Option<Self>> {
        let mut header = [0; WAL_HEADER_BYTES];
        let mut frame = vec![0; FRAME_HEADER_BYTES + size];
        if read_some(&file, &mut header, 0)? < header.len() {
            return Ok(None);
        }
        let sum = Sum::of_header(&header);
        let (mut salt, mut before) = (sum.map(|_| word(&header, 16)), sum);
        let mut wal = Self { file, places: HashMap::new(), count: 0, lost: 0 };
        let (mut uncommitted, mut damaged) = (Vec::new(), 0);
        for at in (WAL_HEADER_BYTES as u64..).step_by(frame.len()) {
            match read_some(&wal.file, &mut frame, at) {
                Ok(read) if read < frame.len() => break,
                Ok(_) => {}
                // The disk gives it no more; the next one cannot be proved without it.
                Err(_) => {
                    damaged += 1;
                    before = None;
                    continue;
                }
            }
            // A frame of an earlier round, whose salt is another, ends the log. Where the header is gone, the first
            // frame says the salt.
            if word(&frame, 8) != *salt.get_or_insert(word(&frame, 8)) {
                break;
            }
            // Every frame holds the sum of all before it, so one that is damaged spoils only itself.
            let good = before.is_some_and(|before| before.and(&frame) == Sum::stored(&frame, before));
            before = Some(Sum::stored(&frame, before.unwrap_or(Sum { big: false, words: [0; 2] })));
            if !good {
                damaged += 1;
                continue;
            }
            uncommitted.push((word(&frame, 0), at + FRAME_HEADER_BYTES as u64));
            let pages = word(&frame, 4);
            if pages > 0 {
                wal.places.extend(uncommitted.drain(..));
                wal.count = pages;
                wal.lost += std::mem::take(&mut damaged);
            }
        }
        Ok((wal.count > 0).then_some(wal))
    }
}

/// A running checksum of a write-ahead log.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sum {
    /// Whether words are read high byte first.
    big: bool,
    words: [u32; 2],
}

impl Sum {
    /// The sum after a log's header, if that is sound.
    fn of_header(header: &[u8]) -> Option<Self> {
        let magic = word(header, 0);
        let start = Self { big: magic & 1 == 1, words: [0; 2] };
        let sum = start.over(header.get(..24)?);
        (magic & !1 == WAL_MAGIC && sum.words == [word(header, 24), word(header, 28)]).then_some(sum)
    }

    /// The sum a frame holds, in the order of bytes of the one before.
    fn stored(frame: &[u8], before: Self) -> Self {
        Self { big: before.big, words: [word(frame, 16), word(frame, 20)] }
    }

    /// The sum with a frame.
    fn and(self, frame: &[u8]) -> Self {
        let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
        self.over(head.get(..8).unwrap_or_default()).over(page)
    }

    fn over(mut self, bytes: &[u8]) -> Self {
        let (pairs, _) = bytes.as_chunks::<8>();
        for pair in pairs {
            let (one, two) = (word(pair, 0), word(pair, 4));
            let in_order = |word: u32| if self.big { word } else { word.swap_bytes() };
            let [a, b] = self.words;
            let a = a.wrapping_add(in_order(one)).wrapping_add(b);
            let b = b.wrapping_add(in_order(two)).wrapping_add(a);
            self.words = [a, b];
        }
        self
    }
}

/// The size of pages by a database's header, if that can be believed.
fn page_size(header: &[u8; 100]) -> Option<usize> {
    let size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => usize::from(size),
    };
    (header.starts_with(MAGIC) && size.is_power_of_two() && size >= 512).then_some(size)
}

/// Four bytes as a number, high byte first; nought where there are none.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Reads as much as there is, and says how much that was.
fn read_some(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

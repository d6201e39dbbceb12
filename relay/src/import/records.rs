//! The records of a file, one after another, each with its line and with the place where the next one begins.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use shared::Event;
use shared::event::ClickId;
use zeroize::Zeroizing;

use super::columns::{Columns, ColumnsError};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table with a line of headings
    Csv,
    /// One JSON event a line
    Jsonl,
}

impl Format {
    /// By the end of a file's name.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The system refuses it.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Its text is not written as it must be.
    #[error("written as UTF-16; save it as UTF-8, which Excel calls `CSV UTF-8`")]
    Utf16,
    /// Its headings are not understood.
    #[error(transparent)]
    Columns(#[from] ColumnsError),
}

/// Why a record is no event. Says nothing of what stands in it: reports are kept, and rows are personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// It is no text.
    #[error("not UTF-8; save the file as UTF-8")]
    NotText,
    /// It is longer than a request with one event may be.
    #[error("longer than an event may be")]
    TooLong,
    /// Its cells do not stand under the headings, so what is what cannot be told.
    #[error(
        "cells: {cells}, headings: {headings}; put a cell that holds a comma in quotes, and leave an empty one in its place"
    )]
    Ragged {
        /// Cells of the row, but for empty ones beyond the last heading.
        cells: usize,
        /// Headings of the table.
        headings: usize,
    },
}

/// Where a record begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Byte from the start of the file.
    pub byte: u64,
    /// Line, from 1.
    pub line: u64,
}

/// One record.
#[derive(Debug)]
pub struct Record {
    /// Where it begins.
    pub line: u64,
    /// The event's JSON, or why there is none.
    pub json: Result<Zeroizing<String>, NoEvent>,
}

/// A file, or what is like one, read forward.
pub struct Records<F = File> {
    source: Source<F>,
    next: Place,
}

enum Source<F> {
    Lines(BufReader<F>),
    Table(Box<csv::Reader<Retained<F>>>, Columns),
}

impl Records {
    /// Opens a file; from a place an earlier run has reached, if given.
    pub fn open(
        path: &Path,
        format: Format,
        ignored: &[String],
        from: Option<Place>,
    ) -> Result<Self, RecordsError> {
        Self::of(File::open(path)?, format, ignored, from)
    }
}

impl<F: Read + Seek> Records<F> {
    /// Reads an open file; from a place an earlier run has reached, if given.
    pub fn of(
        mut file: F,
        format: Format,
        ignored: &[String],
        from: Option<Place>,
    ) -> Result<Self, RecordsError> {
        let mut head = Vec::new();
        file.by_ref().take(2).read_to_end(&mut head)?;
        if is_utf_16(&head) {
            return Err(RecordsError::Utf16);
        }
        let start = from.unwrap_or(Place { byte: 0, line: 1 });
        match format {
            Format::Jsonl => {
                file.seek(SeekFrom::Start(start.byte))?;
                Ok(Self { source: Source::Lines(BufReader::new(file)), next: start })
            }
            Format::Csv => {
                file.seek(SeekFrom::Start(0))?;
                Self::of_table(file, ignored, from)
            }
        }
    }

    fn of_table(file: F, ignored: &[String], from: Option<Place>) -> Result<Self, RecordsError> {
        // A row of another length than the headings is told of by its line, as everything else that is wrong with one.
        let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(Retained::of(file));
        let headings = table.headers().map_err(io::Error::from)?.clone();
        let columns = Columns::read(headings.iter(), ignored)?;
        let first = place_of(table.position());
        let next = from.filter(|from| from.byte > first.byte).unwrap_or(first);
        table.seek_raw(SeekFrom::Start(next.byte), position_of(next)).map_err(io::Error::from)?;
        Ok(Self { source: Source::Table(Box::new(table), columns), next })
    }

    /// Where the next record begins: what lies before has been read.
    pub fn place(&self) -> Place {
        self.next
    }

    /// The next record that is not blank.
    pub fn read_next(&mut self) -> io::Result<Option<Record>> {
        match &mut self.source {
            Source::Lines(input) => loop {
                let line = self.next.line;
                let Some(text) = json_line(input, &mut self.next)? else { return Ok(None) };
                match text {
                    Ok(text) if text.trim().is_empty() => {}
                    json => return Ok(Some(Record { line, json })),
                }
            },
            Source::Table(table, columns) => {
                let mut row = csv::ByteRecord::new();
                let mut found = table.read_byte_record(&mut row).map_err(io::Error::from)?;
                // The parser ends a row at CR and counts LF, like the blank lines behind it, with the next one.
                let mut begins = behind_marks(table.get_ref().since(self.next.byte), self.next)?;
                if found && row.get(0).is_some_and(|cell| cell.starts_with(MARK)) {
                    (found, begins) = read_behind_marks(table, self.next, &mut row)?;
                }
                if !found {
                    return Ok(None);
                }
                self.next = place_of(table.position());
                table.get_mut().forget(self.next.byte);
                Ok(Some(Record { line: begins.line, json: json_of_row(row, columns) }))
            }
        }
    }
}

/// The byte order mark, which some programs begin a file with. It is in the middle of one that was put together of two.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether a file begins as text in UTF-16 does: with its byte order mark, or with a letter of ASCII, which has a zero beside it.
fn is_utf_16(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xfe] | [0xfe, 0xff] | [0, _] | [_, 0])
}

fn place_of(position: &csv::Position) -> Place {
    Place { byte: position.byte(), line: position.line() }
}

fn position_of(place: Place) -> csv::Position {
    let mut position = csv::Position::new();
    position.set_byte(place.byte).set_line(place.line);
    position
}

/// What a parser reads, with the bytes of the row it is at: it does not say where in them the row begins.
struct Retained<F> {
    file: F,
    bytes: Vec<u8>,
    /// Where the first of them stands in the file.
    start: u64,
}

impl<F> Retained<F> {
    /// A file, at its beginning.
    fn of(file: F) -> Self {
        Self { file, bytes: Vec::new(), start: 0 }
    }

    /// The bytes from a place on, as far as they were read.
    fn since(&self, byte: u64) -> &[u8] {
        self.bytes.get(self.place(byte)..).unwrap_or_default()
    }

    /// Lets go what lies before a place.
    fn forget(&mut self, byte: u64) {
        let end = self.place(byte).min(self.bytes.len());
        self.bytes.drain(..end);
        self.start += end as u64;
    }

    fn place(&self, byte: u64) -> usize {
        usize::try_from(byte.saturating_sub(self.start)).unwrap_or(usize::MAX)
    }
}

impl<F: Read> Read for Retained<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.bytes.extend_from_slice(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<F: Seek> Seek for Retained<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.start = self.file.seek(to)?;
        self.bytes.clear();
        Ok(self.start)
    }
}

/// Reads a row once more, without the byte order marks before it, and tells where it begins; false where nothing is left. The parser
/// passes over such a mark only where it begins to read, so that a row would be another one when an import goes on there.
fn read_behind_marks<F: Read + Seek>(
    table: &mut csv::Reader<Retained<F>>,
    from: Place,
    row: &mut csv::ByteRecord,
) -> io::Result<(bool, Place)> {
    let file = table.get_mut();
    file.seek(SeekFrom::Start(from.byte))?;
    let behind = behind_marks(BufReader::new(file), from)?;
    table.seek_raw(SeekFrom::Start(behind.byte), position_of(behind)).map_err(io::Error::from)?;
    let found = table.read_byte_record(row).map_err(io::Error::from)?;
    Ok((found, behind))
}

/// The place behind all byte order marks and ends of lines.
fn behind_marks(mut input: impl BufRead, mut place: Place) -> io::Result<Place> {
    loop {
        let rest = input.fill_buf()?;
        let passed = match rest.first() {
            Some(b'\r' | b'\n') => 1,
            Some(_) if rest.starts_with(MARK) => MARK.len(),
            Some(_) | None => return Ok(place),
        };
        place.line += u64::from(rest.first() == Some(&b'\n'));
        place.byte += passed as u64;
        input.consume(passed);
    }
}

/// A row as an event's JSON.
fn json_of_row(row: csv::ByteRecord, columns: &Columns) -> Result<Zeroizing<String>, NoEvent> {
    let row = csv::StringRecord::from_byte_record(row).map_err(|_| NoEvent::NotText)?;
    let (cells, headings) = (columns.cells(row.iter()), columns.headings());
    if cells != headings {
        return Err(NoEvent::Ragged { cells, headings });
    }
    Ok(Zeroizing::new(columns.event(row.iter()).to_string()))
}

/// Reads one line; a longer one than an event may be is passed over.
fn json_line(
    input: &mut BufReader<impl Read>,
    next: &mut Place,
) -> io::Result<Option<Result<Zeroizing<String>, NoEvent>>> {
    let mut line = Zeroizing::new(Vec::new());
    let mut read = input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? as u64;
    if read == 0 {
        return Ok(None);
    }
    let whole = line.last() == Some(&b'\n') || read < LONGEST;
    while !whole && read > 0 {
        let (ended, skipped) = match input.fill_buf()? {
            [] => (true, 0),
            rest => match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => (true, end + 1),
                None => (false, rest.len()),
            },
        };
        input.consume(skipped);
        read += skipped as u64;
        if ended {
            break;
        }
    }
    next.byte += read;
    next.line += 1;
    if !whole {
        return Ok(Some(Err(NoEvent::TooLong)));
    }
    let text =
        std::str::from_utf8(&line).map(|text| Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned()));
    Ok(Some(text.map_err(|_| NoEvent::NotText)))
}

/// Marks the clicks and the campaign of an event that say no time: a table has kept them with the deal or the contact they began, and
/// the visitor may have come by another ad since.
pub(super) fn mark_kept(event: &mut Event) {
    for click in event.click_ids.values_mut() {
        click.seen_at.get_or_insert(ClickId::SOME_TIME_BEFORE);
    }
    if let Some(campaign) = &mut event.campaign {
        campaign.seen_at.get_or_insert(ClickId::SOME_TIME_BEFORE);
    }
}

/// Longest line, in bytes: as long as a request with one event may be.
const LONGEST: u64 = 256 * 1024;

#[cfg(test)]
mod tests;

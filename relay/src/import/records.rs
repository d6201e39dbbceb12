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
    Table(Box<csv::Reader<F>>, Columns),
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
        let start = from.unwrap_or(Place { byte: 0, line: 1 });
        match format {
            Format::Jsonl => {
                file.seek(SeekFrom::Start(start.byte))?;
                Ok(Self { source: Source::Lines(BufReader::new(file)), next: start })
            }
            Format::Csv => {
                // A row of another length than the headings is told of by its line, as everything else that is wrong with one.
                let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(file);
                let headings = table.headers().map_err(io::Error::from)?.clone();
                let columns = Columns::read(headings.iter(), ignored)?;
                let first = Place { byte: table.position().byte(), line: table.position().line() };
                let next = from.filter(|from| from.byte > first.byte).unwrap_or(first);
                let mut position = csv::Position::new();
                position.set_byte(next.byte).set_line(next.line);
                table.seek(position).map_err(io::Error::from)?;
                Ok(Self { source: Source::Table(Box::new(table), columns), next })
            }
        }
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
                let line = self.next.line;
                if !table.read_byte_record(&mut row).map_err(io::Error::from)? {
                    return Ok(None);
                }
                let line = row.position().map_or(line, csv::Position::line);
                self.next = Place { byte: table.position().byte(), line: table.position().line() };
                Ok(Some(Record { line, json: json_of_row(row, columns) }))
            }
        }
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
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        file
    }

    /// Every record from a place on: its line, and its JSON or what is wrong.
    fn all(file: &tempfile::NamedTempFile, format: Format, from: Option<Place>) -> Vec<(u64, String)> {
        let mut records = Records::open(file.path(), format, &[], from).unwrap();
        let text = |record: Record| match record.json {
            Ok(json) => (record.line, json.trim().to_owned()),
            Err(problem) => (record.line, problem.to_string()),
        };
        std::iter::from_fn(|| records.read_next().unwrap().map(text)).collect()
    }

    #[test]
    fn a_file_read_from_any_place_gives_the_rest() {
        let long = format!("{{\"x\":\"{}\"}}", "y".repeat(300_000));
        let lines = format!("{{\"a\":1}}\n\n{long}\n{{\"b\":2}}\n{{\"c\":3}}");
        let table = "event,time,page.title\nLead,1,\"two\nlines\"\nPurchase,2,\"say \"\"hi\"\"\"\nLead,3,\n";
        for (format, text) in [(Format::Jsonl, lines.as_str()), (Format::Csv, table)] {
            let file = file(text.as_bytes());
            let whole = all(&file, format, None);
            let mut records = Records::open(file.path(), format, &[], None).unwrap();
            for read in 0..whole.len() {
                assert_eq!(all(&file, format, Some(records.place())), whole[read..], "{format:?}");
                records.read_next().unwrap();
            }
        }
        let jsonl = all(&file(lines.as_bytes()), Format::Jsonl, None);
        let places: Vec<u64> = jsonl.iter().map(|(line, _)| *line).collect();
        assert_eq!((places, jsonl[1].1.as_str()), (vec![1, 3, 4, 5], "longer than an event may be"));
        assert_eq!(
            all(&file(table.as_bytes()), Format::Csv, None).iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [2, 4, 5]
        );
    }

    #[test]
    fn text_that_is_no_utf_8_costs_only_its_line() {
        let found = all(&file(b"{\"a\":1}\n\xff\n{\"b\":2}\n"), Format::Jsonl, None);
        assert_eq!(
            found.iter().map(|(_, json)| json.as_str()).collect::<Vec<_>>(),
            ["{\"a\":1}", "not UTF-8; save the file as UTF-8", "{\"b\":2}"]
        );
    }

    #[test]
    fn a_row_that_does_not_stand_under_the_headings_is_refused() {
        let text =
            "event,time,email\nLead,1,a@example.com\nLead,2\nPurchase,3,1,90\nLead,4,,,, \nLead,5,\nLead\n";
        let found = all(&file(text.as_bytes()), Format::Csv, None);
        let advice = "; put a cell that holds a comma in quotes, and leave an empty one in its place";
        let expected = [
            (2_u64, r#"{"event":"Lead","time":1,"user":{"email":"a@example.com"}}"#.to_owned()),
            (3, format!("cells: 2, headings: 3{advice}")),
            (4, format!("cells: 4, headings: 3{advice}")),
            (5, r#"{"event":"Lead","time":4}"#.to_owned()),
            (6, r#"{"event":"Lead","time":5}"#.to_owned()),
            (7, format!("cells: 1, headings: 3{advice}")),
        ];
        assert_eq!(found, expected);
    }
}

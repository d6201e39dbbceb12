//! The rows of a page, read one by one and believed only when they are whole.
//!
//! Every page says by itself what rows it holds, so no way to a page is followed that damage may have cut: all pages are
//! read in turn, and of each the rows that hold together. Owns SQLite's format of pages, cells and records
//! (<https://www.sqlite.org/fileformat2.html>, sections 1.6 and 2, read 2026-11-27). Leaves to `tables` what a row is of.

use std::collections::HashSet;

use super::pages::{Pages, word};

/// Longest row believed. The longest the relay writes is a held conversion of many reports, below a megabyte each.
const LONGEST_ROW_BYTES: usize = 64 << 20;

/// What kind of tree a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table whose rows have a number of their own.
    Table,
    /// An index, or a table that is one.
    Index,
}

/// One value of a row. The relay's tables hold no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Absent.
    Null,
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes that are no text.
    Blob(Vec<u8>),
}

/// One row as it stands in its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its page's kind.
    pub(super) kind: Kind,
    /// Its number, in a table that has them.
    pub(super) rowid: i64,
    /// Its values.
    pub(super) values: Vec<Value>,
}

/// What a page turned out to be.
pub(super) enum Page {
    /// It holds rows: those that read, and how many do not.
    Rows(Vec<Row>, u64),
    /// It only leads to others.
    Inner,
    /// Nothing is in it.
    Empty,
    /// It is none of these: the middle of a long row, a list of free pages, or damage.
    Other,
}

/// Reads a page. The pages into which long rows run on are noted in `overflow`.
pub(super) fn read(pages: &Pages, number: u32, overflow: &mut HashSet<u32>) -> Page {
    let bytes = pages.read(number);
    // The first page begins with the file's header.
    let start = if number == 1 { 100 } else { 0 };
    let (kind, inner) = match bytes.get(start) {
        Some(0x0d) => (Kind::Table, false),
        Some(0x0a) => (Kind::Index, false),
        Some(0x02) => (Kind::Index, true),
        Some(0x05) => {
            let sound = places(&bytes, start, true).is_some();
            return if sound { Page::Inner } else { Page::Other };
        }
        _ if bytes.iter().all(|byte| *byte == 0) => return Page::Empty,
        _ => return Page::Other,
    };
    let Some(places) = places(&bytes, start, inner) else { return Page::Other };
    let (mut rows, mut broken) = (Vec::with_capacity(places.len()), 0);
    for at in places {
        let mut cell = Cell { pages, bytes: &bytes, at: if inner { at + 4 } else { at }, overflow };
        match cell.row(kind) {
            Some(row) => rows.push(row),
            None => broken += 1,
        }
    }
    Page::Rows(rows, broken)
}

/// Where the cells of a page are, if its head makes sense.
fn places(bytes: &[u8], start: usize, inner: bool) -> Option<Vec<usize>> {
    let number = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let count = number(start + 3)?;
    let first = start + if inner { 12 } else { 8 };
    let list_end = first + 2 * count;
    // The place where cells begin; nought stands for 65536.
    let content = number(start + 5).map(|at| if at == 0 { 65_536 } else { at })?;
    if list_end > bytes.len() || content < list_end || content > bytes.len() {
        return None;
    }
    (0..count).map(|nth| number(first + 2 * nth)).collect()
}

/// A cell of a page.
struct Cell<'a> {
    pages: &'a Pages,
    bytes: &'a [u8],
    at: usize,
    overflow: &'a mut HashSet<u32>,
}

impl Cell<'_> {
    /// The row in it, if it is whole.
    fn row(&mut self, kind: Kind) -> Option<Row> {
        let length = usize::try_from(self.varint()?).ok().filter(|length| *length <= LONGEST_ROW_BYTES)?;
        let rowid = match kind {
            Kind::Table => self.varint()?,
            Kind::Index => 0,
        };
        let values = record(&self.payload(kind, length)?)?;
        Some(Row { kind, rowid, values })
    }

    fn varint(&mut self) -> Option<i64> {
        let (value, length) = varint(self.bytes.get(self.at..)?)?;
        self.at += length;
        Some(value)
    }

    /// The row's bytes, those in other pages included.
    fn payload(&mut self, kind: Kind, length: usize) -> Option<Vec<u8>> {
        let usable = self.bytes.len();
        let local = local_bytes(kind, length, usable);
        let mut payload = self.bytes.get(self.at..self.at + local)?.to_vec();
        if local == length {
            return Some(payload);
        }
        let mut next = word(self.bytes, self.at + local);
        while payload.len() < length {
            if next == 0 || next > self.pages.count {
                return None;
            }
            let page = self.pages.read(next);
            self.overflow.insert(next);
            next = word(&page, 0);
            let part = (length - payload.len()).min(usable - 4);
            payload.extend_from_slice(page.get(4..4 + part)?);
        }
        // A chain that goes on belongs to something else.
        (next == 0).then_some(payload)
    }
}

/// How much of a row is in its page; the rest runs on into others.
fn local_bytes(kind: Kind, length: usize, usable: usize) -> usize {
    let least = (usable - 12) * 32 / 255 - 23;
    let most = match kind {
        Kind::Table => usable - 35,
        Kind::Index => (usable - 12) * 64 / 255 - 23,
    };
    if length <= most {
        return length;
    }
    let wanted = least + (length - least) % (usable - 4);
    if wanted <= most { wanted } else { least }
}

/// The values of a record, if its bytes are exactly what its head announces.
fn record(payload: &[u8]) -> Option<Vec<Value>> {
    let (head, mut at) = varint(payload)?;
    let head = usize::try_from(head).ok()?;
    let (mut body, mut values) = (head, Vec::new());
    while at < head {
        let (serial, length) = varint(payload.get(at..head)?)?;
        at += length;
        let (value, length) = value(serial, payload.get(body..)?)?;
        body += length;
        values.push(value);
    }
    (at == head && body == payload.len()).then_some(values)
}

/// One value by its type, and its length.
fn value(serial: i64, bytes: &[u8]) -> Option<(Value, usize)> {
    let integer = |length: usize| {
        let part = bytes.get(..length)?;
        let sign = if part.first()? & 0x80 == 0 { 0 } else { -1 };
        Some((Value::Int(part.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))), length))
    };
    match serial {
        0 => Some((Value::Null, 0)),
        1..=4 => integer(usize::try_from(serial).ok()?),
        5 => integer(6),
        6 => integer(8),
        8 | 9 => Some((Value::Int(serial - 8), 0)),
        13.. if serial % 2 == 1 => {
            let length = usize::try_from((serial - 13) / 2).ok()?;
            let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
            Some((Value::Text(text.to_owned()), length))
        }
        12.. => {
            let length = usize::try_from((serial - 12) / 2).ok()?;
            Some((Value::Blob(bytes.get(..length)?.to_owned()), length))
        }
        _ => None,
    }
}

/// A number of one to nine bytes, and how many they were.
fn varint(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut value = 0_u64;
    for (nth, byte) in bytes.iter().take(9).enumerate() {
        if nth == 8 {
            return Some(((value << 8 | u64::from(*byte)).cast_signed(), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value.cast_signed(), nth + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read() {
        let check = |bytes: &[u8], expected| assert_eq!(varint(bytes), expected, "{bytes:?}");
        check(&[0x00], Some((0, 1)));
        check(&[0x7f, 0xff], Some((127, 1)));
        check(&[0x81, 0x00], Some((128, 2)));
        check(&[0xff; 9], Some((-1, 9)));
        check(&[0x81], None);
        check(&[], None);
    }

    #[test]
    fn a_record_is_read_only_when_it_is_whole() {
        let check = |bytes: &[u8], expected: Option<&[Value]>| {
            assert_eq!(record(bytes).as_deref(), expected, "{bytes:?}");
        };
        let text = |text: &str| Value::Text(text.to_owned());
        check(
            &[5, 0, 1, 9, 17, 0xff, b'o', b'k'],
            Some(&[Value::Null, Value::Int(-1), Value::Int(1), text("ok")]),
        );
        check(&[2, 2, 0x01, 0x00], Some(&[Value::Int(256)]));
        check(&[3, 12, 16, 0xff, 0x00], Some(&[Value::Blob(vec![]), Value::Blob(vec![0xff, 0x00])]));
        check(&[2, 16, 0xff], None);
        check(&[2, 17, b'o'], None);
        check(&[2, 17, b'o', b'k', b'!'], None);
        check(&[2, 17, 0xff, 0xfe], None);
        check(&[2, 7, 0, 0, 0, 0, 0, 0, 0, 0], None);
        check(&[9, 1, 1], None);
        check(&[], None);
    }
}

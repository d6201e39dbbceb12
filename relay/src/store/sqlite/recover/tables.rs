//! What a row is of, by its shape alone, and putting it into a new database.
//!
//! No table of the store has rows like another's, so a row needs no way from the schema to be known. Owns the shapes, what
//! makes a row of each believable, and which of two versions of a row stands. A step of the schema that makes a table or
//! changes one changes the shapes, too; a test says so.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql, params, params_from_iter};
use serde::de::IgnoredAny;
use shared::Event;
use shared::visitor::Visitor;

use super::super::hours;
use super::super::short::{self, Short};
use super::rows::{Kind, Row, Value};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// The row's own number, which stands beside the row.
    Rowid,
    Int,
    Text,
    MaybeInt,
    MaybeText,
    /// An identity key, in its short form or, in an older store, as text.
    Key,
    /// A visitor's id, likewise.
    Visitor,
}

impl Is {
    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Rowid | Self::MaybeInt | Self::MaybeText, Value::Null)
            | (Self::Int | Self::MaybeInt, Value::Int(_))
            | (Self::Text | Self::MaybeText, Value::Text(_))
            | (Self::Key | Self::Visitor, Value::Text(_))
            | (Self::Key, Value::Blob(_)) => true,
            // A UUID is the only id that is kept as bytes.
            (Self::Visitor, Value::Blob(id)) => id.len() == 16,
            (Self::Rowid | Self::Text | Self::MaybeText | Self::Key | Self::Visitor, Value::Int(_))
            | (Self::Int | Self::Text | Self::Key | Self::Visitor, Value::Null)
            | (Self::Rowid | Self::Int | Self::MaybeInt, Value::Text(_))
            | (Self::Rowid | Self::Int | Self::Text | Self::MaybeInt | Self::MaybeText, Value::Blob(_)) => {
                false
            }
        }
    }
}

/// A table of the store.
struct Shape {
    /// Its name.
    table: &'static str,
    kind: Kind,
    columns: &'static [Is],
    /// Whether a row of this shape can be believed.
    sound: fn(&Row) -> bool,
    /// What happens to a row whose key is there already.
    conflict: &'static str,
}

/// First come, first kept.
const KEEP: &str = "ON CONFLICT DO NOTHING";

/// Every table whose rows are known by their shape.
const SHAPES: &[Shape] = &[
    Shape {
        table: "log",
        kind: Kind::Table,
        columns: &[Is::Rowid, Is::Text, Is::Int, Is::MaybeText, Is::Text],
        sound: |row| row.rowid > 0 && (row.text(4).is_empty() || reads::<Event>(row.text(4))),
        // Of an event that was erased only the empty version may stand.
        conflict: "ON CONFLICT DO UPDATE SET body = '', visitor = NULL WHERE excluded.body = ''",
    },
    Shape {
        table: "log_head",
        kind: Kind::Table,
        columns: &[Is::Rowid, Is::Int],
        sound: |row| row.rowid == 1 && row.int(1) >= 0,
        conflict: "ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    },
    Shape {
        table: "dedup",
        kind: Kind::Index,
        columns: &[Is::Text, Is::Text, Is::Int],
        // The indexes of visitors and of held events look the same, with a small number where this has a time.
        sound: |row| row.int(2) > LARGEST_ROWID,
        conflict: "ON CONFLICT DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)",
    },
    Shape {
        table: "visitor",
        kind: Kind::Table,
        columns: &[Is::Text, Is::Text, Is::Int, Is::Text],
        sound: |row| reads::<Visitor>(row.text(3)),
        conflict: "ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms, body = excluded.body
                   WHERE excluded.seen_ms > seen_ms",
    },
    Shape {
        table: "identity",
        kind: Kind::Index,
        columns: &[Is::Text, Is::Key, Is::Visitor, Is::Int, Is::Int, Is::Text],
        sound: |row| u32::try_from(row.int(3)).is_ok(),
        conflict: "ON CONFLICT DO UPDATE SET visitor = excluded.visitor, visitors = excluded.visitors,
                   seen_ms = excluded.seen_ms, known = excluded.known WHERE excluded.seen_ms > seen_ms",
    },
    Shape {
        table: "cursor",
        kind: Kind::Index,
        columns: &[Is::Text, Is::Int],
        sound: |row| row.int(1) >= 0,
        conflict: "ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    },
    Shape {
        table: "retry",
        kind: Kind::Index,
        columns: &[Is::Int, Is::Text, Is::Int, Is::MaybeInt, Is::Int, Is::Text],
        sound: |row| row.int(0) > 0 && u32::try_from(row.int(2)).is_ok(),
        conflict: KEEP,
    },
    Shape {
        table: "dead",
        kind: Kind::Index,
        columns: &[Is::Text, Is::Int, Is::Text, Is::Text, Is::Text, Is::Int, Is::Text],
        sound: |row| row.int(1) > 0,
        conflict: KEEP,
    },
    Shape {
        table: "receipt",
        kind: Kind::Index,
        columns: &[Is::Text, Is::Text, Is::Int, Is::Int, Is::Int, Is::Int, Is::Int, Is::Text],
        sound: |row| reads::<Vec<i64>>(row.text(7)) && u32::try_from(row.int(4)).is_ok(),
        conflict: KEEP,
    },
    Shape {
        table: "note",
        kind: Kind::Index,
        columns: &[Is::Text, Is::Text, Is::Int, Is::MaybeText, Is::Text],
        sound: |row| reads::<IgnoredAny>(row.text(4)),
        conflict: "ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, visitor = excluded.visitor, body = excluded.body
                   WHERE excluded.at_ms > at_ms",
    },
    Shape {
        table: "held",
        kind: Kind::Table,
        columns: &[Is::Text, Is::Text, Is::Int, Is::Int, Is::MaybeText, Is::Text],
        sound: |row| reads::<IgnoredAny>(row.text(5)),
        conflict: KEEP,
    },
];

/// Tables of three texts, which only other rows tell apart; see [`Filling::finish`].
const THREE_TEXTS: [&str; 2] = ["held_key", "destination_memory"];

/// A time in milliseconds since 1973 is more; so many rows no table has.
const LARGEST_ROWID: i64 = 100_000_000_000;

/// Every table, in the order of the report.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|shape| shape.table).chain(THREE_TEXTS)
}

impl Row {
    fn text(&self, nth: usize) -> &str {
        match self.values.get(nth) {
            Some(Value::Text(text)) => text,
            Some(Value::Null | Value::Int(_) | Value::Blob(_)) | None => "",
        }
    }

    fn int(&self, nth: usize) -> i64 {
        match self.values.get(nth) {
            Some(Value::Int(number)) => *number,
            Some(Value::Null | Value::Text(_) | Value::Blob(_)) | None => 0,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<Short<'_>> for Value {
    fn from(short: Short<'_>) -> Self {
        match short {
            Short::Text(text) => Self::Text(text.to_owned()),
            Short::Bytes(bytes, length) => Self::Blob(bytes[..length].to_vec()),
        }
    }
}

fn reads<'a, T: serde::Deserialize<'a>>(json: &'a str) -> bool {
    serde_json::from_str::<T>(json).is_ok()
}

/// What a row turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is in the new database.
    Saved(&'static str),
    /// It is of this table and cannot be believed.
    Broken(&'static str),
    /// It is of an index or of the schema, which the new database has of its own.
    Other,
}

/// A new database that is being filled.
pub(super) struct Filling<'c> {
    connection: &'c Connection,
    inserts: Vec<Statement<'c>>,
    /// Rows of three texts, until all of their kin are known.
    three_texts: HashSet<[String; 3]>,
}

impl<'c> Filling<'c> {
    /// Into a database that has our tables.
    pub(super) fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        let insert = |shape: &Shape| {
            let places: Vec<String> = (1..=shape.columns.len()).map(|nth| format!("?{nth}")).collect();
            let sql =
                format!("INSERT INTO {} VALUES ({}) {}", shape.table, places.join(", "), shape.conflict);
            connection.prepare(&sql)
        };
        let inserts = SHAPES.iter().map(insert).collect::<rusqlite::Result<_>>()?;
        Ok(Self { connection, inserts, three_texts: HashSet::new() })
    }

    /// Puts a row where it belongs.
    pub(super) fn put(&mut self, row: &Row) -> rusqlite::Result<Found> {
        if let Some(texts) = three_texts(row) {
            self.three_texts.insert(texts);
            return Ok(Found::Other);
        }
        let fits = |shape: &Shape| {
            let columns = shape.columns.iter().zip(&row.values);
            shape.kind == row.kind
                && shape.columns.len() == row.values.len()
                && columns.into_iter().all(|(is, value)| is.fits(value))
        };
        let Some((nth, shape)) = SHAPES.iter().enumerate().find(|(_, shape)| fits(shape)) else {
            return Ok(Found::Other);
        };
        if !(shape.sound)(row) {
            // An index of a table looks like dedup keys; see there.
            return Ok(if shape.table == "dedup" { Found::Other } else { Found::Broken(shape.table) });
        }
        let values = shape.columns.iter().zip(&row.values);
        let values = values.map(|(is, value)| match (is, value) {
            (Is::Rowid, _) => Cow::Owned(Value::Int(row.rowid)),
            (Is::Key, Value::Text(key)) => Cow::Owned(short::key(key).into()),
            (Is::Visitor, Value::Text(id)) => Cow::Owned(short::visitor(id).into()),
            (_, value) => Cow::Borrowed(value),
        });
        if let Some(insert) = self.inserts.get_mut(nth) {
            insert.execute(params_from_iter(values))?;
        }
        Ok(Found::Saved(shape.table))
    }

    /// Places the rows of three texts and takes away what refers to nothing.
    ///
    /// Such a row is a held event's key (site, key, id), an entry of the index of those (site, id, key), or what one of
    /// `destinations` remembers (destination, name, value). Held events tell the first two apart.
    pub(super) fn finish(&mut self, destinations: &[String]) -> rusqlite::Result<()> {
        let mut held = self.connection.prepare("SELECT 1 FROM held WHERE site = ?1 AND id = ?2")?;
        for [owner, one, two] in &self.three_texts {
            let of_ours = |name: &str| {
                let name = name.trim_end_matches(|end: char| end.is_ascii_digit());
                name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
            };
            let table = if held.exists([owner, two])? {
                "held_key"
            } else if held.exists([owner, one])? || !destinations.contains(owner) || !of_ours(one) {
                continue;
            } else {
                "destination_memory"
            };
            let sql = format!("INSERT OR IGNORE INTO {table} VALUES (?1, ?2, ?3)");
            self.connection.execute(&sql, [owner, one, two])?;
        }
        self.connection.execute("DELETE FROM retry WHERE seq NOT IN (SELECT seq FROM log)", [])?;
        hours::rebuild(self.connection)
    }

    /// Makes the dedup keys anew that are lost of events that are saved, lest those are taken a second time. Answers how
    /// many.
    pub(super) fn remake_keys(&self, keys: &dyn Fn(&Event) -> Vec<String>) -> rusqlite::Result<u64> {
        let mut insert = self.connection.prepare("INSERT OR IGNORE INTO dedup VALUES (?1, ?2, ?3)")?;
        let mut log = self.connection.prepare("SELECT site, received_ms, body FROM log WHERE body <> ''")?;
        let (mut rows, mut made) = (log.query([])?, 0);
        while let Some(row) = rows.next()? {
            let (site, received) = (row.get::<_, String>(0)?, row.get::<_, i64>(1)?);
            // Only what reads was saved.
            let Ok(event) = serde_json::from_slice(row.get_ref(2)?.as_bytes()?) else { continue };
            for key in keys(&event) {
                made += insert.execute(params![site, key, received])? as u64;
            }
        }
        Ok(made)
    }
}

fn three_texts(row: &Row) -> Option<[String; 3]> {
    match (row.kind, row.values.as_slice()) {
        (Kind::Index, [Value::Text(one), Value::Text(two), Value::Text(three)]) => {
            Some([one.clone(), two.clone(), three.clone()])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::sqlite::schema;

    fn new_store() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        std::fs::File::create(&path).unwrap();
        let connection = schema::open_writer(&path).unwrap();
        (folder, connection)
    }

    /// The columns of every table, as the schema has them.
    fn columns() -> BTreeMap<String, Vec<Is>> {
        let (_folder, connection) = new_store();
        let sql = "SELECT t.name, c.type, c.\"notnull\", c.pk, t.wr, c.name FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
                   WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite%' ORDER BY c.cid";
        let mut statement = connection.prepare(sql).unwrap();
        let mut found = BTreeMap::<String, Vec<Is>>::new();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (table, kind): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
            let (needed, key, without_rowid): (bool, bool, bool) =
                (row.get(2).unwrap(), row.get(3).unwrap(), row.get(4).unwrap());
            let is = match (kind.as_str(), needed || key && without_rowid, key && !without_rowid) {
                ("INTEGER", false, true) => Is::Rowid,
                ("INTEGER", true, _) => Is::Int,
                ("INTEGER", false, false) => Is::MaybeInt,
                ("TEXT", true, _) => Is::Text,
                ("TEXT", false, _) => Is::MaybeText,
                ("BLOB", true, _) if row.get::<_, String>(5).unwrap() == "key" => Is::Key,
                ("BLOB", true, _) => Is::Visitor,
                other => panic!("{table}: {other:?} has no shape"),
            };
            found.entry(table).or_default().push(is);
        }
        found
    }

    #[test]
    fn every_table_of_the_schema_has_its_shape() {
        let mut shapes: BTreeMap<String, Vec<Is>> =
            SHAPES.iter().map(|shape| (shape.table.to_owned(), shape.columns.to_vec())).collect();
        shapes.extend(THREE_TEXTS.map(|table| (table.to_owned(), vec![Is::Text; 3])));
        // Made anew from the log.
        shapes.insert("log_hour".to_owned(), vec![Is::Rowid, Is::Int, Is::Int]);
        assert_eq!(shapes, columns());
    }

    #[test]
    fn an_identity_of_an_older_store_is_saved_in_its_short_form() {
        let (_folder, connection) = new_store();
        let key = format!("em:{}", "c3".repeat(32));
        let uuid = "0195e7a2-7b80-7cc3-98c4-dc0c0c07398f";
        let text = |text: &str| Value::Text(text.to_owned());
        let values = vec![text("shop"), text(&key), text(uuid), Value::Int(1), Value::Int(5), text("")];
        let row = Row { kind: Kind::Index, rowid: 0, values };
        assert_eq!(Filling::of(&connection).unwrap().put(&row).unwrap(), Found::Saved("identity"));
        let sql = "SELECT visitor_id FROM identity WHERE key = ?1 AND visitor = ?2";
        let found =
            connection.query_row(sql, params![short::key(&key), short::visitor(uuid)], |row| row.get(0));
        assert_eq!(found, Ok(uuid.to_owned()));
    }
}

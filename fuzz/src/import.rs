//! Files of past conversions: tables and lines of JSON.
//!
//! The first byte of an input says which: `{` for lines of JSON, anything else for a table.

use std::io::Cursor;

use relay::collect::read::{self, Defaults};
use relay::enrich;
use relay::import::{Format, NoEvent, Place, Records};

use crate::check;
use crate::seeds::{files, recorded, text};
use crate::stage::NOW;

/// Reads a file from its beginning, and from every place where a run could have been interrupted.
pub fn run(bytes: &[u8]) {
    if check::names_a_secret(bytes) {
        return;
    }
    let format = if bytes.first() == Some(&b'{') { Format::Jsonl } else { Format::Csv };
    let whole = rest(bytes, format, None);
    for (read, (place, _, _)) in whole.iter().enumerate().take(MOST_STARTS) {
        let again = rest(bytes, format, Some(*place));
        let lines = |records: &[Read]| {
            records.iter().map(|(_, line, json)| (*line, json.clone())).collect::<Vec<_>>()
        };
        assert_eq!(lines(&again), lines(&whole[read..]), "from {place:?}");
    }
    for (_, _, json) in whole {
        let Ok(json) = json else { continue };
        let defaults = Defaults { now: NOW, source: None, country: Some("DE"), random: [7; 10] };
        match read::event_with_warnings(&json, defaults) {
            Ok(mut understood) => {
                enrich::from_server(&mut understood.event, NOW);
                check::event(&understood.event);
            }
            Err(error) => check::line(&error.to_string()),
        }
    }
}

/// Where a record begins, its line, and its JSON or what is wrong.
type Read = (Place, u64, Result<String, NoEvent>);

fn rest(bytes: &[u8], format: Format, from: Option<Place>) -> Vec<Read> {
    let Ok(mut records) = Records::of(Cursor::new(bytes), format, &[], from) else { return Vec::new() };
    let mut read = Vec::new();
    loop {
        let place = records.place();
        let Some(record) = records.read_next().expect("memory is readable") else { return read };
        read.push((place, record.line, record.json.map(|json| json.to_string())));
    }
}

/// The events of `preview`'s tests as lines. Tables are in the corpus.
pub fn seeds() -> Vec<Vec<u8>> {
    let line = |path: &std::path::PathBuf| text(path).replace('\n', " ") + "\n";
    files(&recorded("preview/events"))
        .chunks(8)
        .map(|some| some.iter().map(line).collect::<String>().into_bytes())
        .collect()
}

/// Places to start from again; each reads the rest of the file.
const MOST_STARTS: usize = 5;

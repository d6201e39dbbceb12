//! Batches, the report, and where to go on.
//!
//! After each batch that is durable the place in the file is written beside it (`FILE.progress`), so that a run that
//! was stopped goes on there; the file's size and beginning are noted with it, and a file that has changed is begun
//! anew. Nothing depends on it being right: an event that comes twice counts once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::event::Source;
use shared::time::DAY_MS;
use shared::{Event, UnixMs, event_id};

use super::records::{Format, Place, Record, Records, RecordsError, mark_kept};
use crate::collect::read::{self, Defaults};
use crate::enrich;

/// What is imported, and how.
#[derive(Debug)]
pub struct Import<'a> {
    /// The file.
    pub file: &'a Path,
    /// How it is written.
    pub format: Format,
    /// Headings to leave out.
    pub ignored: &'a [String],
    /// The site's key, which is part of the ids that follow from lines.
    pub site: &'a str,
    /// The site's country, for national phone numbers.
    pub country: Option<&'a str>,
    /// The name of events that have none.
    pub event: Option<&'a str>,
    /// The channel of events that name none.
    pub source: Source,
    /// Where what failed is written.
    pub report: &'a Path,
    /// Whether to begin anew.
    pub restart: bool,
    /// Now.
    pub now: UnixMs,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New events.
    pub accepted: u64,
    /// Events that were known.
    pub duplicates: u64,
    /// Lines that were refused.
    pub rejected: u64,
    /// Fields that were ignored.
    pub warnings: u64,
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError<E: std::error::Error + 'static> {
    /// The file cannot be read.
    #[error("{}: {source}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: RecordsError,
    },
    /// The report or the progress cannot be written.
    #[error("{}: cannot be written: {source}", file.display())]
    Beside {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The events could not be stored.
    #[error("stopped after {} events: {source}; run it again, it goes on from there", counts.accepted + counts.duplicates)]
    Store {
        /// What was done until then.
        counts: Counts,
        /// Why.
        source: E,
    },
}

/// The note beside the file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// What the file was.
    file: String,
    place: Place,
    counts: Counts,
    /// Length of the report that belongs to it.
    report: u64,
}

/// Reads the file to its end, hands batches to `store` (which answers how many were new and how many known), and tells
/// `tell` after each how many bytes are done.
pub fn run<E: std::error::Error + 'static>(
    import: &Import<'_>,
    mut store: impl FnMut(Vec<Event>) -> Result<(u64, u64), E>,
    mut tell: impl FnMut(u64),
) -> Result<Counts, ImportError<E>> {
    let of_file = |source: RecordsError| ImportError::File { file: import.file.to_owned(), source };
    let beside = |file: &Path| {
        let file = file.to_owned();
        move |source| ImportError::Beside { file, source }
    };
    let mark = mark(import).map_err(|error| of_file(error.into()))?;
    let note = note_of(import.file);
    let earlier = earlier(&note, &mark).filter(|_| !import.restart);
    let mut counts = earlier.as_ref().map(|earlier| earlier.counts).unwrap_or_default();
    let from = earlier.as_ref().map(|earlier| earlier.place);
    let mut records = Records::open(import.file, import.format, import.ignored, from).map_err(of_file)?;
    let kept = earlier.map_or(0, |earlier| earlier.report);
    let mut report = Report::open(import.report, kept).map_err(beside(import.report))?;
    loop {
        let mut events = Vec::new();
        let mut read_any = false;
        while events.len() < BATCH {
            let Some(record) = records.read_next().map_err(|error| of_file(error.into()))? else { break };
            read_any = true;
            match event(import, &record) {
                Ok(Taken { event, warnings }) => {
                    events.push(event);
                    for warning in warnings {
                        counts.warnings += 1;
                        report.write(record.line, "warning", &warning).map_err(beside(import.report))?;
                    }
                }
                Err(reason) => {
                    counts.rejected += 1;
                    report.write(record.line, "rejected", &reason).map_err(beside(import.report))?;
                }
            }
        }
        if !read_any {
            break;
        }
        if !events.is_empty() {
            let (accepted, duplicates) =
                store(events).map_err(|source| ImportError::Store { counts, source })?;
            counts.accepted += accepted;
            counts.duplicates += duplicates;
        }
        let progress = Progress {
            file: mark.clone(),
            place: records.place(),
            counts,
            report: report.flush().map_err(beside(import.report))?,
        };
        save(&note, &progress).map_err(beside(&note))?;
        tell(records.place().byte);
    }
    report.end().map_err(beside(import.report))?;
    match fs::remove_file(&note) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(beside(&note)(error)),
        Ok(()) | Err(_) => Ok(counts),
    }
}

/// An event that was understood.
struct Taken {
    event: Event,
    warnings: Vec<String>,
}

fn event(import: &Import<'_>, record: &Record) -> Result<Taken, String> {
    let json = record.json.as_ref().map_err(ToString::to_string)?;
    // Looked at before it is read: what is added here is not the sender's.
    let mut whole: Value = serde_json::from_str(json).map_err(|_| "not a JSON object".to_owned())?;
    let Value::Object(members) = &mut whole else { return Err("not a JSON object".to_owned()) };
    if members.get("time").is_none_or(Value::is_null) {
        return Err("time: a past conversion needs the time it happened".to_owned());
    }
    if let Some(name) = import.event {
        members.entry("event").or_insert_with(|| name.into());
    }
    let random = random_of(import.site, json);
    let defaults = Defaults { now: import.now, source: Some(import.source), country: import.country, random };
    let text = zeroize::Zeroizing::new(whole.to_string());
    let understood = read::event_with_warnings(&text, defaults).map_err(|error| error.to_string())?;
    let (mut event, warnings) = (understood.event, understood.warnings);
    mark_kept(&mut event);
    enrich::before_the_event(&mut event);
    // It would hide every real click of its visitor, which all come before it.
    if event.time > import.now.plus(DAY_MS) {
        return Err("time: lies in the future".to_owned());
    }
    if event.event_id == event_id::uuid_v7(import.now.0, random) {
        event.event_id = event_id::uuid_v7(event.time.0, random);
    }
    Ok(Taken { event, warnings })
}

/// What stands for randomness in the id of an event that has none: its site and line.
fn random_of(site: &str, line: &str) -> [u8; 10] {
    let mut hash = Sha256::new();
    hash.update(site.as_bytes());
    hash.update([0]);
    hash.update(line.trim().as_bytes());
    let digest = hash.finalize();
    std::array::from_fn(|place| digest[place])
}

/// Tells one file from another by its size and its first bytes; where it is imported to belongs to it.
fn mark(import: &Import<'_>) -> io::Result<String> {
    let mut head = Vec::new();
    let file = File::open(import.file)?;
    let size = file.metadata()?.len();
    file.take(65_536).read_to_end(&mut head)?;
    Ok(format!(
        "{} {size} {}",
        import.site,
        shared::Sha256Hex::parse(&hex(&Sha256::digest(&head)))
            .map_or_else(String::new, |digest| digest.to_hex())
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn note_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".progress");
    PathBuf::from(name)
}

/// What an earlier run left, if it was about this very file.
fn earlier(note: &Path, mark: &str) -> Option<Progress> {
    let progress: Progress = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
    (progress.file == mark).then_some(progress)
}

/// Replaces the note, so that there is always a whole one.
fn save(note: &Path, progress: &Progress) -> io::Result<()> {
    let draft = note.with_extension("progress.new");
    fs::write(&draft, serde_json::to_vec(progress)?)?;
    fs::rename(draft, note)
}

/// The report: a line of JSON for every line that was refused and every field that was ignored. There is no file while
/// there is nothing to say.
struct Report<'a> {
    path: &'a Path,
    file: Option<io::BufWriter<File>>,
    length: u64,
}

impl<'a> Report<'a> {
    /// Goes on after the first `kept` bytes of an earlier run's.
    fn open(path: &'a Path, kept: u64) -> io::Result<Self> {
        if kept == 0 {
            // Only what an import wrote makes room: a mistyped name must not cost the file to be imported, or the configuration.
            let mut beginning = Vec::new();
            if let Ok(file) = File::open(path) {
                file.take(BEGINNING.len() as u64).read_to_end(&mut beginning)?;
            }
            if !beginning.is_empty() && beginning != BEGINNING {
                let said = "it is there and is no report of an import; name another file with --report";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, said));
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => return Ok(Self { path, file: None, length: 0 }),
            }
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        Ok(Self { path, file: Some(io::BufWriter::new(file)), length: kept })
    }

    fn write(&mut self, line: u64, what: &str, reason: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            empty @ None => empty.insert(io::BufWriter::new(File::create(self.path)?)),
        };
        let text = format!("{}\n", json!({ "line": line, "what": what, "reason": reason }));
        self.length += text.len() as u64;
        file.write_all(text.as_bytes())
    }

    /// Writes out what waits; the length there is now.
    fn flush(&mut self) -> io::Result<u64> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(self.length)
    }

    fn end(mut self) -> io::Result<()> {
        self.flush().map(drop)
    }
}

/// How every line of a report begins.
const BEGINNING: &[u8] = b"{\"line\":";
/// Events stored at once.
const BATCH: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the store failed")]
    struct Failed;

    fn import<'a>(file: &'a Path, format: Format, report: &'a Path) -> Import<'a> {
        Import {
            file,
            format,
            ignored: &[],
            site: "shop",
            country: None,
            event: None,
            source: Source::Crm,
            report,
            restart: false,
            now: UnixMs(1_795_200_000_000),
        }
    }

    #[test]
    fn a_ragged_row_is_reported_by_its_numbers_only() {
        let directory = tempfile::tempdir().unwrap();
        let (file, report) = (directory.path().join("a.csv"), directory.path().join("report"));
        let rows = "event,time,email,value\nLead,1795183509123,jo@example.com,1,90\nLead,1795183509123,jo@example.com,\n";
        fs::write(&file, rows).unwrap();
        let import = import(&file, Format::Csv, &report);
        let counts = run(&import, |events| Ok::<_, Failed>((events.len() as u64, 0)), |_| ()).unwrap();
        assert_eq!(counts, Counts { accepted: 1, duplicates: 0, rejected: 1, warnings: 0 });
        let text = fs::read_to_string(&report).unwrap();
        let line: Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["line"], &line["what"]), (&2.into(), &"rejected".into()));
        assert!(line["reason"].as_str().unwrap().starts_with("cells: 5, headings: 4;"), "{text}");
        assert!(!text.contains("jo@"), "{text}");
    }

    #[test]
    fn a_report_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let (file, report) = (directory.path().join("a.jsonl"), directory.path().join("report"));
        fs::write(&file, "{\"event\":\"Lead\",\"time\":\"2036-01-01T00:00:00Z\"}\n").unwrap();
        let store = |events: Vec<Event>| Ok::<_, Failed>((events.len() as u64, 0));
        for _ in 0..2 {
            let counts = run(&import(&file, Format::Jsonl, &report), store, |_| ()).unwrap();
            assert_eq!((counts.accepted, counts.rejected), (0, 1), "it lies in the future");
        }
        assert!(fs::read_to_string(&report).unwrap().contains("lies in the future"));
        let error = run(&import(&file, Format::Jsonl, &file), store, |_| ()).unwrap_err().to_string();
        assert!(error.contains("no report of an import"), "{error}");
        assert!(file.exists(), "what was to be imported is still there");
    }

    #[test]
    fn an_interrupted_run_goes_on_with_its_report() {
        let directory = tempfile::tempdir().unwrap();
        let (file, report) = (directory.path().join("a.jsonl"), directory.path().join("report"));
        let line = |number: usize| match number % 100 {
            7 => "{}\n".to_owned(),
            _ => format!("{{\"event\":\"Lead\",\"time\":{}}}\n", 1_795_183_509_123_i64 + number as i64),
        };
        fs::write(&file, (0..3000).map(line).collect::<String>()).unwrap();
        let import = import(&file, Format::Jsonl, &report);
        let (mut ids, mut batches) = (Vec::new(), 0);
        let store = |events: Vec<Event>| {
            batches += 1;
            if batches % 3 == 0 {
                return Err(Failed);
            }
            ids.extend(events.iter().map(|event| event.event_id.clone()));
            Ok((events.len() as u64, 0))
        };
        let mut store = store;
        let counts = loop {
            match run(&import, &mut store, |_| ()) {
                Ok(counts) => break counts,
                Err(error) => assert!(matches!(error, ImportError::Store { .. }), "{error}"),
            }
        };
        assert_eq!(counts, Counts { accepted: 2970, duplicates: 0, rejected: 30, warnings: 0 });
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 2970);
        let lines = fs::read_to_string(&report).unwrap();
        let numbers: Vec<u64> = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_u64().unwrap())
            .collect();
        assert_eq!(
            numbers,
            (0..30).map(|hundred| hundred * 100 + 8).collect::<Vec<_>>(),
            "each once, in order"
        );
        assert!(!note_of(&file).exists());
    }
}

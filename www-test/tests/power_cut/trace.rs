//! Reads what `strace` wrote: one line a call, or two where another thread's call came in between.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A call that matters here.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) deed: Deed,
    /// Lines of its beginning and its end; what began is as good as done to an onlooker, and surely done once ended.
    pub(crate) begun: usize,
    pub(crate) ended: usize,
}

/// What a call did.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Write {
        path: PathBuf,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        length: u64,
    },
    Create {
        path: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    Sync {
        path: PathBuf,
    },
    /// The beginning of an answer to the client at this port.
    Answer {
        port: u16,
    },
}

/// The calls on this database, its companions and their folder, and the answers, in the order in which they began.
pub(crate) fn read(text: &[u8], database: &Path) -> Vec<Call> {
    let mut begun: HashMap<&[u8], (usize, Vec<u8>)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (thread, rest) = line.split_at(space);
        let rest = rest.trim_ascii_start();
        let (start, whole) = if let Some(head) = rest.strip_suffix(b" <unfinished ...>") {
            begun.insert(thread, (number, head.to_vec()));
            continue;
        } else if let Some(resumed) = rest.strip_prefix(b"<... ") {
            let Some((start, head)) = begun.remove(thread) else { continue };
            let after = resumed.windows(8).position(|eight| eight == b"resumed>").map_or(0, |at| at + 8);
            (start, [head, resumed[after..].to_vec()].concat())
        } else {
            (number, rest.to_vec())
        };
        let matters = |path: &Path| path.parent() == database.parent() || Some(path) == database.parent();
        if let Some(deed) = deed(&whole, &matters) {
            calls.push(Call { deed, begun: start, ended: number });
        }
    }
    calls.sort_by_key(|call| call.begun);
    calls
}

/// What one whole call did; `None` when that is of no interest or it failed.
fn deed(call: &[u8], matters: &dyn Fn(&Path) -> bool) -> Option<Deed> {
    let open = call.iter().position(|byte| *byte == b'(')?;
    let (name, arguments) = (&call[..open], &call[open + 1..]);
    let equals =
        (0..call.len()).rev().find(|at| call[*at] == b'=' && call[..*at].trim_ascii_end().ends_with(b")"))?;
    let result = String::from_utf8_lossy(&call[equals + 1..]).trim_start().to_owned();
    if result.starts_with('-') || result.starts_with('?') {
        return None;
    }
    if let b"openat" | b"unlink" | b"unlinkat" = name {
        let (path, rest) = quoted(&arguments[arguments.iter().position(|byte| *byte == b'"')?..])?;
        let path = PathBuf::from(String::from_utf8(path).ok()?);
        let created = name == b"openat" && rest.windows(7).any(|part| part == b"O_CREAT");
        return match matters(&path) {
            true if created => Some(Deed::Create { path }),
            true if name != b"openat" => Some(Deed::Remove { path }),
            true | false => None,
        };
    }
    let (from, to) =
        (arguments.iter().position(|byte| *byte == b'<')?, arguments.iter().position(|byte| *byte == b'>')?);
    if let b"write" | b"writev" = name {
        return answer(&arguments[from + 1..]);
    }
    let path = PathBuf::from(String::from_utf8(arguments[from + 1..to].to_vec()).ok()?);
    if !matters(&path) {
        return None;
    }
    match name {
        b"fsync" | b"fdatasync" => Some(Deed::Sync { path }),
        b"ftruncate" => {
            Some(Deed::Truncate { path, length: numbers(&arguments[to + 1..]).first().copied()? })
        }
        b"pwrite64" => {
            let (bytes, rest) = quoted(arguments.get(to + 3..)?)?;
            let at = numbers(rest).get(1).copied()?;
            assert_eq!(numbers(rest).first().copied(), Some(bytes.len() as u64), "a write is recorded whole");
            Some(Deed::Write { path, at, bytes })
        }
        _ => None,
    }
}

/// An answer, if this is written to a client: `TCP:[ours->theirs]>, …"HTTP/1.1 …`.
fn answer(written: &[u8]) -> Option<Deed> {
    let text = String::from_utf8_lossy(&written[..written.len().min(200)]);
    let ends = text.strip_prefix("TCP:[")?.split_once("]>")?;
    let begins = ends.1.split_once('"')?.1.starts_with("HTTP/1.1 2");
    let port = ends.0.rsplit(':').next()?.parse().ok()?;
    begins.then_some(Deed::Answer { port })
}

/// Every number in a list of arguments.
fn numbers(text: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(text);
    let text = text.split(')').next().unwrap_or_default();
    text.split(',').filter_map(|part| part.trim().parse().ok()).collect()
}

/// The bytes of a text in quotes at the beginning, and what follows it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some((bytes, &text[at + 1..])),
            b'\\' => {
                let (byte, length) = escaped(text.get(at + 1..)?)?;
                bytes.push(byte);
                at += 1 + length;
            }
            byte => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

/// One byte behind a backslash, and how many characters named it.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    let octal = text.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    if octal > 0 {
        let value = text[..octal].iter().fold(0_u32, |value, byte| value * 8 + u32::from(byte - b'0'));
        return Some((u8::try_from(value).ok()?, octal));
    }
    let byte = match text.first()? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'b' => 0x08,
        b'a' => 0x07,
        other => *other,
    };
    Some((byte, 1))
}

#[test]
fn calls_are_read_whole_and_in_order() {
    let text = br#"7 openat(AT_FDCWD</>, "/d/a.db", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3</d/a.db>
7 pwrite64(3</d/a.db>, "7\177\6\0\"\\x\n", 8, 4096 <unfinished ...>
8 writev(9<TCP:[127.0.0.1:80->127.0.0.1:5000]>, [{iov_base="HTTP/1.1 202 Accepted\r\n", iov_len=23}], 1) = 23
7 <... pwrite64 resumed>)                  = 8
7 fdatasync(3</d/a.db>)            = 0
7 ftruncate(3</d/a.db>, 12)        = 0
7 unlink("/d/a.db")                = -1 ENOENT (No such file or directory)
7 fsync(4</elsewhere>)             = 0
"#;
    let calls = read(text, Path::new("/d/a.db"));
    let shown: Vec<String> =
        calls.iter().map(|call| format!("{} {} {:?}", call.begun, call.ended, call.deed)).collect();
    let written = [7 + 48, 0o177, 6, 0, b'"', b'\\', b'x', b'\n'];
    assert_eq!(
        shown,
        [
            r#"0 0 Create { path: "/d/a.db" }"#.to_owned(),
            format!(r#"1 3 Write {{ path: "/d/a.db", at: 4096, bytes: {written:?} }}"#),
            "2 2 Answer { port: 5000 }".to_owned(),
            r#"4 4 Sync { path: "/d/a.db" }"#.to_owned(),
            r#"5 5 Truncate { path: "/d/a.db", length: 12 }"#.to_owned(),
        ]
    );
}

//! Short forms of identity keys and visitor ids, as rows of `identity` have them.
//!
//! Digests of addresses and telephone numbers come in no order, so each new one dirties a page anywhere in its table; how
//! many pages there are decides how many are in memory. As text a row took 124 bytes, here it takes 52.
//!
//! Of a digest 120 bits stand for all: among a billion addresses, that any two are taken for one has a chance of
//! 4 in 10^19 (n² / 2^121). External ids keep every bit, because one that comes as 64 hexadecimal digits is taken as it
//! is and need not be a digest. Owns both forms and the way back; the schema's fifth step has the same rules in SQL.

use rusqlite::ToSql;
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use shared::identity::Sha256Hex;

/// A text or what stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Short<'a> {
    /// The text itself.
    Text(&'a str),
    /// So many of these bytes.
    Bytes([u8; MOST_BYTES], usize),
}

/// A kind and a whole digest.
const MOST_BYTES: usize = 33;

/// Kinds of keys that end in a digest: how the key begins, how its short form does, and how many bytes of the digest
/// follow there.
const KINDS: [(&str, u8, usize); 3] = [("em:", b'e', 15), ("ph:", b'p', 15), ("xid:", b'x', 32)];

/// Where a UUID as text has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Short form of an identity key.
pub(super) fn key(key: &str) -> Short<'_> {
    let digest_of = |(begin, kind, length)| Some((key.strip_prefix(begin)?, kind, length));
    let Some((digits, kind, length)) = KINDS.into_iter().find_map(digest_of) else { return Short::Text(key) };
    // Of a digest in large digits the short form could not be read back.
    let small = !digits.bytes().fold(false, |large, byte| large | byte.is_ascii_uppercase());
    let Some(digest) = Sha256Hex::parse(digits).filter(|_| small) else { return Short::Text(key) };
    let mut bytes = [kind; MOST_BYTES];
    bytes[1..].copy_from_slice(digest.bytes());
    Short::Bytes(bytes, 1 + length)
}

/// Short form of a visitor's id.
pub(super) fn visitor(id: &str) -> Short<'_> {
    let hyphens = id.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at);
    if id.len() != 36 || !hyphens.eq(HYPHENS) {
        return Short::Text(id);
    }
    let mut bytes = [0; MOST_BYTES];
    match unhex(id.bytes().filter(|byte| *byte != b'-'), &mut bytes) {
        Some(length) => Short::Bytes(bytes, length),
        None => Short::Text(id),
    }
}

/// A visitor's id out of its short form.
pub(super) fn visitor_of(value: ValueRef<'_>) -> FromSqlResult<String> {
    match value {
        ValueRef::Text(_) => value.as_str().map(str::to_owned),
        ValueRef::Blob(bytes) if bytes.len() == 16 => {
            let mut id = String::with_capacity(36);
            for byte in bytes {
                if HYPHENS.contains(&id.len()) {
                    id.push('-');
                }
                id.extend([byte >> 4, byte & 0x0f].map(|digit| char::from(HEX[usize::from(digit)])));
            }
            Ok(id)
        }
        ValueRef::Blob(_) | ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => {
            Err(FromSqlError::InvalidType)
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Reads pairs of small hexadecimal digits. Answers how many bytes they were, if there are no others and there is room.
fn unhex(mut digits: impl Iterator<Item = u8>, room: &mut [u8]) -> Option<usize> {
    let mut length = 0;
    while let Some(high) = digits.next() {
        *room.get_mut(length)? = digit(high)? << 4 | digit(digits.next()?)?;
        length += 1;
    }
    Some(length)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl ToSql for Short<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes, length) => ValueRef::Blob(&bytes[..*length]),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";
    const UUID: &str = "0195e7a2-7b80-7cc3-98c4-dc0c0c07398f";

    #[test]
    fn keys_that_end_in_a_digest_are_short() {
        let check = |text: &str, expected: Option<(u8, usize)>| match (key(text), expected) {
            (Short::Bytes(bytes, length), Some(expected)) => {
                assert_eq!((bytes[0], length), expected, "{text}")
            }
            (Short::Text(same), None) => assert_eq!(same, text),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check(&format!("em:{DIGEST}"), Some((b'e', 16)));
        check(&format!("ph:{DIGEST}"), Some((b'p', 16)));
        check(&format!("xid:{DIGEST}"), Some((b'x', 33)));
        check(&format!("ord:{DIGEST}"), None);
        check(&format!("em:{}", DIGEST.to_uppercase()), None);
        check(&format!("em:{DIGEST}00"), None);
        check(&format!("em:{}", &DIGEST[1..]), None);
        check(&format!("em:{}", &DIGEST[2..]), None);
        check("em:", None);
        check("", None);
    }

    #[test]
    fn external_ids_that_differ_at_their_end_stay_apart() {
        let padded = |last: char| format!("xid:{}{last}", "0".repeat(63));
        assert_ne!(key(&padded('1')), key(&padded('2')));
    }

    #[test]
    fn a_visitor_s_id_is_the_same_when_it_comes_back() {
        let check = |id: &str, is_short| {
            let short = visitor(id);
            assert_eq!(matches!(short, Short::Bytes(_, 16)), is_short, "{id}");
            let ToSqlOutput::Borrowed(value) = short.to_sql().unwrap() else { panic!("{id}") };
            assert_eq!(visitor_of(value).unwrap(), id);
        };
        check(UUID, true);
        check(&UUID.to_uppercase(), false);
        check(&UUID.replace('-', ""), false);
        check("0195e7a27-b80-7cc3-98c4-dc0c0c07398f", false);
        check("0195e7a2-7b80-7cc3-98c4-dc0c0c07398g", false);
        check("ann", false);
        check("", false);
    }
}

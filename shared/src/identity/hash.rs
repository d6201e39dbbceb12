//! The one hash: SHA-256 over UTF-8, written as 64 lower-case hexadecimal digits.
//!
//! Owns [`Sha256Hex`], which holds either a digest made here or one the sender made. No salt: platforms compare.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A SHA-256 digest. Prints as hexadecimal; it is a pseudonym, so logs leave it out all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// Hashes a normal form.
    pub fn of(normal: &str) -> Self {
        Self(Sha256::digest(normal.as_bytes()).into())
    }

    /// Takes a digest somebody else made: exactly 64 hexadecimal digits, either case.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(digest))
    }

    /// Takes what a sender gives as a digest: that, or that with the mark Meta's parameter builder appends to its own
    /// digests, a dot and two or eight characters. The mark names Meta's library, which is not ours, so it goes;
    /// left on, the whole would be hashed again.
    pub fn given(text: &str) -> Option<Self> {
        let digest = match text.split_once('.') {
            Some((digest, mark)) if matches!(mark.len(), 2 | 8) => digest,
            _ => text,
        };
        Self::parse(digest)
    }

    /// The 64 lower-case digits.
    pub fn to_hex(self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 0x0f] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        text
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl Serialize for Sha256Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Sha256Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits of SHA-256"))
    }
}

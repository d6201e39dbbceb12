//! The one hash: SHA-256 over UTF-8, written as 64 lower-case hexadecimal digits.
//!
//! Owns [`Sha256Hex`], which holds either a digest made here or one the sender made. No salt: platforms compare.

use std::fmt;

use serde::de::{Error, Visitor};
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
        let bytes: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut digest = [0; 32];
        let mut wrong = 0;
        for (byte, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
            let (high, low) = (nibble(pair[0]), nibble(pair[1]));
            wrong |= high | low;
            *byte = high << 4 | low & 0x0f;
        }
        (wrong & NO_DIGIT == 0).then_some(Self(digest))
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
        self.with_hex(str::to_owned)
    }

    /// Lends the 64 lower-case digits, without keeping them anywhere.
    pub fn with_hex<T>(self, take: impl FnOnce(&str) -> T) -> T {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0x0f)];
        }
        // Digits are always UTF-8, so this never takes the fallback.
        take(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// The bit that marks what is no digit.
const NO_DIGIT: u8 = 0x80;

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => NO_DIGIT,
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_hex(|text| f.write_str(text))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_hex(|text| f.write_str(text))
    }
}

impl Serialize for Sha256Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_hex(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Sha256Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Sha256Hex;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 hexadecimal digits of SHA-256")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Sha256Hex, E> {
                Sha256Hex::parse(text).ok_or_else(|| E::custom("expected 64 hexadecimal digits of SHA-256"))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

//! The one hash: SHA-256 over UTF-8, written as 64 lower-case hexadecimal digits.
//!
//! Owns [`Sha256Hex`], which holds either a digest made here or one the sender made. No salt: platforms compare.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use sha2::block_api::compress256;

use crate::words::split;

/// A SHA-256 digest. Prints as hexadecimal; it is a pseudonym, so logs leave it out all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// Hashes a normal form.
    pub fn of(normal: &str) -> Self {
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(sha256(normal.as_bytes())) {
            *bytes = word.to_be_bytes();
        }
        Self(digest)
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
        is_given(text.as_bytes()).then(|| Self::parse(text.get(..64)?)).flatten()
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case digits.
    pub fn to_hex(self) -> String {
        self.with_hex(str::to_owned)
    }

    /// Lends the 64 lower-case digits, without keeping them anywhere.
    pub fn with_hex<T>(self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 0x0f)];
        }
        // Digits are always UTF-8, so this never takes the fallback.
        take(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Hashes a normal form and gives the 64 digits, for those who keep no digest.
pub fn hex_of(normal: &[u8]) -> [u8; 64] {
    let mut digits = [0; 64];
    for (eight, word) in digits.as_chunks_mut::<8>().0.iter_mut().zip(sha256(normal)) {
        let mut rest = word;
        for digit in eight.iter_mut().rev() {
            *digit = HEX[rest as usize & 15];
            rest >>= 4;
        }
    }
    digits
}

/// Whether [`Sha256Hex::given`] takes `text`; its first 64 bytes are the digits then.
pub fn is_given(text: &[u8]) -> bool {
    let digest = match split(text, b'.') {
        Some((digest, mark)) if matches!(mark.len(), 2 | 8) => digest,
        _ => text,
    };
    digest.len() == 64 && digest.iter().all(u8::is_ascii_hexdigit)
}

/// Pads by itself (FIPS 180-4, section 5.1.1): the library's buffer for texts that come in pieces takes more bytes of
/// the tag than its compression.
fn sha256(text: &[u8]) -> [u32; 8] {
    let mut state = INITIAL;
    let (mut rest, mut ended) = (text, false);
    loop {
        let mut block = [0; 64];
        let length = rest.len().min(64);
        block[..length].copy_from_slice(&rest[..length]);
        if length < 64 && !ended {
            block[length] = 0x80;
            ended = true;
        }
        let last = length < 56;
        if last {
            let mut bits = text.len() as u64 * 8;
            for byte in block[56..].iter_mut().rev() {
                *byte = bits as u8;
                bits >>= 8;
            }
        }
        compress256(&mut state, &[block]);
        rest = &rest[length..];
        if last {
            return state;
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The initial hash value (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The bit that marks what is no digit.
const NO_DIGIT: u8 = 0x80;

// Both without a branch, so that the compiler takes sixteen digits at a time.

const fn nibble(digit: u8) -> u8 {
    let number = digit.wrapping_sub(b'0');
    let letter = (digit | 0x20).wrapping_sub(b'a');
    let letter = if letter < 6 { letter + 10 } else { NO_DIGIT };
    if number < 10 { number } else { letter }
}

const fn digit(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
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

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn every_length_of_padding_gives_the_librarys_digest() {
        for length in 0..200 {
            let text = "x".repeat(length);
            assert_eq!(Sha256Hex::of(&text).0, <[u8; 32]>::from(Sha256::digest(&text)), "{length}");
            assert_eq!(Sha256Hex::of(&text).to_hex().as_bytes(), hex_of(text.as_bytes()), "{length}");
        }
        // FIPS 180-4, example "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Hex::of("abc").to_hex(), expected);
    }
}

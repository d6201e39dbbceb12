//! Keyed hashes over raw bytes, compared in constant time.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::secret::Secret;

/// HMAC-SHA256 over the parts, one after another, keyed with the secret's text as it is.
pub(super) fn hmac_sha256(secret: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let key = secret.expose().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Whether `sent` is the base64 of `expected`. What is no base64 does not match.
pub(super) fn is_base64_of(sent: &str, expected: &[u8]) -> bool {
    BASE64.decode(sent).is_ok_and(|sent| sent.ct_eq(expected).into())
}

/// Whether `sent` is the hexadecimal form of `expected`, in either case.
pub(super) fn is_hex_of(sent: &str, expected: &[u8]) -> bool {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |pair: &[u8]| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = sent.as_bytes().chunks(2).map(byte).collect();
    bytes.is_some_and(|bytes| bytes.ct_eq(expected).into())
}

/// Standard alphabet; padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_hash_is_that_of_the_standard() {
        let hash = hmac_sha256(&Secret::new("Jefe"), &[b"what do ya want ", b"for nothing?"]);
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(is_hex_of(hex, &hash) && is_hex_of(&hex.to_uppercase(), &hash));
        assert!(is_base64_of("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=", &hash));
        assert!(is_base64_of("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM", &hash));
    }

    #[test]
    fn what_is_broken_or_cut_does_not_match() {
        let hash = hmac_sha256(&Secret::new("k"), &[b"body"]);
        for sent in ["", "zz", "abc", "é", "5b"] {
            assert!(!is_hex_of(sent, &hash) && !is_base64_of(sent, &hash), "{sent}");
        }
    }
}

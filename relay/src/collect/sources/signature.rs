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
        assert!(is_base64_of("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=", &hash));
        assert!(is_base64_of("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM", &hash));
    }

    #[test]
    fn what_is_broken_or_cut_does_not_match() {
        let hash = hmac_sha256(&Secret::new("k"), &[b"body"]);
        for sent in ["", "zz", "abc", "é", "5b"] {
            assert!(!is_base64_of(sent, &hash), "{sent}");
        }
    }
}

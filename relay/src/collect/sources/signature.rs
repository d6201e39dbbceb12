//! Keyed hashes over raw bytes, compared in constant time.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use shared::UnixMs;
use shared::time::SECOND_MS;
use subtle::ConstantTimeEq;

use super::{Denied, Inbound};
use crate::secret::Secret;

/// HMAC-SHA256 over the parts, one after another, keyed with the secret's text as it is.
pub(in crate::collect) fn hmac_sha256(secret: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    keyed(secret.expose().as_bytes(), parts)
}

/// SHA-256 over the secret's text and the parts, as signatures were before HMAC.
pub(super) fn sha256(secret: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(secret.expose().as_bytes());
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// HMAC-SHA256 over the parts, keyed with these bytes.
pub(super) fn keyed(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Whether `sent` is the base64 of `expected`. What is no base64 does not match.
pub(super) fn is_base64_of(sent: &str, expected: &[u8]) -> bool {
    BASE64.decode(sent).is_ok_and(|sent| sent.ct_eq(expected).into())
}

/// Whether `sent` is the hexadecimal form of `expected`, in either case.
pub(in crate::collect) fn is_hex_of(sent: &str, expected: &[u8]) -> bool {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |pair: &[u8]| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = sent.as_bytes().chunks(2).map(byte).collect();
    bytes.is_some_and(|bytes| bytes.ct_eq(expected).into())
}

/// Refuses what was signed longer ago than `tolerance_s`, or that far in the future; a time nobody can read is no time.
pub(super) fn fresh(signed: Option<UnixMs>, now: UnixMs, tolerance_s: u64) -> Result<(), Denied> {
    let seconds = signed.map_or(u64::MAX, |signed| now.seconds().abs_diff(signed.seconds()));
    if seconds > tolerance_s { Err(Denied::Stale { seconds }) } else { Ok(()) }
}

/// Checks a header such as `t=1795420800,v1=6b2b…`: HMAC-SHA256 in hexadecimal over the time, a dot and the body. While a
/// secret is replaced there may be several `v1`. The secret's setting is `secret`.
pub(super) fn timed(
    request: &Inbound<'_>,
    header: &'static str,
    secret: &Secret,
    tolerance_s: u64,
) -> Result<(), Denied> {
    let line = request.header(header).ok_or(Denied::Unsigned { header })?;
    let pairs = || line.split(',').filter_map(|pair| pair.trim().split_once('='));
    let time = pairs().find(|(scheme, _)| *scheme == "t").map(|(_, time)| time);
    let time = time.ok_or(Denied::Unsigned { header })?;
    let expected = hmac_sha256(secret, &[time.as_bytes(), b".", request.body]);
    let mut signatures = pairs().filter(|(scheme, _)| *scheme == "v1");
    if !signatures.any(|(_, signature)| is_hex_of(signature, &expected)) {
        return Err(Denied::WrongSignature { key: "secret" });
    }
    fresh(seconds(time), request.now, tolerance_s)
}

/// A time in Unix seconds.
pub(super) fn seconds(text: &str) -> Option<UnixMs> {
    text.parse::<i64>().ok().map(|seconds| UnixMs(seconds.saturating_mul(SECOND_MS)))
}

/// Whether `sent` is the base64 of an Ed25519 signature of `message` by the owner of this key.
pub(super) fn is_ed25519_of(sent: &str, key: &[u8; 32], message: &[u8]) -> bool {
    let sent = BASE64.decode(sent);
    sent.is_ok_and(|sent| UnparsedPublicKey::new(&ED25519, key).verify(message, &sent).is_ok())
}

/// An Ed25519 public key out of its base64 in the form of RFC 8410: twelve bytes that say so, and the key.
pub(super) fn ed25519_key(text: &str) -> Option<[u8; 32]> {
    const SAYS_SO: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    BASE64.decode(text.trim()).ok()?.strip_prefix(SAYS_SO)?.try_into().ok()
}

/// The bytes behind a text in base64.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
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

    /// RFC 8032, section 7.1, test 2, its key in the form of RFC 8410 by `openssl pkey -pubin -outform DER`.
    #[test]
    fn an_ed25519_signature_is_that_of_the_standard() {
        let key = ed25519_key("MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=").expect("a key");
        let signed =
            "kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA==";
        assert!(is_ed25519_of(signed, &key, &[0x72]));
        for (sent, message) in [(signed, [0x73]), (&signed[..80], [0x72]), ("", [0x72]), ("N/A", [0x72])] {
            assert!(!is_ed25519_of(sent, &key, &message), "{sent}");
        }
        for text in ["", "AAAA", "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zg=="] {
            assert!(ed25519_key(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_signature_holds_for_a_while() {
        let now = UnixMs(1_000_000);
        for (at, expected) in
            [(Some(700), Ok(())), (Some(1300), Ok(())), (None, Err(u64::MAX)), (Some(1301), Err(301))]
        {
            let signed = at.map(|seconds| UnixMs(seconds * SECOND_MS));
            let expected = expected.map_err(|seconds| Denied::Stale { seconds });
            assert_eq!(fresh(signed, now, 300), expected);
        }
        assert_eq!(seconds("12"), Some(UnixMs(12_000)));
        assert_eq!((seconds("1.2"), seconds("")), (None, None));
    }

    #[test]
    fn what_is_broken_or_cut_does_not_match() {
        let hash = hmac_sha256(&Secret::new("k"), &[b"body"]);
        for sent in ["", "zz", "abc", "é", "5b"] {
            assert!(!is_hex_of(sent, &hash) && !is_base64_of(sent, &hash), "{sent}");
        }
    }
}

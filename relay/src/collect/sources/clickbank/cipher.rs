//! How ClickBank encrypts: AES-256 in CBC mode, its key the first 32 characters of the hexadecimal SHA-1 of the secret key.
//!
//! The receiver in its knowledge base does the same in PHP (read 2026-11-23). The characters themselves are the key, not
//! what they stand for. The mode proves nothing by itself: whoever calls asks whether what came out makes sense.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What is inside, without the padding and stray control bytes around it. `None` when it cannot be opened.
pub(super) fn open(secret: &Secret, text: &str, iv: &str) -> Option<Zeroizing<Vec<u8>>> {
    let key = key(secret);
    let mut bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    let iv = STANDARD.decode(iv).ok()?;
    let mut mode = cbc::Decryptor::<aes::Aes256>::new_from_slices(key.as_bytes(), &iv).ok()?;
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
    if blocks.is_empty() || !rest.is_empty() {
        return None;
    }
    for block in blocks {
        mode.decrypt_block(block.into());
    }
    // The padding is of bytes below 17, and no JSON ends with one.
    let is_stray = |byte: &u8| *byte <= b' ';
    let start = bytes.iter().position(|byte| !is_stray(byte))?;
    let end = bytes.iter().rposition(|byte| !is_stray(byte))?;
    bytes.truncate(end + 1);
    bytes.drain(..start);
    Some(bytes)
}

/// 32 characters.
fn key(secret: &Secret) -> Zeroizing<String> {
    let digest = Sha1::digest(secret.expose().as_bytes());
    Zeroizing::new(digest.iter().take(KEY_BYTES / 2).map(|byte| format!("{byte:02x}")).collect())
}

/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Bytes of the key of AES-256.
const KEY_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const IV: &str = "AAECAwQFBgcICQoLDA0ODw==";
    /// Made apart from this code, with `openssl enc -aes-256-cbc` and the key below.
    const SEALED: &str =
        "mgYglgFyv/HzDOIYivS9GEFuyKHiRjUcpz/zpYVKhnABvYYbX2gJHN0s++3rw8khO6tsOCwTatN26x4/9TIdow==";

    #[test]
    fn the_key_is_the_beginning_of_a_hexadecimal_digest() {
        assert_eq!(key(&Secret::new("MYSECRETKEY")).as_str(), "18f015e9c5e3bc070cf97f942e864900");
    }

    #[test]
    fn what_was_sealed_is_opened_with_the_right_key_only() {
        let opened = open(&Secret::new("MYSECRETKEY"), SEALED, IV).expect("the right key");
        assert_eq!(opened.as_slice(), br#"{"receipt":"TEST0001","transactionType":"TEST_SALE"}"#);
        let wrong = open(&Secret::new("MYSECRETKEz"), SEALED, IV);
        assert!(wrong.is_none_or(|bytes| !bytes.starts_with(b"{\"receipt\"")));
    }

    #[test]
    fn what_is_no_sealed_text_is_none() {
        let secret = Secret::new("MYSECRETKEY");
        for (text, iv) in [("", IV), ("AAAA", IV), ("*", IV), (SEALED, ""), (SEALED, "AAEC"), (SEALED, "*")] {
            assert!(open(&secret, text, iv).is_none(), "{text} {iv}");
        }
    }
}

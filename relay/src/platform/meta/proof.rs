//! `appsecret_proof`: shows that whoever uses an access token knows the secret of the app it was made for, too.
//!
//! HMAC-SHA256 over the access token, keyed with the app's secret, in lower-case hexadecimal digits (Graph API, "Secure
//! Graph API Calls", read 2026-11-28). It follows from the two, so it is made once. It never expires before the token, and
//! is kept as secret.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The parameter's name.
pub(super) const NAME: &str = "appsecret_proof";

/// The proof that goes with every call made with this token.
pub(super) fn proof(app_secret: &Secret, access_token: &Secret) -> Secret {
    let key = app_secret.expose().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(access_token.expose().as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf EAABexampletoken | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`.
    #[test]
    fn the_proof_is_that_of_another_implementation() {
        let proof = proof(&Secret::new("0123456789abcdef0123456789abcdef"), &Secret::new("EAABexampletoken"));
        assert_eq!(proof.expose(), "5702ebf566e08c697286193a0b4702e6cebd1caf89c8763b80e2804531bc12ae");
        assert_eq!(format!("{proof:?}"), "********");
    }
}

//! Finds a secret in bytes, through the disguises in which a text commonly travels.
//!
//! Looks for a needle plainly, reversed, without its punctuation, percent-encoded (decoded away, twice), in UTF-16
//! of either order, in hex, and in base64 of either alphabet at each of its three alignments. Letters compare
//! without case wherever the disguise keeps them. Hashing is no disguise: a hash is what may leave.

use super::Exchange;

/// A text that must not be readable, and what to call it in a report.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Name of the field, such as `email`.
    pub field: &'static str,
    needles: Vec<Needle>,
}

/// One place where a secret was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Field of the secret.
    pub field: &'static str,
    /// Disguise it wore.
    pub disguise: &'static str,
    /// Where it was.
    pub place: String,
}

#[derive(Clone, Debug)]
struct Needle {
    disguise: &'static str,
    bytes: Vec<u8>,
    /// Base64 means something else in another case.
    exact: bool,
}

impl Secret {
    /// A secret of at least four characters: a shorter one would be found everywhere by chance.
    pub fn new(field: &'static str, text: &str) -> Self {
        let lower = text.trim().to_lowercase();
        let mut forms = vec![text.trim().to_owned(), lower.clone(), lower.to_uppercase(), squeezed(&lower)];
        forms.sort();
        forms.dedup();
        let needles = forms
            .iter()
            .filter(|form| form.chars().count() >= SHORTEST)
            .flat_map(|form| disguises(form))
            .collect::<Vec<_>>();
        assert!(!needles.is_empty(), "the secret for {field} is too short to be looked for");
        Self { field, needles }
    }

    /// The disguise in which the secret can be read in `bytes`, if any.
    pub fn seen_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let once = percent_decoded(bytes);
        let twice = percent_decoded(&once);
        [bytes, &once, &twice].into_iter().find_map(|layer| {
            let lower = layer.to_ascii_lowercase();
            self.needles.iter().find(|needle| needle.within(layer, &lower)).map(|needle| needle.disguise)
        })
    }

    /// The same, as a report about `place`.
    pub fn sighting(&self, bytes: &[u8], place: &str) -> Option<Sighting> {
        let disguise = self.seen_in(bytes)?;
        Some(Sighting { field: self.field, disguise, place: place.to_owned() })
    }
}

const SHORTEST: usize = 4;

/// Every sighting in one request: its address, each header, its body.
pub(super) fn exchange(exchange: &Exchange, secrets: &[Secret]) -> Vec<Sighting> {
    let head = format!("{} {}", exchange.method, exchange.url.split('?').next().unwrap_or_default());
    let mut found = Vec::new();
    for secret in secrets {
        found.extend(secret.sighting(exchange.url.as_bytes(), &format!("address of {head}")));
        found.extend(secret.sighting(&exchange.body, &format!("body of {head}")));
        for (name, value) in &exchange.headers {
            found.extend(secret.sighting(value.as_bytes(), &format!("header {name} of {head}")));
        }
    }
    found
}

impl Needle {
    fn within(&self, bytes: &[u8], lower: &[u8]) -> bool {
        let haystack = if self.exact { bytes } else { lower };
        self.bytes.len() <= haystack.len()
            && haystack.windows(self.bytes.len()).any(|window| window == self.bytes)
    }
}

fn disguises(form: &str) -> Vec<Needle> {
    let lower = form.to_lowercase();
    let reversed: String = lower.chars().rev().collect();
    let little: Vec<u8> = lower.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = lower.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut needles = vec![
        loose("plain", lower.as_bytes().to_vec()),
        loose("reversed", reversed.into_bytes()),
        loose("utf-16 little-endian", little),
        loose("utf-16 big-endian", big),
        loose("hex", hex(form.as_bytes())),
        loose("json escapes", json_escapes(&lower).into_bytes()),
    ];
    for alphabet in [STANDARD, URL_SAFE] {
        needles.extend((0..3).map(|offset| Needle {
            disguise: "base64",
            bytes: base64_core(form.as_bytes(), offset, alphabet),
            exact: true,
        }));
    }
    needles.retain(|needle| needle.bytes.len() >= SHORTEST);
    needles
}

fn loose(disguise: &'static str, bytes: Vec<u8>) -> Needle {
    Needle { disguise, bytes: bytes.to_ascii_lowercase(), exact: false }
}

/// Letters and digits only: a phone number without its brackets, a name without its apostrophe.
fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn json_escapes(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// The characters of a base64 text that depend on `bytes` alone when they start `offset` bytes into a group of
/// three: the first and last character are shared with the neighbours and left out.
fn base64_core(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bit = |index: usize| {
        let (byte, shift) = ((index / 8).checked_sub(offset), 7 - index % 8);
        byte.and_then(|byte| bytes.get(byte)).map(|byte| byte >> shift & 1)
    };
    let sextets = ((offset + bytes.len()) * 8).div_ceil(6);
    (0..sextets)
        .filter_map(|sextet| {
            let value =
                (0..6).try_fold(0u8, |value, place| bit(sextet * 6 + place).map(|bit| value << 1 | bit))?;
            Some(alphabet[usize::from(value)])
        })
        .collect()
}

/// `%41` becomes `A` and `+` a space; anything else stays, so undecodable bytes are still searched.
fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let pair = (first == b'%').then(|| tail.get(..2).and_then(hex_pair)).flatten();
        decoded.push(pair.unwrap_or(if first == b'+' { b' ' } else { first }));
        rest = if pair.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secret: &str, bytes: impl AsRef<[u8]>, expected: Option<&str>) {
        let seen = Secret::new("field", secret).seen_in(bytes.as_ref());
        assert_eq!(seen, expected, "{secret} in {:?}", String::from_utf8_lossy(bytes.as_ref()));
    }

    #[test]
    fn every_disguise_is_seen_through() {
        let email = "Jane.Doe@Example.com";
        check(email, "{\"e\":\"jane.doe@example.com\"}", Some("plain"));
        check(email, "e=JANE.DOE%40EXAMPLE.COM", Some("plain"));
        check(email, "e=jane.doe%2540example.com", Some("plain"));
        check(email, "moc.elpmaxe@eod.enaj", Some("reversed"));
        check(email, "6a616e652e646f65406578616d706c652e636f6d", Some("hex"));
        check(
            email,
            "x\0j\0a\0n\0e\0.\0d\0o\0e\0@\0e\0x\0a\0m\0p\0l\0e\0.\0c\0o\0m\0",
            Some("utf-16 little-endian"),
        );
        check("Jane", "\\u006a\\u0061\\u006E\\u0065", Some("json escapes"));
    }

    #[test]
    fn base64_is_seen_at_every_alignment() {
        // base64 of "jane.doe@example.com" after 0, 1 and 2 bytes of "x".
        for text in [
            "amFuZS5kb2VAZXhhbXBsZS5jb20=",
            "eGphbmUuZG9lQGV4YW1wbGUuY29t",
            "eHhqYW5lLmRvZUBleGFtcGxlLmNvbQ==",
        ] {
            check("jane.doe@example.com", text, Some("base64"));
        }
    }

    #[test]
    fn a_number_is_seen_without_its_punctuation() {
        check("+44 (0)20 7946-0958", "tel:+44 (0)20 7946-0958", Some("plain"));
        check("+44 20 7946 0958", "p=442079460958", Some("plain"));
    }

    #[test]
    fn a_hash_and_a_stranger_are_not_sightings() {
        check(
            "jane.doe@example.com",
            "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d",
            None,
        );
        check("jane.doe@example.com", "john.doe@example.org", None);
        check("jane.doe@example.com", "", None);
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(percent_decoded(b"100%25 %zz %4"), b"100% %zz %4");
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn looking_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _seen = Secret::new("name", "Grace").seen_in(&bytes);
        }

        #[test]
        fn a_secret_is_found_wherever_it_stands(before in "[a-z]{0,20}", after in "[a-z]{0,20}") {
            let text = format!("{before}Gr%61ce{after}");
            prop_assert_eq!(Secret::new("name", "Grace").seen_in(text.as_bytes()), Some("plain"));
        }
    }
}

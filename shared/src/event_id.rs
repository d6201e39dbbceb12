//! Event ids: the key by which a conversion counts once, here and at every platform.
//!
//! An id is chosen where the event happens. With an order id it is **derived**: `Purchase-88121`, the name, a
//! dash and the order id, so that the tag, the relay, a shop webhook and a line of the merchant's own code arrive
//! at the same text without talking to each other. Otherwise it is **minted**: a UUIDv7, which sorts by time and
//! so keeps the store's index append-only. Randomness and the clock are arguments.

use crate::limits;
use crate::vendor_cookie::is_uuid;

/// The id of an event that carries an order id; `None` when the order id is blank or too long.
///
/// The order id is trimmed and otherwise taken as it is: case and punctuation belong to the shop.
pub fn derive(event_name: &str, order_id: &str) -> Option<String> {
    let order_id = order_id.trim();
    if order_id.is_empty() || order_id.len() > limits::ORDER_ID {
        return None;
    }
    Some([event_name, "-", order_id].concat())
}

/// A UUIDv7 (RFC 9562, section 5.7) from a time in Unix milliseconds and 10 random bytes.
pub fn uuid_v7(time_ms: i64, random: [u8; 10]) -> String {
    let mut bytes = [0u8; 16];
    bytes[..6].copy_from_slice(&time_ms.max(0).to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&random);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 0x0f] {
            text.push(HEX[usize::from(nibble)] as char);
        }
    }
    text
}

/// When a UUIDv7 was made, in Unix milliseconds, as whoever made it knew the time; `None` where `text` is none.
pub fn uuid_v7_time(text: &str) -> Option<i64> {
    let at = |place: usize| text.as_bytes().get(place).copied();
    if !is_uuid(text) || at(14)? != b'7' || !matches!(at(19)?, b'8' | b'9' | b'a' | b'b' | b'A' | b'B') {
        return None;
    }
    i64::from_str_radix(&[text.get(..8)?, text.get(9..13)?].concat(), 16).ok()
}

/// Whether `text` can be an event id: not blank, no control characters, at most [`limits::EVENT_ID`] bytes.
///
/// Letters of all scripts and spaces are allowed, because an order id may hold them and the id is derived from it.
pub fn valid(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= limits::EVENT_ID && !limits::has_control(text)
}

/// Whether `text` can be a visitor id or token: 1 to [`limits::ID`] letters, digits, `-`, `_` and `.`.
///
/// This narrow alphabet survives cookies and addresses unchanged. Stripe's `client_reference_id` takes no dot, and ids of our own
/// have none.
pub fn valid_token(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= limits::ID && text.bytes().all(plain)
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_gives_the_same_id_everywhere() {
        assert_eq!(derive("Purchase", " 88121 ").as_deref(), Some("Purchase-88121"));
        assert_eq!(derive("Purchase", "#A-1/Ü").as_deref(), Some("Purchase-#A-1/Ü"));
        assert_eq!(derive("Purchase", "  "), None);
        assert_eq!(derive("Purchase", &"x".repeat(limits::ORDER_ID + 1)), None);
    }

    #[test]
    fn uuid_v7_matches_the_example_of_rfc_9562() {
        // RFC 9562, appendix A.6: 2022-02-22T19:22:22Z.
        let random = [0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
        assert_eq!(uuid_v7(0x017F_22E2_79B0, random), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn a_uuid_v7_says_when_it_was_made() {
        for time in [0, 0x017F_22E2_79B0, 0xFFFF_FFFF_FFFF] {
            assert_eq!(uuid_v7_time(&uuid_v7(time, [0xff; 10])), Some(time));
        }
        assert_eq!(uuid_v7_time("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), Some(0x017F_22E2_79B0));
        for other in [
            "",
            "v-1",
            "017f22e279b07cc398c4dc0c0c07398f",
            "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
            "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
        ] {
            assert_eq!(uuid_v7_time(other), None, "{other}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        assert!(uuid_v7(1, [0xff; 10]) < uuid_v7(2, [0; 10]));
    }
}

//! Upper bounds on everything an event may hold, in one place, for the tag and the relay alike.
//!
//! A value past its bound is refused or dropped where it enters (see `properties` and the relay's `collect`),
//! so nothing behind that door has to think about size. Lengths are in bytes of UTF-8 unless said otherwise.

use crate::bytes;

/// Longest event name. Meta's pixel allows 50 characters; other platforms allow at least as many.
pub const EVENT_NAME: usize = 50;
/// Longest event id: a name, a dash and an order id fit.
pub const EVENT_ID: usize = 192;
/// Longest order id.
pub const ORDER_ID: usize = 128;
/// Longest visitor id, click token, site key.
pub const ID: usize = 128;
/// Longest page address or referrer.
pub const URL: usize = 4096;
/// Longest address that a touch keeps of a landing.
pub const TOUCH_URL: usize = 512;
/// Longest page title and user agent.
pub const TEXT: usize = 1024;
/// Longest click id; TikTok documents 1,000 characters for `ttclid`, the longest of the field.
pub const CLICK_ID: usize = 1000;
/// Longest value of a platform's cookie.
pub const COOKIE: usize = 1000;
/// Most click ids on one event.
pub const CLICK_IDS: usize = 32;
/// Most cookies on one event.
pub const COOKIES: usize = 32;
/// Most tokens on one event.
pub const TOKENS: usize = 8;
/// Most values of one identity field (two e-mail addresses, three phones …).
pub const IDENTITY_VALUES: usize = 10;
/// Longest raw identity value.
pub const IDENTITY: usize = 512;
/// Most items in one order.
pub const ITEMS: usize = 200;
/// Most custom properties.
pub const PROPERTIES: usize = 64;
/// Longest name of a custom property.
pub const PROPERTY_NAME: usize = 64;
/// Longest text value of a property.
pub const PROPERTY: usize = 2048;
/// Most values in a custom property that is a list.
pub const PROPERTY_LIST: usize = 100;
/// Most events in one request.
pub const BATCH: usize = 500;
/// Largest request body the relay reads, in bytes.
pub const BODY: usize = 512 * 1024;
/// Deepest nesting of JSON accepted: envelope, events, event, properties, items, item, value leaves room to spare.
pub const DEPTH: usize = 32;

/// Cuts `text` to at most `max` bytes at a character boundary.
pub fn clip(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The same for text that is owned: nothing is copied.
pub fn clipped(mut text: String, max: usize) -> String {
    text.truncate(clip(&text, max).len());
    text
}

/// Whether a control character stands anywhere in `text`, as [`char::is_control`] has them: ASCII's, and those that UTF-8
/// begins with the byte C2.
pub fn has_control(text: &str) -> bool {
    let suspicious = bytes::any(text.as_bytes(), |b| (b < 0x20) | (b == 0x7f) | (b == 0xc2));
    suspicious && text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_is_found_and_no_other() {
        for c in '\0'..='\u{3000}' {
            assert_eq!(has_control(&format!("longer than sixteen bytes {c} é")), c.is_control(), "{c:?}");
        }
        assert!(!has_control(""));
    }
}

//! The seam between the tag's rules and the page it runs on.
//!
//! Owns [`Page`], the short list of what the tag asks of a browser while it works, and [`Slot`], the names of what
//! is kept there. Time, randomness and addresses are no part of it: they come as arguments with each call, as text,
//! which saves their parsing and printing. Everything above the seam is pure and tested against a page made of plain
//! fields; the real one is `browser`.
//!
//! No method fails: what a browser denies reads as empty, and what it will not keep is simply not there later.

/// A page with the tag on it.
pub trait Page {
    /// A value of the page's own, such as an event's properties. Only the page can look into it.
    type Value;

    /// All cookies as `a=1; b=2`; empty when they are denied.
    fn cookies(&self) -> String;
    /// The parameters of an address, decoded: name and value by turns, a line each.
    fn query(&self, url: &str) -> String;
    /// What is kept in `slot`; empty when nothing is.
    fn recall(&self, slot: Slot) -> String;
    /// Keeps `text` in `slot`; an empty text removes what is there. Answers whether a later page will find it.
    fn keep(&self, slot: Slot, text: &str) -> bool;
    /// The texts in one field of a person, each composed (NFC) and trimmed, and once more in lower case, a line each.
    fn person(&self, person: &Self::Value, field: &str) -> String;
    /// Puts newer user data on top of older, both JSON objects or empty: a newer field replaces an older one.
    fn join_user(&self, older: &str, newer: &str) -> String;
    /// Whether the browser believes that it has a network.
    fn online(&self) -> bool;
    /// Sends events: JSON objects, a line each. What cannot be sent comes back through [`crate::tag::Tag::put_back`].
    fn send(&self, events: &str);
}

/// Something kept in the visitor's browser.
///
/// The first three go up a ladder: a first-party cookie on the widest domain that takes it, else local storage, else
/// nothing, and the tag's own memory serves until the page goes. Hashed personal data and waiting events never go
/// into a cookie, which would carry them to the site with every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The visitor id.
    Visitor,
    /// The touches.
    Touches,
    /// The consent given, as three letters.
    Consent,
    /// Hashed user data as JSON.
    User,
    /// Events that wait for a network, a JSON object a line.
    Queue,
}

impl Slot {
    /// Every slot, to be cleared when consent is withdrawn.
    pub const ALL: [Self; 5] = [Self::Visitor, Self::Touches, Self::Consent, Self::User, Self::Queue];

    /// The name of the cookie, or of the key in local storage. `host.js` keeps the last two out of cookies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visitor => shared::visitor::VISITOR_COOKIE,
            Self::Touches => shared::visitor::TOUCH_COOKIE,
            Self::Consent => "_at_c",
            Self::User => "_at_u",
            Self::Queue => "_at_q",
        }
    }
}

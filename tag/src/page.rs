//! The seam between the tag's rules and the page it runs on.
//!
//! Owns [`Page`], the short list of what the tag needs of a browser: address, cookies, storage, clock, randomness,
//! the reading and writing of JavaScript values, and sending. Everything above it is pure and tested against a page
//! made of plain fields. Leaves the real browser to `browser`, the only file that knows it.
//!
//! No method fails: what a browser denies reads as absent, and what it will not keep answers `false`.

use shared::UserData;
use shared::identity::Field;

use crate::event::WireEvent;

/// A page with the tag on it.
pub trait Page {
    /// A value of the page's own, such as an event's properties. Only the page can look into it.
    type Value;

    /// The page's clock, in Unix milliseconds.
    fn now_ms(&self) -> u64;
    /// 32 random bits.
    fn random(&self) -> u32;
    /// The address as it stands now.
    fn url(&self) -> String;
    /// The address the visitor came from; empty when unknown.
    fn referrer(&self) -> String;
    /// The document's title.
    fn title(&self) -> String;
    /// All cookies as `a=1; b=2`; empty when they are denied.
    fn cookies(&self) -> String;
    /// Sets a cookie from its full text, attributes and all. Whether it stuck shows only in [`Page::cookies`].
    fn set_cookie(&self, text: &str);
    /// A text in the page's local storage.
    fn stored(&self, key: &str) -> Option<String>;
    /// Keeps a text in local storage, or removes it. Answers whether it is kept.
    fn store(&self, key: &str, text: Option<&str>) -> bool;
    /// Whether the browser believes that it has a network.
    fn online(&self) -> bool;
    /// Hands a body to the network. `true` when the browser took it and will say no more; `false` when it will
    /// report the outcome of `batch` later.
    fn send(&self, url: &str, body: &str, batch: u32) -> bool;
    /// Takes a person's field out of a value: each text composed (NFC) and trimmed, and once more in lower case.
    fn take(&self, from: &Self::Value, field: Field) -> Vec<(String, String)>;
    /// Writes an event as JSON, with properties of the page's own and a user as [`Page::join_user`] writes it.
    /// Empty when that is impossible.
    fn write(&self, event: &WireEvent<'_>, properties: Option<&Self::Value>, user: &str) -> String;
    /// Writes hashed user data as JSON on top of what an earlier call wrote: newer fields replace older ones.
    fn join_user(&self, older: &str, newer: &UserData) -> String;
}

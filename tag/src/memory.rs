//! What the tag keeps in the visitor's browser, and where.
//!
//! Owns the names, and the ladder for small texts: a first-party cookie on the widest domain that takes it, else local
//! storage, else nothing (the tag's own memory serves until the page goes). Hashes of personal data and waiting
//! events skip the cookie, which would carry them to the site with every request. Leaves what the texts mean to others.

use shared::visitor::{TOUCH_COOKIE, VISITOR_COOKIE, VISITOR_COOKIE_SECONDS};

use crate::capture;
use crate::digits;
use crate::page::Page;

/// A text on the ladder or in local storage.
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
    /// Events that wait for a network, one JSON object a line.
    Queue,
}

impl Slot {
    /// Every slot, to be cleared when consent is withdrawn.
    pub const ALL: [Self; 5] = [Self::Visitor, Self::Touches, Self::Consent, Self::User, Self::Queue];

    /// The name of the cookie or of the key in local storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visitor => VISITOR_COOKIE,
            Self::Touches => TOUCH_COOKIE,
            Self::Consent => "_at_c",
            Self::User => "_at_u",
            Self::Queue => "_at_q",
        }
    }

    const fn in_cookie(self) -> bool {
        match self {
            Self::Visitor | Self::Touches | Self::Consent => true,
            Self::User | Self::Queue => false,
        }
    }
}

/// What is kept in `slot`.
pub fn recall<P: Page>(page: &P, slot: Slot) -> Option<String> {
    if slot.in_cookie()
        && let Some(value) = capture::cookie(&page.cookies(), slot.name())
    {
        return Some(value.to_owned());
    }
    page.stored(slot.name())
}

/// Keeps `text`, which holds only characters a cookie may hold when the slot is one. Answers whether it is kept.
pub fn keep<P: Page>(page: &P, slot: Slot, text: &str) -> bool {
    if slot.in_cookie() && set_cookie(page, slot.name(), text, VISITOR_COOKIE_SECONDS as u64) {
        return true;
    }
    page.store(slot.name(), Some(text))
}

/// Removes what is kept in `slot`, wherever it is.
pub fn forget<P: Page>(page: &P, slot: Slot) {
    if slot.in_cookie() && capture::cookie(&page.cookies(), slot.name()).is_some() {
        set_cookie(page, slot.name(), "", 0);
    }
    page.store(slot.name(), None);
}

/// Sets a cookie on the widest domain the browser allows, for `seconds`; 0 removes it. Answers whether the cookie
/// text now shows it.
///
/// Browsers refuse a cookie on a public suffix such as `co.uk`, so the domains are tried from the widest on, which
/// needs no list of suffixes here. A removal is tried on all of them, for another program may have set the cookie.
fn set_cookie<P: Page>(page: &P, name: &str, value: &str, seconds: u64) -> bool {
    let url = page.url();
    let secure = if url.starts_with("https:") { "; Secure" } else { "" };
    let age = digits::write(seconds, 10);
    let text = [name, "=", value, "; Path=/; Max-Age=", &age, "; SameSite=Lax", secure].concat();
    let host = host(&url);
    let mut stuck = false;
    for start in widest_first(host) {
        let domain = start.map_or(String::new(), |start| ["; Domain=", &host[start..]].concat());
        page.set_cookie(&[&text, domain.as_str()].concat());
        stuck = capture::cookie(&page.cookies(), name) == Some(value);
        if stuck {
            break;
        }
    }
    stuck
}

/// The host name of an address, without user and port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    host.split(':').next().unwrap_or("")
}

/// Where the domains of `host` begin, from two labels on; `None` at the end stands for the host alone, without a
/// domain attribute, which is all that `localhost` and addresses made of numbers allow.
fn widest_first(host: &str) -> Vec<Option<usize>> {
    let dots: Vec<usize> = host.match_indices('.').map(|(index, _)| index).collect();
    let mut starts = Vec::new();
    if !host.ends_with(|last: char| last.is_ascii_digit()) && !dots.is_empty() {
        starts.extend(dots.iter().rev().skip(1).map(|dot| Some(dot + 1)));
        starts.push(Some(0));
    }
    starts.push(None);
    starts
}

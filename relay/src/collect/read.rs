//! Reads the public event JSON (raw or hashed user data) into an [`Event`], and drops the raw text.
//!
//! Owns every check of a foreign event: names, lengths, alphabets, types. What can be dropped without hurting the
//! conversion (an unknown click id, a cookie nobody wants) is dropped with a warning; what cannot be understood is
//! refused with the field's name. Pure: time, randomness and the site's country are arguments. Leaves the envelope
//! to `browser` and `server_api`, and what only the request knows (client address, clock skew) to `enrich`.

use std::collections::BTreeMap;

use shared::event::{Campaign, Context, Event, Page, Source};
use shared::identity::Field;
use shared::{Item, Properties, Scalar, UnixMs, UserData, event_id, limits, scrub, visitor};

use super::draft::Draft;
use super::marks;
use super::raw_event::{IdText, Pairs, RawEvent};
use super::raw_user::RawUser;
use crate::platform::address::is_public;

/// What an event takes when it does not say so itself.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// When it arrived.
    pub now: UnixMs,
    /// The channel it came through, unless it has no page: then [`Source::Server`].
    pub source: Option<Source>,
    /// ISO 3166-1 alpha-2 country of the site, for national phone numbers.
    pub country: Option<&'a str>,
    /// Randomness for an event id that must be minted.
    pub random: [u8; 10],
}

/// An event that was understood, and what was ignored in it.
#[derive(Debug)]
pub struct Understood {
    /// The event.
    pub event: Event,
    /// Fields that were ignored, each with the reason, for the developer who sent it.
    pub warnings: Vec<String>,
}

/// Why an event was not understood.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Wrong JSON type or an impossible value somewhere in it.
    #[error("{field}: {problem}")]
    Field {
        /// Path of the field, such as `properties.value`.
        field: String,
        /// What was wrong. Never quotes a value: it may be personal data.
        problem: String,
    },
    /// From before what the relay remembers: it would count again if it is a repeat.
    #[error("time: older than store.dedup_days, so it could be a repeat")]
    TooOld,
    /// No `event`.
    #[error("event: a name is required, such as \"Purchase\"")]
    NoName,
    /// A name that is too long, or holds control characters or somebody's address.
    #[error(
        "event: a name has 1 to {} bytes, no control characters and no e-mail address",
        limits::EVENT_NAME
    )]
    BadName,
    /// An id that cannot be one.
    #[error(
        "event_id: an id has 1 to {} bytes, no control characters and no e-mail address",
        limits::EVENT_ID
    )]
    BadEventId,
    /// An order id that cannot be one.
    #[error("properties.order_id: an order id has no control characters")]
    BadOrderId,
    /// A visitor id that cannot be one.
    #[error("visitor_id: an id has 1 to {} letters, digits, '-', '_' or '.'", limits::ID)]
    BadVisitorId,
}

/// Reads one event, quickly: fields that are not ours are passed over in silence.
pub fn event(json: &str, defaults: Defaults<'_>) -> Result<Understood, ReadError> {
    is_object(json)?;
    let raw = serde_json::from_str(json).map_err(|_| locate(json))?;
    build(raw, defaults, Vec::new())
}

/// Reads one event and names the fields that are not ours; for developers and their server code.
pub fn event_with_warnings(json: &str, defaults: Defaults<'_>) -> Result<Understood, ReadError> {
    is_object(json)?;
    let mut unknown = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(json);
    let raw = serde_ignored::deserialize(&mut reader, |path| {
        // `?` stands for an optional value, which is no name anybody wrote.
        let path = path.to_string().replace(".?", "");
        // An object or a nested list among the custom properties is passed over by design, and says so.
        let custom = path.starts_with("properties.");
        let path = shown(&path);
        unknown.push(if custom {
            format!("{path}: only text, numbers, truth values and lists of those")
        } else {
            format!("{path}: unknown field, ignored")
        });
    });
    let raw = raw.map_err(|_| locate(json))?;
    unknown.truncate(MOST_WARNINGS);
    build(raw, defaults, unknown)
}

/// An event is an object. serde would also take a list for one, field by field.
fn is_object(json: &str) -> Result<(), ReadError> {
    if json.trim_start().starts_with('{') {
        return Ok(());
    }
    Err(ReadError::Field { field: "event".to_owned(), problem: "expected an object".to_owned() })
}

/// Reads again, slowly, to name the field that failed.
fn locate(json: &str) -> ReadError {
    let mut reader = serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, RawEvent>(&mut reader) {
        Ok(_) => ReadError::Field { field: "event".to_owned(), problem: "unreadable".to_owned() },
        Err(error) => {
            let path = error.path().to_string();
            let field = if path == "." { "event" } else { shown(&path) }.to_owned();
            ReadError::Field { field, problem: without_values(&error.into_inner().to_string()) }
        }
    }
}

/// A field's path as far as it can be told again: a name that holds anything but letters, digits and the marks of a path
/// may be a person's, not a field's.
pub(super) fn shown(path: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphabetic() || b"_-.[]".contains(&b);
    let digits = path.bytes().filter(u8::is_ascii_digit).count();
    let fits = path.bytes().all(|b| plain(b) || b.is_ascii_digit()) && digits <= MOST_DIGITS;
    match fits {
        true => limits::clip(path, LONGEST_PATH),
        // Its own name is ours, and says at least where to look.
        false if path.starts_with("properties.") => "properties.…",
        false => "…",
    }
}

/// serde quotes the offending value (`invalid type: string "jane@…"`, "unknown variant `jane…`"); the quotes are cut
/// out, because they may be personal data and end in an answer or a log.
pub(super) fn without_values(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        // The value may hold backticks itself; what serde expects comes after the last comma and word it adds.
        let expected = rest.rsplit_once("`, expected ").map_or("", |(_, expected)| expected);
        return limits::clip(&format!("unknown value; expected {expected}"), 200).to_owned();
    }
    // Numbers and truth values stand between backticks: "invalid type: integer `4917…`, expected a string".
    let kind = message.split_once(" `").filter(|(start, _)| start.starts_with("invalid "));
    if let (Some((start, _)), Some((_, expected))) = (kind, message.rsplit_once("`, expected ")) {
        return limits::clip(&format!("{start}, expected {expected}"), 200).to_owned();
    }
    let mut clean = String::with_capacity(message.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in message.chars() {
        match c {
            '"' if !escaped => {
                quoted = !quoted;
                if quoted {
                    clean.push('…');
                }
            }
            _ if quoted => escaped = c == '\\' && !escaped,
            _ => clean.push(c),
        }
    }
    limits::clip(&clean, 200).to_owned()
}

/// Checks one event that has been read with its envelope.
pub(super) fn read_already(raw: RawEvent, defaults: Defaults<'_>) -> Result<Understood, ReadError> {
    build(raw, defaults, Vec::new())
}

/// Checks an event that did not come as the public JSON.
pub fn draft(draft: Draft, defaults: Defaults<'_>) -> Result<Understood, ReadError> {
    build(draft.bounded(), defaults, Vec::new())
}

fn build(raw: RawEvent, defaults: Defaults<'_>, mut warnings: Vec<String>) -> Result<Understood, ReadError> {
    let name = name(raw.event)?;
    let mut properties = raw.properties.unwrap_or_default();
    let mut user = UserData::default();
    if let Some(raw_user) = raw.user {
        raw_user.hash_into(&mut user, defaults.country, &mut warnings);
    }
    take_identity(&mut properties, &mut user, defaults.country, &mut warnings);
    if properties.order_id.as_deref().is_some_and(limits::has_control) {
        return Err(ReadError::BadOrderId);
    }

    let event_id = match raw.event_id.map(|IdText(id)| id).filter(|id| !id.is_empty()) {
        Some(id) if event_id::valid(&id) && !scrub::looks_like_email(&id) => id,
        Some(_) => return Err(ReadError::BadEventId),
        None => derived_id(&name, &properties)
            .unwrap_or_else(|| event_id::uuid_v7(defaults.now.0, defaults.random)),
    };
    let page = page(raw.page.unwrap_or_default());
    let source = raw.source.or(defaults.source).unwrap_or(match page.url {
        Some(_) => Source::Web,
        None => Source::Server,
    });
    let mut event = Event {
        event: name,
        event_id,
        time: raw.time.map_or(defaults.now, |given| time("time", given, &mut warnings)),
        source,
        visitor_id: visitor_id(raw.visitor_id)?,
        page,
        click_ids: BTreeMap::new(),
        cookies: BTreeMap::new(),
        campaign: raw
            .campaign
            .map(|given| campaign(given, &mut warnings))
            .filter(|campaign| !campaign.is_empty()),
        context: context(raw.context.unwrap_or_default(), &mut warnings),
        tokens: tokens(raw.tokens.unwrap_or_default(), &mut properties),
        user,
        properties,
        consent: raw.consent.unwrap_or_default(),
        attribution: None,
    };
    marks::cookies(raw.cookies.unwrap_or_default(), &mut event, &mut warnings);
    marks::click_ids(raw.click_ids.unwrap_or_default(), &mut event, &mut warnings);
    warnings.truncate(MOST_WARNINGS);
    Ok(Understood { event, warnings })
}

fn name(name: Option<String>) -> Result<String, ReadError> {
    let name = name.map(trimmed).filter(|name| !name.is_empty()).ok_or(ReadError::NoName)?;
    if name.len() > limits::EVENT_NAME || limits::has_control(&name) || scrub::looks_like_email(&name) {
        return Err(ReadError::BadName);
    }
    Ok(name)
}

/// Without blanks at the ends; copied only when there are some.
fn trimmed(text: String) -> String {
    let inner = text.trim();
    if inner.len() == text.len() { text } else { inner.to_owned() }
}

fn derived_id(name: &str, properties: &Properties) -> Option<String> {
    event_id::derive(name, properties.order_id.as_deref()?)
}

fn visitor_id(id: Option<IdText>) -> Result<Option<String>, ReadError> {
    match id.map(|IdText(id)| id).filter(|id| !id.is_empty()) {
        None => Ok(None),
        Some(id) if event_id::valid_token(&id) => Ok(Some(id)),
        Some(_) => Err(ReadError::BadVisitorId),
    }
}

/// The tokens an event names, and those a page put among the properties: these lead to a visitor and are nobody
/// else's business.
fn tokens(Pairs(named): Pairs<String>, properties: &mut Properties) -> BTreeMap<String, String> {
    let mut tokens: BTreeMap<String, String> = named.into_iter().collect();
    for name in TOKENS {
        match properties.custom.remove(name) {
            // Shopify's cart token may carry a key behind a question mark, which only one of the two sides sees.
            Some(Scalar::Text(text)) => {
                let token = text.split('?').next().unwrap_or_default();
                tokens.entry(name.to_owned()).or_insert_with(|| token.to_owned())
            }
            Some(Scalar::Integer(number)) => tokens.entry(name.to_owned()).or_insert(number.to_string()),
            _ => continue,
        };
    }
    let sane = |text: &str| !text.is_empty() && !limits::has_control(text);
    tokens.retain(|name, token| {
        let short = name.len() <= limits::ID && token.len() <= limits::COOKIE;
        short && sane(name) && sane(token) && !scrub::looks_like_email(token)
    });
    while tokens.len() > limits::TOKENS {
        tokens.pop_last();
    }
    tokens
}

fn page(page: Page) -> Page {
    let address = |url: Option<String>| {
        let url = url?;
        let fitting = fitting(url.trim());
        if fitting.len() == url.len() && scrub::is_clean(&url) {
            return Some(url).filter(|url| !url.is_empty());
        }
        (!fitting.is_empty()).then(|| scrub::url(fitting))
    };
    let title = page.title.map(|title| limits::clipped(title, limits::TEXT));
    Page {
        url: address(page.url),
        referrer: address(page.referrer),
        title: title.filter(|title| !title.is_empty() && !scrub::looks_like_email(title)),
    }
}

/// An address that is no longer than allowed: of one that is, as many whole parameters as fit, for a platform that
/// must know the page would otherwise not be told of the event at all. Nothing where not even the path fits.
fn fitting(url: &str) -> &str {
    if url.len() <= limits::URL {
        return url;
    }
    let start = limits::clip(url, limits::URL);
    match start.find(['?', '#']) {
        Some(query) => &start[..start.rfind('&').filter(|end| *end > query).unwrap_or(query)],
        None => "",
    }
}

/// When it happened, also where it was told in seconds: an event of today would leave with a date of January 1970, and
/// its click be too old for everybody.
pub(super) fn time(name: &str, time: UnixMs, warnings: &mut Vec<String>) -> UnixMs {
    let read = time.from_seconds_where_small();
    if read != time {
        warnings.push(format!("{name}: read as Unix seconds; expected are milliseconds"));
    }
    read
}

fn campaign(campaign: Campaign, warnings: &mut Vec<String>) -> Campaign {
    let text = |text: Option<String>| {
        let text = text.map(|text| limits::clipped(text, limits::PROPERTY));
        text.filter(|text| !text.is_empty() && !scrub::looks_like_email(text))
    };
    Campaign {
        source: text(campaign.source),
        medium: text(campaign.medium),
        name: text(campaign.name),
        term: text(campaign.term),
        content: text(campaign.content),
        id: text(campaign.id),
        seen_at: campaign.seen_at.map(|at| time("campaign.seen_at", at, warnings)),
    }
}

fn context(context: Context, warnings: &mut Vec<String>) -> Context {
    let ip = context.ip.as_deref().and_then(|ip| {
        // Servers pass on `X-Forwarded-For` as it is: the client is its first public address.
        let entries = || ip.split(',').filter_map(super::client_address::parse);
        let read = entries().find(|ip| is_public(*ip)).or_else(|| entries().next());
        if read.is_none() {
            warnings.push("context.ip: not an IPv4 or IPv6 address, ignored".to_owned());
        }
        read.map(|ip| ip.to_string())
    });
    let line = |text: Option<String>| {
        let text = text.map(|text| limits::clipped(trimmed(text), limits::TEXT));
        text.filter(|text| !text.is_empty() && !limits::has_control(text))
    };
    // What a browser says of itself may name a crawler's keeper; a language names nobody.
    let language = line(context.language).filter(|language| !scrub::looks_like_email(language));
    Context { ip, user_agent: line(context.user_agent), language }
}

/// Personal data that was put among the properties is hashed into the user data, and what is named for a person in other words or
/// looks like an e-mail address anywhere else is dropped: properties travel in clear.
fn take_identity(
    properties: &mut Properties,
    user: &mut UserData,
    country: Option<&str>,
    warnings: &mut Vec<String>,
) {
    const PERSONAL: [Field; 6] =
        [Field::Email, Field::Phone, Field::FirstName, Field::LastName, Field::Street, Field::BirthDate];
    let mut taken = RawUser::default();
    for field in PERSONAL {
        match properties.custom.remove(field.name()) {
            Some(Scalar::Text(text)) => taken.push(field, text),
            Some(Scalar::Integer(number)) => taken.push(field, number.to_string()),
            _ => {}
        }
    }
    if !taken.is_empty() {
        taken.hash_into(user, country, warnings);
    }
    properties.custom.retain(|name, value| {
        if scrub::names_person(name) {
            let shown = limits::clip(name, 40);
            warnings.push(format!("properties.{shown}: named for a person and dropped; send it in `user`"));
            return false;
        }
        let personal = holds_email(value) || scrub::looks_like_email(name);
        if personal {
            warnings.push("properties: a value that looks like an e-mail address was dropped".to_owned());
        }
        !personal
    });
    for (name, text) in [
        ("order_id", &mut properties.order_id),
        ("search_term", &mut properties.search_term),
        ("coupon", &mut properties.coupon),
    ] {
        if text.as_deref().is_some_and(scrub::looks_like_email) {
            *text = None;
            warnings.push(format!("properties.{name}: looks like an e-mail address and was dropped"));
        }
    }
    for Item { id, name, brand, category, .. } in &mut properties.items {
        for (field, text) in [("id", id), ("name", name), ("brand", brand), ("category", category)] {
            if text.as_deref().is_some_and(scrub::looks_like_email) {
                *text = None;
                warnings
                    .push(format!("properties.items.{field}: looks like an e-mail address and was dropped"));
            }
        }
    }
}

fn holds_email(value: &Scalar) -> bool {
    match value {
        Scalar::Text(text) => scrub::looks_like_email(text),
        Scalar::List(values) => values.iter().any(holds_email),
        Scalar::Bool(_) | Scalar::Integer(_) | Scalar::Number(_) => false,
    }
}

/// The token of ours an event carries, if any.
pub fn click_token(event: &Event) -> Option<&str> {
    event.click_ids.get(visitor::CLICK_TOKEN).map(|id| id.value.as_str())
}

/// Properties that are tokens, see [`Event::tokens`].
const TOKENS: [&str; 2] = ["cart_token", "checkout_token"];
/// Longest path of a field that is told again.
const LONGEST_PATH: usize = 80;
/// Most digits in it: places in lists have some, telephone numbers have more.
const MOST_DIGITS: usize = 6;
/// Most warnings reported for one event; more help nobody.
const MOST_WARNINGS: usize = 20;

#[cfg(test)]
mod tests;

//! `POST /v1/events` and `GET /v1/pixel.gif`: events from pages.
//!
//! Owns the origin check, the envelope, which of our cookies are set when, and CORS. The body is `text/plain`, so that
//! a page can send it without asking first; its events may hold hashed user data or, from a page without the tag, raw
//! data, which is hashed on arrival.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, COOKIE, ORIGIN,
    REFERER, SET_COOKIE, USER_AGENT, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use shared::event::{Event, Source};
use shared::{Context, Purpose, UnixMs, event_id, limits, visitor, wire};

use super::batch::{self, Batch};
use super::http::{Caller, Relay};
use super::raw_event::{Quick, RawEvent};
use super::read::{self, Defaults, ReadError, Understood};
use super::reply::{self, Refusal, Reply};
use super::site_token::{self, Shown};
use super::{client_address, cookie, made_cookie, rate_limit};
use crate::attribute::identity_keys;
use crate::config::{Site, TokenMode};
use crate::enrich::{self, Facts};

/// The tag's envelope around its events in some form.
#[derive(Deserialize)]
#[serde(bound(deserialize = "E: Deserialize<'de> + Default"))]
#[serde(expecting = "an object")]
struct Envelope<E> {
    v: Option<u8>,
    site: Option<String>,
    sent_at: Option<UnixMs>,
    /// Events that the tag could not keep while it could not send.
    #[serde(default)]
    dropped: u32,
    #[serde(default)]
    events: E,
    /// What belongs into each event and says nothing beside them.
    event: Option<IgnoredAny>,
    consent: Option<IgnoredAny>,
}

/// Events, each to be read apart from its neighbours.
#[derive(Default, Deserialize)]
struct Unread<'a>(#[serde(borrow)] Vec<&'a RawValue>);

/// Events in either form.
enum Events<'a> {
    Read(Vec<RawEvent>),
    Unread(Vec<&'a RawValue>),
}

impl Envelope<Events<'_>> {
    /// Reads a body, nearly always in one go. Where something in it does not read, it is read again with its events
    /// apart, so that one that fails fails alone and an error names its byte.
    fn of(text: &str) -> Result<Envelope<Events<'_>>, Refusal> {
        if let Ok(envelope) = serde_json::from_str::<Envelope<Quick>>(text) {
            return Ok(envelope.with(|Quick(events)| Events::Read(events)));
        }
        let envelope: Envelope<Unread<'_>> = batch::parse(text)?;
        Ok(envelope.with(|Unread(events)| Events::Unread(events)))
    }
}

impl<E> Envelope<E> {
    fn with<F>(self, change: impl FnOnce(E) -> F) -> Envelope<F> {
        let Self { v, site, sent_at, dropped, events, event, consent } = self;
        Envelope { v, site, sent_at, dropped, events: change(events), event, consent }
    }
}

impl Events<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Read(events) => events.len(),
            Self::Unread(events) => events.len(),
        }
    }
}

/// Takes events from a page.
pub async fn events(
    relay: &Relay,
    caller: &Caller,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Reply, Refusal> {
    let envelope = Envelope::of(batch::text(body)?)?;
    if envelope.v != Some(wire::VERSION) {
        return Err(Refusal::Field { field: "v", problem: format!("expected {}", wire::VERSION) });
    }
    for (field, found) in [("event", envelope.event), ("consent", envelope.consent)] {
        if found.is_some() {
            return Err(batch::beside_events(field));
        }
    }
    let (key, token) = site_token::split(envelope.site.as_deref().unwrap_or_default());
    let site = relay.site(key).ok_or(Refusal::UnknownSite)?;
    let origin = allowed_origin(relay, site, headers)?;
    batch::bounded(envelope.events.len())?;
    limit_client(relay, caller, envelope.events.len())?;
    let proof = proof(relay, site, token, caller.now);
    // A tag says nothing else beside a withdrawal.
    let proof = if envelope.events.len() == 1 { proof } else { Ok(proof?) };
    limit_site(relay, site, caller, envelope.events.len())?;

    let facts = Facts { received: caller.now, sent_at: envelope.sent_at, client: client(caller, headers) };
    let known = known_visitor(headers);
    let defaults = || Defaults {
        now: envelope.sent_at.unwrap_or(caller.now),
        source: Some(Source::Web),
        country: site.country.as_deref(),
        random: relay.random(),
    };
    let remembered = relay.remembered(caller.now);
    let finish = |understood: Result<Understood, ReadError>| {
        let mut understood = understood?;
        let event = &mut understood.event;
        enrich::from_browser(event, &facts);
        // A page keeps what was not answered for the next one, however late that comes.
        if event.time < remembered {
            return Err(ReadError::TooOld);
        }
        if event.visitor_id.is_none() {
            event.visitor_id.clone_from(&known);
        }
        Ok(understood)
    };
    let mut batch = match envelope.events {
        Events::Read(events) => Batch::read(events, |event| finish(read::read_already(event, defaults()))),
        Events::Unread(events) => Batch::read(events, |json| finish(read::event(json.get(), defaults()))),
    };
    // Whoever takes consent back is heard however old the page is.
    if !batch.events.iter().all(is_denied) {
        proof?;
    }
    give_visitor(relay, site, &mut batch.events, caller.now);
    let lines = cookies(relay, site, headers, &mut batch.events, caller.now);
    relay.dropped_by_tag(site, envelope.dropped);
    let receipt = relay.store(site, batch, caller).await?;
    let mut reply = reply::accepted(&receipt);
    reply.headers_mut().extend(lines.into_iter().map(|line| (SET_COOKIE, line)));
    allow(origin, &mut reply);
    Ok(reply)
}

/// A page view from a page without scripts: a transparent pixel, whose `Referer` is the page.
pub async fn pixel(
    relay: &Relay,
    caller: &Caller,
    headers: &HeaderMap,
    query: &str,
) -> Result<Reply, Refusal> {
    let wanted = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "site");
    let (key, token) = site_token::split(wanted.as_ref().map_or("", |(_, site)| site));
    let site = relay.site(key).ok_or(Refusal::UnknownSite)?;
    limit_client(relay, caller, 1)?;
    proof(relay, site, token, caller.now)?;
    limit_site(relay, site, caller, 1)?;
    let page = headers.get(REFERER).and_then(|value| value.to_str().ok()).filter(|url| from_site(site, url));
    let page = page.ok_or(Refusal::WrongOrigin)?;
    let json = serde_json::json!({ "event": "PageView", "page": { "url": page } }).to_string();
    let defaults =
        Defaults { now: caller.now, source: Some(Source::Web), country: None, random: relay.random() };
    let mut event = read::event(&json, defaults)
        .map_err(|_| Refusal::Field { field: "Referer", problem: "not a page address".to_owned() })?
        .event;
    enrich::from_browser(
        &mut event,
        &Facts { received: caller.now, sent_at: None, client: client(caller, headers) },
    );
    // Nobody else says it here: the cookie of an earlier page's answers.
    let cookies_sent = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    event.consent = cookies_sent.map(cookie::consent).find(|consent| !consent.is_empty()).unwrap_or_default();
    let may_store = may_keep(site, &event);
    event.visitor_id =
        known_visitor(headers).or_else(|| may_store.then(|| event_id::uuid_v7(caller.now.0, relay.random())));
    let mut events = vec![event];
    let lines = cookies(relay, site, headers, &mut events, caller.now);
    relay.store(site, Batch { events, receipt: wire::Receipt::default() }, caller).await?;
    let mut reply = reply::typed(StatusCode::OK, "image/gif", Bytes::from_static(PIXEL));
    reply.headers_mut().extend(lines.into_iter().map(|line| (SET_COOKIE, line)));
    Ok(reply)
}

/// A refusal that the page may read: without CORS the tag could not tell "never" from "not now", and would try again.
pub fn refused(relay: &Relay, headers: &HeaderMap, refusal: &Refusal) -> Reply {
    let mut reply = refusal.reply();
    let origin = headers.get(ORIGIN).filter(|origin| relay.sites().any(|site| allows(site, origin)));
    allow(origin, &mut reply);
    reply
}

/// Answers a browser that asks before it sends (a page that posts `application/json`).
pub fn preflight(relay: &Relay, headers: &HeaderMap) -> Reply {
    let mut reply = reply::text(StatusCode::NO_CONTENT, "");
    let origin = headers.get(ORIGIN).filter(|origin| relay.sites().any(|site| allows(site, origin)));
    if let Some(origin) = origin {
        allow(Some(origin), &mut reply);
        let answer = reply.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    reply
}

/// The request's origin, when the site allows it. A request without one comes from no page and may pass: the
/// list keeps other pages from spending a visitor's cookies, it is no lock.
fn allowed_origin<'a>(
    relay: &Relay,
    site: &Site,
    headers: &'a HeaderMap,
) -> Result<Option<&'a HeaderValue>, Refusal> {
    match headers.get(ORIGIN) {
        None => Ok(None),
        Some(origin) if allows(site, origin) => Ok(Some(origin)),
        Some(origin) => {
            relay.turned_away().origin(&site.key, origin);
            Err(Refusal::WrongOrigin)
        }
    }
}

fn allows(site: &Site, origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    site.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

fn from_site(site: &Site, url: &str) -> bool {
    let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    site.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(&origin))
}

fn allow(origin: Option<&HeaderValue>, reply: &mut Reply) {
    let headers = reply.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

fn limit_client(relay: &Relay, caller: &Caller, events: usize) -> Result<(), Refusal> {
    let by_client: &rate_limit::RateLimit<_> = relay.client_limit();
    let taken = by_client.take(client_address::subscriber(caller.ip), events, caller.now);
    taken.map_err(|seconds| Refusal::TooOften { seconds })
}

/// After the token: what a forger sends must not use up what the site's visitors may.
fn limit_site(relay: &Relay, site: &Site, caller: &Caller, events: usize) -> Result<(), Refusal> {
    let taken = relay.site_limit().take(Arc::clone(&site.key), events, caller.now);
    taken.map_err(|seconds| Refusal::TooOften { seconds })
}

/// Whether the page shows what the site asks for.
fn proof(relay: &Relay, site: &Site, token: Option<&str>, now: UnixMs) -> Result<(), Refusal> {
    let asked = site.token.as_ref().filter(|settings| settings.mode != TokenMode::Off);
    let Some(settings) = asked else { return Ok(()) };
    let shown = site_token::judge(settings, &site.key, token, now);
    relay.shown(site, shown);
    match (settings.mode, shown) {
        (TokenMode::Report | TokenMode::Off, _) | (TokenMode::Require, Shown::Good) => Ok(()),
        (TokenMode::Require, Shown::Expired) => Err(Refusal::TokenOver),
        (TokenMode::Require, Shown::Missing | Shown::Wrong | Shown::TooLong) => {
            Err(Refusal::NoToken { shown: shown.tag() })
        }
    }
}

/// The visitor's client, from the connection.
fn client(caller: &Caller, headers: &HeaderMap) -> Context {
    let text = |name| {
        let value: Option<&str> = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value
            .map(|value| limits::clip(value.trim(), limits::TEXT).to_owned())
            .filter(|value| !value.is_empty())
    };
    let language = text(ACCEPT_LANGUAGE).and_then(|line| {
        let first = line.split([',', ';']).next()?.trim().to_owned();
        (first != "*" && !first.is_empty()).then_some(first)
    });
    Context { ip: Some(client_address::text(caller.ip)), user_agent: text(USER_AGENT), language }
}

fn known_visitor(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let id = lines.filter_map(|line| cookie::value(line, visitor::VISITOR_COOKIE)).next()?;
    event_id::valid_token(id).then(|| id.to_owned())
}

/// Whoever comes without a visitor id, which the tag always has, is given one, unless they may not be remembered, or an event
/// names by what a visitor is found who is known already: a new one would take their place.
fn give_visitor(relay: &Relay, site: &Site, events: &mut [Event], now: UnixMs) {
    let is_new = |event: &Event| event.visitor_id.is_none() && identity_keys(event).is_empty();
    if !events.iter().all(|event| is_new(event) && may_keep(site, event)) {
        return;
    }
    let id = event_id::uuid_v7(now.0, relay.random());
    for event in events {
        event.visitor_id = Some(id.clone());
    }
}

/// The cookies an answer sets: the visitor's, and those of platforms that the site wants made. A visitor who denies loses
/// them, ours once more, because an answer that was on its way before may have set them again; and the denial is kept as the
/// visitor was, or Safari would forget after a week what the tag wrote, and the tag begin anew.
fn cookies(
    relay: &Relay,
    site: &Site,
    headers: &HeaderMap,
    events: &mut [Event],
    now: UnixMs,
) -> Vec<HeaderValue> {
    let Some(last) = events.last() else { return Vec::new() };
    let keeps = may_keep(site, last);
    let has_some = last.visitor_id.is_some() || !site.tag.make_cookies.is_empty();
    if !(keeps && has_some || is_denied(last)) {
        return Vec::new();
    }
    let domain = cookie_domain(relay, site, headers);
    let domain = domain.as_deref();
    let mut lines = Vec::new();
    if keeps {
        lines.extend(last.visitor_id.as_deref().map(|id| cookie::visitor(id, domain)));
        lines.extend(made_cookie::make(site, headers, domain, events, now, || relay.random()));
    } else if is_denied(last) {
        lines.push(cookie::expired(domain));
        lines.extend(made_cookie::expire(site, domain));
        lines.push(cookie::answers(&last.consent, domain));
    }
    lines.iter().filter_map(|line| HeaderValue::from_str(line).ok()).collect()
}

/// Whether the visitor refused what keeping a visitor's id is for.
fn is_denied(event: &Event) -> bool {
    !event.consent.allows(&[Purpose::AdStorage, Purpose::AdUserData], false)
}

/// Whether the visitor's browser may be given cookies.
fn may_keep(site: &Site, event: &Event) -> bool {
    let silent = event.consent.ad_storage.is_none();
    !(is_denied(event) || silent && site.consent_required)
}

/// The domain of the cookies an answer sets.
fn cookie_domain(relay: &Relay, site: &Site, headers: &HeaderMap) -> Option<String> {
    if site.cookie_domain.is_some() {
        return site.cookie_domain.clone();
    }
    let page = headers.get(ORIGIN).or_else(|| headers.get(REFERER))?.to_str().ok()?;
    cookie::shared_domain(relay.host(), &cookie::host(page)?)
}

/// The smallest transparent GIF.
const PIXEL: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x21, 0xf9, 4, 1, 0, 0, 0,
    0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

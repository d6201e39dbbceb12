//! The HTTP server: connections and their limits (`accept`), routes, and the state every route shares.
//!
//! Owns what happens before a route is known: how many connections, how long headers and bodies may take, how large
//! they may be, and who the client is. Leaves every meaning to the route's own file.

mod accept;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use shared::UnixMs;
use shared::time::DAY_MS;
use tracing::warn;

pub use self::accept::serve;
use super::assets::Assets;
use super::batch::Batch;
use super::not_stored::NotStored;
use super::rate_limit::RateLimit;
use super::reply::{self, Refusal, Reply};
use super::site_token::{self, Shown};
use super::sources::{Door, door};
use super::turned_away::TurnedAway;
use super::{browser, client_address, random, server_api, site_module};
use crate::config::{Config, Server, Site, Source};
use crate::metrics::Metrics;
use crate::store::{Backlogs, Erased, Person, Store};
use crate::traces::{Begun, Took, Traces};

/// What every request needs.
pub struct Relay {
    server: Server,
    host: String,
    origin: String,
    sites: HashMap<Arc<str>, Site>,
    sources: HashMap<String, Source>,
    destinations: Vec<String>,
    dedup_ms: i64,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    assets: Assets,
    client_limit: RateLimit<IpAddr>,
    site_limit: RateLimit<Arc<str>>,
    source_limit: RateLimit<String>,
    turned_away: TurnedAway,
    not_stored: NotStored,
    traces: Traces,
    now: fn() -> UnixMs,
}

/// The body of a request on its way in.
pub trait Sent: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> {}

impl<B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>> Sent for B {}

/// Who sends a request, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The visitor's or server's address, proxies seen through.
    pub ip: IpAddr,
    /// When the request arrived.
    pub now: UnixMs,
    /// The same, to measure from.
    pub begun: Begun,
}

impl Relay {
    /// The state of a relay with this configuration.
    pub fn new(
        config: &Config,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        assets: Assets,
        now: fn() -> UnixMs,
    ) -> Self {
        let rate = config.server.rate_limit;
        Self {
            server: config.server.clone(),
            host: config.server.public_url.host_str().unwrap_or_default().to_owned(),
            origin: config.server.public_url.origin().ascii_serialization(),
            sites: config.sites.iter().map(|site| (site.key.clone(), site.clone())).collect(),
            sources: config.sources.iter().map(|source| (source.name.clone(), source.clone())).collect(),
            destinations: config.destinations.iter().map(|destination| destination.name.clone()).collect(),
            dedup_ms: i64::from(config.store.dedup_days) * DAY_MS,
            store,
            metrics,
            assets,
            client_limit: RateLimit::new(rate.per_client, MOST_CLIENTS),
            site_limit: RateLimit::new(rate.per_site, MOST_CLIENTS),
            source_limit: RateLimit::new(rate.per_site, MOST_CLIENTS),
            turned_away: TurnedAway::default(),
            not_stored: NotStored::default(),
            traces: Traces::default(),
            now,
        }
    }

    /// The same, tracing what it takes in.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// The site with this key.
    pub fn site(&self, key: &str) -> Option<&Site> {
        self.sites.get(key)
    }

    /// All sites.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.values()
    }

    /// The source with this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.get(name)
    }

    /// Counts how a request of a source ended.
    pub fn settled(&self, source: &str, how: &'static str) {
        self.metrics.source(source, how);
    }

    /// Scheme and host under which the relay is reached.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The relay's public host name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Limit per client.
    pub fn client_limit(&self) -> &RateLimit<IpAddr> {
        &self.client_limit
    }

    /// Limit per site.
    pub fn site_limit(&self) -> &RateLimit<Arc<str>> {
        &self.site_limit
    }

    /// Limit per source, apart from that of its site: what forgers send in the name of pages must not turn a shop's webhooks
    /// away, which some shops never send again.
    pub fn source_limit(&self) -> &RateLimit<String> {
        &self.source_limit
    }

    /// Senders turned away so far.
    pub fn turned_away(&self) -> &TurnedAway {
        &self.turned_away
    }

    /// Since when ids are remembered.
    pub fn remembered(&self, now: UnixMs) -> UnixMs {
        now.plus(-self.dedup_ms)
    }

    /// Randomness for an id.
    pub fn random(&self) -> [u8; 10] {
        random::ten_bytes()
    }

    /// Stores a batch, counts it, and answers its receipt.
    pub async fn store(
        &self,
        site: &Site,
        batch: Batch,
        caller: &Caller,
    ) -> Result<shared::wire::Receipt, Refusal> {
        let (takings, collect) = (self.traces.of(&site.key, &batch.events), caller.begun.until_now());
        let stored = batch.store(self.store.as_ref(), &site.key, caller.now).await;
        let store = Took { from: collect.to, to: caller.begun.until_now().to };
        let verdicts = stored.as_ref().ok().map(|(_, verdicts)| verdicts.as_slice());
        self.traces.taken(&site.key, &takings, collect, store, verdicts);
        let (receipt, _) = stored.map_err(|error| {
            self.not_stored.count(&site.key, &error);
            Refusal::from(error)
        })?;
        self.metrics.received(&site.key, "accepted", receipt.accepted);
        self.metrics.received(&site.key, "duplicate", receipt.duplicates - receipt.contradictions);
        self.metrics.received(&site.key, "contradiction", receipt.contradictions);
        self.metrics.received(&site.key, "rejected", receipt.rejected.len());
        Ok(receipt)
    }

    /// Counts events that a tag had to drop while it could not send.
    pub fn dropped_by_tag(&self, site: &Site, events: u32) {
        // A sender could claim any number; a tag keeps a hundred and drops what a page tracks meanwhile.
        self.metrics.received(&site.key, "dropped_by_tag", events.min(MOST_DROPPED) as usize);
    }

    /// Counts what a page showed to prove whose it is.
    pub fn shown(&self, site: &Site, shown: Shown) {
        self.metrics.site_token(&site.key, shown.tag());
    }

    /// Removes a person from a site.
    pub async fn erase(&self, site: &Site, person: Person) -> Result<Erased, Refusal> {
        self.store.erase(&site.key, person).await.map_err(|error| {
            warn!(site = %site.key, %error, "a visitor is not erased; the sender was told to come back");
            Refusal::from(error)
        })
    }

    async fn ready(&self) -> Reply {
        match self.store.ping().await {
            Ok(()) => reply::text(StatusCode::OK, "ready\n"),
            Err(error) => reply::text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")),
        }
    }

    async fn metrics(&self) -> Reply {
        let mut backlogs = Backlogs::new();
        for name in &self.destinations {
            if let Ok(backlog) = self.store.backlog(name).await {
                backlogs.insert(name.clone(), backlog);
            }
        }
        reply::typed(StatusCode::OK, OPENMETRICS, Bytes::from(self.metrics.text(&backlogs)))
    }
}

/// Answers one request, of whatever its body is made, and counts it.
pub async fn answer(relay: &Relay, request: Request<impl Sent>, peer: IpAddr) -> Reply {
    let (route, result) = route(relay, request, peer).await;
    let reply = result.unwrap_or_else(|refusal| refusal.reply());
    relay.metrics.request(route, reply.status().as_u16());
    reply
}

async fn route(
    relay: &Relay,
    request: Request<impl Sent>,
    peer: IpAddr,
) -> (&'static str, Result<Reply, Refusal>) {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let forwarded = headers.get_all(FORWARDED_FOR).iter().map(http::HeaderValue::as_bytes);
    let ip = client_address::client(peer, forwarded, &relay.server.trusted_proxies);
    let now = (relay.now)();
    let caller = Caller { ip, now, begun: Begun::at(now) };
    if let Some((door, name)) = Door::of(parts.uri.path()) {
        return (door.route(), source(relay, &caller, &parts, body, door, name).await);
    }
    let is_get = parts.method == Method::GET || parts.method == Method::HEAD;
    match (parts.uri.path(), &parts.method) {
        ("/v1/events", &Method::POST) => {
            let answer = events(relay, &caller, headers, body).await;
            ("events", Ok(answer.unwrap_or_else(|refusal| browser::refused(relay, headers, &refusal))))
        }
        ("/v1/events", &Method::OPTIONS) => ("events", Ok(browser::preflight(relay, headers))),
        ("/v1/track", &Method::POST) => ("track", track(relay, &caller, headers, body).await),
        // Link checkers ask with HEAD; nobody has seen a page.
        ("/v1/pixel.gif", &Method::HEAD) => {
            ("pixel", Ok(reply::typed(StatusCode::OK, "image/gif", Bytes::new())))
        }
        ("/v1/pixel.gif", &Method::GET) => {
            ("pixel", browser::pixel(relay, &caller, headers, parts.uri.query().unwrap_or_default()).await)
        }
        ("/healthz", _) if is_get => ("healthz", Ok(reply::text(StatusCode::OK, "ok\n"))),
        ("/readyz", _) if is_get => ("readyz", Ok(relay.ready().await)),
        ("/metrics", _) if is_get => ("metrics", Ok(relay.metrics().await)),
        (path, &Method::DELETE) if path.starts_with(server_api::VISITORS) => {
            ("visitors", server_api::erase(relay, &caller, headers, path).await)
        }
        ("/v1/events" | "/v1/track", _) => ("other", Err(Refusal::WrongMethod { allowed: "POST" })),
        (path, _) if is_get && path.starts_with("/v1/site/") => {
            let site = site_module::key_of(path).and_then(|key| relay.site(site_token::split(key).0));
            ("site", site_module::answer(site, &relay.assets, parts.uri.query(), headers))
        }
        (path, _) if is_get => ("assets", relay.assets.answer(path, headers).ok_or(Refusal::NotFound)),
        _ => ("other", Err(Refusal::NotFound)),
    }
}

async fn events(
    relay: &Relay,
    caller: &Caller,
    headers: &HeaderMap,
    body: impl Sent,
) -> Result<Reply, Refusal> {
    let body = read_body(relay, headers, body).await?;
    browser::events(relay, caller, headers, &body).await
}

async fn track(
    relay: &Relay,
    caller: &Caller,
    headers: &HeaderMap,
    body: impl Sent,
) -> Result<Reply, Refusal> {
    let body = read_body(relay, headers, body).await?;
    server_api::track(relay, caller, headers, &body).await
}

async fn source(
    relay: &Relay,
    caller: &Caller,
    head: &Parts,
    body: impl Sent,
    door: Door,
    name: &str,
) -> Result<Reply, Refusal> {
    let source = door::find(relay, door, name, &head.method)?;
    match read_body(relay, &head.headers, body).await {
        Ok(body) => Ok(door::receive(relay, source, caller, head, &body).await),
        Err(Refusal::TooLarge { most }) => Ok(door::too_large(relay, source, most)),
        Err(refusal) => Err(refusal),
    }
}

/// The whole body, within its limits. A body that says it is too large is refused before it is read.
async fn read_body(relay: &Relay, headers: &HeaderMap, body: impl Sent) -> Result<Bytes, Refusal> {
    let most = relay.server.max_body_bytes;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) || body.size_hint().lower() > most as u64 {
        return Err(Refusal::TooLarge { most });
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::Encoded);
    }
    let ms = relay.server.body_timeout_ms;
    let reading = Limited::new(body, most).collect();
    match tokio::time::timeout(Duration::from_millis(ms), reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::TooLarge { most }),
        Ok(Err(_)) => Err(Refusal::BrokenOff),
        Err(_) => Err(Refusal::TooSlow { ms }),
    }
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Clients known at once to the rate limits: about 10 MB.
const MOST_CLIENTS: usize = 100_000;
/// Dropped events that one request may report.
const MOST_DROPPED: u32 = 10_000;

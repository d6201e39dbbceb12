//! `[server]`, `[delivery]`, `[store]` and `[tag]`: tables that occur once and may be left out, as every key in them may.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use shared::limits;
use url::Url;

use super::super::advice::Advice;
use super::super::error::Fault;
use super::super::notes::Notes;
use super::super::origin::{base_url, is_loopback};
use super::super::reader::{Section, Text};
use super::super::{Delivery, Engine, RateLimit, Server, StoreSettings, TagSettings};
use super::{Document, path};

/// Reads `[server]`.
pub(super) fn server<'n>(section: Option<Section<'n, '_>>, notes: &'n Notes<'n>) -> Server {
    let absent = || Section::new(notes, "server".to_owned(), 0..0, toml::de::DeTable::new());
    let mut section = section.unwrap_or_else(absent);
    let listen = section.parsed("listen", LISTEN_EXPECTED, |text| text.parse().ok());
    let listen = listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    let server = Server {
        listen,
        public_url: public_url(&mut section, listen),
        trusted_proxies: trusted_proxies(&mut section),
        rate_limit: rate_limit(section.section("rate_limit")),
        max_connections: section.whole("max_connections", 1..=1_000_000, 10_000),
        max_body_bytes: section.whole("max_body_bytes", 1024..=64 * 1024 * 1024, limits::BODY),
        header_timeout_ms: section.whole("header_timeout_ms", TIMEOUT_MS, 30_000),
        body_timeout_ms: section.whole("body_timeout_ms", TIMEOUT_MS, 15_000),
        answer_timeout_ms: section.whole("answer_timeout_ms", TIMEOUT_MS, 30_000),
        shutdown_timeout_ms: section.whole("shutdown_timeout_ms", TIMEOUT_MS, 20_000),
    };
    advise_on_proxies(&server, &section);
    section.close();
    server
}

/// A tenth of a second to an hour: shorter cuts off honest senders, longer is no limit.
pub(super) const TIMEOUT_MS: RangeInclusive<u64> = 100..=3_600_000;
const LISTEN_EXPECTED: &str = "an address and a port such as `127.0.0.1:8080`";
const PUBLIC_URL_EXPECTED: &str =
    "the relay's public address without a path, such as `https://t.shop.example`";
const PROXY_EXPECTED: &str = "a network or address such as `10.0.0.0/8` or `127.0.0.1`";

fn public_url(section: &mut Section<'_, '_>, listen: SocketAddr) -> Url {
    let at = section.span.start;
    let key = section.key("public_url");
    let Some(node) = section.text("public_url", PUBLIC_URL_EXPECTED) else {
        let local = base_url(&format!("http://{listen}")).expect("a socket address is a host and a port");
        section.notes.advise(&key, at, Advice::NoPublicUrl { public_url: written(&local) });
        return local;
    };
    let Some(url) = node.parsed(section.notes, PUBLIC_URL_EXPECTED, base_url) else {
        return base_url("http://localhost").expect("this is an address");
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        section.notes.advise(&key, node.at, Advice::PlainHttp);
    }
    url
}

fn written(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn trusted_proxies(section: &mut Section<'_, '_>) -> Vec<IpNet> {
    let notes = section.notes;
    match section.texts("trusted_proxies", PROXY_EXPECTED) {
        Some(texts) => texts.iter().filter_map(|text| trusted_proxy(text, notes)).collect(),
        None => vec![
            IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST)),
            IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
        ],
    }
}

fn trusted_proxy(text: &Text, notes: &Notes<'_>) -> Option<IpNet> {
    let network = text.parsed(notes, PROXY_EXPECTED, network)?;
    let widest = if network.addr().is_ipv4() { WIDEST_V4 } else { WIDEST_V6 };
    if network.prefix_len() < widest {
        notes.advise(&text.key, text.at, Advice::AnybodyTrusted { network: network.to_string() });
    }
    Some(network)
}

/// The largest networks that are anybody's own: `10.0.0.0/8` (RFC 1918, section 3) and `fc00::/7` (RFC 4193, section 3).
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 7;

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Says when TLS must be ended by a proxy (the relay speaks plain HTTP) that is not believed.
fn advise_on_proxies(server: &Server, section: &Section<'_, '_>) {
    let local = server.listen.ip();
    // Who asks at one address of the machine comes from an address of that kind, also if it is the machine itself.
    let believed = server.trusted_proxies.iter().any(|network| match local.is_loopback() {
        true => network.contains(&local),
        false => local.is_unspecified() || !network.addr().is_loopback(),
    });
    if server.public_url.scheme() == "https" && !believed {
        let advice = if local.is_loopback() { Advice::UntrustedProxy } else { Advice::NoProxyTrusted };
        section.notes.advise(&section.key("trusted_proxies"), section.span.start, advice);
    }
}

fn rate_limit(section: Option<Section<'_, '_>>) -> RateLimit {
    let Some(mut section) = section else { return RateLimit { per_client: PER_CLIENT, per_site: 0 } };
    let limit = RateLimit {
        per_client: section.whole("per_client", 0..=1_000_000, PER_CLIENT),
        per_site: section.whole("per_site", 0..=10_000_000, 0),
    };
    section.close();
    limit
}

/// Events a second from one address: a busy office behind one address stays below it, a flood does not.
const PER_CLIENT: u32 = 100;

/// Reads `[delivery]`.
pub(super) fn delivery<'n>(section: Option<Section<'n, '_>>, notes: &'n Notes<'n>) -> Delivery {
    let absent = || Section::new(notes, "delivery".to_owned(), 0..0, toml::de::DeTable::new());
    let mut section = section.unwrap_or_else(absent);
    let base_at = section.place("backoff_base_ms");
    let delivery = Delivery {
        request_timeout_ms: section.whole("request_timeout_ms", TIMEOUT_MS, 10_000),
        backoff_base_ms: section.whole("backoff_base_ms", 1..=3_600_000, 1_000),
        backoff_cap_ms: section.whole("backoff_cap_ms", 1..=86_400_000, 300_000),
    };
    let Delivery { backoff_base_ms: base, backoff_cap_ms: cap, .. } = delivery;
    // A lower longest pause alone lowers the first one with it.
    if let Some(at) = base_at.filter(|_| base > cap) {
        let expected = format!("no more than `backoff_cap_ms`, which is {cap}");
        section.fault("backoff_base_ms", at, Fault::Invalid { expected, found: Some(base.to_string()) });
    }
    section.close();
    delivery
}

/// Reads `[store]`.
pub(super) fn store(section: Option<Section<'_, '_>>, directory: &Path) -> StoreSettings {
    let file = directory.join("data/anytrack.db");
    let Some(mut section) = section else {
        return StoreSettings {
            engine: Engine::Sqlite,
            path: file,
            dedup_days: DEDUP_DAYS,
            log_days: LOG_DAYS,
            visitor_days: VISITOR_DAYS,
            dead_days: DEAD_DAYS,
        };
    };
    let engine = |text: &str| (text == "sqlite").then_some(Engine::Sqlite);
    let settings = StoreSettings {
        engine: section.parsed("engine", "`sqlite`", engine).unwrap_or(Engine::Sqlite),
        path: section.parsed("path", STORE_EXPECTED, |text| store_file(text, directory)).unwrap_or(file),
        dedup_days: section.whole("dedup_days", DAYS, DEDUP_DAYS),
        log_days: section.whole("log_days", DAYS, LOG_DAYS),
        visitor_days: section.whole("visitor_days", 1..=VISITOR_DAYS, VISITOR_DAYS),
        dead_days: section.whole("dead_days", DAYS, DEAD_DAYS),
    };
    section.close();
    settings
}

/// The file's path, if it can be that of a file.
fn store_file(text: &str, directory: &Path) -> Option<PathBuf> {
    let path = directory.join(text);
    (!text.trim().is_empty() && !text.ends_with('/') && !path.is_dir()).then_some(path)
}

const STORE_EXPECTED: &str = "the path of a file such as `data/anytrack.db`";
const DAYS: RangeInclusive<u32> = 1..=3650;
const DEDUP_DAYS: u32 = 30;
const LOG_DAYS: u32 = 30;
const DEAD_DAYS: u32 = 90;
/// The longest life browsers grant a cookie (RFC 6265bis, section 5.5): without it nobody comes back as themselves.
const VISITOR_DAYS: u32 = 400;

/// Reads `[tag]`.
pub(super) fn tag(section: Option<Section<'_, '_>>, document: &Document<'_>) -> TagSettings {
    let default = || document.assets.to_path_buf();
    let Some(mut section) = section else { return TagSettings { assets: default() } };
    let assets = path(&mut section, "assets", document.directory).unwrap_or_else(default);
    section.close();
    TagSettings { assets }
}

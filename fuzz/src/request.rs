//! Requests at the door: events from pages and servers, pixels, erasing, cookies, and every header that is read.
//!
//! An input is a request as HTTP text. It meets a relay with an empty store, and is judged by the answer and by what
//! the store then holds. How HTTP itself is read is hyper's; signatures of sources are `source`'s.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::Request;
use http::header::SET_COOKIE;
use http_body_util::{BodyExt, Full};
use relay::collect::assets::Assets;
use relay::collect::http::{Relay, answer};
use relay::config::Config;
use relay::metrics::Metrics;
use relay::pipeline::Steps;
use relay::store::Store;
use relay::store::memory::MemoryStore;
use shared::limits;

use crate::check;
use crate::seeds::{files, recorded, text};
use crate::stage::{NOW, configure, runtime};

/// Sends a request to a relay that knows nobody.
pub fn run(bytes: &[u8]) {
    let Some(request) = parse(bytes) else { return };
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Steps::new(&CONFIG)));
    let relay = Relay::new(&CONFIG, store.clone(), Arc::new(Metrics::default()), Assets::default(), || NOW);
    runtime(async {
        let reply = answer(&relay, request, PROXY).await;
        assert!(!reply.status().is_server_error(), "{reply:?}");
        for cookie in reply.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            assert!(
                cookie.contains("; Path=/; Max-Age=") && cookie.ends_with("; Secure; SameSite=Lax"),
                "{cookie}"
            );
        }
        let body = reply.into_body().collect().await.expect("answers are whole").to_bytes();
        check::shown(&String::from_utf8_lossy(&body));
        let logged = store.read(0, limits::BATCH + 1).await.expect("readable");
        logged.iter().for_each(|logged| check::event(&logged.event));
    });
}

/// A request line, headers, an empty line, a body.
fn parse(bytes: &[u8]) -> Option<Request<Full<Bytes>>> {
    let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        request = request.header(name, value.get(1..)?.trim_ascii());
    }
    let body = Bytes::copy_from_slice(body.get(2..).unwrap_or_default());
    request.body(Full::new(body)).ok()
}

/// Requests as the tag and servers send them: one for each of the events of `preview`'s tests, and by each way in.
pub fn seeds() -> Vec<Vec<u8>> {
    let events = files(&recorded("preview/events")).into_iter().map(|path| text(&path));
    let track = |event: String| format!("POST /v1/track HTTP/1.1\nauthorization: Bearer {KEY}\n\n{event}");
    events.map(track).map(String::into_bytes).collect()
}

/// The key of the site's server.
const KEY: &str = "key-of-the-shop-0123456789";

/// Who delivers the request: a proxy, so that `X-Forwarded-For` is read.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    configure(&format!(
        r#"
        [server]
        public_url = "https://t.shop.example"
        trusted_proxies = ["127.0.0.1/32", "10.0.0.0/8"]
        [[site]]
        key = "shop"
        origins = ["https://shop.example"]
        api_keys = ["{KEY}"]
        country = "GB"
        [site.tag]
        make_cookies = ["_fbp", "_fbc", "_uetvid", "_ga"]
        consent = "regional"
        country_header = "cf-ipcountry"
        [site.tag.auto]
        [[source]]
        name = "network"
        site = "shop"
        kind = "postback"
        network = "everflow"
        token = "made-up-token-0123456789"
        "#
    ))
});

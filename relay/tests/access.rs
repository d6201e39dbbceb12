//! Access tokens: fetched once, renewed in time and when refused, kept across restarts, and never asked for twice at
//! once; refresh tokens used before they die of not being used. A scripted HTTP server plays token endpoint and platform; the clock is a number.

mod plain;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use relay::distribute::HttpClient;
use relay::distribute::access::Access;
use relay::distribute::courier::{Carried, Courier};
use relay::distribute::pace::Pace;
use relay::distribute::stop::Stop;
use relay::platform::{
    Body, Built, Call, Credentials, Grant, Header, Limits, Outcome, Outgoing, Planned, Platform, Request,
    Response, Text,
};
use relay::secret::Secret;
use relay::store::Store;
use relay::store::memory::MemoryStore;
use shared::time::{DAY_MS, HOUR_MS};
use shared::{Sha256Hex, UnixMs};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A platform whose calls need a token: 200 delivers, 401 is unauthorized.
#[derive(Debug)]
struct Guarded {
    base: String,
    /// The refresh token of the settings.
    refresh: &'static str,
}

impl Platform for Guarded {
    fn build(&self, _: &[Outgoing<'_>], _: UnixMs) -> Built {
        Built::default()
    }

    fn read(&self, _: Call, response: &Response, events: usize, _: UnixMs) -> Vec<Outcome> {
        let outcome = match response {
            Response::Answer { status: 200, .. } => Outcome::Delivered,
            other => Outcome::Unauthorized { reason: format!("{other:?}") },
        };
        vec![outcome; events]
    }

    fn limits(&self) -> Limits {
        Limits { batch: 1, concurrency: 4, pace_ms: 0, retry_for_ms: 0 }
    }

    fn credentials(&self) -> Option<&dyn Credentials> {
        Some(self)
    }
}

impl Credentials for Guarded {
    fn origin(&self) -> Option<Sha256Hex> {
        Some(Sha256Hex::of(self.refresh))
    }

    fn request(&self, kept: Option<&Secret>, _: UnixMs) -> Request {
        let settings = Secret::new(self.refresh);
        let body = Body::Form(Text::from("").secret(kept.unwrap_or(&settings)));
        request(&self.base, "token", Vec::new(), body)
    }

    fn renew_unused_ms(&self) -> Option<i64> {
        Some(30 * DAY_MS)
    }

    /// `access until-ms [refresh]`.
    fn read(&self, response: &Response, _: UnixMs) -> Result<Grant, Outcome> {
        match response {
            Response::Answer { status: 200, body, .. } => {
                let text = String::from_utf8_lossy(body).into_owned();
                let words: Vec<&str> = text.split(' ').collect();
                Ok(Grant {
                    access: Secret::new(words[0]),
                    until: UnixMs(words[1].parse().expect("a time")),
                    refresh: words.get(2).map(|word| Secret::new(*word)),
                })
            }
            other => Err(Outcome::Unauthorized { reason: format!("{other:?}") }),
        }
    }
}

fn request(base: &str, path: &str, headers: Vec<Header>, body: Body) -> Request {
    let url = format!("{base}/{path}").parse().expect("an address");
    Request { method: "POST", url, headers, body, public_only: false }
}

/// What the server is asked: path, bearer token or body.
type Asked = (String, String);
/// What it answers: status and text.
type Script = Box<dyn FnMut(&Asked) -> (u16, String) + Send>;

/// A server that follows a script and writes down what it was asked.
async fn server(script: Script) -> (String, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (script, log) = (Arc::new(Mutex::new(script)), asked.clone());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (script, log) = (script.clone(), log.clone());
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (script, log) = (script.clone(), log.clone());
                async move {
                    let path = request.uri().path().trim_start_matches('/').to_owned();
                    let bearer = request.headers().get("authorization").cloned();
                    let body = request.into_body().collect().await.expect("a body").to_bytes();
                    let given = bearer.as_ref().map_or(&*body, |value| value.as_bytes());
                    let asked = (path, String::from_utf8_lossy(given).into_owned());
                    let (status, text) = (script.lock().expect("unpoisoned"))(&asked);
                    log.lock().expect("unpoisoned").push(asked);
                    let mut answer = http::Response::new(Full::new(Bytes::from(text)));
                    *answer.status_mut() = http::StatusCode::from_u16(status).expect("a status");
                    Ok::<_, Infallible>(answer)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    (base, asked)
}

/// A courier of a relay that has just started, on a store that may know something.
fn courier(base: &str, refresh: &'static str, store: &Arc<dyn Store>, now: fn() -> UnixMs) -> Courier {
    let destination = plain::destination(Guarded { base: base.to_owned(), refresh });
    let client = HttpClient::new(Duration::from_secs(5));
    let access = Access::new("d", store.clone(), client.clone(), now);
    let (access, pace) = (Arc::new(access), Arc::new(Pace::new(Duration::ZERO)));
    Courier { destination, client, access, pace, complaints: Arc::default(), now }
}

fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(relay::pipeline::decide))
}

async fn carry(courier: &Courier, base: &str) -> Carried {
    carry_before(&Stop::never(), courier, base).await.expect("nobody asks for a stop")
}

async fn carry_before(stop: &Stop, courier: &Courier, base: &str) -> Option<Carried> {
    let request = request(base, "take", vec![Header::bearer_to_fetch()], Body::Empty);
    courier.carry(Planned { call: "take", request, events: vec![0], quality: Vec::new() }, stop).await
}

fn of(asked: &Mutex<Vec<Asked>>, path: &str) -> Vec<String> {
    let asked = asked.lock().expect("unpoisoned");
    asked.iter().filter(|(of, _)| of == path).map(|(_, given)| given.clone()).collect()
}

/// Grants `a1`, `a2` … for a thousand milliseconds each; takes whatever `takes` allows.
fn granting(takes: impl Fn(&str) -> bool + Send + 'static, now: fn() -> UnixMs) -> Script {
    let mut granted = 0;
    Box::new(move |(path, given)| match path.as_str() {
        "token" => {
            granted += 1;
            (200, format!("a{granted} {}", now().0 + 1_000))
        }
        _ if takes(given) => (200, String::new()),
        _ => (401, String::new()),
    })
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_until_it_ends() {
    static NOW: AtomicI64 = AtomicI64::new(5_000);
    let now = || UnixMs(NOW.load(Ordering::Relaxed));
    let (base, asked) = server(granting(|_| true, now)).await;
    let courier = courier(&base, "r0", &store(), now);
    let first = tokio::join!(
        carry(&courier, &base),
        carry(&courier, &base),
        carry(&courier, &base),
        carry(&courier, &base)
    );
    for carried in [first.0, first.1, first.2, first.3] {
        assert_eq!(carried.outcomes, [Outcome::Delivered]);
    }
    assert_eq!(of(&asked, "token"), ["r0"], "four that come at once ask once");
    NOW.store(6_000, Ordering::Relaxed);
    carry(&courier, &base).await;
    assert_eq!(of(&asked, "token").len(), 2);
    assert_eq!(of(&asked, "take"), ["Bearer a1", "Bearer a1", "Bearer a1", "Bearer a1", "Bearer a2"]);
}

/// A request may take five seconds, for which there is no time in the first cases.
#[tokio::test]
async fn a_stop_sends_nothing_for_which_a_token_came_too_late() {
    let now = || UnixMs(0);
    for (seconds, asked_by, expected) in
        [(5, "token", (1, 0)), (5, "take", (1, 1)), (60, "token", (2, 2)), (60, "take", (2, 2))]
    {
        let (ask, stopping) = watch::channel(false);
        let mut answer = granting(|given| given != "Bearer a1", now);
        let script: Script = Box::new(move |asked: &Asked| {
            if asked.0 == asked_by {
                ask.send_replace(true);
            }
            answer(asked)
        });
        let (base, asked) = server(script).await;
        let courier = courier(&base, "r0", &store(), now);
        let stop = Stop::new(stopping, Duration::from_secs(seconds));
        let carried = carry_before(&stop, &courier, &base).await;
        assert_eq!((of(&asked, "token").len(), of(&asked, "take").len()), expected, "{seconds} {asked_by}");
        assert_eq!(carried.is_some(), seconds == 60);
    }
}

#[tokio::test]
async fn a_token_refused_before_its_time_is_renewed_once() {
    let now = || UnixMs(0);
    let (base, asked) = server(granting(|given| given != "Bearer a1", now)).await;
    let courier = courier(&base, "r0", &store(), now);
    let carried = carry(&courier, &base).await;
    assert_eq!((carried.outcomes, of(&asked, "take").len()), (vec![Outcome::Delivered], 2));
    assert_eq!(carry(&courier, &base).await.outcomes, [Outcome::Delivered]);
    assert_eq!(of(&asked, "token").len(), 2);
}

#[tokio::test]
async fn a_platform_that_refuses_every_token_is_asked_twice() {
    let now = || UnixMs(0);
    let (base, asked) = server(granting(|_| false, now)).await;
    let courier = courier(&base, "r0", &store(), now);
    let carried = carry(&courier, &base).await;
    assert_eq!(carried.outcomes[0].tag(), "unauthorized");
    assert!(carried.reached());
    assert_eq!((of(&asked, "take").len(), of(&asked, "token").len()), (2, 2));
}

#[tokio::test]
async fn a_right_that_is_missing_costs_no_other_token() {
    let script: Script = Box::new(|(path, _)| match path.as_str() {
        "token" => (200, "a1 1000".to_owned()),
        _ => (403, String::new()),
    });
    let (base, asked) = server(script).await;
    let courier = courier(&base, "r0", &store(), || UnixMs(0));
    for times in 1..=3 {
        assert_eq!(carry(&courier, &base).await.outcomes[0].tag(), "unauthorized");
        assert_eq!((of(&asked, "take").len(), of(&asked, "token").len()), (times, 1));
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_all_share_the_reason() {
    let (base, asked) = server(Box::new(|_| (400, "invalid_grant".to_owned()))).await;
    let courier = courier(&base, "r0", &store(), || UnixMs(0));
    let (one, two) = tokio::join!(carry(&courier, &base), carry(&courier, &base));
    for carried in [one, two] {
        assert_eq!(carried.outcomes[0].tag(), "unauthorized");
        assert!(!carried.reached());
    }
    assert_eq!((of(&asked, "token").len(), of(&asked, "take").len()), (1, 0));
}

/// Each refresh token serves once and is replaced.
fn rotating(mut good: Vec<&'static str>) -> Script {
    Box::new(move |(path, given)| match path.as_str() {
        "token" if good.first() == Some(&given.as_str()) => {
            good.remove(0);
            let next = good.first().map(|next| format!(" {next}")).unwrap_or_default();
            (200, format!("access-by-{given} 1000{next}"))
        }
        "token" => (400, "invalid_grant".to_owned()),
        _ => (200, String::new()),
    })
}

#[tokio::test]
async fn a_replaced_refresh_token_survives_a_restart() {
    let (base, asked) = server(rotating(vec!["r0", "r1", "r2"])).await;
    let store = store();
    for _ in 0..2 {
        let courier = courier(&base, "r0", &store, || UnixMs(0));
        assert_eq!(carry(&courier, &base).await.outcomes, [Outcome::Delivered]);
    }
    assert_eq!(of(&asked, "token"), ["r0", "r1"]);
}

#[tokio::test]
async fn a_new_refresh_token_in_the_settings_replaces_the_kept_one() {
    let (base, asked) = server(rotating(vec!["r0", "r1"])).await;
    let store = store();
    carry(&courier(&base, "r0", &store, || UnixMs(0)), &base).await;
    // The operator has consented anew: what was kept belongs to the old settings and is not tried.
    let outcome = carry(&courier(&base, "r1", &store, || UnixMs(0)), &base).await.outcomes;
    assert_eq!((outcome, of(&asked, "token")), (vec![Outcome::Delivered], vec!["r0".into(), "r1".into()]));
}

#[tokio::test]
async fn a_kept_refresh_token_that_died_gives_way_to_that_of_the_settings() {
    let (base, asked) = server(rotating(vec!["r0"])).await;
    let store = store();
    let line = format!("{} dead", Sha256Hex::of("r0").to_hex());
    store.remember("d", "refresh_token", Secret::new(line)).await.expect("kept");
    let outcome = carry(&courier(&base, "r0", &store, || UnixMs(0)), &base).await.outcomes;
    assert_eq!((outcome, of(&asked, "token")), (vec![Outcome::Delivered], vec!["dead".into(), "r0".into()]));
}

#[tokio::test]
async fn a_refresh_token_that_nobody_needs_is_used_before_it_dies() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let now = || UnixMs(NOW.load(Ordering::Relaxed));
    let (base, asked) = server(rotating(vec!["r0", "r1", "r2", "r3", "r4", "r5"])).await;
    let store = store();
    let mut relay = courier(&base, "r0", &store, now);
    let mut expected: Vec<&str> = Vec::new();
    for (day, restarted, used) in [
        // Nobody knows how old it was when it came here.
        (0, false, None),
        (29, false, None),
        (30, false, Some("r0")),
        (30, false, None),
        (59, true, None),
        (60, false, Some("r1")),
        (89, true, None),
        (90, true, Some("r2")),
    ] {
        NOW.store(day * DAY_MS, Ordering::Relaxed);
        if restarted {
            relay = courier(&base, "r0", &store, now);
        }
        relay.renew().await;
        expected.extend(used);
        assert_eq!(of(&asked, "token"), expected, "on day {day}");
    }
    // An event that needs it is a use like any other.
    NOW.store(100 * DAY_MS, Ordering::Relaxed);
    assert_eq!(carry(&relay, &base).await.outcomes, [Outcome::Delivered]);
    NOW.store(129 * DAY_MS, Ordering::Relaxed);
    relay.renew().await;
    assert_eq!(of(&asked, "token").last().map(String::as_str), Some("r3"));
    // A clock that was far ahead puts it off by no more than the same again.
    NOW.store(9_000 * DAY_MS, Ordering::Relaxed);
    relay.renew().await;
    for (day, times) in [(200, 5), (229, 5), (230, 6)] {
        NOW.store(day * DAY_MS, Ordering::Relaxed);
        courier(&base, "r0", &store, now).renew().await;
        assert_eq!(of(&asked, "token").len(), times, "on day {day}");
    }
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_after_an_hour() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let now = || UnixMs(NOW.load(Ordering::Relaxed));
    let (base, asked) = server(Box::new(|_| (503, String::new()))).await;
    let courier = courier(&base, "r0", &store(), now);
    courier.renew().await;
    for (after_ms, times) in [(-1, 0), (0, 1), (1_000, 1), (HOUR_MS - 1, 1), (HOUR_MS, 2)] {
        NOW.store(30 * DAY_MS + after_ms, Ordering::Relaxed);
        courier.renew().await;
        assert_eq!(of(&asked, "token").len(), times, "{after_ms} ms after it was due");
    }
}

/// A plain platform whose calls need a token.
#[derive(Debug)]
struct Renewing {
    plain: plain::Plain,
    tokens: Guarded,
}

impl Platform for Renewing {
    fn build(&self, events: &[Outgoing<'_>], now: UnixMs) -> Built {
        let mut built = self.plain.build(events, now);
        built.requests.iter_mut().for_each(|planned| planned.request.headers.push(Header::bearer_to_fetch()));
        built
    }

    fn read(&self, call: Call, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome> {
        self.plain.read(call, response, events, now)
    }

    fn limits(&self) -> Limits {
        self.plain.limits()
    }

    fn credentials(&self) -> Option<&dyn Credentials> {
        Some(&self.tokens)
    }
}

/// A platform that takes each of its tokens for ten requests, whatever it said of its end: what it delivered, and how many
/// tokens it granted.
#[derive(Debug, Default)]
struct Fickle {
    granted: usize,
    uses: usize,
    refused: usize,
    delivered: BTreeMap<String, usize>,
}

impl Fickle {
    fn answer(&mut self, bearer: Option<&str>, body: &[u8]) -> (u16, String) {
        let Some(bearer) = bearer else {
            (self.granted, self.uses) = (self.granted + 1, 0);
            return (200, format!("a{} {}", self.granted, i64::MAX));
        };
        self.uses += 1;
        if bearer != format!("Bearer a{}", self.granted) || self.uses > 10 {
            self.refused += 1;
            return (401, String::new());
        }
        let ids: Vec<String> = serde_json::from_slice(body).expect("ids");
        ids.into_iter().for_each(|id| *self.delivered.entry(id).or_default() += 1);
        (200, String::new())
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_backlog_loses_and_doubles_nothing() {
    let fickle = Arc::new(Mutex::new(Fickle::default()));
    let asked = fickle.clone();
    let handler: plain::Handler = Arc::new(move |head, body| {
        let bearer = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let answer = asked.lock().expect("unpoisoned").answer(bearer, &body);
        Box::pin(std::future::ready(answer))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(plain::converse(socket, handler.clone(), true));
        }
    });
    let store = plain::store().await;
    plain::append(&store, 1..=1_000).await;
    let url = format!("{base}/take").parse().expect("an address");
    // Ten requests of five events in a turn, two of them at once.
    let plain = plain::Plain { request: 5, ..plain::Plain::at(url, 50) };
    let bench = plain::Bench::of(store, Renewing { plain, tokens: Guarded { base, refresh: "r0" } });
    let backlog = bench.until(plain::settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (1_000, 0));
    bench.stop().await;
    let fickle = fickle.lock().expect("unpoisoned");
    assert_eq!(fickle.delivered.len(), 1_000);
    assert!(fickle.delivered.values().all(|times| *times == 1), "{fickle:?}");
    assert_eq!(fickle.granted, 20, "one token for ten requests");
    assert!((19..=38).contains(&fickle.refused), "{}: two at once are refused at most", fickle.refused);
}

#[tokio::test]
async fn a_worker_with_nothing_to_deliver_renews_too() {
    let (base, asked) = server(rotating(vec!["r0", "r1"])).await;
    let store = plain::store().await;
    courier(&base, "r0", &store, || UnixMs(0)).renew().await;
    assert!(of(&asked, "token").is_empty(), "it was first seen just then");
    let url = format!("{base}/take").parse().expect("an address");
    let platform = Renewing { plain: plain::Plain::at(url, 1), tokens: Guarded { base, refresh: "r0" } };
    let bench = plain::Bench::of(store, platform);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while of(&asked, "token").is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nobody renews");
        tokio::task::yield_now().await;
    }
    bench.stop().await;
    assert_eq!(of(&asked, "token"), ["r0"]);
}

//! Destinations that fail: names that stop resolving, certificates that are not to be trusted, platforms that flap, fall
//! silent or refuse a thousand events for one. Nothing is lost, nothing doubled, and the others notice nothing.

mod plain;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plain::{Bench, HOUR, Handler, Plain, append, converse, following, server, settled, store, worker};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use relay::distribute::resolve::Resolve;
use relay::distribute::{HttpClient, Worker};
use relay::platform::{Body, Request, Response, Text};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use shared::UnixMs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// Sends a thousand events in one batch to a platform that refuses whole what holds one of `bad`. How many requests
/// followed the first, and the dead letters.
async fn thousand(bad: &'static [&'static str]) -> (usize, Vec<String>) {
    let refuses = |ids: &[String]| ids.iter().any(|id| bad.contains(&id.as_str()));
    let (url, mut requests) = server(Box::new(move |ids| if refuses(ids) { 400 } else { 200 })).await;
    let bench = Bench::start(url, 1_000, 1_000, HOUR).await;
    bench.until(settled).await;
    let dead = bench.store.dead_letters("d", 10).await.expect("dead letters");
    bench.stop().await;
    let (mut delivered, mut sent) = (BTreeMap::<String, usize>::new(), Vec::new());
    while let Ok((ids, status)) = requests.try_recv() {
        sent.push(ids.len());
        if status == 200 {
            ids.into_iter().for_each(|id| *delivered.entry(id).or_default() += 1);
        }
    }
    assert_eq!(sent[0], 1_000);
    assert_eq!(delivered.len(), 1_000 - bad.len(), "{sent:?}");
    assert!(delivered.values().all(|times| *times == 1), "delivered twice: {sent:?}");
    assert!(sent.iter().filter(|events| **events == 1).count() >= bad.len(), "{sent:?}");
    (sent.len() - 1, dead.into_iter().map(|letter| letter.event_id).collect())
}

#[tokio::test]
async fn one_poisoned_event_among_a_thousand_is_found_with_ten_requests() {
    // Ten halve a thousand to one; one hears the reason for it alone, one brings what was set aside.
    for (bad, most) in
        [(&["e1"], 11), (&["e2"], 12), (&["e500"], 12), (&["e501"], 12), (&["e777"], 12), (&["e1000"], 12)]
    {
        let (further, dead) = thousand(bad).await;
        assert_eq!(dead, *bad);
        assert!((10..=most).contains(&further), "{bad:?}: {further}");
    }
    let (further, dead) = thousand(&["e3", "e999"]).await;
    assert_eq!(dead.len(), 2);
    assert!(further <= 24, "{further}");
}

#[tokio::test]
async fn a_platform_that_flaps_gets_everything_once() {
    let mut turn = 0;
    // Three fail, two are taken, over and over.
    let flapping = move |_: &[String]| {
        turn += 1;
        if turn % 5 < 3 { [503, 429, 500][turn % 3] } else { 200 }
    };
    let (url, mut requests) = server(Box::new(flapping)).await;
    let bench = Bench::start(url, 200, 10, HOUR).await;
    let backlog = bench.until(settled).await;
    assert_eq!(backlog.dead, 0);
    bench.stop().await;
    let (mut delivered, mut failed) = (BTreeMap::<String, usize>::new(), 0);
    while let Ok((ids, status)) = requests.try_recv() {
        failed += usize::from(status != 200);
        ids.into_iter().filter(|_| status == 200).for_each(|id| *delivered.entry(id).or_default() += 1);
    }
    assert_eq!(delivered.len(), 200);
    assert!(failed > 10 && delivered.values().all(|times| *times == 1), "{failed}: {delivered:?}");
}

#[tokio::test]
async fn a_destination_in_trouble_is_probed_by_one_request_at_a_time() {
    let (well, is_well) = watch::channel(false);
    let (report, mut reports) = mpsc::unbounded_channel();
    let flying = Arc::new(AtomicUsize::new(0));
    let handler: Handler = Arc::new(move |_, body| {
        let (report, flying, status) =
            (report.clone(), flying.clone(), if *is_well.borrow() { 200 } else { 503 });
        Box::pin(async move {
            let together = flying.fetch_add(1, Ordering::SeqCst) + 1;
            // Room for another to come meanwhile.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            flying.fetch_sub(1, Ordering::SeqCst);
            let ids: Vec<String> = serde_json::from_slice(&body).expect("ids");
            let _ = report.send((together, ids.len(), status));
            (status, String::new())
        })
    });
    let url = listening("http", "127.0.0.1", handler).await;
    let store = store().await;
    append(&store, 1..=60).await;
    // Up to ten requests of two events in a turn, two of them at once.
    let bench = Bench::of(store, Plain { request: 2, ..Plain::at(url, 20) });
    let mut probes = 0;
    while probes < 5 {
        let (together, events, _) = reports.recv().await.expect("a request");
        if (together, events) == (1, 1) {
            probes += 1;
            assert!(!bench.is_up(), "the metrics tell of the trouble");
        } else {
            assert_eq!(probes, 0, "{together} at once with {events} events after the first failure");
        }
    }
    well.send_replace(true);
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (60, 0));
    assert!(bench.is_up());
    bench.stop().await;
}

/// Listens on an address of this machine and answers with `handler`, one request to a connection.
async fn listening(scheme: &str, address: &str, handler: Handler) -> url::Url {
    let listener = TcpListener::bind((address, 0)).await.expect("a port");
    let url = format!("{scheme}://{}/take", listener.local_addr().expect("an address"));
    tokio::spawn(answering(listener, handler));
    url.parse().expect("an address")
}

async fn answering(listener: TcpListener, handler: Handler) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(converse(socket, handler.clone(), false));
    }
}

/// A client that looks names up in a table and trusts this authority alone.
fn client(timeout_ms: u64, table: Arc<Mutex<Option<[u8; 4]>>>, trust: RootCertStore) -> HttpClient {
    let resolve = Resolve::by(move |name| match *table.lock().expect("unpoisoned") {
        Some(address) if name == NAME => Ok(vec![SocketAddr::from((address, 0))]),
        _ => Err(std::io::Error::other("failed to lookup address information: Name or service not known")),
    });
    let tls = ClientConfig::builder().with_root_certificates(trust).with_no_client_auth();
    HttpClient::within(Duration::from_millis(timeout_ms), resolve, tls)
}

/// The platform's name, which no name server knows (RFC 2606).
const NAME: &str = "platform.example";
const HERE: [u8; 4] = [127, 0, 0, 1];

#[tokio::test]
async fn a_name_that_stops_resolving_is_waited_for_and_followed_when_it_moves() {
    let (handler, mut requests) = following(Box::new(|_| 200));
    let here = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = here.local_addr().expect("an address").port();
    let elsewhere = TcpListener::bind(("127.0.0.2", port)).await.expect("the same port elsewhere");
    let at_first = tokio::spawn(answering(here, handler.clone()));
    tokio::spawn(answering(elsewhere, handler));
    let table = Arc::new(Mutex::new(Some(HERE)));
    let store = store().await;
    append(&store, 1..=5).await;
    let url = format!("http://{NAME}:{port}/take").parse().expect("an address");
    let client = client(5_000, table.clone(), RootCertStore::empty());
    let bench = Bench::at_work(Worker { client, ..worker(&store, Plain::at(url, 10)) });
    bench.until(|backlog| backlog.cursor == 5 && backlog.pending == 0).await;
    *table.lock().expect("unpoisoned") = None;
    at_first.abort();
    append(&store, 6..=8).await;
    let pending = bench.until_it_says("Name or service not known").await;
    assert!(pending.reason.contains("no connection"), "{}", pending.reason);
    assert_eq!(pending.reached, None, "it uses up no dedup window");
    assert!(!bench.is_up());
    *table.lock().expect("unpoisoned") = Some([127, 0, 0, 2]);
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (8, 0));
    bench.stop().await;
    let mut ids = Vec::new();
    while let Ok((batch, _)) = requests.try_recv() {
        ids.extend(batch);
    }
    ids.sort();
    assert_eq!(ids, ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8"]);
}

/// An authority of our own, whose certificates the client trusts.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority of our own");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("signed").der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn trust(&self) -> RootCertStore {
        let mut trust = RootCertStore::empty();
        trust.add(self.certificate.clone()).expect("a certificate");
        trust
    }

    /// A server's side of TLS with a certificate for `name`, good until `year`.
    fn vouches_for(&self, name: &str, year: i32) -> TlsAcceptor {
        let (params, key) = asked_for(name, year);
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        acceptor(certificate.der().clone(), &key)
    }
}

fn asked_for(name: &str, year: i32) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    (params, KeyPair::generate().expect("a key"))
}

/// A certificate that nobody but its owner vouches for.
fn self_signed() -> TlsAcceptor {
    let (params, key) = asked_for(NAME, 2100);
    acceptor(params.self_signed(&key).expect("signed").der().clone(), &key)
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")))
}

#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_ends_it_before_anything_is_sent() {
    let authority = Authority::new();
    let (handler, mut requests) = following(Box::new(|_| 200));
    let (show, shown) = watch::channel(self_signed());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, handler) = (shown.borrow().clone(), handler.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(socket).await {
                    converse(stream, handler, false).await;
                }
            });
        }
    });
    let store = store().await;
    append(&store, 1..=3).await;
    let url = format!("https://{NAME}:{port}/take").parse().expect("an address");
    let client = client(5_000, Arc::new(Mutex::new(Some(HERE))), authority.trust());
    let platform = Plain { retry_for_ms: 0, ..Plain::at(url, 10) };
    let bench = Bench::at_work(Worker { client, ..worker(&store, platform) });
    for (certificate, said) in [
        (self_signed(), "UnknownIssuer"),
        (authority.vouches_for(NAME, 2021), "certificate expired"),
        (authority.vouches_for("another.example", 2100), "not valid for name"),
    ] {
        show.send_replace(certificate);
        let pending = bench.until_it_says(said).await;
        assert!(pending.reason.contains("no connection"), "{}", pending.reason);
        assert_eq!(pending.reached, None, "it uses up no dedup window");
        assert!(!bench.is_up());
    }
    assert!(requests.try_recv().is_err(), "nothing was sent");
    show.send_replace(authority.vouches_for(NAME, 2100));
    let backlog = bench.until(settled).await;
    assert_eq!((backlog.cursor, backlog.dead), (3, 0));
    bench.stop().await;
}

/// A server that takes connections and says nothing: how many came, and how many live.
async fn silent() -> (u16, watch::Receiver<(usize, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (count, counted) = watch::channel((0, 0));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.send_modify(|(came, live)| (*came, *live) = (*came + 1, *live + 1));
            let count = count.clone();
            tokio::spawn(async move {
                let _ended = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
                count.send_modify(|(_, live)| *live -= 1);
            });
        }
    });
    (port, counted)
}

#[tokio::test]
async fn a_platform_that_takes_connections_and_never_answers_costs_itself_alone() {
    let (port, mut counted) = silent().await;
    let (url, mut requests) = server(Box::new(|_| 200)).await;
    let store = store().await;
    append(&store, 1..=20).await;
    let client = client(100, Arc::default(), RootCertStore::empty());
    let mute =
        Plain { request: 2, ..Plain::at(format!("http://127.0.0.1:{port}/").parse().expect("one"), 10) };
    let bench = Bench::at_work(Worker { client: client.clone(), ..worker(&store, mute) });
    // The other destination of the same relay shares client and store.
    store.cursor("other", true).await.expect("a cursor");
    let mut other = worker(&store, Plain::at(url, 10));
    let named = Arc::get_mut(&mut other.destination).expect("nobody else's");
    named.name = "other".to_owned();
    let other = Bench::at_work(Worker { client, ..other });
    append(&store, 21..=40).await;
    for _ in 0..2 {
        let (ids, _) = requests.recv().await.expect("the other destination goes on");
        assert_eq!(ids.len(), 10);
    }
    other.stop().await;
    let tried = |(came, live): &(usize, usize)| {
        assert!(*live <= 2, "{live} connections live: the platform's concurrency is 2");
        *came >= 6
    };
    counted.wait_for(tried).await.expect("it is tried again");
    let pending = bench.until_it_says("no answer within 100 ms").await;
    assert!(pending.reached.is_some(), "it may have arrived");
    assert!(!bench.is_up());
    bench.stop().await;
    counted.wait_for(|(_, live)| *live == 0).await.expect("no connection is left behind");
    assert_eq!(store.backlog("d").await.expect("a backlog").dead, 0);
}

#[tokio::test]
async fn a_platform_that_never_says_who_it_is_was_not_reached() {
    let (port, mut counted) = silent().await;
    let store = store().await;
    append(&store, 1..=3).await;
    let url = format!("https://{NAME}:{port}/").parse().expect("an address");
    let client = client(100, Arc::new(Mutex::new(Some(HERE))), Authority::new().trust());
    let platform = Plain { retry_for_ms: 0, ..Plain::at(url, 10) };
    let bench = Bench::at_work(Worker { client, ..worker(&store, platform) });
    let pending = bench.until_it_says("no connection").await;
    assert!(pending.reason.contains("within 50 ms"), "{}", pending.reason);
    assert_eq!(pending.reached, None, "it uses up no dedup window");
    bench.stop().await;
    counted.wait_for(|(_, live)| *live == 0).await.expect("no connection is left behind");
}

#[tokio::test]
async fn a_public_name_that_leads_into_the_house_is_not_followed() {
    let (url, mut requests) = server(Box::new(|_| 200)).await;
    let port = url.port().expect("a port");
    let table = Arc::new(Mutex::new(Some(HERE)));
    let client = client(5_000, table, RootCertStore::empty());
    let ask = |public_only| Request {
        method: "POST",
        url: format!("http://{NAME}:{port}/take").parse().expect("an address"),
        headers: Vec::new(),
        body: Body::Json(Text::json(&["e1"])),
        public_only,
    };
    let said = client.send(&ask(true), UnixMs(0)).await;
    assert!(matches!(&said, Response::NotSent(why) if why.contains("private network")), "{said:?}");
    assert!(requests.try_recv().is_err(), "nothing was sent");
    let said = client.send(&ask(false), UnixMs(0)).await;
    assert!(matches!(said, Response::Answer { status: 200, .. }), "{said:?}");
}

/// A server that answers one request so and, unless it `stays`, hangs up.
async fn answers(answer: String, stays: bool) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/take", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let (mut request, mut piece) = (Vec::<u8>::new(), [0; 1_024]);
        while !request.ends_with(b"[\"e1\"]") {
            let read = socket.read(&mut piece).await.expect("a request");
            assert_ne!(read, 0, "the request is whole");
            request.extend_from_slice(&piece[..read]);
        }
        // Who has read enough may have hung up.
        let _heard = socket.write_all(answer.as_bytes()).await;
        if stays {
            std::future::pending::<()>().await;
        }
    });
    url.parse().expect("an address")
}

#[tokio::test]
async fn a_success_without_its_body_is_a_success_and_a_failure_without_it_is_silence() {
    let cut = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 9\r\n\r\nhalf");
    let body = "x".repeat(2_000_000);
    let long = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let client = client(500, Arc::default(), RootCertStore::empty());
    let ask = async |answer: String, stays: bool| {
        let request = Request {
            method: "POST",
            url: answers(answer, stays).await,
            headers: Vec::new(),
            body: Body::Json(Text::json(&["e1"])),
            public_only: false,
        };
        client.send(&request, UnixMs(0)).await
    };
    for (answer, stays) in [(cut("200 OK"), false), (cut("200 OK"), true), (long("202 Accepted"), true)] {
        let said = ask(answer, stays).await;
        let is_taken = matches!(&said, Response::Answer { status: 200 | 202, body, .. } if body.is_empty());
        assert!(is_taken, "{said:?}");
    }
    let failed = "500 Internal Server Error";
    for (answer, stays) in [(cut(failed), false), (cut(failed), true), (long(failed), true)] {
        let said = ask(answer, stays).await;
        assert!(matches!(said, Response::NoAnswer(_)), "{said:?}");
    }
}

//! The only sender: every request that leaves the house leaves through here, over connections that are reused.
//!
//! Owns TLS, time limits, the limit on an answer's size, and the refusal of private addresses for requests that
//! must stay public ([`resolve`](super::resolve) sees to that). Redirects are never followed: an answer is for the platform's
//! reader. A certificate that is not to be trusted ends the connection before anything is sent; there is no second way.
//! Leaves retrying to the worker and meaning to the platform.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::header::{HeaderName, RETRY_AFTER, USER_AGENT};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use shared::UnixMs;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::resolve::{Guarded, PRIVATE, Resolve};
use crate::platform::address::is_public;
use crate::platform::{Request, Response};

#[expect(clippy::disallowed_types, reason = "this is the one file that sends")]
type Hyper = hyper_util::client::legacy::Client<Patient, Full<Bytes>>;

/// The sender. Cheap to clone: clones share the connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    anywhere: Hyper,
    public_only: Hyper,
    timeout: Duration,
}

impl HttpClient {
    /// A sender that gives a request `timeout` from the first byte sent to the last received, looks names up as the
    /// system does and trusts whom browsers trust.
    pub fn new(timeout: Duration) -> Self {
        Self::within(
            timeout,
            Resolve::by_system(),
            ClientConfig::builder().with_webpki_roots().with_no_client_auth(),
        )
    }

    /// The same with another way to look names up and other trust. Tests play with both.
    pub fn within(timeout: Duration, resolve: Resolve, tls: ClientConfig) -> Self {
        let connect = CONNECT_TIMEOUT.min(timeout / 2);
        let client =
            |public_only| client(Guarded { resolve: resolve.clone(), public_only }, tls.clone(), connect);
        Self { anywhere: client(false), public_only: client(true), timeout }
    }

    /// Sends one request and reads its answer. Never fails: trouble is a kind of answer, for the platform to read.
    pub async fn send(&self, request: &Request, now: UnixMs) -> Response {
        if request.public_only && literal_address(&request.url).is_some_and(|ip| !is_public(ip)) {
            return Response::NotSent(PRIVATE.to_owned());
        }
        let outgoing = match outgoing(request) {
            Ok(outgoing) => outgoing,
            Err(error) => return Response::NotSent(format!("the request cannot be written: {error}")),
        };
        let client = if request.public_only { &self.public_only } else { &self.anywhere };
        let deadline = Instant::now() + self.timeout;
        match timeout_at(deadline, client.request(outgoing)).await {
            Ok(Ok(answer)) => self.read(answer, deadline, now).await,
            Ok(Err(error)) if error.is_connect() => {
                Response::NotSent(format!("no connection: {}", causes(&error)))
            }
            Ok(Err(error)) => Response::NoAnswer(format!("the connection broke: {}", causes(&error))),
            Err(_) => self.too_late(),
        }
    }

    /// How long a request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Reads an answer whose head is there. A success without its body is one all the same: where the status says all, a repeat
    /// would count twice, and who needs the body sees that it says nothing. Of any other answer the body may say what it means,
    /// so that without it there is none.
    async fn read(&self, answer: http::Response<Incoming>, deadline: Instant, now: UnixMs) -> Response {
        let (parts, body) = answer.into_parts();
        let body = match timeout_at(deadline, Limited::new(body, LARGEST_ANSWER_BYTES).collect()).await {
            Ok(Ok(body)) => body.to_bytes().to_vec(),
            Ok(Err(_)) | Err(_) if parts.status.is_success() => Vec::new(),
            Ok(Err(_)) => return Response::NoAnswer("the answer broke off or is too large".to_owned()),
            Err(_) => return self.too_late(),
        };
        let retry_after =
            parts.headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
        let headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let headers: Vec<(String, String)> = headers.collect();
        Response::Answer { status: parts.status.as_u16(), retry_after, headers, body }
    }

    fn too_late(&self) -> Response {
        Response::NoAnswer(format!("no answer within {} ms", self.timeout.as_millis()))
    }
}

#[expect(clippy::disallowed_types, reason = "this is the one file that sends")]
fn client(resolver: Guarded, tls: ClientConfig, connect: Duration) -> Hyper {
    let mut http = HttpConnector::new_with_resolver(resolver);
    http.enforce_http(false);
    http.set_nodelay(true);
    // Shared among the addresses of a name, so that a dead one leaves time for the next.
    http.set_connect_timeout(Some(connect));
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(MOST_IDLE)
        .build(Patient { https, limit: connect })
}

/// Connects within a limit that holds for everything before the first byte of a request: name, TCP and TLS. A platform
/// that takes a connection and never says who it is has surely not got the request, and must not use up its dedup window.
#[derive(Clone, Debug)]
struct Patient {
    https: HttpsConnector<HttpConnector<Guarded>>,
    limit: Duration,
}

type Connected = Result<MaybeHttpsStream<TokioIo<TcpStream>>, Box<dyn std::error::Error + Send + Sync>>;

impl Service<Uri> for Patient {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Connected> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, limit) = (self.https.call(to), self.limit);
        Box::pin(async move {
            tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| {
                let late = format!("none within {} ms", limit.as_millis());
                Err(io::Error::new(io::ErrorKind::TimedOut, late).into())
            })
        })
    }
}

fn outgoing(request: &Request) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let mut builder = http::Request::builder().method(request.method).uri(request.url.as_str());
    builder = builder.header(USER_AGENT, concat!("anytrack-relay/", env!("CARGO_PKG_VERSION")));
    for header in &request.headers {
        let mut value = http::HeaderValue::from_str(&header.value.expose())?;
        // Whether or not it holds a secret: hyper then leaves it out of whatever it prints.
        value.set_sensitive(true);
        builder = builder.header(HeaderName::from_static(header.name), value);
    }
    builder.body(Full::new(Bytes::from(request.body.expose())))
}

/// An error with its causes in one line. hyper's errors name operations and addresses, never headers or bodies.
fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !line.ends_with(&cause_text) {
            line = format!("{line}: {cause_text}");
        }
        source = cause.source();
    }
    line
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str, now: UnixMs) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(value)?;
    Some(Duration::from_millis(u64::try_from(at.since(now)).unwrap_or(0)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of HTTP dates that is still to be written.
pub fn http_date(text: &str) -> Option<UnixMs> {
    let mut words = text.strip_suffix(" GMT")?.split_whitespace();
    let (_weekday, day, month, year, clock) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    UnixMs::parse_rfc3339(&format!("{year}-{month:02}-{day}T{clock}Z"))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The address an URL names directly, without a resolver's help.
fn literal_address(url: &url::Url) -> Option<IpAddr> {
    match url.host()? {
        url::Host::Ipv4(ip) => Some(ip.into()),
        url::Host::Ipv6(ip) => Some(ip.into()),
        url::Host::Domain(_) => None,
    }
}

/// A connection that does not come about within this time will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Platforms and load balancers drop idle connections after a minute; ours go first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Idle connections kept per host; more than any platform's concurrency.
const MOST_IDLE: usize = 32;
/// Answers are short; what is longer is not an answer.
const LARGEST_ANSWER_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_both_forms() {
        let now = UnixMs(784_111_777_000);
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(0));
        check("Sun, 06 Nov 1994 08:51:37 GMT", Some(120));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-5", None);
    }
}

//! Sends a recorded request on to where it was going, and brings the whole answer back.
//!
//! One connection per request and no redirects: a proxy passes what it is given. Only loopback addresses are
//! connected to, so a test can never reach the internet through it.

use std::io;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why a request could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    /// The address has no host or port, or names another machine.
    #[error("address is not on this machine")]
    NotLoopback,
    /// Nobody listens there.
    #[error("server cannot be reached")]
    Connect(#[from] io::Error),
    /// It listened and then broke off.
    #[error("server broke off")]
    Http(#[from] hyper::Error),
    /// The address cannot be written as a request line.
    #[error("address cannot be sent")]
    Address(#[from] http::Error),
}

/// Sends and reads to the end.
pub(super) async fn send(parts: Parts, body: Bytes) -> Result<Response<Full<Bytes>>, ForwardError> {
    let port = loopback_port(&parts.uri).ok_or(ForwardError::NotLoopback)?;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let answer = sender.send_request(onward(parts, body)?).await?;
    let (mut head, answer_body) = answer.into_parts();
    let whole = answer_body.collect().await?.to_bytes();
    drop(sender);
    driving.abort();
    strip_connection_headers(&mut head.headers);
    // The body is whole now, so its length is known and hyper writes it.
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, Full::new(whole)))
}

fn loopback_port(uri: &Uri) -> Option<u16> {
    let here = matches!(uri.host()?, "127.0.0.1" | "localhost");
    here.then(|| uri.port_u16().unwrap_or(80))
}

/// The request as the server expects it: path instead of absolute address, nothing that was meant for the proxy.
fn onward(parts: Parts, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let host = parts.uri.authority().map_or(String::new(), |authority| authority.to_string());
    let mut request = Request::builder().method(parts.method).uri(path).body(Full::new(body))?;
    *request.headers_mut() = parts.headers;
    strip_connection_headers(request.headers_mut());
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(&host)?);
    Ok(request)
}

/// Headers that belong to one connection and are never passed on (RFC 9110, section 7.6.1).
fn strip_connection_headers(headers: &mut HeaderMap) {
    const OWN: [HeaderName; 4] =
        [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::PROXY_AUTHORIZATION];
    for name in OWN {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
    headers.remove("keep-alive");
}

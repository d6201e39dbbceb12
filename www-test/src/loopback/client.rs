//! One HTTP request to a server on this machine, on a connection of its own.
//!
//! Connects to 127.0.0.1 only, whatever the address says, so that nothing here can reach the internet.

use std::io;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The address has no host, or names another machine.
    #[error("address is not on this machine")]
    NotLoopback,
    /// Nobody listens there.
    #[error("server cannot be reached")]
    Connect(#[from] io::Error),
    /// It listened and then broke off.
    #[error("server broke off")]
    Http(#[from] hyper::Error),
    /// The address cannot be written into a request.
    #[error("address cannot be sent")]
    Address(#[from] http::Error),
}

/// Sends a request with an absolute address and reads the answer to its end.
///
/// # Errors
/// When the address is not on this machine or nobody there answers.
pub async fn send(request: Request<Full<Bytes>>) -> Result<Response<Bytes>, SendError> {
    let (port, request) = relative(request)?;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    driving.abort();
    Ok(Response::from_parts(head, body))
}

/// The port, and the request as a server expects it: path instead of absolute address, `Host` apart.
fn relative(mut request: Request<Full<Bytes>>) -> Result<(u16, Request<Full<Bytes>>), SendError> {
    let address = std::mem::take(request.uri_mut());
    let authority = address.authority().ok_or(SendError::NotLoopback)?;
    if !matches!(authority.host(), "127.0.0.1" | "localhost") {
        return Err(SendError::NotLoopback);
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(http::Error::from)?;
    request.headers_mut().insert(header::HOST, host);
    let path = address.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(http::Error::from)?;
    Ok((authority.port_u16().unwrap_or(80), request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to() {
        let check = |address: &str, expected: Option<(u16, &str, &str)>| {
            let request = Request::get(address).body(Full::default()).unwrap();
            let read = relative(request).ok();
            let read = read.as_ref().map(|(port, request)| {
                (*port, request.uri().path(), request.headers()["host"].to_str().unwrap())
            });
            assert_eq!(read, expected, "{address}");
        };
        check("http://127.0.0.1:81/a?b=1", Some((81, "/a", "127.0.0.1:81")));
        check("http://localhost/", Some((80, "/", "localhost")));
        check("http://shop.example/", None);
        check("http://127.0.0.1.shop.example/", None);
        check("/path", None);
    }
}

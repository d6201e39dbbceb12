//! Sends a recorded request on to where it was going, and brings the whole answer back.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request, Response, header};
use http_body_util::Full;

use crate::loopback::client::{self, SendError};

/// Sends and reads to the end. Nothing but this machine is ever reached.
pub(super) async fn send(parts: Parts, body: Bytes) -> Result<Response<Full<Bytes>>, SendError> {
    let mut request = Request::from_parts(parts, Full::new(body));
    strip(request.headers_mut());
    let (mut head, body) = client::send(request).await?.into_parts();
    strip(&mut head.headers);
    // The body is whole now, so its length is known and written anew.
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Removes what belongs to one connection and is never passed on (RFC 9110, section 7.6.1).
fn strip(headers: &mut HeaderMap) {
    const OWN: [HeaderName; 4] =
        [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::PROXY_AUTHORIZATION];
    for name in OWN {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
    headers.remove("keep-alive");
}

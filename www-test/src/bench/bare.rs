//! The yardstick: the least a hyper server can do with a request, which is to read its body and answer 202.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves for ever, after printing the address.
pub(super) async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    #[expect(clippy::print_stdout, reason = "whoever started this reads its address here")]
    {
        println!("{address}");
    }
    loop {
        let (socket, _) = listener.accept().await?;
        // The same as the relay does: small answers go out at once.
        socket.set_nodelay(true)?;
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(accept)));
    }
}

/// An answer of the relay's receipt's length, so that both send as many bytes.
const RECEIPT: &str = r#"{"accepted":1,"duplicates":0,"rejected":[]}"#;

async fn accept(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let whole = request.into_body().collect().await;
    let status = if whole.is_ok() { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST };
    let mut response = Response::new(Full::from(RECEIPT));
    *response.status_mut() = status;
    Ok(response)
}

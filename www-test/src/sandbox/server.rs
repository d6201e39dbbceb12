//! The sandbox's port: HTTP by hyper, until a request is to be mistreated; then a script takes the socket over.
//!
//! Owns the listener, which can be shut so that connections are refused while the port stays ours.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::exchange::{Arrived, Reply};
use super::script::Script;
use super::state::Play;
use super::{Shared, control};

/// Largest body read; no platform takes more in one request.
const LARGEST_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Opens a port.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bound(address)?.listen(BACKLOG)
}

/// A port that is taken but refuses connections.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of the listener before us may linger; they must not keep us from their port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

const BACKLOG: u32 = 1024;

/// Serves, and shuts and opens the port as `shared.open` says, until the task is dropped.
pub(super) async fn serve(mut listener: TcpListener, shared: Arc<Shared>) -> io::Result<Infallible> {
    let address = listener.local_addr()?;
    let mut open = shared.open.subscribe();
    loop {
        let mut connections = JoinSet::new();
        accept_while_open(&listener, &shared, &mut connections, &mut open).await;
        drop(listener);
        // Connections that live on would let a client in through the back door.
        connections.shutdown().await;
        let socket = bound(address)?;
        shared.port_is_open.send_replace(false);
        // The sender lives in `shared`, so this ends only when the port is to be opened.
        let _sender_lives = open.wait_for(|open| *open).await;
        listener = socket.listen(BACKLOG)?;
        shared.port_is_open.send_replace(true);
    }
}

async fn accept_while_open(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
    open: &mut tokio::sync::watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it was accepted is its client's business.
                if let Ok((socket, _)) = accepted {
                    connections.spawn(converse(socket, shared.clone()));
                }
            }
            _ended = connections.join_next(), if !connections.is_empty() => {}
            _shut = open.wait_for(|open| !open) => return,
        }
    }
}

/// Serves one connection: by hyper, or by a script from the moment a request earns one.
async fn converse(socket: TcpStream, shared: Arc<Shared>) {
    // Answers are small; waiting to fill a packet only delays them.
    let _kept_as_it_was = socket.set_nodelay(true);
    let (takeover, mut scripts) = mpsc::channel::<Script>(1);
    let service = service_fn(move |request| respond(shared.clone(), takeover.clone(), request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        _ended = &mut connection => {}
        Some(script) = scripts.recv() => script.play(connection.into_parts().io.into_inner()).await,
    }
}

async fn respond(
    shared: Arc<Shared>,
    takeover: mpsc::Sender<Script>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Unreadable> {
    let arrived = read(request).await?;
    if let Some(reply) = control::answer(&shared, &arrived) {
        return Ok(response(reply));
    }
    match shared.receive(arrived) {
        Play::Reply(reply) => Ok(response(reply)),
        Play::Script(script) => {
            // From here on the connection belongs to the script; this answer is never awaited again.
            let _taken_over = takeover.send(script).await;
            std::future::pending().await
        }
    }
}

/// A request that broke off or is too large: the connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the request could not be read")]
struct Unreadable;

async fn read(request: Request<Incoming>) -> Result<Arrived, Unreadable> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY_BYTES).collect().await.map_err(|_| Unreadable)?;
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Arrived {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: headers.collect(),
        body: body.to_bytes(),
        ..Arrived::default()
    })
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(reply.body)).expect("a player's reply is made of valid parts")
}

//! HTTP/1 on 127.0.0.1: a small server for whatever a test has to play (the shop, the recorder), and one request.
//!
//! Owns the listening port and every connection on it: dropping the [`Loopback`] closes them all. Leaves routing
//! and content to its handler.

pub mod client;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A handler's answer: a response, or [`HangUp`] to close the connection without one.
pub type Answer = Result<Response<Full<Bytes>>, HangUp>;

/// Closes the connection in the browser's face, as a dead server would.
#[derive(Debug, thiserror::Error)]
#[error("connection closed on purpose")]
pub struct HangUp;

/// A server that lives as long as this value.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    accepting: JoinHandle<Infallible>,
}

impl Loopback {
    /// Listens on a free port of 127.0.0.1 and answers every request with `handler`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn serve<H, F>(handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, handler)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its origin, `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts for ever. Connections live in a set owned by this task, so aborting it closes them too.
async fn accept<H, F>(listener: TcpListener, handler: H) -> Infallible
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        // A connection that failed before it was accepted is its client's business.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(stream, handler.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection to its end. How it ends is of no interest: browsers drop connections all the time.
async fn converse<H, F>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer>,
{
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handler)).await;
}

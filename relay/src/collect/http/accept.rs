//! Connections: how many there are at once, what each may take, and how they end when the relay stops.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::super::outlet::Outlet;
use super::super::threads::Threads;
use super::{Relay, answer};

/// Accepts connections until `stop` resolves, then lets the requests under way finish.
pub async fn serve(
    relay: Arc<Relay>,
    listener: TcpListener,
    threads: &Threads,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(relay.server.max_connections));
    let graceful = GracefulShutdown::new();
    let mut told: Option<Instant> = None;
    tokio::pin!(stop);
    loop {
        // A place is taken before accepting, so that connections past the limit wait in the system's queue.
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, socket, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => match accepted {
                (Ok(place), Ok((socket, peer))) => (place, socket, peer.ip()),
                (_, Err(error)) => {
                    // Out of file descriptors, usually: wait for some to be given back.
                    relay.metrics.accept_failure();
                    if told.is_none_or(|told| told.elapsed() > ACCEPT_TOLD_FOR) {
                        told = Some(Instant::now());
                        warn!(%error, "cannot accept connections; trying on");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
                (Err(_), _) => break,
            },
        };
        // A socket belongs to the runtime it was made on, and is to be the thread's.
        let Ok(socket) = socket.into_std() else { continue };
        threads.spawn(|| {
            let socket = TcpStream::from_std(socket);
            let (relay, watcher) = (relay.clone(), graceful.watcher());
            async move {
                let Ok(socket) = socket else { return };
                if let Err(error) = watcher.watch(connection(relay, socket, peer)).await {
                    debug!(%error, "connection ended");
                }
                drop(place);
            }
        });
    }
    drop(listener);
    let limit = Duration::from_millis(relay.server.shutdown_timeout_ms);
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        warn!(
            "requests still under way were cut off; raise server.shutdown_timeout_ms if that happens often"
        );
    }
}

/// One connection with its limits on headers and on answers.
fn connection(
    relay: Arc<Relay>,
    socket: TcpStream,
    peer: IpAddr,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    // Answers are small; waiting to fill a packet only delays them.
    let _ = socket.set_nodelay(true);
    let header_timeout = Duration::from_millis(relay.server.header_timeout_ms);
    let socket = Outlet::new(socket, Duration::from_millis(relay.server.answer_timeout_ms));
    let service = service_fn(move |request| {
        let relay = relay.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(&relay, request, peer).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEADERS_BYTES)
        .serve_connection(TokioIo::new(socket), service)
}

/// A browser sends about 20 headers; proxies add a few.
const MOST_HEADERS: usize = 64;
/// Cookies make headers long; 32 kB is what common proxies allow, too.
const LARGEST_HEADERS_BYTES: usize = 32 * 1024;
/// Rest after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long such a refusal is not told again.
const ACCEPT_TOLD_FOR: Duration = Duration::from_secs(30);

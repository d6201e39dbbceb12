//! The recorder: an HTTP proxy between the browser and everything else, which keeps every byte the browser sends.
//!
//! It is how a test knows what left the browser: not what the page meant to send, but what went over the wire,
//! the browser's own requests included. It can also hold or refuse what goes to one address, which is how a slow
//! or dead relay is played without waiting for anything. Plain HTTP only: a `CONNECT` would be a tunnel it cannot
//! look into, so it is refused, and recorded.

mod forward;
mod search;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::timeout;

pub use search::{Secret, Sighting};

use crate::browser::PATIENCE;
use crate::loopback::{Answer, HangUp, Loopback};

/// A running recorder. Dropping it stops it.
#[derive(Debug)]
pub struct Recorder {
    server: Loopback,
    shared: Arc<Shared>,
}

/// One request of the browser, whole, and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Method.
    pub method: Method,
    /// Absolute address, or `host:port` of a `CONNECT`.
    pub url: String,
    /// Every header of the request.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Bytes,
    /// Status of the answer; `None` while there is none, and for ever when the connection was closed on it.
    pub status: Option<StatusCode>,
    /// Headers of the answer.
    pub answer_headers: HeaderMap,
}

/// What happens to requests for one authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// They pass.
    #[default]
    Open,
    /// They wait, recorded, until the gate changes.
    Held,
    /// Their connection is closed without an answer.
    Refused,
}

#[derive(Debug)]
struct Shared {
    exchanges: Mutex<Vec<Exchange>>,
    /// Number of changes to `exchanges`, for whoever waits for one.
    changes: watch::Sender<u64>,
    /// The one authority (`host:port`) with a gate, and the gate.
    gate: watch::Sender<(String, Gate)>,
}

impl Recorder {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            exchanges: Mutex::default(),
            changes: watch::Sender::new(0),
            gate: watch::Sender::new((String::new(), Gate::Open)),
        });
        let kept = Arc::clone(&shared);
        let server = Loopback::serve(move |request| pass(Arc::clone(&kept), request)).await?;
        Ok(Self { server, shared })
    }

    /// `host:port`, for the browser's `--proxy-server`.
    pub fn authority(&self) -> String {
        self.server.address().to_string()
    }

    /// Sets the gate for `origin` (`http://host:port`). Only one origin has a gate at a time.
    pub fn gate(&self, origin: &str, gate: Gate) {
        let authority = origin.trim_start_matches("http://").trim_end_matches('/').to_owned();
        self.shared.gate.send_replace((authority, gate));
    }

    /// Everything so far, in the order in which requests arrived.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.lock().clone()
    }

    /// Waits until `condition` holds for the exchanges so far, and returns what it found; `None` after [`PATIENCE`].
    pub async fn wait_for<T>(&self, mut condition: impl FnMut(&[Exchange]) -> Option<T>) -> Option<T> {
        let mut changes = self.shared.changes.subscribe();
        let looking = async {
            loop {
                changes.mark_unchanged();
                let found = condition(&self.shared.lock());
                // The sender lives in `self`, which is borrowed, so there is always a next change to wait for.
                if found.is_some() || changes.changed().await.is_err() {
                    return found;
                }
            }
        };
        timeout(PATIENCE, looking).await.ok().flatten()
    }

    /// Every place in everything the browser sent where one of `secrets` can be read, in any disguise that
    /// [`Secret`] knows.
    pub fn sightings(&self, secrets: &[Secret]) -> Vec<Sighting> {
        self.exchanges().iter().flat_map(|exchange| search::exchange(exchange, secrets)).collect()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request and returns its place.
    fn keep(&self, parts: &http::request::Parts, body: &Bytes) -> usize {
        let mut exchanges = self.lock();
        exchanges.push(Exchange {
            method: parts.method.clone(),
            url: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body: body.clone(),
            status: None,
            answer_headers: HeaderMap::new(),
        });
        let place = exchanges.len() - 1;
        drop(exchanges);
        self.changed();
        place
    }

    fn keep_answer(&self, place: usize, answer: &Response<Full<Bytes>>) {
        if let Some(exchange) = self.lock().get_mut(place) {
            exchange.status = Some(answer.status());
            exchange.answer_headers = answer.headers().clone();
        }
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits at the gate. An error means: hang up.
    async fn admit(&self, uri: &Uri) -> Result<(), HangUp> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut gate = self.gate.subscribe();
        let settled = gate.wait_for(|(gated, gate)| gated != authority || *gate != Gate::Held).await;
        match settled {
            Ok(state) if state.0 == authority && state.1 == Gate::Refused => Err(HangUp),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// One request through the recorder: kept first, whatever becomes of it.
async fn pass(shared: Arc<Shared>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
    let place = shared.keep(&parts, &body);
    if parts.method == Method::CONNECT || parts.uri.scheme_str() != Some("http") {
        return Ok(refusal(StatusCode::FORBIDDEN, "the recorder passes plain http only"));
    }
    shared.admit(&parts.uri).await?;
    let answer = forward::send(parts, body).await.map_err(|_| HangUp)?;
    shared.keep_answer(place, &answer);
    Ok(answer)
}

fn refusal(status: StatusCode, why: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(why.as_bytes())));
    *response.status_mut() = status;
    response
}

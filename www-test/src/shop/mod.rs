//! The shop: a landing page, products, cart, checkout and thank-you, with the tag on every page, and one small
//! page per behaviour for the browser tests.
//!
//! It is a customer's site: it knows the snippet and the public JavaScript surface, nothing of the relay's or the
//! tag's insides. All of it runs in the browser; the server hands out files and receives no form. Leaves the
//! platforms to the sandbox and the tag's files to the relay.

mod cases;
mod catalogue;
mod page;
mod snippet;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

pub use cases::CASES;
pub use snippet::Snippet;

use crate::loopback::{Answer, Loopback};

/// A running shop. Dropping it stops it.
#[derive(Debug)]
pub struct Shop {
    server: Loopback,
    snippet: Arc<Mutex<Snippet>>,
}

impl Shop {
    /// Opens the shop on a free port of 127.0.0.1, with the snippet of `snippet` on every page.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn open(snippet: Snippet) -> io::Result<Self> {
        let snippet = Arc::new(Mutex::new(snippet));
        let pasted = Arc::clone(&snippet);
        let server = Loopback::serve(move |request| {
            let answer = answer(&request, &read(&pasted));
            async move { answer }
        })
        .await?;
        Ok(Self { server, snippet })
    }

    /// The shop's origin, `http://127.0.0.1:PORT`: what goes into the site's `origins`.
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// The address of a path, which starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.origin())
    }

    /// The snippet on every page.
    pub fn snippet(&self) -> Snippet {
        read(&self.snippet)
    }

    /// Pastes another snippet into every page, from the next page view on.
    ///
    /// The shop opens before the relay, because the relay's configuration names the shop's origin.
    pub fn paste(&self, snippet: Snippet) {
        *self.snippet.lock().unwrap_or_else(PoisonError::into_inner) = snippet;
    }
}

fn read(snippet: &Mutex<Snippet>) -> Snippet {
    snippet.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn answer(request: &Request<Incoming>, snippet: &Snippet) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(file(StatusCode::METHOD_NOT_ALLOWED, TEXT, "the shop takes no data"));
    }
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix("/case/") {
        return Ok(cases::render(name, snippet).unwrap_or_else(|| missing(snippet)));
    }
    Ok(match static_file(path) {
        Some((kind, text)) => file(StatusCode::OK, kind, text),
        None => match page::render(path, snippet) {
            Some(html) => file(StatusCode::OK, HTML, html),
            None => missing(snippet),
        },
    })
}

fn missing(snippet: &Snippet) -> Response<Full<Bytes>> {
    file(StatusCode::NOT_FOUND, HTML, page::missing(snippet))
}

fn static_file(path: &str) -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(name, _, _)| *name == path).map(|(_, kind, text)| (*kind, *text))
}

/// Nothing is cached, so that a page always shows the snippet it was served with.
fn file(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, content type, content.
const FILES: [(&str, &str, &str); 14] = [
    ("/shop.css", "text/css; charset=utf-8", include_str!("../../pages/shop/shop.css")),
    ("/shop.js", SCRIPT, include_str!("../../pages/shop/shop.js")),
    ("/panel.js", SCRIPT, include_str!("../../pages/shop/panel.js")),
    ("/vendors.js", SCRIPT, include_str!("../../pages/cases/vendors.js")),
    ("/watch.js", SCRIPT, include_str!("../../pages/cases/watch.js")),
    ("/timed.js", SCRIPT, include_str!("../../pages/cases/timed.js")),
    ("/twin.js", SCRIPT, include_str!("../../pages/cases/twin.js")),
    ("/art/icon.svg", SVG, include_str!("../../pages/art/icon.svg")),
    ("/art/dome.svg", SVG, include_str!("../../pages/art/dome.svg")),
    ("/art/orb.svg", SVG, include_str!("../../pages/art/orb.svg")),
    ("/art/arc.svg", SVG, include_str!("../../pages/art/arc.svg")),
    ("/art/bell.svg", SVG, include_str!("../../pages/art/bell.svg")),
    ("/art/reed.svg", SVG, include_str!("../../pages/art/reed.svg")),
    ("/art/wedge.svg", SVG, include_str!("../../pages/art/wedge.svg")),
];

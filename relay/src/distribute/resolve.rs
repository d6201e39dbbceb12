//! Names to addresses, as the system looks them up, with private addresses left out where a request must stay public.
//!
//! Checking what a name resolves to at the moment of connecting, and connecting to that and nothing else, is what stops a
//! public name from leading into the private network, also when it is resolved otherwise a second later. Nothing is kept:
//! a name is looked up for each new connection, so a platform that moves is followed.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use crate::platform::address::is_public;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// A way to look names up. Ports are filled in by whoever connects.
#[derive(Clone)]
pub struct Resolve(Arc<dyn Fn(&str) -> Found + Send + Sync>);

impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolve")
    }
}

impl Resolve {
    /// As the system does: files, then name servers.
    pub fn by_system() -> Self {
        Self(Arc::new(|name| {
            let mut system = GaiResolver::new();
            let name = name.parse::<Name>();
            Box::pin(async move { Ok(system.call(name.map_err(io::Error::other)?).await?.collect()) })
        }))
    }

    /// By a table of one's own.
    pub fn by(table: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |name| Box::pin(std::future::ready(table(name)))))
    }
}

/// The resolver of one client.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    pub(super) resolve: Resolve,
    /// Whether private addresses are not seen.
    pub(super) public_only: bool,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (resolving, public_only) = ((self.resolve.0)(name.as_str()), self.public_only);
        Box::pin(async move {
            let all = resolving.await?;
            let allowed: Vec<SocketAddr> =
                all.into_iter().filter(|address| !public_only || is_public(address.ip())).collect();
            if allowed.is_empty() { Err(io::Error::other(PRIVATE)) } else { Ok(allowed.into_iter()) }
        })
    }
}

/// What is said when a request must stay public and would not.
pub(super) const PRIVATE: &str =
    "the address lies in a private network; set allow_private = true if that is intended";

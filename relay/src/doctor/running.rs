//! What the relay that runs says of its store.
//!
//! A database that was moved, deleted or replaced under a relay looks from outside like one that was never made, like one that is sound,
//! or, beside a write-ahead log that is not its own, like a damaged one. Only the relay knows that it lost its file, and what it wrote
//! since is in that file alone; so it is asked before anything is said of what lies under the name: at the address it listens on, because
//! its lock and its socket may be where the file is. Leaves to its words what is to be done.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use shared::UnixMs;
use url::Url;

use crate::config::Config;
use crate::distribute::HttpClient;
use crate::platform::{Body, Request, Response};

/// Why the relay that runs is not ready, in its words. None where it is, and where no relay answers.
pub(super) async fn trouble(listen: SocketAddr, client: &HttpClient, now: UnixMs) -> Option<String> {
    let url = readiness(listen)?;
    let request = Request { method: "GET", url, headers: Vec::new(), body: Body::Empty, public_only: false };
    match client.send(&request, now).await {
        Response::Answer { status: 503, body, .. } => told(listen, &body),
        Response::Answer { .. } | Response::NotSent(_) | Response::NoAnswer(_) => None,
    }
}

/// The same for a command that has no runtime.
pub(crate) fn trouble_of(config: &Config, now: UnixMs) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let client = HttpClient::new(Duration::from_millis(config.delivery.request_timeout_ms));
        trouble(config.server.listen, &client, now).await
    })
}

/// Where a relay that listens there is asked from the same machine. Nobody knows the port that the system chose for it.
fn readiness(listen: SocketAddr) -> Option<Url> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    (address.port() != 0).then(|| Url::parse(&format!("http://{address}/readyz")).ok()).flatten()
}

/// A relay's answer in words for the screen; none where another program answers there.
fn told(listen: SocketAddr, answer: &[u8]) -> Option<String> {
    let why = std::str::from_utf8(answer).ok()?.trim().strip_prefix("not ready: ")?;
    let why = why.replace(char::is_control, " ");
    Some(format!("the relay that listens on {listen} is not ready: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_asked_where_it_listens() {
        let check = |listen: &str, expected: Option<&str>| {
            let url = readiness(listen.parse().unwrap());
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{listen}");
        };
        check("10.0.0.7:8080", Some("http://10.0.0.7:8080/readyz"));
        check("0.0.0.0:8080", Some("http://127.0.0.1:8080/readyz"));
        check("[::]:8080", Some("http://[::1]:8080/readyz"));
        check("127.0.0.1:0", None);
    }

    #[test]
    fn only_a_relays_answer_is_passed_on() {
        let listen: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let said = told(listen, b"not ready: the store is closed\n");
        let expected = "the relay that listens on 127.0.0.1:8080 is not ready: the store is closed";
        assert_eq!(said.as_deref(), Some(expected));
        for other in [&b"<html>503</html>"[..], b"", b"\xff"] {
            assert_eq!(told(listen, other), None);
        }
    }
}

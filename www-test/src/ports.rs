//! Ports for programs that must be told theirs: relays that come back to the same one, drivers of browsers.
//!
//! They lie below the range from which the system takes the ports of outgoing connections. A free port from that
//! range may be taken by any connection of any test before the program has bound it, and so may the port of a relay
//! that is down for a moment. What binds for itself in one step asks for port 0 instead and needs none of this.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::Range;

/// Free at this moment on both loopback addresses (chromedriver takes its port on both).
///
/// # Errors
/// When a hundred ports by chance are all taken; the last one's error.
pub fn unclaimed() -> io::Result<u16> {
    let mut taken = io::Error::from(io::ErrorKind::AddrInUse);
    for attempt in 0..ATTEMPTS {
        let port = by_chance(attempt);
        match bindable(port) {
            Ok(()) => return Ok(port),
            Err(error) => taken = error,
        }
    }
    Err(taken)
}

fn by_chance(attempt: u16) -> u16 {
    // The standard library seeds this anew in every process and for every value.
    let chance = RandomState::new().hash_one(attempt);
    let width = u64::from(PORTS.end - PORTS.start);
    PORTS.start + u16::try_from(chance % width).unwrap_or_default()
}

fn bindable(port: u16) -> io::Result<()> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        // Free, or a machine without IPv6, where nobody else has it either.
        _ => Ok(()),
    }
}

/// Above the well-known services, below 32768, where Linux begins to take ports for outgoing connections.
const PORTS: Range<u16> = 20_000..32_000;
const ATTEMPTS: u16 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_none_that_an_outgoing_connection_gets() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let lowest: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
        assert!(PORTS.end <= lowest, "outgoing connections begin at {lowest}");
        for _ in 0..50 {
            assert!(PORTS.contains(&unclaimed().unwrap()));
        }
    }

    #[test]
    fn a_port_taken_on_either_loopback_address_is_passed_over() {
        for address in ["127.0.0.1", "::1"] {
            let port = unclaimed().unwrap();
            let _held = TcpListener::bind((address, port)).unwrap();
            assert_eq!(bindable(port).unwrap_err().kind(), io::ErrorKind::AddrInUse, "{address}");
        }
    }
}

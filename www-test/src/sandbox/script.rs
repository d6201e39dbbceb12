//! Misbehaviour on the wire, byte by byte: what hyper would never do for us.
//!
//! A script takes the bare socket over from hyper and plays it to the end. Owns writing a reply by hand and ending a
//! connection rudely; leaves deciding when to `trouble`.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::exchange::Reply;
use super::trouble::Mode;

/// What happens to the socket instead of a proper reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Nothing, until the other side gives up.
    Hang,
    /// An orderly close (FIN).
    Close,
    /// A reset (RST).
    Reset,
    /// Bytes, then an orderly close.
    Write {
        /// What is written, piece by piece.
        pieces: Vec<Bytes>,
        /// Between two pieces.
        pause: Duration,
    },
}

impl Script {
    /// The script of a mode, given the reply the platform would have made. `None` for the modes that are proper
    /// replies.
    pub(super) fn of(mode: Mode, reply: &Reply) -> Option<Self> {
        match mode {
            Mode::Hang | Mode::LoseAnswer => Some(Self::Hang),
            Mode::Reset => Some(Self::Reset),
            Mode::Close => Some(Self::Close),
            Mode::Slow { drip_ms } => Some(Self::drip(reply, Duration::from_millis(drip_ms))),
            Mode::Garbage => Some(Self::at_once(&written(&portal(), 1))),
            Mode::HalfBody => {
                let whole = written(reply, 1);
                Some(Self::at_once(&whole[..whole.len() - reply.body.len().div_ceil(2)]))
            }
            Mode::WrongLength => Some(Self::at_once(&written(reply, 2))),
            Mode::TooManyRequests { .. }
            | Mode::Throttled
            | Mode::ServerError { .. }
            | Mode::Transient
            | Mode::TokenExpired
            | Mode::Poison { .. } => None,
        }
    }

    fn at_once(bytes: &[u8]) -> Self {
        Self::Write { pieces: vec![Bytes::copy_from_slice(bytes)], pause: Duration::ZERO }
    }

    fn drip(reply: &Reply, pause: Duration) -> Self {
        let whole = Bytes::from(written(reply, 1));
        Self::Write { pieces: (0..whole.len()).map(|at| whole.slice(at..=at)).collect(), pause }
    }

    /// Plays the script. How the other side takes it is its own affair, so errors end it in silence.
    pub(super) async fn play(self, mut socket: TcpStream) {
        match self {
            Self::Hang => until_closed(&socket).await,
            Self::Close => {}
            Self::Reset => {
                let _refused = socket.set_zero_linger();
            }
            Self::Write { pieces, pause } => {
                let _broken = write(&mut socket, pieces, pause).await;
            }
        }
    }
}

async fn write(socket: &mut TcpStream, pieces: Vec<Bytes>, pause: Duration) -> io::Result<()> {
    for piece in pieces {
        socket.write_all(&piece).await?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    socket.shutdown().await
}

/// Waits until the other side has closed. What it still sends is thrown away.
async fn until_closed(socket: &TcpStream) {
    let mut waste = [0; 1024];
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut waste) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// A reply as bytes. The announced length is the body's divided by `shorten`.
fn written(reply: &Reply, shorten: usize) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} -\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len() / shorten));
    [head.as_bytes(), reply.body.as_bytes()].concat()
}

/// What a captive portal or a misled proxy answers in a platform's place.
fn portal() -> Reply {
    let body = "<!doctype html><title>Welcome</title><p>Please log in to this network.".to_owned();
    Reply { status: 200, headers: vec![("content-type", "text/html".to_owned())], body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Reply {
        Reply { status: 200, headers: vec![("x", "y".to_owned())], body: "0123456789".to_owned() }
    }

    fn bytes(mode: Mode) -> String {
        match Script::of(mode, &reply()) {
            Some(Script::Write { pieces, .. }) => String::from_utf8(pieces.concat()).expect("text"),
            other => panic!("{mode:?}: {other:?}"),
        }
    }

    #[test]
    fn spoilt_answers_are_spoilt_as_named() {
        let head = "HTTP/1.1 200 -\r\nconnection: close\r\nx: y\r\n";
        assert_eq!(bytes(Mode::Slow { drip_ms: 1 }), format!("{head}content-length: 10\r\n\r\n0123456789"));
        assert_eq!(bytes(Mode::HalfBody), format!("{head}content-length: 10\r\n\r\n01234"));
        assert_eq!(bytes(Mode::WrongLength), format!("{head}content-length: 5\r\n\r\n0123456789"));
        assert!(bytes(Mode::Garbage).ends_with("Please log in to this network."));
    }

    #[test]
    fn a_slow_answer_comes_byte_by_byte() {
        let Some(Script::Write { pieces, pause }) = Script::of(Mode::Slow { drip_ms: 7 }, &reply()) else {
            panic!("slow is written");
        };
        assert!(pieces.iter().all(|piece| piece.len() == 1));
        assert_eq!(pause, Duration::from_millis(7));
    }

    #[test]
    fn a_complaint_is_a_proper_reply() {
        assert_eq!(Script::of(Mode::Throttled, &reply()), None);
        assert_eq!(Script::of(Mode::LoseAnswer, &reply()), Some(Script::Hang));
    }
}

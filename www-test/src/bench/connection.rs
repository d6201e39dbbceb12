//! A client's connection to the relay: HTTP/1.1 with keep-alive on a bare socket, cheap enough not to be what a
//! benchmark measures, and rude enough, where a test wants it, to send anything.
//!
//! Reads answers that announce their length, which all of the relay's do.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest silence of a server that is well.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest head of an answer that is believed.
const LARGEST_HEAD_BYTES: usize = 64 * 1024;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    /// Bytes that were read beyond the last answer.
    ahead: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, ahead: Vec::with_capacity(4096) })
    }

    /// The port at this end, by which the other side knows it.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn local_port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the other side has gone.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await
    }

    /// Sends a whole request and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not HTTP.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        self.send(request).await?;
        self.receive().await
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub async fn get(&mut self, path: &str) -> io::Result<Response> {
        self.exchange(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await
    }

    /// Reads one answer.
    ///
    /// # Errors
    /// When the connection ends first, the answer is not HTTP, or nothing comes for half a minute.
    pub async fn receive(&mut self) -> io::Result<Response> {
        loop {
            if let Some((response, used)) = parse(&self.ahead)? {
                self.ahead.drain(..used);
                return Ok(response);
            }
            let read = timeout(PATIENCE, self.socket.read_buf(&mut self.ahead)).await;
            if read.map_err(|_| ErrorKind::TimedOut)?? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Waits until the other side has closed, throwing away what it still says.
    ///
    /// # Errors
    /// When it does not within `within`.
    pub async fn closed(&mut self, within: Duration) -> io::Result<()> {
        let waiting = async {
            loop {
                self.ahead.clear();
                // A reset is an end, too.
                if matches!(self.socket.read_buf(&mut self.ahead).await, Ok(0) | Err(_)) {
                    return;
                }
            }
        };
        timeout(within, waiting).await.map_err(|_| ErrorKind::TimedOut.into())
    }
}

/// The answer at the beginning of `bytes` and its length, once it is there whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(Response, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        let endless = bytes.len() > LARGEST_HEAD_BYTES;
        return if endless { Err(ErrorKind::InvalidData.into()) } else { Ok(None) };
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| ErrorKind::InvalidData)?.to_owned();
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let mut response = Response { status: status.ok_or(ErrorKind::InvalidData)?, head, body: Vec::new() };
    let length = response.header("content-length").map_or(Ok(0), str::parse::<usize>);
    let whole = end + 4 + length.map_err(|_| ErrorKind::InvalidData)?;
    if bytes.len() < whole {
        return Ok(None);
    }
    response.body = bytes[end + 4..whole].to_vec();
    Ok(Some((response, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 202 Accepted\r\nX-A: b\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 ";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        for end in 0..ANSWER.len() - 10 {
            assert_eq!(parse(&ANSWER[..end]).expect("no fault"), None, "{end}");
        }
        let (response, used) = parse(ANSWER).expect("no fault").expect("whole");
        assert_eq!((response.status, response.text().as_str(), used), (202, "abc", ANSWER.len() - 9));
        assert_eq!((response.header("x-a"), response.header("x-b")), (Some("b"), None));
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        for wrong in ["FTP\r\n\r\n", "HTTP/1.1 2x2 -\r\n\r\n", "HTTP/1.1 200 -\r\ncontent-length: x\r\n\r\n"]
        {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(parse(&[b'a'; LARGEST_HEAD_BYTES + 1]).is_err());
    }
}

//! Requests that leave at fixed times, whatever became of those before: the load of people who do not wait for each other.
//!
//! A time of answer counts from the moment the request was due, not from when the connection was free to send it;
//! otherwise a server that stalls would keep from being asked, and look better than it is. Threads of the system sleep
//! far more exactly than timers of the runtime, so each connection has one. Owns the schedule.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::BenchError;
use super::load::{Round, Server};
use super::senders::Sender;

/// Sends so many requests a second over all connections together, for so long. Blocks.
pub(super) fn round(
    server: Server,
    senders: &mut [Sender],
    requests_a_second: f64,
    length: Duration,
) -> Result<Round, BenchError> {
    let apart = Duration::from_secs_f64(1.0 / requests_a_second.max(1.0));
    let lanes = u32::try_from(senders.len()).unwrap_or(u32::MAX);
    // Every thread is there before the first request is due.
    let began = Instant::now() + START_UP;
    let mut round = Round { length, ..Round::default() };
    let lane = |place: u32| Lane { first: began + apart * place, apart: apart * lanes, end: began + length };
    let ended: Vec<Result<Vec<Duration>, BenchError>> = thread::scope(|scope| {
        let started: Vec<_> = senders
            .iter_mut()
            .zip(0..)
            .map(|(sender, place)| scope.spawn(move || client(server, sender, lane(place))))
            .collect();
        started.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect()
    });
    for (latencies, sender) in ended.into_iter().zip(senders) {
        let latencies = latencies?;
        round.events += latencies.len() * sender.events;
        round.latencies.extend(latencies);
    }
    round.latencies.sort_unstable();
    Ok(round)
}

/// For threads and connections to be made.
const START_UP: Duration = Duration::from_millis(200);

/// When one connection sends.
#[derive(Clone, Copy, Debug)]
struct Lane {
    first: Instant,
    apart: Duration,
    end: Instant,
}

impl Lane {
    /// Waits for each request's time, makes it, and notes how long after its time it was done.
    fn follow<E>(
        self,
        wait_until: impl Fn(Instant),
        now: impl Fn() -> Instant,
        mut request: impl FnMut() -> Result<(), E>,
    ) -> Result<Vec<Duration>, E> {
        let mut latencies = Vec::new();
        let mut due = self.first;
        while due < self.end {
            wait_until(due);
            request()?;
            latencies.push(now().saturating_duration_since(due));
            due += self.apart;
        }
        Ok(latencies)
    }
}

/// One connection's part of a round.
fn client(server: Server, sender: &mut Sender, lane: Lane) -> Result<Vec<Duration>, BenchError> {
    let broken = |source| BenchError::Broken { server: server.name, source };
    let mut socket = TcpStream::connect(server.address).map_err(broken)?;
    socket.set_nodelay(true).map_err(broken)?;
    socket.set_read_timeout(Some(Duration::from_secs(30))).map_err(broken)?;
    let mut answer = [0; 4096];
    lane.follow(sleep_until, Instant::now, || {
        socket.write_all(sender.next()).map_err(broken)?;
        let length = read_answer(&mut socket, &mut answer).map_err(broken)?;
        if answer.starts_with(b"HTTP/1.1 202") {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&answer[..length]).into_owned();
        let status = body.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Err(BenchError::Answer { server: server.name, status, body })
    })
}

/// Reads one short answer and gives its length. A receipt is an object, and ends with its brace.
fn read_answer(socket: &mut impl Read, answer: &mut [u8; 4096]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let read = socket.read(&mut answer[length..])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        if answer[..length].ends_with(b"}") {
            return Ok(length);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own, and time passing is the event")]
fn sleep_until(due: Instant) {
    thread::sleep(due.saturating_duration_since(Instant::now()));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn requests_that_a_stall_kept_from_being_sent_count_as_late() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let (now, sent) = (Cell::new(start), Cell::new(0));
        let lane = Lane { first: start + ms(10), apart: ms(10), end: start + ms(60) };
        let latencies = lane.follow(
            |due| now.set(now.get().max(due)),
            || now.get(),
            || {
                sent.set(sent.get() + 1);
                now.set(now.get() + if sent.get() == 2 { ms(25) } else { ms(1) });
                Ok::<_, Infallible>(())
            },
        );
        assert_eq!(latencies, Ok(vec![ms(1), ms(25), ms(16), ms(7), ms(1)]));
    }

    #[test]
    fn an_answer_ends_with_its_object() {
        let mut answer = [0; 4096];
        let whole = b"HTTP/1.1 202 Accepted\r\n\r\n{}";
        let mut halves = whole[..9].chain(&whole[9..]);
        assert_eq!(read_answer(&mut halves, &mut answer).expect("an answer"), whole.len());
        assert!(read_answer(&mut &b"HTTP/1.1 202"[..], &mut answer).is_err());
    }
}

//! A connection whose other side must take its answers.
//!
//! Once the system's buffers are full, writing waits, and no other limit runs meanwhile: a client that sends requests
//! and reads no answer would hold its place for ever. Owns how long a write may wait to be taken whole; taking it byte
//! by byte wins no time. A write that need not wait costs nothing. Leaves reading to its own limits.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A socket with that limit.
pub(super) struct Outlet<S> {
    socket: S,
    limit: Duration,
    /// Runs while something waits to be taken.
    overdue: Option<Pin<Box<Sleep>>>,
}

impl<S> Outlet<S> {
    /// Sets the limit.
    pub(super) const fn new(socket: S, limit: Duration) -> Self {
        Self { socket, limit, overdue: None }
    }

    /// Judges a write of so many bytes.
    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        bytes: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            if result.as_ref().is_ok_and(|taken| *taken == bytes) {
                self.overdue = None;
            }
            return Poll::Ready(result);
        }
        let limit = self.limit;
        let overdue = self.overdue.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(overdue.as_mut().poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outlet<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outlet<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.judge(cx, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.judge(cx, slices.iter().map(|slice| slice.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_is_overdue() {
        let (ours, _theirs) = duplex(8);
        let mut outlet = Outlet::new(ours, LIMIT);
        let began = Instant::now();
        let failed = outlet.write_all(&[0; 9]).await.expect_err("nobody reads");
        assert_eq!((failed.kind(), began.elapsed().as_secs()), (ErrorKind::TimedOut, LIMIT.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn taking_it_byte_by_byte_wins_no_time() {
        let (ours, mut theirs) = duplex(8);
        let mut outlet = Outlet::new(ours, LIMIT);
        tokio::spawn(async move {
            while theirs.read_u8().await.is_ok() {
                sleep(LIMIT / 4).await;
            }
        });
        let began = Instant::now();
        let failed = outlet.write_all(&[0; 99]).await.expect_err("it is read too slowly");
        assert_eq!((failed.kind(), began.elapsed().as_secs()), (ErrorKind::TimedOut, LIMIT.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_that_is_taken_whole_has_its_own_time() {
        let (ours, mut theirs) = duplex(8);
        let mut outlet = Outlet::new(ours, LIMIT);
        tokio::spawn(async move {
            let mut taken = [0; 8];
            while theirs.read_exact(&mut taken).await.is_ok() {
                sleep(LIMIT * 2 / 3).await;
            }
        });
        for _ in 0..9 {
            outlet.write_all(&[0; 8]).await.expect("it is read in time");
        }
        assert!(outlet.overdue.is_none(), "nothing waits");
    }
}

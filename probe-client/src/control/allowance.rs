//! Limits what the control answers of one server may cost a run: the bytes that it sends, and the time spent waiting
//! for it. All control connections to that server share both limits.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};

/// The bytes and the time that are left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowance(Arc<Mutex<Spent>>);

#[derive(Debug, Default)]
struct Spent {
    bytes: u64,
    /// Time spent in waits that have ended. Simultaneous waits count once.
    waited: Duration,
    under_way: u32,
    /// The time at which the waits in progress began; `None` if there are none.
    since: Option<Instant>,
}

impl Allowance {
    /// Waits for `answer` until `idle_timeout` ends or the server's time is used up. Returns `None` if it did not come.
    pub(super) async fn wait<T>(
        &self,
        idle_timeout: Duration,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        let _under_way = UnderWay::begin(self);
        let left = self.spent().left(idle_timeout, Instant::now());
        timeout(left, answer).await.ok()
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    fn begin(&mut self, now: Instant) {
        self.under_way += 1;
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Instant) {
        self.under_way -= 1;
        if self.under_way == 0
            && let Some(since) = self.since.take()
        {
            self.waited += now - since;
        }
    }

    /// Returns how long a wait that begins `now` may last.
    fn left(&self, idle_timeout: Duration, now: Instant) -> Duration {
        let so_far = self.waited + self.since.map_or(Duration::ZERO, |since| now - since);
        idle_timeout.min((idle_timeout * WAITS).saturating_sub(so_far))
    }

    /// Counts `bytes` more from the server, and returns whether they are still allowed.
    fn take(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.bytes <= MAX_BYTES
    }
}

/// A wait, which ends when this is dropped.
struct UnderWay<'a>(&'a Allowance);

impl<'a> UnderWay<'a> {
    fn begin(allowance: &'a Allowance) -> Self {
        allowance.spent().begin(Instant::now());
        Self(allowance)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.spent().end(Instant::now());
    }
}

/// A stream, below TLS, on which reading fails once the server's allowance is used up.
#[derive(Debug)]
pub(super) struct Metered<S> {
    inner: S,
    allowance: Allowance,
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, allowance: Allowance) -> Self {
        Self { inner, allowance }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let read = buffer.filled().len() - before;
        if self.allowance.spent().take(read) {
            return polled;
        }
        buffer.set_filled(before);
        Poll::Ready(Err(io::Error::other(
            "the server sent more over its control connections than a run accepts",
        )))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Maximum number of bytes: a run asks a few questions about at most 512 connections each, and the answer about one
/// connection has about 500 bytes.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Maximum waiting time, in idle timeouts: the search for a control port has three rounds, and then the server is
/// asked.
const WAITS: u32 = 6;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

    #[test]
    fn a_server_that_never_answers_costs_its_time_and_then_none() {
        let (mut spent, begun) = (Spent::default(), Instant::now());
        let mut now = begun;
        for _ in 0..100 {
            spent.begin(now);
            now += spent.left(IDLE_TIMEOUT, now);
            spent.end(now);
        }
        assert_eq!(now - begun, IDLE_TIMEOUT * WAITS);
    }

    #[test]
    fn waits_at_the_same_time_count_once() {
        let (mut spent, begun) = (Spent::default(), Instant::now());
        for _ in 0..100 {
            spent.begin(begun);
        }
        for _ in 0..100 {
            spent.end(begun + IDLE_TIMEOUT);
        }
        assert_eq!(spent.waited, IDLE_TIMEOUT);
    }

    #[tokio::test]
    async fn all_connections_together_bring_no_more_than_the_server_may_send() {
        let allowance = Allowance::default();
        let mut all = 0;
        for _ in 0..5 {
            let endless = Metered::new(tokio::io::repeat(0), allowance.clone());
            let mut some = endless.take(MAX_BYTES / 3);
            let mut bytes = Vec::new();
            let _ = some.read_to_end(&mut bytes).await;
            all += bytes.len() as u64;
        }
        assert!(all > MAX_BYTES / 2 && all <= MAX_BYTES, "{all}");
    }
}

//! The stream of an HTTP/2 connection whose peer is still a stranger. Until a call has proved a key, it sends nothing
//! before the peer's complete HTTP/2 preface has arrived, and then no more bytes than have arrived, counted on the
//! wire. It stops reading a peer that sends more than a first call needs without proving a key, because HTTP/2 keeps an
//! incomplete message until the rest arrives, and a stranger may never send the rest.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// A stream whose peer has sent the HTTP/2 preface.
#[derive(Debug)]
pub(crate) struct Restrained<S> {
    stream: S,
    /// The first bytes that the peer sent, and the number of them that HTTP/2 has read from here.
    opening: ([u8; OPENING], usize),
    /// The number of bytes that may still be read.
    hearing: usize,
    /// The number of bytes that may be put on the wire now.
    allowance: usize,
    /// The number of bytes by which a write grows on the wire.
    overhead: usize,
    restraint: Restraint,
}

/// A handle that lifts the limit of a [`Restrained`] stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restraint(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_lifted: AtomicBool,
    /// Wakes a waiting write.
    waiting: AtomicWaker,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Restrained<S> {
    /// Waits for the preface. A peer that sends anything else is never answered. Returns `None` if the stream has
    /// ended. `overhead` is the number of bytes by which a TLS record is longer than its content, in both directions.
    pub(crate) async fn behind_preface(mut stream: S, overhead: usize) -> Option<Self> {
        let mut came = [0; OPENING];
        stream.read_exact(&mut came).await.ok()?;
        if !came.starts_with(PREFACE) {
            std::future::pending::<()>().await;
        }
        Some(Self {
            stream,
            opening: (came, 0),
            hearing: STRANGERS_BYTES - OPENING,
            // The opening came in at least one record, so the overhead of one is added. Later bytes may have come in
            // the same records, so nothing is added for them.
            allowance: OPENING + overhead,
            overhead,
            restraint: Restraint::default(),
        })
    }

    pub(crate) fn restraint(&self) -> Restraint {
        self.restraint.clone()
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl Restraint {
    /// Lifts the limit, because the peer has proved a key.
    pub(crate) fn lift(&self) {
        self.0.is_lifted.store(true, Ordering::Release);
        self.0.waiting.wake();
    }

    fn is_lifted(&self) -> bool {
        self.0.is_lifted.load(Ordering::Acquire)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Restrained<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let (opening, again) = &mut this.opening;
        let left = &opening[*again..];
        if !left.is_empty() {
            let n = left.len().min(buffer.remaining());
            buffer.put_slice(&left[..n]);
            *again += n;
            return Poll::Ready(Ok(()));
        }
        if this.restraint.is_lifted() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        if this.hearing == 0 {
            // The error ends the connection, which frees the incomplete message immediately.
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let most = buffer.remaining().min(this.hearing);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        let polled = Pin::new(&mut this.stream).poll_read(context, &mut part);
        let read = part.filled().len();
        buffer.advance(read);
        if read > 0 {
            this.hearing -= read;
            this.allowance = this.allowance.saturating_add(read);
            this.restraint.0.waiting.wake();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Restrained<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let affordable = this.allowance.saturating_sub(this.overhead);
        if affordable == 0 {
            // The waker is registered before the check, so that lifting the limit between the two is not missed.
            this.restraint.0.waiting.register(context.waker());
        }
        if this.restraint.is_lifted() || bytes.is_empty() {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        }
        if affordable == 0 {
            return Poll::Pending;
        }
        // If nothing waits to be sent, a write becomes one record.
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        let n = bytes.len().min(affordable).min(RECORD);
        let polled = Pin::new(&mut this.stream).poll_write(context, &bytes[..n]);
        if let Poll::Ready(Ok(written)) = polled {
            let cost = written + this.overhead;
            this.allowance = this.allowance.saturating_sub(cost);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// The bytes that a client's side begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The preface with the header of the settings frame that has to follow immediately (RFC 9113 sections 3.4 and 4.1).
/// The HTTP/2 library reads only after it has sent its own settings, which are as long as these bytes.
const OPENING: usize = PREFACE.len() + 9;
/// The number of bytes read from a stranger. A first call has less than a kilobyte, and HTTP/2's own frames add little.
const STRANGERS_BYTES: usize = 1 << 14;
/// The maximum content of one record (RFC 8446 section 5.1).
const RECORD: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_stranger_is_told_no_more_than_he_says() {
        let (mut peer, stream) = duplex(4096);
        peer.write_all(&opening()).await.unwrap();
        let mut stream = Restrained::behind_preface(stream, OVERHEAD).await.unwrap();
        let mut again = [0; OPENING];
        stream.read_exact(&mut again).await.unwrap();
        assert_eq!(again, opening());
        assert_eq!(stream.write(&[1; 100]).await.unwrap(), OPENING);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let more = Pin::new(&mut stream).poll_write(&mut context, &[2; 60]);
        assert!(more.is_pending());
    }

    #[tokio::test]
    async fn what_is_said_earns_as_much_and_a_proof_lifts_the_limit() {
        let (mut peer, stream) = duplex(4096);
        peer.write_all(&opening()).await.unwrap();
        let mut stream = Restrained::behind_preface(stream, OVERHEAD).await.unwrap();
        let restraint = stream.restraint();
        stream.write_all(&[1; OPENING]).await.unwrap();
        peer.write_all(&[0; 10 + OVERHEAD]).await.unwrap();
        let came = OPENING + 10 + OVERHEAD;
        stream.read_exact(&mut vec![0; came]).await.unwrap();
        assert_eq!(stream.write(&[2; 100]).await.unwrap(), 10);
        let waiting = tokio::spawn(async move { stream.write_all(&[3; 1000]).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        restraint.lift();
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn who_says_anything_else_is_not_answered() {
        let (mut peer, stream) = duplex(4096);
        let mut waiting = Box::pin(Restrained::behind_preface(stream, OVERHEAD));
        let mut context = Context::from_waker(std::task::Waker::noop());
        for piece in [&PREFACE[..23], b"x", &[0; 9]] {
            peer.write_all(piece).await.unwrap();
            assert!(waiting.as_mut().poll(&mut context).is_pending());
        }
    }

    #[tokio::test]
    async fn nothing_begins_where_the_preface_never_ends() {
        let (mut peer, stream) = duplex(4096);
        peer.write_all(&opening()[..OPENING - 1]).await.unwrap();
        drop(peer);
        assert!(Restrained::behind_preface(stream, OVERHEAD).await.is_none());
    }

    #[tokio::test]
    async fn what_would_go_out_with_nothing_but_a_record_around_it_waits() {
        let (mut peer, stream) = duplex(4096);
        peer.write_all(&opening()).await.unwrap();
        peer.write_all(&[0; OVERHEAD]).await.unwrap();
        let mut stream = Restrained::behind_preface(stream, OVERHEAD).await.unwrap();
        stream.write_all(&[1; OPENING]).await.unwrap();
        let mut all = [0; OPENING + OVERHEAD];
        stream.read_exact(&mut all).await.unwrap();
        let mut context = Context::from_waker(std::task::Waker::noop());
        let more = Pin::new(&mut stream).poll_write(&mut context, &[2; 9]);
        assert!(more.is_pending());
        peer.write_all(&[0]).await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        assert_eq!(stream.write(&[2; 9]).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_stranger_is_heard_only_so_far_and_a_proof_lifts_the_limit() {
        let (mut peer, stream) = duplex(2 * STRANGERS_BYTES);
        let mut said = opening().to_vec();
        said.resize(STRANGERS_BYTES + 100, 1);
        peer.write_all(&said).await.unwrap();
        let mut stream = Restrained::behind_preface(stream, OVERHEAD).await.unwrap();
        let mut heard = vec![0; STRANGERS_BYTES];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, said[..STRANGERS_BYTES]);
        let more = stream.read(&mut [0; 100]).await.unwrap_err();
        assert_eq!(more.kind(), io::ErrorKind::InvalidData);
        stream.restraint().lift();
        let mut rest = [0; 100];
        stream.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, [1; 100]);
    }

    /// Returns the preface and the header of an empty settings frame.
    fn opening() -> [u8; OPENING] {
        let mut opening = [0; OPENING];
        opening[..PREFACE.len()].copy_from_slice(PREFACE);
        opening[PREFACE.len() + 3] = 4;
        opening
    }

    const OVERHEAD: usize = 22;
}

//! The stream of an HTTP/2 connection whose peer is still a stranger: nothing is said before HTTP/2's
//! preface has come whole, and from there on no more than has come, until a call has proved a key.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// A stream from behind the preface.
#[derive(Debug)]
pub(crate) struct Restrained<S> {
    stream: S,
    /// What has been read, and how much of it has been read again from here.
    opening: ([u8; OPENING], usize),
    /// Bytes that may be written now.
    allowance: usize,
    restraint: Restraint,
}

/// Lifts the limit of its stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restraint(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_lifted: AtomicBool,
    /// Of a write that waits.
    waiting: AtomicWaker,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Restrained<S> {
    /// Waits for the preface; who says anything else is never answered. `None`: the stream has ended.
    pub(crate) async fn behind_preface(mut stream: S) -> Option<Self> {
        let mut came = [0; OPENING];
        stream.read_exact(&mut came).await.ok()?;
        if !came.starts_with(PREFACE) {
            std::future::pending::<()>().await;
        }
        Some(Self {
            stream,
            opening: (came, 0),
            allowance: OPENING,
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
    /// The peer has proved a key.
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
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        if read > 0 {
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
        let waiting = &this.restraint.0.waiting;
        if this.allowance == 0 {
            // Before the look, so that it is not lifted unheard between the two.
            waiting.register(context.waker());
        }
        let n = match this.restraint.is_lifted() {
            true => bytes.len(),
            false => bytes.len().min(this.allowance),
        };
        if n == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut this.stream).poll_write(context, &bytes[..n]);
        if let Poll::Ready(Ok(written)) = polled {
            this.allowance = this.allowance.saturating_sub(written);
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

/// What a client's side begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// With the header of the settings that have to follow at once (the same section, and 4.1). The HTTP/2 library
/// reads nothing before its own settings are out, which are as long as this.
const OPENING: usize = PREFACE.len() + 9;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_stranger_is_told_no_more_than_he_says() {
        let (mut peer, stream) = duplex(4096);
        peer.write_all(&opening()).await.unwrap();
        let mut stream = Restrained::behind_preface(stream).await.unwrap();
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
        let mut stream = Restrained::behind_preface(stream).await.unwrap();
        let restraint = stream.restraint();
        stream.write_all(&[1; OPENING]).await.unwrap();
        peer.write_all(&[0; 10]).await.unwrap();
        stream.read_exact(&mut [0; OPENING + 10]).await.unwrap();
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
        let mut waiting = Box::pin(Restrained::behind_preface(stream));
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
        assert!(Restrained::behind_preface(stream).await.is_none());
    }

    /// The preface, and the header of empty settings.
    fn opening() -> [u8; OPENING] {
        let mut opening = [0; OPENING];
        opening[..PREFACE.len()].copy_from_slice(PREFACE);
        opening[PREFACE.len() + 3] = 4;
        opening
    }
}

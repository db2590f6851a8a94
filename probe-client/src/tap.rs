//! Watches the bytes of a TCP connection below TLS: counts them, keeps the first ones in each direction, and hashes the
//! ClientHello.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use proto::client_hello::ClientHelloTap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that keeps the first bytes in each direction.
#[derive(Debug)]
pub(crate) struct Tap<S> {
    inner: S,
    /// Bytes read already, which the reader gets before anything else.
    unread: Vec<u8>,
    /// The first bytes of TLS, up to [`KEPT`] in each direction.
    first_written: Vec<u8>,
    first_read: Vec<u8>,
    hello: ClientHelloTap,
    tls: bool,
    read: u64,
    written: u64,
}

impl<S> Tap<S> {
    /// Wraps `inner`; `unread` has been read from it already.
    pub(crate) fn new(inner: S, unread: Vec<u8>) -> Self {
        Self {
            inner,
            unread,
            first_written: Vec::new(),
            first_read: Vec::new(),
            hello: ClientHelloTap::new(),
            tls: false,
            read: 0,
            written: 0,
        }
    }

    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }

    /// Notes that TLS starts here; `unread` has been read already.
    pub(crate) fn tls_starts(&mut self, unread: Vec<u8>) {
        self.tls = true;
        // Bytes that the session returns come before bytes that it has not been given yet.
        self.unread.splice(..0, unread);
        self.first_read.extend(self.unread.iter().take(KEPT));
    }

    /// Returns the first bytes written since TLS started.
    pub(crate) fn first_written(&self) -> &[u8] {
        &self.first_written
    }

    /// Returns the first bytes read since TLS started.
    pub(crate) fn first_read(&self) -> &[u8] {
        &self.first_read
    }

    /// Returns the digest of the ClientHello messages written so far.
    pub(crate) fn client_hello_sha256(&self) -> Option<[u8; 32]> {
        self.hello.sha256()
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    pub(crate) fn bytes_written(&self) -> u64 {
        self.written
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        if self.tls {
            keep(&mut self.first_written, bytes);
            self.hello.push(bytes);
        }
    }

    fn did_read(&mut self, bytes: &[u8]) {
        self.read += bytes.len() as u64;
        if self.tls {
            keep(&mut self.first_read, bytes);
        }
    }
}

fn keep(first: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT.saturating_sub(first.len()).min(bytes.len());
    first.extend_from_slice(&bytes[..room]);
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.unread.is_empty() {
            let n = this.unread.len().min(buf.remaining());
            buf.put_slice(&this.unread[..n]);
            this.unread.drain(..n);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.inner).poll_read(cx, buf);
        this.did_read(&buf.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = polled {
            this.wrote(&buf[..n]);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// Number of bytes to keep: the longest prefix for which a sighting has a digest.
const KEPT: usize = proto::limits::SIGHTING_PREFIXES[proto::limits::SIGHTING_PREFIXES.len() - 1];

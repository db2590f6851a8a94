//! The TCP side of a TLS stream: gives TLS the bytes that were read before it began, and tells the
//! session of every byte that crosses.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::track::Track;

/// A TCP connection below TLS.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    /// Read already and not yet handed on; the session has counted it.
    leftover: Vec<u8>,
    /// `None` once the session has no part in it any more.
    track: Option<Arc<Track>>,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, leftover: Vec<u8>, track: Arc<Track>) -> Self {
        Self {
            tcp,
            leftover,
            track: Some(track),
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// From now on the session hears nothing.
    pub(crate) fn let_go(&mut self) {
        self.track = None;
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.leftover.is_empty() {
            let n = this.leftover.len().min(buffer.remaining());
            buffer.put_slice(&this.leftover[..n]);
            this.leftover.drain(..n);
            if this.leftover.is_empty() {
                this.leftover = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.tcp).poll_read(context, buffer);
        let read = &buffer.filled()[before..];
        if let Some(track) = &this.track
            && !read.is_empty()
        {
            track.session().tls_received(track.now(), read);
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.tcp).poll_write(context, bytes);
        this.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.tcp).poll_write_vectored(context, slices);
        this.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

impl Wire {
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if let (Some(track), Poll::Ready(Ok(written))) = (&self.track, polled) {
            track.session().tls_sent(track.now(), *written);
        }
    }
}

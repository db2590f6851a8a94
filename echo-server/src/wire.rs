//! The TCP side of a TLS stream: gives TLS the bytes that were read before it began, tells the session about every
//! byte that crosses, and ends connections that only fill the memory of TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::InvalidMessage;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::track::Track;

/// A TCP connection below TLS.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    /// Read already and not yet handed on; the session has counted it.
    leftover: Vec<u8>,
    /// How much more may come before anything has come of it.
    allowance: usize,
    /// `None` once the session has no part in it any more.
    track: Option<Arc<Track>>,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, leftover: Vec<u8>, track: Arc<Track>) -> Self {
        Self {
            tcp,
            leftover,
            allowance: ALLOWANCE,
            track: Some(track),
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Records progress: the bytes completed a handshake, or a record for the session inside.
    pub(crate) fn made_sense(&mut self) {
        self.allowance = ALLOWANCE;
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
        if this.allowance == 0 {
            return Poll::Ready(Err(too_long()));
        }
        let before = buffer.filled().len();
        let polled = this.poll_either(context, buffer);
        let read = buffer.filled().len() - before;
        this.allowance = this.allowance.saturating_sub(read);
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
    fn poll_either(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.leftover.is_empty() {
            let n = self.leftover.len().min(buffer.remaining());
            buffer.put_slice(&self.leftover[..n]);
            self.leftover.drain(..n);
            if self.leftover.is_empty() {
                self.leftover = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.tcp).poll_read(context, buffer);
        let read = &buffer.filled()[before..];
        if let Some(track) = &self.track
            && !read.is_empty()
        {
            track.session().tls_received(track.now(), read);
        }
        polled
    }

    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if let (Some(track), Poll::Ready(Ok(written))) = (&self.track, polled) {
            track.session().tls_sent(track.now(), *written);
        }
    }
}

/// What the TLS library says of twice as much.
fn too_long() -> io::Error {
    let error = rustls::Error::from(InvalidMessage::HandshakePayloadTooLarge);
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The library keeps a handshake's message until its end comes, also behind the handshake, and a client's
/// certificates for as long as the connection lasts. It reads 4 KiB at a time, which makes that 32 KiB at most. A record
/// has half as much, and a chain of a dozen certificates fits.
const ALLOWANCE: usize = 28 * 1024;

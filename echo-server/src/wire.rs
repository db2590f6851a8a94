//! The TCP side of a TLS stream. It gives TLS the bytes that were read before TLS began, reports every byte to the
//! session, and ends connections that only fill the memory of TLS.

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
    /// Bytes that were read before TLS and are not passed on yet. The session has counted them.
    leftover: Vec<u8>,
    /// The number of bytes that may still come before a handshake or a record must be complete.
    allowance: usize,
    /// The record of the connection; `None` once the session is no longer involved.
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

    /// Records progress: the bytes so far completed the handshake, or a record for the session inside TLS.
    pub(crate) fn made_sense(&mut self) {
        self.allowance = ALLOWANCE;
    }

    /// Stops reporting to the session.
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

/// Returns the error that the TLS library itself reports for twice as many bytes.
fn too_long() -> io::Error {
    let error = rustls::Error::from(InvalidMessage::HandshakePayloadTooLarge);
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The number of bytes that may come without progress. The library keeps a handshake message until its end has come,
/// even after the handshake, and a client's certificates for as long as the connection lasts. It reads 4 KiB at a time,
/// so this allows at most 32 KiB. A record is half as long, and a chain of a dozen certificates fits.
const ALLOWANCE: usize = 28 * 1024;

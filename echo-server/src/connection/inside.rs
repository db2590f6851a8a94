//! The stream inside a TLS connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::wire::Wire;

/// The stream after a finished handshake. If the TLS library buffers too many bytes without a complete record for the
/// session, the connection ends as it would during the handshake.
#[derive(Debug)]
pub(crate) struct Inside(TlsStream<Wire>);

impl Inside {
    pub(super) fn of(mut stream: TlsStream<Wire>) -> Self {
        stream.get_mut().0.made_sense();
        Self(stream)
    }

    pub(crate) fn wire(&self) -> &Wire {
        self.0.get_ref().0
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        self.0.get_mut().0
    }

    pub(super) fn tls(&self) -> &ServerConnection {
        self.0.get_ref().1
    }
}

impl AsyncRead for Inside {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.0).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.wire_mut().made_sense();
        }
        polled
    }
}

impl AsyncWrite for Inside {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

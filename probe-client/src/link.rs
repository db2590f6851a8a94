//! A connection that carries bytes for the server: to the server itself, or to the proxy on the path.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use probe_core::measurement::Redial;
use probe_core::observation::{Failure, Observation};
use probe_core::proxy::ProxyAccount;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection that is ready for the session's first byte.
#[derive(Debug)]
pub(crate) enum Link {
    Tcp(TcpStream),
    /// A TLS connection to a proxy.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The result of opening a connection.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) link: Result<Link, Failure>,
    /// The observations of all steps taken, including the failed one.
    pub(crate) observations: Vec<Observation>,
    pub(crate) proxy: Option<ProxyAccount>,
    /// The difference to the first attempt, if the connection was dialled again; `None` if it was not.
    pub(crate) redial: Option<Redial>,
    /// Bytes that the proxy sent after its last answer: the server's first bytes.
    pub(crate) unread: Vec<u8>,
}

impl Link {
    /// Returns the TCP connection below, to ask the kernel about it.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }
}

impl Opened {
    pub(crate) fn failed(failure: Failure, observations: Vec<Observation>) -> Self {
        Self {
            link: Err(failure),
            observations,
            proxy: None,
            redial: None,
            unread: Vec::new(),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

//! Devices between client and server, and services that take the server's place, each on a [`Seat`].
//!
//! They relay or replace TCP streams, which needs no right to change packets.

mod compromised;
mod convert;
mod cut;
mod flip;
mod inspect;
mod intercept;
mod pipe;
mod proxy;
mod stranger;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Authority, Identity, Seat};

pub use compromised::Answers;
pub use convert::Conversion;
pub use cut::{Cut, Ending};
pub use flip::{At, Flip};
pub use inspect::{Dislike, Inspection};
pub use pipe::Direction;
pub use proxy::Manner;
pub use tls::{Onward, server_config, trusting_anyone, trusting_anyone_over};

/// A running device. Its connections end when it is dropped.
#[derive(Debug)]
pub struct Middlebox {
    accepting: JoinHandle<()>,
    port: u16,
    /// The number of times that the device has acted, for devices that do not act on every connection.
    strikes: Arc<AtomicUsize>,
}

impl Middlebox {
    /// Starts a service that returns everything that it receives.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn plain_echo(seat: Seat) -> anyhow::Result<Self> {
        Self::seat(seat, stranger::plain_echo)
    }

    /// Starts a service that reads everything and never answers.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn silent(seat: Seat) -> anyhow::Result<Self> {
        Self::seat(seat, stranger::silent)
    }

    /// Starts a web server, which answers anything but HTTP with 400 (Bad Request).
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn web_server(seat: Seat) -> anyhow::Result<Self> {
        Self::seat(seat, stranger::web_server)
    }

    /// Starts a web server inside TLS, which presents the same certificate for every name.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn tls_web_server(seat: Seat, authority: &Authority) -> anyhow::Result<Self> {
        let certificate = authority.issue("www.example.org")?;
        Self::seat(seat, move |client| {
            stranger::tls_web_server(client, Arc::clone(&certificate))
        })
    }

    /// Starts a server that has the genuine server's `identity`, but accepts no session, and gives control answers that
    /// are meant to cost the client memory or time.
    ///
    /// # Errors
    /// Fails if the seat or the identity cannot be used.
    pub fn compromised(seat: Seat, identity: &Identity, answers: Answers) -> anyhow::Result<Self> {
        let certificate = identity.certified()?;
        Self::seat(seat, move |client| {
            compromised::serve(client, Arc::clone(&certificate), answers)
        })
    }

    /// Starts a device that terminates TLS with a certificate made for the requested name, shows its own page, and
    /// relays nothing.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn minting_wall(seat: Seat, authority: Arc<Authority>) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| {
            intercept::wall(client, Arc::clone(&authority))
        })
    }

    /// Starts a device that terminates TLS with a certificate made for the requested name, and relays the content to
    /// `upstream`.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn interceptor(
        seat: Seat,
        upstream: SocketAddr,
        authority: Arc<Authority>,
        onward: Onward,
    ) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| {
            intercept::relay(client, upstream, Arc::clone(&authority), onward)
        })
    }

    /// Starts a device that relays to `upstream` without changing anything.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn relay(seat: Seat, upstream: SocketAddr) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| pipe::relay(client, upstream))
    }

    /// Starts a device that relays each session to `upstream`, converted to another session kind.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn converting(
        seat: Seat,
        upstream: SocketAddr,
        conversion: Conversion,
    ) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| {
            convert::relay(client, upstream, conversion)
        })
    }

    /// Starts a device that relays to `upstream`, and flips one bit of each connection.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn flipping(seat: Seat, upstream: SocketAddr, flip: Flip) -> anyhow::Result<Self> {
        let strikes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&strikes);
        let middlebox = Self::seat(seat, move |client| {
            flip::relay(client, upstream, flip, Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(strikes))
    }

    /// Starts a device that relays to `upstream` until a number of bytes has passed.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn cutting(seat: Seat, upstream: SocketAddr, cut: Cut) -> anyhow::Result<Self> {
        let strikes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&strikes);
        let middlebox = Self::seat(seat, move |client| {
            cut::relay(client, upstream, cut, Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(strikes))
    }

    /// Starts a proxy that connects every request to `upstream`. [`strikes`](Self::strikes) counts its tunnels.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn proxy(seat: Seat, upstream: IpAddr, manner: Manner) -> anyhow::Result<Self> {
        let tunnels = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tunnels);
        let middlebox = Self::seat(seat, move |client| {
            proxy::serve(client, upstream, manner.clone(), Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(tunnels))
    }

    /// Starts a device that relays to `upstream`, and ends connections whose first bytes it dislikes.
    ///
    /// # Errors
    /// Fails if the seat cannot be used.
    pub fn inspecting(
        seat: Seat,
        upstream: SocketAddr,
        inspection: Inspection,
    ) -> anyhow::Result<Self> {
        let strikes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&strikes);
        let middlebox = Self::seat(seat, move |client| {
            inspect::relay(client, upstream, inspection, Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(strikes))
    }

    /// Returns the port to dial.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns how often the device flipped a bit or ended a connection. For a proxy, returns the number of tunnels,
    /// together with the events that [`Manner`] counts like tunnels.
    pub fn strikes(&self) -> usize {
        self.strikes.load(Ordering::SeqCst)
    }

    fn counting(mut self, strikes: Arc<AtomicUsize>) -> Self {
        self.strikes = strikes;
        self
    }

    fn seat<F>(
        seat: Seat,
        behaviour: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let port = seat.port()?;
        let _inside = RUNTIME.enter();
        let listener = TcpListener::from_std(seat.into_listener()).context("a listening seat")?;
        let accepting = RUNTIME.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(behaviour(client));
            }
        });
        Ok(Self {
            accepting,
            port,
            strikes: Arc::default(),
        })
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The runtime of all devices of all tests in this process.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started: the test runner has just started one for this test")
});

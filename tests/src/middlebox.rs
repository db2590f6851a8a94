//! Devices between the two ends, and strangers in the server's place, each on a [`Seat`]: what a
//! network can do to a connection without the right to change a packet.

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

/// A device at work. Everything that it does ends when it is dropped.
#[derive(Debug)]
pub struct Middlebox {
    accepting: JoinHandle<()>,
    port: u16,
    /// How often it has done what it is there for, where that is not always.
    strikes: Arc<AtomicUsize>,
}

impl Middlebox {
    /// Returns whatever it gets.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn plain_echo(seat: Seat) -> anyhow::Result<Self> {
        Self::seat(seat, stranger::plain_echo)
    }

    /// Takes everything and says nothing.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn silent(seat: Seat) -> anyhow::Result<Self> {
        Self::seat(seat, stranger::silent)
    }

    /// Speaks HTTP, and to everything else answers that it was no proper request.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn web_server(seat: Seat) -> anyhow::Result<Self> {
        Self::seat(seat, stranger::web_server)
    }

    /// The same inside TLS, with one certificate whatever it is asked for.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn tls_web_server(seat: Seat, authority: &Authority) -> anyhow::Result<Self> {
        let certificate = authority.issue("www.example.org")?;
        Self::seat(seat, move |client| {
            stranger::tls_web_server(client, Arc::clone(&certificate))
        })
    }

    /// Holds a server's `identity`, takes no session, and gives control answers that are meant to cost the client.
    ///
    /// # Errors
    /// The seat or the identity cannot be used.
    pub fn compromised(seat: Seat, identity: &Identity, answers: Answers) -> anyhow::Result<Self> {
        let certificate = identity.certified()?;
        Self::seat(seat, move |client| {
            compromised::serve(client, Arc::clone(&certificate), answers)
        })
    }

    /// Opens TLS with a certificate made for the name that it is asked for, shows a page of its own,
    /// and relays nothing.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn minting_wall(seat: Seat, authority: Arc<Authority>) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| {
            intercept::wall(client, Arc::clone(&authority))
        })
    }

    /// Opens TLS with a certificate made for the name that it is asked for, and relays what is in it
    /// to `upstream`.
    ///
    /// # Errors
    /// The seat cannot be used.
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

    /// Relays to `upstream`, and changes nothing.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn relay(seat: Seat, upstream: SocketAddr) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| pipe::relay(client, upstream))
    }

    /// Relays to `upstream`, as another kind of session than it was sent in.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn converting(
        seat: Seat,
        upstream: SocketAddr,
        conversion: Conversion,
    ) -> anyhow::Result<Self> {
        Self::seat(seat, move |client| {
            convert::relay(client, upstream, conversion)
        })
    }

    /// Relays to `upstream`, and flips a bit of each connection.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn flipping(seat: Seat, upstream: SocketAddr, flip: Flip) -> anyhow::Result<Self> {
        let strikes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&strikes);
        let middlebox = Self::seat(seat, move |client| {
            flip::relay(client, upstream, flip, Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(strikes))
    }

    /// Relays to `upstream` until a number of bytes has passed.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn cutting(seat: Seat, upstream: SocketAddr, cut: Cut) -> anyhow::Result<Self> {
        let strikes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&strikes);
        let middlebox = Self::seat(seat, move |client| {
            cut::relay(client, upstream, cut, Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(strikes))
    }

    /// A proxy for whatever is on `upstream`. Its strikes are the tunnels that it has made.
    ///
    /// # Errors
    /// The seat cannot be used.
    pub fn proxy(seat: Seat, upstream: IpAddr, manner: Manner) -> anyhow::Result<Self> {
        let tunnels = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tunnels);
        let middlebox = Self::seat(seat, move |client| {
            proxy::serve(client, upstream, manner.clone(), Arc::clone(&counted))
        })?;
        Ok(middlebox.counting(tunnels))
    }

    /// Relays to `upstream`, unless a connection begins with what it dislikes.
    ///
    /// # Errors
    /// The seat cannot be used.
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

    /// The port to dial.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often it flipped a bit or cut a connection.
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

/// All devices of all tests of one program.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started: the test runner has just started one for this test")
});

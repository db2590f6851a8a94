//! Ports that are taken before anyone knows what will stand there.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use socket2::{Domain, Socket, Type};

/// A listening port whose connections wait until a middlebox sits down there.
#[derive(Debug)]
pub struct Seat(std::net::TcpListener);

/// A port that answers with RST, and that nobody gets by chance meanwhile: who asks for it by its number and for
/// `SO_REUSEADDR` can listen there.
#[derive(Debug)]
pub struct ShutPort {
    address: SocketAddr,
    _held: Socket,
}

impl Seat {
    /// A free port of `ip`.
    ///
    /// # Errors
    /// There is none.
    pub fn take(ip: IpAddr) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind((ip, 0)).context("a free port")?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// # Errors
    /// The system does not say.
    pub fn port(&self) -> anyhow::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// The listener itself; it does not block.
    pub fn into_listener(self) -> std::net::TcpListener {
        self.0
    }
}

impl ShutPort {
    /// A free port of `ip`.
    ///
    /// # Errors
    /// There is none.
    pub fn take(ip: IpAddr) -> anyhow::Result<Self> {
        Self::hold(SocketAddr::new(ip, 0))
    }

    /// Takes the place of whoever has just left `address`.
    ///
    /// # Errors
    /// Somebody listens there.
    pub fn hold(address: SocketAddr) -> anyhow::Result<Self> {
        let held = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        held.set_reuse_address(true)?;
        held.bind(&address.into())
            .with_context(|| format!("{address} is to be held shut"))?;
        let address = held.local_addr()?.as_socket().context("an address of IP")?;
        Ok(Self {
            address,
            _held: held,
        })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

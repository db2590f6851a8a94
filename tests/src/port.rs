//! Ports that are reserved before it is known which program will listen there.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use socket2::{Domain, Socket, Type};

/// A listening port whose connections wait until a middlebox accepts them.
#[derive(Debug)]
pub struct Seat(std::net::TcpListener);

/// A port that answers with RST and is reserved, so that no other program gets it by chance.
///
/// A program that asks for this port number with `SO_REUSEADDR` can still listen there.
#[derive(Debug)]
pub struct ShutPort {
    address: SocketAddr,
    _held: Socket,
}

impl Seat {
    /// Takes a free port of `ip`.
    ///
    /// # Errors
    /// Fails if there is no free port.
    pub fn take(ip: IpAddr) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind((ip, 0)).context("a free port")?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// Returns the port number.
    ///
    /// # Errors
    /// Fails if the system does not report the port.
    pub fn port(&self) -> anyhow::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Returns the listener, which is non-blocking.
    pub fn into_listener(self) -> std::net::TcpListener {
        self.0
    }
}

impl ShutPort {
    /// Takes a free port of `ip`.
    ///
    /// # Errors
    /// Fails if there is no free port.
    pub fn take(ip: IpAddr) -> anyhow::Result<Self> {
        Self::hold(SocketAddr::new(ip, 0))
    }

    /// Takes over `address` from a program that has just left it.
    ///
    /// # Errors
    /// Fails if a program listens there.
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

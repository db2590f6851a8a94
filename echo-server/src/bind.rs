//! Takes every port before anything is served, or says of each why not.

mod error;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;

use echo_core::control::ListenerFacts;
use tokio::net::TcpListener;

use crate::config::{Config, Listen, ListenAddress};
use crate::identity::Identity;
use crate::instance::Instance;

pub use self::error::{BindCause, BindError, BindErrors};

/// A server that holds its ports and does not answer yet: connections wait in the backlog.
#[derive(Debug)]
pub struct Bound {
    pub(crate) instance: Arc<Instance>,
    pub(crate) listeners: Vec<BoundListener>,
}

/// One listener.
#[derive(Debug)]
pub struct BoundListener {
    pub(crate) socket: TcpListener,
    address: SocketAddr,
    public_port: Option<u16>,
}

/// Binds every listener of `config`. Must be called within a tokio runtime.
///
/// # Errors
/// All listeners that cannot be bound.
pub fn bind(config: Config, identity: &Identity) -> Result<Bound, BindErrors> {
    let mut listeners = Vec::new();
    let mut errors = Vec::new();
    for listen in &config.listen {
        match bind_one(listen, &config) {
            Ok(listener) => listeners.push(listener),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(BindErrors(errors));
    }
    let described = listeners.iter().map(BoundListener::facts).collect();
    Ok(Bound {
        instance: Arc::new(Instance::new(config, identity, described)),
        listeners,
    })
}

fn bind_one(listen: &Listen, config: &Config) -> Result<BoundListener, BindError> {
    let failed = |error: std::io::Error| BindError::new(*listen, error);
    let shares_ipv4 = config.listen.iter().all(|other| {
        let is_ipv4 = matches!(other.address, ListenAddress::One(ip) if ip.is_ipv4());
        other.port != listen.port || listen.port == 0 || !is_ipv4
    });
    let socket = socket::listening(listen, shares_ipv4, config.reuse_port).map_err(failed)?;
    let socket = TcpListener::from_std(socket.into()).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(BoundListener {
        socket,
        address,
        public_port: listen.public_port,
    })
}

impl Bound {
    pub fn listeners(&self) -> &[BoundListener] {
        &self.listeners
    }
}

impl BoundListener {
    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that clients dial to get here.
    pub fn public_port(&self) -> u16 {
        self.public_port.unwrap_or_else(|| self.address.port())
    }

    fn facts(&self) -> ListenerFacts {
        ListenerFacts {
            address: self.address,
            public_port: self.public_port,
            bound: true,
        }
    }

    /// As [`Listen`](crate::Listen): `None` if no other was named.
    pub(crate) fn translated_port(&self) -> Option<u16> {
        self.public_port
    }
}

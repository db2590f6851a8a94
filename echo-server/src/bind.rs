//! Binds every port before anything is served, or reports for each port why it cannot be bound.

mod error;
mod inherited;
mod socket;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use echo_core::control::ListenerFacts;
use tokio::sync::mpsc;

use crate::config::{Config, Listen, ListenAddress};
use crate::identity::Identity;
use crate::instance::Instance;
use crate::reload::{ReloadRequest, WAITING};
use crate::witness::SynWitness;

pub(crate) use self::error::without_witness;
pub use self::error::{BindCause, BindError, BindErrors};
pub(crate) use self::inherited::Inherited;

/// A server that holds its ports and does not answer yet: connections wait in the backlog.
#[derive(Debug)]
pub struct Bound {
    pub(crate) instance: Arc<Instance>,
    pub(crate) listeners: Vec<BoundListener>,
    pub(crate) private: PrivateListeners,
    /// The reload requests of admins; `None` once the receiver has been taken.
    pub(crate) reloads: Option<mpsc::Receiver<ReloadRequest>>,
}

/// The listeners of [`Private`](crate::Private) that the configuration asks for.
#[derive(Debug, Default)]
pub(crate) struct PrivateListeners {
    pub(crate) health: Option<TcpListener>,
    pub(crate) metrics: Option<TcpListener>,
}

/// A listener of a bound server.
#[derive(Debug)]
pub struct BoundListener {
    pub(crate) socket: TcpListener,
    address: SocketAddr,
    public_port: Option<u16>,
}

/// Binds every listener of `config`.
///
/// # Errors
/// Returns the errors of all listeners that cannot be bound. If the configuration asks for the witness and it cannot be
/// opened, that error is included.
pub fn bind(config: Config, identity: &Identity) -> Result<Bound, BindErrors> {
    bind_or_inherit(config, identity, Inherited::default())
}

/// Binds like [`bind`], but takes the sockets that already exist from `inherited`.
pub(crate) fn bind_or_inherit(
    config: Config,
    identity: &Identity,
    mut inherited: Inherited,
) -> Result<Bound, BindErrors> {
    let mut listeners = Vec::new();
    let mut errors = Vec::new();
    for listen in &config.listen {
        match bind_one(listen, &config, config.reuse_port, &mut inherited) {
            Ok(listener) => listeners.push(listener),
            Err(error) => errors.push(error),
        }
    }
    let mut private = |address: Option<SocketAddr>| {
        let listen = Listen::on(address?);
        // These listeners report on one process, so another process must not share their ports.
        let bound = bind_one(&listen, &config, false, &mut inherited);
        bound.map_err(|error| errors.push(error)).ok()
    };
    let private = PrivateListeners {
        health: private(config.private.health).map(|listener| listener.socket),
        metrics: private(config.private.metrics).map(|listener| listener.socket),
    };
    errors.extend(inherited.left().map(BindError::not_configured));
    let described: Vec<_> = listeners.iter().map(BoundListener::facts).collect();
    let witness = config.witness.then(|| SynWitness::open(described.clone()));
    let (witness, unwitnessed) = match witness.transpose() {
        Ok(witness) => (witness, None),
        Err(error) => (None, Some(error)),
    };
    if !errors.is_empty() || unwitnessed.is_some() {
        return Err(BindErrors::new(errors, unwitnessed));
    }
    let (ask, reloads) = mpsc::channel(WAITING);
    Ok(Bound {
        instance: Arc::new(Instance::new(config, identity, described, witness, ask)),
        listeners,
        private,
        reloads: Some(reloads),
    })
}

fn bind_one(
    listen: &Listen,
    config: &Config,
    reuse_port: bool,
    inherited: &mut Inherited,
) -> Result<BoundListener, BindError> {
    let failed = |error: std::io::Error| BindError::new(*listen, error);
    let socket = match inherited.take(listen).map_err(failed)? {
        Some(socket) => socket,
        None => open(listen, config, reuse_port).map_err(failed)?,
    };
    Ok(BoundListener {
        address: socket.local_addr().map_err(failed)?,
        socket,
        public_port: listen.public_port,
    })
}

fn open(listen: &Listen, config: &Config, reuse_port: bool) -> std::io::Result<TcpListener> {
    let shares_ipv4 = config.listen.iter().all(|other| {
        let is_ipv4 = matches!(other.address, ListenAddress::One(ip) if ip.is_ipv4());
        other.port != listen.port || listen.port == 0 || !is_ipv4
    });
    socket::listening(listen, shares_ipv4, reuse_port).map(TcpListener::from)
}

impl Bound {
    pub fn listeners(&self) -> &[BoundListener] {
        &self.listeners
    }

    /// Returns the purpose and the address of each private listener, with the port that it got.
    pub fn private_listeners(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.private.addresses()
    }
}

impl PrivateListeners {
    fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let each = [("health", &self.health), ("metrics", &self.metrics)];
        each.into_iter()
            .filter_map(|(what, socket)| Some((what, socket.as_ref()?.local_addr().ok()?)))
    }
}

impl BoundListener {
    /// Returns the listener's address, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the port that clients dial to reach this listener.
    pub fn public_port(&self) -> u16 {
        self.public_port.unwrap_or_else(|| self.address.port())
    }

    pub(crate) fn facts(&self) -> ListenerFacts {
        ListenerFacts {
            address: self.address,
            public_port: self.public_port,
            bound: true,
        }
    }
}

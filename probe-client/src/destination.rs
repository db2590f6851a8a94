//! A server as one path leads to it, with the means to open connections to its ports.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use probe_core::observation::{Observation, Operation};
use probe_core::path::{NetworkPath, authority};
use probe_core::proxy::ProxyTarget;

use crate::connect::connect;
use crate::context::RunContext;
use crate::control::Allowance;
use crate::link::{Link, Opened};
use crate::observe::Pending;
use crate::proxy::ProxyWay;

/// One server over one path.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) host: String,
    /// The server's address; `None` if only the proxy knows it.
    pub(crate) address: Option<IpAddr>,
    /// The name lookup that found the address; `None` if the name was not resolved here.
    pub(crate) resolved: Option<Observation>,
    pub(crate) way: Way,
    /// The remaining allowance for the server's control answers.
    pub(crate) control: Allowance,
}

/// A path, prepared for use.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Direct,
    Proxy(Arc<ProxyWay>),
}

impl Destination {
    pub(crate) fn path(&self) -> NetworkPath {
        match &self.way {
            Way::Direct => NetworkPath::Direct,
            Way::Proxy(proxy) => NetworkPath::Proxy(proxy.address.clone()),
        }
    }

    /// Returns the server's address and `port`; `None` if this host does not know the address.
    pub(crate) fn socket(&self, port: u16) -> Option<SocketAddr> {
        self.address.map(|ip| SocketAddr::new(ip, port))
    }

    /// Returns the server's address if surveys can measure the hops to it, as on a direct path.
    pub(crate) fn surveyed(&self) -> Option<IpAddr> {
        self.address.filter(|_| self.path().is_direct())
    }

    /// Returns the server and `port` as reports show them.
    pub(crate) fn shown(&self, port: u16) -> String {
        match self.socket(port) {
            Some(socket) => socket.to_string(),
            None => authority(&self.host, port),
        }
    }

    /// Opens a connection to `port`.
    pub(crate) async fn open(&self, port: u16, context: &RunContext) -> Opened {
        match (&self.way, self.socket(port)) {
            (Way::Proxy(proxy), _) => proxy.open(self.target(port), context).await,
            (Way::Direct, Some(socket)) => straight(socket, context).await,
            // The failed name lookup has been reported already.
            (Way::Direct, None) => Opened::failed(context.interrupted(), Vec::new()),
        }
    }

    /// Returns the host to ask a proxy for: the server's name, or its address if this host resolves names.
    fn target(&self, port: u16) -> ProxyTarget {
        let host = match self.address.filter(|_| self.path().resolves_here()) {
            Some(ip) => ip.to_string(),
            None => self.host.clone(),
        };
        ProxyTarget { host, port }
    }
}

async fn straight(socket: SocketAddr, context: &RunContext) -> Opened {
    let pending = Pending::start(context.clock, Operation::Connect, socket.to_string());
    match context
        .unless_cancelled(connect(socket, &context.options))
        .await
    {
        Err(failure) => Opened::failed(failure.clone(), vec![pending.failed(failure)]),
        Ok(connected) => Opened {
            link: Ok(Link::Tcp(connected.stream)),
            observations: vec![pending.succeeded()],
            proxy: None,
            redial: connected.redial,
            unread: Vec::new(),
        },
    }
}

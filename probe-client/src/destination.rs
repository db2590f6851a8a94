//! A server as one path leads to it, and how a connection to one of its ports is opened there.

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
    /// Absent where only the proxy knows it.
    pub(crate) address: Option<IpAddr>,
    /// How the address was come by, where it was looked up here.
    pub(crate) resolved: Option<Observation>,
    pub(crate) way: Way,
    /// What is left to the server's control answers.
    pub(crate) control: Allowance,
}

/// A path, ready to be taken.
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

    /// The server's address and `port`, where this host knows it.
    pub(crate) fn socket(&self, port: u16) -> Option<SocketAddr> {
        self.address.map(|ip| SocketAddr::new(ip, port))
    }

    /// The server's address, where the hops to it are this path's.
    pub(crate) fn surveyed(&self) -> Option<IpAddr> {
        self.address.filter(|_| self.path().is_direct())
    }

    /// The server and `port`, for people.
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
            // A name that was not resolved has been reported as that already.
            (Way::Direct, None) => Opened::failed(context.interrupted(), Vec::new()),
        }
    }

    /// What a proxy is asked for: the name, unless this host is the one to resolve it.
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

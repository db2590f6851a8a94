//! The demo's server side: an embedded echo server, a closed port, and a relay that alters bytes.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use echo_server::{Config, Identity, Listen, bind};
use probe_core::profile::Port;
use proto::connection_string::{ConnectionString, DEFAULT_CONTROL_PORT};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ALTERED, SHUT, relay};

/// Everything that runs for the demo.
#[derive(Debug)]
pub(super) struct Stage {
    /// Each rule's port, and the port that is dialled for it.
    pub(super) ports: Vec<(Port, Port)>,
    pub(super) control_port: u16,
    pub(super) connection: ConnectionString,
    running: JoinSet<()>,
}

impl Stage {
    /// Sets up the stage. Everything stops when `stopped` is cancelled.
    pub(super) async fn set(ports: &[Port], stopped: CancellationToken) -> anyhow::Result<Self> {
        let relay = TcpListener::bind(ANY_FREE).await.context(NO_PORT)?;
        let relay_port = relay.local_addr()?.port();
        let shut_port = free_port().await?;
        let served: Vec<Port> = ports.iter().copied().filter(|p| p.get() != SHUT).collect();
        let mut listen: Vec<Listen> = served
            .iter()
            .map(|port| Listen {
                // The public port of the altered rule is the relay's, so that the client dials the relay.
                public_port: (port.get() == ALTERED).then_some(relay_port),
                ..Listen::on(ANY_FREE)
            })
            .collect();
        listen.push(Listen::on(ANY_FREE));
        let identity = Identity::mint(
            &["127.0.0.1".to_owned()],
            // The client learns the control port separately, since it is known only after binding.
            DEFAULT_CONTROL_PORT,
            ["demo".parse()?],
            jiff::Timestamp::now(),
        )?;
        let bound = bind(Config::new(listen, "demo".parse()?), &identity)?;
        let addresses: Vec<SocketAddr> = bound.listeners().iter().map(|l| l.address()).collect();
        let mut stage = Self {
            ports: Vec::new(),
            control_port: addresses.last().context(NO_PORT)?.port(),
            connection: identity.connection_string(&identity.keys()[0]),
            running: JoinSet::new(),
        };
        for port in ports {
            let dialled = match port.get() {
                SHUT => shut_port,
                ALTERED => relay_port,
                _ => address_of(*port, &served, &addresses)?.port(),
            };
            stage
                .ports
                .push((*port, Port::new(dialled).context(NO_PORT)?));
        }
        let altered = served
            .iter()
            .position(|port| port.get() == ALTERED)
            .context("the relay's port is in the profile")?;
        let upstream = addresses[altered];
        let until = stopped.clone();
        stage.running.spawn(async move {
            // If a port is not served, the demo's verdicts show it.
            let _ = bound.run(until.cancelled_owned()).await;
        });
        stage.running.spawn(relay::run(relay, upstream, stopped));
        Ok(stage)
    }

    /// Waits until everything has stopped.
    pub(super) async fn over(self) {
        self.running.join_all().await;
    }
}

fn address_of(port: Port, served: &[Port], addresses: &[SocketAddr]) -> anyhow::Result<SocketAddr> {
    let index = served.iter().position(|p| *p == port);
    index
        .and_then(|index| addresses.get(index).copied())
        .context("every served port has a listener")
}

/// Returns a port that nothing listens on: it was free a moment ago.
async fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(ANY_FREE).await.context(NO_PORT)?;
    Ok(listener.local_addr()?.port())
}

const ANY_FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const NO_PORT: &str = "no free port on loopback";

//! Devices for which there is no ready-made program, each a thread of the test on one of the hosts.

mod backlog;
mod cut;
mod forger;
mod queue;
mod stranger;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;
use serde::Deserialize;

use super::network::Network;
use super::{Family, Host};
use crate::{Connection, Occupant};

pub(super) use cut::count;
pub use stranger::Manner;

/// As a scenario file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    on: Host,
    does: Deed,
}

/// What it does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Deed {
    /// Accepts connections on a port and has manners of its own.
    Answer { port: u16, manner: Manner },
    /// Holds back the packets that iptables gives to its queue.
    Delay {
        queue: u16,
        milliseconds: u64,
        /// So many more at most, by chance.
        #[serde(default)]
        jitter: u64,
        /// Packets in a hundred that are not held, and overtake those that are.
        #[serde(default)]
        overtaking: u32,
    },
    /// Lets packets through that iptables gives to its queue, until so many to a port have passed; then none.
    Cut { queue: u16, port: u16, after: usize },
    /// Sends the client ICMP errors that quote packets which it never sent.
    ForgeIcmp,
    /// Holds a session of the client's own key.
    Occupy,
    /// Connects to these ports of the server, until none takes another connection, and says nothing.
    Backlog { ports: Vec<u16> },
    /// Sends bytes to a port of the server's host that swallows them, as fast as they go, and is ready once
    /// they queue on the way for so long.
    Upload { port: u16, milliseconds: u64 },
}

/// At work until dropped.
#[derive(Debug)]
pub(super) struct Working {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a device's thread needs to know.
#[derive(Debug)]
struct DeviceContext {
    stop: Arc<AtomicBool>,
    family: Family,
    /// The genuine server.
    server: SocketAddr,
    connection: Connection,
    ready: std::sync::mpsc::Sender<anyhow::Result<()>>,
}

impl Device {
    pub(super) fn start(
        &self,
        network: &Network,
        family: Family,
        connection: &Connection,
    ) -> anyhow::Result<Working> {
        let way_in = network.host(self.on).way_in()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = channel();
        let context = DeviceContext {
            stop: Arc::clone(&stop),
            family,
            server: SocketAddr::new(family.address(Host::Cloud), GENUINE_PORT),
            connection: connection.clone(),
            ready,
        };
        let deed = self.does.clone();
        let thread = thread::spawn(move || {
            if let Err(error) = way_in.take().and_then(|()| deed.perform(&context)) {
                // Nobody waits for it any more once it was ready.
                let _ = context.ready.send(Err(error));
            }
        });
        let working = Working {
            stop,
            thread: Some(thread),
        };
        is_ready
            .recv()
            .map_err(|_| anyhow!("the device ended at once"))??;
        Ok(working)
    }
}

impl Deed {
    fn perform(&self, context: &DeviceContext) -> anyhow::Result<()> {
        match self {
            Self::Answer { port, manner } => stranger::answer(context, *port, *manner),
            Self::Delay {
                queue,
                milliseconds,
                jitter,
                overtaking,
            } => queue::delay(context, *queue, *milliseconds, *jitter, *overtaking),
            Self::Cut { queue, port, after } => cut::cut(context, *queue, *port, *after),
            Self::ForgeIcmp => forger::forge(context),
            Self::Occupy => {
                let _session = Occupant::enter(context.server, &context.connection)?;
                context.stay();
                Ok(())
            }
            Self::Backlog { ports } => {
                let _connections = backlog::fill(context.server.ip(), ports)?;
                context.stay();
                Ok(())
            }
            Self::Upload { port, milliseconds } => {
                upload::run(context, *port, Duration::from_millis(*milliseconds))
            }
        }
    }
}

impl DeviceContext {
    fn stands(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Ready, until it is stopped.
    fn stay(&self) {
        self.is_ready();
        while self.stands() {
            thread::park_timeout(BETWEEN_LOOKS);
        }
    }

    fn is_ready(&self) {
        // The one who waits for it waits as long as the device works.
        let _ = self.ready.send(Ok(()));
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in there has been reported by then.
            let _ = thread.join();
        }
    }
}

/// To which a device relays what it relays.
const GENUINE_PORT: u16 = 5901;

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

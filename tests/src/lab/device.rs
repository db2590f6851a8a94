//! Devices for which there is no ready-made program; each is a thread of the test on one of the hosts.

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

/// A device, as a scenario file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    on: Host,
    does: Deed,
}

/// The behaviour of a device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Deed {
    /// Accepts connections on a port and behaves as `manner` says.
    Answer { port: u16, manner: Manner },
    /// Delays the packets that iptables passes to its queue.
    Delay {
        queue: u16,
        milliseconds: u64,
        /// The maximum of a random delay in milliseconds, which is added to the fixed one.
        #[serde(default)]
        jitter: u64,
        /// The percentage of packets that are not delayed, and so overtake those that are.
        #[serde(default)]
        overtaking: u32,
    },
    /// Passes the packets of its queue until `after` of them to `port` have passed, and then none.
    Cut { queue: u16, port: u16, after: usize },
    /// Sends the client ICMP errors that quote packets which the client never sent.
    ForgeIcmp,
    /// Holds a session with the client's own key.
    Occupy,
    /// Opens connections to these ports of the server until none accepts another, and sends nothing.
    Backlog { ports: Vec<u16> },
    /// Sends bytes as fast as possible to a port of the server's host that discards them. The device is ready once
    /// these bytes wait in a queue on the way for `milliseconds`.
    Upload { port: u16, milliseconds: u64 },
}

/// A device that works until it is dropped.
#[derive(Debug)]
pub(super) struct Working {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The data that a device's thread needs.
#[derive(Debug)]
struct DeviceContext {
    stop: Arc<AtomicBool>,
    family: Family,
    /// The address of the genuine server.
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
                // If the device was ready before, nobody reads this message.
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

    /// Reports that the device is ready, and waits until it is stopped.
    fn stay(&self) {
        self.is_ready();
        while self.stands() {
            thread::park_timeout(BETWEEN_LOOKS);
        }
    }

    fn is_ready(&self) {
        // `start` waits for this message, so sending it does not fail.
        let _ = self.ready.send(Ok(()));
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// The server port to which a relaying device relays.
const GENUINE_PORT: u16 = 5901;

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

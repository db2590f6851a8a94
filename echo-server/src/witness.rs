//! Sees the SYNs that this host's own firewall drops, through a packet socket that is opened before all rights are
//! given up and is read while a client has a run open. Captured SYNs wait in a table until the next look.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use echo_core::control::ListenerFacts;
use echo_core::witness::{self, Witness, WitnessedSyn};
use socket_facts::{FactError, SynTap};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::metrics::Metrics;

/// The packet socket, with the SYNs that it has captured.
#[derive(Debug)]
pub(crate) struct SynWitness {
    tap: SynTap,
    listeners: Vec<ListenerFacts>,
    table: Mutex<Table>,
    /// Notified when watching starts again.
    begun: Notify,
}

#[derive(Debug)]
struct Table {
    witness: Witness,
    /// This host's own addresses, read when the first of the current watchers started.
    addresses: Vec<IpAddr>,
}

impl SynWitness {
    /// Opens the packet socket.
    ///
    /// # Errors
    /// This process lacks the right, or there are too many listeners.
    pub(crate) fn open(listeners: Vec<ListenerFacts>) -> Result<Self, FactError> {
        let witness = Self {
            tap: SynTap::open()?,
            listeners,
            table: Mutex::new(Table {
                witness: Witness::new(witness::DEFAULT_CAPACITY),
                addresses: Vec::new(),
            }),
            begun: Notify::new(),
        };
        witness.tap.pass(&witness.ports())?;
        witness.tap.pass_none()?;
        Ok(witness)
    }

    /// Returns the SYNs that came from `address` since the last call, and those from addresses that no client watches.
    pub(crate) fn hand_over(
        &self,
        clock: &Clock,
        metrics: &Metrics,
        address: IpAddr,
    ) -> Vec<WitnessedSyn> {
        self.read(clock, metrics);
        self.table().witness.hand_over(address)
    }

    /// Returns whether every SYN from `address` since `begun` was seen.
    pub(crate) fn saw_all(&self, address: IpAddr, begun: Duration) -> bool {
        self.table().witness.saw_all(address, begun)
    }

    /// Records that some of the captured SYNs could not be kept.
    pub(crate) fn missed(&self, now: Duration) {
        self.table().witness.missed(now);
    }

    /// Reads the packets that are waiting, one batch at most.
    fn read(&self, clock: &Clock, metrics: &Metrics) {
        let (now, wall) = (clock.now(), clock.steady());
        let mut buffer = [0; PACKET];
        let mut table = self.table();
        let Table { witness, addresses } = &mut *table;
        for _ in 0..BATCH {
            match self.tap.next(&mut buffer) {
                Ok(Some(packet)) => {
                    metrics.witnessed();
                    witness.take(packet, |local| self.listens(addresses, local), now, wall);
                }
                Ok(None) => break,
                // An interface has gone; the others still work.
                Err(_) => {}
            }
        }
        // If the number of lost packets cannot be read, one counts as lost.
        let lost = self.tap.lost().unwrap_or(1);
        if lost > 0 {
            witness.missed(now);
            metrics.witness_missed(lost);
        }
    }

    fn listens(&self, addresses: &[IpAddr], local: SocketAddr) -> bool {
        self.listeners.iter().any(|listener| {
            let ip = listener.address.ip();
            let every = ip.is_unspecified()
                && (ip.is_ipv6() || local.is_ipv4())
                && addresses.binary_search(&local.ip()).is_ok();
            listener.address.port() == local.port() && (every || ip == local.ip())
        })
    }

    fn ports(&self) -> Vec<u16> {
        let ports = self.listeners.iter().map(|l| l.address.port());
        ports.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Records the SYNs from `address` from now on.
    ///
    /// # Errors
    /// The socket cannot be configured to capture SYNs.
    pub(crate) fn watch(&self, address: IpAddr, now: Duration) -> Result<(), FactError> {
        let mut table = self.table();
        if table.witness.is_idle() {
            table.addresses = socket_facts::local_addresses()?;
            self.tap.pass(&self.ports())?;
            self.begun.notify_one();
        }
        table.witness.watch(address, now);
        Ok(())
    }

    /// Ends one [`Self::watch`] of `address`.
    pub(crate) fn leave(&self, address: IpAddr) {
        let mut table = self.table();
        table.witness.leave(address);
        if table.witness.is_idle() {
            // If this fails, packets still pass the socket's filter, but the table does not keep them.
            let _ = self.tap.pass_none();
        }
    }

    /// Reads the captured packets for as long as the server lives. It sleeps while no client watches.
    pub(crate) async fn read_on(&self, clock: &Clock, metrics: &Metrics) {
        loop {
            self.begun.notified().await;
            while !self.table().witness.is_idle() {
                self.read(clock, metrics);
                sleep(BETWEEN_BATCHES).await;
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Every entry is valid without the others, so a panic elsewhere does not matter.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buffer for a packet; headers are never longer, see [`SynTap::pass`].
const PACKET: usize = 256;
/// The number of packets read at a time. With a batch every [`BETWEEN_BATCHES`], that is some 12,800 packets per
/// second, at a few microseconds each. The kernel drops what a flood brings beyond that rate.
const BATCH: usize = 64;
const BETWEEN_BATCHES: Duration = Duration::from_millis(5);

//! Makes the witness record one address's SYNs while a client has a run open.

use std::net::IpAddr;
use std::sync::Arc;

use crate::instance::Instance;

/// A guard: the witness records the SYNs of one address while it exists.
#[derive(Debug)]
pub(crate) struct Watch {
    instance: Arc<Instance>,
    address: IpAddr,
}

impl Watch {
    /// Starts watching. Returns `None` if there is no witness, or it does not work.
    pub(crate) fn begin(instance: &Arc<Instance>, address: IpAddr) -> Option<Self> {
        let witness = instance.witness.as_ref()?;
        if let Err(error) = witness.watch(address, instance.clock.now()) {
            tracing::warn!(%error, "the witness does not watch");
            return None;
        }
        Some(Self {
            instance: Arc::clone(instance),
            address,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(witness) = &self.instance.witness {
            witness.leave(self.address);
        }
    }
}

/// Reads the packets that the witness of `instance` captures, for as long as the server lives. Returns immediately if
/// there is no witness.
pub(crate) async fn read_witness(instance: Arc<Instance>) {
    if let Some(witness) = &instance.witness {
        witness.read_on(&instance.clock, &instance.metrics).await;
    }
}

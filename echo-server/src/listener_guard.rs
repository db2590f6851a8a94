//! Tells the server when a listener is not accepted from any more.

use std::net::SocketAddr;

use thiserror::Error;
use tokio::sync::mpsc;

/// A listener is there, and nobody accepts what comes. A server that went on would be a closed port, of which
/// neither systemd nor a load balancer hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("connections to {0} are not accepted any more; the log says why")]
pub struct ListenerDied(pub(crate) SocketAddr);

/// Held by the task that accepts on a listener. Reports when it is dropped, so that a panic is reported, too.
#[derive(Debug)]
pub(crate) struct ListenerGuard {
    address: SocketAddr,
    deaths: mpsc::UnboundedSender<ListenerDied>,
}

impl ListenerGuard {
    pub(crate) fn new(address: SocketAddr, deaths: &mpsc::UnboundedSender<ListenerDied>) -> Self {
        Self {
            address,
            deaths: deaths.clone(),
        }
    }
}

impl Drop for ListenerGuard {
    fn drop(&mut self) {
        // Who is told to stop does not listen any more.
        let _ = self.deaths.send(ListenerDied(self.address));
    }
}

//! Notifies the server when it no longer accepts connections from a listener.

use std::net::SocketAddr;

use thiserror::Error;
use tokio::sync::mpsc;

/// The error that a listener's connections are no longer accepted. If the server continued, clients could not use that
/// port, and neither systemd nor a load balancer would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("connections to {0} are not accepted any more; the log says why")]
pub struct ListenerDied(pub(crate) SocketAddr);

/// A guard held by the task that accepts on a listener. It reports when it is dropped, so that a panic is reported too.
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
        // A server that is stopping no longer receives this report.
        let _ = self.deaths.send(ListenerDied(self.address));
    }
}

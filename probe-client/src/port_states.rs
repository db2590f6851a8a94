//! Shares the state of every port while probes are still running.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use probe_core::measurement::Measurement;
use probe_core::run::port_board::{PortBoard, Reference};
use tokio::sync::watch;

/// The state of all ports, which surveys and other tasks can watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortStates(watch::Sender<PortBoard>, watch::Sender<Marks>);

/// The known facts about SYNs with the mark.
#[derive(Clone, Debug, Default)]
struct Marks {
    /// Servers to which a SYN without the mark is being tried.
    asked: BTreeSet<IpAddr>,
    /// Ports that answer SYNs of side connections, but not those of a session.
    doubted: BTreeSet<SocketAddr>,
    /// Servers that answer only SYNs without the mark.
    abandoned: BTreeSet<IpAddr>,
    /// Ports to which enough SYNs were sent.
    given_up: BTreeSet<SocketAddr>,
}

impl PortStates {
    /// Records that a SYN to `address` has not been answered for a while.
    pub(crate) fn unanswered(&self, address: SocketAddr) {
        self.0.send_modify(|board| board.unanswered(address));
    }

    /// Records that `address` has answered; the result of the session is not known yet.
    pub(crate) fn answered(&self, address: SocketAddr) {
        self.0.send_modify(|board| board.answered(address));
    }

    /// Records the end of a probe.
    pub(crate) fn ended(&self, measurement: &Measurement) {
        self.0.send_modify(|board| board.ended(measurement));
    }

    /// Waits until a SYN to `address` without the mark is worth sending while the marked one waits. This is the case
    /// for one silent port of a server if none of its ports accepts a connection; for all its ports once a SYN without
    /// the mark was answered; and for a port that is in doubt.
    pub(crate) async fn mark_is_doubtful(&self, address: SocketAddr) {
        let server = address.ip();
        let (mut board, mut marks) = (self.0.subscribe(), self.1.subscribe());
        loop {
            board.mark_unchanged();
            marks.mark_unchanged();
            let silent = self.is_silent(address) && self.0.borrow().none_connects(server);
            if self.is_unmarked(server)
                || self.1.borrow().doubted.contains(&address)
                || (silent && self.is_first_to_ask(server))
            {
                return;
            }
            tokio::select! {
                _ = board.changed() => {}
                _ = marks.changed() => {}
            }
        }
    }

    fn is_first_to_ask(&self, server: IpAddr) -> bool {
        let mut first = false;
        self.1.send_if_modified(|marks| {
            first = marks.asked.insert(server);
            false
        });
        first
    }

    /// Records that a session's SYNs to `address` get no answer while other SYNs do.
    pub(crate) fn doubt(&self, address: SocketAddr) {
        self.1.send_modify(|marks| {
            marks.doubted.insert(address);
        });
    }

    /// Records that more SYNs to `address` would show nothing new.
    pub(crate) fn give_up(&self, address: SocketAddr) {
        self.1.send_modify(|marks| {
            marks.given_up.insert(address);
        });
    }

    /// Waits until [`Self::give_up`] is called for `address`.
    pub(crate) async fn is_given_up(&self, address: SocketAddr) {
        let mut marks = self.1.subscribe();
        // This value holds the sender, so it outlives the wait.
        let _ = marks
            .wait_for(|marks| marks.given_up.contains(&address))
            .await;
    }

    /// Records that `server` answers only SYNs without the mark. If marked SYNs reached another of its ports, the
    /// source port is the likelier cause, and SYNs keep the mark.
    pub(crate) fn abandon_mark(&self, server: IpAddr) {
        if self.0.borrow().passes_marked(server) {
            return;
        }
        self.1.send_modify(|marks| {
            marks.abandoned.insert(server);
        });
    }

    /// Returns whether connections to `server` are made without the mark.
    pub(crate) fn is_unmarked(&self, server: IpAddr) -> bool {
        self.1.borrow().abandoned.contains(&server)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<PortBoard> {
        self.0.subscribe()
    }

    /// Returns the ports of `server` that work, those that answered their first SYN first.
    pub(crate) fn references(&self, server: IpAddr) -> Vec<(u16, Reference)> {
        self.0.borrow().references(server)
    }

    /// Returns the ports that work although a device re-originates their connections, or sets their hop limit.
    pub(crate) fn relayed(&self, server: IpAddr) -> Vec<(u16, Reference)> {
        self.0.borrow().relayed(server)
    }

    /// Returns whether a SYN to `address` has not been answered for a while.
    pub(crate) fn is_silent(&self, address: SocketAddr) -> bool {
        self.0.borrow().is_silent(address)
    }
}

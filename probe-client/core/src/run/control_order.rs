//! The order in which ports are tried for the control service. A port whose probe ran to its end or was declined is
//! tried as soon as that is known. Ports on which the genuine server was seen come next, then all others that accepted
//! a connection.

use std::collections::BTreeSet;

use crate::measurement::Measurement;
use crate::observation::FailureKind;

/// The state of a port that a finished probe shows.
#[derive(Clone, Copy, Debug)]
pub struct Lead {
    port: u16,
    connected: bool,
    /// Whether the genuine server answered on this port: it testified, or showed its own certificate.
    genuine: bool,
    complete: bool,
    /// Whether the server declined the session, and its answer arrived.
    declined: bool,
}

impl Lead {
    #[cfg(test)]
    pub(super) fn new(port: u16, connected: bool, complete: bool) -> Self {
        Self {
            port,
            connected,
            genuine: complete,
            complete,
            declined: false,
        }
    }

    pub fn of(measurement: &Measurement) -> Self {
        Self {
            port: measurement.port_dialled(),
            connected: measurement.connected(),
            genuine: measurement.testified()
                || measurement.certificate.as_ref().is_some_and(|c| c.pinned),
            complete: measurement.is_complete(),
            declined: measurement
                .failure()
                .is_some_and(|(_, failure)| failure.kind == FailureKind::Declined),
        }
    }
}

/// The ports that have been tried, and the ports to try later.
#[derive(Clone, Debug, Default)]
pub struct ControlOrder {
    tried: BTreeSet<u16>,
    /// Ports on which the genuine server was seen, but the session was cut short.
    genuine: Vec<u16>,
    /// Ports that accepted a connection, perhaps from a device.
    accepting: Vec<u16>,
    has_incomplete: bool,
}

impl ControlOrder {
    /// Records a probe that ended. Returns its port if the control service is tried there immediately.
    pub fn found(&mut self, lead: Lead) -> Option<u16> {
        self.has_incomplete |= !lead.complete;
        if !lead.connected {
            return None;
        }
        if lead.complete || lead.declined {
            return self.tried.insert(lead.port).then_some(lead.port);
        }
        if lead.genuine {
            // The fault that cut this session short would cut the channel too.
            self.genuine.push(lead.port);
        } else {
            self.accepting.push(lead.port);
        }
        None
    }

    /// Returns whether every probe so far ran to its end, so that there is nothing to ask the server.
    pub fn all_complete(&self) -> bool {
        !self.has_incomplete
    }

    /// Returns the ports to try next, once every probe and every earlier attempt has ended; empty if none is left.
    pub fn next_group(&mut self) -> Vec<u16> {
        for group in [&mut self.genuine, &mut self.accepting] {
            let mut ports = std::mem::take(group);
            // Several rules can have the same port.
            ports.retain(|port| self.tried.insert(*port));
            if !ports.is_empty() {
                return ports;
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(port: u16) -> Lead {
        Lead {
            port,
            connected: true,
            genuine: false,
            complete: false,
            declined: false,
        }
    }

    #[test]
    fn ports_are_tried_by_how_much_the_server_showed_there() {
        let mut order = ControlOrder::default();
        let genuine = Lead {
            genuine: true,
            ..lead(443)
        };
        let silent = Lead {
            connected: false,
            ..lead(5901)
        };
        assert_eq!(order.found(lead(80)), None);
        assert_eq!(order.found(genuine), None);
        assert_eq!(order.found(silent), None);
        assert_eq!(order.next_group(), [443]);
        assert_eq!(order.next_group(), [80]);
        assert!(order.next_group().is_empty());
    }

    #[test]
    fn a_port_that_works_is_tried_at_once_and_only_once() {
        let mut order = ControlOrder::default();
        let complete = Lead {
            complete: true,
            ..lead(80)
        };
        assert_eq!(order.found(complete), Some(80));
        assert!(order.all_complete());
        assert_eq!(order.found(complete), None);
        assert_eq!(order.found(lead(80)), None);
        assert!(order.next_group().is_empty());
        assert!(!order.all_complete());
    }
}

//! Everything that a verdict may rest on, and the questions that causes ask about it: one file for each kind of
//! evidence.

use std::net::IpAddr;
use std::rc::Rc;

use super::ending::{Ending, ending};
use super::slowness::{self, Slowness};
use crate::control_record::ControlRecord;
use crate::measurement::Measurement;
use crate::path::ProxyAddress;
use crate::session::{Fault, HexBytes, SessionReport};

mod hops;
mod server;
mod siblings;
mod sightings;
mod words;

pub(super) use server::names;
pub use siblings::Siblings;
pub use sightings::Refusal;

/// One probe's measurement, and the measurements with which it is compared.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    pub probe: &'a Measurement,
    /// Every measurement of the same server address over the same path, this probe and the control port included.
    pub same_server: Siblings<'a>,
    /// Every measurement of the same host, over all paths.
    pub same_host: Rc<[&'a Measurement]>,
    pub control: Option<&'a ControlRecord>,
    /// This host's own addresses.
    pub own_addresses: &'a [IpAddr],
    /// A SYN as this host sends it.
    pub own_syn: Option<&'a HexBytes>,
    /// This host's clock at the run's start, in Unix milliseconds.
    pub run_started_ms: Option<i64>,
}

impl<'a> Evidence<'a> {
    /// Returns the same evidence for another measurement of the same server and path.
    #[must_use]
    pub fn of(&self, probe: &'a Measurement) -> Self {
        Self {
            probe,
            ..self.clone()
        }
    }

    /// Returns how slow the path to the server is, as this probe or else another probe of the same server shows it.
    pub(super) fn slowness(&self) -> Option<Slowness> {
        slowness::of_any([self.probe]).or_else(|| self.same_server.slowness())
    }

    /// Returns every measurement of the same host at its other addresses, over the same path.
    pub(super) fn other_addresses(&self) -> impl Iterator<Item = &'a Measurement> {
        let (path, server) = (&self.probe.path, self.probe.server());
        let all = self.same_host.iter().copied();
        all.filter(move |m| m.path == *path && m.server() != server)
    }

    /// Returns every measurement of the same host over other paths.
    pub(super) fn other_paths(&self) -> impl Iterator<Item = &'a Measurement> {
        let all = self.same_host.iter().copied();
        all.filter(|m| m.path != self.probe.path)
    }

    pub fn ending(&self) -> Ending<'a> {
        ending(self.probe)
    }

    pub fn session(&self) -> Option<&'a SessionReport> {
        self.probe.session.as_ref()
    }

    pub fn fault(&self) -> Option<&'a Fault> {
        self.session()?.fault.as_ref()
    }

    /// Returns the proxy on the path, if there is one.
    pub fn proxy(&self) -> Option<&'a ProxyAddress> {
        self.probe.path.proxy()
    }
}

//! All that a verdict may rest on, and the questions that causes ask of it: one file for each kind of evidence.

use std::net::IpAddr;

use super::ending::{Ending, ending};
use super::slowness::{self, Slowness};
use crate::control_record::ControlRecord;
use crate::measurement::Measurement;
use crate::path::ProxyAddress;
use crate::session::{Fault, HexBytes, SessionReport};

mod hops;
mod server;
mod sightings;
mod words;

pub(super) use server::names;
pub use sightings::Refusal;

/// One probe's measurement, and what it is compared with.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    pub probe: &'a Measurement,
    /// Every measurement of the same server address over the same path, this one and the control
    /// port's included.
    pub same_server: Vec<&'a Measurement>,
    /// Every measurement of the same host at its other addresses, over the same path.
    pub other_addresses: Vec<&'a Measurement>,
    /// Every measurement of the same host over other paths.
    pub other_paths: Vec<&'a Measurement>,
    pub control: Option<&'a ControlRecord>,
    /// This host's own addresses.
    pub own_addresses: &'a [IpAddr],
    /// A SYN as this host sends it.
    pub own_syn: Option<&'a HexBytes>,
    /// This host's clock at the run's start, in Unix milliseconds.
    pub run_started_ms: Option<i64>,
}

impl<'a> Evidence<'a> {
    /// The same about another measurement of the same server and path.
    #[must_use]
    pub fn of(&self, probe: &'a Measurement) -> Self {
        Self {
            probe,
            ..self.clone()
        }
    }

    /// What shows that the way to the server is slow: of this probe first, else of any of the same server.
    pub(super) fn slowness(&self) -> Option<Slowness> {
        let all = self.same_server.iter().copied();
        slowness::of_any(std::iter::once(self.probe).chain(all))
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

    /// The proxy on the way, if there is one.
    pub fn proxy(&self) -> Option<&'a ProxyAddress> {
        self.probe.path.proxy()
    }
}

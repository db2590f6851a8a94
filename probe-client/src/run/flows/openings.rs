//! The first bytes of this run's side connections. A balancer or a proxy hides their source ports, so the server is
//! told what they began with: it then takes none of them for a session that it is asked about.

use std::sync::{Mutex, PoisonError};

use probe_core::session::{SentPrefix, prefixes_of};
use proto::wire;

/// One entry for each set of first bytes that was made.
#[derive(Debug, Default)]
pub(in super::super) struct SideOpenings(Mutex<Vec<Opening>>);

#[derive(Debug)]
struct Opening {
    /// The port dialled.
    port: u16,
    prefixes: Vec<SentPrefix>,
}

impl SideOpenings {
    /// Side connections to `port` begin with `bytes`; where there are none, there is nothing to tell.
    pub(super) fn note(&self, port: u16, bytes: &[u8]) {
        let prefixes = prefixes_of(bytes);
        if !prefixes.is_empty() {
            let mut openings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            openings.push(Opening { port, prefixes });
        }
    }

    /// What the server is told of all of them, under `tag`.
    pub(in super::super) fn sent(&self, tag: u32) -> Vec<wire::Sent> {
        let openings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = openings.iter().map(|opening| wire::Sent {
            tag,
            port: opening.port.into(),
            prefixes: opening.prefixes.iter().map(wire_prefix).collect(),
            ..wire::Sent::default()
        });
        told.collect()
    }
}

fn wire_prefix(prefix: &SentPrefix) -> wire::Prefix {
    wire::Prefix {
        bytes: prefix.bytes,
        sha256: prefix.sha256.0.to_vec(),
    }
}

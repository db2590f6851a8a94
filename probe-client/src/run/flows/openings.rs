//! The first bytes of this run's side connections. A load balancer or a proxy hides their source ports, so the server
//! is told their first bytes. It then takes none of them for a session that it is asked about.

use std::sync::{Mutex, PoisonError};

use probe_core::session::{SentPrefix, prefixes_of};
use proto::wire;

/// The first bytes of all side connections, one entry for each set that was made.
#[derive(Debug, Default)]
pub(in super::super) struct SideOpenings(Mutex<Vec<Opening>>);

#[derive(Debug)]
struct Opening {
    /// The port dialled.
    port: u16,
    prefixes: Vec<SentPrefix>,
}

impl SideOpenings {
    /// Notes that side connections to `port` begin with `bytes`. If `bytes` is empty, there is nothing to tell the
    /// server.
    pub(super) fn note(&self, port: u16, bytes: &[u8]) {
        let prefixes = prefixes_of(bytes);
        if !prefixes.is_empty() {
            let mut openings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            openings.push(Opening { port, prefixes });
        }
    }

    /// Returns the entries that tell the server of all side connections, under `tag`.
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

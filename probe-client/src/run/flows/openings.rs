//! The first bytes of this run's side connections. A load balancer or a proxy hides their source ports, so the server
//! receives digests of their first bytes. It then takes none of them for a session that it is asked about.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use probe_core::profile::RuleId;
use probe_core::run::question::wire_prefix;
use probe_core::session::prefixes_of;
use proto::wire;

/// The host, the address dialled, and the rule: probes that differ in one of them begin with different bytes.
type Key = (String, SocketAddr, RuleId);

/// The first bytes of side connections, made once for each probe that has any.
#[derive(Debug, Default)]
pub(in super::super) struct SideOpenings(Mutex<BTreeMap<Key, Arc<[u8]>>>);

impl SideOpenings {
    /// Returns the first bytes for `key`, which `make` makes at the first call.
    pub(super) fn of(&self, key: Key, make: impl FnOnce() -> Arc<[u8]>) -> Arc<[u8]> {
        Arc::clone(self.all().entry(key).or_insert_with(make))
    }

    /// Returns the entries that describe all side connections to the server, under `tag`.
    pub(in super::super) fn sent(&self, tag: u32) -> Vec<wire::Sent> {
        let all = self.all();
        // Nothing distinguishes side connections that send no bytes.
        let openings = all.iter().filter(|(_, bytes)| !bytes.is_empty());
        let told = openings.map(|((_, address, _), bytes)| wire::Sent {
            tag,
            port: address.port().into(),
            prefixes: prefixes_of(bytes).iter().map(wire_prefix).collect(),
            ..wire::Sent::default()
        });
        told.collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

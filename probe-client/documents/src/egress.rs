//! The egress map: the addresses under which the server saw this host, by path and port. The cloud side must allow
//! these.

use std::net::SocketAddr;

use probe_core::measurement::Measurement;
use probe_core::path::NetworkPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The source address of one session, as the server saw it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    pub path: NetworkPath,
    /// The server's name, as the user gave it.
    pub host: String,
    /// The port that was dialled.
    pub port: u16,
    /// The address and port that the session came from.
    pub seen: SocketAddr,
}

/// Returns one entry for each session with a testimony, in the order of `measurements`.
pub fn map<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> Vec<Egress> {
    measurements
        .filter_map(|m| {
            let seen = m.session.as_ref()?.testimony.as_ref()?.peer?;
            Some(Egress {
                path: m.path.clone(),
                host: m.host.clone(),
                port: m.port_dialled(),
                seen,
            })
        })
        .collect()
}

//! Compares the testimonies of one session with each other.

use super::{Agreement, Testimony};

impl Testimony {
    /// Merges the TLS agreement of a later testimony of the session into this one.
    ///
    /// If one of several TLS sessions does not reach from end to end, that one counts.
    pub(in super::super) fn add_disagreement(&mut self, later: &Self) {
        if let Some(tls) = &mut self.tls {
            let (exporter, client_hello) = later
                .tls
                .as_ref()
                .map_or((Agreement::Different, Agreement::Different), |later| {
                    (later.exporter, later.client_hello)
                });
            tls.exporter = tls.exporter.or_worse(exporter);
            tls.client_hello = tls.client_hello.or_worse(client_hello);
            for parameter in later.tls.iter().flat_map(|later| &later.differing) {
                if !tls.differing.contains(parameter) {
                    tls.differing.push(*parameter);
                }
            }
        }
    }

    /// Returns whether `later`, of the same session, reports the same shape on the same port.
    ///
    /// Fields that may differ between two connections to two instances are not compared.
    pub(in super::super) fn is_of_one_shape_with(&self, later: &Self) -> bool {
        let shape = |of: &Self| {
            (
                of.local.map(|local| local.port()),
                of.public_port,
                of.kind,
                of.preface.is_some(),
                of.request_head.is_some(),
                of.tls.is_some(),
            )
        };
        shape(self) == shape(later)
    }
}

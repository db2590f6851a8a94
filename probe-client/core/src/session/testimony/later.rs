//! Several testimonies of one session, held against each other.

use super::{Agreement, Testimony};

impl Testimony {
    /// Takes from a later testimony of the session what it says against this one: of several TLS
    /// sessions, the one that does not reach from end to end counts.
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

    /// Whether `later`, of the same session, tells of an arrival of the same shape on the same port. What may
    /// differ between two connections to two instances is left out.
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

//! `legacy-hello-blocked`: a ClientHello like the original product's (TLS 1.0, no server name) fails each time,
//! although a modern one passes.

use super::super::evidence::Evidence;
use super::super::hello::{self, Fate};
use crate::catalogue::FindingId;
use crate::measurement::Variation;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let (fate, times) = hello::each_time(evidence, Variation::InHelloAge)?;
    let Fate::Lost { how, .. } = fate else {
        return None;
    };
    Some(
        Finding::new(
            FindingId::LegacyHelloBlocked,
            "a TLS 1.0 ClientHello without a server name, as HPC Pack 2008 R2 sends it \
             (unconfirmed in its details), does not get through where a modern one does",
        )
        .with_detail(format!("{}: {how}, {times} times", evidence.target())),
    )
}

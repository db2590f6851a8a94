//! `destination-not-tested`: the rule is for a name other than the echo server's.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    let destination = evidence.probe.rule.destination.as_ref()?;
    Some(Finding::new(
        FindingId::DestinationNotTested,
        format!("the echo server stood in for {destination}, which itself was not tested"),
    ))
}

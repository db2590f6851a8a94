//! `reordering`: segments were sent again although the first ones had arrived, because others overtook them.

use super::super::cause::lossy;
use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    // If losses recur, a few segments out of order say nothing.
    if lossy(evidence).is_some() {
        return None;
    }
    let sent_again = evidence.probe.sent_again();
    let (up, down) = sent_again.overtaken_alone()?;
    Some(
        Finding::new(
            FindingId::Reordering,
            "segments overtake each other on the way, and some were sent again that had not been \
             lost",
        )
        .with_detail(format!(
            "sent again without need: {up} to the server, {down} from it; overtaking was seen {} \
             times",
            sent_again.overtaken()
        )),
    )
}

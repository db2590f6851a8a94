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
    let (up, down) = sent_again.overtaken_alone().or_else(|| {
        let here = sent_again.overtaken_as_elsewhere()?;
        let mut others = evidence.same_server.iter();
        let elsewhere = others.any(|m| m.sent_again().overtaken_alone().is_some());
        elsewhere.then_some(here)
    })?;
    let claim = if up + down > 0 {
        "segments overtake each other on the way, and some were sent again that had not been lost"
    } else {
        "segments overtake each other on the way"
    };
    Some(
        Finding::new(FindingId::Reordering, claim).with_detail(format!(
            "sent again without need: {up} to the server, {down} from it; overtaking was seen {} \
             times",
            sent_again.overtaken()
        )),
    )
}

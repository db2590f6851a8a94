//! `reordering`: segments were sent again although the first ones had arrived, because others overtook them.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::measurement::SentAgain;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    let (up, down) = (
        evidence.probe.sent_again_up(),
        evidence.probe.sent_again_down(),
    );
    // A network that duplicates packets has needless ones reported as well, and there none overtakes another.
    let needless = |end: SentAgain| {
        if end.overtaken > 0 { end.needless } else { 0 }
    };
    let (needless_up, needless_down) = (needless(up), needless(down));
    (needless_up + needless_down > 0).then(|| {
        Finding::new(
            FindingId::Reordering,
            "segments overtake each other on the way, and some were sent again that had not been lost",
        )
        .with_detail(format!(
            "sent again without need: {needless_up} to the server, {needless_down} from it; overtaking was seen {} times",
            up.overtaken.saturating_add(down.overtaken)
        ))
    })
}

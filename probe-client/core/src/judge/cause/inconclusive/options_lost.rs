//! `inconclusive` if a session fails and only the SYN-ACK lost the window scale option. The server then scales the
//! windows that it announces, this host reads them unscaled, and the session crawls or dies. No other cause is reported
//! in that case.

use crate::catalogue::VerdictId;
use crate::judge::compared::facts;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::findings::lost_on_the_way_back;
use crate::judge::slowness;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (Ending::Testified(..) | Ending::NoData(..)) = evidence.ending() else {
        return None;
    };
    if !evidence.probe.died_in_silence() && !slowness::still_moved(evidence.probe) {
        return None;
    }
    // A session without a testimony cannot show the loss itself. Another session can, on the same port or on another
    // one, but it explains this session only if this host's own end lacks the option here too.
    let here = evidence.probe.transport?.agreed_options?;
    let all = std::iter::once(evidence.probe)
        .chain(evidence.probe.variations.iter().map(|c| &c.measurement))
        .chain(evidence.same_server.iter().copied());
    let lost = all
        .map(|m| lost_on_the_way_back(&evidence.of(m)))
        .any(|lost| lost.contains(&WINDOW_SCALING));
    if here.window_scaling || !lost {
        return None;
    }
    let target = evidence.target();
    let mut verdict = Verdict::new(
        VerdictId::Inconclusive,
        Segment::PATH,
        Confidence::Medium,
        format!(
            "a device takes window scaling out of the SYN-ACK from {target}, so both ends disagree \
             about the window and sessions crawl; whether anything else stops them is not \
             decided"
        ),
    )
    .because(
        "the server's end put window scaling into its SYN-ACK and uses it; this host's system \
         found none there, and uses none",
    )
    .next(format!(
        "ask the firewall team which device on the way from {target} removes the TCP option window \
         scale from SYN-ACKs (a TCP normalizer, a proxy's or WAN optimizer's profile), and to let \
         it pass or to remove it from the SYN as well; then run again"
    ));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    Some(verdict)
}

/// The name of the option in findings.
const WINDOW_SCALING: &str = "window scaling";

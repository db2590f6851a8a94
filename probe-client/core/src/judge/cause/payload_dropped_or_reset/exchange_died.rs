//! `payload-reset` and `payload-dropped` after the testimony: the session was verified, and then its
//! payload was cut off, at a known offset and direction.

use crate::catalogue::VerdictId;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::loss_point;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Testified(_, operation, _) = evidence.ending() else {
        return None;
    };
    let target = evidence.target();
    let id = super::verdict_id(evidence);
    let what = if id == VerdictId::PayloadReset {
        "is cut off"
    } else {
        "dies silently"
    };
    let place = super::place(evidence)
        .unwrap_or_else(|| "before any of its payload was confirmed".to_owned());
    let device = format!(
        "which device ends {} in the middle of a session",
        evidence.flow()
    );
    let quote = format!("quote the time, and that the session ends {place}");
    let mut verdict = Verdict::new(
        id,
        Segment::PATH,
        Confidence::Medium,
        format!("the session with {target} begins well and then {what} {place}"),
    )
    .because("the server proved itself on this very connection before that")
    .next(format!(
        "ask the firewall team {device} (protocol inspection, intrusion prevention, a limit on a \
         session's length or size), and to exempt it; {quote}"
    ));
    verdict.evidence.extend(super::account(evidence, operation));
    if id == VerdictId::PayloadDropped && loss_point::of(evidence.probe).way.is_none() {
        verdict = verdict.because("in which direction the bytes were lost is not known");
    }
    let exemption = format!("{device}, and to exempt it; {quote}");
    Some(super::of_all_ports(evidence, verdict, &exemption))
}

//! `inconclusive`, or `reachable-with-loss` if fresh sessions ran whole: the server restarted or ended during the run,
//! or the whole path to it was lost. The statement is the same for every port.

use crate::catalogue::VerdictId;
use crate::judge::broken_off::{self, BrokenOff};
use crate::judge::compared::{Tally, facts};
use crate::judge::evidence::Evidence;
use crate::measurement::Variation;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let mut verdict = match broken_off::of(evidence)? {
        BrokenOff::Restarted { at_us } => restarted(evidence, at_us),
        BrokenOff::Refused { at_us } => ended(evidence, at_us),
        BrokenOff::Silent { at_us } => lost(evidence, at_us),
    };
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

fn restarted(evidence: &Evidence<'_>, at_us: u64) -> Verdict {
    let fresh = Tally::of(evidence, Variation::InNothing);
    let alone = Tally::of(evidence, Variation::InPace { held: 0 });
    let (ran, whole) = (fresh.ran + alone.ran, fresh.whole + alone.whole);
    let moment = moment(evidence, at_us);
    let verdict = if whole > 0 {
        let target = evidence.target();
        Verdict::new(
            VerdictId::ReachableWithLoss,
            Segment::ServerHost,
            Confidence::Medium,
            format!(
                "{target} is open, but the server restarted during the run, {moment}, and the \
                 first session failed; {whole} of {ran} new ones completed"
            ),
        )
    } else {
        undecided(
            Segment::ServerHost,
            format!(
                "the server restarted during the run, {moment}: what failed before that says \
                 nothing about the way to it"
            ),
        )
    };
    verdict
        .because(
            "the server says how long its process has been up, and that is less than this run \
                  has taken",
        )
        .next(
            "look on the server why fwprobe-echo restarted (`systemctl status fwprobe-echo`, \
             `journalctl -u fwprobe-echo`), then run again",
        )
}

fn ended(evidence: &Evidence<'_>, at_us: u64) -> Verdict {
    let moment = moment(evidence, at_us);
    undecided(
        Segment::Unknown,
        format!(
            "the server ended during the run, or a device began to refuse this host: the last sign \
             of life came {moment}, and ports that had worked until then refuse connections \
             since"
        ),
    )
    .because("a port on which a session had run whole was dialled again, and an RST came in answer")
    .next(format!(
        "look on the server whether fwprobe-echo still runs (`systemctl status fwprobe-echo`, \
         `journalctl -u fwprobe-echo`); if it does, ask the firewall team whether a device has \
         banned {} at that time; then run again",
        evidence.source()
    ))
}

fn lost(evidence: &Evidence<'_>, at_us: u64) -> Verdict {
    let moment = moment(evidence, at_us);
    undecided(
        Segment::Unknown,
        format!(
            "the connection to the server's address was lost during the run: the last sign of life \
             came {moment}, and nothing answers since, not even on ports that had worked"
        ),
    )
    .because("a port on which a session had run whole was dialled again, and nothing answered")
    .because("the server could not be asked any more what it saw")
    .next(format!(
        "run again; if it is lost again, ask the network team whether the line that carries {} was \
         interrupted or failed over at that time, the firewall team whether a device has banned {} \
         then (intrusion prevention, scan or flood protection), and the server's admin whether \
         its host went down",
        evidence.flow(),
        evidence.source()
    ))
}

fn undecided(segment: Segment, claim: String) -> Verdict {
    Verdict::new(VerdictId::Inconclusive, segment, Confidence::Medium, claim)
}

/// Returns a moment of the run in words, for example `1.4 s after the run began (2026-11-29T12:00:01Z)`.
fn moment(evidence: &Evidence<'_>, at_us: u64) -> String {
    let tenths = at_us / 100_000;
    let after = format!("{}.{} s after the run began", tenths / 10, tenths % 10);
    let date = evidence.run_started_ms.and_then(|started| {
        let ms = started.checked_add(i64::try_from(at_us / 1_000).ok()?)?;
        // Whole seconds suffice, because other logs are not more precise.
        jiff::Timestamp::from_second(ms / 1_000).ok()
    });
    match date {
        Some(date) => format!("{after} ({date})"),
        None => after,
    }
}

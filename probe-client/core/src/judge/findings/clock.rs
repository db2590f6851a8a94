//! `clock-skew`: the two clocks differ. It decides nothing; logs will be hard to compare.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::observation::Operation;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let theirs = i64::try_from(testimony(evidence.probe)?.time_unix_ms).ok()?;
    let greeting = evidence
        .probe
        .observations
        .iter()
        .find(|o| o.operation == Operation::Testimony)?;
    let started = evidence.run_started_ms?;
    // The server read its clock somewhere between the greeting and the answer.
    let sent = started + i64::try_from(greeting.start_us / 1000).ok()?;
    let answered = sent + i64::try_from(greeting.duration_us / 1000).ok()?;
    let ahead = if theirs < sent {
        theirs - sent
    } else {
        (theirs - answered).max(0)
    };
    (ahead.abs() > TOLERATED_MS).then(|| {
        Finding::new(
            FindingId::ClockSkew,
            format!(
                "the server's clock is {} s {} this host's",
                ahead.abs() / 1000,
                if ahead > 0 { "ahead of" } else { "behind" }
            ),
        )
    })
}

/// Kerberos tolerates five minutes; log files of the two ends are hard to compare long before that.
const TOLERATED_MS: i64 = 5_000;

//! `clock-skew`: the clocks of the two ends differ. No verdict depends on that, but logs are hard to compare.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::observation::Operation;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let own = ahead(evidence)?;
    // All sessions with one server make the same claim, although rounding differs between them.
    let mut all = evidence.same_server.iter().map(|m| evidence.of(m));
    let ahead = all.find_map(|of| ahead(&of)).unwrap_or(own);
    Some(Finding::new(
        FindingId::ClockSkew,
        format!(
            "the server's clock is {} s {} this host's",
            ahead.abs() / 1000,
            if ahead > 0 { "ahead of" } else { "behind" }
        ),
    ))
}

/// Returns by how many milliseconds the server's clock is ahead of this host's, as this probe's testimony shows it.
/// `None` if the clocks agree.
fn ahead(evidence: &Evidence<'_>) -> Option<i64> {
    let theirs = i64::try_from(testimony(evidence.probe)?.time_unix_ms).ok()?;
    let greeting = evidence
        .probe
        .observations
        .iter()
        .find(|o| o.operation == Operation::Testimony)?;
    let started = evidence.run_started_ms?;
    // The server read its clock at some time between the greeting and the answer.
    let sent = started + i64::try_from(greeting.start_us / 1000).ok()?;
    let answered = sent + i64::try_from(greeting.duration_us / 1000).ok()?;
    let ahead = if theirs < sent {
        theirs - sent
    } else {
        (theirs - answered).max(0)
    };
    (ahead.abs() > TOLERATED_MS).then_some(ahead)
}

/// Tolerated difference in milliseconds. Kerberos tolerates five minutes, but log files of the two ends are hard to
/// compare long before that.
const TOLERATED_MS: i64 = 5_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::catalogue::FindingId;
    use crate::recorded::Recorded;

    #[test]
    fn one_clock_is_told_of_once() {
        let text = include_str!("../../../tests/scenarios/demo.json");
        let mut document = Recorded::read(text);
        let sessions = document
            .probes
            .iter_mut()
            .filter_map(|p| p.measurement.session.as_mut());
        let mut testimonies: Vec<_> = sessions.filter_map(|s| s.testimony.as_mut()).collect();
        assert!(testimonies.len() > 2);
        for (rounding, testimony) in [0, 990].into_iter().cycle().zip(&mut testimonies) {
            testimony.time_unix_ms += 43_200_000 + rounding;
        }
        let again = document.judged();
        let findings = again.iter().flat_map(|p| &p.judged.findings);
        let skewed: Vec<&str> = findings
            .filter(|f| f.id == FindingId::ClockSkew)
            .map(|f| f.claim.as_str())
            .collect();
        assert!(skewed.len() > 2, "{skewed:?}");
        let different: BTreeSet<&str> = skewed.iter().copied().collect();
        assert_eq!(different.len(), 1, "{different:?}");
    }
}

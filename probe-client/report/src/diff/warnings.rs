//! Warns of comparisons that may mislead: of different servers or hosts, and of runs in the wrong order.

use jiff::Timestamp;
use probe_documents::diff::{Diff, FactKind};

/// Returns the reasons why the changes may mean something else than a change of the network.
pub(super) fn warnings(diff: &Diff) -> Vec<String> {
    let mut warnings: Vec<String> = in_wrong_order(diff).into_iter().collect();
    for (kind, differ, cause) in [
        (
            FactKind::Server,
            "the runs name different servers",
            "the server",
        ),
        (
            FactKind::Node,
            "the runs are from different hosts",
            "the host",
        ),
    ] {
        for fact in diff.facts.iter().filter(|fact| fact.fact == kind) {
            warnings.push(format!(
                "{differ} ({} before, {} now), so a change may be due to {cause}",
                fact.before, fact.after
            ));
        }
    }
    warnings
}

fn in_wrong_order(diff: &Diff) -> Option<String> {
    let before: Timestamp = diff.before.started.parse().ok()?;
    let after: Timestamp = diff.after.started.parse().ok()?;
    (after < before).then(|| WRONG_ORDER.to_owned())
}

const WRONG_ORDER: &str = "the run named last began before the run named first, so the two may \
     be in the wrong order";

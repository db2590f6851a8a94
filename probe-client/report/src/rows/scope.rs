//! The scope of a run whose rules are all expected to be blocked: what was tested, and what the run does not show.
//! Auditors read such a run as proof that networks are separated, so it must not claim more than it tested.

use probe_core::profile::Expectation;
use probe_documents::traffic::{in_logs, was_sent};
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::failure::by_server;

/// What was tested by a run whose rules are all expected to be blocked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScopeRow {
    /// The traffic that was sent, for each server and path: sources, destinations, ports and time in UTC.
    pub tested: Vec<String>,
    /// What the run does not show.
    pub limits: &'static str,
}

/// Returns the scope of `document`; `None` if a rule is expected to be open, or if nothing was sent.
pub(super) fn row(document: &RunDocument) -> Option<ScopeRow> {
    let blocked = |p: &Probe| p.measurement.rule.expect == Expectation::Blocked;
    if !document.probes.iter().all(blocked) {
        return None;
    }
    // A name that was not resolved, for example, must not hide what was sent to other servers.
    let sent: Vec<&Probe> = document.probes.iter().filter(|p| was_sent(p)).collect();
    let tested: Vec<String> = by_server(&sent)
        .iter()
        .filter_map(|of_one_server| in_logs(document, of_one_server))
        .collect();
    (!tested.is_empty()).then_some(ScopeRow {
        tested,
        limits: LIMITS,
    })
}

const LIMITS: &str = "This run shows nothing about other sources, destinations, ports or \
                      protocols, and nothing about any other time. A port that is blocked for \
                      these sessions may be open for another application.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn expected_blocked() -> RunDocument {
        let mut document = recorded::DEMO.read();
        for probe in &mut document.probes {
            probe.measurement.rule.expect = Expectation::Blocked;
        }
        document
    }

    #[test]
    fn a_run_with_a_rule_that_should_be_open_has_none() {
        assert_eq!(row(&recorded::DEMO.read()), None);
        let mut document = expected_blocked();
        document.probes[0].measurement.rule.expect = Expectation::Open;
        assert_eq!(row(&document), None);
        document.probes.clear();
        assert_eq!(row(&document), None);
    }

    #[test]
    fn source_destination_ports_and_time_are_named() {
        let document = expected_blocked();
        let scope = row(&document).unwrap();
        let [tested] = scope.tested.as_slice() else {
            panic!("{scope:?}")
        };
        assert!(
            tested.starts_with("TCP from 127.0.0.1 to 127.0.0.1, ports "),
            "{tested}"
        );
        assert!(tested.ends_with(" UTC"), "{tested}");
        for probe in &document.probes {
            let port = probe.measurement.port_dialled().to_string();
            assert!(tested.contains(&port), "{port}: {tested}");
        }
    }

    #[test]
    fn a_name_that_was_not_resolved_is_not_called_tested() {
        let mut document = expected_blocked();
        document.probes[0].verdict.id = probe_core::catalogue::VerdictId::NameNotResolved;
        let port = document.probes[0].measurement.port_dialled().to_string();
        let scope = row(&document).unwrap();
        assert!(!scope.tested[0].contains(&port), "{scope:?}");
    }
}

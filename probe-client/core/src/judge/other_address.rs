//! Handles a server that is unreachable at one of its addresses while another address of the same name works.

use super::ending::testimony;
use crate::catalogue::VerdictId;
use crate::measurement::Measurement;
use crate::profile::AddressFamily;
use crate::verdict::Verdict;

/// Returns `verdict` with the facts that the other addresses of the same host show: the server runs, so that needs no
/// check.
pub(super) fn told(verdict: Verdict, probe: &Measurement, all: &[Measurement]) -> Verdict {
    if verdict.id != VerdictId::ServerUnreachable {
        return verdict;
    }
    let Some(address) = probe.server() else {
        return verdict;
    };
    let mut others = all
        .iter()
        .filter(|m| m.host == probe.host && m.path == probe.path && m.server() != Some(address));
    let Some(other) = others.find_map(|m| testimony(m).and_then(|_| m.server())) else {
        return verdict;
    };
    let host = &probe.host;
    let family = AddressFamily::of(address).words();
    let record = if address.is_ipv6() { "AAAA" } else { "A" };
    let verdict = verdict.because(format!(
        "a server of the same name proved itself at {other} in this run"
    ));
    verdict.next(format!(
        "the server runs: it proved itself at {other}. Ask its admin whether {address} is an \
         address of its host too, and the DNS team to remove the {record} record of {host} if not; \
         else ask the firewall and cloud teams whether {family} to {address} is routed and let \
         through, replies included. Until then, programs that try {family} first wait or fail; \
         --{} leaves it out here",
        if address.is_ipv6() { "ipv4" } else { "ipv6" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Failure, FailureKind, Operation, Origin};
    use crate::recorded::{Judgement, Recorded};

    #[test]
    fn a_server_that_works_over_ipv4_is_not_to_be_started_for_ipv6() {
        let text = include_str!("../../tests/scenarios/reachable-both-families.json");
        let mut document = Recorded::read(text);
        let probes = document.probes.iter_mut().map(|p| &mut p.measurement);
        for m in probes.chain(&mut document.reference_probes) {
            m.host = "echo.example.org".to_owned();
            if m.server().is_some_and(|ip| ip.is_ipv6()) {
                m.session = None;
                let all = &mut m.observations;
                let connect = all.iter().position(|o| o.operation == Operation::Connect);
                all.truncate(connect.unwrap() + 1);
                let silence = Failure::new(FailureKind::TimedOut, Origin::Unknown);
                all.last_mut().unwrap().failure = Some(silence);
            }
        }
        document
            .server
            .controls
            .retain(|c| c.address.is_some_and(|ip| ip.is_ipv4()));
        let again = document.judged();
        let of_v6 = |p: &&Judgement| p.measurement.server().is_some_and(|ip| ip.is_ipv6());
        let found = again.iter().find(of_v6).unwrap();
        assert_eq!(found.judged.verdict.id, VerdictId::ServerUnreachable);
        let step = found.judged.verdict.next_step.as_ref().unwrap();
        assert!(step.contains("it proved itself at"), "{step}");
        assert!(step.contains("AAAA"), "{step}");
    }
}

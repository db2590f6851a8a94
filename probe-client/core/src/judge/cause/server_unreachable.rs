//! `server-unreachable`: silence or RST on every port, or connections that are accepted and immediately ended. One
//! statement about the server's address, not one per port.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::ending::{Ending, ending, testimony};
use super::super::evidence::Evidence;
use super::super::place::as_far_as;
use super::super::taken::{self, TurnedAway};
use super::super::words::list;
use crate::catalogue::VerdictId;
use crate::measurement::Measurement;
use crate::observation::FailureKind;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) mod no_way_there;

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    unanswered(evidence).or_else(|| turned_away(evidence))
}

fn unanswered(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NotConnected(failure) = evidence.ending() else {
        return None;
    };
    let undecided = matches!(failure.kind, FailureKind::TimedOut | FailureKind::Refused);
    if !undecided || evidence.server_alive() || connected_somewhere(evidence) {
        return None;
    }
    if evidence.same_server.iter().any(|m| untried(m)) {
        return None;
    }
    // A limit on this host's connections may drop every SYN to this address while the server is up.
    if evidence.working_ports_elsewhere_lose_syns() {
        return None;
    }
    let address = evidence.probe.server()?;
    let (timed_out, refused) = counts(evidence);
    let how = match (timed_out, refused) {
        (2, 0) => "neither of the two ports tried answered".to_owned(),
        (n, 0) => format!("none of the {n} ports tried answered"),
        (0, n) => format!("{} answered with RST", all_ports(n)),
        (_, _) => format!(
            "no answer came on some ports ({}), and an RST on others ({})",
            ports_with(evidence, FailureKind::TimedOut),
            ports_with(evidence, FailureKind::Refused)
        ),
    };
    // A proxy may resolve the name to another address.
    let elsewhere = evidence.other_paths_lead_there();
    let hypotheses = if elsewhere.is_some() {
        "the path blocks this address, or the server has moved to another one that the proxy knows"
    } else if refused == 0 {
        "the server is down, its host or the cloud's edge drops everything, or the path blocks \
         this address"
    } else if timed_out == 0 {
        "the server is not running on that host, or a device resets everything to this address"
    } else {
        "the server is not running on that host, or a device blocks this address"
    };
    let mut verdict = unreachable(address, &how, hypotheses, Confidence::High)
        .because(tried(evidence))
        .next(format!(
            "first ask the server's admin to make sure that fwprobe-echo is running (`systemctl \
             status fwprobe-echo`, `ss -ltn`) and that {address} is its address{}{}; if so, ask {}",
            perhaps_another(evidence),
            if timed_out > 0 {
                ", and that its host's own firewall lets the ports in"
            } else {
                ""
            },
            blocks_all(evidence, address, (timed_out, refused))
        ));
    verdict.evidence.extend(elsewhere);
    verdict.evidence.extend(traced(evidence));
    Some(verdict)
}

/// Returns the question about a device that blocks `address`. A network security group sends no RST.
fn blocks_all(
    evidence: &Evidence<'_>,
    address: IpAddr,
    (timed_out, refused): (usize, usize),
) -> String {
    let source = evidence.source();
    if timed_out == 0 {
        return format!(
            "the firewall team which device answers TCP from {source} to {address} with RST on \
             all ports"
        );
    }
    if refused > 0 {
        return format!(
            "the firewall team which device drops TCP from {source} to {address} on some ports \
             ({}) and answers it with RST on others ({}), and the cloud team whether the network \
             security group lets {source} in",
            ports_with(evidence, FailureKind::TimedOut),
            ports_with(evidence, FailureKind::Refused)
        );
    }
    format!(
        "the firewall team whether TCP from {source} to {address} is blocked on all ports, and the \
         cloud team whether the network security group lets {source} in"
    )
}

/// Returns the verdict if handshakes complete, and every connection is then ended before it brings an answer.
fn turned_away(evidence: &Evidence<'_>) -> Option<Verdict> {
    if evidence.server_alive() || !evidence.probe.path.is_direct() {
        return None;
    }
    let TurnedAway { ended, refused } = taken::everywhere(evidence)?;
    let address = evidence.probe.server()?;
    let all = all_ports(ended);
    let how = if refused == 0 {
        format!(
            "on {all} the handshake completes, and the connection is reset or \
             closed before a byte comes back"
        )
    } else {
        format!(
            "on {ended} of the ports tried the handshake completes, and the connection is reset or \
             closed before a byte comes back; on {refused} RST answers the SYN"
        )
    };
    let hypotheses = "the server is not running, and a device (SYN proxy, load balancer) or \
                      another program completes handshakes in its place, or a device or the \
                      server's host resets whatever follows a handshake";
    let mut verdict = unreachable(address, &how, hypotheses, Confidence::Medium)
        .because(tried(evidence))
        .next(format!(
            "first ask the server's admin to make sure that fwprobe-echo is running (`systemctl \
             status fwprobe-echo`, `ss -ltnp` shows which program holds the ports) and that the \
             address is right; if both are so, ask the firewall and cloud teams whether a device \
             (SYN proxy, load balancer) completes TCP handshakes with {address} in the server's \
             place or resets what follows them, and for its log of connections from {}",
            evidence.source()
        ));
    verdict.evidence.extend(evidence.other_paths_lead_there());
    verdict.evidence.extend(traced(evidence));
    Some(verdict)
}

/// Returns the verdict for a server that cannot be reached. `how` says what all its ports do, and `hypotheses` says
/// what may be the reason.
fn unreachable(address: IpAddr, how: &str, hypotheses: &str, confidence: Confidence) -> Verdict {
    Verdict::new(
        VerdictId::ServerUnreachable,
        Segment::Unknown,
        confidence,
        format!(
            "the echo server at {address} cannot be reached at all: {how}. That says nothing about \
             individual ports; {hypotheses}"
        ),
    )
}

/// Returns `number` ports that were tried, in words.
fn all_ports(number: usize) -> String {
    if number == 2 {
        "both ports tried".to_owned()
    } else {
        format!("all {number} ports tried")
    }
}

/// Returns in words which ports were tried.
fn tried(evidence: &Evidence<'_>) -> String {
    let ports = listed(evidence.same_server.iter().copied());
    format!("ports tried, the control port included: {ports}")
}

/// Returns the ports that failed in this way, for example `80, 443`. Reports replace `port 443` by all ports that fail
/// alike, so these words do not occur in a statement about the address.
fn ports_with(evidence: &Evidence<'_>, kind: FailureKind) -> String {
    let failed = |m: &&Measurement| m.failure().is_some_and(|(_, f)| f.kind == kind);
    listed(evidence.same_server.iter().copied().filter(failed))
}

fn listed<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> String {
    let ports: BTreeSet<u16> = measurements.map(Measurement::port_dialled).collect();
    list(&Vec::from_iter(ports))
}

/// Returns a note that the name may lead other hosts to another address; empty if the host is given as an address.
fn perhaps_another(evidence: &Evidence<'_>) -> String {
    let host = &evidence.probe.host;
    if host.parse::<IpAddr>().is_ok() {
        return String::new();
    }
    format!(
        " (it is what this host's resolver gives for {host}; another may give a different one: \
         split DNS)"
    )
}

/// Returns in words how far SYNs get. One traced port stands for all, because the statement is about the server's
/// address.
fn traced(evidence: &Evidence<'_>) -> Option<String> {
    let all = evidence.same_server.iter();
    let mut surveys = all.filter_map(|m| m.survey.as_ref());
    surveys.find_map(as_far_as)
}

fn connected_somewhere(evidence: &Evidence<'_>) -> bool {
    use crate::observation::Operation;
    // A port on which another service answers says nothing about the server, but a port that only accepts connections
    // may be the server's own.
    evidence
        .same_server
        .iter()
        .any(|m| m.succeeded(Operation::Connect) && !is_foreign(m))
}

/// Returns whether this host gave up on the port, so that it is unknown whether the port would have answered.
fn untried(measurement: &Measurement) -> bool {
    let failure = measurement.failure().map(|(_, failure)| failure.kind);
    matches!(ending(measurement), Ending::Interrupted)
        || failure == Some(FailureKind::LocalResource)
}

fn is_foreign(measurement: &Measurement) -> bool {
    let shown = measurement.certificate.as_ref();
    let of_another = shown.is_some_and(|certificate| !certificate.pinned);
    of_another && testimony(measurement).is_none()
        || matches!(ending(measurement), Ending::Foreign(..))
}

fn counts(evidence: &Evidence<'_>) -> (usize, usize) {
    let with = |kind: FailureKind| {
        let ends = evidence.same_server.iter();
        ends.filter(|m| m.failure().is_some_and(|(_, f)| f.kind == kind))
            .count()
    };
    (with(FailureKind::TimedOut), with(FailureKind::Refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Failure, Operation, Origin};
    use crate::recorded::Recorded;

    #[test]
    fn a_port_that_was_given_up_on_here_is_no_witness() {
        let text = include_str!("../../../tests/scenarios/server-unreachable-silence.json");
        let whole = Recorded::read(text);
        for kind in [FailureKind::Interrupted, FailureKind::LocalResource] {
            let mut document = whole.clone();
            let given_up = &mut document.probes[0].measurement.observations;
            let failure = given_up.last_mut().unwrap().failure.as_mut().unwrap();
            failure.kind = kind;
            let again = document.judged();
            let verdict = &again[1].judged.verdict;
            assert_eq!(verdict.id, VerdictId::Inconclusive, "{}", verdict.claim);
        }
    }

    #[test]
    fn ports_without_an_answer_and_ports_with_an_rst_are_one_statement() {
        let text = include_str!("../../../tests/scenarios/server-unreachable-silence.json");
        let mut document = Recorded::read(text);
        let refused = &mut document.probes[0].measurement;
        let port = refused.port_dialled();
        let last = refused.observations.last_mut().unwrap();
        last.failure = Some(Failure::new(FailureKind::Refused, Origin::Peer));
        let again = document.judged();
        let first = &again[0].judged.verdict;
        let rst = format!("an RST on others ({port})");
        assert!(first.claim.contains(&rst), "{}", first.claim);
        for judgement in &again {
            let verdict = &judgement.judged.verdict;
            assert_eq!(verdict.id, VerdictId::ServerUnreachable);
            // Reports replace a port's own number in a text, and compare what remains.
            let own = format!("port {}", judgement.measurement.port_dialled());
            assert_eq!(verdict.claim, first.claim);
            assert_eq!(verdict.next_step, first.next_step);
            let step = verdict.next_step.as_ref().unwrap();
            assert!(!verdict.claim.contains(&own), "{}", verdict.claim);
            assert!(!step.contains(&own), "{step}");
            assert!(step.contains("with RST on others"), "{step}");
        }
    }

    #[test]
    fn a_name_may_lead_others_elsewhere() {
        let text = include_str!("../../../tests/scenarios/server-unreachable-silence.json");
        let mut document = Recorded::read(text);
        let probes = document.probes.iter_mut().map(|p| &mut p.measurement);
        for measured in probes.chain(&mut document.reference_probes) {
            measured.host = "echo.example.org".to_owned();
        }
        for control in &mut document.server.controls {
            control.host = "echo.example.org".to_owned();
        }
        let again = document.judged();
        let verdict = &again[0].judged.verdict;
        assert_eq!(
            verdict.id,
            VerdictId::ServerUnreachable,
            "{}",
            verdict.claim
        );
        let step = verdict.next_step.as_ref().unwrap();
        let told = "this host's resolver gives for echo.example.org";
        assert!(step.contains(told) && step.contains("split DNS"), "{step}");
    }

    /// Returns a run over several paths in which nothing answers on the direct path, as if that whole path were
    /// blocked.
    fn failed_directly(kind: FailureKind) -> Recorded {
        let text = include_str!("../../../tests/scenarios/through-proxies.json");
        let mut document = Recorded::read(text);
        let probes = document.probes.iter_mut().map(|p| &mut p.measurement);
        for measured in probes.chain(&mut document.reference_probes) {
            if measured.path.is_direct() {
                measured.session = None;
                let all = &mut measured.observations;
                let connect = all
                    .iter()
                    .position(|o| o.operation == Operation::Connect)
                    .unwrap();
                all.truncate(connect + 1);
                all[connect].failure = Some(Failure::new(kind, Origin::Unknown));
            }
        }
        document.server.controls.retain(|c| !c.path.is_direct());
        document
    }

    fn directly(document: &Recorded) -> Verdict {
        let again = document.judged();
        let mut probes = again.into_iter();
        probes
            .find(|p| p.measurement.path.is_direct())
            .unwrap()
            .judged
            .verdict
    }

    #[test]
    fn a_server_that_a_proxy_reaches_is_not_called_unreachable() {
        let verdict = directly(&failed_directly(FailureKind::TimedOut));
        assert_eq!(verdict.id, VerdictId::Inconclusive, "{}", verdict.claim);
        let told = verdict.evidence.join("\n");
        assert!(
            told.contains("on this port over the path http://"),
            "{told}"
        );
    }

    #[test]
    fn a_reset_on_a_port_that_a_proxy_reaches_is_somebodys_rule() {
        let verdict = directly(&failed_directly(FailureKind::Refused));
        assert_eq!(verdict.id, VerdictId::Rejected, "{}", verdict.claim);
    }

    #[test]
    fn what_a_name_stands_for_at_a_proxy_may_be_another_server() {
        let mut document = failed_directly(FailureKind::TimedOut);
        for probe in &mut document.probes {
            let measured = &mut probe.measurement;
            measured.host = "server.example".to_owned();
            if !measured.path.is_direct() {
                measured.address = None;
            }
        }
        for measured in &mut document.reference_probes {
            measured.host = "server.example".to_owned();
        }
        document.reference_probes.retain(|m| m.path.is_direct());
        let verdict = directly(&document);
        assert_eq!(
            verdict.id,
            VerdictId::ServerUnreachable,
            "{}",
            verdict.claim
        );
        let told = verdict.evidence.join("\n");
        assert!(
            told.contains("proved itself over the path http://"),
            "{told}"
        );
    }
}

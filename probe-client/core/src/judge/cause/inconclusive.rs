//! `inconclusive`: the evidence does not decide, and the verdict names the possibilities that remain.

use super::super::compared::facts;
use super::super::ending::Ending;
use super::super::evidence::{Evidence, Refusal};
use super::super::place::{as_far_as, keepers_of_the_last_device};
use crate::catalogue::VerdictId;
use crate::control_record::{ControlOutcome, ControlRecord};
use crate::observation::{FailureKind, Operation};
use crate::survey::RelativeDistance;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) mod broken_off;
pub(super) mod interrupted;
pub(super) mod options_lost;
pub(super) mod too_slow;

pub(in super::super) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let target = evidence.target();
    let between = between(evidence);
    let mut verdict = Verdict::new(
        VerdictId::Inconclusive,
        Segment::Unknown,
        Confidence::Low,
        format!("what stops {target} is not decided: {between}"),
    )
    .next(missing(evidence));
    verdict.evidence.extend(evidence.seen());
    if let (Ending::NotConnected(_), Refusal::Likely { counted }) =
        (evidence.ending(), evidence.refusal())
    {
        verdict.evidence.push(format!(
            "the kernel of the server's host counted {counted} answers to SYNs that were refused \
             in that time"
        ));
    }
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(unasked(evidence));
    verdict.evidence.extend(evidence.others_work());
    verdict.evidence.extend(evidence.works_over_other_paths());
    // If no port works, there is no port to compare hops with, so only the last hop that SYNs reach is known.
    if let Ending::NotConnected(_) = evidence.ending()
        && evidence.working_ports().is_empty()
    {
        verdict
            .evidence
            .extend(evidence.survey().and_then(as_far_as));
    }
    verdict
}

/// Returns the possibilities that remain.
fn between(evidence: &Evidence<'_>) -> &'static str {
    match evidence.ending() {
        Ending::NotConnected(f) => without_connection(evidence, f.kind),
        Ending::NoData(..) | Ending::Testified(..) if evidence.given_up_by_server() => {
            "every byte that either end sent arrived, and the server gave up waiting: one of the \
             two hosts is too busy, and the path is not to blame"
        }
        Ending::NoData(_, f) if f.kind == FailureKind::TimedOut => {
            "the handshake completed and nothing came back: the bytes are dropped on the way, or a \
             device completed the handshake in the server's place"
        }
        Ending::NoData(..) => {
            "the handshake completed and the connection was then ended: a device ended it when the \
             bytes came, or completed the handshake in the server's place, or a program on the \
             server's host ended it"
        }
        Ending::Complete(_) | Ending::Testified(..) => {
            "the server proved itself, but the session did not run as it should have"
        }
        Ending::Interrupted
        | Ending::Unresolved(_)
        | Ending::Proxy(..)
        | Ending::Declined
        | Ending::Foreign(..)
        | Ending::Altered(..) => "what was seen fits no single cause",
    }
}

/// Returns the possibilities that remain if there was no connection at all.
fn without_connection(evidence: &Evidence<'_>, failure: FailureKind) -> &'static str {
    if failure == FailureKind::Refused {
        return if evidence.accepted_meanwhile() {
            "RST came in answer to the SYN, and other SYNs to the same port were accepted: a limit \
             on connections, devices that share the traffic and do not agree, or chance"
        } else if from_the_end(evidence).is_some() {
            "RST came in answer, from exactly as far away as the server: either nothing listens on \
             that port, or its host's own firewall or the last device before it refuses it; all \
             devices on the way before them let the port through"
        } else {
            "RST came in answer: either nothing listens on that port, or a device before the \
             server refuses it"
        };
    }
    if failure != FailureKind::TimedOut {
        return "the connection failed in a way that does not show the cause";
    }
    if evidence.accepted_meanwhile() {
        "no answer came, and other SYNs to the same port were accepted: either connections are \
         limited, or one of several parallel paths or devices that share the traffic is broken"
    } else if evidence.nobody_listens() {
        "no answer came, and the server does not listen on that port, so it looks for no SYNs \
         there: either they are dropped on the way or by its host, or the RST that answers them is \
         dropped"
    } else if matches!(evidence.refusal(), Refusal::Likely { .. }) {
        "no answer came. Either the server answered, and a device or this host refused the answer \
         on the way back; or the SYN is dropped on the way there, and the refused answers that the \
         server's host counted belong to other connections"
    } else {
        "no answer came: the SYN is dropped on the way there or by the server host's own firewall, \
         or the server's answer is dropped or refused on the way back"
    }
}

/// Returns the next step that would decide.
fn missing(evidence: &Evidence<'_>) -> String {
    again(evidence)
        .or_else(|| changed_at_the_server(evidence))
        .unwrap_or_else(|| by_its_word(evidence))
}

/// Returns the next step if the same run under other conditions would decide.
fn again(evidence: &Evidence<'_>) -> Option<String> {
    let port = evidence.probe.port_dialled();
    if evidence.given_up_by_server() {
        return Some(
            "look at the load of this host and of the server's, and run it again".to_owned(),
        );
    }
    if evidence.slowness().is_some() {
        return Some(format!(
            "run again for this port alone (--port {port}) when the line is idle: now it is too \
             slow to check the server's report that it saw no SYN"
        ));
    }
    if evidence.nobody_listens() {
        return Some(format!(
            "on the server, let fwprobe-echo listen on port {port} (`--port {port}`, or [[listen]] \
             in its configuration) and run again: it can then report what reaches it"
        ));
    }
    if evidence.working_ports_elsewhere_lose_syns() {
        return Some(
            "run again for this address of the server alone (--ipv4, --ipv6 or --host): ports that \
             work at another address also lose SYNs when many are dialled at once, so silence here \
             proves nothing"
                .to_owned(),
        );
    }
    evidence.working_ports_lose_syns().then(|| {
        format!(
            "run again for this port alone (--port {port}): ports that work also lose SYNs, so a \
             missing SYN on this port proves nothing. If the result is the same, ask {}",
            logs(evidence)
        )
    })
}

/// Returns the next step if a change at the server would let it report more.
fn changed_at_the_server(evidence: &Evidence<'_>) -> Option<String> {
    let Ending::NotConnected(_) = evidence.ending() else {
        return one_by_one(evidence);
    };
    let flow = evidence.flow();
    if let Refusal::Likely { .. } = evidence.refusal() {
        return Some(format!(
            "have the server's admin turn on its witness (`witness = true` in its configuration) \
             and run again: it sees whether the SYN arrives. A packet capture on this host shows \
             whether an answer arrives and this host itself refuses it with an RST. Meanwhile ask \
             the firewall team about {flow}: which device resets or rejects the server's answers \
             (SYN-ACK) on the way back or sees only one direction of the connection, and whether \
             this port is translated to another address on the way there (DNAT), so that the \
             server answers from an address other than the one dialled"
        ));
    }
    one_by_one(evidence).or_else(|| {
        (evidence.never_seen() && !evidence.sees_syns()).then(|| {
            format!(
                "have the server's admin turn on its witness (`witness = true` in its \
                 configuration) and run again: without a witness, the server cannot say which SYNs \
                 reach its host, because that host's system keeps no half-open connections, or too \
                 few. Meanwhile ask {}",
                logs(evidence)
            )
        })
    })
}

/// Returns the next step if one of several instances could not be asked.
fn one_by_one(evidence: &Evidence<'_>) -> Option<String> {
    let lacks = evidence
        .control
        .is_some_and(ControlRecord::lacks_an_instance);
    lacks.then(|| {
        format!(
            "test each instance of the server behind {} by an address of its own (--host), or have \
             the load balancer keep a client on one, and run again: one of them could not be asked \
             what it saw",
            evidence.server_named()
        )
    })
}

/// Returns the next step if the server's own report would decide.
fn by_its_word(evidence: &Evidence<'_>) -> String {
    match evidence.control.map(|c| &c.outcome) {
        Some(ControlOutcome::Reached { .. }) => among_others(evidence),
        _ if evidence.told_over_another_path() => among_others(evidence),
        Some(ControlOutcome::KeyRefused { .. }) => {
            "ask the server's admin for a connection string with a key that it accepts: it can \
             then be asked what it saw"
                .to_owned()
        }
        Some(ControlOutcome::Declined { .. }) => {
            "run it again when the server is less busy".to_owned()
        }
        Some(ControlOutcome::NotReached | ControlOutcome::NotNeeded) | None => {
            control_channel(evidence)
        }
    }
}

fn control_channel(evidence: &Evidence<'_>) -> String {
    let (source, server) = (evidence.source(), evidence.server_named());
    let port = evidence.control_port().map_or_else(
        || "its control port (8443 unless set otherwise)".to_owned(),
        |control| format!("port {}", control.port_dialled()),
    );
    let channel = format!(
        "TCP from {source}{} to {server}, {port}, without TLS inspection (fwprobe's control \
         channel: TLS with ALPN h2)",
        evidence.seen_as()
    );
    let first = if control_was_refused(evidence) {
        // Most often, nothing listens there.
        format!(
            "ask the server's admin whether fwprobe-echo listens on {port} (`ss -ltn`), and to \
             start it there if it does not; if it listens there, ask the firewall team to allow \
             {channel}"
        )
    } else if evidence.server_alive() {
        format!("ask the firewall team to allow {channel}")
    } else {
        format!(
            "ask the server's admin to make sure that fwprobe-echo is running (`systemctl status \
             fwprobe-echo`) and that {server} is its address, then the firewall team to allow \
             {channel}"
        )
    };
    if let Some(distance) = from_the_end(evidence) {
        let own = evidence.probe.port_dialled();
        return format!(
            "ask the server's admin whether anything listens on port {own} of {server} (`ss \
             -ltn`): if not, let fwprobe-echo listen there; if so, to look for a reject rule for \
             {} in that host's own firewall ({}); if there is none, ask {} whether the last \
             device before the host has such a rule. To have the server itself say whether it \
             listens, {first}, and run again",
            evidence.flow(),
            evidence.commands_for_host_rules(),
            keepers_of_the_last_device(evidence, distance)
        );
    }
    format!(
        "{first}. Then run again: the server can then be asked what it saw of this port. Until \
         then, ask {}",
        logs(evidence)
    )
}

/// Returns whether the control port answered SYNs with an RST, and nothing shows that the server listens there.
fn control_was_refused(evidence: &Evidence<'_>) -> bool {
    let Some(control) = evidence.control_port() else {
        return false;
    };
    let refused = control.failure().is_some_and(|(operation, failure)| {
        operation == Operation::Connect && failure.kind == FailureKind::Refused
    });
    refused && !evidence.proved_elsewhere_on(control.port_dialled())
}

/// Returns the questions to the firewall team, the cloud team and the server's admin about a connection that failed.
fn logs(evidence: &Evidence<'_>) -> String {
    let flow = evidence.flow();
    let Ending::NotConnected(_) = evidence.ending() else {
        return format!(
            "the firewall team first, then the cloud team, then the server's admin, what their \
             logs show of {flow}, in both directions"
        );
    };
    format!(
        "the firewall team first, then the cloud team, what their logs show of {flow}, in both \
         directions, and last the server's admin which rules of that host's own firewall concern \
         port {} ({})",
        evidence.probe.port_dialled(),
        evidence.commands_for_host_rules()
    )
}

/// Returns in words why the server could not be asked; `None` if it was asked, or if the run did not try.
fn unasked(evidence: &Evidence<'_>) -> Option<String> {
    let ControlOutcome::NotReached = evidence.control?.outcome else {
        return None;
    };
    if evidence.told_over_another_path() {
        return None;
    }
    let control = evidence.control_port()?;
    let (operation, failure) = control.failure()?;
    Some(format!(
        "the server could not be asked what it saw, because its control port, {}, failed as well: \
         {}, {}",
        control.port_dialled(),
        operation.describe(),
        failure.kind.describe()
    ))
}

/// Returns how far away an RST came from, in hops, if it answered the SYN and came from exactly the server's distance.
fn from_the_end(evidence: &Evidence<'_>) -> Option<u8> {
    let refused =
        matches!(evidence.ending(), Ending::NotConnected(f) if f.kind == FailureKind::Refused);
    let RelativeDistance::Same { distance } = evidence.answering() else {
        return None;
    };
    (refused && !evidence.accepted_meanwhile()).then_some(distance)
}

fn among_others(evidence: &Evidence<'_>) -> String {
    format!(
        "run again when there is less other traffic to the server, or from a host that no NAT or \
         proxy hides: the server could not tell this connection from others of that time. \
         Meanwhile ask {}",
        logs(evidence)
    )
}

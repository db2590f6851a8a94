//! `inconclusive`: the evidence does not decide, and the verdict says between what.

use super::super::compared::facts;
use super::super::ending::Ending;
use super::super::evidence::{Evidence, Refusal};
use super::super::place::as_far_as;
use crate::catalogue::VerdictId;
use crate::control_record::{ControlOutcome, ControlRecord};
use crate::observation::FailureKind;
use crate::survey::Comparison;
use crate::verdict::{Confidence, Segment, Verdict};

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
            "{counted} answers of the server's host to SYNs were refused in that time, by the kernel's count"
        ));
    }
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    verdict.evidence.extend(evidence.works_over_other_paths());
    // Where no port works there is none to compare hops with, and how far SYNs get is all that is known.
    if let Ending::NotConnected(_) = evidence.ending()
        && evidence.working_ports().is_empty()
    {
        verdict
            .evidence
            .extend(evidence.survey().and_then(as_far_as));
    }
    verdict
}

/// What remains possible.
fn between(evidence: &Evidence<'_>) -> &'static str {
    match evidence.ending() {
        Ending::NotConnected(f) => without_connection(evidence, f.kind),
        Ending::Mute(..) | Ending::Testified(..) if evidence.given_up_by_server() => {
            "every byte of either end arrived at the other, and the server gave up waiting: one of the two hosts is too \
             busy, and the path is not to blame"
        }
        Ending::Mute(_, f) if f.kind == FailureKind::TimedOut => {
            "the handshake completed and nothing came back: the bytes are dropped on the way, or a device completed the \
             handshake in the server's place"
        }
        Ending::Mute(..) => {
            "the handshake completed and the connection was then closed: a device reset it when the bytes came, or \
             completed the handshake in the server's place"
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

/// Where there was no connection at all.
fn without_connection(evidence: &Evidence<'_>, failure: FailureKind) -> &'static str {
    if failure == FailureKind::Refused {
        return if evidence.accepted_meanwhile() {
            "RST came in answer to the SYN, and other SYNs to the same port were accepted: a limit on connections, devices \
             that share the traffic and do not agree, or chance"
        } else if matches!(evidence.answering(), Comparison::Same { .. }) {
            "RST came in answer, from exactly as far away as the server: either nothing listens on that port, or its host's \
             own firewall or the last device before it refuses it; every device before those lets the port through"
        } else {
            "RST came in answer: either nothing listens on that port, or a device before the server refuses it"
        };
    }
    if failure != FailureKind::TimedOut {
        return "the connection failed in a way that names no cause";
    }
    if evidence.accepted_meanwhile() {
        "no answer came, and other SYNs to the same port were accepted: a limit on connections, or one of several ways or \
         devices that share the traffic and is broken"
    } else if evidence.nobody_listens() {
        "no answer came, and the server does not listen on that port, so that it looks for no SYNs there: they are dropped on \
         the way or by its host, or the RST that they are answered with is"
    } else if matches!(evidence.refusal(), Refusal::Likely { .. }) {
        "no answer came, and the server's host counted answers that were refused at once, which leave no other trace there: \
         the server answered and a device or this host refused that on the way back, or the SYN is dropped on the way \
         there and those were others'"
    } else {
        "no answer came: either the SYN is dropped on the way there, or the server's answer on the way back"
    }
}

/// What would decide it.
fn missing(evidence: &Evidence<'_>) -> &'static str {
    if evidence.given_up_by_server() {
        return "look at the load of this host and of the server's, and run it again";
    }
    if evidence.slowness().is_some() {
        return "run it again for this port alone (--port) when the line is idle: it is too slow for the connections by which \
                the server's word that it saw none would be checked";
    }
    if evidence.nobody_listens() {
        return "let fwprobe-echo listen there (`--port`, or [[listen]] in its configuration) and run again: it can then tell \
                what reaches it";
    }
    if evidence.working_ports_lose_syns() {
        return "run it again for this port alone (--port): ports that work lose SYNs too where many are dialled, so \
                that the server saw none of this one's does not decide";
    }
    if let (Ending::NotConnected(_), Refusal::Likely { .. }) =
        (evidence.ending(), evidence.refusal())
    {
        return "have the server run with a witness (`witness = true` in its configuration) and run again: it sees whether the \
                SYN arrives. Ask meanwhile, for the way back, which device resets or rejects answers (SYN-ACK) of the \
                server or sees only one direction of the connection, and whether this port is translated to another \
                address on the way there (DNAT), so that the server answers in another name than the one dialled";
    }
    if evidence
        .control
        .is_some_and(ControlRecord::lacks_an_instance)
    {
        return "of several instances of the server behind this address one could not be asked what it saw: name each by an \
                address of its own (--host), or have the load balancer keep a client on one, and run again";
    }
    if matches!(evidence.ending(), Ending::NotConnected(_))
        && evidence.never_seen()
        && !evidence.sees_syns()
    {
        return "have the server run with a witness (`witness = true` in its configuration) and run again: without one it \
                cannot say which SYNs reach its host, whose system keeps none or too few half-open connections";
    }
    match evidence.control.map(|c| &c.outcome) {
        Some(ControlOutcome::Reached { .. }) => AMONG_OTHERS,
        _ if evidence.told_over_another_path() => AMONG_OTHERS,
        Some(ControlOutcome::KeyRefused { .. }) => {
            "ask the server's operator for a connection string with a key that it accepts: it can then be asked what it saw"
        }
        Some(ControlOutcome::Declined { .. }) => "run it again when the server is less busy",
        Some(ControlOutcome::NotReached | ControlOutcome::NotNeeded) | None => {
            "ask the firewall team to let TLS with ALPN h2 from this host through to the server on its control port (8443 \
             unless set otherwise) or on any port that works, without inspection, and run again: the server can then be \
             asked what it saw of this port. Meanwhile ask them and the cloud team what their logs say of it"
        }
    }
}

const AMONG_OTHERS: &str = "run it again at a time when, or from an address where, there is less other traffic to the \
                            server: it could not tell this connection from others";

//! Judges several instances of the server behind one address that are not set up alike, so that a session passes or
//! fails depending on the instance that it reaches. `not-listening` if one instance refuses the connection,
//! `answered-by-middlebox` if the load balancer accepted it first, `server-refused` if one instance does not know the
//! key.

use super::super::ending::Ending;
use super::super::evidence::{Evidence, names};
use crate::catalogue::VerdictId;
use crate::control_record::ControlOutcome;
use crate::observation::FailureKind;
use crate::verdict::{Confidence, Segment, Verdict};

/// Returns the verdict if one instance lacks a port that others have.
pub(super) fn port(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (listening, lacking) = evidence.instances();
    if listening.is_empty() || lacking.is_empty() {
        return None;
    }
    let was_refused =
        matches!(evidence.ending(), Ending::NotConnected(f) if f.kind == FailureKind::Refused);
    let was_taken = matches!(evidence.ending(), Ending::NoData(..)) && evidence.never_seen();
    // A load balancer closes a connection that an instance refuses.
    let was_closed = matches!(
        evidence.ending(),
        Ending::NoData(_, f) if matches!(f.kind, FailureKind::Closed | FailureKind::Reset)
    );
    let mut verdict = if was_refused {
        refused(evidence, &names(&lacking))
    } else if was_taken {
        taken(evidence, &names(&lacking)).because(
            "the handshake completed, and every instance looked for the connection and saw none",
        )
    } else if was_closed && evidence.recognised_nowhere() {
        let verdict = Verdict {
            confidence: Confidence::Low,
            ..taken(evidence, &names(&lacking))
        };
        verdict.because(
            "the handshake completed, and no instance recognised the connection among those that \
             it saw",
        )
    } else {
        return None;
    };
    verdict.evidence.push(format!(
        "of the instances behind this address, {} listen on that port and {} do not, by their own \
         reports",
        names(&listening),
        names(&lacking)
    ));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

fn refused(evidence: &Evidence<'_>, lacking: &str) -> Verdict {
    let port = evidence.probe.port_dialled();
    Verdict::new(
        VerdictId::NotListening,
        Segment::ServerHost,
        Confidence::Medium,
        format!(
            "not every instance of the server listens on port {port}, and the host of one refused \
             the connection: {lacking}"
        ),
    )
    .because("who sent the RST was not measured")
    .next(next(lacking, port))
}

fn taken(evidence: &Evidence<'_>, lacking: &str) -> Verdict {
    let (target, port) = (evidence.target(), evidence.probe.port_dialled());
    Verdict::new(
        VerdictId::AnsweredByMiddlebox,
        Segment::PATH,
        Confidence::Medium,
        format!(
            "the device in front of the server's instances took a connection to {target} and \
             passed it on to none of them; not every instance listens on port {port}: it is \
             missing on {lacking}"
        ),
    )
    .next(format!(
        "{}; if the result is the same, ask the team that runs the load balancer at {target} to \
         which instances and ports it sends these connections",
        next(lacking, port)
    ))
}

fn next(lacking: &str, port: u16) -> String {
    format!(
        "start fwprobe-echo with port {port} (`--port {port}`, or [[listen]] in its configuration) \
         on {lacking} as well, and run again"
    )
}

/// Returns the verdict if one instance does not accept the key, and none of the others saw the session.
pub(super) fn key(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NoData(..) = evidence.ending() else {
        return None;
    };
    let mut others = evidence.control?.others.iter();
    let refuses = others.any(|o| matches!(o, ControlOutcome::KeyRefused { .. }));
    let answer = evidence.sighting_answer()?;
    if !refuses || answer.unattributed || answer.connections().next().is_some() {
        return None;
    }
    let mut verdict = Verdict::new(
        VerdictId::ServerRefused,
        Segment::ServerHost,
        Confidence::Medium,
        "behind this address are several instances of the echo server, and one of them does not \
         accept this key",
    )
    .because(
        "one control connection was answered UNAUTHENTICATED under the pinned certificate, \
              others were not",
    )
    .because(
        "no instance that accepts the key saw this session; an instance that does not accept it \
         stays silent on the ports themselves",
    )
    .next(
        "give every instance the same keys and reload it (`systemctl reload fwprobe-echo`, or \
         `fwprobe reload-server`), then run again",
    );
    verdict.evidence.extend(evidence.seen());
    Some(verdict)
}

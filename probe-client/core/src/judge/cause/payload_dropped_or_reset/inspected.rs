//! `payload-dropped` and `payload-reset` by inspection: on the same port, sessions of another shape or
//! with another server name pass, repeatedly, while the probe's own fails again.

use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::judge::compared::{Parted, Tally, facts, variations};
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::judge::loss_point;
use crate::judge::place::Place;
use crate::judge::words::in_a_sentence;
use crate::measurement::{Measurement, OTHER_NAME, SentName, Variation};
use crate::observation::Operation;
use crate::session::StageReport;
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (Ending::Testified(..) | Ending::NoData(..)) = evidence.ending() else {
        return None;
    };
    // If the server never saw the connection, another device accepted it, which is a cause of its own. But a proxy may
    // inspect the first bytes before it connects.
    let decided = Tally::of(evidence, Variation::InNothing).fails_again()
        && (evidence.proxy().is_some() || !evidence.never_seen())
        && at_the_same_point(evidence)
        && !by_chance(evidence);
    let passing = passing(evidence);
    let parted = Parted::by(evidence, &passing);
    let inspects = inspects(evidence, &passing).filter(|_| decided && parted.is_certain())?;
    let target = evidence.target();
    let id = super::verdict_id(evidence);
    let done = if id == VerdictId::PayloadReset {
        "resets"
    } else {
        "silently drops"
    };
    let own = evidence.probe.session_kind().protocol();
    if let Some(proxy) = evidence.proxy() {
        let verdict = Verdict::new(
            id,
            Segment::Proxy,
            Confidence::Medium,
            format!(
                "the proxy {proxy}, or a device behind it, {done} {inspects} (in connections to \
                 {target})"
            ),
        );
        let verdict = verdict.because(both(own, &passing)).because(parted.told());
        return Some(at_the_proxy(evidence, verdict, &passing));
    }
    let device = Place::of_device(evidence);
    let mut verdict = Verdict::new(
        id,
        Segment::PATH,
        Confidence::High,
        format!("a device that inspects TCP to {target} {done} {inspects}"),
    )
    .because(both(own, &passing))
    .because(parted.told())
    .next(format!(
        "{}ask {} which application-control or inspection rule stops {own} sessions in {}, and to \
         allow {}, replies included{}{}",
        with_the_name(evidence, &passing),
        super::whom(device.as_ref()),
        evidence.flow(),
        allowed(evidence, &passing),
        software(device.is_none()),
        advice(evidence.probe.session_kind())
    ))
    .unless_all(device.is_none().then_some(Alternative::SoftwareOnAHost));
    verdict
        .evidence
        .extend(super::place(evidence).map(|place| format!("the session died {place}")));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    Some(super::at_its_hop(verdict, device))
}

/// Returns `verdict` with the question to the team that runs the probe's proxy.
fn at_the_proxy(evidence: &Evidence<'_>, verdict: Verdict, passing: &[Variation]) -> Verdict {
    let (kind, target) = (evidence.probe.session_kind(), evidence.target());
    let own = kind.protocol();
    let tls_passes = passing.contains(&Variation::InShape {
        session: SessionKind::Tls,
    });
    let instead = if tls_passes {
        ". TLS passes: where the program can use HTTPS instead, that needs no change"
    } else {
        ""
    };
    let mut verdict = verdict;
    if evidence.never_seen() {
        verdict = verdict.because(
            "the server looked for the connection and saw none: the proxy reports a \
             connection before it has one, and inspects the first bytes that this host sends",
        );
    }
    let mut verdict = verdict.next(format!(
        "ask the proxy team to pass {own} on to {target} whatever its first bytes are, as a plain \
         tunnel (Squid with ssl_bump: `on_unsupported_protocol tunnel`; elsewhere an exemption \
         from TLS or protocol inspection), and for the proxy's log of it{instead}{}",
        advice(kind)
    ));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    verdict.evidence.extend(evidence.other_paths_work());
    verdict
}

fn both(own: &str, passing: &[Variation]) -> String {
    format!(
        "on the same port {} completed each time, and {own} failed each time",
        listed(passing)
    )
}

/// Returns whether sessions with the same server that are alike end differently, on this port or on another. An
/// inspection rule does not do that.
pub(super) fn by_chance(evidence: &Evidence<'_>) -> bool {
    let siblings = &evidence.same_server;
    siblings.by_chance(|| siblings.iter().any(|probe| is_mixed(&evidence.of(probe))))
}

fn is_mixed(evidence: &Evidence<'_>) -> bool {
    let mut tried = variations(evidence.probe).into_iter().filter(|variation| {
        matches!(
            variation,
            Variation::InNothing | Variation::InShape { .. } | Variation::InServerName { .. }
        )
    });
    tried.any(|variation| Tally::of(evidence, variation).is_mixed())
}

/// Returns whether all sessions died at the same point. A device acts on one place of a session. If sessions die at
/// different places, chance decides which kind of session survives.
fn at_the_same_point(evidence: &Evidence<'_>) -> bool {
    let (step, silently, bytes) = point(evidence.probe);
    let mut again = evidence.probe.compared(Variation::InNothing).map(point);
    again.all(|(other, as_silently, passed)| {
        (other, as_silently) == (step, silently) && passed.abs_diff(bytes) <= loss_point::ON_ITS_WAY
    })
}

/// Returns the step at which the session died, whether it died in silence, and how many payload bytes had been
/// confirmed or had come back by then.
fn point(measurement: &Measurement) -> (Option<Operation>, bool, u64) {
    let stages = measurement.session.as_ref().map_or(&[][..], |s| &s.stages);
    let of_stage = |s: &StageReport| {
        u64::from(s.up.confirmed.unwrap_or(0)) + u64::from(s.down.received.unwrap_or(0))
    };
    (
        measurement.failure().map(|(operation, _)| operation),
        measurement.died_in_silence(),
        stages.iter().map(of_stage).sum(),
    )
}

/// Returns the other kinds of session, and other server names, that completed each time on the probe's port.
pub(super) fn passing(evidence: &Evidence<'_>) -> Vec<Variation> {
    variations(evidence.probe)
        .into_iter()
        .filter(|variation| {
            matches!(
                variation,
                Variation::InShape { .. } | Variation::InServerName { .. }
            ) && Tally::of(evidence, *variation).passes()
        })
        .collect()
}

/// Returns the step that comes first if the device objects to TLS without a server name, since the application may send
/// one.
fn with_the_name(evidence: &Evidence<'_>, passing: &[Variation]) -> &'static str {
    let by_address = evidence.probe.host.parse::<std::net::IpAddr>().is_ok();
    let other = Variation::InServerName {
        sent: SentName::Other,
    };
    if by_address && passing.contains(&other) {
        "this run named no server in TLS (SNI): if the application does, run again with that name \
         (`--host NAME`) first; if it does not, "
    } else {
        ""
    }
}

/// Returns in words the traffic that the device has to let through.
fn allowed(evidence: &Evidence<'_>, passing: &[Variation]) -> String {
    let host = &evidence.probe.host;
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    let sent = |sent| passing.contains(&Variation::InServerName { sent });
    if is_name && (sent(SentName::None) || sent(SentName::Other)) {
        return format!("the server name {host} there");
    }
    if sent(SentName::Other) {
        return "TLS without a server name (SNI) there".to_owned();
    }
    format!("{} on that port", evidence.probe.session_kind().protocol())
}

/// Returns in words the part of the session that the device acts on. The server name is the narrower cause, if a
/// session differs in it alone.
fn inspects(evidence: &Evidence<'_>, passing: &[Variation]) -> Option<String> {
    let kind = evidence.probe.session_kind().protocol();
    let named = |sent| passing.contains(&Variation::InServerName { sent });
    let host = &evidence.probe.host;
    if named(SentName::None)
        || (named(SentName::Other) && host.parse::<std::net::IpAddr>().is_err())
    {
        return Some(format!(
            "{kind} that names {host} in its ClientHello{}, and lets {} pass: inspection by server \
             name",
            failed_too(evidence, true),
            listed(passing)
        ));
    }
    if named(SentName::Other) {
        return Some(format!(
            "{kind} without a server name in its ClientHello{}, and lets {} pass: inspection by \
             server name",
            failed_too(evidence, false),
            listed(passing)
        ));
    }
    (!passing.is_empty()).then(|| {
        format!(
            "{kind} sessions{} and lets {} pass: protocol inspection",
            failed_too(evidence, false),
            listed(passing)
        )
    })
}

/// Returns in words which other kinds of session failed each time; empty if none did. If the device acts on the
/// server's name (`by_name`), the words say that these sessions send the name (in a ClientHello or in the `Host:` of
/// HTTP), and sessions without a name are listed too.
fn failed_too(evidence: &Evidence<'_>, by_name: bool) -> String {
    let own = evidence.probe.session_kind().protocol();
    let mut failing = variations(evidence.probe);
    failing.retain(|v| Tally::of(evidence, *v).fails_again());
    let mut kinds = Vec::new();
    for variation in &failing {
        if let Variation::InShape { session } = variation {
            kinds.push(session.protocol().to_owned());
        }
    }
    let mut sessions = Vec::new();
    if !kinds.is_empty() {
        let which = if by_name { " that name it" } else { "" };
        sessions.push(format!("{} sessions{which}", in_a_sentence(&kinds)));
    }
    let unnamed = Variation::InServerName {
        sent: SentName::None,
    };
    if by_name && failing.contains(&unnamed) {
        sessions.push(format!("{own} sessions without a name"));
    }
    if sessions.is_empty() {
        return String::new();
    }
    format!(" ({} failed as well)", in_a_sentence(&sessions))
}

/// Returns the kinds of session in words.
pub(super) fn listed(passing: &[Variation]) -> String {
    let words: Vec<String> = passing
        .iter()
        .map(|variation| match variation {
            Variation::InShape { session } => session.protocol().to_owned(),
            Variation::InServerName {
                sent: SentName::None,
            } => "TLS without a name".to_owned(),
            Variation::InServerName {
                sent: SentName::Other,
            } => format!("TLS that names {OTHER_NAME}"),
            Variation::InNothing
            | Variation::InSilence
            | Variation::InSegmentSize { .. }
            | Variation::InPace { .. }
            | Variation::InHelloSize
            | Variation::InHelloAge
            | Variation::InReach { .. } => String::new(),
        })
        .collect();
    in_a_sentence(&words)
}

/// Returns a further step if software on a host may be the device.
fn software(perhaps: bool) -> &'static str {
    if perhaps {
        "; if no device has such a rule, look at security software on this host and on the server's"
    } else {
        ""
    }
}

fn advice(own: SessionKind) -> &'static str {
    match own {
        SessionKind::Nettcp => {
            "; for HPC Pack on 443, `Set-HpcClusterProperty -NettcpOver443 $false` makes it use \
             HTTPS where available (that this helps is inferred, unconfirmed)"
        }
        SessionKind::Tcp
        | SessionKind::Tls
        | SessionKind::Http
        | SessionKind::Https
        | SessionKind::Rdp => "",
    }
}

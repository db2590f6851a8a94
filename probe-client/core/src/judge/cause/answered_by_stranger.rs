//! `answered-by-stranger`: another service answers on the port, and the verdict quotes that service's bytes.

use super::super::ending::{Ending, testimony};
use super::super::evidence::Evidence;
use super::super::place::{Answer, Place, translated};
use super::payload_altered;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::SightingEnd;
use crate::session::{Fault, ForeignBytes, HttpStranger, PrefaceRefusal, Recognised};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let foreign_certificate = evidence
        .probe
        .certificate
        .as_ref()
        .filter(|certificate| !certificate.pinned);
    // A peer that testified is not a stranger, however the session ended.
    if testimony(evidence.probe).is_some() {
        return None;
    }
    // A device that forges certificates is not a stranger, nor is the server if its answer arrived changed.
    let forged = evidence.probe.forging_test.as_ref();
    if forged.is_some_and(|test| test.minted()) || payload_altered::frame(evidence).is_some() {
        return None;
    }
    let foreign = matches!(evidence.ending(), Ending::Foreign(..));
    if !foreign && foreign_certificate.is_none() {
        return None;
    }
    let target = evidence.target();
    let who = who(evidence);
    let place = Place::of_nearer(evidence, Answer::SynAck);
    let mut verdict = Verdict::new(
        VerdictId::AnsweredByStranger,
        Segment::Unknown,
        if foreign {
            Confidence::High
        } else {
            Confidence::Medium
        },
        format!("{target} is answered by something that is not the echo server: {who}"),
    )
    .next(next(evidence, foreign, place.as_ref()));
    if let Some(certificate) = foreign_certificate {
        verdict = verdict.because(format!(
            "it presented a certificate {}",
            certificate.described()
        ));
        if !foreign {
            // No bytes came inside TLS, so the device that presented the certificate may have the echo server behind
            // it.
            verdict = verdict.unless(Alternative::OpensTls);
        }
    }
    verdict.evidence.extend(quoted(evidence));
    if is_on_the_way(evidence) {
        verdict.segment = Segment::PATH;
        verdict = verdict.because(
            "the server has accepted the connection of this probe, so the device that answered in \
             its place is on the way to it",
        );
    }
    if let Some(place) = place {
        verdict.segment = place.segment;
        verdict.evidence.push(place.fact);
    }
    verdict
        .evidence
        .extend(translated(evidence).map(|place| place.fact));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

/// Returns whether the server accepted this same connection.
fn is_on_the_way(evidence: &Evidence<'_>) -> bool {
    let one = evidence.sighting();
    one.is_some_and(|sighting| sighting.end != SightingEnd::HalfOpen)
}

fn next(evidence: &Evidence<'_>, foreign: bool, place: Option<&Place>) -> String {
    let target = evidence.target();
    if let Some(whom) = place.and_then(|place| place.whom.as_deref()) {
        return format!(
            "ask {whom} which device there answers {} in the server's place (web filter, proxy, \
             portal, port-forwarding rule), and to let it pass to the server",
            evidence.flow()
        );
    }
    if is_on_the_way(evidence) {
        return format!(
            "ask the firewall team which device answers {} in the server's place (web filter, \
             inspection, portal), and to let it pass to the server untouched",
            evidence.flow()
        );
    }
    if evidence.nobody_listens() && foreign {
        let port = evidence.probe.port_dialled();
        return format!(
            "the server says that it does not listen on port {port}: on its host, find out what \
             holds that port (`ss -ltnp 'sport = :{port}'`); if nothing does, ask the firewall \
             team which device (captive portal, port-forwarding rule) answers for {target}; then \
             start fwprobe-echo with `--port {port}` and run again"
        );
    }
    // If only the certificate is wrong, it may be the echo server's new one.
    let renewed = if foreign {
        ""
    } else {
        " (after a change of its identity, clients need a new connection string)"
    };
    format!(
        "check with the server's admin that {target} is the echo server's address and that no \
         other service holds that port there{renewed}; if it is right, ask the firewall and \
         network teams which device answers {} in the server's place (captive portal, web filter, \
         port-forwarding rule), and to let it pass to the server",
        evidence.flow()
    )
}

fn who(evidence: &Evidence<'_>) -> String {
    match evidence.fault() {
        Some(Fault::ForeignBytes(foreign)) => speaker(foreign),
        Some(Fault::PrefaceRefused { refusal, .. }) => refuser(refusal),
        Some(Fault::NonceMismatch) => {
            "a replayed answer, which belongs to a different greeting".to_owned()
        }
        Some(Fault::TooLong { limit }) => {
            format!("a sender that does not stop (over {limit} bytes)")
        }
        _ => match &evidence.probe.certificate {
            Some(certificate) => format!(
                "a TLS service with the certificate of {}",
                certificate
                    .subject
                    .as_deref()
                    .unwrap_or("an unreadable name")
            ),
            None => "bytes that are not of its protocol".to_owned(),
        },
    }
}

fn speaker(foreign: &ForeignBytes) -> String {
    match &foreign.recognised {
        Some(Recognised::OwnBytes) => "a plain echo service, which returns what it gets".to_owned(),
        Some(Recognised::HttpResponse(http)) => web_server(http),
        Some(Recognised::TlsAlert { description, .. }) => {
            format!("a TLS service (alert {description})")
        }
        Some(Recognised::TlsHandshake) => "a TLS service".to_owned(),
        Some(Recognised::SshBanner { line }) => format!("an SSH server ({line})"),
        Some(Recognised::SmtpBanner { line }) => format!("a mail server ({line})"),
        Some(Recognised::RdpNegotiationFailure { code }) => {
            format!("an RDP server that refuses TLS (code {code})")
        }
        Some(Recognised::NetTcpFault { uri }) => format!("a net.tcp service ({uri})"),
        None if foreign.spoke_first => "a service that speaks first".to_owned(),
        None => "a service of another protocol".to_owned(),
    }
}

fn web_server(http: &HttpStranger) -> String {
    let mut text = format!("a web server ({}", http.status_line);
    for (name, value) in [
        ("Server", &http.server),
        ("Via", &http.via),
        ("Location", &http.location),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("; {name}: {value}"));
        }
    }
    text.push(')');
    text
}

fn refuser(refusal: &PrefaceRefusal) -> String {
    match refusal {
        PrefaceRefusal::RdpNegotiationFailure { code } => {
            format!("an RDP server that refuses TLS (code {code})")
        }
        PrefaceRefusal::RdpProtocol { selected } => {
            format!("an RDP server that chose another protocol ({selected})")
        }
        PrefaceRefusal::RdpWithoutNegotiation => {
            "an RDP server that supports only standard security".to_owned()
        }
        PrefaceRefusal::NetTcpFault { uri } => format!("a net.tcp service ({uri})"),
    }
}

fn quoted(evidence: &Evidence<'_>) -> Option<String> {
    let fault = evidence.fault()?;
    let (Fault::ForeignBytes(ForeignBytes { quoted, .. }) | Fault::PrefaceRefused { quoted, .. }) =
        fault
    else {
        return None;
    };
    let short: String = quoted.text.chars().take(MAX_SHOWN).collect();
    Some(format!("it said: {short}"))
}

/// The maximum number of characters to quote; the JSON report contains more.
const MAX_SHOWN: usize = 120;

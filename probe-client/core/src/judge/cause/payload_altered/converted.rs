//! `payload-altered` for a session that was converted on the way: the session that arrived is not of the kind that was
//! sent, although a device kept the dialogue in it whole.

use crate::catalogue::VerdictId;
use crate::judge::cause::tls_intercepted;
use crate::judge::ending::testimony;
use crate::judge::evidence::Evidence;
use crate::judge::place::{Answer, Place};
use crate::measurement::{Departure, Respect};
use crate::session::TlsParameter;
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let testimony = testimony(evidence.probe)?;
    if tls_intercepted::is_opened(evidence.probe) {
        return None;
    }
    let kind = evidence.session()?.kind;
    let departures = evidence.probe.departures();
    let told: Vec<String> = departures
        .iter()
        .filter_map(|d| converted(kind, d))
        .collect();
    if told.is_empty() {
        return None;
    }
    let (target, told) = (evidence.target(), told.join("; "));
    let place = Place::of_nearer(evidence, Answer::SynAck);
    let (segment, fact) = place.map_or((Segment::PATH, None), |p| (p.segment, Some(p.fact)));
    let mut verdict = Verdict::new(
        VerdictId::PayloadAltered,
        segment,
        Confidence::High,
        format!("the session with {target} was converted on the way: {told}"),
    )
    .because(format!(
        "the server ({}) testifies what reached it, under a MAC that no device can make; this side \
         sent {}",
        testimony.instance,
        described(kind)
    ))
    .next(format!(
        "ask the team that runs load balancers, TLS offload, gateways and proxies on the way which \
         rule ends {} and opens another session to the server ({told}), and to have it pass the \
         bytes of this flow through unchanged",
        evidence.flow()
    ));
    verdict.evidence.extend(fact);
    verdict.evidence.extend(evidence.proxy().map(|proxy| {
        format!(
            "the path leads through {proxy}: either this proxy or a device before or after it \
             converts the session"
        )
    }));
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

/// Returns in words what the departure says about the session's shape. `None` for departures of TLS and of the port,
/// which have verdicts of their own.
fn converted(kind: SessionKind, departure: &Departure) -> Option<String> {
    let sent = described(kind);
    let what = match departure.respect {
        Respect::Port { reached: Some(_) }
        | Respect::TlsLost
        | Respect::Exporter
        | Respect::Certificate
        // A preface that was altered at a known offset has a verdict of its own.
        | Respect::PrefaceAltered => return None,
        Respect::Port { reached: None } => "the server does not say on which port it arrived".to_owned(),
        Respect::Kind { arrived: Some(arrived) } => {
            format!("sent as {sent}, arrived as {}", described(arrived))
        }
        Respect::Kind { arrived: None } => {
            format!("sent as {sent}, arrived as a kind that this version does not know")
        }
        Respect::PrefaceLost => "the negotiation before TLS did not arrive".to_owned(),
        Respect::PrefaceAdded => "a negotiation arrived that was not sent".to_owned(),
        Respect::HeadLost => "the head of an HTTP request did not arrive".to_owned(),
        Respect::HeadAdded => "the head of an HTTP request arrived that was not sent".to_owned(),
        Respect::ExporterUntold => {
            "the server does not say which keying material it has".to_owned()
        }
        Respect::TlsAdded => "sent in clear text, arrived inside TLS".to_owned(),
        Respect::ClientHello => "the ClientHello that arrived is not the one that was sent".to_owned(),
        Respect::Parameter(parameter) => format!("TLS arrived with a different {}", named(parameter)),
    };
    Some(if departure.later {
        format!("a later HTTP request: {what}")
    } else {
        what
    })
}

fn described(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Tcp => "plain tcp",
        SessionKind::Tls => "tls",
        SessionKind::Http => "plain http",
        SessionKind::Https => "https",
        SessionKind::Rdp => "rdp (X.224 negotiation, then TLS)",
        SessionKind::Nettcp => "nettcp (net.tcp preamble, then TLS)",
    }
}

fn named(parameter: TlsParameter) -> &'static str {
    match parameter {
        TlsParameter::Version => "version",
        TlsParameter::CipherSuite => "cipher suite",
        TlsParameter::Group => "key exchange group",
        TlsParameter::ServerName => "server name",
        TlsParameter::Alpn => "application protocol (ALPN)",
        TlsParameter::ClientCertificate => "client certificate",
    }
}

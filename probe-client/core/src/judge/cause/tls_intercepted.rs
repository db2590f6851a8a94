//! `tls-intercepted`: TLS is terminated on the way, whether or not it is relayed to the server.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use super::super::place::{Answer, Place};
use super::super::reopened;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, PresentedCertificate, Respect};
use crate::profile::Port;
use crate::session::Agreement;
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Segment, Verdict};

/// Returns the verdict if the genuine server testified, but about a TLS session other than the one that this end has.
pub(super) fn relayed(evidence: &Evidence<'_>) -> Option<Verdict> {
    testimony(evidence.probe)?;
    let certificate = evidence.probe.certificate.as_ref();
    let why = difference(evidence.probe)?;
    let (verdict, whom) = opened(evidence, "relayed onward to the server", certificate);
    let verdict = verdict.because(why).because(
        "the server's testimony did come back, so the device that decrypts the session \
                  also relays it to the server",
    );
    Some(with_next_step(verdict, evidence, whom))
}

/// Returns the verdict if there is no testimony, but a certificate for a name that was made up for the test.
pub(super) fn minted(evidence: &Evidence<'_>) -> Option<Verdict> {
    let forging_test = evidence
        .probe
        .forging_test
        .as_ref()
        .filter(|m| m.minted())?;
    let certificate = forging_test.certificate.as_ref();
    let (verdict, whom) = opened(evidence, "not relayed to the server", certificate);
    let verdict = verdict.because(format!(
        "asked for the made-up name {}, the same port presented a certificate for it",
        forging_test.name_asked
    ));
    Some(with_next_step(verdict, evidence, whom))
}

/// Returns the verdict, and the team to ask if it is known. The verdict says where TLS is opened. It blames a proxy's
/// path only if another path shows the same port without interception.
fn opened(
    evidence: &Evidence<'_>,
    then: &str,
    certificate: Option<&PresentedCertificate>,
) -> (Verdict, Option<String>) {
    let mut whom = None;
    let (segment, place, why) = match (evidence.proxy(), whole_elsewhere(evidence)) {
        (None, _) => match placed(evidence) {
            Some((place, words)) => {
                whom = place.whom;
                (place.segment, words, Some(place.fact))
            }
            None => (Segment::PATH, "on the way".to_owned(), None),
        },
        (Some(proxy), Some(other)) => (
            Segment::Proxy,
            format!("on the path through {proxy}"),
            Some(format!(
                "over the path {} the same port shows the server's own TLS session, so TLS \
                 is decrypted by the proxy, by a device on the way to it, or by one between it and \
                 the server",
                other.path
            )),
        ),
        (Some(proxy), None) => (
            Segment::PATH,
            "on the way".to_owned(),
            Some(format!(
                "no other path of this run shows the port without decryption, so it may be \
                 {proxy}, or a device before or behind it"
            )),
        ),
    };
    let (target, by) = (evidence.target(), by(certificate));
    let claim = format!("TLS to {target} is decrypted {place} and {then}{by}");
    let mut verdict = Verdict::new(VerdictId::TlsIntercepted, segment, Confidence::High, claim);
    verdict.evidence.extend(why);
    // Only the issuer of the certificate would show that the proxy itself opens TLS.
    let beside = (verdict.segment == Segment::Proxy).then_some(Alternative::BeforeTheProxy);
    (verdict.unless_all(beside), whom)
}

/// Returns the place where the handshake is answered, or else where the connection was likely opened anew, and the
/// words for it.
fn placed(evidence: &Evidence<'_>) -> Option<(Place, String)> {
    let answered = Place::of_nearer(evidence, Answer::SynAck);
    let answered = answered.and_then(|place| {
        let words = format!("on the way, {},", place.words.as_deref()?);
        Some((place, words))
    });
    answered.or_else(|| {
        let place = reopened::place(evidence)?;
        let words = format!("most likely {},", place.words.as_deref()?);
        Some((place, words))
    })
}

/// Returns the measurement of the same rule over another path, if its TLS session was the same at both ends.
fn whole_elsewhere<'a>(evidence: &Evidence<'a>) -> Option<&'a Measurement> {
    let mut same_rule = evidence
        .other_paths()
        .filter(|m| m.rule.id == evidence.probe.rule.id);
    let whole = |m: &&Measurement| testimony(m).is_some() && difference(m).is_none();
    same_rule.find(whole)
}

/// Returns a port of the same server, over the same path, whose TLS is decrypted on the way. If there are several, the
/// probe's own port is preferred.
pub(in crate::judge::cause) fn decrypted_port(evidence: &Evidence<'_>) -> Option<Port> {
    let minted = |m: &Measurement| m.forging_test.as_ref().is_some_and(|test| test.minted());
    let decrypted = evidence.same_server.iter();
    let decrypted = decrypted.filter(|m| minted(m) || is_opened(m));
    let ports = decrypted.map(|m| m.rule.port);
    let own = evidence.probe.rule.port;
    ports.min_by_key(|port| *port != own)
}

/// Returns whether the two ends are not in the same TLS session, which explains every other departure.
pub(in crate::judge::cause) fn is_opened(probe: &Measurement) -> bool {
    difference(probe).is_some()
}

/// Returns how the two ends' TLS sessions differ. `None` if they are one session, or if this end has none.
fn difference(probe: &Measurement) -> Option<String> {
    // If both ends are in one session, no device is in between, even if the certificate is another one.
    let one_session = testimony(probe)?
        .tls
        .as_ref()
        .is_some_and(|tls| tls.exporter == Agreement::Same);
    let departures = probe.departures();
    let departs = |respect| departures.iter().find(|d| d.respect == respect);
    if let Some(lost) = departs(Respect::TlsLost) {
        return Some(if lost.later {
            "this end has a TLS session, but the server received a later request as plain bytes"
                .to_owned()
        } else {
            "this end has a TLS session, but the server received plain bytes".to_owned()
        });
    }
    if departs(Respect::Exporter).is_some() {
        return Some(
            "the two ends derive different keying material (RFC 9266), so they are not in \
                     the same TLS session"
                .to_owned(),
        );
    }
    if one_session {
        return None;
    }
    if departs(Respect::Certificate).is_some() {
        let certificate = probe.certificate.as_ref();
        let subject = certificate
            .and_then(|c| c.subject.as_deref())
            .unwrap_or("an unreadable name");
        return Some(format!(
            "the certificate presented is that of {subject}, not the server's"
        ));
    }
    departs(Respect::ClientHello)
        .map(|_| "the ClientHello that reached the server is not the one that was sent".to_owned())
}

fn by(certificate: Option<&PresentedCertificate>) -> String {
    match certificate.and_then(|c| c.issuer.as_deref()) {
        Some(issuer) => format!("; the certificate shown was issued by {issuer}"),
        None => String::new(),
    }
}

fn with_next_step(verdict: Verdict, evidence: &Evidence<'_>, whom: Option<String>) -> Verdict {
    let team = match (&verdict.segment, evidence.proxy(), whom) {
        (Segment::Proxy, Some(proxy), _) => {
            format!("the team that runs {proxy} or TLS inspection on the way to it")
        }
        (_, _, Some(whom)) => format!("the team that runs TLS inspection, and {whom},"),
        _ => "the team that runs TLS inspection".to_owned(),
    };
    let why = match evidence.probe.session_kind() {
        SessionKind::Nettcp => {
            " (HPC Pack's own traffic there uses client certificates, which such a device cannot \
             present)"
        }
        SessionKind::Tcp
        | SessionKind::Tls
        | SessionKind::Http
        | SessionKind::Https
        | SessionKind::Rdp => "",
    };
    verdict.next(format!(
        "ask {team} to exempt {} from decryption{why}",
        evidence.flow()
    ))
}

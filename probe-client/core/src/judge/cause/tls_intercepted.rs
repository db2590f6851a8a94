//! `tls-intercepted`: TLS is terminated on the way, relayed onward or not.

use super::super::evidence::{Evidence, testimony};
use crate::catalogue::VerdictId;
use crate::measurement::PresentedCertificate;
use crate::session::{Agreement, Testimony};
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Segment, Verdict};

/// The genuine server testified, but about another TLS session than the one that this end has.
pub(super) fn relayed(evidence: &Evidence<'_>) -> Option<Verdict> {
    let testimony = testimony(evidence.probe)?;
    evidence.probe.session_kind().shape().tls?;
    let certificate = evidence.probe.certificate.as_ref();
    let why = difference(testimony, certificate)?;
    let verdict = Verdict::new(
        VerdictId::TlsIntercepted,
        Segment::PATH,
        Confidence::High,
        format!(
            "TLS to {} is opened on the way and relayed onward to the server{}",
            evidence.target(),
            by(certificate)
        ),
    )
    .because(why)
    .because("the server's testimony did come back, so what was opened is passed on");
    Some(with_next_step(verdict, evidence))
}

/// No testimony, but a certificate for a name that was made up for the test.
pub(super) fn minted(evidence: &Evidence<'_>) -> Option<Verdict> {
    let minting = evidence.probe.minting.as_ref().filter(|m| m.minted())?;
    let certificate = minting.certificate.as_ref();
    let verdict = Verdict::new(
        VerdictId::TlsIntercepted,
        Segment::PATH,
        Confidence::High,
        format!(
            "TLS to {} is opened on the way and not relayed to the server{}",
            evidence.target(),
            by(certificate)
        ),
    )
    .because(format!(
        "asked for the made-up name {}, the same port presented a certificate for it",
        minting.name_asked
    ));
    Some(with_next_step(verdict, evidence))
}

/// How the two ends' TLS sessions differ; absent where they are one.
fn difference(testimony: &Testimony, certificate: Option<&PresentedCertificate>) -> Option<String> {
    let Some(tls) = &testimony.tls else {
        return Some("this end has a TLS session, but the server received plain bytes".to_owned());
    };
    if tls.exporter == Agreement::Different {
        return Some("the two ends derive different keying material (RFC 9266), so they are not in the same TLS session".to_owned());
    }
    // The same session at both ends: whatever the certificate says, nobody is in between.
    if tls.exporter == Agreement::Same {
        return None;
    }
    if let Some(certificate) = certificate.filter(|c| !c.pinned) {
        let subject = certificate
            .subject
            .as_deref()
            .unwrap_or("an unreadable name");
        return Some(format!(
            "the certificate presented is that of {subject}, not the server's"
        ));
    }
    (tls.client_hello == Agreement::Different)
        .then(|| "the ClientHello that reached the server is not the one that was sent".to_owned())
}

fn by(certificate: Option<&PresentedCertificate>) -> String {
    match certificate.and_then(|c| c.issuer.as_deref()) {
        Some(issuer) => format!("; the certificate shown was issued by {issuer}"),
        None => String::new(),
    }
}

fn with_next_step(verdict: Verdict, evidence: &Evidence<'_>) -> Verdict {
    let target = evidence.target();
    let why = match evidence.probe.session_kind() {
        SessionKind::Nettcp => {
            " (HPC Pack's own traffic there uses client certificates, which such a device cannot present)"
        }
        SessionKind::Tcp
        | SessionKind::Tls
        | SessionKind::Http
        | SessionKind::Https
        | SessionKind::Rdp => "",
    };
    verdict.next(format!(
        "ask the team that runs TLS inspection to exempt {target} from decryption{why}"
    ))
}

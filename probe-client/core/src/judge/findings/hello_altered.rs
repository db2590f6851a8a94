//! `tls-hello-altered`: the handshake failed, and the ClientHello that reached the server is not the one
//! that was sent.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::observation::Operation;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let (Ending::NoData(Operation::TlsHandshake, _) | Ending::Foreign(Operation::TlsHandshake, _)) =
        evidence.ending()
    else {
        return None;
    };
    let sighting = evidence.sighting()?;
    let preface = evidence.probe.session_kind().shape().preface.is_some();
    let detail = match (sighting.client_hello_unaltered, sighting.altered_within) {
        (Some(false), _) => "its digest there is a different one".to_owned(),
        // If a preface was sent before the ClientHello, a device may have altered the preface instead.
        (None, Some(within)) if !preface => {
            format!("it differs within its first {within} bytes")
        }
        (_, _) => return None,
    };
    Some(
        Finding::new(
            FindingId::TlsHelloAltered,
            "the ClientHello that reached the server is not the one that was sent",
        )
        .with_detail(format!("{}: {detail}", evidence.target())),
    )
}

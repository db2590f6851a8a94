//! `application-ignores-proxy`: the path through the proxy works, but the program that the rule is for does not use it.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::session_kind::SessionKind;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let proxy = evidence.proxy()?;
    testimony(evidence.probe)?;
    (evidence.probe.session_kind() == SessionKind::Nettcp).then(|| {
        Finding::new(
            FindingId::ApplicationIgnoresProxy,
            format!(
                "{proxy} leads to the server, but HPC Pack's own net.tcp takes no proxy \
                 (unconfirmed): it needs a direct rule or NAT, or NettcpOver443=False where that \
                 exists, which makes it HTTPS"
            ),
        )
    })
}

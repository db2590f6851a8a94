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
                "{proxy} leads to the server, but that does not help HPC Pack, whose net.tcp takes \
                 no proxy (unconfirmed): test these ports with `--via direct`, and if they fail, \
                 ask the firewall team to allow TCP from {} to {} on them; or have HPC Pack use \
                 HTTPS (NettcpOver443=False, where that exists)",
                evidence.client(),
                evidence.server_named()
            ),
        )
    })
}

//! `proxy-password-in-clear`: a password was sent to the proxy in clear.

use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::path::ProxyScheme;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let proxy = evidence.proxy()?;
    let tried = &evidence.probe.proxy.as_ref()?.authentication.tried;
    let bare = tried.iter().find(|scheme| {
        ["Basic", "username/password"]
            .iter()
            .any(|bare| scheme.eq_ignore_ascii_case(bare))
    })?;
    (proxy.scheme != ProxyScheme::Https).then(|| {
        Finding::new(
            FindingId::ProxyPasswordInClear,
            format!(
                "user name and password went to {proxy} by {bare} without TLS: everybody on the \
                 way between this host and the proxy could read them"
            ),
        )
    })
}

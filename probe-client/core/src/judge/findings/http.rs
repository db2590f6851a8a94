//! `http-head-altered` and `transparent-http-proxy`: devices that speak HTTP themselves.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::session::{HeadComparison, HttpAccount};
use crate::verdict::Finding;

/// Reports that the request head did not arrive as it was sent.
pub(super) fn head(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    let HeadComparison::Different { at, .. } = evidence.session()?.request_head? else {
        return None;
    };
    Some(
        Finding::new(
            FindingId::HttpHeadAltered,
            "the head of the HTTP request arrived changed",
        )
        .with_detail(format!("from its byte {at} on")),
    )
}

/// Reports that the requests of one connection reached the server over several, or that responses did not arrive as the
/// server sent them.
pub(super) fn proxy(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    let http = evidence.session()?.http.as_ref()?;
    if http.is_undisturbed() {
        return None;
    }
    Some(
        Finding::new(
            FindingId::TransparentHttpProxy,
            "a device that speaks HTTP is in between",
        )
        .with_detail(signs(http)),
    )
}

fn signs(http: &HttpAccount) -> String {
    let mut signs = Vec::new();
    if http.connection_ids.len() > 1 {
        signs.push(format!(
            "one connection's requests reached the server over {} connections",
            http.connection_ids.len()
        ));
    }
    if http.instances.len() > 1 {
        signs.push(format!("and {} instances", http.instances.len()));
    }
    for header in &http.foreign_headers {
        signs.push(format!("{}: {}", header.name, header.value));
    }
    if signs.is_empty() {
        signs.push("response heads did not arrive as the server sends them".to_owned());
    }
    signs.join("; ")
}

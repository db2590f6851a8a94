//! `large-hello-blocked`: a ClientHello of post-quantum size fails, twice, where the small one passed.

use super::super::evidence::Evidence;
use super::super::hello::{self, Fate};
use crate::catalogue::FindingId;
use crate::comparison::Variation;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let fate = hello::twice(evidence, Variation::InHelloSize)?;
    let Fate::Lost { how, bytes } = fate else {
        return None;
    };
    Some(
        Finding::new(
            FindingId::LargeHelloBlocked,
            "a ClientHello of post-quantum size does not get through where a small one does",
        )
        .with_detail(format!(
            "{}: {how}, twice, with {bytes} bytes sent",
            evidence.target()
        )),
    )
}

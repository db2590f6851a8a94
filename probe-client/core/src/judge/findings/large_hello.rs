//! `large-hello-blocked`: a ClientHello of post-quantum size fails each time, although a small ClientHello passes.

use super::super::evidence::Evidence;
use super::super::hello::{self, Fate};
use crate::catalogue::FindingId;
use crate::measurement::Variation;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let (fate, times) = hello::each_time(evidence, Variation::InHelloSize)?;
    let Fate::Lost { how, bytes } = fate else {
        return None;
    };
    Some(
        Finding::new(
            FindingId::LargeHelloBlocked,
            "a ClientHello of post-quantum size does not get through where a small one does",
        )
        .with_detail(format!(
            "{}: {how}, {times} times, with {bytes} bytes sent",
            evidence.target()
        )),
    )
}

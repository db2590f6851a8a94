//! The kinds of segments as words.

use probe_core::verdict::Segment;

/// Returns the name of the segment's kind; `none` if there is nothing to blame.
pub(super) const fn segment_name(segment: &Segment) -> &'static str {
    match segment {
        Segment::None => "none",
        Segment::ThisHost => "this-host",
        Segment::NearNetwork => "near-network",
        Segment::Path { .. } => "path",
        Segment::CloudEdge => "cloud-edge",
        Segment::ServerHost => "server-host",
        Segment::Proxy => "proxy",
        Segment::Unknown => "unknown",
    }
}
